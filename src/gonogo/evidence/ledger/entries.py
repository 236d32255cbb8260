"""Entries of a ledger: their bytes, and the rules by which they hang together; pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import rfc8785

from gonogo.errors import LedgerError

SCHEMA = "gonogo/ledger/v1"
NO_DIGEST = "0" * 64
_KEYS = {"schema": str, "system": str, "number": int, "kind": str, "at": str, "previous": str, "payload": dict}
_KIND = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


class Kind(StrEnum):
    """What an entry tells of; readers also take kinds that a later version knows."""

    RUN = "run"
    SEAL = "seal"
    APPROVAL = "approval"
    REVIEW = "review"
    REJECTION = "rejection"
    WAIVER = "waiver"
    ATTESTATION = "attestation"
    ROLE = "role"
    ROLLBACK = "rollback"
    BASELINE = "baseline"
    ADVANCE = "advance"
    RESTORE = "restore"
    TRIGGER = "trigger"
    FOLLOW_UP = "follow_up"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; `previous` and `digest` are the hex SHA-256 of the object before and of this one."""

    number: int
    kind: str
    at: str
    previous: str
    payload: Mapping[str, Any]
    digest: str


def format_time(at: datetime) -> str:
    """Return a time as UTC, like `2026-11-21T05:03:05.123Z`; raises `LedgerError` for one without a zone."""
    if at.tzinfo is None:
        raise LedgerError(f"the time {at} has no time zone")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def canonical_bytes(value: Mapping[str, Any]) -> bytes:
    """Return RFC 8785 JSON; raises `LedgerError` for what cannot be written so (NaN, integers beyond 2^53, objects)."""
    try:
        return rfc8785.dumps(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise LedgerError(f"the content cannot be written as RFC 8785 JSON: {error}") from error


def digest_of(data: bytes) -> str:
    """Return the hex SHA-256 of an object's bytes."""
    return hashlib.sha256(data).hexdigest()


def render_entry(system: str, number: int, kind: str, at: str, previous: str, payload: Mapping[str, Any]) -> bytes:
    """Return the bytes of an entry; raises `LedgerError` for a payload that JSON cannot hold."""
    return canonical_bytes(
        {
            "schema": SCHEMA,
            "system": system,
            "number": number,
            "kind": kind,
            "at": at,
            "previous": previous,
            "payload": payload,
        }
    )


def parse_entry(data: bytes, system: str, number: int) -> Entry:
    """Return the entry that an object holds; raises `LedgerError` with what is wrong with it, not where it lies."""
    record = _read_record(data)
    if record["system"] != system:
        raise LedgerError(f"is of system {_short(record['system'])}, not {system!r}")
    if record["number"] != number:
        raise LedgerError(f"holds entry {record['number']}, not entry {number}")
    return Entry(number, record["kind"], record["at"], record["previous"], record["payload"], digest_of(data))


def _read_record(data: bytes) -> dict[str, Any]:
    try:
        record = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise LedgerError(f"is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise LedgerError("is not a JSON object")
    if record.get("schema") != SCHEMA:
        raise LedgerError(f"schema is {_short(record.get('schema'))}; known: {SCHEMA}")
    missing, unknown = sorted(_KEYS.keys() - record.keys()), sorted(record.keys() - _KEYS.keys())
    if missing or unknown:
        text = [f"lacks {', '.join(missing)}"] if missing else []
        raise LedgerError("; ".join([*text, f"has unknown keys: {_short(unknown)}"] if unknown else text))
    for key, kind in _KEYS.items():
        if type(record[key]) is not kind:
            raise LedgerError(f"{key} is {_short(record[key])}, not of type {kind.__name__}")
    if not _KIND.fullmatch(record["kind"]):
        raise LedgerError(f"kind is {_short(record['kind'])}; a kind has small letters, digits and _")
    _check_time(record["at"])
    if canonical_bytes(record) != data:
        raise LedgerError("is not written as RFC 8785 JSON")
    return record


def _check_time(text: str) -> None:
    try:
        if not _TIME.fullmatch(text):
            raise ValueError("not like 2026-11-21T05:03:05.123Z")
        datetime.fromisoformat(text)
    except ValueError as error:
        raise LedgerError(f"at is {_short(text)}, not a UTC time: {error}") from error


def check_chain(system: str, objects: Sequence[tuple[int, str, bytes | None]]) -> tuple[list[Entry], list[str]]:
    """Return the entries of a ledger, and a sentence for every fault with the object that it names.

    `objects` are number, name and bytes in the order of their numbers. A number that is left out, an object that cannot
    be read, is of another place, or is not what the next one was chained to, is a fault. That the last objects were
    cut off, or the very last one was written anew, shows only against a head that was seen before.
    """
    entries: list[Entry] = []
    faults: list[str] = []
    known: Entry | None = None
    before, before_name, before_digest = 0, "", NO_DIGEST
    for number, name, data in objects:
        if number != before + 1:
            gap = f"entry {before + 1} is" if number == before + 2 else f"entries {before + 1} to {number - 1} are"
            faults.append(f"{gap} missing before {name}")
        known = None
        if data is None:
            faults.append(f"{name}: was removed while it was read")
        else:
            try:
                known = parse_entry(data, system, number)
            except LedgerError as error:
                faults.append(f"{name}: {error.message}")
        if known is not None:
            if number == before + 1 and known.previous != before_digest:
                faults.append(_broken_link(name, known, before_name, before_digest))
            entries.append(known)
        before, before_name, before_digest = number, name, digest_of(data or b"")
    return entries, faults


def _broken_link(name: str, entry: Entry, before_name: str, before_digest: str) -> str:
    if not before_name:
        return f"{name}: is the first entry, but was chained to an object with SHA-256 {entry.previous[:16]}…"
    return (
        f"{before_name}: is not what {name} was chained to: its SHA-256 is {before_digest[:16]}…, "
        f"{name} holds {entry.previous[:16]}…"
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
