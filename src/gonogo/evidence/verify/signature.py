"""The signatures of a bundle: over its manifest, and over its planned set before the first message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gonogo.errors import EvidenceError
from gonogo.evidence.bundle import (
    DECISION,
    MANIFEST,
    PLAN,
    PLANNED,
    PLANNED_STATEMENT,
    STATEMENT,
    BundleFacts,
    digest_file,
)
from gonogo.evidence.dsse import Envelope, misleading_keyids, verified_keys
from gonogo.evidence.keys import PublicKey
from gonogo.evidence.record import Stream, read_records
from gonogo.evidence.statement import (
    PLANNED_SET,
    TEST_RESULT,
    facts_of,
    parse_statement,
    release_subject,
    shared_facts,
    signer_key,
    subject_digest,
)
from gonogo.evidence.verify.faults import Fault


@dataclass(frozen=True, slots=True)
class Signed:
    """What the signed statement says, and the key whose signature it bears."""

    facts: BundleFacts
    statement: Mapping[str, Any]
    key: PublicKey


def check_statement(folder: Path) -> tuple[Signed | None, list[Fault]]:
    """Return what was signed, or a fault where the signature does not hold."""
    path = folder / STATEMENT
    if not path.is_file() or path.is_symlink():
        return None, [Fault("signature/unsigned", STATEMENT, "is not there: the bundle is UNSIGNED.")]
    try:
        statement, key = _open(path, TEST_RESULT)
        facts = facts_of(statement)
        _, digest = digest_file(folder / MANIFEST)
    except EvidenceError as error:
        return None, [Fault("signature/invalid", STATEMENT, f"{error.message}.")]
    except OSError:
        return None, [Fault("closed-set/unreadable", MANIFEST, "cannot be read.")]
    signed = Signed(facts, statement, key)
    if facts.manifest_sha256 != digest:
        text = "was changed after it was signed: its SHA-256 is not the one of the statement."
        return signed, [Fault("signature/manifest", MANIFEST, text)]
    return signed, []


def _open(path: Path, predicate_type: str) -> tuple[dict[str, Any], PublicKey]:
    data = path.read_bytes()
    envelope = Envelope.from_bytes(data)
    if envelope.to_bytes() != data:
        raise EvidenceError("the envelope is not in its canonical form")
    statement = parse_statement(envelope, predicate_type)
    facts = statement["predicate"]["gonogo"] if predicate_type == TEST_RESULT else statement["predicate"]
    key = signer_key(facts)
    if verified_keys(envelope, [key]) != (key,):
        raise EvidenceError("the signature is not valid")
    if misleading_keyids(envelope, [key]) or len(envelope.signatures) != 1:
        raise EvidenceError("the signature's keyid is not that of the key that signed")
    return statement, key


def check_planned(folder: Path, signed: Signed) -> list[Fault]:
    """Return a fault where the planned set was not signed by the same key before anything was sent."""
    try:
        statement, key = _open(folder / PLANNED_STATEMENT, PLANNED_SET)
        _, digest = digest_file(folder / PLANNED)
        predicate = statement["predicate"]
        at = datetime.fromisoformat(predicate["plannedAt"])
        _ = [(one["name"], one["digest"]["sha256"]) for one in predicate["sources"]]
        if at.tzinfo is None:
            raise ValueError("no time zone")
    except (OSError, ValueError, KeyError, TypeError) as error:
        text = f"cannot be read ({type(error).__name__}); nobody can tell what was planned before anything was sent."
        return [Fault("planned/unsigned", PLANNED_STATEMENT, text)]
    except EvidenceError as error:
        return [Fault("planned/signature", PLANNED_STATEMENT, f"{error.message}.")]
    faults = []
    if subject_digest(statement, PLANNED) != digest:
        text = f"{PLANNED} is not the one that was signed before the first message."
        faults.append(Fault("planned/changed", PLANNED, text))
    name = f"smoke_cases/{signed.facts.system}/{PLAN}"
    sources = [one.get("digest", {}).get("sha256") for one in predicate["sources"] if one.get("name") == name]
    if sources != [_digest_or_none(folder / PLAN)]:
        faults.append(Fault("planned/plan", PLAN, "is not the plan that was signed before the first message."))
    if key != signed.key:
        faults.append(Fault("planned/signer", PLANNED_STATEMENT, "is signed by another key than the result."))
    ours = {"run": signed.facts.bundle_id, "stage": signed.facts.stage, "environment": signed.facts.environment}
    for name, value in ours.items():
        if predicate.get(name) != value:
            text = f"is about {name} {predicate.get(name)!r}; the result is about {value!r}."
            faults.append(Fault("planned/binding", PLANNED_STATEMENT, text))
    sent = [
        record["at"]
        for record in read_records(folder / Stream.EXCHANGES.value)
        if record.get("method") not in ("GET", "HEAD") and isinstance(record.get("at"), int | float)
    ]
    if sent and at.timestamp() > min(sent):
        text = "was signed after the first message had been sent."
        faults.append(Fault("planned/late", PLANNED_STATEMENT, text))
    if at > signed.facts.decided_at:
        faults.append(Fault("planned/late", PLANNED_STATEMENT, "was signed after the decision."))
    return faults


def _digest_or_none(path: Path) -> str | None:
    try:
        return digest_file(path)[1]
    except OSError:
        return None


def check_statement_agrees(signed: Signed, record: Mapping[str, Any]) -> list[Fault]:
    """Return a fault for everything that the signed statement says otherwise than decision.json."""
    predicate = signed.statement["predicate"]
    faults = []
    try:
        ours = shared_facts(record)
        subject = release_subject(record["release"])
        tests = {"passedTests": {"PASSED"}, "warnedTests": {"WARNED"}}
        outcomes = {f"{one['case']}/{one['check']}": one["outcome"] for one in record["checks"]}
    except (KeyError, TypeError, IndexError) as error:
        return [Fault("decision/unreadable", DECISION, f"lacks what the statement repeats: {error}.")]
    for name, value in ours.items():
        if predicate["gonogo"].get(name) != value:
            text = f"says {name} {predicate['gonogo'].get(name)!r}; {DECISION} says {value!r}."
            faults.append(Fault("statement/facts", STATEMENT, text))
    if predicate.get("result") != ("PASSED" if record["decision"] == "GO" else "FAILED"):
        text = f"says result {predicate.get('result')!r}; {DECISION} says {record['decision']}."
        faults.append(Fault("statement/result", STATEMENT, text))
    if subject is not None and subject not in signed.statement["subject"]:
        faults.append(Fault("statement/release", STATEMENT, "does not name the release of the decision as a subject."))
    named = {name: [id_ for id_, one in outcomes.items() if one in kinds] for name, kinds in tests.items()}
    named["failedTests"] = [id_ for id_, one in outcomes.items() if one not in ("PASSED", "WARNED")]
    for name, wanted in named.items():
        shown = predicate.get(name)
        if not isinstance(shown, list) or sorted(map(str, shown)) != sorted(wanted):
            faults.append(Fault("statement/tests", STATEMENT, f"its {name} are not those of {DECISION}."))
    return faults
