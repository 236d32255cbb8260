"""Detectors that need to know no value: what each is triggered by, and how a candidate is confirmed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gonogo.evidence.scan import cards, phones
from gonogo.evidence.scan.finding import Hit
from gonogo.evidence.scan.patterns import Pattern
from gonogo.evidence.scan.secrets import (
    COOKIE_TRIGGERS,
    CREDENTIAL_TRIGGERS,
    JWT_TRIGGERS,
    KEY_TRIGGERS,
    find_cookies,
    find_credentials,
    find_jwts,
    find_keys,
)
from gonogo.evidence.scan.surroundings import compile_edges
from gonogo.evidence.scan.top_level_domains import TOP_LEVEL_DOMAINS

Finder = Callable[[bytes, int, int], Iterator[tuple[int, int]]]

_AT = rb"(?:@|\xef\xbc\xa0)"
_EMAIL = re.compile(
    rb"(?<![A-Za-z0-9._%+'\-])"
    rb"(?:\"[^\"\\\r\n@]{1,64}\"|[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-][A-Za-z0-9!#$%&'*+/=?^_`{|}~.\x80-\xff-]{0,63})"
    + _AT
    + rb"(?:\[(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|IPv6:[0-9a-fA-F:]+)\]|"
    rb"((?:[A-Za-z0-9\x80-\xff](?:[A-Za-z0-9\x80-\xff-]{0,61}[A-Za-z0-9\x80-\xff])?\.)+)(xn--[a-z0-9-]{2,59}|[A-Za-z]{2,24}))"
)
_SCP = re.compile(rb"git@[A-Za-z0-9.-]+[:/]")

_TRACKING = re.compile(
    rb"(?:https?:(?:\\?/){2}|www\.)[^\s\"'<>`\\]{0,500}?"
    rb"(?:[?&;/#](?:amp;)?(?:tracking_?(?:number|num|no|id|code|ref)?|track(?:num|nums|number|id|code)?|trknbr|trackingnumber|"
    rb"t?labels|qtc_tlabels\d|inquirynumber\d?|piececode|consignment(?:number)?|parcel(?:code|number|id|no)?|awb|waybill|"
    rb"shipment(?:id|number)?|barcode|tracktrace|colis|code_colis|sendungsnummer|nummer|match)="
    rb"|[/.](?:track|tracking|tracker|trace|trackandtrace|suivi|sendungsverfolgung|progress-tracker|t|parcel|parcels|follow)"
    rb"(?:/[a-z_-]{1,24}){0,3}[/#])"
    rb"((?=[A-Za-z-]*[0-9])[A-Za-z0-9-]{8,64})",
    re.IGNORECASE,
)
_CLICK_ID = re.compile(
    rb"[?&;](?:gclid|fbclid|msclkid|dclid|ttclid|twclid|mc_eid|_hsenc|mkt_tok|vero_id|oly_enc_id|wickedid)="
    rb"[A-Za-z0-9_%.-]{6,}",
    re.IGNORECASE,
)
_UPS = compile_edges(rb"(?<![A-Za-z0-9/+_.-])1Z[0-9A-Z]{6}[0-9]{10}(?![A-Za-z0-9/+_=])")


def find_emails(data: bytes, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield e-mail addresses with a plausible top-level domain; RFC 5321 without comments and folding."""
    for match in _EMAIL.finditer(data, low, high):
        last = match.group(2)
        if last is not None and not last.startswith(b"xn--") and last.lower().decode() not in TOP_LEVEL_DOMAINS:
            continue
        if last is not None and not re.search(rb"[A-Za-z\x80-\xff]", match.group(1)):
            continue
        if _SCP.match(data, match.start()):
            continue
        yield match.span()


def find_tracking(data: bytes, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield links with a tracking id of a parcel or a reader, and parcel numbers of the one carrier with a shape."""
    for pattern in (_TRACKING, _CLICK_ID, _UPS):
        for match in pattern.finditer(data, low, high):
            yield match.span()


@dataclass(frozen=True, slots=True)
class Detector:
    """A rule, its triggers, and the confirmation, which looks at `before` and `after` bytes around a trigger's end."""

    rule: str
    triggers: tuple[Pattern, ...]
    find: Finder
    before: int = 160
    after: int = 160

    def hits(self, data: bytes, ends: list[int]) -> Iterator[Hit]:
        """Yield the confirmed hits around the places where a trigger ended."""
        place = 0
        while place < len(ends):
            low = max(0, ends[place] - self.before)
            high = ends[place] + self.after
            while place < len(ends) and ends[place] - self.before <= high:
                high = max(high, ends[place] + self.after)
                place += 1
            for start, end in self.find(data, low, min(high, len(data))):
                yield Hit(start, end, self.rule)


DETECTORS = (
    Detector(
        "email",
        (
            Pattern(
                rb"[a-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff\x22.-](?:@|\xef\xbc\xa0)"
                rb"(?:[a-z0-9.\x80-\xff-]{1,190}\.(?:[a-z]{2}|xn--)|\[(?:[0-9]|IPv6))",
                caseless=True,
            ),
        ),
        find_emails,
        before=280,
        after=48,
    ),
    Detector("phone", phones.INTERNATIONAL_TRIGGERS, phones.find_international, before=112, after=48),
    Detector("phone", phones.NORTH_AMERICAN_TRIGGERS, phones.find_north_american, before=64, after=8),
    Detector("phone", phones.TRUNK_TRIGGERS, phones.find_trunk, before=48, after=32),
    Detector("phone", phones.NAMED_TRIGGERS, phones.find_named, before=96, after=24),
    Detector("card", cards.GROUPED_TRIGGERS, cards.find_grouped_cards, before=64, after=32),
    Detector("card", cards.PLAIN_TRIGGERS, cards.find_plain_cards, before=128, after=24),
    Detector("jwt", JWT_TRIGGERS, find_jwts, before=200, after=8192),
    Detector("key", KEY_TRIGGERS, find_keys, before=200, after=400),
    Detector("credential", CREDENTIAL_TRIGGERS, find_credentials, before=80, after=96),
    Detector("cookie", COOKIE_TRIGGERS, find_cookies, before=160, after=96),
    Detector(
        "tracking-link",
        (
            Pattern(
                rb"(?:https?:(?:\\?/){2}|www\.)[^\s\x22'<>`]{0,400}(?:track|trknbr|label|inquiryn|piecec|consignm|parcel|awb=|"
                rb"waybill|shipment|barcode=|colis|sendung|nummer=|suivi|trace|follow|/t/|match=)",
                caseless=True,
            ),
            Pattern(
                rb"[?&;](?:gclid|fbclid|msclkid|dclid|ttclid|twclid|mc_eid|_hsenc|mkt_tok|vero_id|oly_enc_id|wickedid)=",
                caseless=True,
            ),
            Pattern(rb"1Z[0-9A-Z]{6}[0-9]{10}"),
        ),
        find_tracking,
        before=520,
        after=300,
    ),
)
