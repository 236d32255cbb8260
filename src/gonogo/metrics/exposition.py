"""A system's own /metrics page in Prometheus' text format, read once."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import httpx

from gonogo.extras import import_extra
from gonogo.metrics.interface import Answer, NoData, QueryFailed, Reading, Sample, Span, build_frame
from gonogo.model.metric import MetricSpec

_SUFFIX = re.compile(r"(_total|_bucket|_count|_sum|_created)$")


class Page(NamedTuple):
    """A page of metrics, and the time that its server says it is (an HTTP date)."""

    text: str
    date: str | None


class ExpositionSource:
    """Reads one page of metrics; counters and histograms speak of the whole time since the process began.

    A `quantile` of a histogram is the upper bound of the bucket that it lies in: never less than the true one.
    Format: https://prometheus.io/docs/instrumenting/exposition_formats/
    """

    def __init__(self, url: str, *, token: str | None = None, timeout: float = 10.0) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(headers=headers, timeout=timeout)
        self._url = url

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def read(self, spec: MetricSpec, span: Span) -> Answer:
        """Return the samples of one series of the page, those whose labels match."""
        page = self.fetch()
        return page if isinstance(page, QueryFailed) else read_exposition(page.text, spec, span.end)

    def fetch(self) -> Page | QueryFailed:
        """Return the page as it is now."""
        try:
            response = self._client.get(self._url)
        except httpx.HTTPError as error:
            return QueryFailed(f"{type(error).__name__}: {error}")
        if response.status_code != 200:
            return QueryFailed(f"status {response.status_code}")
        return Page(response.text, response.headers.get("Date"))


def read_exposition(text: str, spec: MetricSpec, now: float) -> Answer:
    """Return what a page of metrics holds for a metric; a page that does not parse is a failed query."""
    samples = parse_exposition(text)
    return samples if isinstance(samples, QueryFailed) else select_samples(samples, spec, now)


def parse_exposition(text: str) -> list[Any] | QueryFailed:
    """Return the samples of a page of metrics."""
    parser = import_extra("prometheus_client.parser", "gates")
    try:
        families = list(parser.text_string_to_metric_families(text))
    except (ValueError, KeyError, IndexError) as error:
        return QueryFailed(f"the page is no Prometheus text: {error}")
    if not families:
        return QueryFailed("the page holds no metrics at all")
    return [sample for family in families for sample in family.samples]


def select_samples(samples: Sequence[Any], spec: MetricSpec, now: float) -> Answer:
    """Return what the samples of one page say of a metric."""
    name = spec.query or ""
    if spec.quantile is not None:
        return _read_quantile(name, samples, spec, now)
    found = find_samples(samples, spec, now)
    if not found:
        near = sorted({sample.name for sample in samples if _SUFFIX.sub("", sample.name) == _SUFFIX.sub("", name)})
        hint = f"; the page has {', '.join(near)}" if near else ""
        return NoData(f"no sample of {name}{_show(spec.labels)}{hint}")
    return Reading(build_frame(found))


def find_samples(samples: Iterable[Any], spec: MetricSpec, now: float) -> list[Sample]:
    """Return the samples of the series that a metric names, those whose labels match."""
    name = spec.query or ""
    return [
        Sample(_time(sample, now), dict(sample.labels), float(sample.value))
        for sample in samples
        if sample.name == name and _matches(sample.labels, spec.labels)
    ]


def _read_quantile(name: str, samples: Iterable[Any], spec: MetricSpec, now: float) -> Answer:
    """Return the bound of the bucket that holds the quantile, over all series that match."""
    buckets: dict[float, float] = {}
    for sample in samples:
        if sample.name == f"{name}_bucket" and _matches(sample.labels, spec.labels):
            bound = float(sample.labels.get("le", "nan"))
            buckets[bound] = buckets.get(bound, 0.0) + float(sample.value)
    if not buckets:
        return NoData(f"no histogram {name}{_show(spec.labels)}")
    total = buckets.get(math.inf)
    if total is None or not math.isfinite(total):
        return QueryFailed(f"histogram {name} has no bucket +Inf, so its total is unknown")
    if total <= 0:
        return NoData(f"histogram {name} counted nothing")
    wanted = (spec.quantile or 0.0) * total
    bound = next(bound for bound in sorted(buckets) if buckets[bound] >= wanted)
    return Reading(build_frame([Sample(now, {}, bound, spec.unit, int(total))]), n=int(total))


def _time(sample: Any, now: float) -> float:
    return float(sample.timestamp) if sample.timestamp is not None else now


def _matches(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(labels.get(name) == value for name, value in wanted.items())


def _show(labels: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}={value!r}" for name, value in labels.items()) + "}" if labels else ""
