"""What the middleware tells those who watch it: counters of what should not happen, and the page they stand on.

A fault whose name begins with `signal_` shows here only: each scrape finds more of what it stands for.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from gonogo.sandbox.richpanel.faults import FaultSet

TOKENS_PER_DECISION = 420
COST_PER_DECISION = 0.002
STUCK_SECONDS = 400.0
SLOW_SECONDS = 150.0
_VALUE = re.compile(rb"^(richpanel_[a-z0-9_]+(?:\{[^}]*\})?) (\S+)$", re.MULTILINE)
_LONG_AGO = 3600
# What one scrape finds more of, by fault and counter.
_SPIKES: Mapping[str, Mapping[str, float]] = {
    "signal_complaints": {"complaints": 20},
    "signal_routing_errors": {"routing_feedback": 40},
    "signal_throttling": {"throttled": 400},
    "signal_cost": {"cost": 50.0, "tokens": 1_000_000},
    "signal_mapping_drift": {"mapping_drift": 5},
    "signal_overrides": {"overrides": 60},
    "signal_tier0_volume": {"escalations": 80},
    "signal_send_count": {"sent": 900},
    "signal_job_errors": {"jobs": 40, "job_errors": 20},
    "signal_dead_letters": {"dead_letters": 6},
}


class Signals:
    """Counters beside those of the pipeline, and the page of all of them with what a fault makes of it."""

    def __init__(self, registry: CollectorRegistry, dead_letters: Counter, faults: FaultSet) -> None:
        self._registry = registry
        self._faults = faults
        self._counters = {
            "complaints": self._counter("complaints", "Tickets tagged as complaints about an automatic reply."),
            "routing_feedback": self._counter("routing_feedback", "Tickets that people tagged as wrongly routed."),
            "throttled": self._counter("vendor_throttled", "Answers 429 of the vendor."),
            "tokens": self._counter("llm_tokens", "Tokens of the model, in and out."),
            "cost": self._counter("llm_cost_dollars", "What the model cost."),
            "mapping_drift": self._counter("mapping_drift", "Teams or tags that the vendor knows no longer."),
            "overrides": self._counter("policy_overrides", "Decisions that the policy overrode."),
            "escalations": self._counter("tier0_decisions", "Decisions about tier-0 escalations."),
            "sent": self._counter("replies_sent", "Automatic replies sent, all templates."),
            "jobs": self._counter("jobs", "Jobs that a worker took."),
            "job_errors": self._counter("job_errors", "Jobs that ended in an error."),
            "disclosures": self._counter("disclosures_suspected", "Replies that the system's own verifier suspects."),
            "dead_letters": dead_letters,
        }
        self._replies = 0
        most_replies = Gauge(
            "richpanel_conversation_replies_max",
            "Automatic replies in the conversation that got most of them, 24 h.",
            registry=registry,
        )
        most_replies.set_function(lambda: float(self._replies))
        clock = Gauge("richpanel_clock_seconds", "The time at which this page was made.", registry=registry)
        clock.set_function(time.time)
        self._scrapes = 0
        self._kept: bytes | None = None

    def _counter(self, name: str, documentation: str) -> Counter:
        return Counter(f"richpanel_{name}", documentation, registry=self._registry)

    def count(self, name: str, amount: float = 1) -> None:
        """Count what happened."""
        self._counters[name].inc(amount)

    def note_decision(self, *, tier0: bool) -> None:
        """Note a decision and what the model took for it."""
        self.count("tokens", TOKENS_PER_DECISION)
        self.count("cost", COST_PER_DECISION)
        if tier0:
            self.count("escalations")

    def note_reply(self, replies: int, *, suspected: bool) -> None:
        """Note a reply that went out: how many its conversation has now, and whether it may tell what it should not."""
        self.count("sent")
        self._replies = max(replies, self._replies)
        if suspected:
            self.count("disclosures")

    def page(self) -> bytes | None:
        """Return the page of all metrics as a scrape finds it, None where it is not served."""
        self._scrapes += 1
        for fault, amounts in _SPIKES.items():
            if self._faults.active(fault):
                for name, amount in amounts.items():
                    self.count(name, amount)
        page = self._alter(generate_latest(self._registry))
        if self._faults.active("metrics_frozen"):
            self._kept = page if self._kept is None else self._kept
            return self._kept
        self._kept = None
        down = self._faults.active("metrics_flapping") and self._scrapes % 2 == 0
        return None if down or self._faults.active("metrics_down") else page

    def _alter(self, page: bytes) -> bytes:
        for fault, age, depth in (
            ("signal_throttling", SLOW_SECONDS / 2, 300),
            ("signal_queue_slow", SLOW_SECONDS, 60),
            ("signal_queue_stuck", STUCK_SECONDS, 900),
        ):
            if self._faults.active(fault):
                page = _set(page, b"richpanel_oldest_message_age_seconds", age)
                page = _set(page, b"richpanel_queue_depth", depth)
        if self._faults.active("metrics_nan"):
            page = _VALUE.sub(rb"\1 NaN", page)
        if self._faults.active("metrics_old"):
            stamp = str(int((time.time() - _LONG_AGO) * 1000)).encode()
            page = _VALUE.sub(rb"\1 \2 " + stamp, page)
        return page


def _set(page: bytes, name: bytes, value: float) -> bytes:
    return re.sub(rb"^" + name + rb" \S+$", name + b" " + str(float(value)).encode(), page, flags=re.MULTILINE)
