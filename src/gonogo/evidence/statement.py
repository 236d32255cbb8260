"""The in-toto Statements of a bundle: of the planned set before the first message, of the result at the end.

Source: in-toto Attestation Framework, Statement v1 and the predicate test-result v0.1.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from gonogo.errors import EvidenceError
from gonogo.evidence.bundle import MANIFEST, PLANNED, STATEMENT, BundleFacts, canonical_json, strict_json
from gonogo.evidence.dsse import IN_TOTO, Envelope
from gonogo.evidence.keys import PublicKey

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
PLANNED_SET = "https://gonogo.invalid/attestation/planned-set/v1"
_RESULTS = {"GO": "PASSED", "HOLD": "FAILED", "NO_GO": "FAILED"}
_COMMIT = re.compile(r"[0-9a-f]{40}")


def build_statement(
    record: Mapping[str, Any],
    manifest_sha256: str,
    key: PublicKey,
    *,
    sealed_at: str,
    ledger: Mapping[str, Any] | None,
) -> bytes:
    """Return the Statement of a decision record as RFC 8785 JSON.

    Every check that neither passed nor passed with a warning counts as failed: not run and inconclusive too. What the
    predicate has no field for stands under `gonogo`. `ledger` is the head that the ledger had, as number and digest.
    """
    names: dict[str, list[str]] = {"PASSED": [], "WARNED": [], "other": []}
    for check in record["checks"]:
        kind = check["outcome"] if check["outcome"] in names else "other"
        names[kind].append(f"{check['case']}/{check['check']}")
    predicate = {
        "result": _RESULTS[record["decision"]],
        "configuration": [{"name": MANIFEST, "digest": {"sha256": manifest_sha256}}],
        "passedTests": names["PASSED"],
        "warnedTests": names["WARNED"],
        "failedTests": names["other"],
        "gonogo": {**shared_facts(record), **_signer(key), "sealedAt": sealed_at, "ledger": ledger},
    }
    subject = [{"name": MANIFEST, "digest": {"sha256": manifest_sha256}}, release_subject(record["release"])]
    return canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [one for one in subject if one],
            "predicateType": TEST_RESULT,
            "predicate": predicate,
        }
    )


def bundle_id(record: Mapping[str, Any]) -> str:
    """Return the id of the bundle that a decision stands in; raises `KeyError` or `IndexError` where it has none."""
    return str(record["bundle"] if "bundle" in record else record["runs"][0])


def shared_facts(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the statement repeats of the decision, and what must agree with it."""
    return {
        "run": bundle_id(record),
        **({"activity": record["activity"]} if "activity" in record else {}),
        "system": record["system"],
        "stage": record["stage"],
        "environment": record["environment"],
        "kind": record["target"]["kind"],
        "release": record["release"],
        "build": record["build"],
        "decision": record["decision"],
        "deciding": record["deciding"],
        "decidedAt": record["finished"],
        "countsForStage": record["counts_for_stage"],
        "runBy": record["run_by"],
        "deployedBy": record["deployed_by"],
    }


def release_subject(release: str | None) -> dict[str, Any] | None:
    """Return the release as a subject: by its Git revision where it is one, else by the digest of its name."""
    if release is None:
        return None
    if _COMMIT.fullmatch(release):
        return {"name": "release", "digest": {"gitCommit": release}}
    return {"name": f"release:{release}", "digest": {"sha256": hashlib.sha256(release.encode()).hexdigest()}}


def build_planned_statement(
    planned_sha256: str, facts: Mapping[str, Any], sources: Mapping[str, str], key: PublicKey, *, at: str
) -> bytes:
    """Return the Statement that binds the planned set and the digests of its sources before anything is sent."""
    predicate = {
        **facts,
        **_signer(key),
        "plannedAt": at,
        "sources": [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(sources.items())],
    }
    return canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": PLANNED, "digest": {"sha256": planned_sha256}}],
            "predicateType": PLANNED_SET,
            "predicate": predicate,
        }
    )


def _signer(key: PublicKey) -> dict[str, str]:
    return {"runner": key.keyid, "publicKey": key.to_base64()}


def signer_key(predicate: Mapping[str, Any]) -> PublicKey:
    """Return the public key that a predicate says it is signed with; raises `EvidenceError` where it is not whole.

    It proves that nothing changed since, and not who signed: that takes a trust file.
    """
    try:
        key = PublicKey.from_base64(predicate["publicKey"])
    except (KeyError, TypeError, ValueError) as error:
        raise EvidenceError("the statement does not hold its signer's public key") from error
    if predicate.get("runner") != key.keyid:
        raise EvidenceError("the statement's keyid is not that of its public key")
    return key


def parse_statement(envelope: Envelope, predicate_type: str) -> dict[str, Any]:
    """Return the Statement of an envelope; raises `EvidenceError` where it is not one, or of another predicate."""
    if envelope.payload_type != IN_TOTO:
        raise EvidenceError(f"the payload type is {envelope.payload_type!r}, not {IN_TOTO!r}")
    try:
        found = strict_json(envelope.payload)
        kind, predicate, subject = found["_type"], found["predicateType"], found["subject"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EvidenceError(f"the payload is no in-toto Statement: {type(error).__name__}") from error
    if kind != STATEMENT_TYPE or predicate != predicate_type or not isinstance(found.get("predicate"), dict):
        raise EvidenceError(f"the payload is a {kind!r} with predicate {predicate!r}, not {predicate_type!r}")
    if not isinstance(subject, list) or not all(isinstance(one, dict) for one in subject):
        raise EvidenceError("the Statement names no subjects")
    return dict(found)


def subject_digest(statement: Mapping[str, Any], name: str) -> str | None:
    """Return the SHA-256 of a subject, or nothing where it is not named exactly once."""
    found = [one.get("digest") for one in statement["subject"] if one.get("name") == name]
    if len(found) != 1 or not isinstance(found[0], dict):
        return None
    digest = found[0].get("sha256")
    return digest if isinstance(digest, str) else None


def facts_of(statement: Mapping[str, Any]) -> BundleFacts:
    """Return the facts of a result Statement; raises `EvidenceError` where one is missing."""
    try:
        facts = statement["predicate"]["gonogo"]
        digest = subject_digest(statement, MANIFEST)
        decided = datetime.fromisoformat(facts["decidedAt"])
        people: Sequence[str] = [facts["runner"], *([facts["runBy"]] if facts["runBy"] else [])]
        texts = [facts[name] for name in ("run", "system", "environment", "kind", "stage", "decision")]
        if digest is None or decided.tzinfo is None or not all(isinstance(one, str) for one in [*texts, *people]):
            raise ValueError("not whole")
        return BundleFacts(
            bundle_id=facts["run"],
            system=facts["system"],
            release=facts["release"] or "",
            environment=facts["environment"],
            kind=facts["kind"],
            stage=facts["stage"],
            decision=facts["decision"],
            manifest_sha256=digest,
            decided_at=decided,
            runners=tuple(people),
            deployers=tuple(map(str, facts["deployedBy"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise EvidenceError("the signed statement lacks what an approval binds to") from error


def read_facts(folder: Path) -> BundleFacts:
    """Return the facts of a sealed bundle; its signature and files are not looked at here.

    Raises `EvidenceError` where the bundle is not sealed.
    """
    try:
        data = (folder / STATEMENT).read_bytes()
    except OSError as error:
        raise EvidenceError(f"{folder} is UNSIGNED: it has no {STATEMENT}", "Seal it with 'gonogo seal'.") from error
    return facts_of(parse_statement(Envelope.from_bytes(data), TEST_RESULT))


def heads_seen(evidence: Path) -> list[tuple[str, int, str]]:
    """Return the head of the ledger that every sealed bundle under a folder saw: its name, number and digest.

    A bundle whose statement cannot be read tells nothing here; `gonogo verify` says what is wrong with it.
    """
    heads = []
    for path in sorted(evidence.glob(f"*/{STATEMENT}")):
        try:
            statement = parse_statement(Envelope.from_bytes(path.read_bytes()), TEST_RESULT)
            head = statement["predicate"]["gonogo"]["ledger"]
            heads.append((path.parent.name, int(head["number"]), str(head["digest"])))
        except (OSError, EvidenceError, KeyError, TypeError, ValueError):
            continue
    return heads
