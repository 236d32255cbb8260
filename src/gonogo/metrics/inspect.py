"""What is wrong with a frame: everything is told, nothing is repaired."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from gonogo.metrics.interface import Frame, Span
from gonogo.model.gate import Flaw, FlawKind
from gonogo.model.metric import MetricSpec

_SLACK = 1.5


def find_flaws(frame: Frame, spec: MetricSpec, span: Span) -> tuple[Flaw, ...]:
    """Return the flaws of a frame: values that are none, duplicates, gaps, resets, staleness, other units."""
    flaws = [*_values(frame), *_units(frame, spec)]
    newest = None
    for labels, rows in frame.groupby("labels", sort=True):
        times = [None if time is None or time != time else time.timestamp() for time in rows["time"]]
        values = rows["value"].tolist()
        flaws += _duplicates(str(labels), times, values)
        known = sorted({time for time in times if time is not None})
        if spec.step is not None and span.seconds is not None:
            flaws += _gaps(str(labels), known, spec.step, span)
        if spec.counter:
            flaws += _resets(str(labels), values)
        if known:
            newest = max(known[-1], newest if newest is not None else -math.inf)
    if spec.stale_after is not None:
        flaws += _staleness(newest, spec.stale_after, span.end)
    return tuple(dict.fromkeys(flaws))


def _values(frame: Frame) -> Iterator[Flaw]:
    values = frame["value"].tolist()
    nan = sum(value != value for value in values)
    infinite = sum(math.isinf(value) for value in values)
    if nan:
        yield Flaw(FlawKind.NOT_A_NUMBER, f"{nan:,} of {len(values):,} values are NaN")
    if infinite:
        yield Flaw(FlawKind.INFINITE, f"{infinite:,} of {len(values):,} values are infinite")


def _units(frame: Frame, spec: MetricSpec) -> Iterator[Flaw]:
    seen = sorted({unit for unit in frame["unit"] if isinstance(unit, str)})
    if len(seen) > 1:
        yield Flaw(FlawKind.UNIT_MISMATCH, f"the data is in several units: {', '.join(seen)}")
    elif seen and spec.unit and seen[0] != spec.unit:
        yield Flaw(FlawKind.UNIT_MISMATCH, f"{spec.unit} was expected, the data is in {seen[0]}")


def _duplicates(labels: str, times: list[float | None], values: list[float]) -> Iterator[Flaw]:
    seen: dict[float, float] = {}
    alike = unlike = 0
    for time, value in zip(times, values, strict=True):
        if time is None:
            continue
        if time not in seen:
            seen[time] = value
        elif seen[time] == value:
            alike += 1
        else:
            unlike += 1
    if alike or unlike:
        text = f"{alike + unlike:,} samples of series {labels} share a time with another, {unlike:,} with another value"
        yield Flaw(FlawKind.DUPLICATE, text)


def _gaps(labels: str, times: list[float], step: float, span: Span) -> Iterator[Flaw]:
    """Tell where more than a step and a half passes without a sample, the ends of the span included."""
    edges = [span.start, *times, span.end]
    holes = [(before, after) for before, after in pairwise(edges) if after - before > step * _SLACK]
    if holes:
        longest = max(after - before for before, after in holes)
        share = sum(after - before for before, after in holes) / (span.end - span.start) * 100
        text = f"{len(holes):,} gaps in series {labels}, {share:.0f} % of the window, the longest {longest:g} s"
        yield Flaw(FlawKind.GAP, text)


def _resets(labels: str, values: list[float]) -> Iterator[Flaw]:
    resets = sum(after < before for before, after in pairwise(values))
    if resets:
        yield Flaw(FlawKind.COUNTER_RESET, f"the counter of series {labels} fell {resets:,} times")


def _staleness(newest: float | None, allowed: float, now: float) -> Iterator[Flaw]:
    if newest is None:
        yield Flaw(FlawKind.STALE, "the samples carry no time, so their age is unknown")
    elif now - newest > allowed:
        yield Flaw(FlawKind.STALE, f"the newest sample is {now - newest:,.0f} s old, at most {allowed:g} s allowed")
    elif newest - now > allowed:
        yield Flaw(FlawKind.STALE, f"the newest sample lies {newest - now:,.0f} s in the future: a clock is wrong")
