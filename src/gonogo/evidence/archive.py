"""The zip form of a bundle: reproducible byte for byte, and read without trusting a name in it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gonogo.errors import EvidenceError
from gonogo.evidence.bundle import MANIFEST, STATEMENT, list_bundle, name_problem

# The earliest time that a zip can hold: when a file was packed says nothing about the evidence.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = (stat.S_IFREG | 0o644) << 16
MAX_BYTES = 4 << 30
MAX_FILES = 100_000


def write_zip(folder: Path, target: Path) -> None:
    """Write a bundle with its approvals as a zip; the same files give the same bytes. Raises `EvidenceError`.

    Files are stored and not compressed, because no two versions of a compressor promise the same bytes.
    """
    listing = list_bundle(folder)
    if listing.strange:
        name, problem = listing.strange[0]
        raise EvidenceError(f"{name} {problem}; it is not packed")
    beside = [name for name in (MANIFEST, STATEMENT) if (folder / name).is_file()]
    half = target.with_name(f"{target.name}.half")
    with zipfile.ZipFile(half, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted([*listing.closed, *listing.approvals, *beside]):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr, entry.create_system = _MODE, 3
            with (folder / name).open("rb") as source, archive.open(entry, "w") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
    half.replace(target)


@contextmanager
def open_bundle(path: Path) -> Iterator[Path]:
    """Yield the folder of a bundle; a zip is unpacked into a temporary one first. Raises `EvidenceError`."""
    if path.is_dir():
        yield path
        return
    if not path.is_file():
        raise EvidenceError(f"there is no bundle at {path}")
    with tempfile.TemporaryDirectory(prefix="gonogo-bundle-") as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                _unpack(archive, Path(folder))
        except (
            zipfile.BadZipFile,
            zipfile.LargeZipFile,
            NotImplementedError,
            RuntimeError,
            OSError,
            ValueError,
        ) as why:
            raise EvidenceError(f"{path.name} is no zip that can be read: {type(why).__name__}") from why
        yield Path(folder)


def _unpack(archive: zipfile.ZipFile, folder: Path) -> None:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if len(entries) > MAX_FILES or sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise EvidenceError(f"the zip holds more than {MAX_FILES:,} files or {MAX_BYTES:,} bytes")
    if len(set(names)) != len(names):
        raise EvidenceError("the zip holds a name twice")
    budget = MAX_BYTES
    for entry in entries:
        mode = entry.external_attr >> 16
        problem = name_problem(entry.filename) or ("is no file" if mode and not stat.S_ISREG(mode) else "")
        if problem:
            raise EvidenceError(f"the zip: {entry.filename!r} {problem}")
        target = folder / entry.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with archive.open(entry) as source, os.fdopen(descriptor, "wb") as sink:
            while chunk := source.read(1 << 20):
                budget -= len(chunk)
                if budget < 0:
                    raise EvidenceError(f"the zip holds more than {MAX_BYTES:,} bytes")
                sink.write(chunk)
