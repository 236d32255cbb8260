"""The scan of a folder: reads the final bytes of every file once and says what forbids a seal."""

from __future__ import annotations

import codecs
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from gonogo.evidence.scan import containers, finding
from gonogo.evidence.scan.finding import Finding, Needle
from gonogo.evidence.scan.needles import SHORTEST
from gonogo.evidence.scan.text import TextSearch

BLOCK = 8 << 20
LEAD = 8 << 10
TAIL = 64 << 10
LARGEST_CONTAINER = 64 << 20
MOST_UNPACKED = 1 << 30
MOST_MEMBERS = 20_000
DEEPEST_CONTAINER = 4

_TEXT_STARTS: dict[str, bytes] = {
    ".json": b'{["-0123456789tfn',
    ".jsonl": b'{["-0123456789tfn',
    ".xml": b"<",
    ".svg": b"<",
    ".html": b"<",
    ".md": b"",
    ".txt": b"",
    ".properties": b"",
    ".log": b"",
    ".ini": b"",
    ".csv": b"",
    ".feature": b"",
    ".yaml": b"",
}
_CONTAINERS = (".png", ".zip", ".gz")
Read = Callable[[int], bytes]


class Scan:
    """One scan: what it searches for, what it may unpack, and what it has found."""

    def __init__(self, needles: Sequence[Needle], exempt: Sequence[str]) -> None:
        usable = [needle for needle in needles if len(needle.value) >= SHORTEST]
        self.findings: set[Finding] = {
            Finding("", 0, f"unusable-needle/{needle.name}") for needle in needles if len(needle.value) < SHORTEST
        }
        self._search = TextSearch(usable, exempt)
        self._unpacked = 0

    def add(self, file: str, offset: int, rule: str) -> None:
        """Note a finding."""
        self.findings.add(Finding(file, offset, rule))

    def shown(self, path: str, number: int) -> str:
        """Return the path as findings may show it, after searching the path itself."""
        hits = self._search.hits(path.encode("utf-8", "surrogateescape"))
        if not hits:
            return path
        hidden = f"file number {number}"
        for hit in hits:
            self.add(hidden, hit.start, f"{hit.rule}/name")
        return hidden

    def scan_file(self, name: str, suffix: str, size: int, read: Read, depth: int = 0) -> None:
        """Search one file, of which `read(n)` returns the next n bytes or fewer; `suffix` is its type in lower case."""
        if suffix in _CONTAINERS:
            if size > LARGEST_CONTAINER:
                self.add(name, 0, finding.TOO_LARGE)
                return
            self._scan_container(name, suffix, _read_all(read, size), depth)
            return
        starts = _TEXT_STARTS.get(suffix)
        if starts is None:
            self.add(name, 0, finding.UNKNOWN_TYPE)
        self._scan_text(name, starts or b"", read, depth)

    def scan_bytes(self, path: str, data: bytes, number: int = 1) -> None:
        """Search one file that is already in memory, and its path."""
        self._scan_bytes(self.shown(path, number), _suffix(path), data, 0)

    def _scan_text(self, name: str, starts: bytes, read: Read, depth: int) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")()
        is_text, base, lead = True, 0, 0
        buffer = read(BLOCK + TAIL)
        fresh = buffer
        head = buffer[:64].removeprefix(codecs.BOM_UTF8).lstrip()
        if starts and head and head[0] not in starts:
            self.add(name, 0, finding.UNKNOWN_TYPE)
        while True:
            last = len(buffer) - lead < BLOCK + TAIL
            if is_text and not _is_text(decoder, fresh, final=last):
                is_text = False
                self.add(name, base, finding.UNKNOWN_TYPE)
            limit = len(buffer) + 1 if last else lead + BLOCK
            hits, embedded = self._search.search(buffer)
            for hit in hits:
                if lead <= hit.start < limit or (last and hit.start >= lead):
                    self.add(name, base + hit.start, hit.rule)
            for place, data in embedded:
                if lead <= place < limit:
                    self._scan_embedded(name, base + place, data, depth)
            if last:
                return
            # Each block is searched with what stands around it; a hit belongs to the block that it begins in.
            kept = lead + BLOCK - LEAD
            base += kept
            buffer = buffer[kept:]
            lead = LEAD
            fresh = read(BLOCK)
            buffer += fresh

    def _scan_embedded(self, name: str, place: int, data: bytes, depth: int) -> None:
        suffix = (
            ".png" if data.startswith(containers.PNG_SIGNATURE) else ".gz" if data.startswith(b"\x1f\x8b") else ".zip"
        )
        self._scan_container(f"{name}!base64 at {place}", suffix, data, depth + 1)

    def _scan_container(self, name: str, suffix: str, data: bytes, depth: int) -> None:
        for hit in self._search.needle_hits(data):
            self.add(name, hit.start, hit.rule)
        if depth >= DEEPEST_CONTAINER:
            self.add(name, 0, finding.TOO_DEEP)
            return
        scan = {".png": self._scan_png, ".zip": self._scan_zip, ".gz": self._scan_gzip}[suffix]
        try:
            scan(name, data, depth)
        except containers.CorruptError as error:
            self.add(name, error.offset, finding.CORRUPT)
        except containers.OversizeError:
            self.add(name, 0, finding.TOO_LARGE)

    def _spend(self, size: int) -> None:
        self._unpacked += size
        if self._unpacked > MOST_UNPACKED:
            raise containers.OversizeError

    def _scan_png(self, name: str, data: bytes, _depth: int) -> None:
        for chunk in containers.png_chunks(data, LARGEST_CONTAINER):
            self._spend(len(chunk.data))
            hits = self._search.hits(chunk.data) if chunk.is_text else self._search.needle_hits(chunk.data)
            packed = not data.startswith(chunk.data, chunk.offset)
            for hit in hits:
                self.add(name, chunk.offset + (0 if packed else hit.start), hit.rule)

    def _scan_gzip(self, name: str, data: bytes, depth: int) -> None:
        unpacked = containers.gunzip(data, LARGEST_CONTAINER)
        self._spend(len(unpacked))
        inner = PurePosixPath(name.rsplit("!", 1)[-1]).stem or "unpacked"
        self._scan_bytes(f"{name}!{inner}", PurePosixPath(inner).suffix.lower(), unpacked, depth + 1)

    def _scan_zip(self, name: str, data: bytes, depth: int) -> None:
        with containers.open_zip(data) as archive:
            if len(archive.infolist()) > MOST_MEMBERS:
                raise containers.OversizeError
            for gap in containers.zip_gaps(data, archive):
                for hit in self._search.hits(gap.data):
                    self.add(name, gap.offset + hit.start, hit.rule)
            seen = set()
            for number, member in enumerate(archive.infolist(), 1):
                shown = f"{name}!{self.shown(member.filename, number)}"
                if member.filename in seen:
                    self.add(shown, member.header_offset, finding.CORRUPT)
                seen.add(member.filename)
                self._scan_member(archive, member, shown, depth)

    def _scan_member(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, depth: int) -> None:
        if stat.S_ISLNK(member.external_attr >> 16):
            self.add(name, member.header_offset, finding.SYMLINK)
        if member.flag_bits & 0x41:
            self.add(name, member.header_offset, finding.ENCRYPTED)
            return
        if member.is_dir() and not member.file_size:
            return
        self._spend(member.file_size)
        try:
            with archive.open(member) as file:
                suffix = PurePosixPath(member.filename).suffix.lower()
                self.scan_file(name, suffix, member.file_size, _whole_reads(file.read), depth + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            NotImplementedError,
            RuntimeError,
            ValueError,
        ) as error:
            if isinstance(error, containers.OversizeError):
                raise
            # lzma.LZMAError and what a codec else raises are no file faults: the packed bytes are broken.
            self.add(name, member.header_offset, finding.CORRUPT)

    def _scan_bytes(self, name: str, suffix: str, data: bytes, depth: int) -> None:
        view, place = memoryview(data), 0

        def read(size: int) -> bytes:
            nonlocal place
            part = bytes(view[place : place + size])
            place += len(part)
            return part

        self.scan_file(name, suffix, len(data), read, depth)


def _is_text(decoder: codecs.IncrementalDecoder, data: bytes, *, final: bool) -> bool:
    try:
        decoder.decode(data, final)
    except UnicodeDecodeError:
        return False
    return b"\x00" not in data


def _whole_reads(read: Callable[[int], bytes]) -> Read:
    """Return a reader that gives fewer bytes than asked for only at the end."""

    def whole(size: int) -> bytes:
        parts = []
        while size > 0:
            part = read(size)
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    return whole


def _read_all(read: Read, size: int) -> bytes:
    data = read(size + 1)
    if len(data) != size:
        raise OSError("the file changed while it was read")
    return data


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


def _open_regular(folder: Path, path: str) -> int:
    """Return a descriptor of a regular file that is reached without any symbolic link; raises `OSError` else."""
    parts = PurePosixPath(path).parts
    if not parts or PurePosixPath(path).is_absolute() or ".." in parts:
        raise FileNotFoundError("the path leaves the folder")
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
            os.close(directory)
            directory = inner
        # A pipe in place of a file would never answer an ordinary open.
        return os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    finally:
        os.close(directory)


def _has_symlink(folder: Path, path: str) -> bool:
    place = folder
    for part in PurePosixPath(path).parts:
        place = place / part
        if place.is_symlink():
            return True
    return False


def _scan_path(scan: Scan, folder: Path, path: str, number: int) -> None:
    shown = scan.shown(path, number)
    try:
        descriptor = _open_regular(folder, path)
    except (OSError, ValueError):
        scan.add(shown, 0, finding.SYMLINK if _has_symlink(folder, path) else finding.UNREADABLE)
        return
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            scan.add(shown, 0, finding.UNREADABLE)
            return
        read = _whole_reads(lambda size: os.read(descriptor, size))
        scan.scan_file(shown, _suffix(path), state.st_size, read)
    except OSError:
        scan.add(shown, 0, finding.UNREADABLE)
    finally:
        os.close(descriptor)


def scan_folder(folder: Path, files: Sequence[str], needles: Sequence[Needle], exempt: Sequence[str]) -> list[Finding]:
    """Return everything in these files of a folder that forbids a seal, sorted.

    `files` are paths below the folder with `/` between their parts. `exempt` holds exact strings of our own packs: what
    a detector finds wholly inside one of them is no finding; a needle always is. What cannot be read, is of no known
    type, is corrupt, encrypted, too deep or too large is a finding too, and so is a fault of the scanner: it raises
    nothing.
    """
    try:
        scan = Scan(needles, exempt)
    except Exception:  # noqa: BLE001 - a scan that could not begin must not pass for a clean one
        return [Finding("", 0, finding.FAULT)]
    for number, path in enumerate(files, 1):
        try:
            _scan_path(scan, folder, path, number)
        except Exception:  # noqa: BLE001 - a fault over one file must not hide the findings in the others
            scan.add(f"file number {number}", 0, finding.FAULT)
    return sorted(scan.findings)


def scan_bytes(name: str, data: bytes, needles: Sequence[Needle] = (), exempt: Sequence[str] = ()) -> list[Finding]:
    """Return the findings in one file that is already in memory; its type is that of its name."""
    scan = Scan(needles, exempt)
    scan.scan_bytes(name, data)
    return sorted(scan.findings)
