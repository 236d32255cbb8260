"""Observers of what a watch sees: the page of metrics and the health of the process."""

from __future__ import annotations

import re
import time

from richpanel_observers import OBSERVERS, observer
from richpanel_server import Server


def figure(server: Server, name: str) -> float:
    """Return a metric's value on the page."""
    found = re.search(rf"^richpanel_{name} (\S+)", server.client.get("/metrics").text, re.MULTILINE)
    assert found, name
    return float(found[1])


@observer
def health_failing(server: Server) -> bool:
    answer = server.client.get("/health")
    return answer.status_code == 503 and answer.json() == {"ok": False}


@observer
def metrics_down(server: Server) -> bool:
    return all(server.client.get("/metrics").status_code == 503 for _ in range(3))


@observer
def metrics_flapping(server: Server) -> bool:
    return {server.client.get("/metrics").status_code for _ in range(4)} == {200, 503}


@observer
def metrics_nan(server: Server) -> bool:
    value = figure(server, "queue_depth")
    return value != value


@observer
def metrics_frozen(server: Server) -> bool:
    first = figure(server, "clock_seconds")
    time.sleep(0.02)
    return figure(server, "clock_seconds") == first


@observer
def metrics_old(server: Server) -> bool:
    found = re.search(r"^richpanel_queue_depth \S+ (\d+)$", server.client.get("/metrics").text, re.MULTILINE)
    return found is not None and time.time() - int(found[1]) / 1000 > 3000


def rises(name: str, fault: str) -> None:
    """Register an observer that sees a counter rise from one scrape to the next, though nothing happened."""

    def observe(server: Server) -> bool:
        return figure(server, name) < figure(server, name)

    OBSERVERS[fault] = observe


for _fault, _name in {
    "signal_complaints": "complaints_total",
    "signal_routing_errors": "routing_feedback_total",
    "signal_throttling": "vendor_throttled_total",
    "signal_cost": "llm_cost_dollars_total",
    "signal_mapping_drift": "mapping_drift_total",
    "signal_overrides": "policy_overrides_total",
    "signal_tier0_volume": "tier0_decisions_total",
    "signal_send_count": "replies_sent_total",
    "signal_job_errors": "job_errors_total",
    "signal_dead_letters": "dlq_messages_total",
}.items():
    rises(_name, _fault)


@observer
def signal_queue_slow(server: Server) -> bool:
    return figure(server, "oldest_message_age_seconds") == 150


@observer
def signal_queue_stuck(server: Server) -> bool:
    return figure(server, "oldest_message_age_seconds") == 400
