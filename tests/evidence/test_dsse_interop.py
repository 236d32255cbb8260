"""DSSE as others read and write it, and what is refused of an envelope."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from people import ANA, BOB, key_of
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from gonogo.errors import EvidenceError
from gonogo.evidence.dsse import (
    IN_TOTO,
    Envelope,
    Signature,
    misleading_keyids,
    pae,
    sign_envelope,
    verified_keys,
)
from gonogo.evidence.keys import PublicKey, SigningKey

PAYLOAD = '{"_type":"https://in-toto.io/Statement/v1","ü":"…"}'.encode()


def their_key(key: PublicKey, keyid: str | None = None) -> SSlibKey:
    return SSlibKey(keyid or key.keyid, "ed25519", "ed25519", {"public": key.raw.hex()})


def their_signer(key: SigningKey, keyid: str | None = None) -> CryptoSigner:
    private = Ed25519PrivateKey.from_private_bytes(key.to_seed())
    return CryptoSigner(private, their_key(key.public, keyid))


def changed(envelope: Envelope, **more: Any) -> bytes:
    return json.dumps({**json.loads(envelope.to_bytes()), **more}).encode()


def test_the_pre_authentication_encoding_is_that_of_the_protocol() -> None:
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_lengths_count_bytes_and_not_characters() -> None:
    assert pae("tüpe", "…".encode()) == b"DSSEv1 5 t\xc3\xbcpe 3 \xe2\x80\xa6"


def test_securesystemslib_accepts_our_envelope() -> None:
    ours = sign_envelope(PAYLOAD, IN_TOTO, [ANA, BOB])

    theirs = TheirEnvelope.from_dict(json.loads(ours.to_bytes()))

    assert theirs.pae() == pae(IN_TOTO, PAYLOAD)
    assert set(theirs.verify([their_key(ANA.public), their_key(BOB.public)], 2)) == {ANA.public.keyid, BOB.public.keyid}


def test_securesystemslib_refuses_ours_under_a_foreign_key() -> None:
    theirs = TheirEnvelope.from_dict(json.loads(sign_envelope(PAYLOAD, IN_TOTO, [ANA]).to_bytes()))

    with pytest.raises(VerificationError):
        theirs.verify([their_key(BOB.public, ANA.public.keyid)], 1)


@pytest.mark.parametrize("keyid", [None, "their own name of it"])
def test_we_accept_an_envelope_of_securesystemslib(keyid: str | None) -> None:
    theirs = TheirEnvelope(PAYLOAD, IN_TOTO, {})
    theirs.sign(their_signer(ANA, keyid))

    ours = Envelope.from_bytes(json.dumps(theirs.to_dict()).encode())

    assert ours.payload == PAYLOAD
    assert verified_keys(ours, [BOB.public, ANA.public]) == (ANA.public,)
    assert misleading_keyids(ours, [ANA.public]) == ((keyid,) if keyid else ())


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()))
def test_an_envelope_comes_back_as_it_was_written(payload: bytes, kind: str) -> None:
    envelope = sign_envelope(payload, kind, [ANA])

    assert Envelope.from_bytes(envelope.to_bytes()) == envelope
    assert verified_keys(envelope, [ANA.public], payload_type=kind) == (ANA.public,)


def test_algorithm_confusion_is_impossible_since_no_algorithm_is_read() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    theirs = TheirEnvelope(PAYLOAD, IN_TOTO, {})
    theirs.sign(CryptoSigner(curve, SSlibKey.from_crypto(curve.public_key(), ANA.public.keyid)))
    foreign = Envelope.from_bytes(json.dumps(theirs.to_dict()).encode())
    assert verified_keys(foreign, [ANA.public]) == ()

    for name in ("alg", "algorithm", "scheme", "cert"):
        envelope = sign_envelope(PAYLOAD, IN_TOTO, [ANA])
        parsed = json.loads(envelope.to_bytes())
        parsed["signatures"][0][name] = "none"
        with pytest.raises(EvidenceError, match=f"'{name}', which no signature covers"):
            Envelope.from_bytes(json.dumps(parsed).encode())


def test_a_signature_over_the_bare_payload_is_none() -> None:
    envelope = Envelope(IN_TOTO, PAYLOAD, (Signature(ANA.public.keyid, ANA.sign(PAYLOAD)),))

    assert verified_keys(envelope, [ANA.public]) == ()


def test_a_foreign_key_under_the_keyid_of_a_known_one_is_not_accepted() -> None:
    envelope = sign_envelope(PAYLOAD, IN_TOTO, [BOB])
    forged = Envelope(IN_TOTO, PAYLOAD, (Signature(ANA.public.keyid, envelope.signatures[0].sig),))

    assert verified_keys(forged, [ANA.public]) == ()


def test_another_payload_type_is_refused_with_both() -> None:
    envelope = sign_envelope(PAYLOAD, "application/json", [ANA])

    with pytest.raises(EvidenceError, match=r"'application/json'; wanted: 'application/vnd.in-toto\+json'"):
        verified_keys(envelope, [ANA.public])


def test_a_changed_payload_type_breaks_the_signature() -> None:
    envelope = sign_envelope(PAYLOAD, "application/json", [ANA])
    retyped = Envelope.from_bytes(changed(envelope, payloadType=IN_TOTO))

    assert verified_keys(retyped, [ANA.public]) == ()


def test_url_safe_base64_is_refused() -> None:
    payload = b"\xfb\xff\xfe" * 5
    envelope = sign_envelope(payload, IN_TOTO, [ANA])
    text = base64.urlsafe_b64encode(payload).decode()
    assert "-" in text

    with pytest.raises(EvidenceError, match="payload is URL-safe base64"):
        Envelope.from_bytes(changed(envelope, payload=text))


@pytest.mark.parametrize("text", ["QQ", "QR==", "QQ==\n", "Q Q==", "QQ===", "=QQ=", "é"])
def test_only_one_base64_text_stands_for_a_payload(text: str) -> None:
    with pytest.raises(EvidenceError, match="payload is not base64"):
        Envelope.from_bytes(changed(sign_envelope(b"A", IN_TOTO, [ANA]), payload=text))


@pytest.mark.parametrize("hint", [{}, {"keyid": ""}, {"keyid": None}])
def test_a_missing_keyid_is_tried_against_every_key(hint: dict[str, Any]) -> None:
    envelope = sign_envelope(PAYLOAD, IN_TOTO, [ANA])
    signature = {"sig": json.loads(envelope.to_bytes())["signatures"][0]["sig"], **hint}
    without = Envelope.from_bytes(changed(envelope, signatures=[signature]))

    assert verified_keys(without, [BOB.public, ANA.public]) == (ANA.public,)


def test_one_key_under_two_keyids_is_one_key() -> None:
    envelope = sign_envelope(PAYLOAD, IN_TOTO, [ANA])
    sig = envelope.signatures[0].sig
    twice = Envelope(IN_TOTO, PAYLOAD, (Signature(ANA.public.keyid, sig), Signature("another", sig)))

    assert verified_keys(twice, [ANA.public, PublicKey(ANA.public.raw)]) == (ANA.public,)
    assert misleading_keyids(twice, [ANA.public]) == ("another",)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"payload":"QQ==","payload":"QQ==","payloadType":"x","signatures":[]}', "twice"),
        (b'{"payload":"QQ==","signatures":[]}', "lacks payloadType"),
        (b'{"payload":"QQ==","payloadType":"x","signatures":[]}', "unsigned"),
        (b'{"payload":"QQ==","payloadType":"x","signatures":{}}', "unsigned"),
        (b'{"payload":"QQ==","payloadType":"","signatures":[{"sig":"QQ=="}]}', "payloadType is empty"),
        (b'{"payload":"QQ==","payloadType":"\\ud800","signatures":[{"sig":"QQ=="}]}', "half a character"),
        (b'{"payload":1,"payloadType":"x","signatures":[{"sig":"QQ=="}]}', "payload is not text"),
        (b'{"payload":"QQ==","payloadType":"x","signatures":["QQ=="]}', "signature 1 is not a JSON object"),
        (b'{"payload":"QQ==","payloadType":"x","signatures":[{"keyid":"a"}]}', "signature 1 lacks sig"),
        (b'{"payload":"QQ==","payloadType":"x","signatures":[{"sig":"QQ==","keyid":7}]}', "keyid is not text"),
        (b'{"payload":"QQ==","payloadType":"x","signatures":[{"sig":"QQ=="}],"decision":"GO"}', "'decision', which no"),
        (b'{"payload":"QQ==","payloadType":"x","signatures":[' + b",".join([b"{}"] * 65) + b"]}", "at most 64"),
    ],
)
def test_what_is_no_envelope_is_refused_with_a_sentence(data: bytes, says: str) -> None:
    with pytest.raises(EvidenceError, match=says):
        Envelope.from_bytes(data)


def test_nobody_signs_with_no_key() -> None:
    with pytest.raises(EvidenceError, match="at least one key"):
        sign_envelope(PAYLOAD, IN_TOTO, [])


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_flipped_byte_of_an_envelope_never_verifies_as_ours(data: st.DataObject) -> None:
    envelope = sign_envelope(PAYLOAD, IN_TOTO, [key_of("Flip")])
    raw = bytearray(envelope.to_bytes())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    try:
        other = Envelope.from_bytes(bytes(raw))
        whole = other.to_bytes() == bytes(raw) and not misleading_keyids(other, [key_of("Flip").public])
        holds = whole and verified_keys(other, [key_of("Flip").public]) != ()
    except EvidenceError:
        holds = False

    assert not holds
