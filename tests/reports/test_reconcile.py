"""The planned set against what was recorded: what is missing, strange or softened never looks green."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.evidence.record import Recorder, Stream, read_records
from gonogo.evidence.redact import Redactor, Terms
from gonogo.model.decision import Verb, decide
from gonogo.model.outcome import CheckClass, CheckResult, Outcome, PlannedCheck, SourceRef, Verdict
from gonogo.model.reconcile import reconcile
from gonogo.model.results import result_from_json, result_to_json

SOURCE = SourceRef("smoke.csv", 7)
REQUIRED = PlannedCheck("ST-001", "intent", CheckClass.REQUIRED, SOURCE)
SAFETY = PlannedCheck("ST-001", "reply", CheckClass.SAFETY, SOURCE)
PARTS = [PlannedCheck("FLAG-safe_mode", "effect", CheckClass.SAFETY, SOURCE, part) for part in ("stage", "after")]


def record(planned: PlannedCheck, outcome: Outcome = Outcome.PASSED, **changes: Any) -> dict[str, Any]:
    result = CheckResult(
        planned.case, planned.check, outcome, planned.cls, planned.source, ("why",), "e", "o", planned.part
    )
    return {**result_to_json(result), **changes}


def outcomes(results: list[CheckResult]) -> list[tuple[str, Outcome]]:
    return [(one.id, one.outcome) for one in results]


def test_what_was_planned_and_recorded_is_kept() -> None:
    results = reconcile([REQUIRED, SAFETY], [record(SAFETY, Outcome.WARNED), record(REQUIRED)], "died")

    assert outcomes(results) == [("ST-001/intent", Outcome.PASSED), ("ST-001/reply", Outcome.WARNED)]
    assert results[0] == CheckResult(
        "ST-001", "intent", Outcome.PASSED, CheckClass.REQUIRED, SOURCE, ("why",), "e", "o"
    )


def test_a_planned_check_without_an_outcome_did_not_run() -> None:
    results = reconcile([REQUIRED, SAFETY], [record(REQUIRED)], "the child process died with -9")

    assert outcomes(results)[1] == ("ST-001/reply", Outcome.NOT_RUN)
    assert "the child process died with -9" in results[1].reasons[0]
    assert decide(results).verb is Verb.HOLD


def test_without_any_record_everything_did_not_run() -> None:
    results = reconcile([REQUIRED, SAFETY, *PARTS], [], "nothing collected")

    assert {one.outcome for one in results} == {Outcome.NOT_RUN}
    assert len(results) == 4


@pytest.mark.parametrize(
    "strange",
    [
        record(PlannedCheck("ST-002", "intent", CheckClass.REQUIRED, SOURCE)),
        record(REQUIRED, check="other"),
        record(REQUIRED, part="of nothing"),
        record(PARTS[0], part=""),
    ],
)
def test_a_record_that_was_not_planned_is_an_error(strange: dict[str, Any]) -> None:
    results = reconcile([REQUIRED], [record(REQUIRED), strange], "")

    assert results[-1].outcome is Outcome.ERROR
    assert results[-1].cls is not CheckClass.ADVISORY
    assert "not planned" in results[-1].reasons[0]
    assert decide(results).verb is Verb.HOLD


def test_a_record_may_raise_its_class() -> None:
    planned = PlannedCheck("LOAD-spike", "server-errors", CheckClass.ADVISORY, SourceRef("load.yaml", 3))
    record = result_to_json(CheckResult.of(planned, Verdict(Outcome.FAILED, ("5 of 500",))))

    [result] = reconcile([planned], [{**record, "class": "required"}], "why")

    assert result.cls is CheckClass.REQUIRED


def test_a_record_cannot_lower_its_class_nor_move_its_source() -> None:
    softened = record(SAFETY, Outcome.FAILED, **{"class": "advisory", "source": {"file": "x", "line": 1}})

    results = reconcile([REQUIRED, SAFETY], [record(REQUIRED), softened], "")

    assert (results[1].cls, results[1].source) == (CheckClass.SAFETY, SOURCE)
    assert decide(results).verb is Verb.NO_GO


@pytest.mark.parametrize("first", Outcome)
@pytest.mark.parametrize("second", Outcome)
def test_the_worse_of_two_outcomes_wins(first: Outcome, second: Outcome) -> None:
    results = reconcile([REQUIRED], [record(REQUIRED, first), record(REQUIRED, second)], "")

    assert outcomes(results) == [("ST-001/intent", max(first, second))]


def test_every_part_must_be_seen() -> None:
    results = reconcile(PARTS, [record(PARTS[0])], "stopped")

    assert [(one.part, one.outcome) for one in results] == [("stage", Outcome.PASSED), ("after", Outcome.NOT_RUN)]
    assert "after" in results[1].reasons[0]
    assert decide(results).deciding == ("FLAG-safe_mode/effect",)


@pytest.mark.parametrize(
    "broken",
    [
        {}, {"case": "ST-001"}, record(REQUIRED) | {"outcome": "GREEN"}, record(REQUIRED) | {"outcome": 0},
        record(REQUIRED, **{"class": "none"}), record(REQUIRED, source=None), record(REQUIRED, reasons=None),
        record(REQUIRED, source={"file": "x", "line": "y"}),
    ],
)  # fmt: skip
def test_a_record_that_is_not_whole_is_an_error_and_no_outcome(broken: dict[str, Any]) -> None:
    results = reconcile([REQUIRED], [broken], "died")

    assert [one.outcome for one in results] == [Outcome.NOT_RUN, Outcome.ERROR]


def test_a_truncated_last_line_is_no_outcome(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, Redactor(Terms()))
    for planned in (REQUIRED, SAFETY):
        recorder.record(Stream.OUTCOMES, record(planned))
    recorder.close()
    path = tmp_path / Stream.OUTCOMES.value
    whole = path.read_bytes()
    first_line = whole.index(b"\n") + 1

    for cut in range(first_line, len(whole) - 1):
        path.write_bytes(whole[:cut])
        results = reconcile([REQUIRED, SAFETY], read_records(path), "killed")
        assert outcomes(results) == [("ST-001/intent", Outcome.PASSED), ("ST-001/reply", Outcome.NOT_RUN)]


def test_a_missing_file_is_no_outcome(tmp_path: Path) -> None:
    results = reconcile([REQUIRED], read_records(tmp_path / "outcomes.jsonl"), "never started")

    assert outcomes(results) == [("ST-001/intent", Outcome.NOT_RUN)]


def test_a_planned_check_that_stands_twice_never_turns_green_by_one_record_alone() -> None:
    other = PlannedCheck("ST-001", "intent", CheckClass.SAFETY, SourceRef("other.csv", 9))

    results = reconcile([REQUIRED, other], [record(REQUIRED, Outcome.FAILED)], "")

    assert {one.outcome for one in results} == {Outcome.FAILED}
    assert decide(results).verb is Verb.NO_GO


planned_sets = st.lists(st.sampled_from([REQUIRED, SAFETY, *PARTS]), unique_by=lambda one: one.key, min_size=1)


@given(planned_sets, st.data())
def test_a_go_needs_a_passing_record_of_everything_binding(planned: list[PlannedCheck], data: st.DataObject) -> None:
    recorded = data.draw(st.lists(st.tuples(st.sampled_from([REQUIRED, SAFETY, *PARTS]), st.sampled_from(Outcome))))
    records = [json.loads(json.dumps(record(one, outcome))) for one, outcome in recorded]

    results = reconcile(planned, records, "x")

    passed = {one.key for one, outcome in recorded if outcome is Outcome.PASSED}
    bad = {one.key for one, outcome in recorded if outcome is not Outcome.PASSED}
    keys = {one.key for one in planned}
    goes = keys <= passed and not bad & keys and {one.key for one, _ in recorded} <= keys and REQUIRED.key in keys
    assert (decide(results).verb is Verb.GO) == goes
    assert [one.key for one in results[: len(planned)]] == [one.key for one in planned]


def test_a_result_survives_its_record() -> None:
    for part in ("", "stage"):
        result = CheckResult("a", "b", Outcome.INCONCLUSIVE, CheckClass.PRIVACY, SOURCE, ("x", "y"), "e", "o", part)
        assert result_from_json(json.loads(json.dumps(result_to_json(result)))) == result
