"""Storage in which an object can be created exclusively: a folder here, S3 in a module of its own."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from gonogo.errors import LedgerAccessError, LedgerError, UsageError

PROBE = "probe.json"
MAX_OBJECT_BYTES = 16 * 2**20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Storage(Protocol):
    """Objects that are created once and then only read; names are relative, with `/` between folders.

    Every method raises `LedgerAccessError` where the storage cannot be reached, read or written.
    """

    location: str

    def create(self, name: str, data: bytes) -> bool:
        """Create an object whole and durably, and return True; return False where the name is taken."""

    def read(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of objects, None for one that is not there."""

    def names(self, folder: str, start: str = "") -> list[str]:
        """Return the sorted names of the objects right inside a folder (`""` is the top) that begin with `start`."""

    def remove(self, names: Sequence[str]) -> None:
        """Remove objects; those that are not there are no error."""


def open_storage(location: str) -> Storage:
    """Return the storage at a folder, `file://` or `s3://` URL; raises `LedgerError` for any other.

    Other backends of fsspec are refused whatever they answer to the probe: some look first and write then, and between
    the two another writer is overwritten.
    """
    scheme, separator, rest = location.partition("://")
    if not separator:
        return FolderStorage(Path(location))
    if scheme == "file":
        return FolderStorage(Path(rest))
    if scheme in ("s3", "s3a"):
        from gonogo.evidence.ledger.s3_storage import S3Storage

        return S3Storage.from_url(f"s3://{rest}")
    raise LedgerError(
        f"the ledger cannot lie at {location}: {scheme}:// is not known to create an object exclusively, so two "
        "appenders could overwrite each other; allowed: a folder, s3://bucket/prefix",
        "Set GONOGO_LEDGER, or ledger in [tool.gonogo] of pyproject.toml.",
    )


def prove_exclusive(storage: Storage) -> None:
    """Raise `LedgerError` unless creating the probe object a second time fails and the object is then listed.

    The probe object stays, under a name that no reader takes for an entry.
    """
    data = b'{"schema":"gonogo/ledger-probe/v1"}'
    if storage.create(PROBE, data) and storage.create(PROBE, data):
        raise LedgerError(
            f"the storage of the ledger at {storage.location} created one object twice: it cannot create exclusively, "
            "so two appenders could overwrite each other",
            "Use a local folder, or S3 that honours conditional writes (If-None-Match).",
        )
    if PROBE not in storage.names(""):
        raise LedgerError(f"the storage of the ledger at {storage.location} does not list what it holds: {PROBE}")


def check_name(what: str, name: str) -> str:
    """Return a name that may stand in a path; raises `UsageError` for any other."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{what} {name!r} cannot name a place in the ledger; allowed: letters, digits, . _ -")
    return name


class FolderStorage:
    """A folder of the local file system (or a mounted one that makes hard links)."""

    def __init__(self, root: Path) -> None:
        self.location = str(root)
        self._root = root

    def create(self, name: str, data: bytes) -> bool:
        """Write and sync a hidden file, then link it to its name: no reader ever sees half of it."""
        final = self._root / name
        part = final.with_name(f".{final.name}.{os.getpid()}.{secrets.token_hex(6)}.part")
        with self._access():
            _make_folder(final.parent)
            try:
                with part.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                try:
                    os.link(part, final)
                except FileExistsError:
                    # Over a network the answer to our own link can get lost, and its repetition then fails.
                    if not _is_same_file(part, final):
                        return False
                _sync_folder(final.parent)
            finally:
                part.unlink(missing_ok=True)
        return True

    def read(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of files, None for one that is not there."""
        with self._access():
            return [self._read_one(self._root / name) for name in names]

    def _read_one(self, path: Path) -> bytes | None:
        try:
            with path.open("rb") as file:
                data = file.read(MAX_OBJECT_BYTES + 1)
        except FileNotFoundError:
            return None
        if len(data) > MAX_OBJECT_BYTES:
            raise LedgerError(f"{path} is larger than {MAX_OBJECT_BYTES} bytes; no object of a ledger is")
        return data

    def names(self, folder: str, start: str = "") -> list[str]:
        """Return the sorted names of what is right inside a folder and not hidden; folders are left out."""
        try:
            with self._access(), os.scandir(self._root / folder) as found:
                return sorted(
                    one.name
                    for one in found
                    if one.name.startswith(start)
                    and not one.name.startswith(".")
                    and not one.is_dir(follow_symlinks=False)
                )
        except LedgerAccessError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return []
            raise

    def remove(self, names: Sequence[str]) -> None:
        """Remove files; those that are not there are no error."""
        with self._access():
            for name in names:
                (self._root / name).unlink(missing_ok=True)

    @contextmanager
    def _access(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            text = error.strerror or type(error).__name__
            place = f": {error.filename}" if error.filename else ""
            raise LedgerAccessError(
                f"the ledger at {self.location} cannot be used: {text}{place}",
                "The folder must be readable and writable, on a file system that makes hard links.",
            ) from error


def _make_folder(folder: Path) -> None:
    """Make a folder and sync each folder that a new one was made in, so that a crash does not lose the way to it."""
    missing = [folder] if not folder.is_dir() else []
    while missing and not missing[-1].parent.is_dir():
        missing.append(missing[-1].parent)
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        _sync_folder(one.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        # Windows has no handle of a folder that could be synced.
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_same_file(one: Path, other: Path) -> bool:
    with suppress(FileNotFoundError):
        return one.samefile(other)
    return False
