"""The ledger of one system: appending an entry, reading all of them, and comparing with what was seen before."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gonogo.errors import LedgerError
from gonogo.evidence.ledger.entries import (
    NO_DIGEST,
    Entry,
    Kind,
    check_chain,
    digest_of,
    format_time,
    parse_entry,
    render_entry,
)
from gonogo.evidence.ledger.numbered import NumberedObjects
from gonogo.evidence.ledger.storage import PROBE, Storage, check_name, open_storage, prove_exclusive
from gonogo.sources.suggest import suggest

_SHOWN_FAULTS = 5
_KINDS = frozenset(kind.value for kind in Kind)


class Ledger:
    """An append-only chain of entries; `storage` is where locks and the flag journal lie too.

    It remembers the furthest head it has seen, so that entries which vanish meanwhile are noticed. Several threads may
    use one: they take turns.
    """

    def __init__(self, storage: Storage, system: str, *, for_reading: bool = False) -> None:
        self.storage = storage
        self.system = check_name("system", system)
        self._objects = NumberedObjects(storage)
        self._for_reading = for_reading
        self._seen = (0, NO_DIGEST)
        self._turn = threading.Lock()

    @property
    def location(self) -> str:
        """Return the folder or URL of the entries."""
        return self.storage.location

    def append(self, kind: str, payload: Mapping[str, Any], at: datetime) -> Entry:
        """Write an entry after the last one and return it; it is durable when the call returns.

        Lists the names and reads the last entry, not the whole ledger. Raises `LedgerError` for an unknown kind, a
        payload that RFC 8785 JSON cannot hold, a number that is missing or a last entry that cannot be read, and
        `LedgerAccessError` where the storage does not answer or other writers were always first.
        """
        if self._for_reading:
            raise LedgerError(f"the ledger at {self.location} was opened for reading only")
        if kind not in _KINDS:
            raise LedgerError(f"an entry cannot be of kind {kind!r}; {suggest(kind, _KINDS)}")
        time = format_time(at)

        def build(numbers: list[int], last: bytes) -> bytes:
            previous = self._check_last(numbers, last)
            return render_entry(self.system, len(numbers) + 1, kind, time, previous, payload)

        with self._turn:
            number, data = self._objects.append(build)
            entry = parse_entry(data, self.system, number)
            self._seen = (number, entry.digest)
        return entry

    def entries(self) -> list[Entry]:
        """Return every entry, oldest first; raises `LedgerError` naming each object that breaks the chain.

        See `faults` for what is a fault.
        """
        with self._turn:
            entries, faults = self._read()
        if faults:
            rest = len(faults) - _SHOWN_FAULTS
            more = f"; and {rest} more" if rest > 0 else ""
            raise LedgerError(
                f"the ledger at {self.location} does not hold together: {'; '.join(faults[:_SHOWN_FAULTS])}{more}",
                "Restore the objects from a copy; what was written after a broken one cannot be relied on.",
            )
        return entries

    def faults(self) -> list[str]:
        """Return a sentence for every fault of the ledger, each naming its object; none for a whole one."""
        with self._turn:
            return self._read()[1]

    def head(self) -> tuple[int, str]:
        """Return the number and the digest of the last entry, (0, 64 zeros) for an empty ledger; reads that one only.

        Whoever keeps them can later show by `verify_includes` that nothing up to there was cut off or written anew.
        """
        with self._turn:
            numbers = self._objects.numbers()
            last = self._objects.read(numbers[-1:])
            digest = self._check_last(numbers, (last[0] or b"") if last else b"")
        return len(numbers), digest

    def check_head(self, number: int, digest: str) -> None:
        """Raise `LedgerError` unless the whole chain holds and ends with exactly this entry."""
        entries = self.verify_includes(number, digest)
        if len(entries) != number:
            raise LedgerError(f"the ledger at {self.location} ends with entry {len(entries)}, not with entry {number}")

    def verify_includes(self, number: int, digest: str) -> list[Entry]:
        """Return every entry of a ledger that still holds an entry seen before, at its number and byte for byte.

        This detects what the chain by itself cannot: the last entries cut off, or the last one written anew. Raises
        `LedgerError` otherwise.
        """
        entries = self.entries()
        text = _compare_with_seen(entries[number - 1].digest if 0 < number <= len(entries) else None, number, digest)
        if text:
            raise LedgerError(f"the ledger at {self.location} {text}")
        return entries

    def _read(self) -> tuple[list[Entry], list[str]]:
        names = self.storage.names("")
        numbered = [(number, name) for name in names if (number := self._objects.number(name)) is not None]
        stray = [name for name in names if self._objects.number(name) is None and name != PROBE]
        blobs = self._objects.read([number for number, _ in numbered])
        objects = [(number, name, blob) for (number, name), blob in zip(numbered, blobs, strict=True)]
        entries, faults = check_chain(self.system, objects)
        faults += [f"{name}: is not an object of a ledger; remove it" for name in stray]
        if not faults:
            number, digest = self._seen
            text = _compare_with_seen(
                entries[number - 1].digest if 0 < number <= len(entries) else None, number, digest
            )
            faults += [text] if text else []
            if entries and not text:
                self._seen = (entries[-1].number, entries[-1].digest)
        return entries, faults

    def _check_last(self, numbers: list[int], last: bytes) -> str:
        """Return the digest of the last object, after checking what listing the names and reading it can show."""
        missing = sorted(set(range(1, numbers[-1] + 1)) - set(numbers)) if numbers else []
        if missing:
            raise LedgerError(f"the ledger at {self.location} lacks {self._objects.name(missing[0])}")
        digest = digest_of(last) if numbers else NO_DIGEST
        if numbers:
            try:
                parse_entry(last, self.system, numbers[-1])
            except LedgerError as error:
                name = self._objects.name(numbers[-1])
                raise LedgerError(f"the ledger at {self.location} is broken: {name}: {error.message}") from error
        seen, seen_digest = self._seen
        if len(numbers) <= seen:
            text = _compare_with_seen(digest if len(numbers) == seen else None, seen, seen_digest)
            if text:
                raise LedgerError(f"the ledger at {self.location} {text}")
        return digest


def _compare_with_seen(digest: str | None, number: int, seen: str) -> str:
    """Return what is wrong where entry `number` was seen with digest `seen` and now has `digest`, if anything."""
    if number == 0 and seen == NO_DIGEST:
        return ""
    if digest is None:
        return f"does not reach entry {number}, which was seen before: entries were cut off"
    if digest != seen:
        return f"holds another entry {number} than was seen before: SHA-256 {digest[:16]}…, then {seen[:16]}…"
    return ""


def open_ledger(location: str, system: str, *, for_reading: bool = False) -> Ledger:
    """Return the ledger of a system under a folder or `s3://` URL, at `<location>/<system>/ledger`.

    Raises `LedgerError` where the storage cannot create an object exclusively, which is tried, not assumed. Opened
    `for_reading`, nothing is written and nothing is tried.
    """
    storage = open_storage(f"{location.rstrip('/')}/{check_name('system', system)}/ledger")
    if not for_reading:
        prove_exclusive(storage)
    return Ledger(storage, system, for_reading=for_reading)
