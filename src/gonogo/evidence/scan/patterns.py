"""Many patterns searched at once, by hyperscan."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import hyperscan


@dataclass(frozen=True, slots=True)
class Pattern:
    """One expression over bytes, in the syntax that hyperscan and `re` share."""

    expression: bytes
    caseless: bool = False


class PatternSet:
    """A compiled set; a match names its pattern by number."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._lock = threading.Lock()
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK) if patterns else None
        if self._database is None:
            return
        # Without the start of a match (SOM) long alternations still compile, and a search costs half.
        flags = [
            hyperscan.HS_FLAG_DOTALL | (hyperscan.HS_FLAG_CASELESS if pattern.caseless else 0) for pattern in patterns
        ]
        self._database.compile(
            expressions=[pattern.expression for pattern in patterns],
            ids=list(range(len(patterns))),
            elements=len(patterns),
            flags=flags,
        )

    def matches(self, data: bytes) -> list[tuple[int, int]]:
        """Return (pattern number, end) of every match, in the order of their ends."""
        found: list[tuple[int, int]] = []
        if self._database is None or not data:
            return found

        def note(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            found.append((number, end))

        # A database's scratch space serves one search at a time.
        with self._lock:
            self._database.scan(data, match_event_handler=note)
        return found
