"""The records beside a bundle on disk, kept in step with those that the ledger holds."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from gonogo.errors import EvidenceError, RefusedError
from gonogo.evidence.approval_record import (
    MAX_RECORD_BYTES,
    RecordFile,
    file_name,
    parse_record_file,
)
from gonogo.evidence.bundle import APPROVALS, BundleFacts
from gonogo.evidence.dsse import Envelope
from gonogo.evidence.ledger.book import Ledger

_HALF = ".half"
KINDS = ("approval", "review", "rejection", "waiver")


def read_record_files(folder: Path) -> list[RecordFile]:
    """Return what lies in a bundle's folder of approvals, by number; whatever is no record carries its fault."""
    beside = folder / APPROVALS
    if beside.is_symlink() or (beside.exists() and not beside.is_dir()):
        return [RecordFile(APPROVALS, 0, "", fault="is not a folder")]
    if not beside.exists():
        return []
    files = [_read(path) for path in sorted(beside.iterdir())]
    return sorted(files, key=lambda one: (one.number, one.name))


def _read(path: Path) -> RecordFile:
    # A name that could steer a terminal is shown escaped; it is no record's name anyway.
    name = f"{APPROVALS}/{path.name if path.name.isprintable() else ascii(path.name)}"
    if path.is_symlink() or not path.is_file():
        return RecordFile(name, 0, "", fault="is not a regular file")
    if path.name.endswith(_HALF):
        return RecordFile(name, 0, "", fault="is what an interrupted signing left; remove it")
    try:
        with path.open("rb") as file:
            return parse_record_file(name, file.read(MAX_RECORD_BYTES + 1))
    except OSError as error:
        return RecordFile(name, 0, "", fault=f"cannot be read: {error.strerror}")


def write_record_file(folder: Path, number: int, kind: str, envelope: Envelope) -> Path:
    """Write a record beside a bundle, durably; raises `RefusedError` where another took its number meanwhile."""
    beside = folder / APPROVALS
    path = beside / file_name(number, kind)
    try:
        beside.mkdir(exist_ok=True)
        if _others(path):
            raise FileExistsError
        _create(path, envelope.to_bytes())
        if _others(path):
            path.unlink()
            raise FileExistsError
        _sync_folder(beside)
        _sync_folder(folder)
    except FileExistsError as error:
        hint = "Look at it with gonogo verify, and sign again."
        raise RefusedError(f"another record took number {number:04d} meanwhile; yours is not written", hint) from error
    except OSError as error:
        raise EvidenceError(f"{path} cannot be written: {error.strerror}") from error
    return path


def _others(path: Path) -> list[str]:
    """Return the files of another kind that have a record's number."""
    return [one.name for one in path.parent.iterdir() if one.name.startswith(path.name[:5]) and one.name != path.name]


def _create(path: Path, data: bytes) -> None:
    """Create a file whole or not at all; raises `FileExistsError` for one that is there."""
    half = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_HALF}")
    try:
        with half.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # Unlike a renaming, a link never takes the place of another record.
        os.link(half, path)
    finally:
        half.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def level_with_ledger(folder: Path, facts: BundleFacts, ledger: Ledger | None, now: datetime) -> list[RecordFile]:
    """Return the records of a bundle after bringing folder and ledger to the same state.

    One must hold all records of the other, in the same order; what one lacks at the end is added there. Raises
    `EvidenceError` where they contradict each other, or a record in the folder has a fault.
    """
    here = read_record_files(folder)
    for file in here:
        if file.fault:
            raise EvidenceError(f"{file.name}: {file.fault}", "Nothing is signed on top of records that do not hold.")
    if ledger is None:
        return here
    there = records_in_ledger(ledger, facts)
    for number, (mine, (kind, envelope)) in enumerate(zip(here, there, strict=False), 1):
        if mine.kind != kind or mine.digest != _digest(kind, envelope):
            text = f"record {number:04d} beside the bundle is not the one in the ledger at {ledger.location}"
            raise EvidenceError(
                text, "Two people signed on copies at once; keep the ledger's, and sign the other anew."
            )
    for number, (kind, envelope) in enumerate(there[len(here) :], len(here) + 1):
        write_record_file(folder, number, kind, envelope)
    for file in here[len(there) :]:
        envelope = Envelope.from_bytes((folder / file.name).read_bytes())
        enter_record(ledger, file.kind, envelope, facts, now)
    return read_record_files(folder)


def records_in_ledger(ledger: Ledger, facts: BundleFacts) -> list[tuple[str, Envelope]]:
    """Return kind and envelope of every record that the ledger holds for a bundle, oldest first."""
    found = []
    for entry in ledger.entries():
        if entry.kind in KINDS and entry.payload.get("manifest_sha256") == facts.manifest_sha256:
            found.append((entry.kind, _envelope(entry.payload, entry.number)))
    return found


def enter_record(ledger: Ledger, kind: str, envelope: Envelope, facts: BundleFacts, now: datetime) -> int:
    """Append a record to the ledger and return the number of its entry."""
    payload = {"record": envelope.to_json(), "manifest_sha256": facts.manifest_sha256, "bundle": facts.bundle_id}
    return ledger.append(kind, payload, now).number


def _envelope(payload: Mapping[str, Any], number: int) -> Envelope:
    try:
        return Envelope.from_json(payload.get("record"))
    except EvidenceError as error:
        raise EvidenceError(f"entry {number} of the ledger holds no record: {error.message}") from error


def _digest(kind: str, envelope: Envelope) -> str:
    return parse_record_file(file_name(1, kind), envelope.to_bytes()).digest


def next_number(files: Sequence[RecordFile]) -> int:
    """Return the number of the record after these."""
    return len(files) + 1
