"""Frames keep every flaw of the data, and figures come out of observed values only."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gonogo.metrics.inspect import find_flaws
from gonogo.metrics.interface import COLUMNS, Reading, Sample, Span, build_frame
from gonogo.metrics.reduce import divide, reduce_answer, reduce_values
from gonogo.model.gate import FlawKind, Measurement
from gonogo.model.metric import MetricSpec, Reduce

NAN, INF = float("nan"), float("inf")


def samples(*values: float, start: float = 0.0, step: float = 10.0, **labels: str) -> list[Sample]:
    return [Sample(start + step * index, labels, value) for index, value in enumerate(values)]


def flaws(rows: list[Sample], *, end: float, seconds: float | None = None, **more: object) -> dict[FlawKind, str]:
    spec = MetricSpec(source="s", **more)  # type: ignore[arg-type]
    return {flaw.kind: flaw.text for flaw in find_flaws(build_frame(rows), spec, Span(end, seconds))}


def test_frame_is_tidy_and_loses_nothing() -> None:
    rows = [
        Sample(2.5, {"b": "1", "a": "2"}, NAN, "ms", 3),
        Sample(None, {}, INF),
        Sample(2.5, {"a": "2", "b": "1"}, 1.0),
    ]
    frame = build_frame(rows)
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == 3
    assert str(frame["time"].dt.tz) == "UTC"
    assert sorted(set(frame["labels"])) == ['{"a":"2","b":"1"}', "{}"]
    assert [value is None or value != value for value in frame["time"].tolist()] == [False, False, True]
    assert frame["n"].isna().sum() == 2
    assert len(build_frame([])) == 0


def test_clean_series_has_no_flaw() -> None:
    assert flaws(samples(1, 2, 3, 4), end=31.0, seconds=40.0, step=10.0, stale_after=30.0, counter=True) == {}


@pytest.mark.parametrize(
    ("rows", "more", "kind", "text"),
    [
        (samples(1, NAN, 2), {}, FlawKind.NOT_A_NUMBER, "1 of 3 values are NaN"),
        (samples(1, INF, -INF), {}, FlawKind.INFINITE, "2 of 3 values are infinite"),
        (samples(1) + samples(1), {}, FlawKind.DUPLICATE, "0 with another value"),
        (samples(1) + samples(2), {}, FlawKind.DUPLICATE, "1 with another value"),
        (samples(5, 6, 1), {"counter": True}, FlawKind.COUNTER_RESET, "fell 1 times"),
        (samples(1, 2), {"stale_after": 20.0}, FlawKind.STALE, "the newest sample is 30 s old, at most 20 s allowed"),
        (samples(1, start=100.0), {"stale_after": 20.0}, FlawKind.STALE, "60 s in the future"),
        ([Sample(None, {}, 1.0)], {"stale_after": 20.0}, FlawKind.STALE, "their age is unknown"),
        (samples(1, 2, 3), {"step": 10.0}, FlawKind.GAP, "1 gaps in series {}, 50 % of the window, the longest 20 s"),
        ([Sample(0.0, {}, 1.0, "s")], {"unit": "ms"}, FlawKind.UNIT_MISMATCH, "ms was expected, the data is in s"),
        ([Sample(0.0, {}, 1.0, "s"), Sample(1.0, {}, 1.0, "ms")], {}, FlawKind.UNIT_MISMATCH, "several units: ms, s"),
    ],
)
def test_every_flaw_is_told(rows: list[Sample], more: dict[str, object], kind: FlawKind, text: str) -> None:
    found = flaws(rows, end=40.0, seconds=40.0, **more)
    assert set(found) == {kind}
    assert text in found[kind]


def test_series_are_looked_at_one_by_one() -> None:
    rows = samples(1, 2, a="1") + samples(9, 8, a="2")
    assert flaws(rows, end=10.0) == {}
    assert set(flaws(rows, end=10.0, counter=True)) == {FlawKind.COUNTER_RESET}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.sampled_from([50, 90, 95, 99]))
def test_percentiles_agree_with_numpy_and_were_observed(values: list[float], percent: int) -> None:
    found = reduce_values(values, Reduce(f"p{percent}"))
    assert found == np.percentile(values, percent, method="inverted_cdf")
    assert found in values


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-1000, 1000).map(lambda value: value / 100), min_size=1, max_size=50))
def test_sums_and_means_are_exact(values: list[float]) -> None:
    exact = sum((Fraction(str(value)) for value in values), Fraction(0))
    assert reduce_values(values, Reduce.SUM) == exact
    assert reduce_values(values, Reduce.MEAN) == exact / len(values)
    assert reduce_values(values, Reduce.COUNT) == len(values)
    assert (reduce_values(values, Reduce.MIN), reduce_values(values, Reduce.MAX)) == (min(values), max(values))
    assert reduce_values(values, Reduce.LAST) == values[-1]


def test_many_values_are_summed_without_drift() -> None:
    assert math.isclose(float(reduce_values([0.1] * 30_000, Reduce.SUM)), 3000.0, rel_tol=1e-15)
    assert reduce_values([1.0] * 3 + [0.0] * 19_997, Reduce.MEAN) == Fraction(3, 20_000)


def test_increase_of_a_counter() -> None:
    assert reduce_values([1, 4, 2, 5], Reduce.INCREASE) == 8
    assert reduce_values([7], Reduce.INCREASE) == 0


def reduce_rows(rows: list[Sample], **more: object) -> Measurement:
    spec = MetricSpec(source="s", **more)  # type: ignore[arg-type]
    return reduce_answer("m", spec, Reading(build_frame(rows)), Span(40.0, 40.0))


def test_last_value_that_is_none_is_not_replaced_by_the_one_before() -> None:
    measured = reduce_rows(samples(1, 2, NAN))
    assert isinstance(measured.value, float)
    assert math.isnan(measured.value)
    assert reduce_rows(samples(1, NAN, 2)).value == 2


def test_several_series_need_a_word() -> None:
    rows = samples(1, 2, a="1") + samples(3, 4, a="2")
    assert reduce_rows(rows).value is None
    assert [reduce_rows(rows, across=how).value for how in ("sum", "max", "min")] == [6, 4, 2]


def test_samples_are_counted() -> None:
    assert reduce_rows(samples(1, 2, NAN), reduce="mean").n == 2
    assert reduce_rows(samples(1, 2, 3)).n == 1
    rows = [Sample(0.0, {}, 1.0, None, 10), Sample(10.0, {}, 2.0, None, 20)]
    assert (reduce_rows(rows, reduce="max").n, reduce_rows(rows).n) == (30, 20)


def test_share_of_two_figures() -> None:
    share = divide("m", Measurement("a", 3.0, n=1), Measurement("b", 1000.0, n=1), None)
    assert (share.value, share.n) == (Fraction(3, 1000), 1000)
    empty = divide("m", Measurement("a", 0.0), Measurement("b", 0.0), None)
    assert (empty.value, empty.n) == (None, 0)
    assert empty.problems[0].text == "0 of 0: the whole is empty"
    assert divide("m", Measurement("a", 1.5), Measurement("b", 0.5, n=7), None).n == 7
