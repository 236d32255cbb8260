"""One lock for each environment, with a lease, on storage that can only create exclusively.

A lock is a row of generations, each created exclusively and never changed: acquiring, renewing and releasing write the
next one, and the highest is what counts. So whoever was overtaken cannot renew or release what is another's by now.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gonogo.errors import LedgerAccessError, LedgerError, LockError
from gonogo.evidence.ledger.entries import canonical_bytes, format_time
from gonogo.evidence.ledger.numbered import NumberedObjects
from gonogo.evidence.ledger.storage import Storage, check_name

SCHEMA = "gonogo/lock/v1"
SKEW_SECONDS = 30.0
_KEPT = 16
_ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class _Generation:
    """The latest generation of a lock; `owner` is empty where its object cannot be read as one."""

    number: int
    owner: str
    held: bool
    expires: datetime | None


class Lock:
    """A lock that was acquired; it is held until it is released, or lost by its lease or to a pre-emption.

    Holding it says that no other gonogo holds it; the target itself does not know of it, so `check` before each change.
    """

    def __init__(self, objects: NumberedObjects, name: str, owner: str, lease_seconds: float) -> None:
        self.name = name
        self.owner = owner
        self.lease_seconds = lease_seconds
        self.generation = 0
        self.expires: datetime | None = None
        self._objects = objects

    def renew(self, now: datetime) -> None:
        """Begin a new lease at `now`; raises `LockError` where the lock was lost or released."""
        self._require_held()
        if not self._write(self.generation, now, held=True):
            raise self._lost()

    def release(self, now: datetime) -> None:
        """Give the lock up; raises `LockError` where it was lost or released already, and leaves it to whose it is."""
        self._require_held()
        if not self._write(self.generation, now, held=False):
            raise self._lost()
        self.expires = None

    def check(self, now: datetime) -> None:
        """Raise `LockError` unless the lock is still held and its lease, by this machine's clock, not over."""
        self._require_held()
        if self.expires is None or now >= self.expires:
            raise LockError(f"the lease on {self.name} ended at {self.expires}", "Renew the lock earlier.")

    def _require_held(self) -> None:
        if self.expires is None:
            raise LockError(f"the lock on {self.name} was released already")
        latest = _read_latest(self._objects)
        if latest is None or latest.number != self.generation:
            raise self._lost()

    def _write(self, after: int, now: datetime, *, held: bool, taken_from: str | None = None) -> bool:
        """Write the generation after `after`; return whether it is ours and the latest."""
        expires = now + timedelta(seconds=self.lease_seconds)
        record = {
            "schema": SCHEMA,
            "name": self.name,
            "owner": self.owner,
            "held": held,
            "at": format_time(now),
            "expires": format_time(expires),
            "taken_from": taken_from,
        }
        if not self._objects.create(after + 1, canonical_bytes(record)):
            return False
        # Old generations are removed: a writer that slept for long may create one of them anew, and it must not count.
        numbers = self._objects.numbers()
        if not numbers or numbers[-1] != after + 1:
            return False
        self.generation, self.expires = after + 1, expires
        return True

    def _lost(self) -> LockError:
        latest = _read_latest(self._objects)
        by = f"{latest.owner} has it" if latest and latest.owner and latest.held else "another took it meanwhile"
        return LockError(
            f"the lock on {self.name} is no longer held by {self.owner}: {by}",
            "Change nothing more there; what was changed is in the flag journal.",
        )


@dataclass(frozen=True, slots=True)
class Holder:
    """Who wrote that they hold a lock, and the end of their lease; both unknown where the object cannot be read."""

    owner: str
    expires: datetime | None


def read_holder(storage: Storage, name: str) -> Holder | None:
    """Return who holds the lock called `name` by what was last written there; None where it is free or never was taken.

    A lease that is over still shows its holder. Raises `LedgerError` where the storage cannot be read.
    """
    latest = _read_latest(NumberedObjects(storage, "locks", f"{check_name('lock', name)}."))
    return Holder(latest.owner, latest.expires) if latest is not None and latest.held else None


def acquire_lock(
    storage: Storage,
    name: str,
    owner: str,
    lease_seconds: float,
    now: datetime,
    *,
    preempt: bool = False,
    skew_seconds: float = SKEW_SECONDS,
) -> Lock:
    """Take the lock called `name` (an environment) and return it, or raise `LockError` telling who holds it until when.

    A lock is free when it was released, or when the end of the lease that its holder wrote is `skew_seconds` ago:
    clocks that differ by less cannot make two holders. `preempt` takes it from whoever holds it, for a rollback, even
    where its object cannot be read. Of several contenders one wins. Raises `LedgerError` for a lock that cannot be
    read.
    """
    if lease_seconds <= 0 or skew_seconds < 0:
        raise LockError(f"a lease of {lease_seconds:g} s with a margin of {skew_seconds:g} s locks nothing")
    objects = NumberedObjects(storage, "locks", f"{check_name('lock', name)}.")
    lock = Lock(objects, name, owner, lease_seconds)
    for _ in range(_ATTEMPTS):
        latest = _read_latest(objects)
        if latest is not None and not preempt:
            _refuse_held(name, latest, now, skew_seconds)
        number = latest.number if latest else 0
        if lock._write(number, now, held=True, taken_from=latest.owner if latest and latest.held else None):
            objects.prune(lock.generation - _KEPT)
            return lock
    raise LockError(f"the lock on {name} was taken by others {_ATTEMPTS} times in a row", "Try again.")


def _refuse_held(name: str, latest: _Generation, now: datetime, skew_seconds: float) -> None:
    if latest.held and latest.expires is None:
        raise LedgerError(
            f"the lock on {name} cannot be read, so nobody knows whether it is held (generation {latest.number})",
            "Make sure that no run is at work there, then remove the object; a rollback takes it all the same.",
        )
    if latest.held and latest.expires and now < latest.expires + timedelta(seconds=skew_seconds):
        raise LockError(
            f"[lock-held] {name} is locked by {latest.owner} until {format_time(latest.expires)}",
            f"Wait for it to end; a lock left behind is free {skew_seconds:g} s after that time.",
        )


def _read_latest(objects: NumberedObjects) -> _Generation | None:
    """Return the latest generation, None where there never was one."""
    for _ in range(_ATTEMPTS):
        numbers = objects.numbers()
        if not numbers:
            return None
        data = objects.read(numbers[-1:])[0]
        if data is not None:
            return _parse_generation(numbers[-1], data)
    raise LedgerAccessError(f"{objects.path(numbers[-1])} is listed, but cannot be read")


def _parse_generation(number: int, data: bytes) -> _Generation:
    try:
        record: Any = json.loads(data)
        owner, held, expires = record["owner"], record["held"], datetime.fromisoformat(record["expires"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return _Generation(number, "", held=True, expires=None)
    known = isinstance(owner, str) and isinstance(held, bool) and expires.tzinfo is not None
    if not known or record.get("schema") != SCHEMA:
        return _Generation(number, "", held=True, expires=None)
    return _Generation(number, owner, held, expires)
