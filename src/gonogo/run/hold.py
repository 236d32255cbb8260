"""Holding an environment: its lock with a lease that is kept alive, and the journal of its flags."""

from __future__ import annotations

import getpass
import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol

from gonogo.errors import LedgerError, LockError
from gonogo.evidence.ledger.book import Ledger
from gonogo.evidence.ledger.journal import Journal
from gonogo.evidence.ledger.lock import Lock, acquire_lock, read_holder

LEASE_SECONDS = 30.0
# A third: two renewals may fail before the lease ends. A fifteenth: how soon a rollback elsewhere is noticed.
_RENEW_PART = 3
_LOOK_PART = 15


def _utc_now() -> datetime:
    return datetime.now(UTC)


def describe_owner(verb: str, run: str) -> str:
    """Return the words by which others learn who holds an environment; unique where `run` is."""
    try:
        person = getpass.getuser()
    except (OSError, KeyError):
        person = "somebody"
    return f"{verb} {run} ({person} on {platform.node() or 'an unnamed machine'})"


class Hold(Protocol):
    """The right to change flags of an environment, and the journal that every change is entered in first."""

    journal: Journal
    owner: str

    def check(self) -> None:
        """Raise `LockError` unless the environment is still held, `LedgerError` where nobody can tell."""


class EnvironmentHold:
    """A lock on an environment that is renewed until it is given up or lost."""

    def __init__(self, lock: Lock, journal: Journal, clock: Callable[[], datetime] = _utc_now) -> None:
        self.journal = journal
        self.owner = lock.owner
        self.environment = lock.name
        self._lock = lock
        self._clock = clock
        self._turn = threading.Lock()
        self._loss: LockError | None = None
        self._end = threading.Event()
        self._renewal = threading.Thread(target=self._keep, name="gonogo-hold", daemon=True)

    @property
    def lost(self) -> bool:
        """Return whether the lock is known to be lost; noticed without a `check` within a fifteenth of the lease."""
        return self._loss is not None

    def check(self) -> None:
        """Raise `LockError` once the lock was lost or pre-empted, `LedgerError` where the storage does not answer."""
        with self._turn:
            if self._loss is None:
                try:
                    self._lock.check(self._clock())
                except LockError as error:
                    self._loss = error
            if self._loss is not None:
                raise LockError(self._loss.message, self._loss.hint) from self._loss

    def start(self) -> None:
        """Begin to renew the lease."""
        self._renewal.start()

    def give_up(self) -> None:
        """Stop renewing and release the lock; one that was lost is left to whose it is."""
        self._end.set()
        self._renewal.join()
        # A lock that cannot be released ends with its lease.
        with self._turn, suppress(LedgerError, LockError):
            if self._loss is None:
                self._lock.release(self._clock())

    def _keep(self) -> None:
        lease = timedelta(seconds=self._lock.lease_seconds)
        while not self._end.wait(self._lock.lease_seconds / _LOOK_PART):
            with self._turn:
                now, expires = self._clock(), self._lock.expires
                if self._loss is not None or expires is None:
                    return
                try:
                    if now >= expires - lease + lease / _RENEW_PART:
                        self._lock.renew(now)
                    else:
                        self._lock.check(now)
                except LockError as error:
                    self._loss = error
                    return
                except LedgerError as error:
                    # The storage may be away for a moment; what decides is the lease.
                    if now >= expires:
                        self._loss = LockError(f"the lease on {self.environment} ended: {error.message}", error.hint)
                        return


class JoinedHold:
    """The same right in a child process: the parent holds and renews, the child looks whether it still does."""

    def __init__(self, ledger: Ledger, environment: str, owner: str, clock: Callable[[], datetime] = _utc_now) -> None:
        self.journal = Journal(ledger.storage, environment)
        self.owner = owner
        self._storage = ledger.storage
        self._environment = environment
        self._clock = clock
        self._lost = False

    def check(self) -> None:
        """Raise `LockError` once another holds the environment or the lease is over; from then on always."""
        holder = read_holder(self._storage, self._environment)
        held = holder is not None and holder.owner == self.owner
        if self._lost or not held or holder is None or holder.expires is None or self._clock() >= holder.expires:
            self._lost = True
            by = f"{holder.owner} has it" if holder is not None and not held else "nobody renewed it"
            raise LockError(
                f"the lock on {self._environment} is no longer held by {self.owner}: {by}",
                "Change nothing more there; what was changed is in the flag journal.",
            )


@contextmanager
def hold_environment(
    ledger: Ledger, environment: str, owner: str, *, preempt: bool = False, lease_seconds: float = LEASE_SECONDS
) -> Iterator[EnvironmentHold]:
    """Hold an environment of a system: `owner` (see `describe_owner`) is what others are told, and must be unique.

    Raises `LockError` where another holds it, with who and until when; `preempt` takes it from them, for a rollback.
    The lease is renewed in a thread and the lock released at the end; a process that dies leaves it to the lease.
    """
    lock = acquire_lock(ledger.storage, environment, owner, lease_seconds, _utc_now(), preempt=preempt)
    hold = EnvironmentHold(lock, Journal(ledger.storage, environment))
    hold.start()
    try:
        yield hold
    finally:
        hold.give_up()
