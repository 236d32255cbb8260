"""Features that pytest-bdd would run with something lost: each loss is a problem with its line; nothing is raised."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases_of_features import PROJECT, STAGE, VOCABULARY

from gonogo.gherkin.reader import read_feature, scenarios_of
from gonogo.run.planning import Planner

TOP = "@t\nFeature: f\n"
ONE = "  Scenario: [A-1] one\n    Given all messages of this run\n    Then no escalation gets an automatic reply\n"
TWO = ONE.replace("A-1", "A-2")

# What a file holds; then line and part of the text of each problem.
BROKEN = {
    "empty": ("", [(0, "holds no Feature")]),
    "blank": ("\n \n", [(0, "holds no Feature")]),
    "comments only": ("# language: en\n# x\n", [(0, "holds no Feature")]),
    "plain text": ("hello\n", [(1, "stands before any Feature. Begin the file with 'Feature: …'")]),
    "no feature keyword": ("Scenario: [A-1] one\n", [(1, "stands before any Feature")]),
    "feature without scenarios": (f"{TOP}\n  Some words.\n", [(2, "a feature without scenarios checks nothing")]),
    "two features, one below the other": (f"{TOP}{ONE}Feature: g\n{TWO}", [(6, "a second Feature; a file holds one")]),
    "two features, the first without scenarios": (f"{TOP}Feature: g\n{ONE}", [(3, "is taken for a description")]),
    "misspelt scenario": (
        f"{TOP}{ONE.replace('Scenario', 'Scenaro')}{TWO}",
        [(3, "'Scenaro: [A-1] one'"), (4, "Given all"), (5, "Then no")],
    ),
    "misspelt scenario in a rule": (
        f"{TOP}  Rule: r\n{ONE.replace('Scenario', 'Scenaro')}",
        [(3, "a rule without scenarios"), (4, "Scenaro"), (5, "Given all"), (6, "Then no"), (2, "a feature without")],
    ),
    "misspelt first step": (
        f"{TOP}{ONE.replace('Given', 'Givne')}",
        [(4, "'Givne all messages of this run' is taken for a description and never run")],
    ),
    "misspelt later step": (
        f"{TOP}{ONE.replace('Then', 'Thne')}",
        [(5, "'Thne no escalation gets an automatic reply' is not allowed here")],
    ),
    "text above the first step": (
        f"{TOP}  Scenario: [A-1] one\n    Some words.\n    Given all messages of this run\n",
        [(4, "never run")],
    ),
    "steps above any scenario": (f"{TOP}  Given x\n{ONE}", [(3, "'Given x' is taken for a description and never run")]),
    "one name twice": (
        f"{TOP}{ONE}\n{ONE}",
        [(7, "scenario '[A-1] one' stands in line 3 already. Give it another name.")],
    ),
    "one name three times": (f"{TOP}{ONE}{ONE}{ONE}", [(6, "stands in line"), (9, "stands in line")]),
    "one name in two rules": (f"{TOP}  Rule: r\n{ONE}  Rule: s\n{ONE}", [(8, "stands in line 4 already")]),
    "one name twice in a rule": (f"{TOP}  Rule: r\n{ONE}{ONE}", [(7, "stands in line 4 already")]),
    "one name inside and outside a rule": (f"{TOP}{ONE}  Rule: s\n{ONE}", [(7, "stands in line 3 already")]),
    "outline without rows": (
        f"{TOP}{ONE.replace('Scenario', 'Scenario Outline')}",
        [(3, "a Scenario Outline; without rows")],
    ),
    "template, as outlines are called too": (
        f"{TOP}{ONE.replace('Scenario', 'Scenario Template')}",
        [(3, "a Scenario Outline")],
    ),
    "outline with rows": (
        f"{TOP}{ONE.replace('Scenario', 'Scenario Outline')}    Examples:\n      | x |\n      | 1 |\n",
        [(3, "a Scenario Outline")],
    ),
    "scenario with rows": (f"{TOP}{ONE}    Examples:\n      | x |\n      | 1 |\n", [(3, "a Scenario Outline")]),
    "outline in another language": (
        "# language: fr\nFonctionnalité: f\n  Plan du Scénario: [A-1] x\n    Soit y\n",
        [(3, "a Scenario Outline")],
    ),
    "unknown language": ("# language: xx\nFeature: f\n", [(1, "Language not supported: xx")]),
    "scenario without steps": (f"{TOP}  Scenario: [A-1] one\n{TWO}", [(3, "a scenario without steps checks nothing")]),
    "rule without scenarios": (f"{TOP}{ONE}  Rule: r\n", [(6, "a rule without scenarios checks nothing")]),
    "background without steps": (f"{TOP}  Background:\n{ONE}", [(3, "a background without steps")]),
    "two backgrounds": (
        f"{TOP}  Background:\n    Given x\n  Background:\n    Given y\n{ONE}",
        [(5, "a Background stands once")],
    ),
    "first step continues nothing": (
        f"{TOP}{ONE.replace('Given', 'And')}{TWO.replace('Given', '*')}",
        [(4, "the first step is 'And'"), (7, "the first step is '*'")],
    ),
    "table under a step": (f"{TOP}{ONE}      | a |\n", [(5, "a table under a step is never read")]),
    "uneven table": (f"{TOP}{ONE}      | a |\n      | a | b |\n", [(7, "inconsistent cell count")]),
    "text that never ends": (f'{TOP}{ONE}      """\n      x\n', [(8, "the file ends inside a text")]),
    "tag with a blank": (f"@a b\n{TOP}{ONE}", [(1, "A tag may not contain whitespace. Correct it.")]),
    "tags above nothing": (f"{TOP}{ONE}  @x\n", [(7, "the file ends where a scenario is due")]),
    "several errors of syntax": (
        f"{TOP}{ONE}  what\n  is\n  this\n",
        [(6, "'what' is not"), (7, "'is' is not"), (8, "'this' is not")],
    ),
    "NUL": ("\x00", [(1, "stands before any Feature")]),
}


@pytest.mark.parametrize(("content", "expected"), BROKEN.values(), ids=BROKEN)
def test_broken_feature(tmp_path: Path, content: str, expected: list[tuple[int, str]]) -> None:
    path = tmp_path / "x.feature"
    path.write_text(content)
    _, problems = read_feature(path, "x.feature")
    wanted = dict(expected)
    assert sorted(problem.line for problem in problems) == sorted(wanted), list(map(str, problems))
    for problem in problems:
        assert wanted[problem.line] in problem.text
        assert problem.file == "x.feature"
        assert str(tmp_path) not in str(problem)
        assert "\n" not in str(problem)


@pytest.mark.parametrize(
    "content",
    [
        f"{TOP}{ONE}",
        f"{TOP}  Words about it.\n\n{ONE}\n{TWO}",
        f"{TOP}  Rule: r\n    Words: none.\n{ONE}".replace("Words: none", "Words"),
        f"{TOP}  Background:\n    Given all messages of this run\n{ONE}",
    ],
)
def test_sound_feature_has_no_problems(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.feature"
    for text in (content, content.replace("\n", "\r\n")):
        path.write_bytes(text.encode())
        feature, problems = read_feature(path, "x.feature")
        assert feature is not None
        assert not problems


def test_unreadable_files_are_problems(tmp_path: Path) -> None:
    path = tmp_path / "x.feature"
    for place in (path, tmp_path):
        feature, problems = read_feature(place, "x.feature")
        assert feature is None
        assert "cannot be read" in str(problems[0])
    path.write_bytes(f"{TOP}{ONE}".encode() + b"    # caf\xe9\n")
    assert [str(problem) for problem in read_feature(path, "x.feature")[1]] == [
        "x.feature:6: byte 0xe9 is not UTF-8. Save the file as UTF-8."
    ]
    path.write_bytes(b"\xef\xbb\xbf" + f"{TOP}{ONE}".encode())
    assert "x.feature:1: starts with a byte order mark" in str(read_feature(path, "x.feature")[1][0])
    path.write_bytes(f"{TOP}{ONE}".encode("utf-16"))
    assert "x.feature:1: byte 0xff is not UTF-8" in str(read_feature(path, "x.feature")[1][0])


def test_scenarios_have_background_steps_and_all_tags(tmp_path: Path) -> None:
    path = tmp_path / "x.feature"
    path.write_text(f"{TOP}  Background:\n    Given all messages of this run\n  @r\n  Rule: r\n  @s\n{ONE}")
    feature, problems = read_feature(path, "x.feature")
    assert feature is not None
    assert not problems
    (scenario,) = scenarios_of(feature, "x.feature")
    assert scenario.tags == ("r", "s", "t")
    assert [(step.type, step.line) for step in scenario.steps] == [("given", 4), ("given", 9), ("then", 10)]
    assert (scenario.id, scenario.file, scenario.line) == ("A-1", "x.feature", 8)


class TestPlanned:
    """What only the definitions of steps can tell is told with the same places."""

    def plan(self, folder: Path, *contents: str) -> list[str]:
        planner = Planner(STAGE, VOCABULARY, {})
        found = []
        for at, content in enumerate(contents):
            path = folder / f"f{at}.feature"
            path.write_text(content)
            feature, problems = read_feature(path, path.name)
            assert feature is not None
            found += problems
            planner.plan_all(scenarios_of(feature, path.name))
        return [str(problem) for problem in [*found, *planner.problems]]

    def test_sound(self, tmp_path: Path) -> None:
        assert self.plan(tmp_path, f"{TOP}{ONE}", f"{TOP}{TWO}") == []

    def test_undefined_step(self, tmp_path: Path) -> None:
        (problem,) = self.plan(tmp_path, f"{TOP}{ONE.replace('gets an', 'gets any')}")
        assert problem.startswith("f0.feature:5: step 'no escalation gets any automatic reply' is not defined")
        assert "Did you mean 'no escalation gets an automatic reply'?" in problem

    def test_scenario_without_id(self, tmp_path: Path) -> None:
        (problem,) = self.plan(tmp_path, f"{TOP}{ONE.replace('[A-1] ', '')}")
        assert problem.startswith("f0.feature:3: scenario 'one' has no id.")

    def test_one_id_in_two_files(self, tmp_path: Path) -> None:
        (problem,) = self.plan(tmp_path, f"{TOP}{ONE}", f"{TOP}{ONE.replace('A-1] one', 'a-1] two')}")
        assert problem.startswith("f1.feature:3: id a-1 is at f0.feature:3 already.")

    def test_two_steps_of_one_check(self, tmp_path: Path) -> None:
        last = ONE.splitlines()[-1]
        (problem,) = self.plan(tmp_path, f"{TOP}{ONE}{last}\n")
        assert problem.startswith("f0.feature:3: A-1/")
        assert "is checked by two steps" in problem

    def test_scenario_without_a_check(self, tmp_path: Path) -> None:
        (problem,) = self.plan(tmp_path, f"{TOP}{ONE[: ONE.index('    Then')]}")
        assert "f0.feature:3: A-1 has no Then step" in problem


def test_committed_features_have_no_problems() -> None:
    for system in PROJECT.systems:
        for path in PROJECT.features_of(system).glob("*.feature"):
            assert read_feature(path, path.name)[1] == []
