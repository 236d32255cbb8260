"""Whether an adapter keeps the promises of `Target`, tried on a running system that nobody else uses."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gonogo.errors import TargetError
from gonogo.model.flags import ABSENT, FlagValue
from gonogo.targets.interface import (
    Answer,
    Capability,
    Decision,
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


@dataclass(frozen=True, slots=True)
class Fixture:
    """What the kit uses up: a message that is decided within `deadline` seconds, and a flag that may be written."""

    message: Message
    deadline: float = 10.0
    flag: str = "safe_mode"
    values: tuple[FlagValue, FlagValue] = (False, True)


def find_violations(target: Target, fixture: Fixture) -> list[str]:
    """Return a sentence for every promise that the target breaks.

    Sends one message and malformed calls, closes its ticket, and writes one flag, leaving its second value: choose the
    safe one for it.
    """
    shown = target.capabilities()
    return [
        *_check_description(target, shown),
        *_check_sending(target, fixture, shown),
        *_check_reads(target, fixture.message.ticket_id, shown, strict=True),
        *_check_reads(target, "conformance-no-such-ticket", shown, strict=False),
        *_check_flags(target, fixture, shown),
        *_check_malformed(target, fixture.message),
        *_check_closing(target, fixture.message.ticket_id, shown),
    ]


def _check_description(target: Target, shown: frozenset[Capability]) -> Iterator[str]:
    try:
        described = json.loads(json.dumps(target.describe()))
    except (TypeError, ValueError) as error:
        yield f"describe() is no JSON: {error}"
        return
    if sorted(described.get("capabilities", [])) != sorted(shown):
        yield "describe() names other capabilities than capabilities()"
    if Capability.SEND not in shown:
        yield "capabilities() leaves out send, without which nothing can be tried"


def _check_sending(target: Target, fixture: Fixture, shown: frozenset[Capability]) -> Iterator[str]:
    message, before = fixture.message, time.time()
    delivery = target.send(message, "conformance-1")
    if not delivery.accepted:
        yield f"send() was not accepted: status {delivery.status}"
    if delivery.delivery_id != "conformance-1":
        yield "send() returns another delivery id than it was given"
    if delivery.seconds < 0 or not before - 1 <= delivery.sent_at <= time.time() + 1:
        yield "send() measures impossible times"
    if Capability.DECISIONS not in shown:
        return
    give_up, decision = time.monotonic() + fixture.deadline, None
    while decision is None and time.monotonic() < give_up:
        answer = target.read_decisions(message.ticket_id)
        found = () if isinstance(answer, NotAvailable) else answer.value
        decision = next((one for one in found if isinstance(one, Decision) and one.complete), None)
        time.sleep(0.05)
    if decision is None:
        yield f"no complete decision within {fixture.deadline:g} s"
        return
    digest = decision.get("message_sha256")
    if not isinstance(digest, NotAvailable) and digest != hashlib.sha256(message.text.encode()).hexdigest():
        yield "the message did not arrive byte for byte"
    if not isinstance(decision.get("no_such_field"), NotAvailable):
        yield "a decision shows a field that nobody declared"


def _check_reads(target: Target, ticket: str, shown: frozenset[Capability], *, strict: bool) -> Iterator[str]:
    def of(kind: type) -> Callable[[Any], bool]:
        return lambda value: isinstance(value, kind)

    def all_of(kind: type) -> Callable[[Any], bool]:
        return lambda value: isinstance(value, tuple) and all(isinstance(one, kind) for one in value)

    reads: list[tuple[Capability, Callable[[], Any], Callable[[Any], bool]]] = [
        (Capability.IDENTITY, target.read_identity, of(Identity)),
        (Capability.HEALTH, target.check_health, of(bool)),
        (Capability.DECISIONS, lambda: target.read_decisions(ticket), all_of(Decision)),
        (Capability.TICKET, lambda: target.read_ticket(ticket), of(Ticket)),
        (Capability.REPLIES, lambda: target.read_replies(ticket), all_of(SentReply)),
        (Capability.EVENTS, lambda: target.read_events(ticket), all_of(Event)),
        (Capability.LOGS, lambda: target.read_logs(ticket), all_of(object)),
        (Capability.FLAGS, target.read_flags, of(dict)),
        (Capability.CONFIGURATION, target.read_configuration, of(dict)),
    ]
    for capability, read, fits in reads:
        answer = read()
        if isinstance(answer, NotAvailable):
            if not answer.reason:
                yield f"{capability} is not available without a reason"
            if answer.broken or (strict and capability in shown):
                yield f"{capability} of {ticket} should be there: {answer.reason}"
        elif capability not in shown:
            yield f"{capability} is answered although capabilities() leaves it out"
        elif not isinstance(answer, Observed) or not fits(answer.value):
            yield f"{capability} answers with {type(getattr(answer, 'value', answer)).__name__}"
        elif not answer.source or abs(time.time() - answer.at) > 60:
            yield f"{capability} does not say where or when it was read"


def _check_flags(target: Target, fixture: Fixture, shown: frozenset[Capability]) -> Iterator[str]:
    writable = Capability.SET_FLAG in shown
    removable = Capability.UNSET_FLAG in shown
    steps = [(fixture.values[0], writable), (ABSENT, removable), (fixture.values[1], writable)]
    for value, possible in steps:
        try:
            target.set_flag(fixture.flag, value)
        except TargetError as error:
            if possible:
                yield f"{fixture.flag} cannot be written: {error}"
            continue
        if not possible:
            yield f"{fixture.flag} is written although capabilities() says that it cannot be"
        flags = target.read_flags()
        if isinstance(flags, Observed) and flags.value.get(fixture.flag, ABSENT) != value:
            yield f"{fixture.flag} was written and reads otherwise"


def _check_malformed(target: Target, message: Message) -> Iterator[str]:
    for kind in Malformed:
        answer = target.send_malformed(kind, message)
        if isinstance(answer, Observed) and isinstance(answer.value, Answer):
            if not 400 <= answer.value.status < 500:
                yield f"a call {kind} is answered with {answer.value.status}"
        elif not isinstance(answer, NotAvailable):
            yield f"a call {kind} answers with {type(answer).__name__}"


def _check_closing(target: Target, ticket: str, shown: frozenset[Capability]) -> Iterator[str]:
    possible = Capability.CLOSE_TICKET in shown
    try:
        target.close_ticket(ticket)
    except TargetError as error:
        if possible:
            yield f"ticket {ticket} cannot be closed: {error}"
    else:
        if not possible:
            yield "a ticket is closed although capabilities() says that it cannot be"
