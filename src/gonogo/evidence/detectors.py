"""What looks like somebody's data or a secret wherever it comes from; over-wide on purpose, since it only redacts."""

from __future__ import annotations

import re
from collections.abc import Iterator

_EMAIL = re.compile(r"[^\s\"'<>()\[\]{},;:|\\=]{1,64}@[^\W_](?:[\w-]{0,62}\.)+[^\W\d_]{2,24}", re.UNICODE)
_PHONE = re.compile(
    r"(?<![\w.])\+\d[\d ().\u00a0-]{6,18}\d(?!\w)"
    r"|(?<![\w.+-])(?:\(\d{2,5}\)|\d{3,4})[ .\u00a0-]\d{3,4}[ .\u00a0-]\d{3,4}(?![\w-])"
)
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?!\w)")
_LINK = re.compile(r"(?:https?|wss?|ftp)://[^\s\"'<>\\)\]}|`]+|\bwww\.[^\s\"'<>\\]+", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[\w-]{4,}(?:\.[\w-]{4,}){1,4}")
_KEY = re.compile(
    r"\b(?:[srp]k[-_](?:live[-_]|test[-_]|proj[-_]|ant[-_])?[A-Za-z0-9_-]{12,}|gh[pousr]_[A-Za-z0-9]{16,}"
    r"|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{12,}|AIza[\w-]{20,}"
    r"|sh(?:pat|pss|pca)_[A-Fa-f0-9]{16,}|SG\.[\w-]{8,}\.[\w-]{8,}|whsec_[\w+/=-]{8,}|ya29\.[\w-]{10,})"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)")
_BEARER = re.compile(r"\b(?:bearer|basic|digest)\s+[\w.~+/=-]{8,}", re.IGNORECASE)
_COOKIE = re.compile(r"\b(?:set-)?cookie[\"']?\s*[:=]\s*[^\r\n]+", re.IGNORECASE)
_SECRET = re.compile(
    r"(?:token|secret|passw(?:or)?d|passphrase|(?:api|access)[-_ ]?key|session(?:[-_ ]?id)?|signature|authorization)"
    r"[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?!\[redacted)[^\s\"',;\]}]{6,}",
    re.IGNORECASE,
)
_DOCUMENTATION = ("https://docs.pytest.org/", "https://docs.python.org/")


def detect(text: str, addresses: tuple[str, ...] = ()) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and kind of everything that looks like personal data or a secret.

    `addresses` are links that may be shown as they are, with nothing behind them.
    """
    if "@" in text:
        yield from _spans(_EMAIL, text, "email")
    if "://" in text or "www." in text.casefold():
        for match in _LINK.finditer(text):
            link = match[0].rstrip(".,:;!?/")
            if link not in addresses and not link.startswith(_DOCUMENTATION):
                yield (*match.span(), "link")
    if _has_digits(text, 7):
        yield from _spans(_PHONE, text, "phone")
        for match in _CARD.finditer(text):
            if is_card(match[0]):
                yield (*match.span(), "card")
    if "eyJ" in text:
        yield from _spans(_JWT, text, "jwt")
    if "PRIVATE KEY" in text:
        yield from _spans(_PRIVATE_KEY, text, "key")
    yield from _spans(_KEY, text, "key")
    yield from _spans(_BEARER, text, "bearer")
    if ":" in text or "=" in text:
        yield from _spans(_COOKIE, text, "cookie")
        yield from _spans(_SECRET, text, "secret")


def _spans(pattern: re.Pattern[str], text: str, kind: str) -> Iterator[tuple[int, int, str]]:
    for match in pattern.finditer(text):
        yield (*match.span(), kind)


def _has_digits(text: str, number: int) -> bool:
    return sum(map(str.isdigit, text)) >= number


def is_card(text: str) -> bool:
    """Return whether a text is a card number: first digits of an issuer, and the right check digit (ISO/IEC 7812)."""
    digits = [int(char) for char in text if char.isdigit()]
    if not 13 <= len(digits) <= 19 or digits[0] not in (2, 3, 4, 5, 6):
        return False
    doubled = (digit * 2 if index % 2 else digit for index, digit in enumerate(reversed(digits)))
    return sum(digit - 9 if digit > 9 else digit for digit in doubled) % 10 == 0
