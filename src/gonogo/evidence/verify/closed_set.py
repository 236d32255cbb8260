"""The files of a bundle against its manifest: nothing added, dropped, renamed, changed or linked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gonogo.evidence.bundle import REQUIRED, FileEntry, Listing, digest_file, find_collisions
from gonogo.evidence.verify.faults import Fault


def check_closed_set(folder: Path, listing: Listing, entries: Sequence[FileEntry]) -> list[Fault]:
    """Return a fault for every file that differs from the manifest, and for every one that it does not list."""
    faults = [Fault("closed-set/strange", name, f"{problem}.") for name, problem in listing.strange]
    names = [*(entry.path for entry in entries), *listing.approvals]
    for first, second in find_collisions(sorted({*names, *listing.closed})):
        text = f"differs from {first} in case or Unicode form only; some file systems take them for one file."
        faults.append(Fault("closed-set/collision", second, text))
    present = set(listing.closed)
    listed = {entry.path for entry in entries}
    for name in sorted(present - listed):
        faults.append(Fault("closed-set/added", name, "lies in the bundle and is not in the manifest."))
    for entry in entries:
        if entry.path not in present:
            faults.append(Fault("closed-set/missing", entry.path, "is in the manifest and not in the bundle."))
            continue
        faults += _compare(folder, entry)
    for name in REQUIRED:
        if name not in listed:
            faults.append(Fault("closed-set/required", name, "every bundle has this file; the manifest does not."))
    return faults


def _compare(folder: Path, entry: FileEntry) -> list[Fault]:
    try:
        size, digest = digest_file(folder / entry.path)
    except OSError as error:
        return [Fault("closed-set/unreadable", entry.path, f"cannot be read: {error.strerror or error}.")]
    if size != entry.size:
        return [Fault("closed-set/size", entry.path, f"has {size:,} bytes; the manifest says {entry.size:,}.")]
    if digest != entry.sha256:
        return [Fault("closed-set/digest", entry.path, "was changed: its SHA-256 is not the one of the manifest.")]
    return []
