"""Telephone numbers, told from timestamps, ids, coordinates and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gonogo.evidence.scan.patterns import Pattern
from gonogo.evidence.scan.surroundings import DASH, NO_BREAK, edge, edge_trigger, is_drawn, only_digits, stands_alone

_SEP = rb"(?:[ .-]|" + NO_BREAK + rb"|" + DASH + rb")"
_NOT_AFTER = rb"0-9A-Za-z+/_.\\-"
_NOT_AFTER_TRUNK = rb"0-9A-Za-z+/_.:\\-"
_END = rb"(?![0-9A-Za-z+/=_])"

_INTERNATIONAL = re.compile(
    edge(_NOT_AFTER) + rb"(?:\+|00(?=[1-9][0-9]{0,2}[ .(/-]))[1-9][0-9]{0,2}(?:" + _SEP + rb"|/)?"
    rb"(?:\([0-9]{1,5}\)" + _SEP + rb"?)?[0-9]{1,14}(?:(?:" + _SEP + rb"|/)[0-9]{1,14}){0,6}" + _END
)
INTERNATIONAL_TRIGGERS = (
    Pattern(
        edge_trigger(_NOT_AFTER) + rb"(?:\+|00)[1-9](?:(?:[ ().\x2f-]|" + NO_BREAK + rb"|" + DASH + rb"){0,2}[0-9]){7}"
    ),
)

_NORTH_AMERICAN = re.compile(
    edge(_NOT_AFTER) + rb"(?:1[ .-])?(?:\([2-9][0-9]{2}\)[ .-]?|[2-9][0-9]{2}(?P<gap>" + _SEP + rb"))[2-9][0-9]{2}"
    rb"(?(gap)(?P=gap)|" + _SEP + rb")[0-9]{4}" + _END
)
_NORTH_AMERICAN_BODY = rb"(?:\([2-9][0-9]{2}\)[ .-]?|[2-9][0-9]{2}" + _SEP + rb")[2-9][0-9]{2}" + _SEP + rb"[0-9]{4}"
NORTH_AMERICAN_TRIGGERS = (
    Pattern(edge_trigger(_NOT_AFTER) + rb"(?:1[ .-])?" + _NORTH_AMERICAN_BODY + rb"(?:[^0-9A-Za-z+/=_]|$)"),
)

_TRUNK = re.compile(
    edge(_NOT_AFTER_TRUNK) + rb"(?:"
    rb"(?:\(0[1-9][0-9]{1,4}\) ?|0[1-9][0-9]{1,4}(?:[ /-]|"
    + NO_BREAK
    + rb"))[0-9]{3,8}(?:[ -]?[0-9]{2,6}){0,2}"
    + _END
    + rb"|"
    rb"0[1-9](?:[ .-][0-9]{2}){4}" + _END + rb"|07[0-9]{9}(?![0-9A-Za-z+/=_.]))"
)
TRUNK_TRIGGERS = (
    Pattern(
        edge_trigger(_NOT_AFTER_TRUNK) + rb"\(?0[1-9][0-9]{1,4}(?:\) ?|[ /-]|" + NO_BREAK + rb")[0-9]{3}[0-9 -]{2}"
    ),
    Pattern(edge_trigger(_NOT_AFTER_TRUNK) + rb"0[1-9](?:[ .-][0-9]{2}){4}"),
    Pattern(edge_trigger(_NOT_AFTER_TRUNK) + rb"07[0-9]{9}(?:[^0-9A-Za-z]|$)"),
)

_WORD = (
    rb"(?:phone|telephone|tel|mobile|mob|cell(?:phone)?|fax|whats ?app|sms|msisdn|call(?: me)?(?: (?:on|at))?|"
    rb"ring(?: me)? (?:on|at)|"
    rb"telefon|handy|rufnummer)"
)
_QUOTE = rb"(?:[\x22'\\]{1,8}|&quot;|&#34;)?"
_NAMED = re.compile(
    _WORD
    + rb"(?:[ _-]?(?:number|num|no|nr))?"
    + _QUOTE
    + rb"(?:</?[a-z]{1,8}>){0,3}\.?[ \t]*(?:[:=#,]|is)?[ \t]*"
    + _QUOTE
    + rb"(?P<number>\+?\(?[0-9](?:[ ()./-]{0,2}[0-9]){6,14})(?![0-9A-Za-z_])",
    re.IGNORECASE,
)
NAMED_TRIGGERS = (
    Pattern(
        rb"(?:phone|tel|mobile|mob|cell|fax|whats ?app|sms|msisdn|call(?: me)?(?: on| at)?|"
        rb"ring(?: me)? (?:on|at)|telefon|handy|rufnummer)"
        rb"(?:[ _-]?(?:number|num|no|nr))?[^0-9A-Za-z\n]{0,9}(?:quot;|#34;)?"
        rb"(?:</?[a-z]{1,8}>){0,3}[^0-9A-Za-z\n]{0,9}(?:is)?"
        rb"[^0-9A-Za-z\n]{0,9}(?:quot;|#34;)?[(+]{0,2}[0-9](?:[ ()./-]{0,2}[0-9]){6}",
        caseless=True,
    ),
)
_COUNTRY_CODES = frozenset(
    """
    1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82
    84 86 90 91 92 93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235
    236 237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263
    264 265 266 267 268 269 290 291 297 298 299 350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375
    376 377 378 379 380 381 382 383 385 386 387 389 420 421 423 500 501 502 503 504 505 506 507 508 509 590 591
    592 593 594 595 596 597 598 599 670 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690
    691 692 800 808 850 852 853 855 856 870 878 880 881 882 883 886 888 960 961 962 963 964 965 966 967 968 970
    971 972 973 974 975 976 977 979 992 993 994 995 996 998
    """.split()  # noqa: SIM905
)


def find_international(data: bytes, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield numbers with a country code of the ITU (E.164), whatever separates their groups."""
    for match in _INTERNATIONAL.finditer(data, low, high):
        digits = only_digits(match.group()).decode()
        digits = digits[2:] if match.group().startswith(b"00") else digits
        called = any(digits[:width] in _COUNTRY_CODES for width in (1, 2, 3))
        if called and 8 <= len(digits) <= 15 and not is_drawn(data, match.start()):
            yield match.span()


def find_north_american(data: bytes, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield numbers like (555) 234-5678, which are no part of a list of numbers."""
    for match in _NORTH_AMERICAN.finditer(data, low, high):
        if stands_alone(data, *match.span()):
            yield match.span()


def find_trunk(data: bytes, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield national numbers that begin with the 0 of a trunk prefix, in groups, and British mobile numbers."""
    for match in _TRUNK.finditer(data, low, high):
        if 9 <= len(only_digits(match.group())) <= 12 and stands_alone(data, *match.span()):
            yield match.span()


def find_named(data: bytes, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield digits that a word calls a phone."""
    for match in _NAMED.finditer(data, low, high):
        if 7 <= len(only_digits(match.group("number"))) <= 15 and not _is_moment(match.group("number")):
            yield match.span("number")


def _is_moment(text: bytes) -> bool:
    """Return whether digits are a date or a Unix time of these decades rather than a number to call."""
    return bool(
        re.match(
            rb"(?:19|20)[0-9]{2}[-./ ]?[01][0-9][-./ ]?[0-3][0-9](?![0-9])|"
            rb"1[5-9][0-9]{8}(?:[0-9]{3})?\Z|1[5-9][0-9]{8}\.",
            text,
        )
    )
