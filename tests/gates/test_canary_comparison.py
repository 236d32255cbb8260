"""The tests and bounds behind a canary agree with scipy and statsmodels, and the looks spend no more than planned."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from gonogo.gates.comparison import compare_sides, fisher_exact_greater, spend_alpha
from gonogo.model.canary import DEFAULT_CRITERIA, Criterion

ACCURACY, P95, COST, ERRORS = DEFAULT_CRITERIA
LEVELS = {"test_level": 0.01, "bound_level": 0.025, "power": 0.9}


def shares(hits: int, n: int) -> np.ndarray:
    return np.array([1.0] * hits + [0.0] * (n - hits))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 40), st.integers(1, 40))
def test_fisher_agrees_with_scipy(hits: int, other: int, n: int, other_n: int) -> None:
    hits, other = min(hits, n), min(other, other_n)
    wanted = stats.fisher_exact([[hits, n - hits], [other, other_n - other]], alternative="greater").pvalue
    assert fisher_exact_greater(hits, n, other, other_n) == pytest.approx(wanted, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 200), st.integers(0, 300))
def test_the_bound_of_a_share_is_newcombes(hits: int, other: int) -> None:
    effect = compare_sides(shares(hits, 200), shares(other, 300), ERRORS, **LEVELS)
    low, high = confint_proportions_2indep(hits, 200, other, 300, method="newcomb", alpha=0.05)
    assert effect.effect == pytest.approx(hits / 200 - other / 300)
    assert effect.upper == pytest.approx(high, abs=1e-9)
    drop = compare_sides(
        shares(hits, 200), shares(other, 300), ACCURACY.model_copy(update={"field": "error"}), **LEVELS
    )
    assert drop.upper == pytest.approx(-low, abs=1e-9)


@pytest.mark.parametrize("criterion", [P95, COST], ids=["p95", "cost"])
def test_the_bound_of_a_ratio_covers_the_truth(criterion: Criterion) -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(300):
        new, old = np.exp(rng.normal(0, 0.5, 800)), np.exp(rng.normal(0, 0.5, 1500))
        effect = compare_sides(new, old, criterion, test_level=0.05, bound_level=0.05, power=0.9)
        assert effect.upper is not None
        covered += effect.upper >= 0
    assert 0.92 <= covered / 300 <= 0.99


def test_the_test_sees_a_tail_that_the_shift_does_not() -> None:
    rng = np.random.default_rng(2)
    old = rng.normal(400, 20, 4000)
    new = rng.normal(400, 20, 4000)
    new[:300] += 400
    effect = compare_sides(new, old, P95, **LEVELS)
    shift = stats.mannwhitneyu(new, old, alternative="greater").pvalue
    assert effect.p_value < 1e-6
    assert effect.p_value < shift


def test_the_least_detectable_effect_is_detected_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    n, found = 1500, 0
    old = (rng.random(n) < 0.1).astype(float)
    least = compare_sides(old, old, ERRORS, **LEVELS).detectable
    assert least is not None
    for _ in range(200):
        new, old = ((rng.random(n) < rate).astype(float) for rate in (0.1 + least, 0.1))
        found += compare_sides(new, old, ERRORS, **LEVELS).p_value <= LEVELS["test_level"]
    assert 0.8 <= found / 200 <= 0.99


@pytest.mark.parametrize("criterion", DEFAULT_CRITERIA, ids=lambda one: one.id)
def test_one_sample_and_equal_samples_allow_no_claim(criterion: Criterion) -> None:
    one, many = np.array([1.0]), np.ones(50)
    for new, old in ((one, one), (one, many), (many, many)):
        effect = compare_sides(new, old, criterion, **LEVELS)
        assert effect.p_value > 0.4
    assert compare_sides(one, one, criterion, **LEVELS).upper is None or criterion.statistic.value == "share"


def test_a_relative_change_from_nothing_has_no_value() -> None:
    effect = compare_sides(np.ones(50), np.zeros(50), COST, **LEVELS)
    assert (effect.effect, effect.upper, effect.detectable) == (None, None, None)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 50), st.floats(0.001, 0.2))
def test_all_looks_spend_what_was_planned(looks: int, alpha: float) -> None:
    spent = [spend_alpha(alpha, look, looks) for look in range(1, looks + 1)]
    assert sum(spent) == pytest.approx(alpha)
    assert all(one > 0 for one in spent)
    assert spent == sorted(spent, reverse=True), "it spends early: a bad version is to be stopped soon"
    with pytest.raises(ValueError, match="look"):
        spend_alpha(alpha, looks + 1, looks)
