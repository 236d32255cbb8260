"""What people owe after a release or a rollback: follow-ups and the monitoring list, against what was done; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gonogo.model.plan import Plan
from gonogo.model.release_plan import FollowUp, MonitoringItem, Occasion


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened and that duties come after; `entry` is its number in the ledger."""

    occasion: Occasion
    entry: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Doing:
    """A record that a duty was done for the event of an entry, by a person or by a watch."""

    item: str
    event: int
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Duty:
    """One follow-up or item of the monitoring list that an event asks for; `due` is when it must be done."""

    id: str
    name: str
    event: Event
    due: datetime
    role: str
    rule: str
    blocks: bool
    is_follow_up: bool
    done_by: str
    command: str
    last: datetime | None = None
    every: timedelta | None = None

    @property
    def done(self) -> bool:
        """Return whether it was done."""
        return bool(self.done_by)

    def is_overdue(self, now: datetime) -> bool:
        """Return whether it is late: its time is over and it is not done, or nobody looked for longer than agreed."""
        if self.every is not None and now < self.due:
            return now > (self.last or self.event.at) + self.every
        return not self.done and now > self.due

    @property
    def sentence(self) -> str:
        """Return the duty in one line."""
        who = f" ({self.role})" if self.role else f" (rule {self.rule})" if self.rule else ""
        since = f"{self.event.occasion.value.replace('_', ' ')} of entry {self.event.entry}"
        return f"{self.id} {self.name}{who}, due {self.due:%Y-%m-%d %H:%M} UTC after the {since}"

    def to_json(self, now: datetime) -> dict[str, Any]:
        """Return the duty as `gonogo status` shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "after": self.event.occasion.value,
            "entry": self.event.entry,
            "since": self.event.at.isoformat(),
            "due": self.due.isoformat(),
            "role": self.role or None,
            "rule": self.rule or None,
            "blocks_next_stage": self.blocks,
            "done_by": self.done_by or None,
            "overdue": self.is_overdue(now),
            "command": self.command,
        }


def find_duties(plan: Plan, environment: str, events: Sequence[Event], doings: Sequence[Doing]) -> tuple[Duty, ...]:
    """Return every duty that the events ask for, in the order of the plan, done or not.

    A duty after a rollback or a near miss stands for each of them; one after a release for the last.
    """
    duties = []
    items: list[FollowUp | MonitoringItem] = [*plan.follow_ups, *plan.monitoring]
    for item in items:
        asked = [event for event in events if event.occasion is item.after]
        if item.after is Occasion.RELEASE:
            asked = asked[-1:]
        duties += [_duty(plan, environment, item, event, doings) for event in asked]
    return tuple(duties)


def _duty(plan: Plan, environment: str, item: FollowUp | MonitoringItem, event: Event, doings: Sequence[Doing]) -> Duty:
    is_follow_up = isinstance(item, FollowUp)
    rule = item.rule or "" if isinstance(item, MonitoringItem) else ""
    every = item.every if isinstance(item, MonitoringItem) else None
    due = event.at + timedelta(seconds=item.due)
    done = [one for one in doings if one.item == item.id and one.event == event.entry]
    if rule:
        command = f"gonogo watch {plan.system} --stage … --env {environment}"
    else:
        command = f"gonogo follow-up {plan.system} {item.id} --env {environment} --note …"
    return Duty(
        item.id,
        item.name,
        event,
        due,
        item.role or "",
        rule,
        item.blocks_next_stage if isinstance(item, FollowUp) else False,
        is_follow_up,
        done[-1].by if done else "",
        command,
        max((one.at for one in done), default=None),
        timedelta(seconds=every) if every is not None else None,
    )
