"""What stands around digits: a number in a list, a date or a drawing is nobody's phone or card."""

from __future__ import annotations

import re

# Blanks, hyphens and dashes as they stand between groups of digits, also where HTML names them.
NO_BREAK = rb"\xc2\xa0|&nbsp;|&#160;|&#xA0;|\\u00a0|\\u00A0"
DASH = rb"\xe2\x80[\x90-\x95\xaf]|&ndash;|\\u201[0-5]"


def edge(not_after: bytes) -> bytes:
    """Return an expression for a place that is not behind these characters, or is behind an escape of JSON."""
    return rb"(?:(?<![" + not_after + rb"])|(?<=\\[nrt])|(?<=\\u[0-9a-fA-F]{4}))"


def edge_trigger(not_after: bytes) -> bytes:
    """Return the same for a search that cannot look back: it takes up what stands before."""
    return rb"(?:^|[^" + not_after + rb"]|\\[nrt]|\\u[0-9a-fA-F]{4})"


def compile_edges(expression: bytes, flags: int = 0) -> re.Pattern[bytes]:
    """Return the compiled expression, in which every `(?<![...])` also lets an escape of JSON stand before."""
    return re.compile(re.sub(rb"\(\?<!\[((?:[^\]\\]|\\.)+)\]\)", lambda match: edge(match.group(1)), expression), flags)


def only_digits(span: bytes) -> bytes:
    """Return the ASCII digits of some bytes, without those of an escaped separator between them."""
    return re.sub(rb"\\u[0-9a-fA-F]{4}|&#?[0-9A-Za-z]+;|[^0-9]", b"", span)


_NUMBERS_BEFORE = re.compile(rb"(?:[0-9][ \t]*[,;]?[ \t]*|[0-9.,:/+-])$")
_NUMBERS_AFTER = re.compile(rb"[ \t]*[,;]?[ \t]*[0-9]|[-/:+_]|\.[0-9]|[A-Za-z0-9]")
_PATH_DATA = re.compile(rb"[\s\[(]*[MmLlHhVvCcSsQqTtAaZz0-9eE.,+\s-]*\Z")
_DRAWN = re.compile(rb"(?:\sd|points|viewBox|transform|values|keyTimes|keySplines|dasharray|x|y|dx|dy)=\Z")


def stands_alone(data: bytes, start: int, end: int) -> bool:
    """Return whether the digits are not one part of a list of numbers, a date, a path or a drawing."""
    before = data[max(0, start - 4) : start]
    # A list of numbers keeps its values apart by the same blanks as a phone its groups.
    if _NUMBERS_BEFORE.search(before) or _NUMBERS_AFTER.match(data, end, min(len(data), end + 4)):
        return False
    return not is_drawn(data, start)


def is_drawn(data: bytes, start: int) -> bool:
    """Return whether the place is in an SVG attribute that holds coordinates."""
    for low in (max(0, start - 256), max(0, start - 65536)):
        quote = max(data.rfind(b'"', low, start), data.rfind(b"'", low, start))
        if quote >= 0:
            return bool(_PATH_DATA.match(data[quote + 1 : start]) and _DRAWN.search(data[max(0, quote - 16) : quote]))
    return False
