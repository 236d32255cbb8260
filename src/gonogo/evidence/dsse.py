"""DSSE envelopes: a payload, its type, and signatures over both.

Source: https://github.com/secure-systems-lab/dsse, protocol 1.0. Narrower than that where it leaves a choice: base64 is
the standard alphabet only, and members that no signature covers are refused instead of ignored. The envelope names no
algorithm; the type of the trusted key decides it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785

from gonogo.errors import EvidenceError
from gonogo.evidence.base64_text import decode_base64, encode_base64
from gonogo.evidence.bundle import strict_json
from gonogo.evidence.keys import PublicKey, SigningKey

IN_TOTO = "application/vnd.in-toto+json"
MAX_SIGNATURES = 64
_MEMBERS = ("payload", "payloadType", "signatures")
_SIGNATURE_MEMBERS = ("keyid", "sig")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature; the keyid is a hint that nothing is decided by, empty where none stands."""

    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload with its type and the signatures over both."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    def to_bytes(self) -> bytes:
        """Return the envelope as RFC 8785 JSON."""
        return rfc8785.dumps(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Return the envelope as the JSON object that its file holds."""
        return {
            "payload": encode_base64(self.payload),
            "payloadType": self.payload_type,
            "signatures": [{"keyid": one.keyid, "sig": encode_base64(one.sig)} for one in self.signatures],
        }

    @classmethod
    def from_bytes(cls, data: bytes) -> Envelope:
        """Return the envelope of a JSON text; raises `EvidenceError` for anything that is not exactly one."""
        try:
            found = strict_json(data)
        except (ValueError, RecursionError) as error:
            raise EvidenceError(f"the envelope is not JSON: {error}") from error
        return cls.from_json(found)

    @classmethod
    def from_json(cls, found: object) -> Envelope:
        """Return the envelope of a JSON object; raises `EvidenceError` for anything that is not exactly one."""
        members = _check_members(found, "the envelope", _MEMBERS, _MEMBERS)
        listed = members["signatures"]
        if not isinstance(listed, list) or not listed:
            raise EvidenceError("the envelope's signatures are not a list of at least one: it is unsigned")
        if len(listed) > MAX_SIGNATURES:
            raise EvidenceError(f"the envelope holds {len(listed)} signatures; at most {MAX_SIGNATURES} are read")
        payload_type = _text(members["payloadType"], "the envelope's payloadType")
        if not payload_type:
            raise EvidenceError("the envelope's payloadType is empty")
        payload = decode_base64(_text(members["payload"], "the envelope's payload"), "the envelope's payload")
        return cls(payload_type, payload, tuple(_signature(one, number) for number, one in enumerate(listed, 1)))


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the pre-authentication encoding that is signed; both lengths count bytes."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign_envelope(payload: bytes, payload_type: str, keys: Sequence[SigningKey]) -> Envelope:
    """Return an envelope signed by every key; raises `EvidenceError` for no key at all."""
    if not keys:
        raise EvidenceError("an envelope needs at least one key to sign it")
    signed = pae(payload_type, payload)
    return Envelope(payload_type, payload, tuple(Signature(key.public.keyid, key.sign(signed)) for key in keys))


def verified_keys(
    envelope: Envelope, keys: Iterable[PublicKey], *, payload_type: str = IN_TOTO
) -> tuple[PublicKey, ...]:
    """Return the distinct keys with a valid signature, in the order given.

    Every signature is tried against every key, whatever its keyid says, so a key counts once under any number of
    keyids. Raises `EvidenceError` where the payload is of another type than asked for.
    """
    if envelope.payload_type != payload_type:
        raise EvidenceError(f"the payload is of type {envelope.payload_type!r}; wanted: {payload_type!r}")
    signed = pae(envelope.payload_type, envelope.payload)
    return tuple(
        key for key in dict.fromkeys(keys) if any(key.is_signature(one.sig, signed) for one in envelope.signatures)
    )


def misleading_keyids(envelope: Envelope, keys: Iterable[PublicKey]) -> tuple[str, ...]:
    """Return the keyids that stand beside a valid signature and are not those of the key that made it."""
    signed = pae(envelope.payload_type, envelope.payload)
    return tuple(
        one.keyid
        for key in dict.fromkeys(keys)
        for one in envelope.signatures
        if one.keyid != key.keyid and key.is_signature(one.sig, signed)
    )


def _signature(found: object, number: int) -> Signature:
    what = f"signature {number}"
    members = _check_members(found, what, _SIGNATURE_MEMBERS, ("sig",))
    # An unset keyid means the same as an empty one, which the protocol allows.
    keyid = _text(members.get("keyid") or "", f"{what}'s keyid")
    return Signature(keyid, decode_base64(_text(members["sig"], f"{what}'s sig"), f"{what}'s sig"))


def _check_members(found: object, what: str, allowed: Sequence[str], needed: Sequence[str]) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise EvidenceError(f"{what} is not a JSON object")
    missing = [name for name in needed if name not in found]
    if missing:
        raise EvidenceError(f"{what} lacks {', '.join(missing)}")
    unknown = sorted(set(found) - set(allowed))
    if unknown:
        raise EvidenceError(f"{what} holds {', '.join(map(repr, unknown))}, which no signature covers")
    return found


def _text(found: object, what: str) -> str:
    if not isinstance(found, str):
        raise EvidenceError(f"{what} is not text")
    try:
        found.encode("utf-8")
    except UnicodeEncodeError as error:
        raise EvidenceError(f"{what} holds half a character") from error
    return found
