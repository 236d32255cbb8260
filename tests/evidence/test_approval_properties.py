"""What no combination of people, records and policies can do."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people import (
    ANA,
    ANA_SECOND,
    BOB,
    CARA,
    CI,
    DECIDED,
    MANIFEST,
    NOW,
    POLICY,
    RITA,
    STRANGER,
    approval,
    facts_of_bundle,
    files_of_records,
    rejection,
    trust_data,
    trust_of,
    tuples,
)

from gonogo.evidence.approval import judge_approvals
from gonogo.evidence.approval_record import RecordFile
from gonogo.evidence.trust import Trust
from gonogo.evidence.waiver import valid_waivers
from gonogo.model.trust import TrustFile

KEYS = {one.name: one for one in (ANA, ANA_SECOND, BOB, CARA, RITA, CI, STRANGER)}
ROLES = ("qa_lead", "release_manager", "security", "ci")
QUICK = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])

drafts = st.builds(
    lambda key, role, meaning, hours, more: (key, role, meaning, hours, tuple(sorted(more.items()))),
    st.sampled_from(sorted(KEYS)),
    st.sampled_from(ROLES),
    st.sampled_from(["approval", "approval", "approval", "review", "rejection"]),
    st.sampled_from([-1, 0, 1, 1, 1, 3]),
    st.dictionaries(
        st.sampled_from(["stage", "environment", "release", "manifest_sha256", "policy_sha256", "decision", "name"]),
        st.booleans(),
        max_size=1,
    ),
)
OTHER = {
    "stage": "1",
    "environment": "production",
    "release": "1",
    "manifest_sha256": "c" * 64,
    "policy_sha256": "c" * 64,
    "decision": "NO_GO",
    "name": "Bob Okafor",
}
SAME = {
    "stage": "2",
    "environment": "staging",
    "release": "2026.11.2",
    "manifest_sha256": MANIFEST,
    "policy_sha256": POLICY,
    "decision": "GO",
}


@cache
def signed(chosen: tuple[Any, ...]) -> tuple[RecordFile, ...]:
    made = []
    for key, role, meaning, hours, changes in chosen:
        more = {name: OTHER[name] if other else SAME.get(name, "") for name, other in changes}
        make = rejection if meaning == "rejection" else approval
        kind = {} if meaning == "rejection" else {"meaning": meaning}
        made.append(make(KEYS[key], role, at=NOW - timedelta(hours=hours), **kind, **more))
    return tuple(files_of_records(*made))


def names_of(files: Sequence[RecordFile]) -> list[str]:
    return [one.name for one in files]


@st.composite
def policies(draw: st.DrawFn) -> Trust:
    """A trust file with any people of ours in any roles, and any requirements; also such as its reader would refuse."""
    data = deepcopy(trust_data())
    for person in data["people"]:
        person["roles"] = draw(st.lists(st.sampled_from(ROLES), min_size=1, max_size=3, unique=True))
        if draw(st.integers(0, 5)) == 0:
            person["keys"][0] |= {"revoked_at": "2026-11-20", "reason": "lost"}
    rule = data["systems"]["richpanel"][0]
    rule["approvals"] = [
        {
            "roles": draw(st.lists(st.sampled_from(ROLES), min_size=1, max_size=3, unique=True)),
            "count": draw(st.integers(1, 2)),
        }
        for _ in range(draw(st.integers(1, 2)))
    ]
    return Trust(TrustFile.model_validate(tuples(data)), POLICY, trust_of().root)


chains = st.lists(drafts, max_size=5).map(tuple)


@QUICK
@given(chains, policies(), st.sampled_from(["NO_GO", "HOLD"]), st.booleans())
def test_what_is_no_go_is_never_approved(chosen: Any, trust: Trust, decision: str, agree: bool) -> None:
    if agree:
        chosen = tuple((*one[:4], (("decision", True),)) for one in chosen)

    state = judge_approvals(signed(chosen), facts_of_bundle(decision=decision), trust, NOW)

    assert not state.approved


@QUICK
@given(chains, policies(), st.data())
def test_a_rejection_anywhere_leaves_nothing_approved(chosen: Any, trust: Trust, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(chosen)))
    who = data.draw(st.sampled_from(sorted(KEYS)))
    more = (*chosen[:place], (who, "qa_lead", "rejection", 1, ()), *chosen[place:])

    assert not judge_approvals(signed(more), facts_of_bundle(), trust, NOW).approved


@QUICK
@given(chains, policies(), st.data())
def test_a_person_who_is_removed_never_helps(chosen: Any, trust: Trust, data: st.DataObject) -> None:
    files, facts = signed(chosen), facts_of_bundle()
    people = list(trust.file.people)
    people.pop(data.draw(st.integers(0, len(people) - 1)))
    without = replace(trust, file=trust.file.model_copy(update={"people": tuple(people)}))

    if judge_approvals(files, facts, without, NOW).approved:
        assert judge_approvals(files, facts, trust, NOW).approved


@QUICK
@given(chains, policies(), st.data())
def test_a_requirement_that_is_added_never_helps(chosen: Any, trust: Trust, data: st.DataObject) -> None:
    files, facts = signed(chosen), facts_of_bundle()
    rule = trust.file.systems["richpanel"][0]
    fewer = rule.model_copy(update={"approvals": rule.approvals[:1]})
    lighter = replace(trust, file=trust.file.model_copy(update={"systems": {"richpanel": (fewer,)}}))

    if judge_approvals(files, facts, trust, NOW).approved:
        assert judge_approvals(files, facts, lighter, NOW).approved


@QUICK
@given(chains, policies(), st.data())
def test_a_record_that_is_taken_out_of_the_chain_is_noticed_or_was_the_last(
    chosen: Any, trust: Trust, data: st.DataObject
) -> None:
    files = signed(chosen)
    if not files:
        return
    place = data.draw(st.integers(0, len(files) - 1))
    state = judge_approvals([*files[:place], *files[place + 1 :]], facts_of_bundle(), trust, NOW)

    assert place == len(files) - 1 or any("chain is broken" in text for _, text in state.faults)


@QUICK
@given(chains, policies())
def test_an_approval_means_enough_distinct_people_who_neither_ran_nor_deployed_it(chosen: Any, trust: Trust) -> None:
    files, facts = signed(chosen), facts_of_bundle(runners=(CI.public.keyid, "Rita Runner"), deployers=("Cara Lindt",))
    state = judge_approvals(files, facts, trust, NOW)
    names = [name for one in state.requirements for name in one.met_by]

    assert len(names) == len(set(names))
    assert not {"Rita Runner", "Cara Lindt", "ci"} & set(names)
    if state.approved:
        assert state.faults == ()
        assert len(names) == sum(one.count for one in state.requirements)
        for file in files:
            assert file.record is not None
            assert file.kind != "rejection"
            assert file.record.at >= DECIDED


@QUICK
@given(chains, policies())
def test_the_order_in_which_files_are_read_does_not_matter(chosen: Any, trust: Trust) -> None:
    files = signed(chosen)

    assert judge_approvals(files[::-1], facts_of_bundle(), trust, NOW) == judge_approvals(
        files, facts_of_bundle(), trust, NOW
    )


def test_the_chains_of_these_tests_are_approved_sometimes() -> None:
    chosen = (("Ana Ferreira", "qa_lead", "approval", 1, ()), ("Bob Okafor", "release_manager", "approval", 1, ()))

    assert judge_approvals(signed(chosen), facts_of_bundle(), trust_of(), NOW).approved
    assert names_of(signed(chosen))[1] == "approvals/0002-approval.dsse.json"
    assert valid_waivers(signed(chosen), facts_of_bundle(), trust_of(), NOW) == ()
