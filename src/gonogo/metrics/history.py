"""A page of metrics that is scraped again and again: one request a moment, and as much of the past as rules look at.

A page shows one moment. Scraped at every poll it has a past, and what its counters did over a window can be told.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from gonogo.metrics.exposition import Page, find_samples, parse_exposition, select_samples
from gonogo.metrics.interface import Answer, NoData, QueryFailed, Reading, Sample, Span, build_frame, label_text
from gonogo.model.metric import MetricSpec, Reduce

# A window is whole once the first scrape in it is no farther from its beginning than this share of it.
_EDGE = 0.1
_MOST_POINTS = 20_000
# Of a counter no more than so many points a window are kept: those between tell nothing that the newest does not.
_COUNTER_POINTS = 1_000
SeriesKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Point:
    """One scraped value of one series; `time` in seconds since 1970."""

    time: float
    value: float


@dataclass
class PageHistory:
    """Answers for one page of metrics; metrics that are asked for at one moment share one request.

    `fetch` requests the page. `windows` are the longest windows by name of series, in seconds: what is older is
    forgotten, so that memory stays the same however long the watch lasts. `counters` are the names that only rise.
    Of labels only those in `kept_labels` are remembered; what else tells series apart is kept as its digest.
    """

    fetch: Callable[[], Page | QueryFailed]
    let_go: Callable[[], None]
    windows: Mapping[str, float]
    counters: frozenset[str] = frozenset()
    kept_labels: frozenset[str] = frozenset()
    scrapes: int = 0
    clock_offset: float | None = None
    _moment: float | None = None
    _samples: list[Any] | QueryFailed | None = None
    _series: dict[SeriesKey, deque[Point]] = field(default_factory=dict)
    _labels: dict[SeriesKey, Mapping[str, str]] = field(default_factory=dict)
    _first: float | None = None
    _last: float | None = None

    def close(self) -> None:
        """Let go of what the page is fetched by."""
        self.let_go()

    def read(self, spec: MetricSpec, span: Span) -> Answer:
        """Return the samples of a metric at the moment, or over a window as far as it was scraped."""
        samples = self._scrape(span.end)
        if isinstance(samples, QueryFailed):
            return samples
        if span.seconds is None or spec.quantile is not None:
            return select_samples(samples, spec, span.end)
        return self._read_window(spec, span, samples)

    def points(self) -> dict[str, list[tuple[Mapping[str, str], float, float]]]:
        """Return the newest point of every series that windows look at, by name: labels, time, value."""
        newest: dict[str, list[tuple[Mapping[str, str], float, float]]] = {}
        for key, points in self._series.items():
            if points:
                newest.setdefault(key[0], []).append((self._labels[key], points[-1].time, points[-1].value))
        return newest

    def restore(self, name: str, labels: Mapping[str, str], time: float, value: float, *, oldest: float) -> None:
        """Take up a point that an earlier session scraped, unless it lies before its window and `oldest` (a time)."""
        if time >= oldest - self.windows.get(name, 0.0) and name in self.windows:
            self._add((name, label_text(labels)), labels, Point(time, value))
            self._note_scrape(time)

    def _scrape(self, moment: float) -> list[Any] | QueryFailed:
        if self._samples is not None and moment == self._moment:
            return self._samples
        self._moment = moment
        self.scrapes += 1
        page = self.fetch()
        if isinstance(page, QueryFailed):
            self._samples = page
            return page
        self.clock_offset = _offset(page.date, moment)
        parsed = parse_exposition(page.text)
        self._samples = parsed
        if not isinstance(parsed, QueryFailed):
            self._remember(parsed, moment)
        return parsed

    def _remember(self, samples: Iterable[Any], moment: float) -> None:
        before = self._last
        for name in self.windows:
            spec = MetricSpec(source="page", query=name)
            for sample in find_samples(samples, spec, moment):
                labels = self._reduce_labels(sample.labels)
                key = (name, label_text(labels))
                if key not in self._series and before is not None and name in self.counters:
                    # A series that was not on the page before was born since: its counter began at zero.
                    self._add(key, labels, Point(before, 0.0))
                self._add(key, labels, Point(sample.time if sample.time is not None else moment, sample.value))
        self._note_scrape(moment)
        self._forget(moment)

    def _note_scrape(self, moment: float) -> None:
        self._first = moment if self._first is None else min(moment, self._first)
        self._last = moment if self._last is None else max(moment, self._last)

    def _reduce_labels(self, labels: Mapping[str, str]) -> Mapping[str, str]:
        kept = {name: value for name, value in labels.items() if name in self.kept_labels}
        rest = {name: value for name, value in labels.items() if name not in self.kept_labels}
        if rest:
            kept["series"] = hashlib.sha256(label_text(rest).encode("utf-8", "replace")).hexdigest()[:12]
        return kept

    def _add(self, key: SeriesKey, labels: Mapping[str, str], point: Point) -> None:
        points = self._series.setdefault(key, deque(maxlen=_MOST_POINTS))
        self._labels[key] = labels
        if points and point.time <= points[-1].time:
            return
        close = self.windows[key[0]] / _COUNTER_POINTS
        crowded = key[0] in self.counters and len(points) > 1 and point.time - points[-2].time < close
        if crowded and point.value >= points[-1].value:
            # The one before is near enough; a fall is kept, since it tells of a reset.
            points.pop()
        points.append(point)

    def _forget(self, moment: float) -> None:
        for key in list(self._series):
            points, since = self._series[key], moment - self.windows[key[0]]
            # The last point before the window stays: an increase over the window begins with it.
            while len(points) > 1 and points[1].time < since:
                points.popleft()
            if points and points[-1].time < since:
                del self._series[key], self._labels[key]

    def _read_window(self, spec: MetricSpec, span: Span, samples: list[Any]) -> Answer:
        if not find_samples(samples, spec, span.end):
            # What is not on the page any more has no present, whatever its past.
            return select_samples(samples, spec, span.end)
        rows: list[Sample] = []
        for key, points in self._named(spec):
            inside = [point for point in points if span.start <= point.time <= span.end]
            if spec.reduce is Reduce.INCREASE:
                # What a counter did over a window begins with where it stood when the window began.
                before = [point for point in points if point.time <= span.start]
                inside = [*before[-1:], *(point for point in inside if point.time > span.start)]
                if len(inside) < 2:
                    return NoData(f"{key[0]} was scraped once; an increase needs two scrapes")
            rows += [Sample(point.time, self._labels[key], point.value, spec.unit) for point in inside]
        if not rows:
            return NoData(f"nothing of {spec.query} was scraped in this window, or its time stands still")
        return Reading(build_frame(rows))

    def _named(self, spec: MetricSpec) -> Iterable[tuple[SeriesKey, deque[Point]]]:
        for key, points in self._series.items():
            labels = self._labels[key]
            if key[0] == spec.query and all(labels.get(name) == value for name, value in spec.labels.items()):
                yield key, points

    def reaches(self, span: Span) -> bool:
        """Return whether the page was scraped from the beginning of a span on."""
        if self._first is None or span.seconds is None:
            return span.seconds is None
        return self._first <= span.start + span.seconds * _EDGE


def _offset(date: str | None, moment: float) -> float | None:
    """Return how many seconds our clock is ahead of the server's, None where the server does not tell."""
    if date is None:
        return None
    try:
        told = parsedate_to_datetime(date)
    except (ValueError, TypeError):
        return None
    if told.tzinfo is None:
        told = told.replace(tzinfo=UTC)
    # The date is cut to whole seconds: half of one is its expected rest.
    return moment - (told.timestamp() + 0.5)
