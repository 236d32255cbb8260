"""Whether a sealed bundle is approved: pure judgement over its records, the trust file and a time.

A record with a fault was tampered with or belongs elsewhere, and the bundle does not verify. A record with reasons is
whole and does not count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gonogo.evidence.approval_record import (
    NO_RECORD,
    ApprovalRecord,
    Meaning,
    RecordFile,
    WaiverRecord,
    waiver_digests,
)
from gonogo.evidence.bundle import BundleFacts
from gonogo.evidence.keys import PublicKey
from gonogo.evidence.records import CLOCK_TOLERANCE, format_time, judge_signer
from gonogo.evidence.trust import Trust
from gonogo.model.trust import Identity, Requirement, StageRule, assign_people, fold_name

_KEYID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class RecordState:
    """What one record came to: `faults` make the bundle not verify, `reasons` only keep the record from counting."""

    file: str
    number: int
    kind: str
    name: str = ""
    role: str = ""
    at: str = ""
    comment: str = ""
    person: str = ""
    faults: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        """Return whether the record counts; a rejection does whoever signed it: stopping is always allowed."""
        return not self.faults and (not self.reasons or self.kind == Meaning.REJECTION.value)

    @property
    def sentence(self) -> str:
        """Return the record in one line, with everything that speaks against it."""
        who = f"{self.kind} of {self.name} ({self.role}), {self.at}" if self.name else f"{self.file}"
        against = "; ".join((*self.faults, *self.reasons))
        if self.valid:
            return f"{who}: counts, although it {against}" if against else f"{who}: counts"
        return f"{who}: {against}"

    def to_json(self) -> dict[str, Any]:
        """Return the record as `verify` shows it."""
        shown = {name: getattr(self, name) for name in ("file", "kind", "name", "role", "at", "comment", "valid")}
        return {**shown, "faults": list(self.faults), "reasons": list(self.reasons), "sentence": self.sentence}


@dataclass(frozen=True, slots=True)
class RequirementState:
    """One requirement of the stage and who meets it; each person meets one at most."""

    roles: tuple[str, ...]
    count: int
    met_by: tuple[str, ...]

    @property
    def missing(self) -> int:
        """Return how many people are still wanted."""
        return self.count - len(self.met_by)

    @property
    def sentence(self) -> str:
        """Return what is wanted and who is there."""
        wanted = f"{self.count} of {' or '.join(self.roles)}"
        there = ", ".join(self.met_by) or "nobody"
        return f"{wanted}: {there}" + (f"; {self.missing} missing" if self.missing else "")


@dataclass(frozen=True, slots=True)
class ApprovalState:
    """Whether a bundle is approved; `reasons` says why it is not, and is empty exactly where it is."""

    records: tuple[RecordState, ...]
    requirements: tuple[RequirementState, ...]
    reasons: tuple[str, ...]
    approved: bool = field(default=False)

    @property
    def faults(self) -> tuple[tuple[str, str], ...]:
        """Return a pair of file and sentence for everything that makes the bundle not verify."""
        return tuple((state.file, text) for state in self.records for text in state.faults)

    def to_json(self) -> dict[str, Any]:
        """Return the state as one JSON object."""
        return {
            "approved": self.approved,
            "reasons": list(self.reasons),
            "requirements": [
                {"roles": list(one.roles), "count": one.count, "met_by": list(one.met_by), "missing": one.missing}
                for one in self.requirements
            ],
            "records": [state.to_json() for state in self.records],
        }


def judge_approvals(
    records: Sequence[RecordFile],
    facts: BundleFacts,
    trust: Trust | None,
    now: datetime,
    *,
    earlier_approved: bool | None = None,
) -> ApprovalState:
    """Return whether a bundle is approved now, with a sentence for every record and every requirement.

    `earlier_approved` says whether the stages before are; None leaves that question to the caller. Only a GO can be
    approved. A rejection stays: whoever signed it, whatever is signed later, only another bundle is without it.
    """
    ordered = sorted(records, key=lambda one: (one.number, one.name))
    states = tuple(_judge_record(one, index, ordered, facts, trust, now) for index, one in enumerate(ordered))
    rule = trust.rule_for(facts.system, facts.stage, facts.environment) if trust else None
    requirements = _meet(rule.approvals, states) if rule else ()
    reasons = list(_explain_bundle(facts, trust, rule, now))
    if earlier_approved is False:
        reasons.append("a stage before this one is not approved")
    if any(state.faults for state in states):
        reasons.append("records beside the bundle do not hold; what they said is unknown")
    reasons += [
        f"{file.record.name} rejected it on {format_time(file.record.at)}; only a new bundle is without that"
        for file in ordered
        if isinstance(file.record, ApprovalRecord) and file.record.meaning is Meaning.REJECTION
    ]
    reasons += [f"approvals are missing: {one.sentence}" for one in requirements if one.missing]
    return ApprovalState(states, requirements, tuple(reasons), not reasons)


def _explain_bundle(facts: BundleFacts, trust: Trust | None, rule: StageRule | None, now: datetime) -> list[str]:
    """Return what keeps the bundle from being approved by anybody."""
    reasons = []
    if facts.decision != "GO":
        reasons.append(f"the decision is {facts.decision}; only a GO can be approved")
    if facts.decided_at > now + CLOCK_TOLERANCE:
        reasons.append(f"the decision is dated in the future: {format_time(facts.decided_at)}")
    if not facts.runners:
        reasons.append("nobody is named as the one who ran it, so nobody can be told apart from them")
    if trust is None:
        return [*reasons, "there is no trust file, so nobody is known to be entitled"]
    if now >= trust.expires:
        reasons.append(f"the trust file expired on {format_time(trust.expires)}")
    for keyid in (one for one in (*facts.runners, *facts.deployers) if _KEYID.fullmatch(one)):
        key = trust.key_of(keyid)
        against = trust.explain_key(key, facts.decided_at, now) if key else "is not in trust.yaml"
        if against:
            reasons.append(f"the bundle names the key {keyid[:16]}… as its runner or deployer, and it {against}")
    if rule is None:
        where = f"stage {facts.stage} of {facts.system} in {facts.environment}"
        reasons.append(f"trust.yaml lays down nothing for {where}, so nothing can meet it")
    elif now >= facts.decided_at + rule.fresh_for.evidence:
        reasons.append(
            f"the evidence is stale: decided {format_time(facts.decided_at)}, fresh for {rule.fresh_for.evidence}"
        )
    return reasons


def _judge_record(
    file: RecordFile,
    index: int,
    ordered: Sequence[RecordFile],
    facts: BundleFacts,
    trust: Trust | None,
    now: datetime,
) -> RecordState:
    faults = list(explain_chain(file, index, ordered))
    record, signed = file.record, file.signed
    if record is None or signed is None:
        return RecordState(file.name, file.number, file.kind, faults=(file.fault, *faults))
    faults += explain_binding(record, facts)
    reasons: list[str] = []
    person: Identity | None = None
    if trust is None:
        reasons.append("nobody can be told by a key without a trust file")
    else:
        signer = judge_signer(signed, trust, now)
        faults += signer.faults
        reasons += signer.reasons
        person = signer.person
        rule = trust.rule_for(facts.system, facts.stage, facts.environment)
        reasons += _explain_policy(record, facts, trust, rule, now)
    if file.kind != Meaning.REJECTION.value:
        reasons += [text] if (text := explain_own(record.name, [signed.key.keyid, *keyids_of(person)], facts)) else []
    reasons += _explain_waivers(record, index, ordered)
    return RecordState(
        file.name,
        file.number,
        file.kind,
        record.name,
        record.role,
        format_time(record.at),
        record.reason if isinstance(record, WaiverRecord) else record.comment,
        person.name if person else "",
        tuple(faults),
        tuple(reasons),
    )


def explain_chain(file: RecordFile, index: int, ordered: Sequence[RecordFile]) -> list[str]:
    """Return what is wrong with a record's place after the ones before it."""
    faults = []
    if file.number != index + 1:
        faults.append(f"the chain is broken: number {index + 1:04d} is wanted here")
    before = ordered[index - 1].digest if index else NO_RECORD
    if file.record is not None and (file.record.previous != before or (index and not before)):
        faults.append("the chain is broken: it does not follow the record before it")
    return faults


def explain_binding(record: ApprovalRecord | WaiverRecord, facts: BundleFacts) -> list[str]:
    """Return in what a record is of something else than this bundle, or older than its decision."""
    faults = []
    if record.manifest_sha256 != facts.manifest_sha256:
        faults.append(
            f"is of another bundle, or of this one before it was sealed anew: manifest {record.manifest_sha256[:16]}…, "
            f"here {facts.manifest_sha256[:16]}…"
        )
    for what, said, here in (
        ("run", record.bundle, facts.bundle_id),
        ("system", record.system, facts.system),
        ("release", record.release, facts.release),
        ("environment", record.environment, facts.environment),
        ("stage", record.stage, facts.stage),
    ):
        if said != here:
            faults.append(f"is of another {what}: {said!r}, here {here!r}")
    # Records count whole seconds.
    if record.at < facts.decided_at.replace(microsecond=0):
        faults.append(
            f"was signed before the verdict: {format_time(record.at)}, decided {format_time(facts.decided_at)}"
        )
    return faults


def _explain_policy(
    record: ApprovalRecord | WaiverRecord, facts: BundleFacts, trust: Trust, rule: StageRule | None, now: datetime
) -> list[str]:
    """Return why the trust file keeps a record from counting, apart from who signed it."""
    reasons = []
    if record.policy_sha256 != trust.sha256:
        reasons.append(
            f"was signed under another trust file: {record.policy_sha256[:16]}…, now {trust.sha256[:16]}…; sign again"
        )
    if record.expires is not None and now >= record.expires:
        reasons.append(f"expired on {format_time(record.expires)}")
    if rule is None:
        return reasons
    if isinstance(record, WaiverRecord):
        if record.role not in rule.waivers:
            allowed = ", ".join(rule.waivers) or "nobody"
            reasons.append(f"the role {record.role} may not waive at stage {facts.stage}; allowed: {allowed}")
    elif record.meaning is Meaning.APPROVAL:
        wanted = sorted({role for one in rule.approvals for role in one.roles})
        if record.role not in wanted:
            reasons.append(
                f"the role {record.role} approves nothing at stage {facts.stage}; asked: {', '.join(wanted)}"
            )
        if now >= record.at + rule.fresh_for.approval:
            reasons.append(f"is stale: signed {format_time(record.at)}, fresh for {rule.fresh_for.approval}")
        if facts.decision != "GO":
            reasons.append(f"cannot approve a {facts.decision}")
        # The files are the same; waivers that came or ended make another decision of them.
        if record.decision != facts.decision:
            reasons.append(f"approves the decision {record.decision}, and it is {facts.decision} now")
    return reasons


def explain_own(name: str, keyids: Sequence[str], facts: BundleFacts) -> str:
    """Return that a person ran or deployed what they would sign off, or nothing."""
    ours = {fold_name(name), *keyids}
    for what, listed in (("ran", facts.runners), ("deployed", facts.deployers)):
        if ours & {one if _KEYID.fullmatch(one) else fold_name(one) for one in listed}:
            return f"{name} {what} this release and never signs it off"
    return ""


def keyids_of(person: Identity | None) -> list[str]:
    """Return the keyids of all keys of a person."""
    return [PublicKey.from_base64(key.public).keyid for key in person.keys] if person else []


def _explain_waivers(record: ApprovalRecord | WaiverRecord, index: int, ordered: Sequence[RecordFile]) -> list[str]:
    """Return whether an approval was signed with other waivers in view than there are."""
    if not isinstance(record, ApprovalRecord) or record.meaning is not Meaning.APPROVAL:
        return []
    if record.waivers != waiver_digests(ordered[:index]):
        return ["was signed in view of other waivers than stand before it"]
    later = [file.name for file in ordered[index + 1 :] if isinstance(file.record, WaiverRecord)]
    return [f"was signed before {later[0]}; sign again"] if later else []


def _meet(requirements: Sequence[Requirement], states: Sequence[RecordState]) -> tuple[RequirementState, ...]:
    roles: dict[str, set[str]] = {}
    for state in states:
        if state.valid and state.kind == Meaning.APPROVAL.value:
            roles.setdefault(state.person, set()).add(state.role)
    met = assign_people(requirements, roles)
    return tuple(RequirementState(one.roles, one.count, names) for one, names in zip(requirements, met, strict=True))
