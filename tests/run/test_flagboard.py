"""Flags are journaled, returned only where they still hold what we wrote, and each on its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gonogo.errors import TargetError
from gonogo.evidence.record import Recorder, read_records
from gonogo.evidence.redact import Redactor, Terms
from gonogo.model.flags import FlagValue
from gonogo.run.flagboard import FlagBoard, FlagConsentError
from gonogo.targets.interface import Observed

STAGE: dict[str, FlagValue] = {"safe_mode": False, "automation_enabled": True}
THROWN: dict[str, FlagValue] = {"safe_mode": True, "automation_enabled": False}


class Store:
    """A flag store whose writes can fail before or after they took effect: no real system does that on demand."""

    def __init__(self) -> None:
        self.flags = dict(STAGE)
        self.lost_answers: set[str] = set()
        self.refused: set[str] = set()
        self.writes: list[str] = []

    def read_flags(self) -> Observed[dict[str, FlagValue]]:
        return Observed(dict(self.flags), 0.0, "store")

    def set_flag(self, name: str, value: FlagValue) -> None:
        self.writes.append(name)
        if name in self.refused:
            raise TargetError("refused")
        self.flags[name] = value
        if name in self.lost_answers:
            raise TargetError("the answer was lost")


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(tmp_path, Redactor(Terms()))
    yield recorder
    recorder.close()


def make_board(store: Store, recorder: Recorder, *, may_change: bool = True) -> FlagBoard:
    target: Any = store
    environment: Any = SimpleNamespace()
    new_message: Any = None
    return FlagBoard(target, environment, recorder, new_message, may_change)


def test_a_write_whose_answer_was_lost_is_returned(recorder: Recorder) -> None:
    store = Store()
    board = make_board(store, recorder)
    store.lost_answers = {"automation_enabled"}
    with pytest.raises(TargetError):
        board.apply(THROWN, "kill switch")
    store.lost_answers = set()
    assert board.give_back(STAGE, only_towards_safe=False) == []
    assert store.flags == STAGE


def test_one_flag_that_cannot_be_returned_leaves_no_other_behind(recorder: Recorder) -> None:
    store = Store()
    board = make_board(store, recorder)
    board.apply(THROWN, "kill switch")
    store.refused = {"safe_mode"}
    left = board.give_back(STAGE, only_towards_safe=False)
    assert len(left) == 1
    assert "safe_mode could not be returned" in left[0]
    assert store.flags["automation_enabled"] is True


def test_what_somebody_else_changed_since_is_left_alone(recorder: Recorder) -> None:
    store = Store()
    board = make_board(store, recorder)
    board.apply({"safe_mode": True}, "borrow")
    store.flags["safe_mode"] = "somebody's"  # type: ignore[assignment]
    left = board.give_back(STAGE, only_towards_safe=False)
    assert "somebody changed it since" in left[0]
    assert store.flags["safe_mode"] == "somebody's"


def test_after_a_safety_failure_nothing_moves_away_from_safe(recorder: Recorder) -> None:
    store = Store()
    board = make_board(store, recorder)
    board.apply(THROWN, "kill switch")
    left = board.give_back(STAGE, only_towards_safe=True)
    assert len(left) == 2
    assert store.flags == THROWN
    with pytest.raises(FlagConsentError, match="away from safe"):
        board.apply(STAGE, "next state", only_towards_safe=True)


def test_without_consent_nothing_is_written(recorder: Recorder) -> None:
    store = Store()
    board = make_board(store, recorder, may_change=False)
    with pytest.raises(FlagConsentError, match="--allow-flag-changes"):
        board.apply(THROWN, "kill switch")
    board.apply(STAGE, "nothing to change")
    assert store.writes == []


def test_the_old_value_is_on_disk_before_a_flag_is_written(recorder: Recorder, tmp_path: Path) -> None:
    store = Store()
    board = make_board(store, recorder)
    seen: list[dict[str, Any]] = []
    write = store.set_flag

    def spy(name: str, value: FlagValue) -> None:
        seen.append(read_records(tmp_path / "flags.jsonl")[-1])
        write(name, value)

    store.set_flag = spy  # type: ignore[method-assign]
    board.apply(THROWN, "kill switch")
    assert [(one["flag"], one["old"], one["state"]) for one in seen] == [
        (name, STAGE[name], "intended") for name in store.writes
    ]


def test_an_unreadable_record_in_the_middle_is_not_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.jsonl"
    path.write_bytes(b'{"a":1}\n\xff\xfe\n[1]\n{"b":2}\n{"cut o')
    assert read_records(path) == [{"a": 1}, {}, {}, {"b": 2}]
