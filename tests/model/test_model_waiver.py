"""What a waiver changes in a decision, and what none can."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.model.decision import Verb, decide
from gonogo.model.outcome import CheckClass, CheckResult, Outcome, SourceRef, merge_results
from gonogo.model.waiver import Waiver, WaiverPlace, WaiverScope, apply_waivers, in_force

NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)
SOURCE = SourceRef("smoke.csv", 7)
SENTENCE = "FAILED is waived by Bob Okafor (release_manager) until 2026-11-24T06:00+00:00: Wording is agreed."
PLACE = WaiverPlace("richpanel", "2", "staging", "2026.11.2", ("b" * 64,))
BADNESS = [Verb.GO, Verb.HOLD, Verb.NO_GO]


def check(
    outcome: Outcome, cls: CheckClass = CheckClass.REQUIRED, name: str = "ST-001/intent", part: str = ""
) -> CheckResult:
    case, kind = name.split("/")
    return CheckResult(case, kind, outcome, cls, SOURCE, (outcome.name.lower(),), part=part)


def waiver(check_id: str = "ST-001/intent", outcome: Outcome = Outcome.FAILED, **more: object) -> Waiver:
    made = Waiver(
        check_id,
        outcome,
        "Bob Okafor",
        "release_manager",
        "Wording is agreed.",
        WaiverScope.BUNDLE,
        "richpanel",
        "2",
        "staging",
        "2026.11.2",
        "b" * 64,
        NOW - timedelta(hours=1),
        NOW + timedelta(days=3),
    )
    return replace(made, **more)  # type: ignore[arg-type]


PASSING = check(Outcome.PASSED, name="ST-999/intent")


@pytest.mark.parametrize("cls", CheckClass)
@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_of_every_class_with_a_waiver_has_a_rule(cls: CheckClass, outcome: Outcome) -> None:
    before = decide([check(outcome, cls), PASSING])
    after = decide([check(outcome, cls), PASSING], waivers=[waiver()])

    if cls is CheckClass.REQUIRED and outcome in (Outcome.FAILED, Outcome.WARNED):
        assert (after.verb, after.deciding, after.counts) == (Verb.GO, (), {"PASSED": 1, "WARNED": 1})
        assert after.reasons == (f"ST-001/intent: {SENTENCE}",)
    else:
        assert after == before


def test_a_waiver_never_counts_as_a_required_check_that_passed() -> None:
    decision = decide([check(Outcome.FAILED)], waivers=[waiver()])

    assert decision.verb is Verb.HOLD
    assert decision.reasons == (
        "no required check passed: nothing that was observed allows a GO",
        f"ST-001/intent: {SENTENCE}",
    )


def test_a_waiver_of_a_warning_does_not_cover_a_failure() -> None:
    warned = waiver(outcome=Outcome.WARNED)

    assert decide([check(Outcome.FAILED), PASSING], waivers=[warned]).verb is Verb.NO_GO
    assert decide([check(Outcome.WARNED), PASSING], waivers=[warned]).verb is Verb.GO


@pytest.mark.parametrize("other", [Outcome.ERROR, Outcome.NOT_RUN, Outcome.INCONCLUSIVE, Outcome.PENDING])
def test_what_a_part_of_a_check_did_not_observe_stays_open(other: Outcome) -> None:
    parts = [check(Outcome.FAILED, part="a"), check(other, part="b"), PASSING]

    decision = decide(parts, waivers=[waiver()])

    assert decision.verb is Verb.HOLD
    assert decision.deciding == ("ST-001/intent",)


def test_a_part_that_guards_safety_keeps_the_whole_check_from_being_waived() -> None:
    parts = [check(Outcome.FAILED, part="a"), check(Outcome.PASSED, CheckClass.SAFETY, part="b"), PASSING]

    assert decide(parts, waivers=[waiver()]).verb is Verb.NO_GO


def test_a_waiver_is_shown_beside_what_decides() -> None:
    unsafe = check(Outcome.FAILED, CheckClass.SAFETY, "ST-002/reply")

    decision = decide([unsafe, check(Outcome.FAILED), PASSING], waivers=[waiver(), waiver("ST-002/reply")])

    assert decision.verb is Verb.NO_GO
    assert decision.deciding == ("ST-002/reply",)
    assert decision.reasons == ("ST-002/reply: failed", f"ST-001/intent: {SENTENCE}")


def test_a_waived_result_keeps_its_reasons_and_says_who_waived_it() -> None:
    [result] = apply_waivers([check(Outcome.FAILED)], [waiver()])

    assert result.outcome is Outcome.WARNED
    assert result.reasons == ("failed", SENTENCE)
    assert apply_waivers([result], [waiver()]) == [result]


@pytest.mark.parametrize(
    ("change", "covers"),
    [
        ({}, True),
        ({"manifest_sha256": "c" * 64}, False),
        ({"scope": WaiverScope.RELEASE, "manifest_sha256": "c" * 64}, True),
        ({"scope": WaiverScope.RELEASE, "release": "2026.11.1"}, False),
        ({"system": "q2q"}, False),
        ({"stage": "1"}, False),
        ({"environment": "production"}, False),
        ({"scope": WaiverScope.RELEASE, "stage": "1"}, False),
        ({"expires": NOW}, False),
        ({"expires": NOW + timedelta(seconds=1)}, True),
        ({"signed_at": NOW + timedelta(seconds=1)}, False),
    ],
)
def test_a_waiver_is_in_force_in_its_scope_and_time(change: dict[str, object], covers: bool) -> None:
    assert bool(in_force([waiver(**change)], PLACE, NOW)) is covers


def test_two_releases_without_a_name_are_not_one() -> None:
    unnamed = waiver(scope=WaiverScope.RELEASE, release="")

    assert in_force([unnamed], replace(PLACE, release=""), NOW) == ()


checks = st.builds(
    check,
    st.sampled_from(Outcome),
    st.sampled_from(CheckClass),
    st.sampled_from(["A/1", "A/2", "B/1", "C/1"]),
    st.sampled_from(["", "p", "q"]),
)
waivers = st.lists(
    st.builds(waiver, st.sampled_from(["A/1", "A/2", "B/1", "C/1", "D/1"]), st.sampled_from(Outcome)), max_size=5
)


@given(st.lists(checks, max_size=6), waivers)
def test_no_waivers_touch_what_guards_safety_and_what_was_not_observed(
    results: list[CheckResult], given_: list[Waiver]
) -> None:
    after = decide(results, waivers=given_)
    for one in merge_results(results):
        grave = one.cls in (CheckClass.SAFETY, CheckClass.PRIVACY)
        if one.cls is CheckClass.ADVISORY:
            continue
        if grave and one.outcome is Outcome.FAILED:
            assert after.verb is Verb.NO_GO
        if one.outcome not in (Outcome.PASSED, Outcome.WARNED, Outcome.FAILED) or (
            grave and one.outcome is not Outcome.PASSED
        ):
            assert after.verb is not Verb.GO


@given(st.lists(checks, max_size=6), waivers)
def test_waivers_never_make_a_decision_worse_and_none_changes_nothing(
    results: list[CheckResult], given_: list[Waiver]
) -> None:
    before = decide(results)

    assert decide(results, waivers=[]) == before
    assert BADNESS.index(decide(results, waivers=given_).verb) <= BADNESS.index(before.verb)
