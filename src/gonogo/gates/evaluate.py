"""One gate against one measurement: the evaluator behind every threshold.

No data, a dead source and a number that is none never pass; what cannot be judged keeps its own typed outcome.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gonogo.gates.exact import show_apart, show_number, to_exact
from gonogo.model.decision import Decision, decide
from gonogo.model.gate import (
    Comparison,
    Direction,
    FlawKind,
    GateResult,
    GateSpec,
    Interval,
    Measurement,
    NoDataPolicy,
    Number,
    Scale,
    Weight,
    measurement_key,
)
from gonogo.model.outcome import CheckResult, InconclusiveReason, Outcome, SourceRef

GATE_CHECK = "gate"
_HOLDS: dict[Comparison, Callable[[Fraction, Fraction], bool]] = {
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.ABOVE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
    Comparison.EQUAL: operator.eq,
    Comparison.NOT_EQUAL: operator.ne,
}
_SIGN = {
    Comparison.BELOW: ("<", "≥"),
    Comparison.AT_MOST: ("≤", ">"),
    Comparison.ABOVE: (">", "≤"),
    Comparison.AT_LEAST: ("≥", "<"),
    Comparison.EQUAL: ("=", "≠"),
    Comparison.NOT_EQUAL: ("≠", "="),
}
_EMPTY = (FlawKind.NO_DATA, FlawKind.NOT_A_NUMBER, FlawKind.INFINITE)
_BROKEN = (FlawKind.QUERY_FAILED, FlawKind.UNIT_MISMATCH)


@dataclass(frozen=True, slots=True)
class _Judged:
    """The outcome before the gate's weight is laid on it; every step can only make it worse."""

    outcome: Outcome
    reasons: tuple[str, ...]
    compared: Fraction | None = None


def evaluate_gate(spec: GateSpec, current: Measurement, baseline: Measurement | None = None) -> GateResult:
    """Return what a gate comes to for a measurement; total, exact at the edge, and never a pass without data.

    Numbers are compared as the decimals that their shortest notation shows. Flaws of the data that the gate does not
    tolerate, a missing baseline, a zero or negative baseline under a relative limit, too few samples and an interval
    that reaches across the limit each keep the gate from passing.
    """
    judged = _judge(spec, current, baseline)
    outcome, would_block = judged.outcome, False
    reasons = judged.reasons
    if spec.weight is Weight.SOFT and outcome is Outcome.FAILED:
        outcome = Outcome.WARNED
        reasons = (f"{reasons[0]}; soft: needs a sign-off", *reasons[1:])
    if spec.weight is Weight.RECORDED and outcome is not Outcome.PASSED:
        would_block = True
        verb = "blocked" if outcome is Outcome.FAILED else "held"
        outcome = Outcome.WARNED if outcome is Outcome.FAILED else outcome
        reasons = (f"would have {verb}: {reasons[0]}", *reasons[1:])
    return GateResult(
        spec.id,
        outcome,
        spec.weight.cls,
        spec.weight,
        spec.severity,
        current.value,
        judged.compared,
        spec.limit,
        spec.comparison,
        current.n,
        current.interval,
        baseline.value if baseline is not None else None,
        spec.unit or current.unit,
        "; ".join(reasons),
        reasons,
        would_block,
    )


def evaluate_gates(
    specs: Sequence[GateSpec],
    measurements: Mapping[str, Measurement],
    baselines: Mapping[str, Measurement] | None = None,
) -> list[GateResult]:
    """Return a result for every gate, in their order; a metric that was never measured is no data.

    Measurements are filed under the gates' `reads`. A gate that names a baseline metric is compared with that, else
    with what `baselines` holds of its own metric.
    """
    return [evaluate_gate(spec, *_sides(spec, measurements, baselines or {})) for spec in specs]


def _sides(
    spec: GateSpec, measurements: Mapping[str, Measurement], baselines: Mapping[str, Measurement]
) -> tuple[Measurement, Measurement | None]:
    current = measurements.get(spec.reads)
    if current is None:
        current = Measurement.missing(spec.metric, FlawKind.NO_DATA, "it was never measured")
    if spec.baseline is not None:
        return current, measurements.get(measurement_key(spec.baseline, spec.window))
    return current, baselines.get(spec.reads, baselines.get(spec.metric))


def to_check(result: GateResult, source: SourceRef, *, case: str | None = None) -> CheckResult:
    """Return a gate's result as a check of the decision, such as `GATE-3/gate`."""
    sign = _SIGN[result.comparison][0]
    expected = f"{sign} {show_number(result.limit)}"
    observed = "no value" if result.value is None else show_number(result.value)
    reasons = () if result.outcome is Outcome.PASSED else result.reasons
    return CheckResult(case or result.id, GATE_CHECK, result.outcome, result.cls, source, reasons, expected, observed)


def decide_gates(results: Iterable[GateResult]) -> Decision:
    """Return the decision over gates alone; none at all, or only recorded ones, is HOLD."""
    return decide([to_check(result, SourceRef("gates.yaml", 1)) for result in results])


def _judge(spec: GateSpec, current: Measurement, baseline: Measurement | None) -> _Judged:
    """Return the outcome of the data first, and only then of the comparison."""
    name = spec.title or spec.metric
    broken = _find_broken(spec, current, baseline, name)
    if broken is not None:
        return broken
    value = None if current.value is None else to_exact(current.value)
    if value is None:
        what = "no value" if current.value is None else f"the value is {current.value}"
        return _no_data(spec, name, _explain(current, what))
    if current.n is not None and current.n <= 0:
        return _no_data(spec, name, "n=0")
    compared = _compare_with(spec, value, baseline, name)
    if isinstance(compared, _Judged):
        return compared
    passed = _HOLDS[spec.comparison](compared, Fraction(spec.limit))
    sentence = _sentence(spec, current, baseline, compared, passed, name)
    few = _too_few(spec, current, baseline, name)
    if few and not (spec.is_zero_tolerance and not passed):
        return _Judged(Outcome.INCONCLUSIVE, (few, sentence), compared)
    if not passed:
        return _Judged(Outcome.FAILED, (sentence, *_flaws(spec, current, baseline)), compared)
    return _soften(spec, current, baseline, sentence, compared)


def _soften(
    spec: GateSpec,
    current: Measurement,
    baseline: Measurement | None,
    sentence: str,
    compared: Fraction,
) -> _Judged:
    """Return a pass, unless a flaw of the data or an interval across the limit takes it away."""
    serious = _flaws(spec, current, baseline)
    if serious:
        return _Judged(Outcome.INCONCLUSIVE, (f"{InconclusiveReason.NO_DATA.value}: {serious[0]}", sentence), compared)
    if spec.whole_interval and not _interval_passes(spec, current.interval, baseline):
        text = "its interval reaches across the limit" if current.interval else "it has no interval"
        few = f"{InconclusiveReason.TOO_FEW_SAMPLES.value}: {text}"
        return _Judged(Outcome.INCONCLUSIVE, (few, sentence), compared)
    tolerated = [str(flaw) for flaw in current.problems if flaw.kind in spec.tolerate]
    return _Judged(Outcome.PASSED, (sentence, *tolerated), compared)


def _find_broken(spec: GateSpec, current: Measurement, baseline: Measurement | None, name: str) -> _Judged | None:
    """Return the outcome of data that must not be compared at all, worst first."""
    sides = [("", current)]
    if spec.needs_baseline and baseline is not None:
        sides.append(("baseline ", baseline))
    for label, side in sides:
        for flaw in side.problems:
            if flaw.kind in _BROKEN:
                return _Judged(Outcome.ERROR, (f"{label}{name}: {flaw}",))
        if spec.unit and side.unit and spec.unit != side.unit and spec.scale is Scale.ABSOLUTE:
            text = f"{label}{name}: unit_mismatch: the gate is in {spec.unit}, the measurement in {side.unit}"
            return _Judged(Outcome.ERROR, (text,))
    if len(sides) == 2 and current.unit and baseline and baseline.unit and current.unit != baseline.unit:
        text = f"{name}: unit_mismatch: the measurement is in {current.unit}, its baseline in {baseline.unit}"
        return _Judged(Outcome.ERROR, (text,))
    for label, side in sides:
        for flaw in side.problems:
            if flaw.kind is FlawKind.STALE and flaw.kind not in spec.tolerate:
                return _Judged(Outcome.INCONCLUSIVE, (f"stale: {label}{name}: {flaw.text}",))
    return None


def _compare_with(spec: GateSpec, value: Fraction, baseline: Measurement | None, name: str) -> Fraction | _Judged:
    """Return the quantity that the limit speaks of, or why there is none."""
    if not spec.needs_baseline:
        return value
    if baseline is None:
        return _no_data(spec, name, "no baseline to compare with")
    other = None if baseline.value is None else to_exact(baseline.value)
    if other is None or (baseline.n is not None and baseline.n <= 0):
        shown = "has no value" if baseline.value is None else f"is {show_number(baseline.value)}"
        shown = "has n=0" if other is not None else shown
        return _no_data(spec, name, f"the baseline {shown}")
    if spec.scale is Scale.RELATIVE and other <= 0:
        what = "is 0" if other == 0 else f"is {show_number(other)}, which is negative"
        return _no_data(spec, name, f"the baseline {what}: a relative change has no meaning")
    return _quantity(spec, value, other)


def _quantity(spec: GateSpec, value: Fraction, other: Fraction) -> Fraction:
    moved = {
        Direction.VALUE: value,
        Direction.RISE: value - other,
        Direction.DROP: other - value,
        Direction.CHANGE: abs(value - other),
    }[spec.direction]
    return moved / other if spec.scale is Scale.RELATIVE else moved


def _no_data(spec: GateSpec, name: str, why: str) -> _Judged:
    outcome = Outcome.FAILED if spec.no_data is NoDataPolicy.FAIL else Outcome.INCONCLUSIVE
    return _Judged(outcome, (f"{InconclusiveReason.NO_DATA.value}: {name}: {why}",))


def _explain(current: Measurement, what: str) -> str:
    texts = [flaw.text for flaw in current.problems if flaw.kind in _EMPTY]
    return texts[0] if texts else what


def _flaws(spec: GateSpec, current: Measurement, baseline: Measurement | None) -> tuple[str, ...]:
    """Return the flaws of the data that the gate does not tolerate."""
    found = [str(flaw) for flaw in current.problems if flaw.kind not in spec.tolerate]
    if spec.needs_baseline and baseline is not None:
        found += [f"baseline {flaw}" for flaw in baseline.problems if flaw.kind not in spec.tolerate]
    return tuple(found)


def _too_few(spec: GateSpec, current: Measurement, baseline: Measurement | None, name: str) -> str:
    """Return why there are too few samples, or an empty text; an unknown number shows nothing."""
    if spec.min_samples <= 1:
        return ""
    sides = [("", current)]
    if spec.needs_baseline and baseline is not None:
        sides.append(("baseline ", baseline))
    for label, side in sides:
        if side.n is None or side.n < spec.min_samples:
            seen = "n is unknown" if side.n is None else f"n={side.n:,}"
            reason = InconclusiveReason.TOO_FEW_SAMPLES.value
            return f"{reason}: {label}{name}: {seen}, at least {spec.min_samples:,} needed"
    return ""


def _interval_passes(spec: GateSpec, interval: Interval | None, baseline: Measurement | None) -> bool:
    """Return whether both ends of the interval, and all between them, pass."""
    ends = [to_exact(interval.low), to_exact(interval.high)] if interval is not None else [None]
    other = to_exact(baseline.value) if baseline is not None and baseline.value is not None else None
    limit = Fraction(spec.limit)
    quantities = []
    for end in ends:
        if end is None:
            return False
        if not spec.needs_baseline:
            quantities.append(end)
        elif other is None:
            return False
        else:
            quantities.append(_quantity(spec, end, other))
    if spec.direction is Direction.CHANGE and interval is not None and other is not None:
        low, high = ends[0], ends[1]
        if low is not None and high is not None and low <= other <= high:
            quantities.append(Fraction(0))
    if spec.comparison is Comparison.NOT_EQUAL and min(quantities) <= limit <= max(quantities):
        return False
    return all(_HOLDS[spec.comparison](quantity, limit) for quantity in quantities)


def _sentence(
    spec: GateSpec,
    current: Measurement,
    baseline: Measurement | None,
    compared: Fraction,
    passed: bool,
    name: str,
) -> str:
    """Return one line such as `p95 612 ms > 500 ms (limit), n=4,200`."""
    sign = _SIGN[spec.comparison][0 if passed else 1]
    unit = spec.unit or current.unit
    tail = "" if current.n is None else f", n={current.n:,}"
    if current.interval is not None:
        ends = f"{show_number(current.interval.low)} to {show_number(current.interval.high)}"
        tail += f", {show_number(current.interval.level * 100)} % interval {ends}"
    if not spec.needs_baseline:
        seen, limit = show_apart(compared, spec.limit)
        return f"{name} {_with_unit(seen, unit)} {sign} {_with_unit(limit, unit)} (limit){tail}"
    what = {"value": "ratio", "rise": "rise", "drop": "drop", "change": "change"}[spec.direction.value]
    factor = 100 if spec.scale is Scale.RELATIVE and spec.direction is not Direction.VALUE else 1
    seen, limit = show_apart(compared * factor, Fraction(spec.limit) * factor)
    mark = "%" if factor == 100 else (unit if spec.scale is Scale.ABSOLUTE else None)
    sides = (number for number in (current.value, baseline.value if baseline else None) if number is not None)
    now, then = (show_number(number) for number in sides)
    against = f"{_with_unit(now, unit)} against {_with_unit(then, unit)} (baseline)"
    return f"{name} {what} {_with_unit(seen, mark)} {sign} {_with_unit(limit, mark)} (limit), {against}{tail}"


def _with_unit(number: str, unit: str | None) -> str:
    return f"{number} {unit}" if unit else number


def result_number(value: Number | None) -> str:
    """Return a number of a result for a table, `-` for none."""
    return "-" if value is None else show_number(value)
