"""Reads every metric that gates ask for, with the interval that its kind of figure has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from gonogo.errors import UsageError
from gonogo.gates.statistics import quantile_interval, wilson_interval
from gonogo.metrics.interface import Answer, MetricSource, QueryFailed, Reading, Span
from gonogo.metrics.reduce import as_fraction, divide, reduce_answer
from gonogo.model.gate import Interval, Measurement, measurement_key
from gonogo.model.metric import GatesFile, MetricSpec, Reduce, SourceKind, SourceSpec
from gonogo.sources.suggest import suggest

_MOST_RANKED = 1_000_000


@dataclass(frozen=True, slots=True)
class ClosedSource:
    """A source that cannot be asked at all: its address or its secret is missing."""

    reason: str

    def close(self) -> None:
        """Do nothing."""

    def read(self, spec: MetricSpec, span: Span) -> Answer:
        """Return why every query fails."""
        del spec, span
        return QueryFailed(self.reason)


def open_sources(
    gates: GatesFile, root: Path, environ: Mapping[str, str], places: Mapping[str, str] | None = None
) -> dict[str, MetricSource]:
    """Return the sources of a gates file by name; `places` gives one of them another URL or path.

    A missing environment variable makes every query of that source fail. Raises `UsageError` for a place of a source
    that the file does not have.
    """
    given = places or {}
    for name in given:
        if name not in gates.sources:
            raise UsageError(f"--source {name}: no such source; {suggest(name, gates.sources)}")
    return {name: _open(spec, root, environ, given.get(name)) for name, spec in gates.sources.items()}


def _open(spec: SourceSpec, root: Path, environ: Mapping[str, str], place: str | None) -> MetricSource:
    try:
        token = _secret(spec.token_env, environ)
        url = place if place is not None else spec.url or _secret(spec.url_env, environ)
    except LookupError as error:
        return ClosedSource(str(error))
    if spec.kind.is_file:
        return _open_file(spec, root, place)
    if spec.kind is SourceKind.CLOUDWATCH:
        from gonogo.metrics.cloudwatch import CloudWatchSource

        return CloudWatchSource(spec.region, url=url, timeout=spec.timeout)
    if spec.kind is SourceKind.PROMETHEUS:
        from gonogo.metrics.prometheus import PrometheusSource

        return PrometheusSource(url or "", token=token, timeout=spec.timeout)
    from gonogo.metrics.exposition import ExpositionSource

    if url is None:
        return ClosedSource(f"no target is given; name the URL of {spec.path} with --source NAME=URL")
    return ExpositionSource(url, token=token, timeout=spec.timeout)


def _open_file(spec: SourceSpec, root: Path, place: str | None) -> MetricSource:
    from gonogo.metrics.files import FileSource, LocustSource, RunSource

    text = place if place is not None else spec.path
    if text is None:
        return ClosedSource("no run is given; name its folder with --source NAME=FOLDER")
    path = Path(text) if place is not None else root / text
    if spec.kind is SourceKind.RUN:
        return RunSource(path, text)
    return LocustSource(path, text) if spec.kind is SourceKind.LOCUST else FileSource(path, text)


def _secret(name: str | None, environ: Mapping[str, str]) -> str | None:
    if name is None:
        return None
    value = environ.get(name)
    if not value:
        raise LookupError(f"environment variable {name} is not set")
    return value


def measure_gates(gates: GatesFile, sources: Mapping[str, MetricSource], now: datetime) -> dict[str, Measurement]:
    """Return every measurement that the gates read, each metric and window asked once."""
    wanted: dict[str, tuple[str, float | None]] = {}
    for gate in gates.gates:
        for metric in (gate.metric, gate.baseline):
            if metric is not None and (metric == gate.metric or gate.needs_baseline):
                wanted[measurement_key(metric, gate.window)] = (metric, gate.window)
    measured: dict[str, Measurement] = {}
    seen: dict[tuple[str, float | None], Measurement] = {}
    for key, (metric, window) in wanted.items():
        measured[key] = _measure(gates, metric, window, sources, now, seen)
    return measured


def _measure(
    gates: GatesFile,
    metric: str,
    window: float | None,
    sources: Mapping[str, MetricSource],
    now: datetime,
    seen: dict[tuple[str, float | None], Measurement],
) -> Measurement:
    spec = gates.metrics[metric]
    part = _measure_plain(gates, metric, window, sources, now, seen)
    if spec.divide_by is None:
        return part
    whole = _measure_plain(gates, spec.divide_by, window or spec.window, sources, now, seen)
    share = divide(metric, part, whole, spec.unit)
    interval = None
    if share.value is not None and part.value is not None and whole.value is not None:
        interval = _share_interval(part.value, whole.value)
    return _with_interval(share, interval)


def _measure_plain(
    gates: GatesFile,
    metric: str,
    window: float | None,
    sources: Mapping[str, MetricSource],
    now: datetime,
    seen: dict[tuple[str, float | None], Measurement],
) -> Measurement:
    spec = gates.metrics[metric]
    key = (metric, window or spec.window)
    if key not in seen:
        span = Span.until(now, key[1])
        # The unit of a share is that of the share, not of its parts.
        plain = spec if spec.divide_by is None else spec.model_copy(update={"unit": None})
        answer = sources[spec.source].read(plain, span)
        measurement = reduce_answer(metric, plain, answer, span)
        seen[key] = _with_interval(measurement, _interval(plain, measurement, answer))
    return seen[key]


def _interval(spec: MetricSpec, measurement: Measurement, answer: Answer) -> Interval | None:
    """Return the interval of a share of matching cells or of a percentile; other figures have none here."""
    if not isinstance(answer, Reading) or measurement.value is None or not measurement.n:
        return None
    if spec.matches is not None and spec.reduce is Reduce.MEAN:
        return _share_interval(as_fraction(measurement.value) * measurement.n, measurement.n)
    quantile = spec.reduce.quantile
    values = answer.frame["value"].tolist()
    if quantile is None or len(values) != measurement.n or len(values) > _MOST_RANKED:
        return None
    return quantile_interval([value for value in values if math.isfinite(value)], quantile)


def _share_interval(part: object, whole: object) -> Interval | None:
    """Return Wilson's interval where both sides are counts, and the part is one of the whole."""
    counts = []
    for side in (part, whole):
        if not isinstance(side, int | float | Fraction) or not math.isfinite(side):
            return None
        exact = as_fraction(side)
        if exact.denominator != 1:
            return None
        counts.append(int(exact))
    k, n = counts
    return wilson_interval(k, n) if 0 <= k <= n and n > 0 else None


def _with_interval(measurement: Measurement, interval: Interval | None) -> Measurement:
    return measurement if interval is None else replace(measurement, interval=interval)
