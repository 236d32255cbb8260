"""Where people sign: what they are shown, when they are refused, and where the record goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from gonogo.errors import EvidenceError, RefusedError
from gonogo.evidence.approval import explain_own, keyids_of
from gonogo.evidence.approval_folder import (
    enter_record,
    level_with_ledger,
    next_number,
    records_in_ledger,
    write_record_file,
)
from gonogo.evidence.approval_record import (
    NO_RECORD,
    ApprovalRecord,
    Meaning,
    RecordFile,
    WaiverRecord,
    file_name,
    parse_record_file,
    record_kind,
    sign_bound_record,
    waiver_digests,
    with_statement,
)
from gonogo.evidence.bundle import BundleFacts
from gonogo.evidence.dsse import Envelope, verified_keys
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.ledger.book import Ledger
from gonogo.evidence.ledger.entries import Entry
from gonogo.evidence.ledger.lock import acquire_lock
from gonogo.evidence.statement import TEST_RESULT, facts_of, parse_statement, signer_key
from gonogo.evidence.trust import Trust
from gonogo.evidence.verify.result import Terms, verify_bundle
from gonogo.evidence.verify.story import read_story
from gonogo.evidence.waiver import explain_unwaivable
from gonogo.model.outcome import CheckResult, merge_results
from gonogo.model.trust import Identity, StageRule
from gonogo.model.waiver import WaiverScope
from gonogo.sources.suggest import suggest

_LEASE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Subject:
    """What somebody is about to sign: a bundle that verifies, its records, and the results of its checks.

    `folder` is None where only the ledger has the bundle; `results` are empty then, since nobody can look at them.
    """

    facts: BundleFacts
    files: tuple[RecordFile, ...]
    results: tuple[CheckResult, ...]
    folder: Path | None
    ledger: Ledger | None


@dataclass(frozen=True, slots=True)
class Signed:
    """Where a record went."""

    kind: str
    parsed: RecordFile
    file: Path | None
    entry: int | None


def load_subject(folder: Path, ledger: Ledger | None, trust: Trust, now: datetime) -> Subject:
    """Return a bundle to sign, after verifying all of it; raises `EvidenceError` naming its faults.

    Its decision is the one that counts now, with the waivers that are in force.
    """
    first = verify_bundle(folder, Terms(now, trust=trust))
    if first.facts is None:
        raise EvidenceError(f"{folder} is UNSIGNED; nobody signs off what nobody sealed", "Seal it: gonogo seal.")
    if first.faults:
        shown = "; ".join(f"{one.file}: {one.detail}" for one in first.faults[:5])
        raise EvidenceError(f"{folder} does not verify: {shown}", "'gonogo verify' names every fault.")
    files = level_with_ledger(folder, first.facts, ledger, now)
    # The ledger may have brought further records.
    result, (story, _) = verify_bundle(folder, Terms(now, trust=trust)), read_story(folder)
    if result.faults or result.decision is None or result.facts is None or story is None:
        raise EvidenceError(f"{folder} does not verify with the records of the ledger")
    facts = replace(result.facts, decision=result.decision.verb.value)
    return Subject(facts, tuple(files), tuple(merge_results(story.results)), folder, ledger)


def load_ledger_subject(entry: Entry, ledger: Ledger, trust: Trust, now: datetime) -> Subject:
    """Return a bundle whose files are elsewhere, from the signed statement in the ledger entry of its sealing.

    Raises `EvidenceError` where the statement or a record does not hold, `RefusedError` where there are waivers: their
    effect can be judged only by the files.
    """
    facts = read_statement(entry, trust, now)
    files = []
    for number, (kind, envelope) in enumerate(records_in_ledger(ledger, facts), 1):
        files.append(parse_record_file(file_name(number, kind), envelope.to_bytes()))
    broken = [f"{one.name}: {one.fault}" for one in files if one.fault]
    if broken:
        raise EvidenceError(f"the ledger's records of this bundle do not hold: {'; '.join(broken)}")
    if waiver_digests(files):
        hint = "Fetch its folder or zip, and sign there."
        raise RefusedError("the bundle has waivers, and its checks can be looked at only where its files are", hint)
    return Subject(facts, tuple(files), (), None, ledger)


def read_statement(entry: Entry, trust: Trust, now: datetime) -> BundleFacts:
    """Return what the signed statement in a ledger entry binds to; raises `EvidenceError` where it does not hold."""
    where = f"the statement in entry {entry.number} of the ledger"
    try:
        envelope = Envelope.from_json(entry.payload.get("statement"))
        statement = parse_statement(envelope, TEST_RESULT)
        facts = facts_of(statement)
        key = signer_key(statement["predicate"]["gonogo"])
    except EvidenceError as error:
        raise EvidenceError(f"{where} does not hold: {error.message}") from error
    if verified_keys(envelope, [key]) != (key,):
        raise EvidenceError(f"{where} does not hold: its signature is not valid")
    against = trust.explain_key(key, facts.decided_at, now)
    if against or facts.manifest_sha256 != entry.payload.get("manifest_sha256"):
        raise EvidenceError(f"{where} {against or 'is of another manifest than the entry says'}")
    return facts


def prepare_approval(
    subject: Subject, trust: Trust, key: SigningKey, *, meaning: Meaning, role: str, comment: str, now: datetime
) -> ApprovalRecord:
    """Return what a person would sign; raises `RefusedError` with every reason why it could not count.

    A rejection needs a key and a role of the trust file and nothing else: stopping is always allowed.
    """
    person, against = _find_person(trust, key, role, now)
    rule = trust.rule_for(subject.facts.system, subject.facts.stage, subject.facts.environment)
    if meaning is not Meaning.REJECTION:
        against += _explain_place(subject.facts, rule)
        against += _own(key, person, subject.facts)
    if meaning is Meaning.APPROVAL:
        against += _explain_approval(subject, rule, role)
    _refuse(against)
    ends = min(now + rule.fresh_for.approval, trust.expires) if rule and meaning is not Meaning.REJECTION else None
    record = with_statement(
        {
            **_bind(subject, trust, person, role, now),
            "meaning": meaning,
            "comment": comment,
            "decision": subject.facts.decision,
            "expires": ends,
            "waivers": waiver_digests(subject.files),
        }
    )
    if not isinstance(record, ApprovalRecord):
        raise AssertionError("a record without a check is an approval")
    return record


def prepare_waiver(
    subject: Subject,
    trust: Trust,
    key: SigningKey,
    *,
    check: str,
    role: str,
    reason: str,
    scope: WaiverScope,
    until: datetime,
    now: datetime,
) -> WaiverRecord:
    """Return the waiver that a person would sign; raises `RefusedError` with every reason why it could not count."""
    person, against = _find_person(trust, key, role, now)
    rule = trust.rule_for(subject.facts.system, subject.facts.stage, subject.facts.environment)
    against += _explain_place(subject.facts, rule)
    against += _own(key, person, subject.facts)
    if rule is not None and role not in rule.waivers:
        against.append(f"the role {role} may not waive here; allowed: {', '.join(rule.waivers) or 'nobody'}")
    here = subject.folder is not None
    unwaivable = explain_unwaivable(check, subject.results) if here else "the bundle's files are not here: fetch them"
    against += [unwaivable] if unwaivable else []
    if not reason.strip():
        against.append("a waiver needs a reason")
    if not now < until <= trust.expires:
        against.append(
            f"--until must lie after now and not after the end of trust.yaml, {trust.expires:%Y-%m-%d %H:%M}"
        )
    if scope is WaiverScope.RELEASE and not subject.facts.release:
        against.append("the bundle names no release, so a waiver cannot reach over all of it")
    _refuse(against)
    found = next(one for one in subject.results if one.id == check)
    record = with_statement(
        {
            **_bind(subject, trust, person, role, now),
            "check": check,
            "outcome": found.outcome.name,
            "reason": reason,
            "scope": scope,
            "expires": until,
        }
    )
    if not isinstance(record, WaiverRecord):
        raise AssertionError("a record with a check is a waiver")
    return record


def sign_and_file(subject: Subject, record: ApprovalRecord | WaiverRecord, key: SigningKey, now: datetime) -> Signed:
    """Sign a record, write it beside the bundle and into the ledger, and return where it went.

    Raises `RefusedError` where somebody else signed since the subject was read, and `LockError` where somebody is at
    it: of two records after the same one, one would have to be thrown away.
    """
    envelope, kind = sign_bound_record(record, key), record_kind(record)
    number = next_number(subject.files)
    parsed = parse_record_file(file_name(number, kind), envelope.to_bytes())
    if parsed.fault:
        raise EvidenceError(f"the record would not hold: {parsed.fault}")
    if subject.ledger is None:
        file = write_record_file(subject.folder, number, kind, envelope) if subject.folder else None
        return Signed(kind, parsed, file, None)
    name = f"records-{subject.facts.manifest_sha256[:16]}"
    lock = acquire_lock(subject.ledger.storage, name, record.name, _LEASE_SECONDS, now)
    try:
        if len(records_in_ledger(subject.ledger, subject.facts)) != len(subject.files):
            raise RefusedError("somebody signed meanwhile; yours is not written", "Look at it, and sign again.")
        file = write_record_file(subject.folder, number, kind, envelope) if subject.folder else None
        entry = enter_record(subject.ledger, kind, envelope, subject.facts, now)
    finally:
        lock.release(now)
    return Signed(kind, parsed, file, entry)


def _find_person(trust: Trust, key: SigningKey, role: str, now: datetime) -> tuple[Identity | None, list[str]]:
    """Return whose key it is, with what keeps that person from signing in a role."""
    owner = trust.owner_of(key.public)
    if owner is None:
        return None, [f"the key {key.public.keyid} is not in trust.yaml"]
    if owner.is_machine:
        return None, [f"the key is of {owner.identity.name}, a machine; only people sign"]
    against = trust.explain_key(key.public, now, now)
    reasons = [f"what you sign {against}"] if against else []
    if role not in owner.identity.roles:
        reasons.append(f"{owner.identity.name} does not have the role {role!r}; {suggest(role, owner.identity.roles)}")
    return owner.identity, reasons


def _explain_place(facts: BundleFacts, rule: StageRule | None) -> list[str]:
    if rule is not None:
        return []
    return [f"trust.yaml lays down nothing for stage {facts.stage} of {facts.system} in {facts.environment}"]


def _explain_approval(subject: Subject, rule: StageRule | None, role: str) -> list[str]:
    against = []
    if subject.facts.decision != "GO":
        against.append(f"the decision is {subject.facts.decision}; only a GO can be approved")
    wanted = sorted({one for requirement in rule.approvals for one in requirement.roles}) if rule else []
    if rule is not None and role not in wanted:
        against.append(f"the role {role} approves nothing here; asked for: {', '.join(wanted)}")
    for file in subject.files:
        if isinstance(file.record, ApprovalRecord) and file.record.meaning is Meaning.REJECTION:
            against.append(f"{file.record.name} rejected it; only a new bundle is without that")
    return against


def _own(key: SigningKey, person: Identity | None, facts: BundleFacts) -> list[str]:
    text = explain_own(person.name if person else "", [key.public.keyid, *keyids_of(person)], facts)
    return [text] if text else []


def _refuse(against: Sequence[str]) -> None:
    if against:
        raise RefusedError("; ".join(against), "Nothing was signed.")


def _bind(subject: Subject, trust: Trust, person: Identity | None, role: str, now: datetime) -> dict[str, Any]:
    """Return the fields that bind a record to its bundle, its trust file and the record before it."""
    facts, files = subject.facts, subject.files
    return {
        "name": person.name if person else "",
        "role": role,
        "at": now.replace(microsecond=0),
        "bundle": facts.bundle_id,
        "system": facts.system,
        "stage": facts.stage,
        "environment": facts.environment,
        "release": facts.release,
        "manifest_sha256": facts.manifest_sha256,
        "policy_sha256": trust.sha256,
        "previous": files[-1].digest if files else NO_RECORD,
    }
