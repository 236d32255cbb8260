"""A target inside the process that does at once what the small rules of a benchmark say; it costs almost nothing."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from gonogo.model.flags import FlagValue
from gonogo.targets.interface import (
    Answer,
    Capability,
    Decision,
    Delivery,
    Event,
    Identity,
    Malformed,
    Message,
    NotAvailable,
    Observed,
    SentReply,
    Target,
    Ticket,
)


class InstantTarget(Target):
    """Decides every message as order status, routed only."""

    def __init__(self, *_: Any) -> None:
        self.flags: dict[str, FlagValue] = {"safe_mode": True, "automation_enabled": False}
        self.decided: dict[str, tuple[Decision, ...]] = {}

    def _seen(self, value: Any) -> Observed[Any]:
        return Observed(value, time.time(), "instant")

    def capabilities(self) -> frozenset[Capability]:
        return frozenset(Capability)

    def describe(self) -> dict[str, Any]:
        return {"base_url": "instant", "capabilities": [], "aliases": {}}

    def check_health(self) -> Observed[bool]:
        return self._seen(True)

    def read_identity(self) -> Observed[Identity]:
        return self._seen(Identity("instant-1"))

    def send(self, message: Message, delivery_id: str) -> Delivery:
        templates = tuple(
            name.removeprefix("template_enabled.") for name, value in self.flags.items()
            if name.startswith("template_enabled.") and value is True
        )  # fmt: skip
        used = {**self.flags, "template_enabled": templates, "tier2_channels": None, "tier2_tags": None}
        fields = {
            "event_id": message.event_id,
            "ticket_id": message.ticket_id,
            "intent": "order_status_tracking",
            "team": "Email Support Team",
            "tags": ["mw-intent-order-status"],
            "template": None,
            "action": "route_only",
            "complete": True,
            "message_sha256": hashlib.sha256(message.text.encode()).hexdigest(),
        }
        self.decided[message.ticket_id] = (Decision(fields, used, {}),)
        return Delivery(delivery_id, 202, True, 0.0, time.time(), "r")

    def send_malformed(self, kind: Malformed, message: Message) -> Observed[Answer]:
        unauthorised = kind in (Malformed.NO_TOKEN, Malformed.WRONG_TOKEN)
        return self._seen(Answer(401 if unauthorised else 400, "x"))

    def read_decisions(self, ticket_id: str) -> Observed[tuple[Decision, ...]] | NotAvailable:
        return self._seen(self.decided.get(ticket_id, ()))

    def read_ticket(self, ticket_id: str) -> Observed[Ticket]:
        return self._seen(Ticket(("mw-intent-order-status",), "Email Support Team"))

    def read_replies(self, ticket_id: str) -> Observed[tuple[SentReply, ...]]:
        if ticket_id.startswith("ctrl-"):
            return self._seen((SentReply(f"ctrl-reply-{ticket_id[5:]}", False, None, None, "human"),))
        return self._seen(())

    def read_events(self, ticket_id: str) -> Observed[tuple[Event, ...]]:
        base = {"ticket_id": ticket_id, "request_id": "r", "release": "1", "env": "bench"}
        names = ("ingress.request.received", "policy.decision.made")
        return self._seen(tuple(Event({**base, "event": name}, {**base, "event": name}) for name in names))

    def read_logs(self, ticket_id: str) -> Observed[tuple[Any, ...]]:
        return self._seen(({"message": "decided"},))

    def read_flags(self) -> Observed[dict[str, FlagValue]]:
        return self._seen(dict(self.flags))

    def set_flag(self, name: str, value: FlagValue) -> None:
        self.flags[name] = value

    def close(self) -> None:
        pass
