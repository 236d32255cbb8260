"""The people of the tests: keys from fixed seeds, a trust file, and the records that they sign."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from gonogo.evidence.approval_record import (
    Meaning,
    RecordFile,
    file_name,
    parse_record_file,
    record_kind,
    sign_bound_record,
    with_statement,
)
from gonogo.evidence.bundle import BundleFacts
from gonogo.evidence.dsse import Envelope
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.trust import Trust
from gonogo.model.trust import TrustFile
from gonogo.model.waiver import WaiverScope

NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)
DECIDED = datetime(2026, 11, 21, 4, 4, 14, tzinfo=UTC)
POLICY = "a" * 64
MANIFEST = "b" * 64


def key_of(name: str) -> SigningKey:
    """Return the key of a name; the same name has the same key in every test."""
    return SigningKey.from_seed(hashlib.sha256(f"tests: {name}".encode()).digest(), name)


ROOT = key_of("Root")
ANA, BOB, CARA, RITA, CI = (key_of(name) for name in ("Ana Ferreira", "Bob Okafor", "Cara Lindt", "Rita Runner", "ci"))
ANA_SECOND, STRANGER = key_of("Ana Ferreira, second key"), key_of("Nobody Known")


def public(key: SigningKey, **more: Any) -> dict[str, Any]:
    """Return a key as trust.yaml holds it."""
    return {"public": key.public.to_base64(), **more}


def trust_data() -> dict[str, Any]:
    """Return the content of a trust file in which all is well: two different people approve stage 2."""
    return {
        "version": 3,
        "expires": "2027-06-30",
        "root": ROOT.public.to_base64(),
        "people": [
            {"name": "Ana Ferreira", "roles": ["qa_lead"], "keys": [public(ANA), public(ANA_SECOND)]},
            {"name": "Bob Okafor", "roles": ["release_manager", "qa_lead"], "keys": [public(BOB)]},
            {"name": "Cara Lindt", "roles": ["security"], "keys": [public(CARA)]},
            {"name": "Rita Runner", "roles": ["qa_lead", "release_manager"], "keys": [public(RITA)]},
        ],
        "machines": [{"name": "ci", "roles": ["ci"], "keys": [public(CI)]}],
        "systems": {
            "richpanel": [
                {
                    "stages": ["2"],
                    "environments": ["staging"],
                    "approvals": [
                        {"roles": ["qa_lead"], "count": 1},
                        {"roles": ["qa_lead", "release_manager"], "count": 1},
                    ],
                    "fresh_for": {"evidence": "48h", "approval": "24h"},
                    "waivers": ["release_manager"],
                }
            ]
        },
    }


def tuples(value: Any) -> Any:
    """Return data as reading YAML gives it."""
    if isinstance(value, dict):
        return {key: tuples(item) for key, item in value.items()}
    return tuple(map(tuples, value)) if isinstance(value, list | tuple) else value


def trust_of(data: dict[str, Any] | None = None) -> Trust:
    """Return a trust file as if its signature had been checked."""
    return Trust(TrustFile.model_validate(tuples(data or trust_data())), POLICY, ROOT.public)


def write_trust(path: Path, data: dict[str, Any] | None = None) -> Path:
    """Write a trust file without its signature."""
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(data or trust_data(), file)
    return path


def facts_of_bundle(**more: Any) -> BundleFacts:
    """Return the facts of a GO at stage 2, run by Rita with CI's key."""
    facts = BundleFacts(
        "20261121T040400Z-275e12",
        "richpanel",
        "2026.11.2",
        "staging",
        "staging",
        "2",
        "GO",
        MANIFEST,
        DECIDED,
        (CI.public.keyid, "Rita Runner"),
        (),
    )
    return replace(facts, **more)


FIELDS: dict[str, Any] = {
    "bundle": "20261121T040400Z-275e12",
    "system": "richpanel",
    "stage": "2",
    "environment": "staging",
    "release": "2026.11.2",
    "manifest_sha256": MANIFEST,
    "policy_sha256": POLICY,
    "previous": "",
}


def approval(
    key: SigningKey, role: str = "qa_lead", *, name: str = "", **more: Any
) -> tuple[dict[str, Any], SigningKey]:
    """Return the fields of an approval and the key that signs it."""
    at = more.get("at", NOW - timedelta(hours=1))
    fields = {
        **FIELDS,
        "name": name or key.name.removesuffix(", second key"),
        "role": role,
        "at": at,
        "meaning": "approval",
        "comment": "",
        "decision": "GO",
        "expires": at + timedelta(hours=24),
        "waivers": (),
    }
    return {**fields, **more}, key


def rejection(key: SigningKey, role: str = "qa_lead", **more: Any) -> tuple[dict[str, Any], SigningKey]:
    """Return the fields of a rejection and the key that signs it."""
    return approval(key, role, **{"meaning": "rejection", "comment": "No.", "expires": None, **more})


def waiver(key: SigningKey, role: str = "release_manager", **more: Any) -> tuple[dict[str, Any], SigningKey]:
    """Return the fields of a waiver and the key that signs it."""
    fields = {
        **FIELDS,
        "name": key.name,
        "role": role,
        "at": NOW - timedelta(hours=1),
        "check": "ST-002/template",
        "outcome": "FAILED",
        "reason": "Wording is agreed.",
        "scope": "bundle",
        "expires": NOW + timedelta(days=3),
    }
    return {**fields, **more}, key


def envelopes(drafts: Sequence[tuple[dict[str, Any], SigningKey]]) -> list[tuple[str, Envelope]]:
    """Return the signed records of drafts as name and envelope, each chained to the one before."""
    previous, signed = "", []
    for number, (fields, key) in enumerate(drafts, 1):
        typed = {**fields, "previous": fields["previous"] or previous}
        typed |= {"meaning": Meaning(fields["meaning"])} if "meaning" in fields else {}
        typed |= {"scope": WaiverScope(fields["scope"])} if "scope" in fields else {}
        record = with_statement(typed)
        envelope = sign_bound_record(record, key)
        signed.append((file_name(number, record_kind(record)), envelope))
        previous = hashlib.sha256(envelope.to_bytes()).hexdigest()
    return signed


def files_of_records(*drafts: tuple[dict[str, Any], SigningKey]) -> list[RecordFile]:
    """Return drafts as the files that they make beside a bundle."""
    return [parse_record_file(f"approvals/{name}", envelope.to_bytes()) for name, envelope in envelopes(drafts)]
