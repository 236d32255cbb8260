"""What a row expects at a stage: one test a rule, and what must hold for every row and stage."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.model.case import Action, Case, Mode
from gonogo.model.expectation import Expectation, derive_expectation
from gonogo.model.flags import AUTOMATION, SAFE_MODE, is_automation_on
from gonogo.model.outcome import SourceRef
from gonogo.model.plan import Stage
from gonogo.model.vocabulary import Vocabulary

ASK, VERIFIED, LATE, INTAKE, CANCEL = "t_ask", "t_verified", "t_late", "t_intake", "t_cancel_now"

WORDS = Vocabulary.model_validate_json(
    """{
      "system": "small", "channels": ["livechat", "email", "phone"], "teams": ["Email", "Returns", "Leadership"],
      "templates": {"t_ask": {"tier": 1}, "t_intake": {"tier": 1}, "t_verified": {"tier": 2},
                    "t_late": {"tier": 2, "order": "late"}, "t_cancel_now": {"tier": 3}},
      "intents": {
        "legal": {"tier": 0, "priority": 0, "team": "Leadership", "tags": ["legal"]},
        "order": {"tier": 1, "priority": 4, "team": "Email", "tags": ["order"], "reply": "t_ask",
                  "verified": ["t_verified", "t_late"]},
        "missing": {"tier": 1, "priority": 2, "team": "Returns", "tags": ["missing"], "reply": "t_intake"},
        "unknown": {"tier": 1, "priority": 7, "team": "Email", "tags": ["unknown"]}
      }}"""
)


def stage(**changes: Any) -> Stage:
    """Return a stage with everything on, changed."""
    fields: dict[str, Any] = {
        "id": "4",
        "name": "everything",
        "safe_mode": False,
        "automation_enabled": True,
        "channels": ("livechat", "email"),
        "templates": (ASK, INTAKE, VERIFIED, LATE),
        "packs": ("smoke.csv",),
    }
    return Stage.model_validate({**fields, **changes})


ON = stage()
BY_SAFE_MODE = stage(safe_mode=True)
BY_AUTOMATION = stage(automation_enabled=False)
ROUTING = stage(safe_mode=True, automation_enabled=False, templates=())
OFF_STAGES = [BY_SAFE_MODE, BY_AUTOMATION, ROUTING]
STAGES = [ON, *OFF_STAGES]

TIER1 = Case(
    "ST-1", Mode.TIER1_AUTOMATION, "livechat", "hello", "order", "Email", ("order",), ASK,
    Action.AUTO_REPLY_TIER1, "", SourceRef("smoke.csv", 2),
)  # fmt: skip
ROUTED = replace(TIER1, mode=Mode.ROUTE_ONLY, template=None, action=Action.ROUTE_ONLY)
TIER0 = replace(ROUTED, mode=Mode.TIER0_SAFETY, intent="legal", tags=("legal",))
MATCH = replace(TIER1, mode=Mode.TIER2_MATCH, template=VERIFIED, action=Action.AUTO_REPLY_TIER2)
NO_MATCH = replace(TIER1, mode=Mode.TIER2_NO_MATCH)
MULTI = replace(TIER1, mode=Mode.MULTI_INTENT)
DUPLICATE = replace(TIER1, mode=Mode.DUPLICATE, action=Action.NO_DUPLICATE_REPLY)
OPEN_DUPLICATE = replace(DUPLICATE, template=None)
KILL_AUTOMATION = replace(ROUTED, mode=Mode.KILL_AUTOMATION)
KILL_SAFE_MODE = replace(ROUTED, mode=Mode.KILL_SAFE_MODE)
KILLS = [KILL_AUTOMATION, KILL_SAFE_MODE]
ANSWERED = [TIER1, MATCH, NO_MATCH, MULTI, DUPLICATE]


def derive(case: Case, at: Stage) -> Expectation:
    return derive_expectation(case, at, WORDS)


def assert_silent(found: Expectation, why: str) -> None:
    assert found.admitted
    assert (found.reply.template, found.reply.at_most_one, found.action) == (None, False, Action.ROUTE_ONLY)
    assert why in found.reply.why


def test_every_mode_has_a_case_here() -> None:
    assert {case.mode for case in (ROUTED, TIER0, *ANSWERED, *KILLS)} == set(Mode)


@pytest.mark.parametrize("case", ANSWERED, ids=lambda case: case.mode)
def test_a_stage_that_allows_it_expects_the_reply_of_the_row(case: Case) -> None:
    found = derive(case, ON)

    assert found.admitted
    assert (found.reply.template, found.reply.at_most_one, found.flags, found.control) == (
        case.template,
        False,
        {},
        None,
    )
    assert found.action is (Action.AUTO_REPLY_TIER2 if case is MATCH else Action.AUTO_REPLY_TIER1)


@pytest.mark.parametrize("case", [*ANSWERED, OPEN_DUPLICATE], ids=lambda case: case.mode)
@pytest.mark.parametrize(
    ("at", "switch"), [(BY_SAFE_MODE, "safe_mode=true"), (BY_AUTOMATION, "automation_enabled=false")]
)
def test_a_stage_without_automation_expects_no_reply_and_borrows_no_flag(case: Case, at: Stage, switch: str) -> None:
    found = derive(case, at)

    assert_silent(found, switch)
    assert found.flags == {}


@pytest.mark.parametrize("at", STAGES)
def test_a_tier0_row_expects_no_reply_anywhere(at: Stage) -> None:
    found = derive(TIER0, at)

    assert_silent(found, "tier 0")
    assert found.flags == {}


@pytest.mark.parametrize("mode", [mode for mode in Mode if not mode.is_kill_switch and mode is not Mode.ROUTE_ONLY])
def test_a_tier0_intent_expects_no_reply_in_any_mode(mode: Mode) -> None:
    assert_silent(derive(replace(TIER1, mode=mode, intent="legal"), ON), "tier 0")


def test_an_escalation_expects_no_reply_whatever_its_intent() -> None:
    assert_silent(derive(replace(TIER1, mode=Mode.TIER0_SAFETY), ON), "escalation")


def test_a_route_only_row_borrows_both_switches_where_replies_go_out() -> None:
    found = derive(ROUTED, ON)

    assert_silent(found, "routed only")
    assert found.flags == {SAFE_MODE: True, AUTOMATION: False}


@pytest.mark.parametrize("at", OFF_STAGES)
def test_a_route_only_row_borrows_nothing_where_replies_are_stopped(at: Stage) -> None:
    found = derive(ROUTED, at)

    assert_silent(found, "routed only")
    assert found.flags == {}


@pytest.mark.parametrize("case", [TIER1, DUPLICATE, NO_MATCH, MULTI], ids=lambda case: case.mode)
def test_a_template_outside_the_whitelist_is_not_sent(case: Case) -> None:
    assert_silent(derive(case, stage(templates=(INTAKE,))), "t_ask is not on the whitelist of stage 4")


def test_the_plan_names_what_is_sent_instead() -> None:
    found = derive(MATCH, stage(templates=(ASK,), instead={VERIFIED: ASK}))

    assert (found.reply.template, found.action) == (ASK, Action.AUTO_REPLY_TIER1)
    assert "t_verified is not on the whitelist of stage 4; the plan sends t_ask instead" in found.reply.why


def test_what_is_sent_instead_must_be_on_the_whitelist_itself() -> None:
    assert_silent(derive(TIER1, stage(templates=(INTAKE,), instead={ASK: VERIFIED})), "t_ask is not on the whitelist")


def test_what_is_sent_instead_obeys_the_subset_of_tier_2() -> None:
    at = stage(templates=(LATE,), tier2={"channels": ("email",)}, instead={VERIFIED: LATE})

    assert_silent(derive(MATCH, at), "t_verified is not on the whitelist")


def test_nothing_is_sent_instead_on_a_channel_that_is_not_enabled() -> None:
    at = stage(templates=(INTAKE,), channels=("email",), instead={ASK: INTAKE})

    assert_silent(derive(TIER1, at), "channel livechat is not enabled at stage 4")


@pytest.mark.parametrize("case", [*ANSWERED, OPEN_DUPLICATE], ids=lambda case: case.mode)
def test_a_channel_that_is_not_enabled_gets_no_reply(case: Case) -> None:
    assert_silent(derive(replace(case, channel="phone"), ON), "channel phone is not enabled at stage 4")


def test_tier_2_is_open_to_its_channels_only() -> None:
    at = stage(tier2={"channels": ("email",)})

    assert_silent(derive(MATCH, at), "opens tier 2 to channels email only")
    assert derive(replace(MATCH, channel="email"), at).reply.template == VERIFIED
    assert derive(TIER1, at).reply.template == ASK


@pytest.mark.parametrize("tags", [("vip",), ()])
def test_tier_2_is_open_to_its_tags_only(tags: tuple[str, ...]) -> None:
    assert_silent(derive(MATCH, stage(tier2={"tags": tags})), "opens tier 2 to tickets tagged")
    assert derive(TIER1, stage(tier2={"tags": tags})).reply.template == ASK


def test_one_of_the_tags_is_enough() -> None:
    assert derive(MATCH, stage(tier2={"tags": ("vip", "order")})).reply.template == VERIFIED


def test_a_matched_order_gets_nothing_while_tier_2_is_off() -> None:
    assert_silent(derive(MATCH, stage(templates=(ASK, INTAKE))), "t_verified is not on the whitelist")


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.TIER2_MATCH and not mode.is_kill_switch])
def test_without_a_linked_order_no_verified_reply_is_expected(mode: Mode) -> None:
    found = derive(replace(TIER1, mode=mode, template=VERIFIED), ON)

    assert found.reply.template is None
    assert found.order is None


@pytest.mark.parametrize("mode", [Mode.TIER1_AUTOMATION, Mode.TIER2_MATCH])
def test_an_action_of_tier_3_is_never_expected(mode: Mode) -> None:
    at = stage(templates=(ASK, CANCEL), instead={ASK: CANCEL})

    assert_silent(derive(replace(TIER1, mode=mode, template=CANCEL), at), "tier 3")


@pytest.mark.parametrize("at", STAGES)
@pytest.mark.parametrize(("template", "order"), [(VERIFIED, "tracked"), (LATE, "late")])
def test_a_matched_row_links_the_order_that_its_template_needs(at: Stage, template: str, order: str) -> None:
    assert derive(replace(MATCH, template=template), at).order == order


@pytest.mark.parametrize("case", [ROUTED, TIER0, TIER1, NO_MATCH, MULTI, DUPLICATE, *KILLS], ids=lambda case: case.mode)
def test_no_other_row_links_an_order(case: Case) -> None:
    assert derive(case, ON).order is None


def test_a_duplicate_without_a_template_allows_one_reply_and_leaves_the_action_open() -> None:
    found = derive(OPEN_DUPLICATE, ON)

    assert (found.reply.template, found.reply.at_most_one, found.action) == (None, True, None)
    assert str(found.reply).startswith("at most one reply (")


@pytest.mark.parametrize(
    ("case", "at", "why"),
    [
        (OPEN_DUPLICATE, stage(templates=(INTAKE, VERIFIED)), "t_ask is not on the whitelist"),
        (replace(OPEN_DUPLICATE, intent="unknown"), ON, "has no reply of its own"),
        (replace(OPEN_DUPLICATE, intent="legal"), ON, "tier 0"),
    ],
)
def test_a_duplicate_allows_no_reply_where_none_is_possible(case: Case, at: Stage, why: str) -> None:
    assert_silent(derive(case, at), why)


@pytest.mark.parametrize(
    ("case", "flags"),
    [
        (KILL_AUTOMATION, {SAFE_MODE: False, AUTOMATION: False}),
        (KILL_SAFE_MODE, {SAFE_MODE: True, AUTOMATION: True}),
    ],
)
def test_a_kill_switch_row_throws_its_own_switch_only_and_has_a_control(case: Case, flags: dict[str, bool]) -> None:
    found = derive(case, ON)

    assert_silent(found, "is thrown")
    assert found.flags == flags
    assert found.control is not None
    assert found.control.template == ASK


@pytest.mark.parametrize("case", KILLS, ids=lambda case: case.mode)
@pytest.mark.parametrize("at", OFF_STAGES)
def test_a_kill_switch_row_is_not_admitted_where_automation_is_off(case: Case, at: Stage) -> None:
    found = derive(case, at)

    assert not found.admitted
    assert "never switched on to try a kill switch" in found.refused
    assert (found.flags, found.control, found.reply.template) == ({}, None, None)


@pytest.mark.parametrize("case", KILLS, ids=lambda case: case.mode)
@pytest.mark.parametrize(
    ("intent", "at", "why"),
    [
        ("legal", ON, "never answered"),
        ("unknown", ON, "never answered"),
        ("order", stage(templates=(INTAKE,)), "t_ask is not on the whitelist"),
        ("order", stage(channels=("email",)), "channel livechat is not enabled"),
    ],
)
def test_a_control_that_cannot_be_answered_expects_nothing_and_says_why(
    case: Case, intent: str, at: Stage, why: str
) -> None:
    found = derive(replace(case, intent=intent), at)

    assert found.admitted
    assert found.control is not None
    assert found.control.template is None
    assert why in found.control.why


def test_a_row_that_expects_none_says_so() -> None:
    row = replace(NO_MATCH, template=None, action=Action.ROUTE_ONLY)

    assert_silent(derive(row, ON), "the row expects none")


def test_a_reply_reads_as_words() -> None:
    assert str(derive(TIER1, ON).reply) == "t_ask (stage 4 allows it)"
    assert str(derive(TIER0, ON).reply).startswith("no reply (")


subset = st.sets(st.sampled_from([ASK, INTAKE, VERIFIED, LATE, CANCEL])).map(lambda one: tuple(sorted(one)))
channels = st.sets(st.sampled_from(WORDS.channels)).map(lambda one: tuple(sorted(one)))
cases = st.builds(
    lambda mode, channel, intent, template, action: replace(
        TIER1,
        mode=mode,
        channel=channel,
        intent=intent,
        tags=WORDS.intents[intent].tags,
        template=template,
        action=action,
    ),
    st.sampled_from(Mode),
    st.sampled_from(WORDS.channels),
    st.sampled_from(sorted(WORDS.intents)),
    st.none() | st.sampled_from(sorted(WORDS.templates)),
    st.sampled_from(Action),
)
any_stage = st.builds(
    stage,
    safe_mode=st.booleans(),
    automation_enabled=st.booleans(),
    channels=channels,
    templates=subset,
    tier2=st.fixed_dictionaries(
        {
            "channels": st.none() | channels,
            "tags": st.none() | st.sets(st.sampled_from(sorted(WORDS.known_tags))).map(lambda one: tuple(sorted(one))),
        }
    ),
    instead=st.dictionaries(st.sampled_from(sorted(WORDS.templates)), st.sampled_from(sorted(WORDS.templates))),
)


@given(cases, any_stage)
def test_whatever_the_row_no_stage_allows_what_it_must_not(case: Case, at: Stage) -> None:
    found = derive(case, at)

    for reply in [found.reply, *([found.control] if found.control else [])]:
        assert reply.why
        if reply.template is None and not reply.at_most_one:
            continue
        assert at.automation_on
        assert case.channel in at.channels
        assert WORDS.intents[case.intent].tier != 0
        assert case.mode is not Mode.TIER0_SAFETY
        if reply.template is None:
            continue
        assert reply.template in at.templates
        assert WORDS.tier_of(reply.template) < 3
        if WORDS.tier_of(reply.template) == 2:
            assert case.mode is Mode.TIER2_MATCH
            assert at.tier2.channels is None or case.channel in at.tier2.channels
            assert at.tier2.tags is None or set(case.tags) & set(at.tier2.tags)


@given(cases, any_stage)
def test_no_row_ever_switches_automation_on(case: Case, at: Stage) -> None:
    found = derive(case, at)
    own = at.flag_state(WORDS)

    assert is_automation_on({**own, **found.flags}) <= is_automation_on(own)
    assert set(found.flags) <= {SAFE_MODE, AUTOMATION}
    if case.mode.is_kill_switch and found.admitted:
        assert not is_automation_on({**own, **found.flags})
        assert found.control is not None
    if not found.admitted:
        assert not at.automation_on


@given(cases, any_stage)
def test_the_action_goes_with_the_reply(case: Case, at: Stage) -> None:
    found = derive(case, at)

    if found.reply.at_most_one:
        assert found.action is None
    elif found.reply.template is None:
        assert found.action is Action.ROUTE_ONLY
    else:
        assert (
            found.action
            is {1: Action.AUTO_REPLY_TIER1, 2: Action.AUTO_REPLY_TIER2}[WORDS.tier_of(found.reply.template)]
        )


@given(any_stage)
def test_a_stage_states_every_flag_and_its_switches_last(at: Stage) -> None:
    state = at.flag_state(WORDS)

    assert list(state)[-2:] == [SAFE_MODE, AUTOMATION]
    assert is_automation_on(state) is at.automation_on
    assert {name: state[f"template_enabled.{name}"] for name in WORDS.templates} == {
        name: name in at.templates for name in WORDS.templates
    }
