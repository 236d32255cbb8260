"""How the faults of ingress, records and privacy show: one function a fault, true when the fault is seen."""

from __future__ import annotations

import json
import time
from typing import Any

from richpanel_observers import INJECTION, STATUS, observer
from richpanel_server import TOKEN, Server, poll

RAW = {"json": {"ticket_id": "t-raw", "event_type": "message.created"}}
SHORT = 0.6


def webhook_status(server: Server, headers: dict[str, str], **request: Any) -> int:
    """Return the status of a delivery with exactly these headers."""
    while True:
        request_built = server.client.build_request("POST", "/webhook", **(request or RAW))
        del request_built.headers["X-Middleware-Token"]
        request_built.headers.update(headers)
        status = server.client.send(request_built).status_code
        if status != 429:
            return status
        time.sleep(0.05)


@observer
def unauthenticated_accepted(server: Server) -> bool:
    return webhook_status(server, {}) == 202


@observer
def wrong_token_accepted(server: Server) -> bool:
    return webhook_status(server, {"X-Middleware-Token": "wrong"}) == 202


@observer
def auth_reveals(server: Server) -> bool:
    return webhook_status(server, {"X-Middleware-Token": "wrong"}) != webhook_status(server, {})


@observer
def ack_before_enqueue(server: Server) -> bool:
    tickets = [server.send(STATUS) for _ in range(5)]
    server.settle()
    return any(not server.get(f"/tickets/{ticket}/decisions") for ticket in tickets)


@observer
def unparsable_accepted(server: Server) -> bool:
    return webhook_status(server, {"X-Middleware-Token": TOKEN}, content=b"{not json") == 202


@observer
def missing_fields_accepted(server: Server) -> bool:
    return webhook_status(server, {"X-Middleware-Token": TOKEN}, json={"message": {"text": "x"}}) == 202


@observer
def oversized_accepted(server: Server) -> bool:
    body = {"ticket_id": "t-big", "event_type": "message.created", "message": {"text": "x" * 33_000}}
    return webhook_status(server, {"X-Middleware-Token": TOKEN}, json=body) == 202


@observer
def slow_ack(server: Server) -> bool:
    started = time.monotonic()
    server.send(STATUS)
    return time.monotonic() - started >= 1.0


@observer
def attachment_crash(server: Server) -> bool:
    ticket = server.send("", attachments=[{"name": "photo.jpg"}])
    done = poll(lambda: {"worker.job.failed", "worker.job.complete"} & set(server.events(ticket)))
    dead = [job for job in server.get("/dlq") if job["ticket_id"] == ticket]
    decided = bool(server.get(f"/tickets/{ticket}/decisions"))
    return bool(done and dead and not decided and "system.dlq.message_written" not in server.events(ticket))


@observer
def decision_missing(server: Server) -> bool:
    tickets = [server.send(f"{STATUS} {number}") for number in range(8)]
    server.settle()
    return any(not server.get(f"/tickets/{ticket}/decisions") for ticket in tickets)


@observer
def decision_incomplete(server: Server) -> bool:
    ticket = server.send(STATUS)
    assert poll(lambda: "worker.job.complete" in server.events(ticket))
    return bool(not server.get(f"/tickets/{ticket}/decisions")[0]["complete"])


@observer
def foreign_decision(server: Server) -> bool:
    server.send(STATUS)
    ticket = server.send(STATUS)
    server.settle()
    return any(decision["ticket_id"] != ticket for decision in server.get(f"/tickets/{ticket}/decisions"))


@observer
def slow_decision(server: Server) -> bool:
    return not server.decisions(server.send(STATUS), seconds=SHORT)


@observer
def build_changes(server: Server) -> bool:
    build: str = server.ready["build"]
    for _ in range(11):
        server.send(STATUS)
    server.settle()
    return bool(server.decide(STATUS)["build"] != build and server.get("/version")["build"] != build)


@observer
def control_reply_hidden(server: Server) -> bool:
    return server.replies("ctrl-email") == []


@observer
def no_reply_log(server: Server) -> bool:
    return server.client.get("/tickets/ctrl-email/replies").status_code == 404


@observer
def hidden_events(server: Server) -> bool:
    server.decide(STATUS)
    return bool(server.get("/events") == [])


@observer
def ticket_close_fails(server: Server) -> bool:
    ticket = server.send(STATUS)
    server.settle()
    closing = server.client.post(f"/tickets/{ticket}/close")
    return closing.status_code == 503 and server.get(f"/tickets/{ticket}")["status"] == "open"


def event_text(server: Server, text: str = STATUS) -> str:
    """Return the events of a decided message as one text."""
    return json.dumps(server.get("/events", ticket_id=server.decide(text)["ticket_id"]))


@observer
def body_in_events(server: Server) -> bool:
    return STATUS in event_text(server)


@observer
def email_in_events(server: Server) -> bool:
    return "@" in event_text(server)


@observer
def phone_in_events(server: Server) -> bool:
    return "555-0132" in event_text(server)


@observer
def tracking_link_in_events(server: Server) -> bool:
    return "https://" in event_text(server)


def log_text(server: Server) -> str:
    """Return the log lines of a decided message as one text."""
    return json.dumps(server.get("/logs", ticket_id=server.decide(STATUS)["ticket_id"]))


@observer
def card_in_log(server: Server) -> bool:
    return "4111 1111 1111 1111" in log_text(server)


@observer
def token_in_log(server: Server) -> bool:
    return TOKEN in log_text(server)


@observer
def no_correlation_id(server: Server) -> bool:
    events = server.get("/events", ticket_id=server.decide(STATUS)["ticket_id"])
    return all("request_id" not in event and "trace_id" not in event for event in events)


@observer
def no_release_in_events(server: Server) -> bool:
    events = server.get("/events", ticket_id=server.decide(STATUS)["ticket_id"])
    return all("release" not in event for event in events)


@observer
def no_override_event(server: Server) -> bool:
    return "policy_override" not in server.events(server.decide(INJECTION)["ticket_id"])
