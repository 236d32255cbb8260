"""Two versions compared on one figure: the effect with a bound, a test, and what the samples could have shown.

The bound combines an interval of each side (MOVER: Zou and Donner, Statistics in Medicine 27 (2008); for shares this is
Newcombe's method 10, Statistics in Medicine 17 (1998)). Nothing here assumes a shape of the distribution, except that
means of many values are near normal. Samples are taken as independent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from gonogo.extras import import_extra
from gonogo.gates.statistics import wilson_interval
from gonogo.model.canary import Criterion, Statistic
from gonogo.model.gate import Direction, Scale

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure of one side with its interval and number of samples."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Effect:
    """How much worse the new side is, in the criterion's terms; negative is better.

    `upper` bounds it from above at the level asked for, `p_value` is of "the new side is no worse", `detectable` the
    least worsening that samples of this size show with the asked power. None is what cannot be computed.
    """

    new: Estimate
    old: Estimate
    effect: float | None
    upper: float | None
    p_value: float
    detectable: float | None
    test: str


def compare_sides(
    new: Any, old: Any, criterion: Criterion, *, test_level: float, bound_level: float, power: float
) -> Effect:
    """Return the effect between two non-empty arrays; true and false count as 1 and 0.

    `test_level` and `bound_level` are one-sided error rates.
    """
    z = _NORMAL.inv_cdf(1 - bound_level)
    here, there = _estimate(new, criterion, z), _estimate(old, criterion, z)
    p_value, test = _test(new, old, criterion)
    effect = upper = detectable = None
    relative = criterion.scale is Scale.RELATIVE
    if not relative or there.value > 0:
        effect = _worsening(here.value, there.value, criterion)
        upper = _upper_bound(here, there, criterion)
        if upper is not None:
            tests = 1 if criterion.statistic is Statistic.SHARE else 2
            reach = (_NORMAL.inv_cdf(1 - test_level / tests) + _NORMAL.inv_cdf(power)) / z
            spread = _spread(here, there, criterion)
            if spread is not None:
                detectable = math.expm1(spread * reach) if relative else spread * reach
    return Effect(here, there, effect, upper, p_value, detectable, test)


def _worsening(new: float, old: float, criterion: Criterion) -> float:
    moved = new - old if criterion.direction is Direction.RISE else old - new
    return moved / old if criterion.scale is Scale.RELATIVE else moved


def _estimate(values: Any, criterion: Criterion, z: float) -> Estimate:
    """Return the figure of one side with its two-sided interval of z standard errors."""
    np = import_extra("numpy", "gates")
    n = int(values.size)
    if criterion.statistic is Statistic.SHARE:
        hits = int(values.sum())
        interval = wilson_interval(hits, n, 2 * _NORMAL.cdf(z) - 1)
        return Estimate(hits / n, interval.low, interval.high, n)
    quantile = criterion.statistic.quantile
    if quantile is None:
        mean = float(values.mean())
        error = float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else math.inf
        return Estimate(mean, mean - z * error, mean + z * error, n)
    # The interval of a quantile by the ranks around it: binomial, whatever the distribution.
    half = z * math.sqrt(n * quantile * (1 - quantile))
    ranks = [math.floor(n * quantile - half) - 1, math.ceil(quantile * n) - 1, math.ceil(n * quantile + half)]
    if ranks[0] < 0 or ranks[2] > n - 1:
        value = float(np.partition(values, ranks[1])[ranks[1]])
        return Estimate(value, -math.inf if ranks[0] < 0 else value, math.inf, n)
    ordered = np.partition(values, ranks)
    return Estimate(float(ordered[ranks[1]]), float(ordered[ranks[0]]), float(ordered[ranks[2]]), n)


def _spread(new: Estimate, old: Estimate, criterion: Criterion) -> float | None:
    """Return how far the upper bound lies from the estimate, on the scale of the difference or of the log ratio."""
    worse, better = (new, old) if criterion.direction is Direction.RISE else (old, new)
    ends = (worse.high, worse.value, better.value, better.low)
    if not all(math.isfinite(end) for end in ends):
        return None
    if criterion.scale is Scale.RELATIVE:
        if min(ends) <= 0:
            return None
        return math.hypot(math.log(worse.high / worse.value), math.log(better.value / better.low))
    return math.hypot(worse.high - worse.value, better.value - better.low)


def _upper_bound(new: Estimate, old: Estimate, criterion: Criterion) -> float | None:
    spread = _spread(new, old, criterion)
    if spread is None:
        return None
    if criterion.scale is Scale.ABSOLUTE:
        return _worsening(new.value, old.value, criterion) + spread
    if criterion.direction is Direction.RISE:
        return new.value / old.value * math.exp(spread) - 1
    return 1 - new.value / old.value * math.exp(-spread)


def _test(new: Any, old: Any, criterion: Criterion) -> tuple[float, str]:
    """Return the one-sided p of "the new side is no worse" with the name of the test.

    Shares: Fisher's exact test. Means and percentiles: Mann-Whitney, which sees a shift of the whole, beside a test of
    the figure itself (Welch for a mean, Fisher's exact test of the values beyond the pooled percentile), which sees a
    tail; the smaller p counts twice.
    """
    stats = import_extra("scipy.stats", "gates")
    np = import_extra("numpy", "gates")
    rises = criterion.direction is Direction.RISE
    if criterion.statistic is Statistic.SHARE:
        worse_new, worse_old = (int(side.sum()) if rises else int(side.size - side.sum()) for side in (new, old))
        return fisher_exact_greater(worse_new, new.size, worse_old, old.size), "Fisher exact"
    if np.ptp(np.concatenate([new, old])) == 0:
        return 1.0, "all values equal"
    side = "greater" if rises else "less"
    shift = float(stats.mannwhitneyu(new, old, alternative=side, method="asymptotic").pvalue)
    quantile = criterion.statistic.quantile
    if quantile is None:
        if min(new.size, old.size) < 2 or (new.std() == 0 and old.std() == 0):
            return shift, "Mann-Whitney"
        other = float(stats.ttest_ind(new, old, equal_var=False, alternative=side).pvalue)
        return min(1.0, 2 * min(shift, other)), "Mann-Whitney, Welch"
    edge = np.quantile(np.concatenate([new, old]), quantile)
    beyond = [int((one > edge).sum() if rises else (one <= edge).sum()) for one in (new, old)]
    other = fisher_exact_greater(beyond[0], new.size, beyond[1], old.size)
    return min(1.0, 2 * min(shift, other)), "Mann-Whitney, Fisher exact beyond the percentile"


def fisher_exact_greater(hits: int, n: int, other_hits: int, other_n: int) -> float:
    """Return the one-sided p of Fisher's exact test that the first share is not greater than the second."""
    hypergeom = import_extra("scipy.stats", "gates").hypergeom
    return min(1.0, float(hypergeom.sf(hits - 1, n + other_n, hits + other_hits, n)))


def spend_alpha(alpha: float, look: int, looks: int) -> float:
    """Return what a look may spend of `alpha`, so that all planned looks together spend no more than it.

    The increments of the spending function α·ln(1 + (e-1)·t), t = look / looks, used as the level of each look: by
    Bonferroni the sum holds whatever the looks have in common. Source: Lan and DeMets, Biometrika 70 (1983); the
    function is their approximation of Pocock's boundary, which spends early: a bad version is to be stopped soon.
    """
    if not 1 <= look <= looks:
        raise ValueError(f"look {look} of {looks}")

    def spent(number: int) -> float:
        return alpha * math.log1p((math.e - 1) * number / looks)

    return spent(look) - spent(look - 1)
