"""Flags that a run changed and did not return: what may be written back by itself, and what waits for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gonogo.errors import LedgerError, LockError, TargetError
from gonogo.evidence.ledger.entries import format_time
from gonogo.evidence.ledger.journal import ChangeState, FlagChange
from gonogo.model.flags import ABSENT, FlagState, FlagValue, describe_value, is_towards_safe, order_changes
from gonogo.run.flagjournal import flag_from_json, flag_json
from gonogo.run.hold import Hold
from gonogo.targets.interface import NotAvailable, Target

BANNER = "FLAGS LEFT"


@dataclass(frozen=True, slots=True)
class Leftover:
    """A flag that was not returned: what it is, what it was before the run, and why it stays.

    `now` is None where it could not be read. `failed` says that returning was tried in vain, rather than left to a
    person.
    """

    flag: str
    now: FlagValue
    back: FlagValue
    run: str
    why: str
    failed: bool = False

    def __str__(self) -> str:
        """Return the sentence that people read."""
        state = "cannot be read" if self.failed and self.now is None else f"stays {describe_value(self.now)}"
        return f"{BANNER}: {self.flag} {state}, before {self.run} it was {describe_value(self.back)}: {self.why}"


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of open changes: sentences about what was returned or found changed by others, and what is left."""

    told: tuple[str, ...] = ()
    left: tuple[Leftover, ...] = ()

    @property
    def failed(self) -> bool:
        """Return whether a return was tried in vain."""
        return any(one.failed for one in self.left)


@dataclass(frozen=True, slots=True)
class Return:
    """What returning one flag comes to: `now` is written over with `back`, which ends the changes in `ended`.

    `foreign` are changes over which somebody wrote since; `waiting` those that only a person may undo, `first` the
    value before the earliest of them.
    """

    flag: str
    now: FlagValue
    back: FlagValue
    ended: tuple[FlagChange, ...] = ()
    foreign: tuple[FlagChange, ...] = ()
    waiting: tuple[FlagChange, ...] = ()

    @property
    def first(self) -> FlagValue:
        """Return the value before the earliest change that waits."""
        return flag_from_json(self.waiting[0].old) if self.waiting else self.back


def plan_returns(changes: Sequence[FlagChange], current: FlagState, *, only_towards_safe: bool) -> list[Return]:
    """Return what to do about each changed flag, those towards safe first, by compare-and-swap.

    Where several runs changed one flag, the last change is undone first, and each step must be allowed by itself.
    """
    flags = dict.fromkeys(change.flag for change in changes)
    returns = {
        flag: _plan_return(flag, [one for one in changes if one.flag == flag], current, only_towards_safe)
        for flag in flags
    }
    order = order_changes(
        {flag: one.now for flag, one in returns.items()}, {flag: one.back for flag, one in returns.items()}
    )
    return [returns[flag] for flag in (*order, *(flag for flag in flags if flag not in order))]


def _plan_return(flag: str, changes: Sequence[FlagChange], current: FlagState, only_towards_safe: bool) -> Return:
    now = value = current.get(flag, ABSENT)
    if only_towards_safe:
        whole = _plan_return(flag, changes, current, only_towards_safe=False)
        olds = [flag_from_json(change.old) for change in changes]
        if whole.back == now and not whole.foreign and all(is_towards_safe(flag, old, now) for old in olds):
            # Before all of them it was what it is, and none of them found it safer.
            return whole
    ended: list[FlagChange] = []
    for index in range(len(changes) - 1, -1, -1):
        change, before = changes[index], tuple(changes[: index + 1])
        old = flag_from_json(change.old)
        if value != old:
            if value not in tuple(map(flag_from_json, change.ours)):
                return Return(flag, now, value, tuple(ended), foreign=before)
            if only_towards_safe and not is_towards_safe(flag, value, old):
                return Return(flag, now, value, tuple(ended), waiting=before)
            value = old
        ended.append(change)
    return Return(flag, now, value, tuple(ended))


def settle_changes(
    target: Target, hold: Hold, record: Callable[[Mapping[str, Any]], None], *, only_towards_safe: bool = True
) -> Settlement:
    """Return what is open in an environment's journal, where it still holds what was written there.

    Raises `LockError` where another took the environment over, `LedgerError` where the journal cannot be read.
    """
    changes = hold.journal.open_changes()
    if not changes:
        return Settlement()
    try:
        current = target.read_flags()
    except TargetError as error:
        current = NotAvailable(error.message, broken=True)
    if isinstance(current, NotAvailable):
        why = f"the flags cannot be read: {current.reason}"
        left = {one.flag: Leftover(one.flag, None, flag_from_json(one.old), one.run, why, True) for one in changes}
        return Settlement(left=tuple(left.values()))
    told: list[str] = []
    leftovers: list[Leftover] = []
    for one in plan_returns(changes, current.value, only_towards_safe=only_towards_safe):
        failure = _write_back(target, hold, record, one)
        if failure is not None:
            leftovers.append(failure)
            continue
        _note_returned(hold, (*one.ended, *one.foreign))
        if one.back != one.now:
            told.append(f"{one.flag} returned from {describe_value(one.now)} to {describe_value(one.back)}")
        if one.foreign:
            told.append(f"{one.flag} is {describe_value(one.now)}: somebody changed it since, so it was left alone")
        if one.waiting:
            why = "returning it is not towards safe"
            leftovers.append(Leftover(one.flag, one.back, one.first, one.waiting[-1].run, why))
    return Settlement(tuple(told), tuple(leftovers))


def _write_back(
    target: Target, hold: Hold, record: Callable[[Mapping[str, Any]], None], one: Return
) -> Leftover | None:
    """Write one flag back where anything is to be written; return what is left where that failed."""
    if one.back == one.now:
        return None
    try:
        hold.check()
    except LedgerError:
        if not is_towards_safe(one.flag, one.now, one.back):
            raise
    safe = is_towards_safe(one.flag, one.now, one.back)
    entry = {"flag": one.flag, "old": flag_json(one.now), "new": flag_json(one.back), "reason": "recovery"}
    try:
        if not safe and _read_one(target, one.flag) != one.now:
            return Leftover(one.flag, one.now, one.first, _run_of(one), "somebody changed it this moment", failed=True)
        record({**entry, "state": "intended"})
        target.set_flag(one.flag, one.back)
        if not safe:
            _take_back_if_overtaken(target, hold, one)
    except TargetError as error:
        why = f"it could not be written: {error.message}"
        return Leftover(one.flag, one.now, one.first, _run_of(one), why, failed=True)
    record({**entry, "state": "recovered"})
    return None


def _run_of(one: Return) -> str:
    return (*one.ended, *one.waiting)[-1].run


def _read_one(target: Target, flag: str) -> FlagValue | NotAvailable:
    flags = target.read_flags()
    return flags if isinstance(flags, NotAvailable) else flags.value.get(flag, ABSENT)


def _take_back_if_overtaken(target: Target, hold: Hold, one: Return) -> None:
    try:
        hold.check()
    except LockError:
        # A rollback came between the look before and the write: what it made safe must not be opened by us.
        target.set_flag(one.flag, one.now)
        raise


def _note_returned(hold: Hold, changes: Sequence[FlagChange]) -> None:
    at = format_time(datetime.now(UTC))
    for change in changes:
        # What could not be entered stays open, and is found to be back already at the next start.
        with suppress(LedgerError):
            hold.journal.note(FlagChange(change.flag, change.old, change.old, change.run, at, ChangeState.RETURNED))


def return_command(system: str, environment: str, environments: str | None = None) -> str:
    """Return the command that writes back what was left."""
    more = f" --environments {environments}" if environments else ""
    return f"gonogo restore {system} --env {environment}{more} --confirm"


def leftover_lines(left: Sequence[Leftover], command: str) -> list[str]:
    """Return the banner about flags that were not returned: each flag, the command, and the pairs to set by hand."""
    if not left:
        return []
    pairs = ", ".join(f"{one.flag}={describe_value(one.back)}" for one in left)
    return [
        *map(str, left),
        f"{BANNER}: look first, then return them: {command}",
        f"{BANNER}: or by hand in the system's own flag store: {pairs}",
    ]
