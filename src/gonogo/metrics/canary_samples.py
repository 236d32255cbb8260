"""The requests of a canary rollout, one JSON object a line, cut into the windows of a phase."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from gonogo.errors import Problem
from gonogo.metrics.jsonl import JsonLines, ProblemList
from gonogo.model.canary import CanaryPlan, Look, Phase, Side, Statistic, StickyKey
from gonogo.sources.suggest import quote_value, suggest


@dataclass(slots=True)
class CanarySamples:
    """Columns of everything read; `fields` hold NaN where a request has no value."""

    times: list[float] = field(default_factory=list)
    is_new: list[bool] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    tenants: set[str] = field(default_factory=set)
    fields: dict[str, list[float]] = field(default_factory=dict)


def read_samples(
    files: Sequence[tuple[Path, str]], plan: CanaryPlan, tenant: str | None = None
) -> tuple[CanarySamples, list[Problem]]:
    """Return the samples of all files, of one tenant where it is named, with every problem."""
    samples = CanarySamples(fields={criterion.field: [] for criterion in plan.criteria})
    found: list[Problem] = []
    for path, name in files:
        problems = ProblemList(name)
        for line, _, record in JsonLines(path, problems).records():
            _add(samples, plan, tenant, record, line, problems)
        found += problems.all()
    return samples, found


def read_probes(path: Path, name: str, plan: CanaryPlan) -> tuple[list[tuple[str, bool]], list[Problem]]:
    """Return key and version (true for the new one) of ids that were sent again, with every problem."""
    problems = ProblemList(name)
    probes = []
    for line, _, record in JsonLines(path, problems).records():
        key, version = record.get(plan.key.value), record.get("version")
        if not isinstance(key, str) or not key:
            problems.add(line, plan.key.value, "is missing or no text. Every probe names its id.")
        elif version not in (plan.old, plan.new):
            problems.add(line, "version", f"is {quote_value(version)}; {suggest(str(version), (plan.old, plan.new))}")
        else:
            probes.append((key, version == plan.new))
    return probes, problems.all()


def cut_looks(
    samples: CanarySamples,
    plan: CanaryPlan,
    phase: Phase,
    *,
    start: float | None = None,
    at: float | None = None,
    probes: Iterable[tuple[str, bool]] = (),
) -> list[Look]:
    """Return a look for each window that is over at `at`, each with everything since the start of the phase.

    Without `start` the phase begins with its first sample; without `at` it is as late as the last sample, and a window
    of which the samples span enough counts as over.
    """
    if not samples.times:
        return []
    times = np.array(samples.times)
    is_new = np.array(samples.is_new, dtype=bool)
    begin = float(times.min()) if start is None else start
    end = float(times.max()) + (1 - plan.coverage) * phase.window if at is None else at
    # Never more looks than the plan has, however late it is.
    count = min(plan.windows, max(0, math.floor((end - begin) / phase.window + 1e-9)))
    columns = {name: np.array(values) for name, values in samples.fields.items()}
    again = list(probes)
    looks = []
    for number in range(1, count + 1):
        close = begin + number * phase.window
        until = (times >= begin) & (times < close)
        sides = [_side(samples, times, columns, plan, until & mask) for mask in (is_new, ~is_new)]
        repeated, moved = _count_moves(samples, np.flatnonzero(until), again, plan)
        looks.append(Look(number, close - phase.window, close, sides[0], sides[1], repeated, moved))
    return looks


def _side(samples: CanarySamples, times: Any, columns: dict[str, Any], plan: CanaryPlan, mask: Any) -> Side:
    places = np.flatnonzero(mask)
    values = {}
    for name, column in columns.items():
        chosen = column[places]
        values[name] = chosen[~np.isnan(chosen)]
    keys = frozenset(samples.keys[place] for place in places) if plan.key is not StickyKey.NONE else frozenset()
    return Side(times[places], values, keys)


def _count_moves(
    samples: CanarySamples, places: Any, probes: list[tuple[str, bool]], plan: CanaryPlan
) -> tuple[int, int]:
    """Return how many ids were seen at least twice, and how many of them got both versions."""
    if plan.key is StickyKey.NONE:
        return 0, 0
    first: dict[str, bool] = {}
    repeated: set[str] = set()
    moved: set[str] = set()
    for key, version in [*((samples.keys[place], samples.is_new[place]) for place in places), *probes]:
        if key in first:
            repeated.add(key)
            if first[key] is not version:
                moved.add(key)
        else:
            first[key] = version
    return len(repeated), len(moved)


def _add(
    samples: CanarySamples,
    plan: CanaryPlan,
    tenant: str | None,
    record: dict[str, Any],
    line: int,
    problems: ProblemList,
) -> None:
    whose = record.get("tenant")
    if whose is not None and not isinstance(whose, str):
        problems.add(line, "tenant", "is no text. Write the name of the tenant.")
        return
    if tenant is not None and whose != tenant:
        return
    if whose is not None:
        samples.tenants.add(whose)
    at, version = _read_time(record.get("at")), record.get("version")
    key = record.get(plan.key.value) if plan.key is not StickyKey.NONE else ""
    wrong = False
    if at is None:
        text = "is no time; allowed: ISO 8601 with offset, such as 2026-11-21T05:00:00Z, or seconds since 1970."
        problems.add(line, "at", text)
        wrong = True
    if version not in (plan.old, plan.new):
        problems.add(line, "version", f"is {quote_value(version)}; {suggest(str(version), (plan.old, plan.new))}")
        wrong = True
    if not isinstance(key, str) or (plan.key is not StickyKey.NONE and not key):
        problems.add(line, plan.key.value, "is missing or no text, and the plan promises its stickiness. Write it.")
        wrong = True
    numbers = {}
    for criterion in plan.criteria:
        number = _read_number(record.get(criterion.field), share=criterion.statistic is Statistic.SHARE)
        if number is None:
            allowed = "true, false" if criterion.statistic is Statistic.SHARE else "a number of at least 0"
            problems.add(line, criterion.field, f"is {quote_value(record.get(criterion.field))}; allowed: {allowed}.")
            wrong = True
        else:
            numbers[criterion.field] = number
    if wrong or at is None:
        return
    samples.times.append(at)
    samples.is_new.append(version == plan.new)
    samples.keys.append(key if isinstance(key, str) else "")
    for name, column in samples.fields.items():
        column.append(numbers[name])


def _read_number(value: object, *, share: bool) -> float | None:
    """Return a value as a number, NaN where there is none, None where it is of another kind."""
    if value is None:
        return math.nan
    if share:
        return float(value) if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value >= 0 else None


def _read_time(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) and 0 <= value < 1e11 else None
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None
