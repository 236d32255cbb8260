"""The tickets that a run opens: noted before anything is sent, closed at the end, and what stays open is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from gonogo.errors import TargetError
from gonogo.evidence.record import Recorder, Stream, read_records
from gonogo.model.environment import Environment
from gonogo.targets.interface import Capability, Message, Target

_PHASE = "ticket"
_OPENED, _CLOSED = "opened", "closed"
_NAMED = 20


class TicketLog:
    """Notes the tickets of one run and closes them where the environment asks for it.

    A ticket is noted before its message goes out: what was tried may be there, whatever became of its answer.
    """

    def __init__(self, target: Target, environment: Environment, recorder: Recorder) -> None:
        self._target = target
        self._recorder = recorder
        self._wanted = environment.closes_tickets
        self._numbers: dict[str, int] = {}
        self._open: dict[str, None] = {}

    def note(self, messages: Sequence[Message]) -> None:
        """Note the tickets of messages that are about to be sent."""
        if not self._wanted:
            return
        for ticket in dict.fromkeys(message.ticket_id for message in messages):
            if ticket not in self._numbers:
                self._numbers[ticket] = len(self._numbers)
                self._open[ticket] = None
                # Named here only: once the target has shown the id, it may be taken for an answer's content.
                self._record(ticket, _OPENED, ticket=ticket)

    def close_all(self, *, unless: Callable[[], bool] = lambda: False) -> None:
        """Close every ticket that was noted; one that cannot be closed hinders no other. Stops once `unless` is true.

        Raises nothing for a failure of the way there: what was not closed is a leftover.
        """
        if Capability.CLOSE_TICKET not in self._target.capabilities():
            for ticket in self._open:
                self._record(ticket, "this target cannot close tickets")
            return
        for ticket in list(self._open):
            if unless():
                return
            try:
                self._target.close_ticket(ticket)
            except TargetError as error:
                self._record(ticket, error.message)
            else:
                del self._open[ticket]
                self._record(ticket, _CLOSED)

    def _record(self, ticket: str, state: str, /, **more: str) -> None:
        # Not "state": a ticket is no phase that the run is in.
        entry = {"phase": _PHASE, "number": self._numbers[ticket], "became": state, **more}
        self._recorder.record(Stream.PROGRESS, entry)


def read_leftovers(folder: Path) -> list[dict[str, str]]:
    """Return the tickets of a run that were opened and not closed, each with the reason."""
    names: dict[object, str] = {}
    left: dict[object, str] = {}
    for record in read_records(folder / Stream.PROGRESS.value):
        if record.get("phase") != _PHASE:
            continue
        number, state = record.get("number"), str(record.get("became"))
        if state == _CLOSED:
            left.pop(number, None)
            continue
        names.setdefault(number, str(record.get("ticket", number)))
        left[number] = "it was not closed" if state == _OPENED else state
    return [{"ticket": names[number], "why": why} for number, why in left.items()]


def describe_leftovers(left: Sequence[dict[str, str]]) -> list[str]:
    """Return the sentence that tells of the tickets left open, none for none."""
    if not left:
        return []
    names = [one["ticket"] for one in left]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    count = f"{len(names)} test ticket{'s' if len(names) != 1 else ''}"
    return [f"TICKETS LEFT: {count} to be closed by hand: {', '.join(names[:_NAMED])}{more} ({left[0]['why']})"]
