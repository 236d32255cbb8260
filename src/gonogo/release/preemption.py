"""What a rollback does to the ledger once its writes are out: take the lock, void what was to be returned, enter it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.errors import GonogoError
from gonogo.evidence.ledger.book import Ledger, open_ledger
from gonogo.evidence.ledger.entries import Kind
from gonogo.evidence.ledger.journal import FlagChange, Journal
from gonogo.evidence.ledger.location import ledger_location
from gonogo.evidence.ledger.lock import read_holder
from gonogo.run.hold import describe_owner, hold_environment


@dataclass
class Preemption:
    """What became of the ledger's part of a rollback, step by step; `notes` tell what could not be done."""

    ledger: Ledger | None = None
    held: bool = False
    taken_from: str | None = None
    voided: tuple[FlagChange, ...] = ()
    entries: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        """Return whether the ledger answered: it took an entry of the rollback."""
        return self.ledger is not None and bool(self.entries)


class LedgerWork:
    """The ledger's part, in a thread of its own: storage that hangs must not keep anybody from being safe.

    `then` is called once the lock is taken over and the journal void; without it neither is touched, and the rollback
    is entered only.
    """

    def __init__(
        self,
        root: Path,
        system: str,
        environment: str,
        rollback: str,
        payload: Mapping[str, Any],
        then: Callable[[Preemption], None] | None = None,
    ) -> None:
        self.state = Preemption()
        self._root, self._system, self._environment = root, system, environment
        self._rollback, self._payload, self._then = rollback, payload, then
        self._hold = ExitStack()
        self._thread = threading.Thread(target=self._work, name="gonogo-ledger", daemon=True)

    def start(self) -> None:
        """Begin; what becomes of it is in `state`."""
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait until everything was done or given up; return whether it was, within so many seconds."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def release(self) -> None:
        """Give the environment's lock up."""
        if not self._thread.is_alive():
            self._hold.close()

    def enter(self, payload: Mapping[str, Any]) -> None:
        """Enter one more record of the rollback."""
        if self.state.ledger is not None and not self._thread.is_alive():
            self._try("the ledger has no entry of how the rollback ended", lambda: self._append(payload))

    def _work(self) -> None:
        self._try("the ledger cannot be used", self._open)
        if self.state.ledger is not None:
            if self._then is not None:
                self._try("the lock was not taken over", self._take_lock)
                self._try("the flag journal was not made void", self._void)
            self._try("the ledger has no entry of the rollback", lambda: self._append(self._payload))
        if self._then is not None:
            then = self._then
            self._try("the flags were not compared again", lambda: then(self.state))

    def _try(self, what: str, step: Callable[[], None]) -> None:
        try:
            step()
        except GonogoError as error:
            self.state.notes.append(f"{what}: {error.message}")
        except Exception as error:  # noqa: BLE001 - whatever breaks here, the rollback goes on and says so
            self.state.notes.append(f"{what}: {type(error).__name__}: {error}")

    def _open(self) -> None:
        # What reads a whole project takes long to load, and no write may wait for it.
        from gonogo.sources.project import Project

        configured = None
        try:
            configured = Project.from_path(self._root).ledger
        except GonogoError as error:
            self.state.notes.append(f"where the ledger lies was not read from pyproject.toml: {error.message}")
        self.state.ledger = open_ledger(ledger_location(self._root, os.environ, configured), self._system)

    def _take_lock(self) -> None:
        ledger = self._ledger()
        # Whom it is taken from is good to know, and no reason to wait.
        self._try("who held the lock is not known", self._find_holder)
        owner = describe_owner("rollback", self._rollback)
        self._hold.enter_context(hold_environment(ledger, self._environment, owner, preempt=True))
        self.state.held = True

    def _find_holder(self) -> None:
        holder = read_holder(self._ledger().storage, self._environment)
        self.state.taken_from = holder.owner or "somebody" if holder is not None else None

    def _void(self) -> None:
        journal = Journal(self._ledger().storage, self._environment)
        self.state.voided = journal.void(f"rollback {self._rollback}", self._rollback, datetime.now(UTC))

    def _append(self, payload: Mapping[str, Any]) -> None:
        entry = self._ledger().append(Kind.ROLLBACK.value, payload, datetime.now(UTC))
        self.state.entries.append(entry.number)

    def _ledger(self) -> Ledger:
        if self.state.ledger is None:
            raise AssertionError("these steps come after the ledger was opened")
        return self.state.ledger
