"""Which approval counts, which does not, and which makes a bundle not verify, each with its sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from people import (
    ANA,
    ANA_SECOND,
    BOB,
    CARA,
    CI,
    DECIDED,
    NOW,
    RITA,
    STRANGER,
    approval,
    envelopes,
    facts_of_bundle,
    files_of_records,
    rejection,
    trust_data,
    trust_of,
    waiver,
)

from gonogo.errors import EvidenceError
from gonogo.evidence.approval import ApprovalState, judge_approvals
from gonogo.evidence.approval_record import Meaning, parse_record_file, with_statement
from gonogo.evidence.bundle import BundleFacts
from gonogo.evidence.dsse import Envelope, Signature, sign_envelope
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.records import open_record, sign_record
from gonogo.evidence.trust import Trust

Draft = tuple[dict[str, Any], SigningKey]


def judge(*drafts: Draft, facts: BundleFacts | None = None, trust: Trust | None = None, **more: Any) -> ApprovalState:
    files = files_of_records(*drafts)
    return judge_approvals(files, facts or facts_of_bundle(), trust or trust_of(), more.pop("now", NOW), **more)


BOTH = (approval(ANA), approval(BOB, "release_manager"))


def test_two_entitled_people_approve() -> None:
    state = judge(*BOTH)

    assert state.approved
    assert state.reasons == ()
    assert [one.met_by for one in state.requirements] == [("Ana Ferreira",), ("Bob Okafor",)]
    assert [one.sentence for one in state.records] == [
        "approval of Ana Ferreira (qa_lead), 2026-11-21T05:00:00Z: counts",
        "approval of Bob Okafor (release_manager), 2026-11-21T05:00:00Z: counts",
    ]
    assert json.loads(json.dumps(state.to_json()))["approved"] is True


def test_nothing_signed_is_not_approved() -> None:
    state = judge()

    assert not state.approved
    assert state.reasons == (
        "approvals are missing: 1 of qa_lead: nobody; 1 missing",
        "approvals are missing: 1 of qa_lead or release_manager: nobody; 1 missing",
    )


def one_is_not_enough(state: ApprovalState) -> bool:
    return not state.approved and not state.faults and any("1 missing" in reason for reason in state.reasons)


def test_one_person_with_two_keys_is_one_approval() -> None:
    assert one_is_not_enough(judge(approval(ANA), approval(ANA_SECOND)))


def test_one_person_in_two_roles_is_one_approval() -> None:
    assert one_is_not_enough(judge(approval(BOB, "qa_lead"), approval(BOB, "release_manager")))


def test_one_person_in_another_spelling_is_one_approval() -> None:
    assert one_is_not_enough(judge(approval(ANA), approval(ANA, name="ANA  ferreira".replace("  ", " "))))


def test_a_review_is_not_an_approval() -> None:
    assert one_is_not_enough(judge(approval(ANA), approval(BOB, "release_manager", meaning="review")))


def revoked(data: dict[str, Any]) -> None:
    data["people"][1]["keys"][0].update(revoked_at="2026-11-21", reason="laptop lost")


def too_young(data: dict[str, Any]) -> None:
    data["people"][1]["keys"][0].update(valid_from="2026-11-22")


def gone(data: dict[str, Any]) -> None:
    data["people"][1].update(valid_until="2026-11-20")


def no_such_role(data: dict[str, Any]) -> None:
    data["people"][1].update(roles=["qa_lead"])
    data["systems"]["richpanel"][0]["waivers"] = []


# Records that are whole and do not count: the bundle verifies, and is not approved.
POLICY: dict[str, tuple[Draft, dict[str, Any], str]] = {
    "signed by the runner": (approval(RITA, "release_manager"), {}, "Rita Runner ran this release"),
    "signed by the runner, known by the key": (
        approval(BOB, "release_manager"),
        {"facts": facts_of_bundle(runners=(BOB.public.keyid,))},
        "Bob Okafor ran this release",
    ),
    "signed by the deployer": (
        approval(BOB, "release_manager"),
        {"facts": facts_of_bundle(deployers=("bob okafor",))},
        "Bob Okafor deployed this release",
    ),
    "signed with the second key of the runner": (
        approval(ANA_SECOND, name="Ana Ferreira"),
        {"facts": facts_of_bundle(runners=(CI.public.keyid, ANA.public.keyid))},
        "Ana Ferreira ran this release",
    ),
    "expired": (approval(BOB, "release_manager", expires=NOW), {}, "expired on 2026-11-21T06:00:00Z"),
    "older than the trust file allows": (
        approval(BOB, "release_manager", at=DECIDED, expires=NOW + timedelta(days=300)),
        {"now": DECIDED + timedelta(hours=24)},
        "is stale: signed 2026-11-21T04:04:14Z, fresh for 1 day",
    ),
    "signed with a revoked key": (
        approval(BOB, "release_manager"),
        {"trust": revoked},
        "revoked on 2026-11-21: laptop",
    ),
    "signed before the key was valid": (
        approval(BOB, "release_manager"),
        {"trust": too_young},
        "before the key of Bob",
    ),
    "signed after the person left": (approval(BOB, "release_manager"), {"trust": gone}, "after Bob Okafor was valid"),
    "signed in a role of somebody else": (
        approval(BOB, "release_manager"),
        {"trust": no_such_role},
        "Bob Okafor does not have the role release_manager",
    ),
    "signed in a role that approves nothing": (
        approval(CARA, "security"),
        {},
        "the role security approves nothing at stage 2",
    ),
    "signed by a machine": (approval(CI, "ci"), {}, "by ci, a machine; only people sign"),
    "signed under another trust file": (
        approval(BOB, "release_manager", policy_sha256="c" * 64),
        {},
        "was signed under another trust file",
    ),
    "dated in the future": (approval(BOB, "release_manager", at=NOW + timedelta(minutes=3)), {}, "dated in the future"),
    "of another decision": (approval(BOB, "release_manager", decision="HOLD"), {}, "approves the decision HOLD"),
    "blind to a waiver": (approval(BOB, "release_manager", waivers=("d" * 64,)), {}, "in view of other waivers"),
}


@pytest.mark.parametrize("what", POLICY)
def test_a_record_that_does_not_count_says_why(what: str) -> None:
    draft, more, said = POLICY[what]
    if callable(more.get("trust")):
        data = trust_data()
        more["trust"](data)
        more = {**more, "trust": trust_of(data)}

    state = judge(approval(ANA), draft, **more)

    assert not state.approved
    assert said in state.records[1].sentence
    assert state.records[1].reasons
    assert state.faults == ()
    assert any("missing" in reason for reason in state.reasons)


# Records that were tampered with or belong elsewhere: the bundle does not verify.
FAULTS: dict[str, tuple[Draft, str]] = {
    "of another bundle or before sealing anew": (
        approval(BOB, "release_manager", manifest_sha256="c" * 64),
        "is of another bundle, or of this one before it was sealed anew",
    ),
    "of another run": (approval(BOB, "release_manager", bundle="other"), "is of another run: 'other'"),
    "of another system": (approval(BOB, "release_manager", system="q2q"), "is of another system: 'q2q'"),
    "of another stage": (approval(BOB, "release_manager", stage="1"), "is of another stage: '1', here '2'"),
    "of another release": (approval(BOB, "release_manager", release="2026.11.1"), "is of another release"),
    "of another environment": (approval(BOB, "release_manager", environment="qa"), "is of another environment"),
    "signed before the verdict": (
        approval(BOB, "release_manager", at=DECIDED - timedelta(seconds=1)),
        "was signed before the verdict: 2026-11-21T04:04:13Z, decided 2026-11-21T04:04:14Z",
    ),
    "after another record than is there": (
        approval(BOB, "release_manager", previous="e" * 64),
        "the chain is broken: it does not follow",
    ),
    "in the name of somebody else": (
        approval(BOB, "release_manager", name="Cara Lindt"),
        "signed in the name of Cara Lindt by a key of Bob Okafor",
    ),
    "in a known name by an unknown key": (
        approval(STRANGER, "release_manager", name="Bob Okafor"),
        "by a key that trust.yaml does not give them",
    ),
    "by an unknown key": (approval(STRANGER, "release_manager"), "by a key that trust.yaml does not know"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_record_that_does_not_belong_here_is_a_fault(what: str) -> None:
    draft, said = FAULTS[what]

    state = judge(*BOTH, draft)

    assert not state.approved
    assert [file for file, text in state.faults if said in text] == ["approvals/0003-approval.dsse.json"]


def test_enough_others_do_not_outweigh_a_fault() -> None:
    assert judge(*BOTH).approved
    assert (
        "records beside the bundle do not hold; what they said is unknown"
        in judge(*BOTH, FAULTS["of another run"][0]).reasons
    )


def test_a_record_of_the_second_of_the_verdict_counts() -> None:
    facts = facts_of_bundle(decided_at=DECIDED.replace(microsecond=700_000))
    assert judge(approval(ANA, at=DECIDED), BOTH[1], facts=facts).approved


@pytest.mark.parametrize("gap", [0, 1])
def test_a_record_that_was_taken_away_breaks_the_chain(gap: int) -> None:
    files = files_of_records(rejection(CARA, "security"), *BOTH)
    del files[gap]

    state = judge_approvals(files, facts_of_bundle(), trust_of(), NOW)

    assert not state.approved
    assert any("the chain is broken" in text for _, text in state.faults)


def test_renumbering_does_not_mend_the_chain() -> None:
    _, *rest = envelopes([rejection(CARA, "security"), *BOTH])
    files = [
        parse_record_file(f"{number:04d}-approval.dsse.json", one.to_bytes()) for number, (_, one) in enumerate(rest, 1)
    ]

    state = judge_approvals(files, facts_of_bundle(), trust_of(), NOW)

    assert [text for _, text in state.faults] == ["the chain is broken: it does not follow the record before it"]


def test_a_rejection_stays_whatever_is_signed_later() -> None:
    state = judge(rejection(ANA), approval(ANA), approval(BOB, "release_manager"))

    assert not state.approved
    assert state.reasons == ("Ana Ferreira rejected it on 2026-11-21T05:00:00Z; only a new bundle is without that",)
    assert all(one.valid for one in state.records)


@pytest.mark.parametrize("who", [RITA, CI, CARA])
def test_whoever_is_known_may_reject(who: SigningKey) -> None:
    assert not judge(*BOTH, rejection(who, "security")).approved


def test_a_rejection_with_a_revoked_key_or_long_ago_stays_too() -> None:
    data = trust_data()
    revoked(data)
    state = judge(approval(ANA), rejection(BOB, policy_sha256="c" * 64), trust=trust_of(data))

    assert "Bob Okafor rejected it" in " ".join(state.reasons)
    assert "counts, although it" in state.records[1].sentence


@pytest.mark.parametrize("decision", ["NO_GO", "HOLD"])
def test_only_a_go_can_be_approved(decision: str) -> None:
    drafts = (approval(ANA, decision=decision), approval(BOB, "release_manager", decision=decision))
    for signed in (drafts, BOTH):
        state = judge(*signed, facts=facts_of_bundle(decision=decision))
        assert not state.approved
        assert f"the decision is {decision}; only a GO can be approved" in state.reasons
        assert not any(one.valid for one in state.records)


WHOLE: dict[str, tuple[dict[str, Any], str]] = {
    "an earlier stage is not approved": ({"earlier_approved": False}, "a stage before this one is not approved"),
    "the evidence is stale": (
        {"facts": facts_of_bundle(decided_at=NOW - timedelta(hours=48))},
        "the evidence is stale: decided 2026-11-19T06:00:00Z, fresh for 2 days",
    ),
    "the decision lies in the future": (
        {"facts": facts_of_bundle(decided_at=NOW + timedelta(minutes=3))},
        "the decision is dated in the future",
    ),
    "nobody is named as the runner": ({"facts": facts_of_bundle(runners=())}, "nobody is named as the one who ran it"),
    "the runner's key is unknown": (
        {"facts": facts_of_bundle(runners=(STRANGER.public.keyid,))},
        "as its runner or deployer, and it is not in trust.yaml",
    ),
    "the trust file has ended": ({"now": NOW.replace(year=2027, month=8)}, "the trust file expired"),
    "no rule for the environment": (
        {"facts": facts_of_bundle(environment="production")},
        "trust.yaml lays down nothing for stage 2 of richpanel in production",
    ),
}


@pytest.mark.parametrize("what", WHOLE)
def test_what_keeps_the_whole_bundle_from_being_approved(what: str) -> None:
    more, said = WHOLE[what]

    state = judge(*BOTH, **more)

    assert not state.approved
    assert any(said in reason for reason in state.reasons), state.reasons


def test_without_a_trust_file_nobody_is_entitled() -> None:
    state = judge_approvals(files_of_records(*BOTH), facts_of_bundle(), None, NOW)

    assert not state.approved
    assert "there is no trust file, so nobody is known to be entitled" in state.reasons
    assert state.faults == ()


def test_what_a_record_is_bound_to_shows_without_a_trust_file() -> None:
    state = judge_approvals(files_of_records(approval(ANA, stage="1")), facts_of_bundle(), None, NOW)

    assert [text for _, text in state.faults] == ["is of another stage: '1', here '2'"]


def test_an_earlier_stage_that_is_approved_or_not_asked_about_holds_nothing_up() -> None:
    assert judge(*BOTH, earlier_approved=True).approved
    assert judge(*BOTH, earlier_approved=None).approved


def test_a_waiver_after_an_approval_wants_another_approval() -> None:
    state = judge(*BOTH, waiver(BOB))
    assert not state.approved
    assert all("was signed before approvals/0003-waiver.dsse.json" in one.sentence for one in state.records[:2])

    name, envelope = envelopes([waiver(BOB)])[0]
    digest = parse_record_file(name, envelope.to_bytes()).digest
    again = judge(waiver(BOB), approval(ANA, waivers=(digest,)), approval(BOB, "release_manager", waivers=(digest,)))
    assert again.approved


def signed_bytes(draft: Draft) -> bytes:
    return envelopes([draft])[0][1].to_bytes()


def spaced(envelope: Envelope) -> bytes:
    payload = json.dumps(json.loads(envelope.payload), indent=1).encode()
    return sign_envelope(payload, envelope.payload_type, [ANA]).to_bytes()


def bare(envelope: Envelope) -> bytes:
    return json.dumps(json.loads(envelope.to_bytes()), indent=1).encode()


UNREADABLE: dict[str, tuple[str, Callable[[Envelope], bytes], str]] = {
    "no envelope": ("0001-approval.dsse.json", lambda _: b"{}", "lacks payload"),
    "not canonical": ("0001-approval.dsse.json", bare, "not in its canonical form"),
    "a payload that is not canonical": (
        "0001-approval.dsse.json",
        spaced,
        "the record is not a JSON object in its canonical form",
    ),
    "another kind than its name": ("0001-rejection.dsse.json", lambda one: one.to_bytes(), "named rejection, and the"),
    "another type": ("0001-waiver.dsse.json", lambda one: one.to_bytes(), "wanted: 'application/vnd.gonogo.waiver"),
    "another name": ("1-approval.json", lambda one: one.to_bytes(), "is not named like 0001-approval.dsse.json"),
    "too long": ("0001-approval.dsse.json", lambda _: b" " * 200_001, "a record has at most 200,000"),
    "two signatures": (
        "0001-approval.dsse.json",
        lambda one: replace(one, signatures=one.signatures * 2).to_bytes(),
        "a record has one signature, this has 2",
    ),
    "no keyid": (
        "0001-approval.dsse.json",
        lambda one: replace(one, signatures=(Signature("", one.signatures[0].sig),)).to_bytes(),
        "keyid is not that of the key",
    ),
    "a changed word": (
        "0001-approval.dsse.json",
        lambda one: replace(one, payload=one.payload.replace(b"qa_lead", b"qa_boss")).to_bytes(),
        "its signature is not valid",
    ),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_is_no_whole_record_is_a_fault_and_approves_nothing(what: str) -> None:
    name, change, said = UNREADABLE[what]
    file = parse_record_file(f"approvals/{name}", change(envelopes([approval(ANA)])[0][1]))

    assert file.record is None
    assert said in file.fault
    state = judge_approvals([file], facts_of_bundle(), trust_of(), NOW)
    assert not state.approved
    assert state.faults[0] == (f"approvals/{name}", file.fault)


def test_a_record_whose_words_say_something_else_is_a_fault() -> None:
    fields, key = approval(ANA)
    record = with_statement({**fields, "meaning": Meaning.APPROVAL})
    lying = record.model_copy(update={"statement": record.statement.replace("staging", "production")})
    envelope = sign_record("approval", lying.model_dump(mode="json"), key)

    fault = parse_record_file("0001-approval.dsse.json", envelope.to_bytes()).fault

    assert fault == "the statement that was signed says something else than the record's fields"


@pytest.mark.parametrize("comment", ["first\nsecond", "turned \u202e round", "bell \a", "x" * 2001])
def test_a_comment_cannot_forge_lines_of_the_statement(comment: str) -> None:
    with pytest.raises(EvidenceError, match="comment"):
        files_of_records(approval(ANA, comment=comment))


def test_the_statement_names_everything_that_is_signed() -> None:
    record = files_of_records(approval(ANA, comment="Looked at every reply."))[0].record
    assert record is not None

    for said in ("Ana Ferreira (qa_lead)", "approve", "richpanel", "2026.11.2", "staging", "GO", "b" * 64, "a" * 64,
                 "Looked at every reply.", "2026-11-21T05:00:00Z", "no earlier record", "none"):  # fmt: skip
        assert said in record.statement


def test_other_kinds_of_records_are_opened_by_the_same_rules() -> None:
    payload = {
        "name": "Ana Ferreira",
        "role": "qa_lead",
        "at": "2026-11-21T05:00:00Z",
        "item": "QA-B1",
        "answer": "yes",
    }
    envelope = sign_record("attestation", payload, ANA)

    found, person = open_record(envelope, trust_of(), NOW, kind="attestation")
    assert (found, person.name) == (payload, "Ana Ferreira")

    for other, key, said in (
        ({"role": "security"}, ANA, "does not have the role security"),
        ({"at": "2026-11-22T05:00:00Z"}, ANA, "dated in the future"),
        ({}, BOB, "in the name of Ana Ferreira by a key of Bob Okafor"),
        ({}, STRANGER, "by a key that trust.yaml does not give them"),
        ({"name": "ci", "role": "ci"}, CI, "a machine"),
    ):
        with pytest.raises(EvidenceError, match=said):
            open_record(sign_record("attestation", {**payload, **other}, key), trust_of(), NOW, kind="attestation")
    with pytest.raises(EvidenceError, match=r"wanted: 'application/vnd\.gonogo\.role"):
        open_record(envelope, trust_of(), NOW, kind="role")
    with pytest.raises(EvidenceError, match="needs at"):
        sign_record("attestation", {"name": "Ana Ferreira", "role": "qa_lead"}, ANA)
    for time in ("2026-11-21 05:00", "2026-11-21T05:00:00", "2026-11-21T06:00:00+01:00"):
        with pytest.raises(EvidenceError, match="is not written like"):
            open_record(sign_record("attestation", {**payload, "at": time}, ANA), trust_of(), NOW, kind="attestation")


def test_a_chain_that_does_not_begin_with_the_first_number_is_broken() -> None:
    files = [
        parse_record_file(f"approvals/{number:04d}-approval.dsse.json", envelope.to_bytes())
        for number, (_, envelope) in enumerate(envelopes(BOTH), 2)
    ]

    state = judge_approvals(files, facts_of_bundle(), trust_of(), NOW)

    assert [text for _, text in state.faults] == [
        "the chain is broken: number 0001 is wanted here",
        "the chain is broken: number 0002 is wanted here",
    ]
