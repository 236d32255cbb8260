"""What holds other bytes: zip archives, gzip streams, PNG images."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
GZIP_SIGNATURE = b"\x1f\x8b"
_LOCAL_HEADER = 30
_PIXELS = frozenset({b"IDAT", b"fdAT"})
_BUILT_IN = frozenset(
    {b"IHDR", b"PLTE", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"hIST", b"pHYs", b"tIME"}
)


class CorruptError(ValueError):
    """A container does not hold what its format promises; `offset` is where."""

    def __init__(self, offset: int) -> None:
        super().__init__("corrupt container")
        self.offset = offset


class OversizeError(ValueError):
    """A container holds more than may be unpacked."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of an image: its place in the file, its bytes unpacked, and whether they are read as text."""

    offset: int
    data: bytes
    is_text: bool


def inflate(data: bytes, most: int, *, wbits: int = 15) -> tuple[bytes, bytes]:
    """Return one unpacked stream and the bytes behind it.

    Raises `zlib.error` on a broken or cut stream and `OversizeError` on more than `most` bytes.
    """
    stream = zlib.decompressobj(wbits)
    unpacked = stream.decompress(data, most + 1)
    if len(unpacked) > most:
        raise OversizeError
    if not stream.eof:
        raise zlib.error("the stream ends early")
    return unpacked, stream.unused_data


def gunzip(data: bytes, most: int) -> bytes:
    """Return the contents of all members of a gzip stream, with the names and comments of their headers in front.

    Raises `CorruptError` on a broken stream or on bytes behind it, `OversizeError` on more than `most` bytes.
    """
    parts: list[bytes] = []
    rest, size = data, 0
    while rest:
        if not rest.startswith(GZIP_SIGNATURE):
            raise CorruptError(len(data) - len(rest))
        parts.append(_gzip_fields(rest))
        try:
            unpacked, behind = inflate(rest, most - size, wbits=31)
        except zlib.error as error:
            raise CorruptError(len(data) - len(rest)) from error
        parts.append(unpacked)
        size += len(unpacked)
        rest = behind
    return b"".join(parts)


def _gzip_fields(data: bytes) -> bytes:
    """Return the file name, comment and extra field of a gzip header, each followed by a line break (RFC 1952)."""
    if len(data) < 10 or not data[3] & 0x1C:
        return b""
    place, fields = 10, []
    if data[3] & 0x04:
        length = int.from_bytes(data[10:12], "little")
        fields.append(data[12 : 12 + length])
        place = 12 + length
    for flag in (0x08, 0x10):
        if data[3] & flag:
            end = data.find(b"\x00", place)
            if end < 0:
                break
            fields.append(data[place:end])
            place = end + 1
    return b"".join(field + b"\n" for field in fields)


def png_chunks(data: bytes, most: int) -> Iterator[Chunk]:
    """Yield the parts of an image that may hold text, and what stands behind its end.

    Raises `CorruptError` where signature, lengths, checksums or packed text do not fit, `OversizeError` on packed text
    above `most` bytes. Source: PNG (W3C, third edition), sections 5 and 11.
    """
    if not data.startswith(PNG_SIGNATURE):
        raise CorruptError(0)
    place, kind = len(PNG_SIGNATURE), b""
    while kind != b"IEND":
        if place + 12 > len(data):
            raise CorruptError(place)
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if end > len(data):
            raise CorruptError(place)
        body = data[place + 8 : end - 4]
        if zlib.crc32(kind + body) != int.from_bytes(data[end - 4 : end], "big"):
            raise CorruptError(place)
        yield from _png_chunk(kind, body, place, most)
        place = end
    if place < len(data):
        yield Chunk(place, data[place:], is_text=True)


def _png_chunk(kind: bytes, body: bytes, place: int, most: int) -> Iterator[Chunk]:
    if kind in _PIXELS:
        return
    yield Chunk(place + 8, body, is_text=kind not in _BUILT_IN)
    packed: bytes | None = None
    keyword, _, rest = body.partition(b"\x00")
    if kind in (b"zTXt", b"iCCP"):
        packed = rest[1:]
    elif kind == b"iTXt" and rest[:1] == b"\x01":
        packed = rest[2:].split(b"\x00", 2)[-1]
    if packed is not None:
        try:
            unpacked, behind = inflate(packed, most)
        except zlib.error as error:
            raise CorruptError(place) from error
        yield Chunk(place, keyword + b"\n" + unpacked + b"\n" + behind, is_text=kind != b"iCCP")


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes of an archive that belong to no member's packed data: headers, names, comments, what hides between."""

    offset: int
    data: bytes


def open_zip(data: bytes) -> zipfile.ZipFile:
    """Return the archive opened from memory; raises `CorruptError` where it cannot be read."""
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError, struct.error, EOFError) as error:
        raise CorruptError(0) from error


def zip_gaps(data: bytes, archive: zipfile.ZipFile) -> list[Gap]:
    """Return the bytes of an archive that are not packed members.

    Raises `CorruptError` where a local header is missing, names another file than the directory, or members overlap.
    """
    spans = []
    for member in archive.infolist():
        at = member.header_offset
        if data[at : at + 4] != b"PK\x03\x04" or at + _LOCAL_HEADER > len(data):
            raise CorruptError(max(at, 0))
        flags, name_length, extra_length = (
            struct.unpack_from("<H", data, at + 6)[0],
            *struct.unpack_from("<HH", data, at + 26),
        )
        name = data[at + _LOCAL_HEADER : at + _LOCAL_HEADER + name_length]
        if (
            name.decode("utf-8" if flags & 0x800 else "cp437", "replace").split("\x00")[0]
            != member.orig_filename.split("\x00")[0]
        ):
            raise CorruptError(at)
        begin = at + _LOCAL_HEADER + name_length + extra_length
        spans.append((begin, begin + member.compress_size))
    gaps, place = [], 0
    for begin, end in sorted(spans):
        if begin < place or end > len(data):
            raise CorruptError(min(begin, len(data)))
        gaps.append(Gap(place, data[place:begin]))
        place = end
    gaps.append(Gap(place, data[place:]))
    return gaps
