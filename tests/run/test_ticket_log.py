"""Tickets of a run: noted before they are there, closed at the end, and told where they stay open."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from gonogo.errors import TargetError
from gonogo.evidence.record import Recorder, Stream
from gonogo.model.environment import Environment
from gonogo.run.tickets import TicketLog, describe_leftovers, read_leftovers
from gonogo.targets.interface import Capability, Message, Target


class Desk:
    """A target that closes tickets, but for those that are stuck."""

    def __init__(self, *stuck: str, able: bool = True) -> None:
        self.closed: list[str] = []
        self.stuck = stuck
        self.able = able

    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.CLOSE_TICKET} if self.able else ())

    def close_ticket(self, ticket_id: str) -> None:
        if ticket_id in self.stuck:
            raise TargetError(f"stuck: {ticket_id}")
        self.closed.append(ticket_id)


class Notebook:
    def __init__(self, folder: Path) -> None:
        self.path = folder / Stream.PROGRESS.value

    def record(self, stream: Stream, payload: Mapping[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(payload) + "\n")


def environment(kind: str = "production", close: bool | None = None) -> Environment:
    timing = {"propagation_deadline": 1.0, "decision_deadline": 1.0, "quiet_period": 0.0}
    return Environment.model_validate({"kind": kind, "interface": "i", "timing": timing, "close_tickets": close})


def log_of(folder: Path, desk: Desk, place: Environment | None = None) -> TicketLog:
    return TicketLog(cast(Target, desk), place or environment(), cast(Recorder, Notebook(folder)))


def messages(*tickets: str) -> list[Message]:
    return [Message(ticket, f"{ticket}-e", "email", "Hello", "ST-1", "run-1") for ticket in tickets]


def test_every_ticket_is_closed_once(tmp_path: Path) -> None:
    desk = Desk()
    log = log_of(tmp_path, desk)
    log.note(messages("a", "b", "a"))
    log.note(messages("b", "c"))
    log.close_all()
    log.close_all()

    assert desk.closed == ["a", "b", "c"]
    assert read_leftovers(tmp_path) == []


def test_one_that_is_stuck_hinders_no_other(tmp_path: Path) -> None:
    desk = Desk("b")
    log = log_of(tmp_path, desk)
    log.note(messages("a", "b", "c"))
    log.close_all()

    assert desk.closed == ["a", "c"]
    assert read_leftovers(tmp_path) == [{"ticket": "b", "why": "stuck: b"}]
    assert describe_leftovers(read_leftovers(tmp_path)) == [
        "TICKETS LEFT: 1 test ticket to be closed by hand: b (stuck: b)"
    ]


def test_what_a_dead_run_opened_is_left(tmp_path: Path) -> None:
    log_of(tmp_path, Desk()).note(messages("a", "b"))
    assert [one["ticket"] for one in read_leftovers(tmp_path)] == ["a", "b"]


def test_a_target_that_cannot_close_leaves_all(tmp_path: Path) -> None:
    log = log_of(tmp_path, Desk(able=False))
    log.note(messages("a"))
    log.close_all()
    assert read_leftovers(tmp_path) == [{"ticket": "a", "why": "this target cannot close tickets"}]


def test_closing_stops_where_it_is_told_to(tmp_path: Path) -> None:
    desk = Desk()
    log = log_of(tmp_path, desk)
    log.note(messages("a", "b"))
    log.close_all(unless=lambda: bool(desk.closed))
    assert [one["ticket"] for one in read_leftovers(tmp_path)] == ["b"]


@pytest.mark.parametrize(
    ("kind", "close", "closes"),
    [("production", None, True), ("staging", None, False), ("sandbox", None, False), ("sandbox", True, True)],
)
def test_the_environment_says_whether_tickets_are_closed(
    tmp_path: Path, kind: str, close: bool | None, closes: bool
) -> None:
    desk = Desk()
    log = log_of(tmp_path, desk, environment(kind, close))
    log.note(messages("a"))
    log.close_all()
    assert desk.closed == (["a"] if closes else [])


def test_many_are_named_and_the_rest_counted() -> None:
    left = [{"ticket": f"t{number}", "why": "so"} for number in range(25)]
    assert describe_leftovers(left)[0].endswith("t19 and 5 more (so)")
    assert describe_leftovers([]) == []
