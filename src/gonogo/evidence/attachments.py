"""Files that come with an attestation: copied once, called by their digest, never linked."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from gonogo.errors import EvidenceError, RefusedError
from gonogo.model.attestation import Attachment

MAX_BYTES = 50 * 1024 * 1024
_CHUNK = 1 << 20


def attachments_folder(root: Path, system: str) -> Path:
    """Return where the attachments of a system lie."""
    return root / "evidence" / system / "attachments"


def store_attachment(path: Path, folder: Path) -> Attachment:
    """Copy a file under its digest and return what was copied.

    Raises `RefusedError` for a symlink, anything but a regular file, one over 50 MB, and one that changes meanwhile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if folder.is_symlink():
        raise RefusedError(f"{folder} is a symlink; attachments go into a folder of the project")
    temporary = folder / f".{token_hex(8)}.part"
    try:
        with _open_regular(path) as source:
            before = os.fstat(source)
            digest, size = _copy(source, temporary, path)
            os.lseek(source, 0, os.SEEK_SET)
            again = _digest(source)
            after = os.fstat(source)
        if again != digest or (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise RefusedError(f"{path} changed while it was read", "Attach it again when nothing writes to it.")
        target = folder / digest
        if target.is_symlink() or (target.exists() and digest_of_copy(folder, digest) != digest):
            raise EvidenceError(f"{target} is not what its name says", "Somebody changed it; restore it from a backup.")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return Attachment(path.name, digest, size)


def digest_of_copy(folder: Path, sha256: str) -> str | None:
    """Return the digest of a stored copy, or None where it is missing or no regular file."""
    try:
        with _open_regular(folder / sha256) as source:
            return _digest(source)
    except (RefusedError, OSError):
        return None


@contextmanager
def _open_regular(path: Path) -> Iterator[int]:
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to must not hang.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        if path.is_symlink():
            raise RefusedError(f"{path} is a symlink", "Attach the file itself.") from error
        why = getattr(error, "strerror", None) or str(error)
        raise RefusedError(f"{path} cannot be attached: {why}", "Name a file.") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise RefusedError(f"{path} is no regular file", "Attach a file.")
        yield descriptor
    finally:
        os.close(descriptor)


def _copy(source: int, target: Path, path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as copy:
        while chunk := os.read(source, _CHUNK):
            size += len(chunk)
            if size > MAX_BYTES:
                raise RefusedError(f"{path} is larger than {MAX_BYTES // 2**20} MB", "Attach the part that matters.")
            digest.update(chunk)
            copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    return digest.hexdigest(), size


def _digest(source: int) -> str:
    digest = hashlib.sha256()
    while chunk := os.read(source, _CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
