"""JUnit: valid whatever the text, counted as we count, and never green for what did not run."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations_with_replacement
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_data import HOSTILE, check

from gonogo.model.outcome import CheckResult, Outcome, SourceRef
from gonogo.reports.junit import render_junit

KIND = {
    Outcome.PASSED: None,
    Outcome.WARNED: None,
    Outcome.PENDING: ("failure", "pending"),
    Outcome.INCONCLUSIVE: ("error", "inconclusive"),
    Outcome.NOT_RUN: ("error", "not_run"),
    Outcome.ERROR: ("error", "error"),
    Outcome.FAILED: ("failure", "failed"),
}


def render(*results: CheckResult, titles: dict[str, str] | None = None, name: str = "gonogo.x") -> ElementTree.Element:
    text = render_junit(name, results, titles or {}, "2026-01-02T03:04:05+00:00", 1.5)
    return ElementTree.fromstring(text.encode("utf-8"))


def count_entries(root: ElementTree.Element) -> dict[str, str]:
    """Return the numbers as somebody else would count them from the entries."""
    entries = root.findall("testsuite/testcase")
    return {
        "tests": str(len(entries)),
        "failures": str(sum(entry.find("failure") is not None for entry in entries)),
        "errors": str(sum(entry.find("error") is not None for entry in entries)),
        "skipped": "0",
    }


def test_every_outcome_has_a_kind() -> None:
    assert set(KIND) == set(Outcome)


@pytest.mark.parametrize("outcome", Outcome)
def test_each_outcome_shows_as_what_it_is(outcome: Outcome) -> None:
    entry = render(check(outcome)).findall("testsuite/testcase")[0]

    if KIND[outcome] is None:
        assert list(entry) == []
        return
    assert [(child.tag, child.get("type")) for child in entry] == [KIND[outcome]]
    assert entry[0].get("message") == f"ST-001/intent: it {outcome.name.lower()}"
    assert "expected: expected" in (entry[0].text or "")


@pytest.mark.parametrize("outcomes", list(combinations_with_replacement(Outcome, 3)))
def test_the_numbers_are_those_of_the_entries(outcomes: tuple[Outcome, ...]) -> None:
    root = render(*(check(one, f"ST-{index}/intent") for index, one in enumerate(outcomes)))

    numbers = count_entries(root)
    suite = root.find("testsuite")
    assert suite is not None
    assert {name: root.get(name) for name in numbers} == numbers
    assert {name: suite.get(name) for name in numbers} == numbers
    assert numbers["tests"] == "3"
    assert int(numbers["failures"]) == sum(one in (Outcome.FAILED, Outcome.PENDING) for one in outcomes)
    assert int(numbers["errors"]) == sum(Outcome.INCONCLUSIVE <= one <= Outcome.ERROR for one in outcomes)


def test_a_scenario_is_one_entry_with_its_worst_check() -> None:
    results = [
        check(Outcome.PASSED, "ST-001/intent"),
        check(Outcome.INCONCLUSIVE, "ST-001/team", reason="no team"),
        check(Outcome.FAILED, "ST-001/tags", reason="tag missing", line=9),
        check(Outcome.WARNED, "ST-001/reply", reason="slow"),
        check(Outcome.ERROR, "ST-002/intent", part="stage"),
    ]

    root = render(*results, titles={"ST-001": "[ST-001] where is my order"})

    first, second = root.findall("testsuite/testcase")
    assert (first.get("name"), first.get("classname")) == ("[ST-001] where is my order", "gonogo.x")
    assert (first.get("file"), first.get("line")) == ("smoke_cases/smoke.csv", "9")
    assert first[0].tag == "failure"
    text = first[0].text or ""
    assert "ST-001/team INCONCLUSIVE: no team" in text
    assert "ST-001/tags FAILED: tag missing" in text
    assert "slow" not in text
    assert (second.get("name"), second[0].tag) == ("ST-002", "error")
    assert "ST-002/intent [stage] ERROR" in (second[0].text or "")


def test_nothing_at_all_is_an_error_and_not_an_empty_green_report() -> None:
    root = render()

    assert count_entries(root) == {"tests": "1", "failures": "0", "errors": "1", "skipped": "0"}
    assert root.get("errors") == "1"


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_leaves_the_xml_valid(kind: str) -> None:
    text = HOSTILE[kind]
    bad = replace(
        check(Outcome.FAILED, reason=text), case=text, check=text, expected=text, observed=text, part=text,
        source=SourceRef(text, 3),
    )  # fmt: skip

    root = render(bad, check(), titles={text: text}, name=text)

    assert count_entries(root) == {"tests": "2", "failures": "1", "errors": "0", "skipped": "0"}
    shown = root.findall("testsuite/testcase/failure")[0].text or ""
    assert len(shown) >= len(text)
    if kind in ("emoji", "cdata", "table", "megabyte"):
        assert shown.count(text) == 6


@given(st.text(st.characters(), max_size=30))
def test_any_text_leaves_the_xml_valid(text: str) -> None:
    root = render(check(Outcome.ERROR, reason=text))

    assert root.findall("testsuite/testcase/error")[0].get("type") == "error"


def test_time_and_timestamp_are_shown() -> None:
    suite = render(check()).find("testsuite")

    assert suite is not None
    assert (suite.get("time"), suite.get("timestamp")) == ("1.500", "2026-01-02T03:04:05+00:00")
