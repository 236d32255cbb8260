"""The flag journal of an environment: what was changed and never returned, where another machine can see it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from gonogo.errors import LedgerError
from gonogo.evidence.ledger.entries import canonical_bytes, format_time
from gonogo.evidence.ledger.numbered import NumberedObjects
from gonogo.evidence.ledger.storage import Storage, check_name

SCHEMA = "gonogo/flag-journal/v1"
_KEPT = 256
_PRUNE_EVERY = 64


class ChangeState(StrEnum):
    """How far a change of a flag has come; kept and void end everything before them.

    Kept says that what was written is meant to stay, void that a rollback wrote over it.
    """

    INTENDED = "intended"
    WRITTEN = "written"
    RETURNED = "returned"
    KEPT = "kept"
    VOID = "void"


_ENDS = (ChangeState.KEPT, ChangeState.VOID)


@dataclass(frozen=True, slots=True)
class FlagChange:
    """A change of one flag by one run; `old` and `new` are JSON values, `absent` for a flag that is not in the store.

    `at` is a UTC time in text. Write INTENDED before the change, WRITTEN after it, RETURNED once it is given back.
    `ours`, of an open change only, are the values that the run may have left in the store: what it wrote last, and what
    it meant to write since.
    """

    flag: str
    old: Any
    new: Any
    run: str
    at: str
    state: ChangeState
    ours: tuple[Any, ...] = field(default=(), compare=False)


class Journal:
    """Appends changes of flags, one object each, durable before the call returns."""

    def __init__(self, storage: Storage, environment: str) -> None:
        self.environment = check_name("environment", environment)
        self._objects = NumberedObjects(storage, f"journal/{self.environment}")
        self._known: dict[int, dict[str, Any]] = {}

    def note(self, change: FlagChange) -> int:
        """Append a change and return its number; raises `LedgerError` where it could not be made durable.

        Then the flag must not be changed, unless towards safe.
        """
        if change.state in _ENDS:
            raise LedgerError("changes are ended by `keep` and `void`, with a reason")
        record = {
            "environment": self.environment,
            "flag": change.flag,
            "old": change.old,
            "new": change.new,
            "run": change.run,
            "at": change.at,
            "state": change.state.value,
        }
        return self._append(lambda _: record)

    def open_changes(self) -> tuple[FlagChange, ...]:
        """Return what was changed and neither returned nor made void, one a run and flag, the earliest first.

        `old` is the value before the run's first such change, `new` the last value that it wrote or meant to write.
        Raises `LedgerError` for a record that cannot be read: what was written there is unknown, and not nothing.
        """
        return tuple(self._open(self._objects.numbers()))

    def void(self, reason: str, run: str, at: datetime) -> tuple[FlagChange, ...]:
        """Make void what is open, as a rollback does, and return it; nothing of it is returned by itself any more."""
        return self._end(ChangeState.VOID, "voided", reason, run, at)

    def keep(self, reason: str, run: str, at: datetime) -> tuple[FlagChange, ...]:
        """Declare what is open as meant to stay, as entering a stage does, and return it.

        One record ends all of it: a crash leaves either everything open or nothing.
        """
        return self._end(ChangeState.KEPT, "kept", reason, run, at)

    def _end(self, state: ChangeState, key: str, reason: str, run: str, at: datetime) -> tuple[FlagChange, ...]:
        ended: list[FlagChange] = []

        def build(numbers: list[int]) -> dict[str, Any]:
            ended[:] = self._open(numbers)
            return {
                "environment": self.environment,
                "run": run,
                "at": format_time(at),
                "state": state.value,
                "reason": reason,
                key: [{"flag": one.flag, "old": one.old, "new": one.new, "run": one.run} for one in ended],
            }

        self._append(build)
        return tuple(ended)

    def _append(self, build_record: Callable[[list[int]], dict[str, Any]]) -> int:
        """Append a record with `begin`, the first number that a reader needs, so that none reads years of them."""

        def build(numbers: list[int], _: bytes) -> bytes:
            record = {"schema": SCHEMA, **build_record(numbers)}
            number = (numbers[-1] if numbers else 0) + 1
            still_open = _replay([*self._needed(numbers), (number, record)])
            return canonical_bytes({**record, "begin": min((first for first, _ in still_open), default=number + 1)})

        number, data = self._objects.append(build)
        self._known[number] = json.loads(data)
        if number % _PRUNE_EVERY == 0:
            self._objects.prune(min(number - _KEPT, self._known[number]["begin"]))
        return number

    def _open(self, numbers: Sequence[int]) -> list[FlagChange]:
        return [change for _, change in _replay(self._needed(numbers))]

    def _needed(self, numbers: Sequence[int]) -> list[tuple[int, dict[str, Any]]]:
        """Return the records from the oldest that is still open."""
        if not numbers:
            return []
        last = numbers[-1]
        self._load([last])
        needed = range(self._known[last]["begin"], last + 1)
        self._load(needed)
        return [(number, self._known[number]) for number in needed]

    def _load(self, numbers: Iterable[int]) -> None:
        wanted = [number for number in numbers if number not in self._known]
        for number, data in zip(wanted, self._objects.read(wanted), strict=True):
            try:
                self._known[number] = _parse_record(data, self.environment, number)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise LedgerError(
                    f"the flag journal is broken: {self._objects.path(number)}: {error or 'cannot be read'}",
                    "Compare the flags of the environment with its stage by hand.",
                ) from error


def _parse_record(data: bytes | None, environment: str, number: int) -> dict[str, Any]:
    if data is None:
        raise ValueError("is missing")
    record = json.loads(data)
    if record["schema"] != SCHEMA or record["environment"] != environment:
        raise ValueError(f"is not a record of {environment}")
    begin, state = record["begin"], ChangeState(record["state"])
    if type(begin) is not int or not 1 <= begin <= number + 1:
        raise ValueError("begin is not a number up to its own")
    if not all(isinstance(record[key], str) for key in ("run", "at")):
        raise ValueError("run and at are not text")
    if state not in _ENDS and not (isinstance(record["flag"], str) and record.keys() >= {"old", "new"}):
        raise ValueError("lacks flag, old or new")
    return dict(record)


def _replay(records: Iterable[tuple[int, dict[str, Any]]]) -> list[tuple[int, FlagChange]]:
    """Return the changes that are open after these records, each with the number of its first record."""
    still_open: dict[tuple[str, str], tuple[int, FlagChange]] = {}
    for number, record in records:
        state = ChangeState(record["state"])
        if state in _ENDS:
            still_open.clear()
            continue
        key = (record["run"], record["flag"])
        if state is ChangeState.RETURNED:
            still_open.pop(key, None)
            continue
        change = FlagChange(record["flag"], record["old"], record["new"], record["run"], record["at"], state)
        first, earlier = still_open.get(key, (number, change))
        before = earlier.ours if state is ChangeState.INTENDED else ()
        still_open[key] = (first, replace(change, old=earlier.old, ours=(*before, change.new)))
    return sorted(still_open.values(), key=lambda one: one[0])
