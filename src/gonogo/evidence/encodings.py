"""Texts as they read once their escapes are undone, each character with its place in the text that was given."""

from __future__ import annotations

import base64
import binascii
import html
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

_ROUNDS = 3
_MAX_INFLATED = 1 << 20
_ESCAPE = re.compile(
    r"(?P<utf16>(?:\\u[0-9a-fA-F]{4})+)"
    r"|(?P<utf32>\\U[0-9a-fA-F]{8})"
    r"|(?P<bytes>(?:\\x[0-9a-fA-F]{2})+)"
    r"|(?P<octal>(?:\\[0-3][0-7]{2})+)"
    r"|(?P<char>\\[nrtbfv0/\"'\\])"
    r"|(?P<percent>(?:%[0-9a-fA-F]{2})+)"
    r"|(?P<entity>&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});)"
    r"|(?P<quoted>(?:=\r?\n|=[0-9A-F]{2})+)"
)
_CONTROL = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
# A line of wrapped base64 is joined to the next; anything shorter stands for itself.
_RUN = re.compile(r"[A-Za-z0-9+/_-]{56,}(?:\r?\n[A-Za-z0-9+/_-]{4,})*={0,2}|[A-Za-z0-9+/_-]{6,}={0,2}")
_SPACED_HEX = re.compile(
    r"(?<![0-9A-Za-z])(?:(?:0x)?[0-9a-fA-F]{2}[ :,-]{1,2}){3,}(?:0x)?[0-9a-fA-F]{2}(?![0-9A-Za-z])"
)
_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]{8,}")
_BASE32 = re.compile(r"[A-Z2-7]{8,}={0,6}")
_READABLE = re.compile(r"[^\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]{4,}")


@dataclass(frozen=True, slots=True)
class View:
    """A text with its escapes undone; `places` holds start and end of each character, None where nothing changed."""

    text: str
    places: list[tuple[int, int]] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where a piece of this view stands in the text that was given."""
        if self.places is None or start >= end:
            return start, end
        return self.places[start][0], self.places[end - 1][1]


def views(text: str) -> Iterator[View]:
    """Yield the text as it is, and as it reads with one, two and three layers of escapes undone."""
    view = View(text)
    yield view
    for _ in range(_ROUNDS):
        if not _ESCAPE.search(view.text):
            return
        undone = _undo(view)
        if undone.text == view.text:
            return
        view = undone
        yield view


def _undo(view: View) -> View:
    pieces: list[str] = []
    places: list[tuple[int, int]] = []
    at = 0
    for match in _ESCAPE.finditer(view.text):
        plain = view.text[at : match.start()]
        pieces.append(plain)
        places += (view.span(index, index + 1) for index in range(at, match.start()))
        decoded = _decode(match)
        pieces.append(decoded)
        places += [view.span(match.start(), match.end())] * len(decoded)
        at = match.end()
    pieces.append(view.text[at:])
    places += (view.span(index, index + 1) for index in range(at, len(view.text)))
    return View("".join(pieces), places)


def _decode(match: re.Match[str]) -> str:
    seen, kind = match[0], match.lastgroup
    if kind == "utf16":
        units = bytes.fromhex(seen.replace("\\u", ""))
        return units.decode("utf-16-be", "replace")
    if kind == "utf32":
        return chr(min(int(seen[2:], 16), 0x10FFFF))
    if kind == "bytes":
        return _as_text(bytes.fromhex(seen.replace("\\x", "")))
    if kind == "octal":
        return _as_text(bytes(int(part, 8) for part in seen.split("\\")[1:]))
    if kind == "percent":
        return _as_text(unquote_to_bytes(seen))
    if kind == "entity":
        return html.unescape(seen)
    if kind == "quoted":
        return _as_text(binascii.a2b_qp(seen.encode()))
    return _CONTROL.get(seen[1], seen[1])


def _as_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def opaque_runs(text: str) -> Iterator[tuple[int, int]]:
    """Yield where a text holds something that may be a value in base64, base32 or hexadecimal."""
    for match in _RUN.finditer(text):
        yield match.span()
    for match in _SPACED_HEX.finditer(text):
        yield match.span()


def read_run(run: str) -> list[str]:
    """Return everything readable that a run may stand for: base64 of either alphabet at every offset, base32, hex."""
    found: list[str] = []
    squeezed = re.sub(r"0x|[\s:,]", "", run)
    body = squeezed.rstrip("=")
    if _HEX.fullmatch(squeezed.replace("-", "")):
        digits = squeezed.replace("-", "").removeprefix("0x")
        for offset in (0, 1):
            part = digits[offset:]
            found += _readable(bytes.fromhex(part[: len(part) // 2 * 2]))
    if _BASE32.fullmatch(squeezed):
        found += _readable(_decode_base(base64.b32decode, body, 8))
    standard = body.replace("-", "+").replace("_", "/")
    for offset in range(min(4, max(1, len(standard) - 4))):
        found += _readable(_decode_base(base64.b64decode, standard[offset:], 4))
    return found


def _decode_base(decode: object, text: str, block: int) -> bytes:
    # A length that no padding completes loses its last character.
    if block == 4 and len(text) % 4 == 1:
        text = text[:-1]
    try:
        return bytes(decode(text + "=" * (-len(text) % block)))  # type: ignore[operator]
    except (ValueError, binascii.Error):
        return b""


def _readable(data: bytes) -> list[str]:
    if data[:2] in (b"\x1f\x8b", b"\x78\x9c", b"\x78\xda", b"\x78\x01"):
        data = _inflate(data)
    texts = [data.decode("utf-8", "replace")]
    if data.count(0) * 3 > len(data):
        texts += [data.decode(name, "replace") for name in ("utf-16-le", "utf-16-be")]
    return [piece for text in texts for piece in _READABLE.findall(text)]


def _inflate(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=47).decompress(data, _MAX_INFLATED)
    except zlib.error:
        return b""
