"""Numbers of payment cards, told from the long numbers that a run is full of."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gonogo.evidence.scan.patterns import Pattern
from gonogo.evidence.scan.surroundings import (
    DASH,
    NO_BREAK,
    compile_edges,
    edge,
    edge_trigger,
    only_digits,
    stands_alone,
)

_GAP = rb"(?:[ ./_-]|" + NO_BREAK + rb"|" + DASH + rb")"
_WORDS = (
    rb"cards?|card[ _-]?(?:no|num|number|nr)|cardnumber|ccnum|cc|visa|master ?card|amex|american express|discover|"
    rb"maestro|diners|pan|cvv2?|cvc2?|credit|debit|kreditkarte|carte|karte|tarjeta"
)
_WORD = compile_edges(rb"(?<![A-Za-z])(?:" + _WORDS + rb")(?![A-Za-z])", re.IGNORECASE)
_CAMEL = re.compile(rb"[a-z]?[cC]ard(?:[nN]umber|[nN]o|[nN]um)(?![a-z])")
_NOT_AFTER = rb"0-9A-Za-z."
_GROUPED = re.compile(
    edge(_NOT_AFTER) + rb"(?:[2-6][0-9]{3}(" + _GAP + rb")[0-9]{4}\1[0-9]{4}\1[0-9]{1,4}(?:\1[0-9]{1,3})?"
    rb"|3[0-9]{3}(" + _GAP + rb")[0-9]{6}\2[0-9]{4,5})(?![0-9A-Za-z]|[.][0-9])"
)
_PLAIN = re.compile(edge(_NOT_AFTER) + rb"[2-6][0-9]{12,18}(?![0-9A-Za-z]|[.][0-9])")
_REACH = 48
_CALLED = rb"(?:card|visa|amex|express|discover|maestro|diners|pan|cvv|cvc|credit|debit|karte|carte|tarjeta|cc)"
GROUPED_TRIGGERS = (
    Pattern(edge_trigger(_NOT_AFTER) + rb"[2-6][0-9]{3}(?:" + _GAP + rb"[0-9]{4}){2}" + _GAP + rb"[0-9]"),
    Pattern(edge_trigger(_NOT_AFTER) + rb"3[0-9]{3}" + _GAP + rb"[0-9]{6}" + _GAP + rb"[0-9]{4}"),
)
PLAIN_TRIGGERS = (
    Pattern(_CALLED + rb"[^\n]{0,56}(?:[^0-9A-Za-z.]|\\[nrt])[2-6][0-9]{12}", caseless=True),
    Pattern(rb"(?:^|[^0-9A-Za-z.]|\\[nrt])[2-6][0-9]{12,18}[^0-9].{0,48}" + _CALLED, caseless=True),
)


def passes_luhn(digits: bytes) -> bool:
    """Return whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = digit - 48
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def has_issuer(digits: bytes) -> bool:
    """Return whether prefix and length are those of an issuer of payment cards."""
    length, two, three, four = len(digits), int(digits[:2]), int(digits[:3]), int(digits[:4])
    return (
        (digits[:1] == b"4" and length in (13, 16, 19))
        or ((51 <= two <= 55 or 2221 <= four <= 2720) and length == 16)
        or (two in (34, 37) and length == 15)
        or ((four == 6011 or 644 <= three <= 649 or two == 65) and 16 <= length <= 19)
        or (3528 <= four <= 3589 and 16 <= length <= 19)
        or ((300 <= three <= 305 or two in (36, 38, 39)) and 14 <= length <= 19)
        or (two == 62 and 16 <= length <= 19)
        or ((two in (50, 56, 57, 58) or digits[:1] == b"6") and 13 <= length <= 19)
    )


def _is_card(digits: bytes) -> bool:
    return len(digits) >= 13 and len(set(digits)) > 1 and has_issuer(digits) and passes_luhn(digits)


def find_grouped_cards(data: bytes, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield card numbers in the groups that stand on a card: issuer, length and check digit fit."""
    for match in _GROUPED.finditer(data, low, high):
        if _is_card(only_digits(match.group())) and stands_alone(data, *match.span()):
            yield match.span()


def find_plain_cards(data: bytes, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield card numbers without groups where a word close by says what they are."""
    for match in _PLAIN.finditer(data, low, high):
        if _is_card(match.group()) and _is_called_card(data, *match.span()):
            yield match.span()


def _is_called_card(data: bytes, start: int, end: int) -> bool:
    line = data.rfind(b"\n", max(0, start - _REACH), start) + 1
    before = data[max(line, start - _REACH) : start]
    after = data[end : end + _REACH].split(b"\n", 1)[0]
    # The key of the next field says nothing about this number.
    after = re.split(rb"[,;}\]]", after, maxsplit=1)[0]
    return any(word.search(text) for text in (before, after) for word in (_WORD, _CAMEL))
