"""Every message of a load held against what was expected of it: lost, late, wrong, answered twice or where none may be.

Pure: what was sent, what was acknowledged and what was read back come in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gonogo.evidence.canaries import canaries
from gonogo.loadtest.messages import LoadCase, Mix, ticket_prefix
from gonogo.loadtest.order import WIDTH
from gonogo.loadtest.readback import Found, completed_at
from gonogo.targets.interface import Decision

KINDS = (
    "lost", "late", "wrong", "duplicates", "duplicate_decisions", "tier0_replies", "forbidden_replies",
)  # fmt: skip
_KEPT = 200


@dataclass(frozen=True, slots=True)
class SentEvent:
    """One event that was sent: when it was first due (seconds since the epoch), and whether it was acknowledged."""

    event: int
    due: float
    acknowledged: bool


@dataclass(slots=True)
class Reconciliation:
    """What became of all events; `cases` are the numbers of events behind each count, the first few hundred of them.

    `waits` are seconds from the moment that an event was due until its decision was complete. `queued` are
    acknowledged events without a decision that the target still had in its queue.
    """

    events: int = 0
    acknowledged: int = 0
    decided: int = 0
    replied: int = 0
    escalations: int = 0
    silent: int = 0
    queued: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    faults: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)

    def add(self, kind: str, event: int, case: str, detail: str) -> None:
        """Count a fault of an event."""
        self.counts[kind] += 1
        kept = self.faults.setdefault(kind, [])
        if len(kept) < _KEPT:
            kept.append({"event": event, "case": case, "detail": detail})


def reconcile_events(
    sent: Iterable[SentEvent], found: Mapping[int, Found], mix: Mix, run: str, *, late_after: float, queued: int = 0
) -> Reconciliation:
    """Return what became of every event that was sent; `late_after` is in seconds.

    An event that was never acknowledged may have been handled or not: it is not lost without a decision, and what was
    decided about it is judged all the same. `queued` is how many jobs the target's queue still held at the end: so many
    events without a decision are not lost but late.
    """
    result = Reconciliation()
    prefix, mark = ticket_prefix(run), canaries(run).word
    undecided: list[tuple[int, str]] = []
    for one in sent:
        item = mix.case_of(one.event)
        here = found.get(one.event)
        result.events += 1
        result.acknowledged += one.acknowledged
        result.escalations += item.tier0
        ticket = f"{prefix}{one.event:0{WIDTH}d}"
        decisions = _own(here, ticket, f"{ticket}-1-{mark}") if here is not None else []
        complete = [decision for decision in decisions if decision.fields.get("complete") is True]
        if complete:
            result.decided += 1
            _judge_decision(result, one, item, complete, late_after)
        elif one.acknowledged:
            undecided.append((one.event, item.case.id))
        if here is not None:
            _judge_replies(result, one.event, item, here, decided=bool(complete))
    result.queued = min(queued, len(undecided))
    for event, case in undecided[: len(undecided) - result.queued]:
        result.add("lost", event, case, "acknowledged, and no complete decision was shown")
    for event, case in undecided[len(undecided) - result.queued :]:
        result.add("late", event, case, "acknowledged, and still in the queue at the end")
    return result


def _own(found: Found, ticket: str, event: str) -> list[Decision]:
    return [
        one
        for one in found.decisions
        if one.fields.get("ticket_id", ticket) == ticket and one.fields.get("event_id", event) == event
    ]


def _judge_decision(
    result: Reconciliation, one: SentEvent, item: LoadCase, complete: list[Decision], late_after: float
) -> None:
    case = item.case
    decision = complete[0]
    if len(complete) > 1:
        result.add("duplicate_decisions", one.event, case.id, f"{len(complete)} complete decisions")
    at = completed_at(decision)
    if at is not None:
        # Clocks differ a little: a decision is never complete before its message was due.
        waited = max(0.0, at - one.due)
        result.waits.append(waited)
        if waited > late_after:
            result.add("late", one.event, case.id, f"complete after {waited:.1f} s")
    fields = decision.fields
    wrong = [
        name for name, wanted in (("intent", case.intent), ("team", case.team)) if fields.get(name, wanted) != wanted
    ]
    tags = fields.get("tags")
    if isinstance(tags, list) and not set(case.tags) <= set(map(str, tags)):
        wrong.append("tags")
    if wrong:
        result.add("wrong", one.event, case.id, f"{', '.join(wrong)} differ from the case")


def _judge_replies(result: Reconciliation, event: int, item: LoadCase, found: Found, *, decided: bool) -> None:
    replies, case = found.replies, item.case.id
    result.replied += bool(replies)
    if item.reply.template is None and not item.reply.at_most_one:
        result.silent += 1
        if replies:
            result.add("forbidden_replies", event, case, f"{len(replies)} replies; expected: {item.reply}")
    if item.tier0 and replies:
        result.add("tier0_replies", event, case, f"{len(replies)} replies to an escalation")
    if len(replies) > 1:
        result.add("duplicates", event, case, f"{len(replies)} replies to one event")
    if item.reply.template is not None and decided:
        shown = {reply.template for reply in replies if isinstance(reply.template, str)}
        if not replies:
            result.add("wrong", event, case, f"no reply; expected: {item.reply}")
        elif shown and shown != {item.reply.template}:
            result.add("wrong", event, case, f"another template than {item.reply.template}")
