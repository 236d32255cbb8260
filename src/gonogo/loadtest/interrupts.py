"""An interrupt ends a load in order: the first stops the sending, the second the waiting."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any


class Interrupts:
    """Counts SIGINT and SIGTERM while it is entered, instead of being broken off by them."""

    def __init__(self) -> None:
        self._count = 0
        self._previous: dict[int, Any] = {}

    @property
    def asked(self) -> bool:
        """Return whether somebody asked for an end."""
        return self._count > 0

    @property
    def asked_twice(self) -> bool:
        """Return whether somebody asked again."""
        return self._count > 1

    def __enter__(self) -> Interrupts:
        """Take the signals."""
        for name in (signal.SIGINT, signal.SIGTERM):
            self._previous[name] = signal.signal(name, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back."""
        for name, handler in self._previous.items():
            signal.signal(name, handler)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        del signum, frame
        self._count += 1
