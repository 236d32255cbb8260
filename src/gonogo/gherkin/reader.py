"""Feature files → scenarios through pytest-bdd's own parser, refusing what it would lose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_bdd.exceptions import GherkinParseError
from pytest_bdd.parser import Feature, FeatureParser

from gonogo.errors import Problem
from gonogo.gherkin.scenario import Scenario, Step


class _StrictParser(FeatureParser):
    """pytest-bdd keeps scenarios by name, so a second one of a name silently replaces the first."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(str(path.parent), path.name)
        self.name = name
        self.problems: list[Problem] = []

    def parse_scenario(self, scenario_data: Any, feature: Feature, rule: Any = None) -> Any:
        """Return a parsed scenario; reports a name that stands twice and every outline."""
        line = scenario_data.location.line
        first = feature.scenarios.get(scenario_data.name)
        if first is not None:
            text = f"scenario {scenario_data.name!r} stands in line {first.line_number} already. Give it another name."
            self.problems.append(Problem(self.name, line, "", text))
        if scenario_data.examples or "outline" in scenario_data.keyword.casefold():
            text = "a Scenario Outline; without rows it would pass with its placeholders. Write a Scenario for each row."
            self.problems.append(Problem(self.name, line, "", text))
        if not scenario_data.steps:
            self.problems.append(Problem(self.name, line, "", "a scenario without steps checks nothing. Add steps."))
        parsed = super().parse_scenario(scenario_data, feature, rule)
        # A rule's scenarios are stored only after all of them are parsed; store at once so that none can hide another.
        feature.scenarios.setdefault(parsed.name, parsed)
        return parsed


def read_feature(path: Path, name: str) -> tuple[Feature | None, list[Problem]]:
    """Return pytest-bdd's feature and all problems of the file; `name` is what problems call it."""
    parser = _StrictParser(path, name)
    try:
        feature = parser.parse()
    except GherkinParseError as error:
        return None, [Problem(name, getattr(error, "line", 0) or 0, "", f"not Gherkin: {error.message}")]
    except (OSError, UnicodeDecodeError) as error:
        return None, [Problem(name, 0, "", f"cannot be read: {error}. Save it as UTF-8.")]
    except Exception as error:  # noqa: BLE001 - the parser fails in many ways on text that is no feature
        return None, [Problem(name, 0, "", f"not Gherkin: {type(error).__name__}: {error}. Correct the file.")]
    return feature, parser.problems


def scenarios_of(feature: Feature, name: str) -> list[Scenario]:
    """Return the scenarios of a parsed feature, background steps included."""
    found = []
    for template in feature.scenarios.values():
        steps = tuple(
            Step(step.keyword, step.type, step.name, step.docstring, step.line_number) for step in template.steps
        )
        tags = tuple(sorted(template.tags | feature.tags))
        found.append(Scenario(template.name, tags, steps, name, template.line_number))
    return found
