"""Intervals beside a figure: proportions, zero failures, and anything by bootstrap with a seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any

from gonogo.errors import GateInputError
from gonogo.extras import import_extra
from gonogo.model.gate import Interval

LEVEL = 0.95


def wilson_interval(k: int, n: int, level: float = LEVEL) -> Interval:
    """Return Wilson's score interval of a proportion k/n.

    Raises `GateInputError` for n = 0: no data has no interval. Source: Wilson, Probable Inference, JASA 22 (1927);
    recommended for small n by Brown, Cai and DasGupta, Statistical Science 16 (2001).
    """
    _check_counts(k, n, level)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, shrink = k / n, 1 + z * z / n
    centre = (share + z * z / (2 * n)) / shrink
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / shrink
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Interval(0.0 if k == 0 else low, 1.0 if k == n else high, level, "Wilson")


def exact_binomial_interval(k: int, n: int, level: float = LEVEL) -> Interval:
    """Return the exact interval of a proportion k/n, which covers at least `level` for every n.

    Raises `GateInputError` for n = 0. Needs scipy. Source: Clopper and Pearson, Biometrika 26 (1934), as quantiles of
    the beta distribution.
    """
    _check_counts(k, n, level)
    beta = import_extra("scipy.stats", "gates").beta
    tail = (1 - level) / 2
    low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(1 - tail, k + 1, n - k))
    return Interval(low, high, level, "Clopper-Pearson")


def rule_of_three(n: int, level: float = LEVEL) -> float:
    """Return the rate that n trials without one failure rule out at a level (one-sided upper bound, exact).

    About 3/n at 95 %, hence the name. Raises `GateInputError` for n = 0. Source: Hanley and Lippman-Hand, If Nothing
    Goes Wrong, Is Everything All Right?, JAMA 249 (1983).
    """
    _check_counts(0, n, level)
    # expm1 keeps the digits that 1 - (1 - level) ** (1 / n) loses for large n.
    return -math.expm1(math.log1p(-level) / n)


def bootstrap_interval(
    values: Sequence[float],
    statistic: Callable[[Any], Any],
    *,
    seed: int,
    resamples: int = 2000,
    level: float = LEVEL,
) -> Interval:
    """Return the percentile bootstrap interval of a statistic over independent values.

    `statistic` takes a two-dimensional array, one resample a row, and returns one figure a row. The same seed gives the
    same interval. Raises `GateInputError` for fewer than two values and for values that are not finite. Needs numpy.
    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    _check_level(level)
    np = import_extra("numpy", "gates")
    data = np.asarray(values, dtype=float)
    if data.ndim != 1 or data.size < 2:
        raise GateInputError(f"a bootstrap over {data.size} values; at least 2 are needed")
    if not np.isfinite(data).all():
        raise GateInputError("a bootstrap over values that are not finite")
    if resamples < 100:
        raise GateInputError(f"{resamples} resamples; at least 100 are needed")
    generator = np.random.default_rng(seed)
    figures: list[float] = []
    # A few million numbers at a time: a large sample must not need gigabytes.
    chunk = max(1, 4_000_000 // data.size)
    while len(figures) < resamples:
        rows = min(chunk, resamples - len(figures))
        figures += np.asarray(statistic(data[generator.integers(0, data.size, (rows, data.size))])).tolist()
    return percentile_interval(figures, level, "bootstrap")


def percentile_interval(figures: Sequence[float], level: float, method: str) -> Interval:
    """Return the middle `level` of resampled figures; raises `GateInputError` where one of them is not finite."""
    np = import_extra("numpy", "gates")
    if not figures or not np.isfinite(figures).all():
        raise GateInputError("a resample has no finite figure, so there is no interval")
    low, high = np.quantile(figures, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level, method)


def _check_counts(k: int, n: int, level: float) -> None:
    _check_level(level)
    if n <= 0 or not 0 <= k <= n:
        raise GateInputError(f"{k} of {n} is no proportion; no data has no interval")


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise GateInputError(f"a confidence level of {level}; allowed: between 0 and 1, such as 0.95")


def quantile_interval(values: Sequence[float], quantile: float, level: float = LEVEL) -> Interval | None:
    """Return the interval of a quantile between two observed values, or None where they are too few to bound it.

    It holds for independent values of any distribution. Needs scipy. Source: Conover, Practical Nonparametric
    Statistics, 3rd ed. (1999), section 3.2.
    """
    _check_level(level)
    if not 0 < quantile < 1:
        raise GateInputError(f"a quantile of {quantile}; allowed: between 0 and 1")
    n = len(values)
    if n == 0:
        return None
    binom = import_extra("scipy.stats", "gates").binom
    # The k-th smallest value lies above the quantile unless k or more values lie below it.
    low = int(binom.ppf((1 - level) / 2, n, quantile))
    high = int(binom.ppf((1 + level) / 2, n, quantile)) + 1
    if low < 1 or high > n:
        return None
    ordered = sorted(values)
    return Interval(float(ordered[low - 1]), float(ordered[high - 1]), level, "order statistics")
