"""Writes that have to arrive: all at once, each on its own, each again until it is accepted or time is up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gonogo.errors import GonogoError
from gonogo.model.flags import FlagValue
from gonogo.targets.interface import Target

_FIRST_WAIT, _LONGEST_WAIT = 0.25, 2.0


@dataclass(frozen=True, slots=True)
class WriteAttempt:
    """One try to write a flag: when it began (seconds since the epoch), how long it took, and what went wrong."""

    at: float
    seconds: float
    error: str | None = None


@dataclass
class FlagWrite:
    """A flag, the value to write, and every attempt; safe to read while it is at work."""

    flag: str
    value: FlagValue
    attempts: list[WriteAttempt] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        """Return whether the store took the last attempt."""
        return bool(self.attempts) and self.attempts[-1].error is None

    @property
    def error(self) -> str:
        """Return what was wrong with the last attempt, empty where it was accepted."""
        if not self.attempts:
            return "no answer yet"
        return self.attempts[-1].error or ""


class FlagWriter:
    """Writes flags in threads of their own, so that none waits for another; `patience` is in seconds.

    `first_write` is the time of the monotonic clock at which the first attempt began.
    """

    def __init__(self, target: Target, wanted: Mapping[str, FlagValue], patience: float) -> None:
        self.writes = {flag: FlagWrite(flag, value) for flag, value in wanted.items()}
        self.first_write = 0.0
        self.first_write_at = 0.0
        self._target = target
        self._patience = patience
        self._end = threading.Event()
        self._tried = {flag: threading.Event() for flag in wanted}
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to write every flag."""
        self.first_write, self.first_write_at = time.monotonic(), time.time()
        self._begin(self.writes)

    def write_again(self, flags: Iterable[str]) -> None:
        """Write flags anew whose value was changed by somebody since."""
        self._begin(flags)

    def add(self, flag: str, value: FlagValue) -> None:
        """Write one more flag."""
        self.writes[flag] = FlagWrite(flag, value)
        self._tried[flag] = threading.Event()
        self._begin([flag])

    def wait_for_attempts(self, seconds: float) -> None:
        """Wait until every flag was tried once, at most so long."""
        give_up = time.monotonic() + seconds
        for tried in list(self._tried.values()):
            tried.wait(max(0.0, give_up - time.monotonic()))

    def wait(self, seconds: float) -> None:
        """Wait until every write was accepted or given up, at most so long."""
        give_up = time.monotonic() + seconds
        for thread in list(self._threads):
            thread.join(max(0.0, give_up - time.monotonic()))

    def stop(self) -> None:
        """Begin no further attempt."""
        self._end.set()

    @property
    def is_at_work(self) -> bool:
        """Return whether a write is neither accepted nor given up."""
        return any(thread.is_alive() for thread in self._threads)

    @property
    def accepted(self) -> tuple[str, ...]:
        """Return the flags whose last write was accepted."""
        return tuple(flag for flag, write in self.writes.items() if write.accepted)

    @property
    def refused(self) -> tuple[str, ...]:
        """Return the flags whose last write was not accepted, or never answered."""
        return tuple(flag for flag, write in self.writes.items() if not write.accepted)

    def _begin(self, flags: Iterable[str]) -> None:
        for flag in list(flags):
            # A daemon: a store that hangs must not keep the command from ending.
            thread = threading.Thread(target=self._write, args=(self.writes[flag],), name=f"write-{flag}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _write(self, write: FlagWrite) -> None:
        give_up = time.monotonic() + self._patience
        wait = _FIRST_WAIT
        while True:
            at, started = time.time(), time.monotonic()
            error = self._try(write)
            write.attempts.append(WriteAttempt(at, time.monotonic() - started, error))
            self._tried[write.flag].set()
            if error is None or time.monotonic() + wait > give_up or self._end.wait(wait):
                return
            wait = min(2 * wait, _LONGEST_WAIT)

    def _try(self, write: FlagWrite) -> str | None:
        try:
            self._target.set_flag(write.flag, write.value)
        except GonogoError as error:
            return error.message
        except Exception as error:  # noqa: BLE001 - whatever an adapter does, the other writes and the record go on
            return f"the write broke: {type(error).__name__}"
        return None
