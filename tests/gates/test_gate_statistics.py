"""Intervals agree with scipy and statsmodels, with published values, and with themselves on a second run."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from gonogo.errors import GateInputError
from gonogo.gates.statistics import (
    bootstrap_interval,
    exact_binomial_interval,
    quantile_interval,
    rule_of_three,
    wilson_interval,
)

COUNTS = st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
LEVELS = st.sampled_from([0.8, 0.9, 0.95, 0.99])


def mean(rows: Any) -> Any:
    return rows.mean(axis=1)


@settings(max_examples=100, deadline=None)
@given(COUNTS, LEVELS)
def test_proportions_agree_with_statsmodels(counts: tuple[int, int], level: float) -> None:
    k, n = counts
    for ours, method in ((wilson_interval, "wilson"), (exact_binomial_interval, "beta")):
        interval = ours(k, n, level)
        low, high = proportion_confint(k, n, alpha=1 - level, method=method)
        assert interval.low == pytest.approx(float(low), abs=1e-12)
        assert interval.high == pytest.approx(float(high), abs=1e-12)
        assert 0 <= interval.low <= k / n <= interval.high <= 1


def test_published_intervals() -> None:
    """Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17 (1998), table I."""
    published = {
        (81, 263): ((0.2553, 0.3662), (0.2527, 0.3676)),
        (15, 148): ((0.0624, 0.1605), (0.0578, 0.1617)),
        (0, 20): ((0.0000, 0.1611), (0.0000, 0.1684)),
        (1, 29): ((0.0061, 0.1718), (0.0009, 0.1776)),
    }
    for (k, n), (wilson, exact) in published.items():
        for interval, (low, high) in ((wilson_interval(k, n), wilson), (exact_binomial_interval(k, n), exact)):
            assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 10**9), LEVELS)
def test_rule_of_three_is_the_exact_one_sided_bound(n: int, level: float) -> None:
    bound = rule_of_three(n, level)
    assert bound == pytest.approx(float(stats.beta.ppf(level, 1, n)), rel=1e-9)
    assert rule_of_three(n + 1, level) < bound


def test_rule_of_three_is_about_three() -> None:
    assert rule_of_three(1000) * 1000 == pytest.approx(3.0, rel=0.005)


def test_bootstrap_agrees_with_scipy_and_with_its_seed() -> None:
    values = np.random.default_rng(7).gamma(2.0, 50.0, 300)
    ours = bootstrap_interval(values.tolist(), mean, seed=3)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=2000, method="percentile", rng=np.random.default_rng(5)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.1 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.1 * width)
    assert bootstrap_interval(values.tolist(), mean, seed=3) == ours
    assert bootstrap_interval(values.tolist(), mean, seed=4) != ours


def test_bootstrap_in_parts_is_the_same_statistic() -> None:
    values = list(np.random.default_rng(7).normal(size=50_000))
    interval = bootstrap_interval(values, mean, seed=1, resamples=200)
    spread = 1.96 / 50_000**0.5
    assert interval.high - interval.low == pytest.approx(2 * spread, rel=0.25)


@pytest.mark.parametrize("level", [0.0, 1.0, -1, float("nan")])
def test_levels_outside_are_refused(level: float) -> None:
    for call in (
        lambda: wilson_interval(1, 2, level),
        lambda: exact_binomial_interval(1, 2, level),
        lambda: rule_of_three(2, level),
        lambda: bootstrap_interval([1.0, 2.0], mean, seed=1, level=level),
        lambda: quantile_interval([1.0, 2.0], 0.5, level),
    ):
        with pytest.raises(GateInputError, match="confidence level"):
            call()


def test_quantile_interval_covers_what_it_says() -> None:
    generator = random.Random(11)
    true = stats.expon.ppf(0.95)
    covered = 0
    for _ in range(400):
        interval = quantile_interval([generator.expovariate(1.0) for _ in range(400)], 0.95)
        assert interval is not None
        covered += interval.low <= true <= interval.high
    assert covered / 400 >= 0.93


def test_quantile_interval_of_the_median_is_the_textbook_one() -> None:
    """Conover, table A3: for n = 20 the 95 % interval of the median lies between the 6th and the 15th value."""
    interval = quantile_interval([float(value) for value in range(1, 21)], 0.5)
    assert interval is not None
    assert (interval.low, interval.high) == (6.0, 15.0)
    assert quantile_interval([float(value) for value in range(20)], 0.99) is None
