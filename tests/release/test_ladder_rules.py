"""Why a stage may not begin: each rule by its name, over records that no ledger had to be written for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gonogo.errors import RefusedError
from gonogo.evidence.ledger import Entry
from gonogo.model.environment import Kind
from gonogo.model.plan import Plan
from gonogo.model.release_plan import Occasion
from gonogo.release.climb import Ladder, explain_stage, require_ready
from gonogo.release.duties import Doing, Event, find_duties
from gonogo.release.recorded import read_events
from gonogo.release.standing import Decided, Place, Rule, StageRecord, judge_stage, show_age

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
_STAGE = {"safe_mode": True, "automation_enabled": False, "channels": ("email",), "templates": (), "packs": ("s.csv",)}
PLAN = Plan.model_validate(
    {
        "system": "richpanel",
        "roles": {"observer": {"name": "Observer"}, "owner": {"name": "Owner"}},
        "stages": (
            {"id": "0", "name": "Before", "environment": "staging", "after": (), **_STAGE},
            {"id": "1", "name": "First", "environment": "production", **_STAGE, "preconditions": ("ST-001", "GNG-S1")},
            {"id": "2", "name": "Second", "environment": "production", **_STAGE, "after": ("0", "1")},
        ),
        "monitoring": (
            {"id": "MON-1", "name": "Queue age", "due": "24h", "rule": "W-QUEUE"},
            {"id": "MON-2", "name": "Look", "due": "24h", "every": "6h", "role": "observer"},
        ),
        "follow_ups": (
            {
                "id": "FUP-1",
                "name": "Note",
                "after": "rollback",
                "due": "5d",
                "role": "owner",
                "blocks_next_stage": True,
            },
            {"id": "FUP-2", "name": "Risks", "after": "near_miss", "due": "5d", "role": "owner"},
        ),
    }
)
PLACE = Place("richpanel", "production", Kind.PRODUCTION, "r1")
GOOD = Decided(
    "run-1", 7, NOW - HOUR, NOW - 2 * HOUR, "GO", "b1", True, outcomes={"ST-001": "PASSED", "GNG-S1": "PASSED"}
)


def ladder(first: Any = GOOD, second: Any = GOOD, place: Place = PLACE, **more: Any) -> Ladder:
    """Return a ladder whose stages 0 and 1 were decided like this; whole records are taken as they are."""
    kinds = {"staging": Kind.STAGING, "production": Kind.PRODUCTION}
    found = []
    for stage, decided in zip(PLAN.stages, (first, second, None), strict=True):
        where = stage.environment or ""
        record = StageRecord(stage, where, kinds[where], decided=decided, fresh_for=timedelta(hours=24))
        found.append(judge_stage(decided if isinstance(decided, StageRecord) else record, place, NOW))
    return Ladder(place, PLAN, NOW, tuple(found), **more)


def refused(one: Ladder, stage: str) -> list[str]:
    return [refusal.rule.value for refusal in explain_stage(one, stage)]


def test_a_stage_begins_where_all_before_it_are_go_approved_fresh_and_current() -> None:
    require_ready(ladder(), "1")
    require_ready(ladder(), "2")


@pytest.mark.parametrize(
    ("decided", "rule", "says"),
    [
        (None, Rule.MISSING, "has no decision for release r1"),
        (replace(GOOD, verb="HOLD", deciding=("ST-001/template",)), Rule.NOT_GO, r"is HOLD \(ST-001/template\)"),
        (replace(GOOD, verb="NO_GO", approved_by=("Ana",)), Rule.NOT_GO, "is NO-GO"),
        (replace(GOOD, faults=("junit.xml: was changed.",)), Rule.NOT_GO, "does not hold: junit.xml: was changed"),
        (replace(GOOD, signed=False), Rule.NOT_GO, "UNSIGNED"),
        (replace(GOOD, counts=False), Rule.NOT_GO, "made not to count"),
        (replace(GOOD, wanting=("approvals are missing: 1 of qa_lead",)), Rule.NOT_APPROVED, "1 of qa_lead"),
        (replace(GOOD, since=NOW - 24 * HOUR), Rule.EXPIRED, "evidence 24 h old; it counts for 24 h"),
        (replace(GOOD, since=NOW + HOUR), Rule.EXPIRED, "dated in the future"),
    ],
)
def test_a_stage_before_that_is_no_ground_to_go_on_from_refuses(decided: Any, rule: Rule, says: str) -> None:
    one = ladder(first=decided)
    with pytest.raises(RefusedError, match=says) as raised:
        require_ready(one, "1")
    assert raised.value.message.startswith(f"[{rule.value}] ")
    # Stage 2 names both stages before it, so it is refused as well.
    assert refused(one, "2")[0] == rule.value
    assert not one.by_id["0"].counts


def test_evidence_counts_up_to_its_limit_and_not_beyond() -> None:
    limit = NOW - timedelta(hours=24)
    assert refused(ladder(first=replace(GOOD, since=limit + timedelta(seconds=1))), "1") == []
    assert refused(ladder(first=replace(GOOD, since=limit)), "1") == [Rule.EXPIRED.value]


def test_deciding_anew_does_not_make_old_evidence_fresh() -> None:
    decided = replace(GOOD, at=NOW, since=NOW - timedelta(hours=25))
    assert refused(ladder(first=decided), "1") == [Rule.EXPIRED.value]


def test_a_decision_for_another_release_or_build_does_not_count() -> None:
    record = StageRecord(PLAN.stages[0], "staging", Kind.STAGING, other="release r0 (build b0)")
    assert refused(ladder(first=record), "1") == [Rule.OTHER_BUILD.value]
    there = replace(PLACE, build="b2")
    assert refused(ladder(place=there), "1") == [Rule.OTHER_BUILD.value]
    assert refused(ladder(place=replace(PLACE, build="b1")), "1") == []


def test_a_rollback_after_the_decision_asks_for_a_new_one() -> None:
    record = StageRecord(PLAN.stages[1], "production", Kind.PRODUCTION, decided=GOOD, rolled_back=GOOD.entry + 1)
    one = ladder(second=record)
    assert refused(one, "2") == [Rule.EXPIRED.value]
    assert refused(one, "1") == []
    assert refused(ladder(second=replace(record, rolled_back=GOOD.entry - 1)), "2") == []


def test_roles_that_nobody_has_are_named() -> None:
    one = ladder(missing_roles=("observer", "owner"))
    with pytest.raises(RefusedError, match=r"^\[roles-missing\] nobody is assigned as observer, owner"):
        require_ready(one, "1")
    assert one.next_command.startswith("gonogo assign richpanel observer")


def test_an_open_follow_up_blocks_and_one_that_was_done_does_not() -> None:
    event = Event(Occasion.ROLLBACK, 9, NOW - HOUR)
    near = Event(Occasion.NEAR_MISS, 10, NOW - HOUR)
    duties = find_duties(PLAN, "production", [event, near], [])
    assert [one.id for one in duties] == ["FUP-1", "FUP-2"]
    one = ladder(duties=duties)
    with pytest.raises(RefusedError, match=r"^\[follow-up-open\] FUP-1 Note \(owner\).*is open") as raised:
        require_ready(one, "2")
    assert "FUP-2" not in raised.value.message
    done = find_duties(PLAN, "production", [event, near], [Doing("FUP-1", 9, NOW, "Owen Owner")])
    assert refused(ladder(duties=done), "2") == []
    # What was done after one rollback says nothing about the next.
    again = [event, Event(Occasion.ROLLBACK, 12, NOW)]
    assert refused(ladder(duties=find_duties(PLAN, "production", again, [Doing("FUP-1", 9, NOW, "O")])), "2") == [
        Rule.FOLLOW_UP.value
    ]


@pytest.mark.parametrize("told", [{}, {"ST-001": "PASSED"}, {"ST-001": "PASSED", "GNG-S1": "WARNED"}])
def test_a_precondition_that_did_not_pass_refuses(told: dict[str, str]) -> None:
    one = ladder(first=replace(GOOD, outcomes=told))
    with pytest.raises(RefusedError, match=r"^\[precondition-open\] ") as raised:
        require_ready(one, "1")
    assert "GNG-S1 must have passed before stage 1" in raised.value.message
    assert ("ST-001 must" in raised.value.message) is ("ST-001" not in told)


def test_what_a_person_answered_for_the_stage_itself_is_asked_first() -> None:
    assert refused(ladder(attested={"1/GNG-S1": "PENDING"}), "1") == [Rule.PRECONDITION.value]
    open_before = ladder(first=replace(GOOD, outcomes={"ST-001": "PASSED"}), attested={"1/GNG-S1": "PASSED"})
    assert refused(open_before, "1") == []


def test_only_the_stages_before_answer_a_precondition() -> None:
    untold = replace(GOOD, outcomes={})
    assert refused(ladder(first=untold, second=GOOD), "1") == [Rule.PRECONDITION.value] * 2
    # One that does not count answers nothing; that it does not count is reason enough.
    assert refused(ladder(first=replace(GOOD, verb="HOLD")), "1") == [Rule.NOT_GO.value]


def test_every_reason_is_told_at_once() -> None:
    untold = replace(GOOD, outcomes={})
    for first, rules in ((None, ["[previous-stage-missing]"]), (untold, ["[precondition-open] ST-001", "GNG-S1 must"])):
        with pytest.raises(RefusedError) as raised:
            require_ready(ladder(first=first, missing_roles=("observer",)), "1")
        assert all(rule in raised.value.message for rule in ["[roles-missing]", *rules])


def test_sandboxes_need_no_ladder() -> None:
    place = replace(PLACE, kind=Kind.SANDBOX)
    require_ready(ladder(first=None, second=None, place=place, missing_roles=("observer",)), "2")


def test_a_stage_of_another_environment_is_refused_on_production_and_only_tried_on_staging() -> None:
    with pytest.raises(RefusedError, match=r"^\[stage-of-another-environment\] stage 0 is for staging"):
        require_ready(ladder(), "0")
    staging = replace(PLACE, environment="staging", kind=Kind.STAGING)
    require_ready(ladder(first=None, place=staging), "2")
    assert refused(ladder(first=None, place=staging, missing_roles=("observer",)), "0") == [Rule.ROLES.value]


def test_every_rule_has_a_test_of_its_own() -> None:
    """A rule that is added has to be tried here as well."""
    tried = {
        Rule.MISSING,
        Rule.NOT_GO,
        Rule.NOT_APPROVED,
        Rule.EXPIRED,
        Rule.OTHER_BUILD,
        Rule.ELSEWHERE,
        Rule.ROLES,
        Rule.FOLLOW_UP,
        Rule.PRECONDITION,
    }
    assert tried == set(Rule)


@pytest.mark.parametrize(
    ("decided", "command"),
    [
        (None, "gonogo advance richpanel --stage 0 --env staging --release r1 --allow-flag-changes"),
        (replace(GOOD, wanting=("x",)), "gonogo approve run-1"),
        (replace(GOOD, verb="HOLD"), "gonogo decide richpanel --stage 0 --env staging --release r1"),
    ],
)
def test_the_next_command_brings_what_is_missing(decided: Any, command: str) -> None:
    assert ladder(first=decided, second=None).next_command == command


def test_the_next_command_follows_the_stage() -> None:
    record = StageRecord(PLAN.stages[0], "staging", Kind.STAGING, entered=NOW)
    assert ladder(first=record, second=None).next_command.startswith("gonogo run richpanel --stage 0")
    record = replace(record, recorded=("run",))
    assert ladder(first=record, second=None).next_command.startswith("gonogo decide richpanel --stage 0")
    command = "gonogo advance richpanel --stage 1 --env production --release r1 --confirm production/r1"
    assert ladder(second=None).next_command == f"{command} --allow-flag-changes"


def test_the_monitoring_list_is_overdue_once_its_time_is_over() -> None:
    begun = Event(Occasion.RELEASE, 3, NOW - timedelta(hours=5))
    duties = find_duties(PLAN, "production", [begun], [])
    assert [one.id for one in duties] == ["MON-1", "MON-2"]
    assert [one.is_overdue(NOW) for one in duties] == [False, False]
    # Nobody looked within the six hours that were agreed.
    assert [one.is_overdue(NOW + 2 * HOUR) for one in duties] == [False, True]
    looked = find_duties(PLAN, "production", [begun], [Doing("MON-2", 3, NOW, "Ana")])
    assert not looked[1].is_overdue(NOW + 2 * HOUR)
    assert [one.is_overdue(NOW + 20 * HOUR) for one in looked] == [True, False]


def entry(number: int, kind: str, **payload: Any) -> Entry:
    at = f"2026-11-21T08:{number:02}:00Z"
    return Entry(number, kind, at, "", {"environment": "production", **payload}, "")


def test_what_happened_is_told_once_and_asks_for_its_own() -> None:
    entries = [
        entry(1, "advance", stage="1", release="r1", rehearsed=True),
        entry(2, "advance", stage="1", release="r1"),
        entry(3, "advance", stage="2", release="r1"),
        entry(4, "trigger", trigger="TRG-1", fired=True),
        entry(5, "trigger", trigger="TRG-2", fired=True),
        entry(6, "trigger", trigger="W-1.no-data", fired=True),
        entry(7, "trigger", trigger="TRG-1", fired=True, environment="staging"),
        entry(8, "rollback", rollback="r-1", phase="begun", trigger="TRG-2"),
        entry(9, "rollback", rollback="r-1", phase="ended", trigger="TRG-2"),
        entry(10, "trigger", trigger="TRG-2", fired=True),
    ]
    told = [(one.occasion.value, one.entry) for one in read_events(entries, "production", "r1", {"TRG-1", "TRG-2"})]
    # The second trigger led to the rollback; that it fired again afterwards is another matter.
    assert told == [("release", 2), ("near_miss", 4), ("rollback", 8), ("near_miss", 10)]


@pytest.mark.parametrize(
    ("length", "words"),
    [(HOUR, "1 h"), (timedelta(minutes=90), "1.5 h"), (timedelta(days=3), "3 days"), (timedelta(seconds=5), "5 s")],
)
def test_lengths_of_time_are_told_as_people_say_them(length: timedelta, words: str) -> None:
    assert show_age(length) == words
