"""The structured events and log lines of the middleware, without message bodies or personal data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from gonogo.sandbox.richpanel.faults import FaultSet
from gonogo.sandbox.richpanel.orders import TRACKING_BASE
from gonogo.sandbox.richpanel.store import Json, timestamp

TEST_CARD = "4111 1111 1111 1111"


@dataclass(frozen=True)
class Trace:
    """The identifiers that every event and log line of one delivery carries."""

    request_id: str
    trace_id: str
    ticket_id: str | None = None


@dataclass(frozen=True)
class Subject:
    """What a careless recorder could leak about a message."""

    text: str
    email: str | None


class Recorder:
    """Collects events and log lines in order, indexed by ticket."""

    def __init__(self, faults: FaultSet, release: Callable[[], str], env: str, token: str) -> None:
        self._faults = faults
        self._release = release
        self._env = env
        self._token = token
        self._events: list[Json] = []
        self._events_by_ticket: defaultdict[str, list[Json]] = defaultdict(list)
        self._logs: list[Json] = []
        self._logs_by_ticket: defaultdict[str, list[Json]] = defaultdict(list)

    def event(self, name: str, trace: Trace, subject: Subject | None = None, **details: object) -> None:
        """Record one event; `subject` is what a privacy fault may leak."""
        record: Json = {"event": name, "at": timestamp(), "ticket_id": trace.ticket_id}
        if not self._faults.active("no_correlation_id"):
            record |= {"request_id": trace.request_id, "trace_id": trace.trace_id}
        if not self._faults.active("no_release_in_events"):
            record["release"] = self._release()
        record |= {"env": self._env, **details}
        if subject is not None:
            record |= self._leaks(subject)
        self._events.append(record)
        if trace.ticket_id is not None:
            self._events_by_ticket[trace.ticket_id].append(record)

    def log(self, level: str, logger: str, message: str, trace: Trace) -> None:
        """Record one log line whose message is a constant sentence."""
        if self._faults.active("card_in_log"):
            message += f" excerpt='card {TEST_CARD}'"
        if self._faults.active("token_in_log"):
            message += f" headers='X-Middleware-Token: {self._token}'"
        record: Json = {
            "at": timestamp(),
            "level": level,
            "logger": logger,
            "message": message,
            "request_id": trace.request_id,
            "ticket_id": trace.ticket_id,
            "redacted": True,
        }
        self._logs.append(record)
        if trace.ticket_id is not None:
            self._logs_by_ticket[trace.ticket_id].append(record)

    def events(self, ticket_id: str | None) -> list[Json]:
        """Return the events of a ticket, or all of them."""
        if self._faults.active("hidden_events"):
            return []
        return self._events if ticket_id is None else self._events_by_ticket.get(ticket_id, [])

    def logs(self, ticket_id: str | None) -> list[Json]:
        """Return the log lines of a ticket, or all of them."""
        return self._logs if ticket_id is None else self._logs_by_ticket.get(ticket_id, [])

    def _leaks(self, subject: Subject) -> Json:
        leaks: Json = {}
        if self._faults.active("body_in_events"):
            leaks["excerpt"] = subject.text
        if self._faults.active("email_in_events"):
            leaks["contact"] = subject.email or "jo.bloggs@mail.example"
        if self._faults.active("phone_in_events"):
            leaks["callback"] = "+1 (415) 555-0132"
        if self._faults.active("tracking_link_in_events"):
            leaks["link"] = TRACKING_BASE + "ZX81KJ20931"
        return leaks
