"""What a gate says, and what its weight, its flaws, its unit and its interval make of the comparison."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.gates.evaluate import decide_gates, evaluate_gate, evaluate_gates, to_check
from gonogo.gates.exact import show_apart, show_number, to_exact
from gonogo.gates.report import gate_lines, gates_json, gates_markdown
from gonogo.model.decision import Verb
from gonogo.model.gate import Flaw, FlawKind, GateResult, GateSpec, Interval, Measurement, Weight
from gonogo.model.outcome import CheckClass, Outcome, SourceRef


def gate(**more: object) -> GateSpec:
    return GateSpec(**{"id": "G-1", "metric": "p95", "comparison": "at_most", "limit": 500, **more})  # type: ignore[arg-type]


def judge(spec: GateSpec, value: object, baseline: object = None, **more: object) -> GateResult:
    other = None if baseline is None else Measurement("b", baseline, n=100)  # type: ignore[arg-type]
    return evaluate_gate(spec, Measurement("p95", value, **{"n": 4200, **more}), other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spec", "value", "baseline", "sentence"),
    [
        (gate(unit="ms"), 612, None, "p95 612 ms > 500 ms (limit), n=4,200"),
        (gate(unit="ms"), 499.5, None, "p95 499.5 ms ≤ 500 ms (limit), n=4,200"),
        (gate(title="ack p95", comparison="below"), 500, None, "ack p95 500 ≥ 500 (limit), n=4,200"),
        (gate(comparison="equal", limit=0), 0.5, None, "p95 0.5 ≠ 0 (limit), n=4,200"),
        (
            gate(direction="drop", limit=0.05),
            0.84,
            0.9,
            "p95 drop 0.06 > 0.05 (limit), 0.84 against 0.9 (baseline), n=4,200",
        ),
        (
            gate(direction="rise", scale="relative", limit=0.2, unit="ms"),
            606,
            500,
            "p95 rise 21.2 % > 20 % (limit), 606 ms against 500 ms (baseline), n=4,200",
        ),
        # What six digits would make look equal is shown in full.
        (gate(limit=0.05), 0.05000000001, None, "p95 0.05000000001 > 0.05 (limit), n=4,200"),
        (gate(limit=1200), 1234567, None, "p95 1,234,567 > 1,200 (limit), n=4,200"),
    ],
)
def test_sentences(spec: GateSpec, value: float, baseline: float | None, sentence: str) -> None:
    assert judge(spec, value, baseline).sentence == sentence


def test_interval_stands_in_the_sentence() -> None:
    result = judge(gate(limit=0.001), 0.0, interval=Interval(0.0, 0.0009, 0.95, "Wilson"))
    assert result.sentence == "p95 0 ≤ 0.001 (limit), n=4,200, 95 % interval 0 to 0.0009"


@pytest.mark.parametrize(
    ("weight", "outcome", "cls", "verb"),
    [
        (Weight.SAFETY, Outcome.FAILED, CheckClass.SAFETY, Verb.NO_GO),
        (Weight.PRIVACY, Outcome.FAILED, CheckClass.PRIVACY, Verb.NO_GO),
        (Weight.REQUIRED, Outcome.FAILED, CheckClass.REQUIRED, Verb.NO_GO),
        (Weight.SOFT, Outcome.WARNED, CheckClass.REQUIRED, Verb.HOLD),
        (Weight.RECORDED, Outcome.WARNED, CheckClass.ADVISORY, Verb.GO),
    ],
)
def test_breach_by_weight(weight: Weight, outcome: Outcome, cls: CheckClass, verb: Verb) -> None:
    breach = judge(gate(weight=weight), 612)
    good = judge(gate(id="G-2"), 1)
    assert (breach.outcome, breach.cls, breach.would_block) == (outcome, cls, weight is Weight.RECORDED)
    assert decide_gates([breach, good]).verb is verb
    assert {member.value for member in Weight} == {"safety", "privacy", "required", "soft", "recorded"}


def test_recorded_gate_says_what_it_would_have_done() -> None:
    spec = gate(weight="recorded", min_samples=30)
    assert judge(spec, 612).sentence == "would have blocked: p95 612 > 500 (limit), n=4,200"
    short = judge(spec, 612, n=3)
    assert short.sentence.startswith("would have held: too_few_samples: p95: n=3, at least 30 needed")
    assert (short.outcome, short.would_block) == (Outcome.INCONCLUSIVE, True)
    assert not judge(spec, 1).would_block


def test_soft_gate_without_data_holds() -> None:
    result = judge(gate(weight="soft"), None)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert decide_gates([result, judge(gate(id="G-2"), 1)]).verb is Verb.HOLD


@pytest.mark.parametrize(
    ("kind", "on_pass", "on_breach"),
    [
        (FlawKind.QUERY_FAILED, Outcome.ERROR, Outcome.ERROR),
        (FlawKind.UNIT_MISMATCH, Outcome.ERROR, Outcome.ERROR),
        (FlawKind.STALE, Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE),
        (FlawKind.NO_DATA, Outcome.INCONCLUSIVE, Outcome.FAILED),
        (FlawKind.NOT_A_NUMBER, Outcome.INCONCLUSIVE, Outcome.FAILED),
        (FlawKind.INFINITE, Outcome.INCONCLUSIVE, Outcome.FAILED),
        (FlawKind.GAP, Outcome.INCONCLUSIVE, Outcome.FAILED),
        (FlawKind.DUPLICATE, Outcome.INCONCLUSIVE, Outcome.FAILED),
        (FlawKind.COUNTER_RESET, Outcome.INCONCLUSIVE, Outcome.FAILED),
    ],
)
def test_flaws_of_the_data(kind: FlawKind, on_pass: Outcome, on_breach: Outcome) -> None:
    problems = (Flaw(kind, "seen"),)
    assert judge(gate(), 1, problems=problems).outcome is on_pass
    assert judge(gate(), 612, problems=problems).outcome is on_breach
    baseline = Measurement("b", 500, n=100, problems=problems)
    against = gate(direction="rise", limit=10)
    assert evaluate_gate(against, Measurement("p95", 505, n=9), baseline).outcome is on_pass
    assert evaluate_gate(gate(), Measurement("p95", 400, n=9), baseline).outcome is Outcome.PASSED
    assert f"{kind.value}" in judge(gate(), 1, problems=problems).sentence


def test_every_flaw_has_a_row_above() -> None:
    rows = next(mark for mark in test_flaws_of_the_data.pytestmark if mark.name == "parametrize").args[1]  # type: ignore[attr-defined]
    assert {row[0] for row in rows} == set(FlawKind)


def test_tolerated_flaw_is_told_and_passes() -> None:
    result = judge(gate(tolerate=("gap",)), 1, problems=(Flaw(FlawKind.GAP, "two minutes are missing"),))
    assert result.outcome is Outcome.PASSED
    assert result.reasons == ("p95 1 ≤ 500 (limit), n=4,200", "gap: two minutes are missing")


@pytest.mark.parametrize("kind", ["no_data", "query_failed", "stale", "unit_mismatch"])
def test_some_flaws_are_never_tolerated(kind: str) -> None:
    with pytest.raises(ValueError, match="never tolerated"):
        gate(tolerate=(kind,))


def test_units_are_never_converted() -> None:
    assert judge(gate(unit="ms"), 1, unit="s").sentence == (
        "p95: unit_mismatch: the gate is in ms, the measurement in s"
    )
    mixed = evaluate_gate(
        gate(direction="rise", scale="relative", limit=1),
        Measurement("p95", 1, unit="s"),
        Measurement("b", 1, unit="ms"),
    )
    assert mixed.outcome is Outcome.ERROR


@pytest.mark.parametrize(
    ("interval", "outcome"),
    [
        (Interval(400, 500), Outcome.PASSED),
        (Interval(400, 500.5), Outcome.INCONCLUSIVE),
        (Interval(float("nan"), 450), Outcome.INCONCLUSIVE),
        (None, Outcome.INCONCLUSIVE),
    ],
)
def test_whole_interval_must_pass(interval: Interval | None, outcome: Outcome) -> None:
    spec = gate(whole_interval=True)
    assert judge(spec, 450, interval=interval).outcome is outcome
    assert judge(spec, 612, interval=interval).outcome is Outcome.FAILED


def test_change_within_an_interval_around_the_baseline() -> None:
    """An interval that holds the baseline holds a change of zero too, which no end of it shows."""
    spec = gate(direction="change", comparison="at_least", limit=1, whole_interval=True)
    assert judge(spec, 12, 10, interval=Interval(8, 13)).outcome is Outcome.INCONCLUSIVE
    assert judge(spec, 12, 10, interval=Interval(11, 13)).outcome is Outcome.PASSED


def test_zero_tolerance_fails_on_the_first_and_waits_for_the_rest() -> None:
    spec = gate(limit=0, min_samples=30)
    assert judge(spec, 1, n=3).outcome is Outcome.FAILED
    assert judge(spec, 0, n=3).outcome is Outcome.INCONCLUSIVE
    assert judge(spec, 0, n=30).outcome is Outcome.PASSED


def test_baseline_metric_is_read_by_its_name() -> None:
    spec = gate(direction="rise", limit=10, baseline="old", window="5m")
    measured = {
        "p95[300s]": Measurement("p95", 105),
        "old[300s]": Measurement("old", 100),
        "p95": Measurement("p95", 9),
    }
    assert evaluate_gates([spec], measured)[0].sentence.startswith("p95 rise 5 ≤ 10 (limit), 105 against 100")
    assert evaluate_gates([spec], {"p95[300s]": Measurement("p95", 105)})[0].outcome is Outcome.INCONCLUSIVE
    past = gate(direction="rise", limit=10)
    assert evaluate_gates([past], {"p95": Measurement("p95", 105)}, {"p95": Measurement("p95", 100)})[0].baseline == 100


def test_check_and_json_name_the_gate() -> None:
    result = judge(gate(unit="ms"), 612)
    check = to_check(result, SourceRef("gates.yaml", 7))
    assert (check.id, check.source.line, check.reasons) == ("G-1/gate", 7, (result.sentence,))
    record = gates_json([result])
    assert (record["decision"], record["deciding"]) == ("NO_GO", ["G-1"])
    assert gate_lines([result]) == ["FAILED       G-1  p95 612 ms > 500 ms (limit), n=4,200"]
    assert "| G-1 | FAILED | 612 | at_most 500 | 4,200 | - | - |" in gates_markdown([result])


@given(st.integers(-(10**9), 10**9), st.integers(0, 6))
def test_shortest_notation_is_what_counts(whole: int, places: int) -> None:
    decimal = Decimal(whole).scaleb(-places)
    assert to_exact(float(decimal)) == Fraction(decimal)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_two_numbers_that_differ_look_different(first: float, second: float) -> None:
    shown = show_apart(first, second)
    assert (shown[0] == shown[1]) == (first == second)


def test_numbers_for_people() -> None:
    assert [show_number(value) for value in (4200, 0.1, 1 / 3, 1e-9, 1234.5, Fraction(1, 8), float("nan"))] == [
        "4,200",
        "0.1",
        "0.333333",
        "1e-09",
        "1,234.5",
        "0.125",
        "nan",
    ]
