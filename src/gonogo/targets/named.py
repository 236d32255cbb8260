"""The observations in an answer that environments.yaml has a name for, by that name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gonogo.model.http_interface import (
    DecisionsRequest,
    EventsRequest,
    FlagsRequest,
    IdentityRequest,
    LogsRequest,
    RepliesRequest,
    Request,
    SendRequest,
    TicketRequest,
)
from gonogo.targets.extract import extract, extract_items
from gonogo.targets.interface import NotAvailable
from gonogo.targets.transport import Named

_FLAGS = "flags"
_LABELS: Mapping[type[Request], str] = {
    DecisionsRequest: "decision",
    EventsRequest: "event",
    LogsRequest: "log",
    RepliesRequest: "reply",
    TicketRequest: "ticket",
}


def label_of(request: Request) -> str:
    """Return what evidence calls the content of an answer that was redacted."""
    return _LABELS.get(type(request), "answer")


def namer(request: Request) -> Named | None:
    """Return what finds a request's named observations in its answer, or None where it has none."""
    if isinstance(request, DecisionsRequest | EventsRequest | RepliesRequest):
        return lambda data: _name_items(request, data)
    expressions = _expressions(request)
    if not expressions:
        return None
    return lambda data: _name_all(expressions, data)


def _expressions(request: Request) -> dict[str, str]:
    found: dict[str, str | None] = {}
    if isinstance(request, IdentityRequest):
        found = {"build": request.build, "release": request.release}
    elif isinstance(request, TicketRequest):
        found = {"tags": request.tags, "team": request.team}
    elif isinstance(request, SendRequest):
        found = {"request_id": request.request_id}
    elif isinstance(request, FlagsRequest):
        found = {_FLAGS: request.values}
    return {name: expression for name, expression in found.items() if expression}


def _name_items(request: DecisionsRequest | EventsRequest | RepliesRequest, data: Any) -> Mapping[str, Any]:
    items = extract_items(request.items, data)
    if isinstance(items, NotAvailable):
        return {}
    expressions = {str(name): path for name, path in request.fields.items() if name != "text"}
    found: dict[str, list[Any]] = {}
    for item in items:
        for name, value in _name_all(expressions, item).items():
            found.setdefault(name, []).append(value)
        if isinstance(request, DecisionsRequest):
            used = _name_all({str(name): path for name, path in request.flags_used.items()}, item)
            found.setdefault(_FLAGS, []).extend(used.values())
    return found


def _name_all(expressions: Mapping[str, str], data: Any) -> dict[str, Any]:
    values = {name: extract(expression, data) for name, expression in expressions.items()}
    return {name: value for name, value in values.items() if not isinstance(value, NotAvailable)}
