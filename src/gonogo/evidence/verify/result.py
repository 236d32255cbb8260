"""`gonogo verify`: everything that a bundle claims, checked at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gonogo.errors import EvidenceError
from gonogo.evidence.approval import ApprovalState, judge_approvals
from gonogo.evidence.approval_folder import read_record_files
from gonogo.evidence.approval_record import RecordFile
from gonogo.evidence.bundle import (
    MANIFEST,
    STATEMENT,
    BundleFacts,
    Listing,
    list_bundle,
    parse_manifest,
)
from gonogo.evidence.carried import carried_waivers
from gonogo.evidence.trust import Trust
from gonogo.evidence.verify.agreement import Story
from gonogo.evidence.verify.binding import check_binding, check_freshness
from gonogo.evidence.verify.closed_set import check_closed_set
from gonogo.evidence.verify.faults import Fault
from gonogo.evidence.verify.signature import Signed, check_planned, check_statement, check_statement_agrees
from gonogo.evidence.verify.story import read_story
from gonogo.evidence.waiver import valid_waivers
from gonogo.model.decision import Decision, decide
from gonogo.model.waiver import Waiver, WaiverPlace, in_force

_SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a bundle is verified against; the times are aware, `max_age` beats what the trust file lays down."""

    now: datetime
    trust: Trust | None = None
    release: str | None = None
    environment: str | None = None
    stage: str | None = None
    max_age: timedelta | None = None
    allow_unsigned: bool = False


@dataclass(frozen=True, slots=True)
class Verification:
    """What verifying came to.

    `decision` is recomputed from the outcomes and takes the waivers in force, `sealed` is without them; both are None
    where the outcomes cannot be read. `facts` and `approvals` are None where nothing signed says what they bind to.
    """

    faults: tuple[Fault, ...]
    notes: tuple[str, ...]
    sealed: Decision | None
    decision: Decision | None
    facts: BundleFacts | None
    signer: str
    waivers: tuple[Waiver, ...]
    approvals: ApprovalState | None

    @property
    def valid(self) -> bool:
        """Return whether the bundle holds everything that it claims."""
        return not self.faults

    @property
    def approved(self) -> bool:
        """Return whether enough entitled people approved a bundle that holds."""
        return self.valid and self.approvals is not None and self.approvals.approved

    def to_json(self, bundle: str) -> dict[str, Any]:
        """Return the object that `gonogo verify --format json` prints."""
        facts, decision = self.facts, self.decision
        approvals = self.approvals.to_json() if self.approvals else {"approved": False, "reasons": [], "records": []}
        return {
            "schema": "gonogo/verify/1",
            "bundle": bundle,
            "valid": self.valid,
            "faults": [fault.to_json() for fault in self.faults],
            "decision": decision.verb.value if decision else None,
            "sealed_decision": self.sealed.verb.value if self.sealed else None,
            "deciding": list(decision.deciding) if decision else [],
            "signer": self.signer,
            "system": facts.system if facts else None,
            "release": facts.release if facts else None,
            "environment": facts.environment if facts else None,
            "kind": facts.kind if facts else None,
            "stage": facts.stage if facts else None,
            "decided_at": facts.decided_at.isoformat() if facts else None,
            "manifest_sha256": facts.manifest_sha256 if facts else None,
            "waivers": [one.sentence for one in self.waivers],
            "approvals": approvals["records"],
            "approved": self.approved,
            "missing": approvals["reasons"],
            "notes": list(self.notes),
        }


def verify_bundle(folder: Path, terms: Terms) -> Verification:
    """Return everything that a bundle claims and does not hold, and the decision that its outcomes make.

    Reads the folder and nothing else. The outcomes are read and decided anew; what decision.json says is compared.
    """
    listing = list_bundle(folder)
    faults = _check_files(folder, listing)
    signed, found = check_statement(folder)
    faults += [one for one in found if not (terms.allow_unsigned and one.rule == "signature/unsigned")]
    story, found = read_story(folder)
    faults += found
    sealed = story.decision if story else None
    if signed is None:
        told = ("UNSIGNED: nobody vouches for this.",) if terms.allow_unsigned else ()
        faults += _refuse_binding(terms)
        return Verification(tuple(sorted(set(faults))), told, sealed, sealed, None, "UNSIGNED", (), None)
    faults += check_planned(folder, signed)
    faults += check_binding(signed.facts, release=terms.release, environment=terms.environment, stage=terms.stage)
    faults += check_freshness(signed.facts, terms.now, _max_age(signed.facts, terms))
    if story is not None:
        faults += check_statement_agrees(signed, story.record)
    signer, notes, found = _check_signer(signed, terms)
    faults += found
    records = read_record_files(folder)
    carried = carried_waivers(folder, signed.facts, terms.trust, terms.now)
    waivers, decision, state = _judge_people(records, carried, signed.facts, story, terms)
    faults += [Fault("approval/record", name, f"{text}.") for name, text in state.faults]
    return Verification(tuple(sorted(set(faults))), notes, sealed, decision, signed.facts, signer, waivers, state)


def _check_files(folder: Path, listing: Listing) -> list[Fault]:
    try:
        entries = parse_manifest((folder / MANIFEST).read_bytes())
    except OSError:
        return [Fault("closed-set/missing", MANIFEST, "is not there; nothing says what belongs to the bundle.")]
    except EvidenceError as error:
        return [Fault("closed-set/manifest", MANIFEST, f"{error.message}.")]
    return check_closed_set(folder, listing, entries)


def _refuse_binding(terms: Terms) -> list[Fault]:
    asked = {"release": terms.release, "environment": terms.environment, "stage": terms.stage}
    return [
        Fault(f"binding/{name}", STATEMENT, f"nothing that is signed says that this is about {name} {wanted!r}.")
        for name, wanted in asked.items()
        if wanted is not None
    ]


def _max_age(facts: BundleFacts, terms: Terms) -> timedelta | None:
    if terms.max_age is not None or terms.trust is None:
        return terms.max_age
    rule = terms.trust.rule_for(facts.system, facts.stage, facts.environment)
    return rule.fresh_for.evidence if rule else None


def _check_signer(signed: Signed, terms: Terms) -> tuple[str, tuple[str, ...], list[Fault]]:
    """Return who signed, notes for a person, and a fault where that is nobody who may."""
    keyid, facts = signed.key.keyid, signed.facts
    if terms.trust is None:
        text = f"the signer {keyid} is known to nobody here: give --trust."
        if facts.kind == _SANDBOX:
            return keyid, (f"No trust file: {text}",), []
        return keyid, (), [Fault("signer/unknown", STATEMENT, f"no trust file; {text}")]
    owner = terms.trust.owner_of(signed.key)
    against = terms.trust.explain_key(signed.key, facts.decided_at, terms.now)
    name = f"{owner.identity.name} ({keyid})" if owner else keyid
    return name, (), [Fault("signer/not-trusted", STATEMENT, f"{against}.")] if against else []


def _judge_people(
    records: list[RecordFile], carried: tuple[Waiver, ...], facts: BundleFacts, story: Story | None, terms: Terms
) -> tuple[tuple[Waiver, ...], Decision | None, ApprovalState]:
    """Return the waivers in force, the decision with them, and who approved that decision."""
    if story is None:
        return (), None, judge_approvals(records, facts, terms.trust, terms.now)
    place = WaiverPlace(facts.system, facts.stage, facts.environment, facts.release, (facts.manifest_sha256,))
    waivers = (*carried, *in_force(valid_waivers(records, facts, terms.trust, terms.now), place, terms.now))
    decision = decide(story.results, waivers=waivers, triggers=story.triggers) if waivers else story.decision
    decided = replace(facts, decision=decision.verb.value)
    return waivers, decision, judge_approvals(records, decided, terms.trust, terms.now)
