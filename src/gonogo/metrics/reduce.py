"""A frame → one measurement; what cannot be reduced without guessing becomes a flaw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from gonogo.metrics.inspect import find_flaws
from gonogo.metrics.interface import Answer, NoData, QueryFailed, Reading, Span
from gonogo.model.gate import Flaw, FlawKind, Measurement, Number
from gonogo.model.metric import Across, MetricSpec, Reduce

_EXACT_UP_TO = 10_000


def reduce_answer(metric: str, spec: MetricSpec, answer: Answer, span: Span) -> Measurement:
    """Return the measurement of an answer, with every flaw found; no data and failed queries keep their reasons."""
    if isinstance(answer, QueryFailed):
        return Measurement.missing(metric, FlawKind.QUERY_FAILED, answer.reason, spec.source)
    if isinstance(answer, NoData):
        return Measurement.missing(metric, FlawKind.NO_DATA, answer.reason, spec.source)
    if not len(answer.frame):
        return Measurement.missing(metric, FlawKind.NO_DATA, "an empty frame", spec.source)
    return _reduce_reading(metric, spec, answer, span)


def _reduce_reading(metric: str, spec: MetricSpec, reading: Reading, span: Span) -> Measurement:
    frame = reading.frame
    flaws = [*reading.flaws, *find_flaws(frame, spec, span)]
    series: dict[str, list[float]] = {}
    for labels, seen in zip(frame["labels"].tolist(), frame["value"].tolist(), strict=True):
        series.setdefault(labels, []).append(seen)
    finite = {labels: list(filter(math.isfinite, values)) for labels, values in series.items()}
    value: Number | None = None
    if spec.reduce is Reduce.LAST and any(not math.isfinite(values[-1]) for values in series.values()):
        # The last sample says what is now; the one before it does not stand in for it.
        value = next(values[-1] for values in series.values() if not math.isfinite(values[-1]))
    elif all(finite.values()):
        value = _combine(spec, [reduce_values(values, spec.reduce) for values in finite.values()], flaws)
    times = [time for time in frame["time"].tolist() if time is not None and time == time]
    at = max(times).to_pydatetime().astimezone(UTC) if times else None
    units = {unit for unit in frame["unit"] if isinstance(unit, str)}
    unit = spec.unit if spec.unit is not None else (units.pop() if len(units) == 1 else None)
    n = _count(spec, reading, finite)
    return Measurement(metric, value, n, None, unit, at, spec.source, tuple(dict.fromkeys(flaws)))


def _count(spec: MetricSpec, reading: Reading, finite: dict[str, list[float]]) -> int:
    """Return the number of samples: what the source was asked for, what its rows carry, else the data points."""
    if reading.n is not None:
        return reading.n
    counts = reading.frame["n"].dropna()
    if len(counts):
        return int(counts.iloc[-1] if spec.reduce is Reduce.LAST and len(finite) == 1 else counts.sum())
    return len(finite) if spec.reduce is Reduce.LAST else sum(map(len, finite.values()))


def _combine(spec: MetricSpec, figures: Sequence[Number], flaws: list[Flaw]) -> Number | None:
    if len(figures) == 1:
        return figures[0]
    if spec.across is Across.ONLY:
        text = f"{len(figures)} series answered where one was expected; say 'across: max' or narrow the query"
        flaws.append(Flaw(FlawKind.QUERY_FAILED, text))
        return None
    exact = [as_fraction(figure) for figure in figures]
    total: Fraction = {Across.SUM: sum, Across.MAX: max, Across.MIN: min}[spec.across](exact)  # type: ignore[operator]
    return total


def reduce_values(values: Sequence[float], how: Reduce) -> Number:
    """Return one figure of finite values in the order of time; sums and means are exact up to 10,000 values.

    Percentiles are nearest-rank: the smallest observed value that at least the share of all values does not exceed.
    Raises `ValueError` for no values.
    """
    if not values:
        raise ValueError("no values have no figure")
    quantile = how.quantile
    if quantile is not None:
        percent = round(quantile * 100)
        rank = -(-percent * len(values) // 100)
        return sorted(values)[max(rank, 1) - 1]
    if how is Reduce.COUNT:
        return len(values)
    if how is Reduce.INCREASE:
        # After a reset the counter began at zero; the flaw beside the figure says that one happened.
        steps = [after - before if after >= before else after for before, after in _exact_pairs(values)]
        return sum(steps, Fraction(0))
    if how is Reduce.LAST:
        return values[-1]
    if how in (Reduce.MAX, Reduce.MIN):
        return max(values) if how is Reduce.MAX else min(values)
    if len(values) > _EXACT_UP_TO:
        total = math.fsum(values)
        if how is Reduce.SUM:
            return total
        return Fraction(int(total), len(values)) if total.is_integer() else total / len(values)
    exact = sum(map(as_fraction, values), Fraction(0))
    return exact if how is Reduce.SUM else exact / len(values)


def _exact_pairs(values: Sequence[float]) -> list[tuple[Fraction, Fraction]]:
    return list(pairwise(map(as_fraction, values)))


def as_fraction(value: Number) -> Fraction:
    """Return a finite number as the fraction that its shortest notation stands for."""
    return (
        value if isinstance(value, Fraction) else Fraction(Decimal(repr(value) if isinstance(value, float) else value))
    )


def divide(metric: str, part: Measurement, whole: Measurement, unit: str | None) -> Measurement:
    """Return a share of two measurements; the n of a share of counts is the whole. Nothing of nothing is no data."""
    problems = tuple(dict.fromkeys((*part.problems, *whole.problems)))
    at = min((moment for moment in (part.at, whole.at) if moment is not None), default=None)
    if part.value is None or whole.value is None or not _usable(part.value) or not _usable(whole.value):
        bad = part.value if part.value is None or not _usable(part.value) else whole.value
        return Measurement(metric, bad, None, None, unit, at, part.source, problems)
    top, bottom = as_fraction(part.value), as_fraction(whole.value)
    if bottom == 0:
        flaw = Flaw(FlawKind.NO_DATA, f"{_show(top)} of 0: the whole is empty")
        return Measurement(metric, None, 0, None, unit, at, part.source, (*problems, flaw))
    n = int(bottom) if bottom.denominator == 1 and bottom > 0 else whole.n
    return Measurement(metric, top / bottom, n, None, unit, at, part.source, problems)


def _usable(value: Number) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, Fraction) or math.isfinite(value)


def _show(value: Fraction) -> str:
    return f"{float(value):g}"
