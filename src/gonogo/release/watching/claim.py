"""Which watcher performs an automatic rollback: one of them, and none is lost where that one dies.

A claim is a lock on the ledger's storage, one for each time that a stage was opened. It is renewed while the rollback
is performed; where its holder dies, the lease ends and the next watcher takes it. What was done is marked beside it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from gonogo.errors import GonogoError, LedgerError, LockError
from gonogo.evidence.ledger.book import Ledger
from gonogo.evidence.ledger.entries import Entry, Kind, canonical_bytes
from gonogo.evidence.ledger.lock import Lock, acquire_lock, read_holder

LEASE_SECONDS = 15.0
SKEW_SECONDS = 15.0
_OPENS = (Kind.ADVANCE.value, Kind.RESTORE.value)


class ClaimState(StrEnum):
    """How a rollback of the present opening stands."""

    FREE = "free"
    TAKEN = "taken"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Changes:
    """What the ledger tells of an environment: the number of the entry that opened it last, and of its last rollback.

    `effect` is that of the rollback; `changed_at` is when flags were last changed on record, by whichever of them.
    """

    opening: int = 0
    rollback: int = 0
    rollback_ended: int = 0
    effect: str = ""
    changed_at: datetime | None = None
    sentence: str = ""

    @property
    def is_rolled_back(self) -> bool:
        """Return whether the last thing on record is a rollback that was seen to work."""
        return self.rollback_ended > self.opening and self.effect == "proven"


def read_changes(entries: Sequence[Entry], environment: str) -> Changes:
    """Return what entries say of an environment; what was only rehearsed is none of it."""
    opening = rollback = ended = 0
    effect = ""
    changed: datetime | None = None
    sentence = ""
    for entry in entries:
        told = entry.payload
        if told.get("environment") != environment or told.get("drill") is True or told.get("rehearsed") is True:
            continue
        if entry.kind in _OPENS:
            opening, changed = entry.number, datetime.fromisoformat(entry.at)
        elif entry.kind == Kind.ROLLBACK.value:
            rollback, changed = entry.number, datetime.fromisoformat(entry.at)
            sentence = f"option {told.get('option', '?')} by {told.get('who', 'somebody')}, ledger entry {entry.number}"
            if told.get("phase", "ended") == "ended":
                ended, effect = entry.number, str(told.get("effect", ""))
    return Changes(opening, rollback, ended, effect, changed, sentence)


@dataclass
class LedgerView:
    """The ledger as a watch sees it: read again only when its head moved, and never a reason to stop watching."""

    ledger: Ledger
    environment: str
    changes: Changes = field(default_factory=Changes)
    trouble: str = ""
    _head: tuple[int, str] | None = None

    def look(self) -> Changes:
        """Return what is on record now; where the ledger does not answer, what was known, and `trouble` says why."""
        try:
            head = self.ledger.head()
            if head != self._head:
                self.changes = read_changes(self.ledger.entries(), self.environment)
                self._head = head
            self.trouble = ""
        except LedgerError as error:
            self.trouble = f"the ledger cannot be read: {error.message}"
        return self.changes


@dataclass
class Claims:
    """The claims on automatic rollbacks of one environment; `owner` names this watcher."""

    ledger: Ledger
    environment: str
    owner: str
    clock: Callable[[], datetime]
    lease: float = LEASE_SECONDS
    skew: float = SKEW_SECONDS

    def name(self, changes: Changes) -> str:
        """Return the name of the claim that belongs to the present opening of the environment.

        A rollback that ended closes an opening: what is switched on after it is another.
        """
        return f"auto-rollback.{self.environment}.{max(changes.opening, changes.rollback_ended)}"

    def state(self, name: str) -> ClaimState:
        """Return how a claim stands; raises `LedgerError` where the storage does not answer."""
        if self.ledger.storage.read([self._mark(name)])[0] is not None:
            return ClaimState.DONE
        return ClaimState.FREE if read_holder(self.ledger.storage, name) is None else ClaimState.TAKEN

    @contextmanager
    def hold(self, name: str) -> Iterator[bool]:
        """Hold a claim while it is performed; yields False where another holds it or it is done already.

        Where the storage does not answer, the claim is held all the same: two rollbacks are better than none.
        """
        mine, lock = self._acquire(name)
        if lock is None:
            yield mine
            return
        end = threading.Event()
        renewal = threading.Thread(target=self._renew, args=(lock, end), name="gonogo-claim", daemon=True)
        renewal.start()
        try:
            yield True
        finally:
            end.set()
            renewal.join()
            self._release(lock)

    def _acquire(self, name: str) -> tuple[bool, Lock | None]:
        """Return whether the claim is ours, and its lock where the storage could make one."""
        try:
            if self.state(name) is ClaimState.DONE:
                return False, None
            lock = acquire_lock(self.ledger.storage, name, self.owner, self.lease, self.clock(), skew_seconds=self.skew)
        except LockError:
            return False, None
        except LedgerError:
            return True, None
        # Between the look and the lock another may have finished and given its claim up.
        try:
            done = self.state(name) is ClaimState.DONE
        except LedgerError:
            done = False
        if done:
            self._release(lock)
            return False, None
        return True, lock

    def mark_done(self, name: str, record: dict[str, Any]) -> None:
        """Write beside a claim what was done; whoever comes later does it no second time."""
        with suppress(LedgerError):
            self.ledger.storage.create(self._mark(name), canonical_bytes({"owner": self.owner, **record}))

    def read_done(self, name: str) -> dict[str, Any]:
        """Return what was written beside a claim that is done; an empty record where it cannot be read."""
        try:
            data = self.ledger.storage.read([self._mark(name)])[0]
            record = json.loads(data) if data is not None else {}
        except (GonogoError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    @staticmethod
    def _mark(name: str) -> str:
        return f"claims/{name}.done.json"

    def _release(self, lock: Lock) -> None:
        with suppress(LedgerError, LockError):
            lock.release(self.clock())

    def _renew(self, lock: Lock, end: threading.Event) -> None:
        while not end.wait(self.lease / 3):
            try:
                lock.renew(self.clock())
            except LockError:
                return
            except LedgerError:
                continue
