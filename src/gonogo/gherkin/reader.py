"""Feature files → scenarios through pytest-bdd's own parser, refusing what it would lose."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from gherkin.dialect import Dialect
from gherkin.errors import CompositeParserException
from pytest_bdd.exceptions import GherkinParseError
from pytest_bdd.gherkin_parser import GherkinDocument
from pytest_bdd.parser import Background, Feature, FeatureParser, ScenarioTemplate
from pytest_bdd.parser import Step as ParsedStep

from gonogo.errors import Problem
from gonogo.gherkin.scenario import Scenario, Step

_BOM = b"\xef\xbb\xbf"
_SYNTAX = re.compile(r"expected: (?P<expected>.*), got '(?P<got>.*)'\Z", re.DOTALL)
# What a line of a description must not look like: a keyword, misspelt (`Scenaro:`) or out of place.
_KEYWORD = re.compile(r"(?i)(given|when|then|and|but)\b|\*|[^\W\d_]+( outline| template)?:|[@|]|\"\"\"|```")
_ANYTHING = re.compile("")
_STEP_WORDS = ("Given ", "When ", "Then ", "And ", "But ", "* ")


class _StrictParser(FeatureParser):
    """pytest-bdd keeps scenarios by name, so a second one of a name silently replaces the first."""

    def __init__(self, path: Path, name: str, lines: list[str]) -> None:
        super().__init__(str(path.parent), path.name)
        self.name = name
        self.lines = lines
        self.problems: list[Problem] = []

    def report(self, line: int, text: str) -> None:
        self.problems.append(Problem(self.name, line, "", text))

    def check_description(self, data: Any, lost: re.Pattern[str]) -> None:
        """Report lines that Gherkin takes for a description although their writer meant more."""
        line = data.location.line
        for text in filter(None, map(str.strip, data.description.split("\n"))):
            line = next((at for at in range(line, len(self.lines)) if self.lines[at].strip() == text), line - 1) + 1
            if lost.match(text):
                what = "is taken for a description and never run. Correct its keyword, or make it a comment with '#'."
                self.report(line, f"{text[:80]!r} {what}")

    def parse_steps(self, steps_data: Any) -> list[ParsedStep]:
        """Return parsed steps; reports a first step that continues nothing, and tables, which no step takes."""
        for step in steps_data:
            if step.datatable is not None:
                self.report(step.location.line, "a table under a step is never read. Write it into the steps.")
        try:
            return super().parse_steps(steps_data)
        except GherkinParseError as error:
            self.report(error.line, f"the first step is '{steps_data[0].keyword}'. Begin with Given, When or Then.")
            return []

    def parse_background(self, background_data: Any) -> Background:
        """Return a parsed background; reports one without steps."""
        self.check_description(background_data, _ANYTHING)
        if not background_data.steps:
            self.report(background_data.location.line, "a background without steps. Add steps, or remove it.")
        return super().parse_background(background_data)

    def _parse_and_add_rule(self, rule_data: Any, feature: Feature) -> None:
        self.check_description(rule_data, _KEYWORD)
        if not any(child.scenario for child in rule_data.children):
            self.report(rule_data.location.line, "a rule without scenarios checks nothing. Add some, or remove it.")
        super()._parse_and_add_rule(rule_data, feature)

    def parse_scenario(self, scenario_data: Any, feature: Feature, rule: Any = None) -> ScenarioTemplate:
        """Return a parsed scenario; reports a name that stands twice and every outline."""
        line = scenario_data.location.line
        self.check_description(scenario_data, _ANYTHING)
        first = feature.scenarios.get(scenario_data.name)
        if first is not None:
            seen = f"scenario {scenario_data.name[:80]!r} stands in line {first.line_number} already"
            self.report(line, f"{seen}. Give it another name.")
        dialect = Dialect.for_name(feature.language)
        if scenario_data.examples or (dialect and scenario_data.keyword in dialect.scenario_outline_keywords):
            what = "a Scenario Outline; without rows it would pass with its placeholders"
            self.report(line, f"{what}. Write a Scenario for each row.")
        if not scenario_data.steps:
            self.report(line, "a scenario without steps checks nothing. Add steps.")
        return super().parse_scenario(scenario_data, feature, rule)

    def _parse_feature_file(self) -> GherkinDocument:
        document = super()._parse_feature_file()
        self.check_description(document.feature, _KEYWORD)
        return document


def read_feature(path: Path, name: str) -> tuple[Feature | None, list[Problem]]:
    """Return pytest-bdd's feature and all problems of the file; `name` is what problems call it."""
    text, unreadable = _read_text(path, name)
    if unreadable:
        return None, unreadable
    parser = _StrictParser(path, name, text.split("\n"))
    try:
        feature = parser.parse()
    except GherkinParseError as error:
        return None, _explain_syntax(error, name)
    except Exception as error:  # noqa: BLE001 - the parser fails in many ways on text that is no feature
        what = str(error).splitlines()[0] if str(error) else "no reason given"
        return None, [Problem(name, 0, "", f"not Gherkin: {type(error).__name__}: {what}. Correct the file.")]
    if not feature.scenarios:
        parser.report(feature.line_number, "a feature without scenarios checks nothing. Add scenarios, or remove it.")
    return feature, parser.problems


def _read_text(path: Path, name: str) -> tuple[str, list[Problem]]:
    """Return the text of a file as the parser sees it, and what keeps it from being read at all."""
    try:
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return "", [Problem(name, 0, "", f"cannot be read: {why}. Name a feature file.")]
    if raw.startswith(_BOM):
        what = "starts with a byte order mark, which Gherkin does not know. Save it as UTF-8 without one."
        return "", [Problem(name, 1, "", what)]
    try:
        text = raw.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        seen = raw[error.start : error.start + 1].hex()
        return "", [Problem(name, line, "", f"byte 0x{seen} is not UTF-8. Save the file as UTF-8.")]
    if all(line.lstrip().startswith("#") or not line.strip() for line in text.split("\n")):
        return "", [Problem(name, 0, "", "holds no Feature. Write one, or remove the file.")]
    return text, []


def _explain_syntax(error: GherkinParseError, name: str) -> list[Problem]:
    """Return a problem for every error that the parser met, in the words of somebody who writes features."""
    cause = error.__cause__
    if not isinstance(cause, CompositeParserException):
        return [Problem(name, error.line or 0, "", f"not Gherkin: {error.message}")]
    problems: list[Problem] = []
    for found in cause.errors:
        text = str(found).partition("): ")[2]
        match = _SYNTAX.match(text)
        said = _explain_line(match["got"], match["expected"]) if match else _explain_end(text)
        line = int(found.location["line"])
        if not problems or problems[-1].line != line:  # the rest of a line follows from its first error
            problems.append(Problem(name, line, "", f"not Gherkin: {said}"))
    return problems


def _explain_end(text: str) -> str:
    if "end of file" not in text:
        return f"{text.rstrip('.')}. Correct it."
    if "DocStringSeparator" in text:
        return 'the file ends inside a text. Close the text with """.'
    return "the file ends where a scenario is due. Write it, or remove the tags above."


def _explain_line(got: str, expected: str) -> str:
    if got.startswith("Feature:"):
        return "a second Feature; a file holds one. Move it to a file of its own."
    if got.startswith(_STEP_WORDS):
        return f"a step {got!r} outside a scenario. Put a 'Scenario:' line above it."
    if got.startswith("Background:"):
        return "a Background stands once, before the scenarios. Move or remove it."
    if "FeatureLine" in expected:
        return f"{got[:80]!r} stands before any Feature. Begin the file with 'Feature: …'."
    return f"{got[:80]!r} is not allowed here. Begin a step with Given, When, Then, And, But; put texts between quotes."


def scenarios_of(feature: Feature, name: str) -> list[Scenario]:
    """Return the scenarios of a parsed feature, background steps included."""
    found = []
    for template in feature.scenarios.values():
        steps = tuple(
            Step(step.keyword, step.type, step.name, step.docstring, step.line_number) for step in template.steps
        )
        rule_tags = template.rule.tags if template.rule else set()
        tags = tuple(sorted(template.tags | feature.tags | rule_tags))
        found.append(Scenario(template.name, tags, steps, name, template.line_number))
    return found
