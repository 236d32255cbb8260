"""Stretches that an encoder made: where they stand, what they decode to, and where each decoded byte came from."""

from __future__ import annotations

import base64
import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from gonogo.evidence.scan.patterns import Pattern

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_HEX = rb"[2-7][0-9a-f]"
# Four characters of base64 that decode to three printable ASCII bytes; 1 in 14 of random ones are such.
_ANY = rb"[A-Za-z0-9+/_-]"
_ONE, _TWO, _THREE = rb"I-Za-f", rb"C-HS-Xi-nyz0-3", rb"ABEFIJMNQRUVYZcdghklopstwx014589"
_TEXT_GROUP = rb"[" + _ONE + rb"][" + _TWO + rb"][" + _THREE + rb"]" + _ANY
# What is no such group, so that a long run answers where its text begins and not every four characters.
_NO_TEXT_GROUP = (
    rb"(?:^.{0,3}|[^A-Za-z0-9+/_-].{0,3}|[^" + _ONE + rb"].{3}|[" + _ONE + rb"][^" + _TWO + rb"].{2}|"
    rb"[" + _ONE + rb"][" + _TWO + rb"][^" + _THREE + rb"].)"
)
_WIDE_GROUP = rb"(?:[I-Za-f][AQgw][AB][A-Za-z0-9+/_-]A[C-H][AEIMQUYcgkosw048]A)"
_BREAK = rb"(?:\r?\n[ \t]*|(?:\\{1,2}r)?\\{1,2}n|&#(?:10|xA);)"
_LEFTOVER = re.compile(_BREAK + rb"|\\{1,2}(?=/)", re.IGNORECASE)
_RUN_FORWARD = re.compile(rb"(?:[A-Za-z0-9+/_-]|" + _BREAK + rb"(?=[A-Za-z0-9+/_-])|\\{1,2}(?=/))*", re.IGNORECASE)
_HEX_FORWARD = re.compile(rb"(?:(?:0x|\\x)?[0-9a-f]{2}(?:, ?|[ :-]{1,2}|\r?\n|\\n)?)*", re.IGNORECASE)
_HEX_BACKWARD = re.compile(rb"(?:(?: ?,|[ :-]{1,2}|\n\r?|n\\)?[0-9a-f]{2}(?:x0|x\\)?)*", re.IGNORECASE)
_NO_HEX = re.compile(rb"0x|\\x|\\n|[^0-9a-f]+", re.IGNORECASE)
_WIDE_FORWARD = re.compile(rb"(?:[^\x00]\x00)+[^\x00]?")


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a stretch decodes to; `places` pairs decoded with encoded positions, counted in steps of `rate` between."""

    data: bytes
    places: tuple[tuple[int, int], ...]
    rate: float = 1.0
    family: str = ""
    inner: tuple[int, ...] = field(default=())

    def origin(self, position: int) -> int:
        """Return where a decoded position came from."""
        at = bisect_right(self.places, (position, 1 << 62)) - 1
        decoded, encoded = self.places[max(at, 0)]
        place = encoded + int((position - decoded) * self.rate)
        # Joined lines: what was cut out is counted back in.
        for number, cut in enumerate(self.inner[::2]):
            if cut > place:
                break
            place += self.inner[2 * number + 1]
        return place


@dataclass(frozen=True, slots=True)
class Escape:
    """A family of escapes that stand between plain characters."""

    name: str
    triggers: tuple[Pattern, ...]
    one: re.Pattern[bytes]
    plain: Callable[[re.Match[bytes]], bytes]

    def decode(self, data: bytes, low: int, high: int) -> Decoded:
        """Return the stretch with every escape of the family undone."""
        parts: list[bytes] = []
        places = [(0, low)]
        length, last = 0, low
        for match in self.one.finditer(data, low, high):
            parts.append(data[last : match.start()])
            length += match.start() - last
            places.append((length, match.start()))
            parts.append(self.plain(match))
            length += len(parts[-1])
            last = match.end()
            places.append((length, last))
        parts.append(data[last:high])
        return Decoded(b"".join(parts), tuple(places), family=self.name)


def _from_percent(match: re.Match[bytes]) -> bytes:
    return bytes([int(match.group()[1:], 16)])


def _from_quoted_printable(match: re.Match[bytes]) -> bytes:
    return bytes([int(match.group(1), 16)]) if match.group(1) else b""


def _from_entity(match: re.Match[bytes]) -> bytes:
    number = match.group()[2:].rstrip(b";")
    if match.group().startswith(b"&#"):
        # The standard library drops control characters, which an encoder may well write.
        code = int(number[1:], 16) if number[:1] in b"xX" else int(number)
        return chr(code).encode("utf-8", "replace") if code < 0x110000 else match.group()
    return html.unescape(match.group().decode("ascii")).encode("utf-8", "replace")


_SIMPLE = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def _from_backslash(match: re.Match[bytes]) -> bytes:
    high, low, unit, byte, simple = match.groups()
    if high:
        return (int(high, 16).to_bytes(2, "big") + int(low, 16).to_bytes(2, "big")).decode("utf-16-be").encode()
    if unit:
        return chr(int(unit, 16)).encode("utf-8", "replace")
    if byte:
        return bytes([int(byte, 16)])
    return _SIMPLE.get(simple, simple)


ESCAPES = (
    Escape(
        "percent",
        (Pattern(rb"%[2-7][0-9a-f]", caseless=True),),
        re.compile(rb"%[0-9A-Fa-f]{2}"),
        _from_percent,
    ),
    Escape(
        "entity",
        (
            # Quotes and angle brackets end a value anyway, and every HTML report is full of them.
            Pattern(rb"&#0*(?:3[2-35-8]|4[0-9]|[5-9][0-9]|1[01][0-9]|12[0-6])[^0-9]"),
            Pattern(rb"&#x0*(?:2[013-689a-f]|[3-7][0-9a-f])", caseless=True),
            Pattern(
                rb"&(?:commat|period|num|plus|lowbar|UnderBar|hyphen|dash|colon|sol|Tab|NewLine|equals|lpar|rpar|percnt|"
                rb"comma|semi|amp;#|amp;[a-z]);?"
            ),
        ),
        re.compile(rb"&(?:#[0-9]{1,9};?|#[xX][0-9A-Fa-f]{1,8};?|[A-Za-z][A-Za-z0-9]{1,30};)"),
        _from_entity,
    ),
    Escape(
        "backslash",
        (
            Pattern(rb"\\u00[2-7][0-9a-f]", caseless=True),
            Pattern(rb"\\x[2-7][0-9a-f]", caseless=True),
            Pattern(rb"\\/"),
            # Markdown escapes its own signs; these two stand in addresses and tokens.
            Pattern(rb"[A-Za-z0-9]\\[@.+-][A-Za-z0-9]"),
        ),
        re.compile(
            rb"\\u([dD][89abAB][0-9A-Fa-f]{2})\\u([dD][c-fC-F][0-9A-Fa-f]{2})|\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})|"
            rb"\\([\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7enrtbf])"
        ),
        _from_backslash,
    ),
    Escape(
        "quoted-printable",
        (
            Pattern(rb"=(?:3D|2E|2D|2B|5F|3A|2F)", caseless=True),
            Pattern(rb"[a-z0-9._+-]=(?:40|20)[a-z0-9]", caseless=True),
            Pattern(rb"(?:=" + _HEX + rb"){3}", caseless=True),
            Pattern(rb"[^ ]=\r?\n"),
        ),
        re.compile(rb"=(?:([0-9A-Fa-f]{2})|[ \t]*\r?\n)"),
        _from_quoted_printable,
    ),
)

BASE64_TRIGGERS = (
    Pattern(_NO_TEXT_GROUP + rb"(?:" + _TEXT_GROUP + rb"){4}"),
    Pattern(_WIDE_GROUP + rb"{2}"),
    Pattern(rb"(?:iVBORw0KGgo|H4sI[A-D]A|UEsD[BA])"),
)
# Broken lines of base64, whatever they hold: a known value may stand across the break.
WRAPPED_TRIGGERS = (
    Pattern(rb"[A-Za-z0-9+/_-]{32}" + _BREAK + rb"[A-Za-z0-9+/_-]{2}", caseless=True),
    Pattern(rb"[A-Za-z0-9+_-]{8}\\{1,2}/[A-Za-z0-9+_-]{8}"),
)
HEX_TRIGGERS = (
    Pattern(rb"(?:" + _HEX + rb"){10}", caseless=True),
    Pattern(rb"(?:" + _HEX + rb"[ :,-]){8}", caseless=True),
    Pattern(rb"(?:0x" + _HEX + rb", ?){6}", caseless=True),
    Pattern(rb"(?:" + _HEX + _HEX + rb" ){5}", caseless=True),
    Pattern(rb"(?:" + _HEX + rb"00){6}", caseless=True),
)
WIDE_TRIGGERS = (Pattern(rb"(?:[\x20-\x7e]\x00){6}"),)


def _run_start(data: bytes, position: int, alphabet: bytes) -> int:
    """Return where the unbroken run of these bytes begins that reaches up to `position`."""
    step = 256
    while position > 0:
        low = max(0, position - step)
        kept = data[low:position].rstrip(alphabet)
        if kept:
            return low + len(kept)
        position, step = low, step * 4
    return 0


def decode_base64(data: bytes, ends: Sequence[int], width: int) -> Iterator[Decoded]:
    """Yield what the base64 around these places decodes to, once for each alignment in which one was seen."""
    covered: dict[int, int] = {}
    run = (0, 0)
    joined = b""
    inner: tuple[int, ...] = ()
    for end in ends:
        if end > run[1]:
            low = _run_start(data, end, _ALPHABET + b"\r\n\\")
            low = max(low, run[1])
            forward = _RUN_FORWARD.match(data, end)
            run = (low, forward.end() if forward else end)
            joined, inner = _join(data, *run)
            covered = {}
        else:
            low = run[0]
        place = _joined_place(end, low, inner) - low
        phase = (place - width) % 4 if width else place % 4
        if phase in covered:
            continue
        covered[phase] = 1
        text = joined[phase:].translate(bytes.maketrans(b"-_", b"+/"))
        text = text[: len(text) - (len(text) % 4 == 1)]
        decoded = base64.b64decode(text + b"=" * (-len(text) % 4))
        yield Decoded(decoded, ((0, low + phase),), 4 / 3, "base64", inner)


def _join(data: bytes, low: int, high: int) -> tuple[bytes, tuple[int, ...]]:
    """Return a run without its line breaks, and (place in the joined run, bytes cut out there), flat."""
    text = data[low:high]
    if b"\n" not in text and b"\\" not in text and b"\r" not in text:
        return text, ()
    cuts: list[int] = []
    gone = 0
    for match in _LEFTOVER.finditer(text):
        cuts += [low + match.start(), match.end() - match.start()]
        gone += match.end() - match.start()
    joined = _LEFTOVER.sub(b"", text)
    return bytes(byte for byte in joined if byte in _ALPHABET) if joined.strip(_ALPHABET) else joined, tuple(cuts)


def _joined_place(place: int, low: int, inner: Sequence[int]) -> int:
    return place - sum(cut for at, cut in zip(inner[::2], inner[1::2], strict=True) if low <= at < place)


def join_lines(data: bytes, ends: Sequence[int]) -> Iterator[Decoded]:
    """Yield the base64 runs around these places with their line breaks taken out, still encoded."""
    done = 0
    for end in ends:
        if end <= done:
            continue
        low = max(done, _run_start(data, end, _ALPHABET + b"\r\n\\"))
        forward = _RUN_FORWARD.match(data, end)
        done = forward.end() if forward else end
        joined, inner = _join(data, low, done)
        yield Decoded(joined, ((0, low),), 1.0, "lines", inner)


def decode_hex(data: bytes, ends: Sequence[int], reach: int) -> Iterator[Decoded]:
    """Yield what the runs of hex digits around these places decode to, followed back for `reach` bytes at most."""
    done = 0
    for end in ends:
        if end <= done:
            continue
        low = max(0, end - reach)
        backward = _HEX_BACKWARD.match(data[low:end][::-1])
        start = end - (backward.end() if backward else 0)
        forward = _HEX_FORWARD.match(data, start)
        done = max(end, forward.end() if forward else end)
        digits = _NO_HEX.sub(b"", data[start:done])
        digits = digits[: len(digits) // 2 * 2]
        if digits:
            rate = (done - start) / (len(digits) // 2)
            yield Decoded(bytes.fromhex(digits.decode()), ((0, start),), rate, "hex")


def decode_wide(data: bytes, ends: Sequence[int]) -> Iterator[Decoded]:
    """Yield the text of the UTF-16 stretches around these places."""
    done = 0
    for end in ends:
        if end <= done:
            continue
        start = end - 12
        while start >= 2 and data[start - 1] == 0 and data[start - 2] != 0:
            start -= 2
        match = _WIDE_FORWARD.match(data, start)
        done = match.end() if match else end
        yield Decoded(data[start:done:2], ((0, start),), 2.0, "utf-16")
