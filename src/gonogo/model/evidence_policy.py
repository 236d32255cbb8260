"""What of a system's answers may be shown in evidence; everything that is not listed is content and is redacted."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gonogo.model.vocabulary import Frozen, Name, Word

# Names of fields of environments.yaml; a reply's text and the ids that carry a canary are not among them.
ShownField = Literal[
    "action", "author", "blocked_by", "build", "complete", "decision_id", "env", "event", "flags", "id", "intent",
    "message_sha256", "order_match", "release", "reply_status", "request_id", "tags", "team", "template", "ticket_id",
]  # fmt: skip

# What no pattern of harmless values may match as a whole.
_NEVER_HARMLESS = (
    "",
    "customer@example.com",
    "+44 20 7946 0958",
    "4111 1111 1111 1111",
    "https://tracking.example.com/p/ZX81KJ20931",
    "Maria Lindqvist",
    "17 Lime Street, Leeds LS1 4AP",
    "Dear customer, your order has left our warehouse.",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
)


def _check_pattern(text: str) -> str:
    try:
        compiled = re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    for sample in _NEVER_HARMLESS:
        if compiled.fullmatch(sample):
            raise ValueError(f"too wide: it matches {sample!r}. Describe the harmless values only")
    return text


def _check_header(text: str) -> str:
    if text.casefold() in ("authorization", "proxy-authorization", "cookie", "set-cookie", "www-authenticate"):
        raise ValueError("a header that carries secrets; it is never shown. Remove it")
    return text.casefold()


HeaderName = Annotated[
    str, Field(max_length=100, pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"), AfterValidator(_check_header)
]
Pattern = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_check_pattern)]


class EvidencePolicy(Frozen):
    """The allow-list of a system's evidence.

    `fields` are observations whose short values may be shown, `headers` those of answers, `patterns` regular
    expressions of further harmless values (matched as a whole), `masks` CSS selectors blanked in screenshots.
    """

    system: Name
    fields: tuple[ShownField, ...] = ()
    headers: tuple[HeaderName, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    masks: tuple[Word, ...] = ()
