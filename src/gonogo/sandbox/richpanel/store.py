"""The records of the middleware: tickets with messages and tags, decisions, replies and dead letters."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gonogo.sandbox.richpanel.catalog import CHANNELS

Json = dict[str, object]
WINDOW_SECONDS = 24 * 3600.0


def timestamp() -> str:
    """Return the current UTC time in ISO 8601 with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass
class Reply:
    """One reply on a ticket, written by a person or by the automation."""

    id: str
    author: str
    template_id: str | None
    text: str
    event_id: str | None
    at: str = field(default_factory=timestamp)
    sent: float = field(default_factory=time.monotonic)

    def as_dict(self) -> Json:
        """Return the reply as served."""
        return {
            "id": self.id,
            "author": self.author,
            "template_id": self.template_id,
            "text": self.text,
            "at": self.at,
            "event_id": self.event_id,
        }


@dataclass
class Ticket:
    """One conversation at the vendor."""

    ticket_id: str
    channel: str
    team: str | None = None
    tags: list[str] = field(default_factory=list)
    messages: list[Json] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    closed: bool = False

    def automatic_replies(self) -> int:
        """Return how many automatic replies went out in the last 24 h."""
        since = time.monotonic() - WINDOW_SECONDS
        return sum(1 for reply in self.replies if reply.author == "automation" and reply.sent >= since)

    def as_dict(self) -> Json:
        """Return the ticket as served."""
        return {
            "ticket_id": self.ticket_id,
            "channel": self.channel,
            "team": self.team,
            "tags": list(self.tags),
            "messages": list(self.messages),
            "status": "closed" if self.closed else "open",
        }


@dataclass
class Decision:
    """One decision; `complete` turns true only after its last write at the vendor."""

    decision_id: str
    event_id: str
    ticket_id: str
    request_id: str
    trace_id: str
    at: str
    intent: str
    tier: int
    team: str
    tags: list[str]
    flags: Json
    blocked_by: list[str]
    message_sha256: str
    order_match: bool
    build: str
    template_id: str | None = None
    action: str = "route_only"
    reply_status: str = "skipped"
    reply_reason: str = "pending"
    complete: bool = False
    completed_at: str | None = None

    def as_dict(self) -> Json:
        """Return the decision as served."""
        return {
            "decision_id": self.decision_id,
            "event_id": self.event_id,
            "ticket_id": self.ticket_id,
            "request_id": self.request_id,
            "trace_id": self.trace_id,
            "at": self.at,
            "intent": self.intent,
            "tier": self.tier,
            "team": self.team,
            "tags": list(self.tags),
            "template_id": self.template_id,
            "action": self.action,
            "reply": {"status": self.reply_status, "reason": self.reply_reason},
            "blocked_by": list(self.blocked_by),
            "flags": self.flags,
            "complete": self.complete,
            "completed_at": self.completed_at,
            "message_sha256": self.message_sha256,
            "order_match": self.order_match,
            "build": self.build,
        }


class Store:
    """Everything the read endpoints serve about tickets, held in memory for the life of the process."""

    def __init__(self) -> None:
        self.tickets: dict[str, Ticket] = {}
        self.dead_letters: list[Json] = []
        self.decision_count = 0
        self._last_decided: list[str] = []
        for channel in CHANNELS:
            # A reply that is known to exist proves that an empty list of replies means none.
            reply = Reply(f"ctrl-reply-{channel}", "human", None, "Thanks, this is sorted out.", None)
            self.tickets[f"ctrl-{channel}"] = Ticket(f"ctrl-{channel}", channel, replies=[reply])

    def ticket(self, ticket_id: str, channel: str) -> Ticket:
        """Return a ticket, created on its first message."""
        return self.tickets.setdefault(ticket_id, Ticket(ticket_id, channel))

    def add_decision(self, ticket: Ticket, decision: Decision) -> None:
        """Make a decision visible."""
        ticket.decisions.append(decision)
        self.decision_count += 1
        if ticket.ticket_id not in self._last_decided[-1:]:
            self._last_decided = [*self._last_decided[-1:], ticket.ticket_id]

    def decisions(self, ticket_id: str) -> list[Decision]:
        """Return the decisions of a ticket, none for an unknown one."""
        ticket = self.tickets.get(ticket_id)
        return list(ticket.decisions) if ticket else []

    def foreign_decisions(self, ticket_id: str) -> list[Decision]:
        """Return the latest decision of any other ticket, none when there is no other."""
        for other in reversed(self._last_decided):
            if other != ticket_id:
                return self.tickets[other].decisions[-1:]
        return []
