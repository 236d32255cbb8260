"""The target's metrics page over time: queue depth and age while the load goes on, and how far counters grew."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import httpx

from gonogo.extras import import_extra
from gonogo.model.load import Series, SeriesKind

QUEUE_AGE, QUEUE_DEPTH = "queue_age", "queue_depth"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at the page showed, by series; `at` is of the monotonic clock. A series not on it has no value."""

    at: float
    values: Mapping[str, float]


@dataclass
class Samples:
    """All looks at the page; `failures` are the reasons of those that showed nothing."""

    series: Mapping[str, Series]
    readings: list[Reading] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def of(self, name: str) -> list[tuple[float, float]]:
        """Return moment and value of a series."""
        return [(one.at, one.values[name]) for one in self.readings if name in one.values]

    def highest(self, name: str) -> tuple[float, int] | None:
        """Return the highest value of a series and how often it was seen, or None where it never was."""
        values = [value for _, value in self.of(name)]
        return (max(values), len(values)) if values else None

    def growth(self, name: str) -> tuple[float, int] | None:
        """Return how far a counter grew between the first and the last look, over restarts, and how often it was seen.

        None where it was seen less than twice: then nothing tells what it was before.
        """
        values = [value for _, value in self.of(name)]
        if len(values) < 2:
            return None
        grown = sum(max(0.0, after - before) if after >= before else after for before, after in pairwise(values))
        return grown, len(values)

    def figure(self, name: str) -> tuple[float, int] | None:
        """Return the figure of a series: the highest value of a level, how far a counter grew."""
        kind = self.series[name].kind
        return self.highest(name) if kind is SeriesKind.GAUGE else self.growth(name)

    def latest(self, name: str) -> float | None:
        """Return the last value that was seen."""
        return next((one.values[name] for one in reversed(self.readings) if name in one.values), None)


class Sampler:
    """Looks at the page every so many seconds in a thread of its own."""

    def __init__(self, url: str, series: Mapping[str, Series], every: float, timeout: float = 5.0) -> None:
        self.samples = Samples(series)
        self._url, self._every = url, every
        self._client = httpx.Client(timeout=timeout, trust_env=False, follow_redirects=False)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gonogo-sampler", daemon=True)

    def look(self) -> None:
        """Look once."""
        at = time.monotonic()
        try:
            response = self._client.get(self._url)
            if response.status_code != 200:
                raise ValueError(f"status {response.status_code}")
            values = read_page(response.text, self.samples.series)
        except (httpx.HTTPError, ValueError, KeyError, IndexError) as error:
            self.samples.failures.append(f"{type(error).__name__}: {str(error)[:120]}")
            return
        self.samples.readings.append(Reading(at, values))

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End, with one last look."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()
        self.look()
        self._client.close()

    def _run(self) -> None:
        while not self._end.wait(self._every):
            self.look()


def read_page(text: str, series: Mapping[str, Series]) -> dict[str, float]:
    """Return the value of each series that a page shows; samples that match are added up.

    A counter whose family is on the page with other labels has counted nothing yet: it is 0. Raises `ValueError` for
    what is no Prometheus text.
    """
    parser = import_extra("prometheus_client.parser", "gates")
    samples: dict[str, list[Any]] = {}
    families: set[str] = set()
    for family in parser.text_string_to_metric_families(text):
        families.update((family.name, f"{family.name}_total"))
        for sample in family.samples:
            samples.setdefault(sample.name, []).append(sample)
    if not families:
        raise ValueError("the page holds no metrics at all")
    found: dict[str, float] = {}
    for name, one in series.items():
        values = [
            float(sample.value)
            for sample in samples.get(one.metric, ())
            if all(sample.labels.get(label) == value for label, value in one.labels.items())
        ]
        if values:
            found[name] = sum(values)
        elif one.kind is SeriesKind.COUNTER and one.metric in families:
            found[name] = 0.0
    return found


def find_drained(samples: Samples, since: float, near_zero: float) -> float | None:
    """Return when the first look since a moment showed an empty queue and no old message, None where none did.

    Moments are of the monotonic clock, `near_zero` is in seconds.
    """
    for one in samples.readings:
        if one.at < since or not shows_queue(one):
            continue
        if one.values.get(QUEUE_AGE, 0.0) <= near_zero and one.values.get(QUEUE_DEPTH, 0.0) <= 0:
            return one.at
    return None


def shows_queue(reading: Reading) -> bool:
    """Return whether a look showed the queue at all."""
    return QUEUE_AGE in reading.values or QUEUE_DEPTH in reading.values
