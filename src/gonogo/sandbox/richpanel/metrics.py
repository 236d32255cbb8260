"""The Prometheus metrics of the middleware, in a registry of their own."""

from __future__ import annotations

from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gonogo.sandbox.richpanel.faults import FaultSet
from gonogo.sandbox.richpanel.jobs import JobQueue
from gonogo.sandbox.richpanel.signals import Signals

ACK_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0)
DECISION_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Metrics:
    """Counters, gauges and histograms; the gauges read the queue at the moment of the scrape."""

    def __init__(self, queue: JobQueue, faults: FaultSet) -> None:
        self.registry = CollectorRegistry()
        self.accepted = self._counter("ingress_accepted", "Webhooks acknowledged with 202.")
        self.rejected = self._counter("ingress_rejected", "Webhooks refused, by reason.", "reason")
        self.replies = self._counter("replies", "Automatic replies sent, by template.", "template")
        self.decisions = self._counter("decisions", "Decisions made, by intent.", "intent")
        self.tier0_replies = self._counter("tier0_replies", "Automatic replies to tier-0 escalations.")
        self.duplicates = self._counter("duplicates", "Redelivered events detected by the worker.")
        self.dead_letters = self._counter("dlq_messages", "Jobs written to the dead-letter queue.")
        # Of tickets that ask about an order: what became of a linked one, and what the verifier made of the ticket.
        self.order_candidates = self._counter("order_candidates", "Order questions of customers with a linked order.")
        self.order_matches = self._counter("order_matches", "Order questions with a linked order, by match.", "result")
        self.verifier_unmatched = self._counter("verifier_unmatched", "Order questions without a match.")
        self.verdicts = self._counter("verifier_verdicts", "Verdicts of the verifier.", "verdict", "match")
        # A series that nobody has counted yet is not on the page, and nothing would look like no data.
        for result in ("matched", "unmatched"):
            self.order_matches.labels(result=result)
        for verdict, match in product(("accepted", "rejected"), ("yes", "no")):
            self.verdicts.labels(verdict=verdict, match=match)
        self.vendor_responses = self._counter("vendor_responses", "Answers of the vendor, by status.", "status")
        self.vendor_early = self._counter("vendor_early_calls", "Calls repeated before Retry-After had passed.")
        self.vendor_hot = self._counter("vendor_hot_calls", "Calls repeated within 20 ms of a 429.")
        self.ack_seconds = Histogram(
            "richpanel_ack_seconds", "Seconds to the webhook's answer.", registry=self.registry, buckets=ACK_BUCKETS
        )
        self.decision_seconds = Histogram(
            "richpanel_decision_seconds",
            "Seconds from enqueue to a complete decision.",
            registry=self.registry,
            buckets=DECISION_BUCKETS,
        )
        self._watch_queue(queue)
        self.signals = Signals(self.registry, self.dead_letters, faults)

    def count_order_question(self, *, linked: bool, matched: bool, accepted: bool) -> None:
        """Count one ticket that asks about an order."""
        if linked:
            self.order_candidates.inc()
            self.order_matches.labels(result="matched" if matched else "unmatched").inc()
        if not matched:
            self.verifier_unmatched.inc()
        self.verdicts.labels(verdict="accepted" if accepted else "rejected", match="yes" if matched else "no").inc()

    def _watch_queue(self, queue: JobQueue) -> None:
        depth = Gauge("richpanel_queue_depth", "Jobs waiting for a worker.", registry=self.registry)
        depth.set_function(lambda: float(queue.depth))
        age = Gauge("richpanel_oldest_message_age_seconds", "Age of the oldest unfinished job.", registry=self.registry)
        age.set_function(queue.oldest_age)

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(f"richpanel_{name}", documentation, labels, registry=self.registry)
