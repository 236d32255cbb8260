"""What the target made of every message, read back: in pages where the target offers them, else ticket by ticket."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gonogo.errors import TargetError
from gonogo.loadtest.messages import ticket_of, ticket_prefix
from gonogo.model.environment import Environment
from gonogo.model.http_interface import HttpInterface, PageRequest
from gonogo.targets.extract import extract, extract_items
from gonogo.targets.http import HttpTarget
from gonogo.targets.interface import Capability, Decision, NotAvailable, SentReply

MOST_AT_ONCE = 10
_MOST_PAGES = 100_000


@dataclass(slots=True)
class Found:
    """What was read about one event: its decisions and the automatic replies on its ticket."""

    decisions: list[Decision] = field(default_factory=list)
    replies: list[SentReply] = field(default_factory=list)

    @property
    def decided(self) -> bool:
        """Return whether a complete decision was read."""
        return any(one.complete for one in self.decisions)


@dataclass(slots=True)
class ReadBack:
    """Everything that was read, by the number of the event; `broken` says why something could not be."""

    found: dict[int, Found] = field(default_factory=dict)
    decisions_broken: str = ""
    replies_broken: str = ""
    seconds: float = 0.0
    requests: int = 0
    paged: bool = False

    @property
    def decided(self) -> int:
        """Return how many events have a complete decision."""
        return sum(one.decided for one in self.found.values())


class Reader:
    """Reads back the events of one load; `run` is its id."""

    def __init__(self, target: HttpTarget, interface: HttpInterface, environment: Environment, run: str) -> None:
        self._target, self._interface, self._environment = target, interface, environment
        self._run = run
        self._at_once = min(MOST_AT_ONCE, environment.limits.in_flight + 2)

    def read(self, events: Sequence[int], deadline: float, watch: Callable[[int, int], None] | None = None) -> ReadBack:
        """Read decisions and replies of events; those without a decision are read again until the deadline.

        `deadline` is of the monotonic clock. `watch` is told how many are decided, and of how many.
        """
        started = time.monotonic()
        back = ReadBack({event: Found() for event in events})
        capabilities = self._target.capabilities()
        if Capability.DECISIONS not in capabilities:
            back.decisions_broken = "environments.yaml does not say where to read decisions"
        else:
            waiting: Sequence[int] = list(events)
            while True:
                self._read_decisions(back, waiting)
                waiting = [event for event in waiting if not back.found[event].decided]
                if watch is not None:
                    watch(len(events) - len(waiting), len(events))
                if not waiting or back.decisions_broken or time.monotonic() >= deadline:
                    break
                time.sleep(max(0.2, self._environment.timing.poll_interval))
        if Capability.REPLIES not in capabilities:
            back.replies_broken = "environments.yaml does not say where to read replies"
        else:
            time.sleep(self._environment.timing.quiet_period)
            self._read_replies(back, events)
        back.seconds = time.monotonic() - started
        return back

    def control_works(self) -> str:
        """Return an empty text where the known reply of each fixture ticket is shown, else why not."""
        controls = self._environment.controls
        if not controls:
            return "environments.yaml names no control ticket"
        for channel, control in controls.items():
            try:
                replies = self._target.read_replies(control.ticket)
            except TargetError as error:
                return error.message
            if isinstance(replies, NotAvailable):
                return replies.reason
            if control.reply not in {reply.id for reply in replies.value}:
                return f"the known reply of the control ticket of {channel} is not shown"
        return ""

    def _read_decisions(self, back: ReadBack, events: Sequence[int]) -> None:
        for event in events:
            back.found[event].decisions.clear()
        page = self._interface.decisions_page
        request = self._interface.decisions
        if page is not None and request is not None and len(events) > MOST_AT_ONCE:
            back.paged = True
            self._read_pages(page, back, lambda found, item: found.decisions.append(
                self._target.decision_of(request, item)), "decisions_broken", set(events))  # fmt: skip
            return

        def read(event: int) -> str:
            answer = self._target.read_decisions(ticket_of(self._run, event))
            if isinstance(answer, NotAvailable):
                return answer.reason if answer.broken else ""
            back.found[event].decisions.extend(answer.value)
            return ""

        back.decisions_broken = self._read_each(back, events, read)

    def _read_replies(self, back: ReadBack, events: Sequence[int]) -> None:
        page, request = self._interface.replies_page, self._interface.replies
        if page is not None and request is not None and len(events) > MOST_AT_ONCE:

            def add(found: Found, item: Any) -> None:
                replies = self._target.replies_of(request, [item])
                if isinstance(replies, NotAvailable):
                    raise TargetError(replies.reason)
                found.replies.extend(reply for reply in replies if reply.automatic)

            self._read_pages(page, back, add, "replies_broken", set(events))
            return

        def read(event: int) -> str:
            answer = self._target.read_replies(ticket_of(self._run, event))
            if isinstance(answer, NotAvailable):
                return answer.reason
            back.found[event].replies.extend(reply for reply in answer.value if reply.automatic)
            return ""

        back.replies_broken = self._read_each(back, events, read)

    def _read_each(self, back: ReadBack, events: Iterable[int], read: Callable[[int], str]) -> str:
        """Read ticket by ticket, a few at once; returns the first reason why one could not be read."""

        def guarded(event: int) -> str:
            try:
                return read(event)
            except TargetError as error:
                return error.message

        with ThreadPoolExecutor(max_workers=self._at_once) as pool:
            answers = list(pool.map(guarded, events))
        back.requests += len(answers)
        return next(filter(None, answers), "")

    def _read_pages(
        self, page: PageRequest, back: ReadBack, add: Callable[[Found, Any], None], broken: str, wanted: set[int]
    ) -> None:
        prefix, cursor = ticket_prefix(self._run), ""
        try:
            for _ in range(_MOST_PAGES):
                answer = self._target.read_page(page, prefix, cursor)
                back.requests += 1
                if isinstance(answer, NotAvailable):
                    raise TargetError(answer.reason)
                items = extract_items(page.items, answer.value)
                if isinstance(items, NotAvailable):
                    raise TargetError(items.reason)
                for item in items:
                    ticket = extract(page.ticket_id, item)
                    number = _number_of(ticket, prefix)
                    if number in wanted:
                        add(back.found[number], item)
                following = extract(page.next, answer.value) if page.next else None
                if following is None or isinstance(following, NotAvailable):
                    return
                if str(following) == cursor:
                    raise TargetError(f"{page.request} answers the same page for ever")
                cursor = str(following)
            raise TargetError(f"{page.request} has more than {_MOST_PAGES} pages")
        except TargetError as error:
            setattr(back, broken, error.message)


def _number_of(ticket: Any, prefix: str) -> int:
    """Return the number of the event that a ticket belongs to, -1 for a ticket of others."""
    if not isinstance(ticket, str) or not ticket.startswith(prefix):
        return -1
    rest = ticket[len(prefix) :]
    return int(rest) if rest.isdecimal() else -1


def completed_at(decision: Decision) -> float | None:
    """Return when a decision was complete by the target's clock, in seconds since the epoch; None where it says not."""
    value = decision.fields.get("completed_at")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None
