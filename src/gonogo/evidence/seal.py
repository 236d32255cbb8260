"""Sealing: scan the final bytes, close the set, sign. Whatever stops half way leaves nothing that verifies."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from gonogo.errors import EvidenceError
from gonogo.evidence.bundle import (
    DECISION,
    MANIFEST,
    PLANNED,
    PLANNED_STATEMENT,
    REQUIRED,
    STATEMENT,
    FileEntry,
    digest_file,
    digest_files,
    list_bundle,
    manifest_bytes,
    parse_manifest,
)
from gonogo.evidence.dsse import IN_TOTO, sign_envelope
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.ledger.book import Ledger
from gonogo.evidence.ledger.entries import Entry
from gonogo.evidence.scan.finding import Finding, Needle
from gonogo.evidence.scan.scanner import scan_folder
from gonogo.evidence.statement import build_planned_statement, build_statement, bundle_id
from gonogo.evidence.verify.story import check_story

UNSIGNED = "UNSIGNED"


class SealError(EvidenceError):
    """A folder that cannot be sealed; `findings` are what the scanner stopped at."""

    def __init__(self, message: str, hint: str = "", findings: Sequence[Finding] = ()) -> None:
        super().__init__(message, hint)
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True)
class ScanTerms:
    """What the scanner looks for beside its own detectors, and the exact strings of our own packs that it excuses."""

    needles: Sequence[Needle] = ()
    exempt: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Seal:
    """What sealing came to; `signer` is a keyid, or UNSIGNED where no key is configured."""

    signer: str
    manifest_sha256: str
    files: int
    size: int
    entry: Entry | None = field(default=None)


def sign_planned(
    folder: Path, facts: Mapping[str, Any], sources: Mapping[str, str], key: SigningKey, now: datetime
) -> None:
    """Sign the planned set and the digests of its sources; nothing may have been sent yet."""
    _, digest = digest_file(folder / PLANNED)
    payload = build_planned_statement(digest, facts, sources, key.public, at=now.isoformat())
    _write(folder / PLANNED_STATEMENT, sign_envelope(payload, IN_TOTO, [key]).to_bytes())


def seal_folder(
    folder: Path, key: SigningKey | None, terms: ScanTerms, *, ledger: Ledger | None, now: datetime
) -> Seal:
    """Scan a run's folder, write its manifest and sign it; without a key it is complete and UNSIGNED.

    Raises `SealError` for any finding of the scanner, for files that disagree, and for a folder that is no bundle. The
    signature is the last thing written, so what is interrupted before it does not verify.
    """
    _remove_halves(folder)
    record = _read_decision(folder)
    listing = list_bundle(folder)
    sealed_before = (folder / STATEMENT).exists()
    if listing.strange:
        name, problem = listing.strange[0]
        raise SealError(f"{name} {problem}", "Remove it and seal again.")
    missing = [name for name in REQUIRED if name not in listing.closed]
    if missing:
        raise SealError(f"{folder} is no bundle: it has no {', '.join(missing)}")
    entries = digest_files(folder, listing.closed)
    if sealed_before:
        _refuse_changed(folder, entries)
    _scan(folder, listing.closed, terms)
    if digest_files(folder, list_bundle(folder).closed) != entries:
        raise SealError("files changed while they were scanned", "Let everything that writes there end; seal again.")
    faults = check_story(folder)
    if faults:
        shown = "; ".join(f"{fault.file}: {fault.detail}" for fault in faults[:3])
        raise SealError(f"the files of the bundle disagree: {shown}", "A run that tells two stories is not sealed.")
    if sealed_before and ledger is not None:
        digest = hashlib.sha256(manifest_bytes(entries)).hexdigest()
        known = [one for one in ledger.entries() if one.payload.get("manifest_sha256") == digest and one.kind == "seal"]
        if known:
            return Seal(known[-1].payload["signer"], digest, len(entries), sum(one.size for one in entries), known[-1])
    if sealed_before and key is None:
        raise SealError(f"{folder} is sealed, and no key is configured to seal it again")
    return _sign(folder, record, entries, key, ledger, now)


def _refuse_changed(folder: Path, entries: Sequence[FileEntry]) -> None:
    """Refuse to sign anew what changed after it was sealed: a new signature would hide it."""
    try:
        sealed = set(parse_manifest((folder / MANIFEST).read_bytes()))
    except OSError as error:
        raise SealError(
            f"{MANIFEST} cannot be read beside a signature", "'gonogo verify' names every fault."
        ) from error
    changed = sorted({entry.path for entry in sealed ^ set(entries)})
    if changed:
        raise SealError(
            f"changed after it was sealed: {', '.join(changed[:5])}", "'gonogo verify' names every fault. Run again."
        )


def _sign(
    folder: Path,
    record: Mapping[str, Any],
    entries: Sequence[FileEntry],
    key: SigningKey | None,
    ledger: Ledger | None,
    now: datetime,
) -> Seal:
    manifest = manifest_bytes(entries)
    digest = hashlib.sha256(manifest).hexdigest()
    _write(folder / MANIFEST, manifest)
    size = sum(entry.size for entry in entries)
    if key is None:
        return Seal(UNSIGNED, digest, len(entries), size, _enter(ledger, "run", _entry(record, digest, folder), now))
    head = ledger.head() if ledger is not None else None
    seen = {"number": head[0], "digest": head[1]} if head else None
    payload = build_statement(record, digest, key.public, sealed_at=now.isoformat(), ledger=seen)
    envelope = sign_envelope(payload, IN_TOTO, [key])
    _write(folder / STATEMENT, envelope.to_bytes())
    signed = {"signer": key.public.keyid, "statement": json.loads(envelope.to_bytes())}
    entry = _enter(ledger, "seal", {**_entry(record, digest, folder), **signed}, now)
    return Seal(key.public.keyid, digest, len(entries), size, entry)


def _enter(ledger: Ledger | None, kind: str, payload: Mapping[str, Any], now: datetime) -> Entry | None:
    return ledger.append(kind, payload, now) if ledger is not None else None


def _entry(record: Mapping[str, Any], digest: str, folder: Path) -> dict[str, Any]:
    return {
        "run": bundle_id(record),
        "activity": record.get("activity", "run"),
        "build": (record.get("build") or {}).get("before"),
        "stage": record["stage"],
        "environment": record["environment"],
        "release": record["release"],
        "decision": record["decision"],
        "manifest_sha256": digest,
        "signer": UNSIGNED,
        "folder": folder.name,
    }


def _scan(folder: Path, files: Sequence[str], terms: ScanTerms) -> None:
    findings = scan_folder(folder, files, terms.needles, terms.exempt)
    if findings:
        places = "; ".join(f"{one.file} at byte {one.offset:,}: {one.rule}" for one in findings[:5])
        more = f"; and {len(findings) - 5} more" if len(findings) > 5 else ""
        hint = "Nothing is sealed. Find out how it came there; evidence.yaml says what may be shown."
        raise SealError(f"the scanner found what must not be shown: {places}{more}", hint, findings)


def read_identity(folder: Path) -> tuple[str, str]:
    """Return the system and the run id of a run's folder; raises `SealError` where it is none."""
    record = _read_decision(folder)
    try:
        return str(record["system"]), bundle_id(record)
    except (KeyError, IndexError, TypeError) as error:
        raise SealError(f"{folder} is no bundle: its {DECISION} names no run") from error


def _read_decision(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / DECISION).read_bytes()))
    except (OSError, ValueError) as error:
        raise SealError(f"{folder} is no bundle: its {DECISION} cannot be read") from error


def _remove_halves(folder: Path) -> None:
    """Remove what an interrupted sealing left; it was never part of a bundle."""
    for name in (MANIFEST, STATEMENT, PLANNED_STATEMENT):
        (folder / f"{name}.half").unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    half = path.with_name(f"{path.name}.half")
    with half.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
