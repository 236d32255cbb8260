"""The simulated ticket API of the vendor, and the client that retries it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import TypeVar

from gonogo.sandbox.richpanel.events import Recorder, Trace
from gonogo.sandbox.richpanel.faults import FaultSet
from gonogo.sandbox.richpanel.metrics import Metrics

T = TypeVar("T")
RETRY_AFTER_SECONDS = 0.2
CLOCK_SLACK = 0.95
EARLY_SECONDS = 0.05
HOT_SECONDS = 0.02
MAX_THROTTLED = 30
MAX_FAILED = 8


class VendorRejectedError(Exception):
    """The vendor answered 429 or 5xx; `retry_after` is in seconds."""

    def __init__(self, status: int, retry_after: float | None = None) -> None:
        super().__init__(f"vendor answered {status}")
        self.status = status
        self.retry_after = retry_after


class VendorExhaustedError(Exception):
    """The vendor kept rejecting one write until the attempts ran out."""

    def __init__(self, operation: str, status: int, attempts: int) -> None:
        super().__init__(f"vendor.{operation} answered {status} after {attempts} attempts")
        self.attempts = attempts


class VendorApi:
    """Performs writes under an idempotency key, with a given share of 429 and 5xx answers."""

    def __init__(self, rng: random.Random, rate_429: float, rate_5xx: float, latency: float = 0.01) -> None:
        self._rng = rng
        self._rate_429 = rate_429
        self._rate_5xx = rate_5xx
        self._latency = latency
        self._performed: dict[str, object] = {}
        self._rejected: dict[str, float] = {}
        self.called_early: Callable[[float], None] = lambda _: None

    async def request(self, key: str, write: Callable[[], T]) -> T:
        """Perform a write once for its key, or raise `VendorRejectedError`."""
        rejected = self._rejected.pop(key, None)
        if rejected is not None and (waited := time.monotonic() - rejected) < RETRY_AFTER_SECONDS * CLOCK_SLACK:
            self.called_early(waited)
        await asyncio.sleep(self._latency)
        if self._rng.random() < self._rate_429:
            self._rejected[key] = time.monotonic()
            raise VendorRejectedError(429, RETRY_AFTER_SECONDS)
        if self._rng.random() < self._rate_5xx:
            # Half of the failures lose only the answer: the retry must not write a second time.
            if self._rng.random() < 0.5:
                self._perform(key, write)
            raise VendorRejectedError(503)
        return self._perform(key, write)

    def _perform(self, key: str, write: Callable[[], T]) -> T:
        if key not in self._performed:
            self._performed[key] = write()
        return self._performed[key]  # type: ignore[return-value]


class VendorClient:
    """Calls the vendor with bounded retries that honour Retry-After."""

    def __init__(self, api: VendorApi, recorder: Recorder, metrics: Metrics, faults: FaultSet) -> None:
        self._api = api
        self._recorder = recorder
        self._metrics = metrics
        self._faults = faults
        api.called_early = self._count_early

    def _count_early(self, waited: float) -> None:
        self._metrics.vendor_early.inc()
        if waited < HOT_SECONDS:
            self._metrics.vendor_hot.inc()

    async def call(self, operation: str, key: str, write: Callable[[], T], trace: Trace) -> T:
        """Perform one operation; raise `VendorExhaustedError` when the attempts ran out."""
        throttled = failed = 0
        while True:
            try:
                result = await self._api.request(f"{key}:{operation}", write)
            except VendorRejectedError as rejection:
                throttled += rejection.status == 429
                failed += rejection.status != 429
                self._metrics.vendor_responses.labels(status=str(rejection.status)).inc()
                if rejection.status == 429:
                    self._metrics.signals.count("throttled")
                self._recorder.event(
                    f"vendor.{operation}.failed", trace, status=rejection.status, attempt=throttled + failed
                )
                given_up = rejection.status == 429 and self._faults.active("vendor_429_dead_letters")
                if given_up or throttled >= MAX_THROTTLED or failed >= MAX_FAILED:
                    raise VendorExhaustedError(operation, rejection.status, throttled + failed) from rejection
                backoff = min(1.0, 0.05 * 2.0 ** max(0, failed - 1))
                await asyncio.sleep(self._wait(rejection.retry_after, backoff))
            else:
                self._metrics.vendor_responses.labels(status="200").inc()
                self._recorder.event(f"vendor.{operation}.success", trace, status=200, attempt=throttled + failed + 1)
                return result

    def _wait(self, retry_after: float | None, backoff: float) -> float:
        """Return the seconds to wait before a call is repeated."""
        if retry_after is None:
            return backoff
        if self._faults.active("vendor_hot_loop"):
            return 0.0
        return EARLY_SECONDS if self._faults.active("vendor_retry_early") else retry_after
