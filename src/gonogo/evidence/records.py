"""Signed records: what a named person states, signed by that person's key.

Approvals, waivers, attestations and role assignments are all built on these. A record carries its signer's public key:
a changed byte shows without a trust file; who the signer is, only a trust file says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import rfc8785

from gonogo.errors import EvidenceError
from gonogo.evidence.bundle import strict_json
from gonogo.evidence.dsse import Envelope, misleading_keyids, sign_envelope, verified_keys
from gonogo.evidence.keys import PublicKey, SigningKey
from gonogo.evidence.trust import Trust
from gonogo.model.trust import Identity, fold_name

# Two clocks that are set by the network differ by less.
CLOCK_TOLERANCE = timedelta(minutes=2)
_OWN = ("schema", "key")


@dataclass(frozen=True, slots=True)
class SignedRecord:
    """A record whose signature holds by the key that it carries; `digest` is the hex SHA-256 of its envelope."""

    kind: str
    payload: Mapping[str, Any]
    key: PublicKey
    name: str
    role: str
    at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class SignerState:
    """Who signed a record; `faults` say that it was tampered with, `reasons` why it does not count."""

    person: Identity | None
    faults: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def payload_type(kind: str) -> str:
    """Return the DSSE payload type of a kind of record."""
    return f"application/vnd.gonogo.{kind}+json"


def sign_record(kind: str, payload: Mapping[str, Any], key: SigningKey) -> Envelope:
    """Return the signed envelope of a record; its payload has at least `name`, `role` and `at` (see `format_time`)."""
    missing = [name for name in ("name", "role", "at") if not isinstance(payload.get(name), str)]
    if missing:
        raise EvidenceError(f"a record of kind {kind!r} needs {', '.join(missing)}")
    body = {**payload, "schema": f"gonogo/{kind}/v1", "key": key.public.to_base64()}
    return sign_envelope(_canonical(body, kind), payload_type(kind), [key])


def read_record(envelope: Envelope, kind: str) -> SignedRecord:
    """Return a record whose one signature is valid by the key it carries; raises `EvidenceError` with the reason."""
    if envelope.payload_type != payload_type(kind):
        raise EvidenceError(f"the payload is of type {envelope.payload_type!r}; wanted: {payload_type(kind)!r}")
    if len(envelope.signatures) != 1:
        raise EvidenceError(f"a record has one signature, this has {len(envelope.signatures)}")
    body = _parse_body(envelope.payload, kind)
    key = PublicKey.from_base64(body["key"])
    if verified_keys(envelope, [key], payload_type=payload_type(kind)) != (key,):
        raise EvidenceError("its signature is not valid: it was changed, or another key signed it")
    if misleading_keyids(envelope, [key]):
        raise EvidenceError("the signature's keyid is not that of the key that signed")
    payload = {name: value for name, value in body.items() if name not in _OWN}
    at = parse_time(body["at"])
    return SignedRecord(kind, payload, key, body["name"], body["role"], at, record_digest(envelope))


def _parse_body(data: bytes, kind: str) -> dict[str, Any]:
    try:
        body = strict_json(data)
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"the record is not JSON: {error}") from error
    if not isinstance(body, dict) or _canonical(body, kind) != data:
        raise EvidenceError("the record is not a JSON object in its canonical form")
    wrong = [name for name in ("schema", "key", "name", "role", "at") if not isinstance(body.get(name), str)]
    if wrong:
        raise EvidenceError(f"the record lacks {', '.join(wrong)}")
    if body["schema"] != f"gonogo/{kind}/v1":
        raise EvidenceError(f"the record's schema is {body['schema']!r}; wanted: 'gonogo/{kind}/v1'")
    return body


def open_record(
    envelope: Envelope, trust: Trust, now: datetime, *, kind: str, machines: bool = False
) -> tuple[dict[str, Any], Identity]:
    """Return the payload of a record and the person who signed it; raises `EvidenceError` with every reason against it.

    The signer must be a person of the trust file, or where `machines` may sign one of those, with a key and a role
    valid when the record was signed, and the key not revoked since.
    """
    record = read_record(envelope, kind)
    state = judge_signer(record, trust, now, machines=machines)
    against = (*state.faults, *state.reasons)
    if state.person is None or against:
        raise EvidenceError(f"the {kind} of {record.name!r} does not count: {'; '.join(against)}")
    return dict(record.payload), state.person


def judge_signer(record: SignedRecord, trust: Trust, now: datetime, *, machines: bool = False) -> SignerState:
    """Return who signed a record and what speaks against it; `machines` says whether one may have signed."""
    reasons: tuple[str, ...] = ()
    if record.at > now + CLOCK_TOLERANCE:
        reasons += (f"is dated in the future: {format_time(record.at)}",)
    owner = trust.owner_of(record.key)
    if owner is None:
        if trust.person_named(record.name) is not None:
            text = f"is signed in the name of {record.name} by a key that trust.yaml does not give them"
            return SignerState(None, (text,), reasons)
        return SignerState(None, ("is signed by a key that trust.yaml does not know",), reasons)
    if fold_name(owner.identity.name) != fold_name(record.name):
        text = f"is signed in the name of {record.name} by a key of {owner.identity.name}"
        return SignerState(None, (text,), reasons)
    against = trust.explain_key(record.key, record.at, now)
    if against:
        reasons += (against,)
    if owner.is_machine and not machines:
        return SignerState(None, (), (*reasons, f"is signed by {owner.identity.name}, a machine; only people sign"))
    if record.role not in owner.identity.roles:
        reasons += (f"{owner.identity.name} does not have the role {record.role} in trust.yaml",)
    return SignerState(owner.identity, (), reasons)


def record_digest(envelope: Envelope) -> str:
    """Return the hex SHA-256 of an envelope's bytes, by which the next record names it."""
    return hashlib.sha256(envelope.to_bytes()).hexdigest()


def format_time(at: datetime) -> str:
    """Return a time as records hold it: UTC, whole seconds, such as 2026-11-21T05:03:04Z."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def parse_time(text: object) -> datetime:
    """Return the time of a record; raises `EvidenceError` for any other form than `format_time` gives."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
        if at is not None and at.tzinfo is not None and format_time(at) == text:
            return at
    except (ValueError, OverflowError):
        pass
    raise EvidenceError(f"the record's time {text!r} is not written like 2026-11-21T05:03:04Z")


def _canonical(body: Mapping[str, Any], kind: str) -> bytes:
    try:
        return rfc8785.dumps(dict(body))
    except (ValueError, TypeError, RecursionError) as error:
        raise EvidenceError(f"the {kind} record cannot be written as RFC 8785 JSON: {error}") from error
