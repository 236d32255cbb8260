"""What one run may do at most, held to while it runs: messages, rate, minutes and spend."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from gonogo.errors import EXIT_USAGE, TargetError
from gonogo.model.environment import Environment, Kind, Limits

TOO_MANY = "too-many-messages"
TOO_FAST = "rate-too-high"
TOO_LONG = "too-long"
TOO_DEAR = "spend-too-high"
CAPS_MISSING = "caps-missing"


class CapReachedError(TargetError):
    """A message would go beyond what the run may do; it was not sent, nor will any other be."""

    exit_code = EXIT_USAGE


class SendMeter:
    """Counts what one target was sent, from its opening on, and refuses what its environment's caps do not cover.

    Every attempt counts, answered or not: what was tried may have arrived. An environment of kind production without
    caps is sent nothing. Safe to use from several threads.
    """

    def __init__(self, environment: Environment, clock: Callable[[], float] = time.monotonic) -> None:
        self._environment = environment
        self._clock = clock
        self._started = clock()
        self._lock = threading.Lock()
        self.sent = 0

    def count(self) -> None:
        """Count one message that is about to go out; raises `CapReachedError` where it must not."""
        with self._lock:
            refusal = self._refusal()
            if refusal:
                raise CapReachedError(refusal, "Nothing more is sent in this run. Raise the cap, or send less.")
            self.sent += 1

    def _refusal(self) -> str:
        caps, cost = self._environment.caps, self._environment.cost_per_message
        if caps is None:
            production = self._environment.kind is Kind.PRODUCTION
            return f"[{CAPS_MISSING}] the environment has no caps, so nothing is sent there" if production else ""
        if self.sent >= caps.messages:
            return f"[{TOO_MANY}] {self.sent} messages were sent; the cap is {caps.messages}"
        minutes = (self._clock() - self._started) / 60
        if minutes >= caps.minutes:
            return f"[{TOO_LONG}] {minutes:.1f} minutes have passed; the cap is {caps.minutes:g}"
        if cost is None:
            return f"[{TOO_DEAR}] nobody says what a message costs, so its spend cannot be kept under {caps.spend:g}"
        if round((self.sent + 1) * cost, 9) > caps.spend:
            return f"[{TOO_DEAR}] {self.sent} messages cost {self.sent * cost:g}; the cap is {caps.spend:g}"
        return ""


def pace(environment: Environment) -> Limits:
    """Return the limits that messages are paced by: under caps no faster than they say, nor in larger bursts."""
    limits, caps = environment.limits, environment.caps
    if caps is None:
        return limits
    burst = max(1, min(limits.burst, math.floor(caps.rate)))
    return limits.model_copy(update={"rate": min(limits.rate, caps.rate), "burst": burst})
