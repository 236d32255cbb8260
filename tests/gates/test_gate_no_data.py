"""No data never passes, for every function that could say that something did."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gonogo.errors import GateInputError
from gonogo.gates.binning import Binning, quantile_binning, width_binning
from gonogo.gates.drift import grade_drift, jensen_shannon_divergence, measure_drift, population_stability_index
from gonogo.gates.evaluate import decide_gates, evaluate_gate, evaluate_gates
from gonogo.gates.statistics import (
    bootstrap_interval,
    exact_binomial_interval,
    quantile_interval,
    rule_of_three,
    wilson_interval,
)
from gonogo.metrics.interface import NoData, QueryFailed, Reading, Sample, Span, build_frame
from gonogo.metrics.reduce import divide, reduce_answer, reduce_values
from gonogo.model.decision import Verb
from gonogo.model.gate import (
    Comparison,
    Direction,
    Flaw,
    FlawKind,
    GateSpec,
    Interval,
    Measurement,
    NoDataPolicy,
    Scale,
    Weight,
)
from gonogo.model.metric import Across, MetricSpec, Reduce
from gonogo.model.outcome import Outcome

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**6), 10**6),
    st.fractions(),
    st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9),
)
NOTHING = st.sampled_from(
    [None, float("nan"), float("inf"), float("-inf"), Decimal("NaN"), Decimal("sNaN"), Decimal("Inf")]
)
INTERVALS = st.one_of(st.none(), st.builds(Interval, st.floats(), st.floats()))
SPECS = st.builds(
    GateSpec,
    id=st.just("G-1"),
    metric=st.just("m"),
    comparison=st.sampled_from(Comparison),
    direction=st.sampled_from(Direction),
    scale=st.sampled_from(Scale),
    limit=st.decimals(min_value=-1000, max_value=1000, places=3),
    weight=st.sampled_from(Weight),
    no_data=st.sampled_from(NoDataPolicy),
    min_samples=st.sampled_from([1, 2, 30]),
    whole_interval=st.booleans(),
    tolerate=st.sets(
        st.sampled_from(
            [FlawKind.GAP, FlawKind.DUPLICATE, FlawKind.COUNTER_RESET, FlawKind.NOT_A_NUMBER, FlawKind.INFINITE]
        )
    ).map(tuple),
)
COUNTS = st.one_of(st.none(), st.integers(0, 100))
FLAWS = st.lists(st.builds(Flaw, st.sampled_from(FlawKind), st.just("seen")), max_size=2).map(tuple)
MEASURED = st.builds(Measurement, st.just("m"), NUMBERS, COUNTS, INTERVALS, problems=FLAWS)
EMPTY = st.one_of(
    st.builds(Measurement, st.just("m"), NOTHING, COUNTS, INTERVALS, problems=FLAWS),
    st.builds(Measurement, st.just("m"), NUMBERS, st.integers(-5, 0), INTERVALS, problems=FLAWS),
)


@settings(max_examples=300, deadline=None)
@given(SPECS, EMPTY, st.one_of(st.none(), MEASURED, EMPTY))
def test_empty_measurement_never_passes(spec: GateSpec, current: Measurement, baseline: Measurement | None) -> None:
    result = evaluate_gate(spec, current, baseline)
    assert result.outcome is not Outcome.PASSED
    assert result.sentence
    assert decide_gates([result]).verb is not Verb.GO


@settings(max_examples=300, deadline=None)
@given(SPECS, MEASURED, st.one_of(st.none(), EMPTY))
def test_empty_baseline_never_passes(spec: GateSpec, current: Measurement, baseline: Measurement | None) -> None:
    result = evaluate_gate(spec, current, baseline)
    if spec.needs_baseline:
        assert result.outcome is not Outcome.PASSED


@settings(max_examples=500, deadline=None)
@given(SPECS, MEASURED, st.one_of(st.none(), MEASURED))
def test_evaluation_is_total_and_a_pass_has_no_open_flaw(
    spec: GateSpec, current: Measurement, baseline: Measurement | None
) -> None:
    result = evaluate_gate(spec, current, baseline)
    assert result == evaluate_gate(spec, current, baseline)
    assert result.sentence == "; ".join(result.reasons)
    if result.outcome is Outcome.PASSED:
        assert not [flaw for flaw in current.problems if flaw.kind not in spec.tolerate]
        assert current.n is None or current.n >= spec.min_samples
        assert result.compared is not None


def test_no_measurements_and_no_gates_never_go() -> None:
    spec = GateSpec(id="G-1", metric="m", comparison="at_most", limit=1)
    assert evaluate_gates([spec], {})[0].outcome is Outcome.INCONCLUSIVE
    assert evaluate_gates([], {}) == []
    assert decide_gates([]).verb is Verb.HOLD


def test_only_recorded_gates_never_go() -> None:
    spec = GateSpec(id="G-1", metric="m", comparison="at_most", limit=1, weight="recorded")
    assert decide_gates([evaluate_gate(spec, Measurement("m", 0, n=5))]).verb is Verb.HOLD


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(Reduce), st.sampled_from(Across), st.sampled_from([NoData("none"), QueryFailed("broken"), None]))
def test_no_answer_has_no_figure(how: Reduce, across: Across, answer: NoData | QueryFailed | None) -> None:
    spec = MetricSpec(source="s", reduce=how, across=across)
    given = Reading(build_frame([])) if answer is None else answer
    measurement = reduce_answer("m", spec, given, Span(0.0))
    assert measurement.value is None
    assert measurement.problems
    kinds = {flaw.kind for flaw in measurement.problems}
    assert kinds == {FlawKind.QUERY_FAILED if isinstance(answer, QueryFailed) else FlawKind.NO_DATA}


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(Reduce),
    st.lists(st.sampled_from([float("nan"), float("inf"), float("-inf")]), min_size=1, max_size=5),
    st.sampled_from(Comparison),
)
def test_values_that_are_none_never_pass(how: Reduce, values: list[float], comparison: Comparison) -> None:
    frame = build_frame(Sample(float(time), {}, value) for time, value in enumerate(values))
    measurement = reduce_answer("m", MetricSpec(source="s", reduce=how), Reading(frame), Span(9.0))
    spec = GateSpec(id="G-1", metric="m", comparison=comparison, limit=0, tolerate=("not_a_number", "infinite"))
    assert evaluate_gate(spec, measurement).outcome is not Outcome.PASSED


@given(st.sampled_from(Reduce))
def test_no_values_have_no_figure(how: Reduce) -> None:
    with pytest.raises(ValueError, match="no values"):
        reduce_values([], how)


@settings(max_examples=100, deadline=None)
@given(EMPTY, MEASURED)
def test_share_of_nothing_never_passes(part: Measurement, whole: Measurement) -> None:
    spec = GateSpec(id="G-1", metric="m", comparison="at_most", limit=10**9)
    for share in (divide("m", part, whole, None), divide("m", whole, part, None)):
        if part.value is None or part.n is None or part.n > 0:
            assert evaluate_gate(spec, share).outcome is not Outcome.PASSED
    zero = Measurement("m", 0, n=5)
    assert evaluate_gate(spec, divide("m", zero, zero, None)).outcome is Outcome.INCONCLUSIVE


def test_statistics_refuse_no_data() -> None:
    for function in (wilson_interval, exact_binomial_interval):
        for k, n in ((0, 0), (1, 0), (-1, 3), (4, 3)):
            with pytest.raises(GateInputError, match="no proportion"):
                function(k, n)
    with pytest.raises(GateInputError):
        rule_of_three(0)
    for values in ([], [1.0], [1.0, float("nan")], [1.0, float("inf")]):
        with pytest.raises(GateInputError):
            bootstrap_interval(values, lambda rows: rows.mean(axis=1), seed=1)
    assert quantile_interval([], 0.95) is None
    assert quantile_interval([1.0], 0.95) is None


def test_drift_refuses_no_data() -> None:
    for function in (population_stability_index, jensen_shannon_divergence):
        for baseline, current in (
            ({}, {"a": 1.0}),
            ({"a": 1.0}, {}),
            ({"a": 0.0}, {"a": 0.0}),
            ({"a": 1.0}, {"b": 1.0}),
        ):
            with pytest.raises(GateInputError):
                function(baseline, current)
        with pytest.raises(GateInputError):
            function({"a": float("nan")}, {"a": 1.0})
    for baseline, current in (({}, {}), ({"a": 0}, {"a": 500}), ({"a": 500}, {}), ({"a": 500}, {"a": 0})):
        drift = measure_drift("c", baseline, current, seed=1)
        assert drift.outcome is Outcome.INCONCLUSIVE
        assert not drift.suggests_rollback
    with pytest.raises(GateInputError):
        grade_drift(float("nan"), 0.0)
    for make in (quantile_binning, width_binning):
        for values in ([], [None], [float("nan"), float("inf")]):
            with pytest.raises(GateInputError):
                make("c", values)
    with pytest.raises(GateInputError):
        Binning("c", "given", (), 0)
