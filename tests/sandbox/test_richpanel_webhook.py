"""The webhook's contract: authentication, limits, shapes, idempotency, and what the read endpoints say afterwards."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

import httpx
import pytest
from richpanel_server import TOKEN, Server, poll

EVENT = {"ticket_id": "t-1", "event_type": "message.created", "message": {"text": "hello"}}
MESSAGES = (
    "quotes \" and ' and, commas | pipes \\ <x> {{x}}",
    "line\nbreaks\r\nof\rall kinds\n",
    "  blanks \t kept ",
    "emoji \N{FIRE}\N{ZERO WIDTH JOINER} and \u4f60\u597d",
    "\x00\x1f control",
)


def post(server: Server, token: str | None, **request: Any) -> httpx.Response:
    """Deliver with a given token, or none."""
    built = server.client.build_request("POST", "/webhook", **request)
    del built.headers["X-Middleware-Token"]
    if token is not None:
        built.headers["X-Middleware-Token"] = token
    return server.client.send(built)


def test_missing_and_wrong_token_look_the_same(routing: Server) -> None:
    answers = [
        post(routing, token, content=content)
        for token in (None, "", "wrong", TOKEN + " x", TOKEN[:-1])
        for content in (json.dumps(EVENT), "{", "x" * 40_000)
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.content for answer in answers} == {b'{"error":"unauthorized"}'}
    headers = [{name: value for name, value in answer.headers.items() if name != "date"} for answer in answers]
    assert all(header == headers[0] for header in headers)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"", 400),
        (b"\xff\xfe", 400),
        (b"[1]", 400),
        (b'"text"', 400),
        (b"[" * 10_000, 400),
        (b'{"ticket_id": NaN, "event_type": "message.created"}', 400),
        (json.dumps({**EVENT, "ticket_id": None}).encode(), 400),
        (json.dumps({**EVENT, "ticket_id": 5}).encode(), 400),
        (json.dumps({**EVENT, "ticket_id": ""}).encode(), 400),
        (json.dumps({**EVENT, "event_type": ["x"]}).encode(), 400),
        (json.dumps({"ticket_id": "t-1"}).encode(), 400),
        (json.dumps({"event_type": "message.created"}).encode(), 400),
        (json.dumps({**EVENT, "message": "text"}).encode(), 400),
        (json.dumps({**EVENT, "author": "robot"}).encode(), 400),
        (b'{"ticket_id": "t", "event_type": "e", "message": {"text": "\\ud800"}}', 400),
    ],
)
def test_unusable_bodies_are_refused(routing: Server, content: bytes, status: int) -> None:
    response = routing.post(content=content)
    assert response.status_code == status
    assert response.json()["error"] in {"invalid_json", "not_an_object", "missing_field", "invalid_field"}


def test_size_limit_is_32_kb(routing: Server) -> None:
    def body(size: int) -> bytes:
        event = {**EVENT, "ticket_id": f"t-{size}", "author": "human", "message": {"text": ""}}
        return json.dumps({**event, "message": {"text": "x" * (size - len(json.dumps(event)))}}).encode()

    assert len(body(32_768)) == 32_768
    assert routing.post(content=body(32_768)).status_code == 202
    assert routing.post(content=body(32_769)).status_code == 413

    def chunks() -> Any:
        yield from (body(40_000)[start : start + 1000] for start in range(0, 40_000, 1000))

    assert routing.client.post("/webhook", content=chunks()).status_code == 413


def test_accepted_answer_and_events_carry_the_same_ids(routing: Server) -> None:
    ticket = f"t-{uuid.uuid4().hex}"
    trace = uuid.uuid4().hex
    answer = routing.post(
        json={**EVENT, "ticket_id": ticket},
        headers={"X-Delivery-Id": "d-1", "traceparent": f"00-{trace}-{'1' * 16}-01"},
    )
    assert answer.status_code == 202
    body = answer.json()
    assert body["status"] == "accepted"
    assert body["trace_id"] == trace
    decision = routing.decisions(ticket)[0]
    assert (decision["request_id"], decision["trace_id"]) == (body["request_id"], trace)
    events = routing.get("/events", ticket_id=ticket)
    assert [event["event"] for event in events][:3] == [
        "ingress.request.received",
        "ingress.enqueue.success",
        "worker.job.start",
    ]
    for event in events:
        assert event["ticket_id"] == ticket
        assert event["request_id"] == body["request_id"]
        assert event["trace_id"] == trace
        assert event["release"] == "richpanel-sandbox-1"
        assert event["env"] == "sandbox"


def test_messages_arrive_byte_for_byte(routing: Server) -> None:
    for text in MESSAGES:
        ticket = routing.decide(text, channel="livechat")["ticket_id"]
        seen = routing.get(f"/tickets/{ticket}")
        assert seen["channel"] == "livechat"
        assert [message["sha256"] for message in seen["messages"]] == [hashlib.sha256(text.encode()).hexdigest()]
        assert routing.decisions(ticket)[0]["message_sha256"] == seen["messages"][0]["sha256"]


def test_redelivery_is_detected_by_the_event(routing: Server) -> None:
    event = f"e-{uuid.uuid4().hex}"
    ticket = routing.send("I can't log in", event_id=event)
    for delivery in ("d-1", "d-1", "d-2"):
        body = {**EVENT, "ticket_id": ticket, "event_id": event}
        assert routing.post(json=body, headers={"X-Delivery-Id": delivery}).status_code == 202
    assert poll(lambda: routing.events(ticket).count("system.idempotency.duplicate_event_detected") == 3)
    routing.settle()
    seen = routing.get(f"/tickets/{ticket}")
    assert len(routing.get(f"/tickets/{ticket}/decisions")) == 1
    assert len(seen["messages"]) == 1
    assert seen["tags"] == ["mw-intent-tech-support", "mw-needs-tech-support"]


def test_event_without_an_id_is_known_by_ticket_and_text(routing: Server) -> None:
    ticket = f"t-{uuid.uuid4().hex}"
    for text in ("hello", "hello", "hello again"):
        assert routing.post(json={**EVENT, "ticket_id": ticket, "message": {"text": text}}).status_code == 202
    assert len(routing.decisions(ticket, 2)) == 2
    routing.settle()
    assert len(routing.get(f"/tickets/{ticket}/decisions")) == 2


@pytest.mark.parametrize("author", ["automation", "human"])
def test_only_customers_are_decided(routing: Server, author: str) -> None:
    ticket = routing.send("Where is my order?", author=author)
    assert poll(lambda: "worker.job.complete" in routing.events(ticket))
    assert routing.get(f"/tickets/{ticket}/decisions") == []
    assert len(routing.get(f"/tickets/{ticket}")["messages"]) == 1


def test_unknown_tickets(routing: Server) -> None:
    assert routing.client.get("/tickets/none").status_code == 404
    assert routing.get("/tickets/none/decisions") == []
    assert routing.get("/tickets/none/replies") == []
    assert routing.get("/events", ticket_id="none") == []


def test_ticket_ids_may_hold_anything(routing: Server) -> None:
    ticket = f"a/b c?d#%\N{FIRE}-{uuid.uuid4().hex}"
    routing.send("hello", ticket_id=ticket)
    path = "/tickets/" + "".join(f"%{byte:02X}" for byte in ticket.encode())
    assert poll(lambda: routing.get(f"{path}/decisions"))
    assert routing.get(path)["ticket_id"] == ticket
    assert routing.get(f"{path}/replies") == []


def test_health_version_and_unknown_paths(routing: Server) -> None:
    assert routing.get("/health") == {"ok": True}
    version = {"build": "richpanel-sandbox-1", "env": "sandbox", "release": "richpanel-sandbox-1"}
    assert routing.get("/version") == version
    assert routing.client.get("/nothing").json() == {"error": "not_found"}
    assert routing.client.get("/webhook").status_code == 405


def test_metrics_count_what_happened(routing: Server) -> None:
    def metric(name: str) -> float:
        lines = routing.client.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name) and "_created" not in line)

    accepted = metric("richpanel_ingress_accepted_total")
    refused = metric('richpanel_ingress_rejected_total{reason="unauthorized"}')
    decided = metric('richpanel_decisions_total{intent="technical_support"}')
    acknowledged = metric("richpanel_ack_seconds_count")
    routing.decide("I can't log in")
    post(routing, "wrong", json=EVENT)
    assert metric("richpanel_ingress_accepted_total") == accepted + 1
    assert metric('richpanel_ingress_rejected_total{reason="unauthorized"}') == refused + 1
    assert metric('richpanel_decisions_total{intent="technical_support"}') == decided + 1
    assert metric("richpanel_ack_seconds_count") == acknowledged + 2
    assert metric("richpanel_decision_seconds_count") > 0
    assert metric("richpanel_queue_depth") == 0
    assert metric("richpanel_tier0_replies_total") == 0
    assert metric('richpanel_vendor_responses_total{status="200"}') > 0


def test_rate_limit_spares_good_requests_from_bad_ones() -> None:
    with Server("--latency", "0") as server:
        for _ in range(80):
            assert post(server, "wrong", json=EVENT).status_code == 401
        statuses = server.burst(120)
        assert statuses[:50] == [202] * 50
        assert 429 in statuses
        refused = poll(lambda: _refusal(server))
        assert refused is not None
        assert int(refused.headers["Retry-After"]) >= 1
        assert refused.json() == {"error": "rate_limited"}


def _refusal(server: Server) -> httpx.Response | None:
    server.burst(60)
    answer = server.client.post("/webhook", json={**EVENT, "author": "human"})
    return answer if answer.status_code == 429 else None


def test_nothing_personal_in_events_and_logs(routing: Server) -> None:
    text = "My card 4242 4242 4242 4242, call +44 20 7946 0958 or mail ada@mail.example, lawyer!"
    decision = routing.decide(text, customer="cust-tracked")
    ticket = decision["ticket_id"]
    records = json.dumps([routing.get(path, ticket_id=ticket) for path in ("/events", "/logs")])
    assert decision["intent"] == "legal_threat"
    assert records.count("request_id") > 5
    for secret in ("4242", "7946", "ada@", "lawyer", TOKEN, "https://"):
        assert secret not in records
    assert all(line["redacted"] is True for line in routing.get("/logs", ticket_id=ticket))
