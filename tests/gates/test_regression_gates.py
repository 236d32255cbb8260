"""Every regression gate, in both phases, exactly at its edge; and nothing passes without data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from regression_case import GOOD, PRICES, SCHEMA, TAXONOMY, Desk, by_id, label, output, pairs

from gonogo.gates.baseline import Act, BaselineHistory, Recorded, Standing, read_history, refuse_act, state_baseline
from gonogo.gates.regression import judge_regression
from gonogo.gates.regression_metrics import Inputs, summarize_tally
from gonogo.model.decision import Verb
from gonogo.model.outcome import CheckClass, Outcome
from gonogo.model.regression import Tally
from gonogo.run import regression as run
from gonogo.run.regression import ARTEFACTS

COLD = BaselineHistory((Recorded(1, Act.COLD, "2026-11-21T05:00:00.000Z", "Ada", "first release"),))
HARD = ("REG-INVALID", "REG-TIER0", "REG-TIER0-REPLY", "REG-TIER2", "REG-TIER3")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    # The picture takes longer than everything else, and has a test of its own.
    monkeypatch.setattr(run, "render_confusion_svg", lambda *_: "<?xml?>")
    return Desk(tmp_path)


def changed(place: int, **decision: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return good labels and outputs with one decision changed."""
    labels, outputs = pairs(*GOOD)
    outputs[place] = {**outputs[place], "output": {**outputs[place]["output"], **decision}}
    return labels, outputs


def test_before_a_baseline_the_metric_gates_are_recorded(desk: Desk) -> None:
    report = desk.judge(*pairs(*GOOD, ("order_status", "return_request", 30)), history=COLD)
    assert report.decision.verb is Verb.GO
    gates = by_id(report)
    assert all(gates[name].outcome is Outcome.PASSED for name in HARD)
    for name in ("REG-ACCURACY", "REG-MACRO-F1", "REG-RECALL-order_status", "REG-UNKNOWN", "REG-ROUTING"):
        assert gates[name].cls is CheckClass.ADVISORY
        assert gates[name].outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("decision", "gate", "place"),
    [
        ({"intent": "order_status"}, "REG-TIER0", 0),
        ({"intent": None}, "REG-TIER0", 0),
        ({"action": "auto_reply_tier1"}, "REG-TIER0-REPLY", 0),
        ({"template_id": "t_ask"}, "REG-TIER0-REPLY", 0),
        ({"action": "auto_reply_tier2"}, "REG-TIER2", 60),
        ({"template_id": "t_verified"}, "REG-TIER2", 60),
        ({"action": "auto_reply_tier2", "order_match": True}, "REG-TIER2", 60),
        ({"action": "cancel_order"}, "REG-TIER3", 30),
        ({"tier": 3}, "REG-TIER3", 30),
        ({"action": ["route_only"]}, "REG-TIER3", 30),
        ({"action": "refund"}, "REG-INVALID", 30),
        ({"intent": "refunds"}, "REG-INVALID", 30),
    ],
)
def test_one_violation_fails_in_either_phase(desk: Desk, decision: dict[str, Any], gate: str, place: int) -> None:
    labels, outputs = changed(place, **decision)
    for history, baseline in ((COLD, None), (None, desk.baseline(*GOOD))):
        report = desk.judge(labels, outputs, history=history or desk.history, baseline=baseline)
        assert by_id(report)[gate].outcome is Outcome.FAILED
        assert report.decision.verb is Verb.NO_GO
        assert f"{gate}/gate" in report.decision.deciding


def test_a_verified_reply_is_fine_on_a_match_and_not_against_it(desk: Desk) -> None:
    labels, outputs = changed(60, action="auto_reply_tier2", order_match=True)
    labels[60] = {**labels[60], "order_match": True}
    assert by_id(desk.judge(labels, outputs, history=COLD))["REG-TIER2"].outcome is Outcome.PASSED
    outputs[60]["output"]["order_match"] = False
    assert by_id(desk.judge(labels, outputs, history=COLD))["REG-TIER2"].outcome is Outcome.FAILED


def test_another_escalation_is_no_missed_one(desk: Desk) -> None:
    report = desk.judge(*pairs(*GOOD), history=COLD)
    bound = by_id(report)["REG-TIER0"].sentence
    assert "none in 20 leaves a true rate of up to 13.91% (95 %, rule of three)" in bound


@pytest.mark.parametrize(
    ("labels", "outputs", "gate", "says"),
    [
        (*pairs(*GOOD[1:]), "REG-TIER0", "no labelled message is of tier 0"),
        (
            [label("M-1", "order_status", order_match=True), label("M-2", "legal_threat", order_match=True)],
            [output("M-1", "order_status"), output("M-2", "legal_threat")],
            "REG-TIER2",
            "no labelled message is without an order match",
        ),
    ],
)
def test_a_gate_that_could_not_have_failed_holds(
    desk: Desk, labels: list[Any], outputs: list[Any], gate: str, says: str
) -> None:
    report = desk.judge(labels, outputs, history=COLD)
    assert by_id(report)[gate].outcome is Outcome.INCONCLUSIVE
    assert says in by_id(report)[gate].sentence
    assert report.decision.verb is Verb.HOLD


def test_decisions_without_an_action_prove_no_restraint(desk: Desk) -> None:
    labels, outputs = pairs(*GOOD)
    outputs = [{**one, "output": {"intent": one["output"]["intent"]}} for one in outputs]
    report = desk.judge(labels, outputs, schema=None, history=COLD)
    for gate in ("REG-TIER0-REPLY", "REG-TIER2", "REG-TIER3", "REG-INVALID"):
        assert by_id(report)[gate].outcome is Outcome.INCONCLUSIVE, gate
    assert by_id(report)["REG-TIER0"].outcome is Outcome.PASSED
    assert report.decision.verb is Verb.HOLD


@pytest.mark.parametrize(("misses", "outcome"), [(0, Outcome.PASSED), (20, Outcome.PASSED), (21, Outcome.FAILED)])
def test_accuracy_is_judged_exactly_at_its_edge(desk: Desk, misses: int, outcome: Outcome) -> None:
    rest = ("legal_threat", "legal_threat", 100), ("unknown_other", "unknown_other", 100)
    before = (*rest, ("return_request", "return_request", 700), ("return_request", "unknown_other", 100))
    baseline = desk.baseline(*before)
    now = (
        *rest,
        ("return_request", "return_request", 700 - misses),
        ("return_request", "unknown_other", 100 + misses),
    )
    report = desk.judge(*_aligned(before, now), baseline=baseline)
    gate = by_id(report)["REG-ACCURACY"]
    assert gate.outcome is outcome, gate.sentence
    assert gate.baseline == pytest.approx(0.9)
    assert gate.n == 1000


def _aligned(before: Any, now: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the labels of the baseline with outputs of now: both count the same labels in the same order."""
    labels, outputs = pairs(*before)[0], pairs(*now)[1]
    assert [one["intent"] for one in labels] == [one["intent"] for one in pairs(*now)[0]]
    return labels, outputs


def test_recall_and_precision_of_each_intent_are_judged(desk: Desk) -> None:
    many = tuple((true, guess, count * 10) for true, guess, count in GOOD)
    baseline = desk.baseline(*many)
    now = (many[0], ("return_request", "return_request", 290), ("return_request", "order_status", 10), *many[2:])
    gates = by_id(desk.judge(*_aligned(many, now), baseline=baseline))
    assert gates["REG-RECALL-return_request"].outcome is Outcome.FAILED
    assert gates["REG-PRECISION-order_status"].outcome is Outcome.PASSED
    assert gates["REG-ACCURACY"].outcome is Outcome.PASSED
    now = (many[0], ("return_request", "return_request", 291), ("return_request", "order_status", 9), *many[2:])
    report = desk.judge(*_aligned(many, now), baseline=baseline)
    assert by_id(report)["REG-RECALL-return_request"].outcome is Outcome.PASSED
    listed = desk.judge(*_aligned(many, now), baseline=baseline, listed=("order_status",))
    assert "REG-RECALL-return_request" not in by_id(listed)


def test_what_needs_a_sign_off_holds_and_does_not_block(desk: Desk) -> None:
    many = tuple((true, guess, count * 10) for true, guess, count in GOOD)
    tokens = {"model": "small", "tokens": {"input": 100, "output": 10}}
    labels, outputs = pairs(*many)
    report = desk.judge(labels, [{**one, **tokens} for one in outputs], prices=PRICES, history=BaselineHistory())
    path = desk.folder / "before.json"
    (desk.folder / "out" / "metrics.json").replace(path)
    desk.pin(report, path)
    assert report.metrics.cost is not None
    assert report.metrics.cost.per_1000 == pytest.approx(0.12)
    dear = {"model": "small", "tokens": {"input": 120, "output": 13}}
    report = desk.judge(labels, [{**one, **dear} for one in outputs], prices=PRICES, baseline=path)
    assert by_id(report)["REG-TOKENS"].outcome is Outcome.WARNED
    assert by_id(report)["REG-COST"].outcome is Outcome.WARNED
    assert report.decision.verb is Verb.HOLD
    edge = {"model": "small", "tokens": {"input": 120, "output": 12}}
    report = desk.judge(labels, [{**one, **edge} for one in outputs], prices=PRICES, baseline=path)
    assert by_id(report)["REG-TOKENS"].outcome is Outcome.PASSED
    report = desk.judge(labels, outputs, baseline=path)
    assert by_id(report)["REG-TOKENS"].outcome is Outcome.INCONCLUSIVE, "the baseline has tokens, so none is no pass"
    lost = (*many[:2], ("order_status", "order_status", 373), ("order_status", "unknown_other", 27), many[3])
    report = desk.judge(labels, [{**one, **tokens} for one in pairs(*lost)[1]], prices=PRICES, baseline=path)
    gates = by_id(report)
    assert gates["REG-UNKNOWN"].outcome is Outcome.WARNED
    assert gates["REG-NEW-FAILURES"].outcome is Outcome.WARNED


def test_other_routes_need_a_sign_off(desk: Desk) -> None:
    path = desk.baseline(*GOOD)
    labels, outputs = pairs(*GOOD)
    schema = None
    moved = [
        {**one, "output": {**one["output"], "team": "Returns"}} if place >= 60 else one
        for place, one in enumerate(outputs)
    ]
    assert by_id(desk.judge(labels, moved, schema=schema, baseline=path))["REG-ROUTING"].outcome is Outcome.WARNED
    assert by_id(desk.judge(labels, outputs, schema=schema, baseline=path))["REG-ROUTING"].outcome is Outcome.PASSED


def test_another_schema_than_the_baselines_needs_a_sign_off(desk: Desk) -> None:
    path = desk.baseline(*GOOD)
    wider = {**SCHEMA, "properties": {**SCHEMA["properties"], "action": {"type": "string"}}}
    report = desk.judge(*pairs(*GOOD), schema=wider, baseline=path)
    assert by_id(report)["REG-SCHEMA"].outcome is Outcome.WARNED
    assert report.decision.deciding == ("REG-SCHEMA/gate",)


def test_without_unknowns_before_none_is_allowed_now(desk: Desk) -> None:
    path = desk.baseline(*GOOD[:3])
    report = desk.judge(*pairs(*GOOD[:3]), baseline=path)
    assert by_id(report)["REG-UNKNOWN"].outcome is Outcome.PASSED
    assert report.decision.verb is Verb.GO
    now = (*GOOD[:2], ("order_status", "order_status", 39), ("order_status", "unknown_other", 1))
    assert by_id(desk.judge(*_aligned(GOOD[:3], now), baseline=path))["REG-UNKNOWN"].outcome is Outcome.WARNED


def test_a_missing_baseline_is_an_error_where_history_has_one(desk: Desk) -> None:
    desk.baseline(*GOOD)
    report = desk.judge(*pairs(*GOOD))
    gates = by_id(report)
    assert report.state.standing is Standing.MISSING
    for name in ("REG-BASELINE", "REG-ACCURACY", "REG-RECALL-order_status", "REG-TOKENS", "REG-ROUTING"):
        assert gates[name].outcome is Outcome.ERROR, name
        assert gates[name].cls is CheckClass.REQUIRED, name
    assert report.decision.verb is Verb.HOLD


def test_what_nobody_recorded_holds(desk: Desk) -> None:
    path = desk.baseline(*GOOD)
    nothing = BaselineHistory()
    for baseline in (None, path):
        report = desk.judge(*pairs(*GOOD), history=nothing, baseline=baseline)
        assert by_id(report)["REG-BASELINE"].outcome is Outcome.INCONCLUSIVE
        assert report.decision.verb is Verb.HOLD
        relaxed = desk.judge(*pairs(*GOOD), history=nothing, baseline=baseline, must_be_recorded=False)
        assert relaxed.decision.verb is Verb.GO


def test_a_slow_slide_is_caught_by_the_anchor(desk: Desk) -> None:
    steps = (0, 18, 36, 54)
    rest = ("legal_threat", "legal_threat", 200), ("unknown_other", "unknown_other", 100)

    def mix(misses: int) -> tuple[tuple[str, str, int], ...]:
        kept = ("order_status", "order_status", 700 - misses)
        return (*rest, kept, ("order_status", "return_request", misses)) if misses else (*rest, kept)

    path, before, outcomes = desk.baseline(*mix(0)), mix(0), []
    for misses in steps[1:]:
        report = desk.judge(*_aligned(before, mix(misses)), baseline=path)
        gates = by_id(report)
        assert gates["REG-ACCURACY"].outcome is Outcome.PASSED, "every step by itself is small"
        outcomes.append(gates["REG-ANCHOR-ACCURACY"].outcome)
        path = desk.folder / f"step-{misses}.json"
        (desk.folder / "out" / "metrics.json").replace(path)
        desk.pin(report, path, Act.PROMOTE)
    assert outcomes == [Outcome.PASSED, Outcome.PASSED, Outcome.FAILED]
    desk.pin(report, path, Act.ANCHOR)
    again = desk.judge(*_aligned(before, mix(54)), baseline=path)
    assert by_id(again)["REG-ANCHOR-ACCURACY"].outcome is Outcome.PASSED


def test_an_anchor_of_other_labels_holds(desk: Desk) -> None:
    desk.baseline(*GOOD)
    labels, outputs = pairs(*GOOD, ("order_status", "order_status", 5))
    report = desk.judge(labels, outputs, history=BaselineHistory())
    path = desk.folder / "second.json"
    (desk.folder / "out" / "metrics.json").replace(path)
    desk.pin(report, path, Act.PROMOTE)
    judged = desk.judge(labels, outputs, baseline=path)
    assert by_id(judged)["REG-ANCHOR-ACCURACY"].outcome is Outcome.INCONCLUSIVE
    assert "--anchor" in by_id(judged)["REG-ANCHOR-ACCURACY"].sentence


def test_case_by_case_with_the_outputs_of_the_baseline(desk: Desk) -> None:
    labels, outputs = pairs(*GOOD)
    before = [dict(one) for one in outputs]
    before[20] = output("M-00021", "order_status")
    outputs[25] = output("M-00026", "order_status")
    outputs[26] = output("M-00027", None)
    report = desk.judge(labels, outputs, before=before, history=COLD)
    assert report.pairs is not None
    counts = (report.pairs.newly_failing.count, report.pairs.newly_passing.count, report.pairs.both_pass)
    assert counts == (2, 1, 97)
    summary = (desk.folder / "out" / "summary.md").read_text("utf-8")
    assert "Newly failing 2, newly passing 1" in summary
    assert "McNemar exact p = 1." in summary
    assert "newly failing: M-00026 (line 26): return_request, was return_request, now order_status" in summary


def test_a_second_judgement_writes_the_same_bytes(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    labels, outputs = pairs(*GOOD, ("order_status", "return_request", 9), ("legal_threat", "order_status", 1))
    written = []
    for name in ("one", "two"):
        desk.judge(labels, outputs, out=desk.folder / name, before=outputs)
        written.append({file: (desk.folder / name / file).read_bytes() for file in ARTEFACTS})
    assert written[0] == written[1]
    metrics = json.loads(written[0]["metrics.json"])
    assert metrics["schema"] == "gonogo/regression-metrics/1"
    assert metrics["top_errors"][0]["count"] == 9
    tier0 = json.loads(written[0]["tier0_report.json"])
    assert tier0["false_negatives"]["cases"] == [
        {"line": 110, "id": "M-00110", "labelled": "legal_threat", "predicted": "order_status"}
    ]
    assert (
        written[0]["confusion_matrix.csv"].decode().splitlines()[0]
        == f"labelled,{','.join(TAXONOMY.intents)},(invalid)"
    )
    assert written[0]["confusion_matrix.svg"].startswith(b"<?xml")


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(list(Standing)), st.booleans())
def test_no_data_never_passes(standing: Standing, relaxed: bool) -> None:
    inputs = Inputs("0" * 64, "0" * 64, "0" * 64, None, {}, {})
    metrics = summarize_tally(Tally(), TAXONOMY, inputs, None)
    state = state_baseline(BaselineHistory(), None, must_be_recorded=not relaxed)
    state = type(state)(standing, "so it is", None, not relaxed)
    for gate in judge_regression(metrics, None, state, listed=TAXONOMY.intents):
        if gate.id != "REG-BASELINE":
            assert gate.outcome is not Outcome.PASSED, gate
    for gate in judge_regression(metrics, metrics, state, listed=TAXONOMY.intents):
        if gate.id != "REG-BASELINE":
            assert gate.outcome is not Outcome.PASSED, gate


def test_history_is_read_from_payloads_and_never_guessed() -> None:
    first = Recorded(1, Act.INIT, "t", "Ada", "because", "a" * 64, "b" * 64, 100, 0.9, 0.8)
    history = read_history([(1, "t", first.to_payload("shop"))])
    assert history.current == history.anchor == first
    with pytest.raises(Exception, match="ledger entry 2"):
        read_history([(2, "t", {"act": "init"})])
    assert "already" in refuse_act(history, Act.INIT, "b" * 64, [])
    assert "already" in refuse_act(history, Act.COLD, None, [])
    assert "--anchor" in refuse_act(history, Act.PROMOTE, "c" * 64, [])
    assert "--anchor" in refuse_act(history, Act.PROMOTE, "b" * 64, ["accuracy 0.8 against 0.9"])
    assert refuse_act(history, Act.ANCHOR, "c" * 64, ["accuracy 0.8 against 0.9"]) == ""
    assert refuse_act(history, Act.PROMOTE, "b" * 64, []) == ""
    assert "init" in refuse_act(BaselineHistory(), Act.PROMOTE, "b" * 64, [])
