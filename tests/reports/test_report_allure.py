"""Allure results: every case has an entry, and nothing but PASSED and WARNED shows as passed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from report_data import HOSTILE, check

from gonogo.model.outcome import CheckClass, CheckResult, Outcome
from gonogo.reports.allure import AllureCase, write_allure_results
from gonogo.reports.severity import severity_of

LABELS = {"epic": "richpanel", "run": "run-1", "owner": ""}
AT_MS = 2000
CASE = AllureCase(
    "ST-001", "[ST-001] where is my order",
    (("Given a case", ""), ("Then the intent is x", "intent"), ("And the ticket carries y", "tags")),
    "smoke.feature", "tier1_automation", "1", "no reply (stage 1 has safe_mode=true)",
)  # fmt: skip
STATUS = {
    Outcome.PASSED: "passed",
    Outcome.WARNED: "passed",
    Outcome.PENDING: "broken",
    Outcome.INCONCLUSIVE: "broken",
    Outcome.NOT_RUN: "broken",
    Outcome.ERROR: "broken",
    Outcome.FAILED: "failed",
}


def write(folder: Path, *results: CheckResult, cases: tuple[AllureCase, ...] = (CASE,)) -> dict[str, dict[str, Any]]:
    """Write the results and return what was written by the case's id."""
    count = write_allure_results(folder, cases, results, LABELS, AT_MS)
    entries = [json.loads(path.read_bytes()) for path in folder.glob("*-result.json")]
    assert len(entries) == count
    return {entry["fullName"]: entry for entry in entries}


def test_every_outcome_has_a_status() -> None:
    assert set(STATUS) == set(Outcome)


@pytest.mark.parametrize("outcome", Outcome)
def test_nothing_but_passed_and_warned_shows_as_passed(tmp_path: Path, outcome: Outcome) -> None:
    entry = write(tmp_path, check(outcome), check(name="ST-001/tags"))["ST-001"]

    assert entry["status"] == STATUS[outcome]
    step = entry["steps"][1]
    assert (step["name"], step["status"]) == ("Then the intent is x", STATUS[outcome])
    bad = outcome > Outcome.WARNED
    assert ("it " in entry["statusDetails"]["message"]) == bad
    assert (f"it {outcome.name.lower()}" in step.get("statusDetails", {}).get("message", "")) == bad
    shown = [(one["name"], one["value"]) for one in step["parameters"]]
    assert shown == [("check", "ST-001/intent"), ("expected", "expected"), ("observed", "observed")]


def test_the_worst_check_colours_the_case(tmp_path: Path) -> None:
    entry = write(tmp_path, check(), check(Outcome.FAILED, "ST-001/tags"), check(Outcome.ERROR, "ST-001/x"))["ST-001"]

    assert entry["status"] == "failed"
    assert [step["status"] for step in entry["steps"]] == ["passed", "passed", "failed", "broken"]


def test_a_check_without_a_step_and_each_of_its_parts_stand_for_themselves(tmp_path: Path) -> None:
    parts = [check(name="ST-001/effect", part="stage"), check(Outcome.NOT_RUN, "ST-001/effect", part="after")]

    steps = write(tmp_path, check(), check(name="ST-001/tags"), *parts)["ST-001"]["steps"]

    assert [(step["name"], step["status"]) for step in steps[3:]] == [
        ("ST-001/effect (stage)", "passed"), ("ST-001/effect (after)", "broken"),
    ]  # fmt: skip


def test_a_step_whose_check_has_no_outcome_is_not_green(tmp_path: Path) -> None:
    steps = write(tmp_path, check())["ST-001"]["steps"]

    assert (steps[2]["status"], steps[2]["statusDetails"]["message"]) == ("broken", "NOT_RUN")


@pytest.mark.parametrize("outcome", [Outcome.NOT_RUN, Outcome.ERROR])
def test_where_no_check_ran_no_other_step_is_green_either(tmp_path: Path, outcome: Outcome) -> None:
    entry = write(tmp_path, check(outcome), check(outcome, "ST-001/tags"))["ST-001"]

    assert [step["status"] for step in entry["steps"]] == ["broken", "broken", "broken"]


def test_a_case_without_any_outcome_has_not_run(tmp_path: Path) -> None:
    entry = write(tmp_path)["ST-001"]

    assert entry["status"] == "broken"
    assert "NOT_RUN" in entry["statusDetails"]["message"]
    assert {step["status"] for step in entry["steps"]} == {"broken"}


def test_an_outcome_without_a_case_is_shown_too(tmp_path: Path) -> None:
    entries = write(tmp_path, check(Outcome.ERROR, "RUN/planned-set"))

    assert set(entries) == {"ST-001", "RUN"}
    assert entries["RUN"]["status"] == "broken"


def test_a_case_shows_what_is_known_of_it(tmp_path: Path) -> None:
    entry = write(tmp_path, check(cls=CheckClass.SAFETY, line=12))["ST-001"]

    assert entry["name"] == CASE.title
    labels = {label["name"]: label["value"] for label in entry["labels"]}
    assert labels == {
        "epic": "richpanel", "run": "run-1", "feature": "smoke.feature", "story": "tier1_automation", "tier": "1",
        "severity": "blocker", "framework": "gonogo",
    }  # fmt: skip
    assert entry["links"][0]["name"] == "smoke_cases/smoke.csv:12"
    assert entry["parameters"][0]["value"] == CASE.expects
    assert (entry["start"], entry["stop"]) == (AT_MS, AT_MS)


def test_names_of_files_are_the_same_every_time_and_differ_by_run(tmp_path: Path) -> None:
    results = [check(Outcome.ERROR), check(Outcome.ERROR, "ST-002/x")]
    write(tmp_path / "a", *results)
    write(tmp_path / "b", *results)
    write_allure_results(tmp_path / "c", [CASE], results, {"run": "run-2"}, AT_MS)

    files = {
        folder: {path.name: path.read_bytes() for path in (tmp_path / folder).glob("*-result.json")} for folder in "abc"
    }
    assert files["a"] == files["b"]
    assert len(files["a"]) == len(files["c"]) == 2
    assert not set(files["c"]) & set(files["a"])


def test_a_corrupt_result_of_an_earlier_attempt_is_written_anew(tmp_path: Path) -> None:
    write(tmp_path, check())
    (path,) = tmp_path.glob("*-result.json")
    path.write_bytes(path.read_bytes()[:20])

    assert write(tmp_path, check(Outcome.NOT_RUN))["ST-001"]["status"] == "broken"


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_is_written_and_read_back(tmp_path: Path, kind: str) -> None:
    text = HOSTILE[kind]
    case = AllureCase(f"A{text}", f"[A] {text}", ((text, "intent"),), text, text, text, text)

    entry = write(tmp_path, check(Outcome.FAILED, f"A{text.replace('/', '')}/intent", reason=text), cases=(case,))

    assert "failed" in {one["status"] for one in entry.values()}
    assert all(one["status"] != "passed" for one in entry.values())
    if kind != "surrogates":
        assert any(text in one["statusDetails"]["message"] for one in entry.values())


def test_every_class_has_a_severity() -> None:
    assert [severity_of([cls]) for cls in CheckClass] == ["blocker", "blocker", "critical", "minor"]
    assert severity_of([CheckClass.ADVISORY, CheckClass.PRIVACY]) == "blocker"
    assert severity_of([]) == "minor"
