"""Patterns for known values in the forms that encoders give them.

Values with single characters encoded here and there are not listed: such stretches are decoded first, see `encodings`.
"""

from __future__ import annotations

import base64
import html.entities
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gonogo.evidence.scan.finding import Hit, Needle
from gonogo.evidence.scan.patterns import Pattern, PatternSet

SHORTEST = 4
_SHORTEST_BASE64 = 6
_PIECE = 48
_WORDLESS = 5
_NAMED: dict[str, list[bytes]] = {}
for _name, _text in html.entities.html5.items():
    if len(_text) == 1 and _name.endswith(";"):
        _NAMED.setdefault(_text, []).append(b"&" + _name.encode())
_SPACE = (
    rb"(?:[ \t\r\n+]|\\{1,3}[nrt]|(?:%(?:25)?|=)(?:20|0a|0d|09)|&nbsp;|\xc2\xa0|"
    rb"&#(?:x0*(?:20|a|d|9|a0)|0*(?:32|1[03]|9|160));|"
    rb"\\{1,3}u00(?:20|0a|0d|a0)|=\r?\n|<br ?/?>){1,6}"
)


def _escape(data: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in data)


def _coded_character(character: str) -> Iterator[bytes]:
    """Yield the expressions for one character that an encoder does not leave alone."""
    for variant in sorted({character, character.lower(), character.upper(), unicodedata.normalize("NFD", character)}):
        data = variant.encode("utf-8", "surrogatepass")
        yield _escape(data)
        yield b"".join(b"(?:%%(?:25)?|=)%02x" % byte for byte in data)
        units = variant.encode("utf-16-be", "surrogatepass")
        yield b"".join(b"\\\\{1,3}u%02x%02x" % pair for pair in zip(units[::2], units[1::2], strict=True))
        yield b"".join(b"&(?:amp;)?#(?:0*%d|x0*%x);?" % (ord(one), ord(one)) for one in variant)
        for named in _NAMED.get(variant, []):
            yield b"&(?:amp;)?" + _escape(named[1:])
        if variant in "\b\f":
            yield rb"\\{1,3}" + {"\b": b"b", "\f": b"f"}[variant]
        if len(variant) == 1 and 0x80 <= ord(variant) < 0x100:
            yield _escape(bytes([ord(variant)]))
            yield b"\\\\x%02x" % ord(variant)


def _character(character: str) -> bytes:
    if character.isascii() and character.isalnum():
        return character.encode()
    forms = b"|".join(dict.fromkeys(_coded_character(character)))
    if character == '"':
        return b"(?:\\\\{0,3}(?:" + forms + b')|"")'
    if character == "\\":
        return b"(?:\\\\{1,4}|" + forms + b")"
    return b"\\\\{0,3}(?:" + forms + b")" if character.isascii() else b"(?:" + forms + b")"


def _plain(value: str) -> bytes:
    """Return one expression for the value as text, whatever an encoder did to all but its letters and digits."""
    parts = [
        _SPACE if not part.strip(" \t\r\n") else b"".join(map(_character, part))
        for part in re.split(r"([ \t\r\n]+)", value)
        if part
    ]
    return b"".join(parts)


def _cases(value: str) -> list[str]:
    return list(
        dict.fromkeys([value, value.lower(), value.upper(), value.title(), value.capitalize(), value.swapcase()])
    )


def _base64(data: bytes) -> Iterator[bytes]:
    """Yield the characters that are the same wherever the data stands in a longer text, for its three offsets."""
    for shift in range(3):
        whole = base64.b64encode(bytes(shift) + data)
        first = (shift * 8 + 5) // 6
        last = (shift + len(data)) * 8 // 6
        yield whole[first:last]
        yield whole[first:last].replace(b"+", b"-").replace(b"/", b"_")


def _hex(data: bytes) -> Iterator[bytes]:
    pairs = [b"%02x" % byte for byte in data]
    for separator in (b"", b" ", b":", b"-", b",", b", ", b"\\x", b"\\\\x", b", 0x", b",0x", b" 0x"):
        yield separator.join(pairs)
    for first in (1, 2):
        # A dump shows two bytes in a group, and a value may begin in the middle of one.
        groups = [pairs[:first], *(pairs[place : place + 2] for place in range(first, len(pairs), 2))]
        yield b" ".join(b"".join(group) for group in groups)


def _digit_groupings(value: str) -> Iterator[bytes]:
    """Yield the usual groupings of a phone or card number that is written as digits."""
    digits = re.sub(r"[ +()./-]", "", value)
    if not digits.isdigit() or not digits.isascii() or len(digits) < 7:
        return
    yield digits.encode()
    sizes = [[4, 4, 4, 4], [4, 6, 5], [3, 3, 4], [3, 4, 4], [1, 3, 3, 4], [5, 6], [3, 4]]
    for size in sizes:
        if sum(size) == len(digits):
            places = [sum(size[:number]) for number in range(len(size))]
            parts = [digits[at : at + width].encode() for at, width in zip(places, size, strict=True)]
            yield b"[ ./)-]{1,2}".join(parts)
            yield b"(?:\xc2\xa0|&nbsp;|%20|\\+)".join(parts)


def _pieces(value: str) -> list[str]:
    """Return the value, or the head and the tail of a long one: a leak of either is a leak."""
    return [value] if len(value) <= _PIECE else [value[:_PIECE].strip(), value[-_PIECE:].strip()]


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a value: what is searched for, and the whole of it where the search is for a part only."""

    search: Pattern
    whole: bytes
    before: int = 0


def _plain_form(value: str) -> Form:
    """Return the value as text: searched by its most telling word, which no encoder touches."""
    whole = _plain(value)
    words = list(re.finditer(r"[A-Za-z0-9]+", value))
    word = max(words, key=lambda one: len(one.group()) + 2 * bool(re.search(r"\d", one.group())), default=None)
    if word is None or len(word.group()) < SHORTEST:
        # Without a word the alternatives themselves are searched for, and many of them take long to compile.
        whole = _plain(value[:_WORDLESS].rstrip())
        return Form(Pattern(whole, caseless=True), whole)
    return Form(Pattern(word.group().encode(), caseless=True), whole, before=word.start() or -1)


def _literal(text: bytes, *, caseless: bool = False) -> Form:
    return Form(Pattern(_escape(text), caseless), _escape(text))


def forms(value: str) -> list[Form]:
    """Return the forms of one value of at least `SHORTEST` characters."""
    found = []
    for piece in _pieces(value):
        found.append(_plain_form(piece))
        found += [Form(Pattern(digits), digits) for digits in _digit_groupings(piece)]
        for codec in ("utf-16-le", "utf-16-be"):
            found.append(_literal(piece.encode(codec, "surrogatepass"), caseless=True))
        for case in _cases(piece):
            data = case.encode("utf-8", "surrogatepass")
            found += [_literal(text, caseless=True) for text in _hex(data)]
            if len(data) >= _SHORTEST_BASE64:
                found += [_literal(text) for text in _base64(data)]
                found += [_literal(text) for text in _base64(case.encode("utf-16-le", "surrogatepass"))]
    return list(dict.fromkeys(found))


class NeedleSet:
    """All needles of a scan as one search."""

    def __init__(self, needles: Sequence[Needle]) -> None:
        self._forms: list[tuple[Form, Needle]] = [(form, needle) for needle in needles for form in forms(needle.value)]
        self._exact: dict[int, re.Pattern[bytes]] = {}
        self.longest = max((len(needle.value) for needle in needles), default=0)
        self._set = PatternSet([form.search for form, _ in self._forms])

    def hits(self, data: bytes) -> list[Hit]:
        """Return where a needle stands in these bytes."""
        found: set[Hit] = set()
        for number, end in self._set.matches(data):
            found.update(self._confirmed(data, number, end))
        return sorted(found)

    def _confirmed(self, data: bytes, number: int, end: int) -> Iterator[Hit]:
        form, needle = self._forms[number]
        exact = self._exact.get(number)
        if exact is None:
            flags = re.DOTALL | (re.IGNORECASE if form.search.caseless else 0)
            exact = self._exact[number] = re.compile(form.whole, flags)
        if form.before:
            # A word of the value stands here: the value begins so far before it as encoders stretch what they change.
            word = len(form.search.expression)
            earliest = max(0, end - word - 16 * max(form.before, 0))
            for start in range(end - word - max(form.before, 0), earliest - 1, -1):
                match = exact.match(data, start) if start >= 0 else None
                if match and match.end() >= end:
                    yield Hit(match.start(), match.end(), needle.rule)
                    return
            return
        reach = 16 * len(needle.value) + 64
        for match in exact.finditer(data, max(0, end - reach), end):
            if match.end() == end:
                yield Hit(match.start(), end, needle.rule)
