"""Numbered objects in one folder: the next number is created exclusively, and a lost race is run again."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gonogo.errors import LedgerAccessError, LedgerError
from gonogo.evidence.ledger.storage import MAX_OBJECT_BYTES, Storage

DIGITS = 8
_LARGEST = 10**DIGITS - 1
_ATTEMPTS = 200
_LONGEST_WAIT = 1.0


@dataclass(frozen=True, slots=True)
class NumberedObjects:
    """The objects `<folder>/<prefix>NNNNNNNN.json` of a storage, counted from 1."""

    storage: Storage
    folder: str = ""
    prefix: str = ""

    def name(self, number: int) -> str:
        """Return the name of an object inside its folder."""
        return f"{self.prefix}{number:0{DIGITS}d}.json"

    def number(self, name: str) -> int | None:
        """Return the number that a name inside the folder carries, None for another name."""
        found = re.fullmatch(rf"{re.escape(self.prefix)}([0-9]{{{DIGITS}}})\.json", name)
        return int(found[1]) or None if found else None

    def path(self, number: int) -> str:
        """Return the name of an object in the storage."""
        return f"{self.folder}/{self.name(number)}" if self.folder else self.name(number)

    def numbers(self) -> list[int]:
        """Return the numbers that are there, sorted."""
        return [
            number for name in self.storage.names(self.folder, self.prefix) if (number := self.number(name)) is not None
        ]

    def read(self, numbers: Sequence[int]) -> list[bytes | None]:
        """Return the bytes of objects, None for one that is not there."""
        return self.storage.read([self.path(number) for number in numbers])

    def create(self, number: int, data: bytes) -> bool:
        """Create an object exclusively; return False where another writer was first."""
        if number > _LARGEST:
            raise LedgerError(f"{self.storage.location} is full: {self.path(_LARGEST)} is the last possible object")
        if len(data) > MAX_OBJECT_BYTES:
            raise LedgerError(f"an object of {len(data)} bytes is too large for the ledger; limit {MAX_OBJECT_BYTES}")
        return self.storage.create(self.path(number), data)

    def append(self, build: Callable[[list[int], bytes], bytes]) -> tuple[int, bytes]:
        """Create the object after the last one and return its number and bytes.

        `build` makes the bytes from the numbers that are there and the bytes of the last object (empty at first); it is
        called again after each lost race. Raises `LedgerAccessError` where every attempt lost.
        """
        for attempt in range(_ATTEMPTS):
            started = time.monotonic()
            numbers = self.numbers()
            last = self.read(numbers[-1:]) if numbers else [b""]
            if last[0] is None:
                continue
            data = build(numbers, last[0])
            number = (numbers[-1] if numbers else 0) + 1
            if self.create(number, data):
                return number, data
            # As long as the storage takes for some attempts, so that fewer and fewer meet.
            longest = min(_LONGEST_WAIT, (time.monotonic() - started) * 2 ** min(attempt, 6))
            time.sleep(random.uniform(0, longest))
        raise LedgerAccessError(
            f"{self.storage.location}: another writer was first {_ATTEMPTS} times; the entry was not written",
            "Try again when fewer writers are at work.",
        )

    def prune(self, below: int) -> None:
        """Remove the objects with numbers under `below`; storage that forbids removal keeps them, at no harm."""
        if below <= 1:
            return
        old = [self.path(number) for number in self.numbers() if number < below]
        try:
            self.storage.remove(old)
        except LedgerAccessError:
            return
