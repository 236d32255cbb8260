"""How the faults show that only many messages bring out: one function a fault, true when the fault is seen.

A fault of a period strikes every so many occasions; it is given a short one, so that a few messages are enough.
"""

from __future__ import annotations

import re
import time

from richpanel_observers import LEGAL, RETURN, STATUS, observer
from richpanel_server import Server, poll

ESCALATION = LEGAL


def shorten(server: Server, name: str, period: int) -> None:
    """Give the server's fault a short period; one without the fault stays as it is."""
    if name in server.ready["faults"]:
        assert server.client.put("/faults", json={"active": [f"{name}/{period}"]}).status_code == 200


def delivery(server: Server, text: str = STATUS) -> tuple[int, float]:
    """Return the status of a delivery, refused or not, and the seconds to it."""
    while True:
        started = time.monotonic()
        body = {"ticket_id": f"t-{started}", "event_type": "message.created", "message": {"text": text}}
        status = server.client.post("/webhook", json=body).status_code
        if status != 429:
            return status, time.monotonic() - started


@observer
def load_slow_ack(server: Server) -> bool:
    shorten(server, "load_slow_ack", 3)
    return max(delivery(server)[1] for _ in range(3)) > 0.55


@observer
def load_server_error(server: Server) -> bool:
    shorten(server, "load_server_error", 3)
    return [delivery(server)[0] for _ in range(3)] == [202, 202, 503]


@observer
def load_duplicate_reply(server: Server) -> bool:
    shorten(server, "load_duplicate_reply", 2)
    server.set_flags(all_on=True)
    tickets = [server.decide(RETURN)["ticket_id"] for _ in range(2)]
    return [len(server.replies(ticket)) for ticket in tickets] == [1, 2]


@observer
def load_lost(server: Server) -> bool:
    shorten(server, "load_lost", 2)
    first, second = server.send(STATUS), server.send(STATUS)
    assert server.decisions(first)
    server.settle()
    return not server.decisions(second, seconds=1.0)


@observer
def load_tier0_reply(server: Server) -> bool:
    shorten(server, "load_tier0_reply", 2)
    tickets = [server.decide(ESCALATION)["ticket_id"] for _ in range(2)]
    return [len(server.replies(ticket)) for ticket in tickets] == [0, 1]


@observer
def load_queue_stuck(server: Server) -> bool:
    shorten(server, "load_queue_stuck", 2)
    server.decide(STATUS)
    ticket = server.send(STATUS)
    return not server.decisions(ticket, seconds=1.5)


def vendor_counts(name: str, server: Server) -> dict[str, float]:
    """Return the vendor's counters and the dead letters after some messages, with every second call refused by 429."""
    fault = ("--fault", name) if name in server.ready["faults"] else ()
    with Server("--latency", "0", "--vendor-429", "0.5", "--seed", "7", *fault) as throttled:
        for _ in range(4):
            throttled.send(STATUS)
        assert poll(lambda: throttled.get("/queue")["depth"] + throttled.get("/queue")["in_flight"] == 0)
        page = throttled.client.get("/metrics").text
    names = {"early": "vendor_early_calls", "hot": "vendor_hot_calls", "dead": "dlq_messages"}
    found = {key: re.search(rf"^richpanel_{name}_total (\S+)$", page, re.MULTILINE) for key, name in names.items()}
    assert 'vendor_responses_total{status="429"}' in page
    return {key: float(match[1]) for key, match in found.items() if match}


@observer
def vendor_hot_loop(server: Server) -> bool:
    return vendor_counts("vendor_hot_loop", server)["hot"] > 0


@observer
def vendor_retry_early(server: Server) -> bool:
    counts = vendor_counts("vendor_retry_early", server)
    return counts["early"] > 0 and counts["hot"] == 0


@observer
def vendor_429_dead_letters(server: Server) -> bool:
    return vendor_counts("vendor_429_dead_letters", server)["dead"] > 0
