"""Where a load is, while it goes on, and what stops it early."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gonogo.gates.exact import show_number
from gonogo.gates.statistics import exact_binomial_interval
from gonogo.loadtest.records import Array, quantile
from gonogo.loadtest.sampling import QUEUE_AGE, QUEUE_DEPTH, Samples
from gonogo.model.gate import Comparison
from gonogo.model.load import LoadLimit

_WINDOW = 10.0
# One failure may be chance, whatever the interval says of so few.
_LEAST_FAILURES = 5


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """Where a load is: rates are per second over the last seconds, `p95` and `queue_age` in seconds."""

    phase: str
    seconds: float
    share: float
    sent: int = 0
    asked: int = 0
    asked_rate: float = 0.0
    achieved_rate: float = 0.0
    p95: float | None = None
    errors: int = 0
    queue_age: float | None = None
    text: str = ""


LoadWatch = Callable[[LoadProgress], None]


class Follower:
    """Takes the rows of a load as they come, tells a watcher, and says when to stop."""

    def __init__(
        self,
        offsets: Sequence[float],
        seconds: float,
        accepted: Sequence[int],
        samples: Samples,
        stops: Sequence[LoadLimit],
        watch: LoadWatch | None,
    ) -> None:
        self._offsets, self._seconds, self._accepted = offsets, seconds, frozenset(accepted)
        self._samples, self._watch = samples, watch
        self._stops = stops
        self._recent: deque[tuple[float, Array]] = deque()
        self._began: float | None = None
        self._due = 0
        self.recorded = 0
        self.server_errors = 0
        self.unanswered = 0
        self.errors = 0

    def __call__(self, rows: Any) -> str | None:
        """Take new rows; returns why the load must stop, or None."""
        now = time.monotonic()
        if len(rows):
            self._began = self._began or now
            self.recorded += len(rows)
            statuses = rows["status"].tolist()
            self.server_errors += sum(500 <= status <= 599 for status in statuses)
            self.unanswered += sum(status == 0 for status in statuses)
            self.errors += sum(status not in self._accepted for status in statuses)
            self._recent.append((now, rows["latency"]))
        while self._recent and self._recent[0][0] < now - _WINDOW:
            self._recent.popleft()
        if self._watch is not None:
            self._watch(self._progress(now))
        return next((reason for limit in self._stops if (reason := self._breach(limit))), None)

    def _progress(self, now: float) -> LoadProgress:
        if self._began is None:
            return LoadProgress("starting the generator", 0.0, 0.0, asked=len(self._offsets))
        elapsed = now - self._began
        while self._due < len(self._offsets) and self._offsets[self._due] <= elapsed:
            self._due += 1
        span = min(_WINDOW, max(elapsed, 1.0))
        asked = sum(elapsed - span < one <= elapsed for one in self._offsets[max(0, self._due - 50_000) : self._due])
        latencies = [one for _, rows in self._recent for one in rows.tolist()]
        return LoadProgress(
            "sending",
            elapsed,
            min(1.0, elapsed / self._seconds) if self._seconds else 1.0,
            self.recorded,
            len(self._offsets),
            asked / span,
            len(latencies) / span,
            quantile(latencies, 0.95) / 1e6 if latencies else None,
            self.errors,
            self._samples.latest(QUEUE_AGE),
        )

    def _breach(self, limit: LoadLimit) -> str | None:
        """Return how a limit that stops the load is broken already."""
        bound = float(limit.limit)
        if limit.metric in ("server_errors", "unanswered"):
            count = getattr(self, limit.metric)
            certain = count >= _LEAST_FAILURES and exact_binomial_interval(count, self.recorded).low > bound
            return f"{limit.id}: {count:,} of {self.recorded:,} requests" if certain else None
        name = {"queue_age_max": QUEUE_AGE, "queue_depth_max": QUEUE_DEPTH}.get(limit.metric, limit.metric)
        seen = self._samples.figure(name) if name in self._samples.series else None
        if seen is None or limit.comparison not in (Comparison.BELOW, Comparison.AT_MOST):
            return None
        over = seen[0] >= bound if limit.comparison is Comparison.BELOW else seen[0] > bound
        return f"{limit.id}: {show_number(seen[0])}" if over else None
