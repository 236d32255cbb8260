"""One run's entries in an environment's flag journal: before each change, after it, and when it is given back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gonogo.errors import LedgerError
from gonogo.evidence.ledger.entries import format_time
from gonogo.evidence.ledger.journal import ChangeState, FlagChange
from gonogo.model.flags import ABSENT, FlagValue, describe_value, is_towards_safe
from gonogo.run.hold import Hold

_ABSENT = "absent"


def flag_json(value: FlagValue) -> Any:
    """Return a flag's value for a JSON record; a missing flag is the text `absent`."""
    if isinstance(value, tuple):
        return list(value)
    return _ABSENT if value is ABSENT else value


def flag_from_json(value: Any) -> FlagValue:
    """Return the flag's value that a JSON record holds."""
    if isinstance(value, list):
        return tuple(map(str, value))
    if value == _ABSENT:
        return ABSENT
    return value if isinstance(value, bool) or value is None else (str(value),)


def describe_json(value: Any) -> str:
    """Return a flag's value of a JSON record as people write it."""
    return describe_value(flag_from_json(value))


@dataclass
class FlagJournal:
    """What a run enters under its id; nothing is entered, and nothing may be changed, once the hold is lost."""

    hold: Hold
    run: str
    _first: dict[str, FlagValue] = field(default_factory=dict)

    def intend(self, name: str, old: FlagValue, new: FlagValue) -> None:
        """Enter a change before it is made.

        Raises `LockError` once another holds the environment. Where the ledger does not answer, `LedgerError` is raised
        unless the change is towards safe: that one may be made all the same.
        """
        try:
            self.hold.check()
            self._note(name, self._first.get(name, old), new, ChangeState.INTENDED)
        except LedgerError:
            if not is_towards_safe(name, old, new):
                raise
        self._first.setdefault(name, old)

    def intend_return(self, name: str, now: FlagValue, back: FlagValue) -> None:
        """Enter that a flag is written back, before it is; raises as `intend` does.

        Where that takes it back to what it was before the run, the change that is undone is open until it is done.
        """
        if back != self._first.get(name):
            self.intend(name, now, back)
            return
        try:
            self.hold.check()
        except LedgerError:
            if not is_towards_safe(name, now, back):
                raise

    def wrote(self, name: str, new: FlagValue) -> None:
        """Enter that an intended change was made."""
        self._note(name, self._first[name], new, ChangeState.WRITTEN)

    def gave_back(self, name: str, value: FlagValue) -> None:
        """Enter that a flag was written back: it is returned where it holds what it held before the run."""
        returned = value == self._first.get(name, value)
        self._note(name, self._first.get(name, value), value, ChangeState.RETURNED if returned else ChangeState.WRITTEN)
        if returned:
            self._first.pop(name, None)

    def keep(self, reason: str) -> None:
        """Enter that everything which is open is meant to stay."""
        self.hold.check()
        self.hold.journal.keep(reason, self.run, datetime.now(UTC))
        self._first.clear()

    @property
    def changed(self) -> Mapping[str, FlagValue]:
        """Return the flags that were changed and not given back, each with its value before the run."""
        return self._first

    def _note(self, name: str, old: FlagValue, new: FlagValue, state: ChangeState) -> None:
        at = format_time(datetime.now(UTC))
        self.hold.journal.note(FlagChange(name, flag_json(old), flag_json(new), self.run, at, state))
