"""The Prometheus metrics of the middleware, in a registry of their own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gonogo.sandbox.richpanel.jobs import JobQueue

ACK_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0)
DECISION_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Metrics:
    """Counters, gauges and histograms; the gauges read the queue at the moment of the scrape."""

    def __init__(self, queue: JobQueue) -> None:
        self.registry = CollectorRegistry()
        self.accepted = self._counter("ingress_accepted", "Webhooks acknowledged with 202.")
        self.rejected = self._counter("ingress_rejected", "Webhooks refused, by reason.", "reason")
        self.replies = self._counter("replies", "Automatic replies sent, by template.", "template")
        self.decisions = self._counter("decisions", "Decisions made, by intent.", "intent")
        self.tier0_replies = self._counter("tier0_replies", "Automatic replies to tier-0 escalations.")
        self.duplicates = self._counter("duplicates", "Redelivered events detected by the worker.")
        self.dead_letters = self._counter("dlq_messages", "Jobs written to the dead-letter queue.")
        self.vendor_responses = self._counter("vendor_responses", "Answers of the vendor, by status.", "status")
        self.ack_seconds = Histogram(
            "richpanel_ack_seconds", "Seconds to the webhook's answer.", registry=self.registry, buckets=ACK_BUCKETS
        )
        self.decision_seconds = Histogram(
            "richpanel_decision_seconds",
            "Seconds from enqueue to a complete decision.",
            registry=self.registry,
            buckets=DECISION_BUCKETS,
        )
        depth = Gauge("richpanel_queue_depth", "Jobs waiting for a worker.", registry=self.registry)
        depth.set_function(lambda: float(queue.depth))
        age = Gauge("richpanel_oldest_message_age_seconds", "Age of the oldest unfinished job.", registry=self.registry)
        age.set_function(queue.oldest_age)

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(f"richpanel_{name}", documentation, labels, registry=self.registry)
