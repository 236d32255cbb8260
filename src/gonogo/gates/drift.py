"""Drift between two distributions over categories: how far, how sure, how bad, and which categories moved."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from gonogo.errors import GateInputError
from gonogo.extras import import_extra
from gonogo.gates.exact import show_number
from gonogo.gates.statistics import LEVEL, percentile_interval
from gonogo.model.drift_file import DriftThresholds
from gonogo.model.gate import Interval, Measurement, Severity
from gonogo.model.outcome import CheckClass, CheckResult, InconclusiveReason, Outcome, SourceRef

Shares: TypeAlias = Mapping[str, float]
Counts: TypeAlias = Mapping[str, int]
EPSILON = 1e-4
SCHEMA = "gonogo/drift/1"


def population_stability_index(baseline: Shares, current: Shares, *, epsilon: float = EPSILON) -> float:
    """Return the PSI between two share vectors over the same categories (dimensionless, ≥ 0).

    Adds `epsilon` to both sides before the logarithm. Raises `GateInputError` if the categories differ or either side
    is empty: no data has no PSI. Source: Siddiqi, Credit Risk Scorecards (2006).
    """
    pairs = _pairs(baseline, current)
    if epsilon <= 0:
        raise GateInputError(f"an epsilon of {epsilon}; allowed: more than 0")
    return math.fsum((c - b) * math.log((c + epsilon) / (b + epsilon)) for b, c in pairs)


def jensen_shannon_divergence(baseline: Shares, current: Shares) -> float:
    """Return the Jensen-Shannon divergence of two share vectors in nats (0 to ln 2).

    A share of zero adds nothing on its own side, so no epsilon is needed. Raises `GateInputError` if the categories
    differ or either side is empty. Source: Lin, Divergence Measures Based on the Shannon Entropy, IEEE Trans. Inf.
    Theory 37 (1991).
    """
    pairs = _pairs(baseline, current)
    terms = [0.5 * x * math.log(2 * x / (b + c)) for b, c in pairs for x in (b, c) if x > 0]
    return max(0.0, math.fsum(terms))


def _pairs(baseline: Shares, current: Shares) -> list[tuple[float, float]]:
    if not baseline or not current:
        raise GateInputError("no categories on one side; no data has no divergence")
    if set(baseline) != set(current):
        odd = ", ".join(map(repr, sorted(set(baseline) ^ set(current))[:5]))
        raise GateInputError(f"the categories differ: {odd}")
    for name, side in (("baseline", baseline), ("current", current)):
        total = math.fsum(side.values())
        wrong = any(not math.isfinite(share) or share < 0 for share in side.values())
        if wrong or not math.isclose(total, 1.0, abs_tol=1e-6):
            raise GateInputError(f"the {name} is no share vector: its shares are not all ≥ 0 with a sum of 1")
    return [(baseline[name], current[name]) for name in baseline]


def grade_drift(psi: float, js: float, thresholds: DriftThresholds | None = None) -> Severity | None:
    """Return the worst severity that either figure reaches, or None below all; raises `GateInputError` for NaN."""
    if not (math.isfinite(psi) and math.isfinite(js)):
        raise GateInputError("a divergence that is no finite number has no severity")
    known = thresholds or DriftThresholds()
    # Figures to nine places: sums of logarithms differ in their last digits from one machine to the next.
    seen_psi, seen_js = (Decimal(repr(round(value, 9))) for value in (psi, js))
    for severity in Severity:
        if seen_psi > getattr(known.psi, severity) or seen_js > getattr(known.js, severity):
            return severity
    return None


@dataclass(frozen=True, slots=True)
class Drift:
    """What comparing one column came to; `psi` and `js` are None where there was nothing to compare.

    `by_chance` is the PSI that samples of this size show on average although nothing moved.
    """

    column: str
    outcome: Outcome
    reasons: tuple[str, ...]
    psi: float | None
    js: float | None
    psi_interval: Interval | None
    js_interval: Interval | None
    severity: Severity | None
    n_baseline: int
    n_current: int
    by_chance: float | None
    unseen: tuple[str, ...]
    vanished: tuple[str, ...]
    shares: Mapping[str, tuple[float, float]]

    @property
    def suggests_rollback(self) -> bool:
        """Return whether the drift is critical, and judged on enough samples."""
        return self.severity is Severity.CRITICAL and self.outcome is Outcome.FAILED

    def to_json(self) -> dict[str, Any]:
        """Return the drift as JSON data."""
        return {
            "column": self.column,
            "outcome": self.outcome.name,
            "severity": self.severity.value if self.severity else None,
            "suggest_rollback": self.suggests_rollback,
            "psi": self.psi,
            "psi_interval": self.psi_interval.to_json() if self.psi_interval else None,
            "js": self.js,
            "js_interval": self.js_interval.to_json() if self.js_interval else None,
            "psi_by_chance": self.by_chance,
            "n": {"baseline": self.n_baseline, "current": self.n_current},
            "unseen": list(self.unseen),
            "vanished": list(self.vanished),
            "shares": {name: {"baseline": b, "current": c} for name, (b, c) in self.shares.items()},
            "reasons": list(self.reasons),
        }

    def to_check(self, source: SourceRef) -> CheckResult:
        """Return the drift as a check of the decision, such as `DRIFT-intent/drift`."""
        observed = "no data" if self.psi is None else f"PSI {show_number(self.psi)}"
        reasons = () if self.outcome is Outcome.PASSED else self.reasons
        case = f"DRIFT-{self.column}"
        return CheckResult(case, "drift", self.outcome, CheckClass.REQUIRED, source, reasons, "no drift", observed)

    def to_measurements(self, source: str = "") -> dict[str, Measurement]:
        """Return the PSI and JS of the column as measurements that gates can judge; n is the smaller side."""
        n = min(self.n_baseline, self.n_current)
        sides = (("psi", self.psi, self.psi_interval), ("js", self.js, self.js_interval))
        return {
            f"{name}_{self.column}": Measurement(f"{name}_{self.column}", value, n, interval, source=source)
            for name, value, interval in sides
        }


def measure_drift(
    column: str,
    baseline: Counts,
    current: Counts,
    *,
    seed: int,
    thresholds: DriftThresholds | None = None,
    resamples: int = 1000,
    level: float = LEVEL,
) -> Drift:
    """Return the drift of a column between two sets of counts by category.

    Critical drift FAILS and suggests a rollback, anything milder is WARNED and waits for a sign-off. An empty side is
    INCONCLUSIVE(no_data), too small a side INCONCLUSIVE(too_few_samples). Needs numpy. Raises `GateInputError` for
    negative counts.
    """
    known = thresholds or DriftThresholds()
    for side in (baseline, current):
        if any(isinstance(count, bool) or not isinstance(count, int) or count < 0 for count in side.values()):
            raise GateInputError(f"column {column!r}: counts are whole numbers ≥ 0")
    n_baseline, n_current = sum(baseline.values()), sum(current.values())
    if not n_baseline or not n_current:
        empty = " and ".join(name for name, n in (("baseline", n_baseline), ("current", n_current)) if not n)
        text = f"{InconclusiveReason.NO_DATA.value}: {column}: no values in the {empty}"
        return _empty(column, text, n_baseline, n_current)
    names = [name for name in dict.fromkeys((*baseline, *current)) if baseline.get(name, 0) or current.get(name, 0)]
    before = {name: baseline.get(name, 0) / n_baseline for name in names}
    after = {name: current.get(name, 0) / n_current for name in names}
    psi, js = population_stability_index(before, after), jensen_shannon_divergence(before, after)
    severity = grade_drift(psi, js, known)
    psi_interval, js_interval = _bootstrap(before, after, n_baseline, n_current, seed, resamples, level)
    unseen = tuple(name for name in names if not baseline.get(name, 0))
    vanished = tuple(name for name in names if not current.get(name, 0))
    outcome, reasons = _judge(column, psi, js, severity, n_baseline, n_current, known, psi_interval)
    reasons += tuple(
        f"{column}: {what}: {', '.join(map(repr, listed))}"
        for what, listed in (("never seen in the baseline", unseen), ("vanished", vanished))
        if listed
    )
    return Drift(
        column,
        outcome,
        reasons,
        psi,
        js,
        psi_interval,
        js_interval,
        severity,
        n_baseline,
        n_current,
        (len(names) - 1) * (1 / n_baseline + 1 / n_current),
        unseen,
        vanished,
        {name: (before[name], after[name]) for name in names},
    )


def _empty(column: str, text: str, n_baseline: int, n_current: int) -> Drift:
    nothing = (None, None, None, None, None)
    return Drift(column, Outcome.INCONCLUSIVE, (text,), *nothing, n_baseline, n_current, None, (), (), {})


def _judge(
    column: str,
    psi: float,
    js: float,
    severity: Severity | None,
    n_baseline: int,
    n_current: int,
    known: DriftThresholds,
    interval: Interval,
) -> tuple[Outcome, tuple[str, ...]]:
    between = f"{show_number(interval.low)} to {show_number(interval.high)}"
    figures = f"PSI {show_number(psi)} ({show_number(interval.level * 100)} % interval {between}), JS {show_number(js)}"
    tail = f"n={n_baseline:,} baseline, {n_current:,} current"
    word = severity.value if severity else "no"
    sentence = f"{column}: {word} drift: {figures}, {tail}"
    if min(n_baseline, n_current) < known.min_samples:
        few = f"{InconclusiveReason.TOO_FEW_SAMPLES.value}: {column}: {tail}, at least {known.min_samples:,} needed"
        return Outcome.INCONCLUSIVE, (few, sentence)
    if severity is Severity.CRITICAL:
        return Outcome.FAILED, (f"{sentence}; rolling back is suggested",)
    return (Outcome.WARNED if severity else Outcome.PASSED), (sentence,)


def _bootstrap(
    before: Shares, after: Shares, n_baseline: int, n_current: int, seed: int, resamples: int, level: float
) -> tuple[Interval, Interval]:
    """Return the percentile intervals of PSI and JS over resampled counts of both sides."""
    np = import_extra("numpy", "gates")
    generator = np.random.default_rng(seed)
    sides = []
    for shares, n in ((before, n_baseline), (after, n_current)):
        exact = np.array(list(shares.values()), dtype=float)
        sides.append(generator.multinomial(n, exact / exact.sum(), resamples) / n)
    b, c = sides
    psi = ((c - b) * np.log((c + EPSILON) / (b + EPSILON))).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.where(x > 0, x * np.log(2 * x / (b + c)), 0.0) for x in (b, c)]
    js = 0.5 * (parts[0] + parts[1]).sum(axis=1)
    return percentile_interval(psi.tolist(), level, "bootstrap"), percentile_interval(js.tolist(), level, "bootstrap")
