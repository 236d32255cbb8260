"""A target of another protocol than HTTP, whose answers are told to the redactor before anybody sees them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar

from gonogo.evidence.redact import Redactor
from gonogo.model.flags import FlagValue
from gonogo.targets.caps import SendMeter
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

T = TypeVar("T")
_Shown = dict[str, Any]


class WatchedTarget(Target):
    """Passes every question on; `fields` are the observations whose values may be shown."""

    def __init__(
        self, inner: Target, redactor: Redactor, fields: Collection[str], meter: SendMeter | None = None
    ) -> None:
        self._inner = inner
        self._meter = meter
        self._redactor = redactor
        self._fields = frozenset(fields)

    def _saw(self, label: str, content: Any, named: _Shown) -> None:
        self._redactor.saw(content, label, [value for name, value in named.items() if name in self._fields])

    def capabilities(self) -> frozenset[Capability]:
        """Return what the target can answer."""
        return self._inner.capabilities()

    def describe(self) -> dict[str, Any]:
        """Return what the report shows about the target."""
        return self._inner.describe()

    def check_health(self) -> Observed[bool] | NotAvailable:
        """Return whether the target calls itself healthy."""
        return self._inner.check_health()

    def read_identity(self) -> Observed[Identity] | NotAvailable:
        """Return what is deployed."""
        answer = self._inner.read_identity()
        if isinstance(answer, Observed):
            named = {"build": answer.value.build, "release": answer.value.release}
            self._saw("identity", list(named.values()), named)
        return answer

    def send(self, message: Message, delivery_id: str) -> Delivery:
        """Deliver a message once, where the caps of the environment still cover it."""
        if self._meter is not None:
            self._meter.count()
        delivery = self._inner.send(message, delivery_id)
        self._saw("answer", [delivery.request_id], {"request_id": delivery.request_id})
        return delivery

    def send_malformed(self, kind: Malformed, message: Message) -> Observed[Answer] | NotAvailable:
        """Make a call that the target must refuse."""
        if self._meter is not None:
            self._meter.count()
        return self._inner.send_malformed(kind, message)

    def read_decisions(self, ticket_id: str) -> Observed[tuple[Decision, ...]] | NotAvailable:
        """Return all decisions about a ticket."""
        answer = self._inner.read_decisions(ticket_id)
        for one in _values(answer):
            flags = [list(value) if isinstance(value, tuple) else value for value in one.flags_used.values()]
            self._saw("decision", [*one.fields.values(), *_texts(flags)], {**one.fields, "flags": _texts(flags)})
        return answer

    def read_ticket(self, ticket_id: str) -> Observed[Ticket] | NotAvailable:
        """Return a ticket."""
        answer = self._inner.read_ticket(ticket_id)
        if isinstance(answer, Observed):
            named = {"tags": _texts(answer.value.tags), "team": _texts(answer.value.team)}
            self._saw("ticket", list(named.values()), named)
        return answer

    def read_replies(self, ticket_id: str) -> Observed[tuple[SentReply, ...]] | NotAvailable:
        """Return all replies on a ticket."""
        answer = self._inner.read_replies(ticket_id)
        for one in _values(answer):
            named = {"id": one.id, "template": _texts(one.template), "author": one.author}
            self._saw("reply", [*named.values(), _texts(one.text)], named)
        return answer

    def read_events(self, ticket_id: str) -> Observed[tuple[Event, ...]] | NotAvailable:
        """Return the structured events about a ticket."""
        answer = self._inner.read_events(ticket_id)
        for one in _values(answer):
            self._saw("event", one.entry, {name: _texts(value) for name, value in one.fields.items()})
        return answer

    def read_logs(self, ticket_id: str) -> Observed[tuple[Any, ...]] | NotAvailable:
        """Return the log entries about a ticket."""
        answer = self._inner.read_logs(ticket_id)
        for one in _values(answer):
            self._saw("log", one, {})
        return answer

    def read_flags(self) -> Observed[dict[str, FlagValue]] | NotAvailable:
        """Return the flags in the store."""
        answer = self._inner.read_flags()
        if isinstance(answer, Observed):
            flags = {name: _texts(value) for name, value in answer.value.items()}
            self._saw("flag", flags, {"flags": flags})
        return answer

    def set_flag(self, name: str, value: FlagValue) -> None:
        """Write one flag."""
        self._inner.set_flag(name, value)

    def close_ticket(self, ticket_id: str) -> None:
        """Close a ticket."""
        self._inner.close_ticket(ticket_id)

    def close(self) -> None:
        """Release connections."""
        self._inner.close()


def _values(answer: Observed[tuple[T, ...]] | NotAvailable) -> tuple[T, ...]:
    return answer.value if isinstance(answer, Observed) else ()


def _texts(value: Any) -> Any:
    """Return a value as JSON data; what is not available has none."""
    if isinstance(value, tuple | list):
        return [_texts(item) for item in value]
    return value if isinstance(value, str | bool | int | float | dict) else None
