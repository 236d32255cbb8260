"""Attestations in the ledger: written as append-only records, signed once a trust file exists, and read back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from gonogo.errors import EvidenceError
from gonogo.evidence.attachments import digest_of_copy
from gonogo.evidence.dsse import Envelope
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.ledger import Entry, Ledger
from gonogo.evidence.records import format_time, open_record, parse_time, read_record, sign_record
from gonogo.evidence.trust import Trust
from gonogo.model.attestation import Attachment, Attestation, Result
from gonogo.model.binding import BoundItem

KIND = "attestation"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEXTS = ("item", "words", "result", "name", "role", "at", "release", "build", "environment", "note")


def append_attestation(
    ledger: Ledger, item: BoundItem, attestation: Attestation, key: SigningKey | None, now: datetime
) -> Entry:
    """Append an attestation to the ledger, signed where there is a key; returns its entry."""
    payload = _to_payload(item, attestation)
    record: Mapping[str, Any] = payload
    if key is not None:
        record = sign_record(KIND, payload, key).to_json()
    return ledger.append(KIND, {"signed": key is not None, "record": record}, now)


def _to_payload(item: BoundItem, one: Attestation) -> dict[str, Any]:
    return {
        "item": one.item,
        "words": one.words,
        "text": item.item.text,
        "list": item.file,
        "result": one.result.value,
        "name": one.name,
        "role": one.role,
        "at": format_time(one.at),
        "release": one.release,
        "build": one.build,
        "environment": one.environment,
        "note": one.note,
        "links": list(one.links),
        "attachments": [{"name": each.name, "sha256": each.sha256, "size": each.size} for each in one.attachments],
    }


def read_attestations(
    entries: Sequence[Entry], folder: Path, trust: Trust | None, now: datetime
) -> tuple[Attestation, ...]:
    """Return the attestations of a ledger's entries, oldest first, each with what speaks against it.

    Raises `EvidenceError` for an entry of this kind that holds no attestation: what it said must not get lost.
    """
    return tuple(_read(entry, folder, trust, now) for entry in entries if entry.kind == KIND)


def _read(entry: Entry, folder: Path, trust: Trust | None, now: datetime) -> Attestation:
    where = f"entry {entry.number} of the ledger"
    content, is_signed = entry.payload.get("record"), entry.payload.get("signed") is True
    against: list[str] = []
    by_machine = False
    if is_signed:
        content, wrong, by_machine = _open(content, trust, now, where)
        against += wrong
    if not isinstance(content, dict) or any(not isinstance(content.get(name), str) for name in _TEXTS):
        raise EvidenceError(f"{where} is of kind {KIND} and holds none")
    try:
        result, at = Result(content["result"]), parse_time(content["at"])
        attachments = tuple(_attachment(one) for one in content.get("attachments", []))
    except (ValueError, KeyError, TypeError) as error:
        raise EvidenceError(f"{where} holds no attestation that can be read: {error}") from error
    for one in attachments:
        found = digest_of_copy(folder, one.sha256)
        if found != one.sha256:
            what = "is missing" if found is None else "was changed since"
            against.append(f"the attachment {one.name} {what}")
    return Attestation(
        entry.number,
        content["item"],
        content["words"],
        result,
        content["name"],
        content["role"],
        at,
        content["release"],
        content["build"],
        content["environment"],
        content["note"],
        tuple(map(str, content.get("links", []))),
        attachments,
        is_signed,
        tuple(against),
        by_machine,
    )


def _open(content: Any, trust: Trust | None, now: datetime, where: str) -> tuple[Any, list[str], bool]:
    """Return what a signed record says, why its signature does not count, and whether a machine signed it."""
    try:
        envelope = Envelope.from_json(content)
        record = read_record(envelope, KIND)
    except EvidenceError as error:
        raise EvidenceError(f"{where} does not hold: {error.message}") from error
    said: Any = dict(record.payload)
    if trust is None:
        return said, [], False
    owner = trust.owner_of(record.key)
    by_machine = owner is not None and owner.is_machine
    try:
        # What a CI found it says itself; whether the item takes that for an answer, its role says.
        open_record(envelope, trust, now, kind=KIND, machines=True)
    except EvidenceError as error:
        return said, [error.message], by_machine
    return said, [], by_machine


def _attachment(data: Any) -> Attachment:
    if not _SHA256.fullmatch(str(data["sha256"])):
        raise ValueError("an attachment is called by something else than a digest")
    return Attachment(str(data["name"]), str(data["sha256"]), int(data["size"]))
