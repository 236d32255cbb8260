"""The order of an advance: at no step more goes out than the state before or the stage allows."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.model.flags import ABSENT, FlagState, FlagValue
from gonogo.release.flag_steps import FlagStep, plan_steps

LISTS = ("automation_enabled_channels", "tier2_channels", "tier2_tags")
SWITCHES = ("safe_mode", "automation_enabled", "template_enabled.t_a", "template_enabled.t_b")
WORDS = ("livechat", "email", "social")
ORDERS = (
    (),
    ("safe_mode", "automation_enabled", "template_enabled"),
    ("template_enabled", "safe_mode", "automation_enabled", "automation_enabled_channels", "tier2_tags"),
)

words = st.sets(st.sampled_from(WORDS)).map(lambda found: tuple(sorted(found)))
stored = st.fixed_dictionaries(
    {name: st.one_of(st.booleans(), st.just(ABSENT)) for name in SWITCHES}
    | {name: st.one_of(words, st.none(), st.just(ABSENT)) for name in LISTS}
).map(lambda state: {name: value for name, value in state.items() if value is not ABSENT})
stages = st.fixed_dictionaries(
    {name: st.booleans() for name in SWITCHES} | {name: st.one_of(words, st.none()) for name in LISTS}
)


def goes_out(state: FlagState) -> set[tuple[str, ...]]:
    """Return every reply that a state lets out; a missing flag is taken for its worst value."""
    if state.get("safe_mode", False) is True or state.get("automation_enabled", True) is False:
        return set()
    templates = [name for name in SWITCHES[2:] if state.get(name, True) is True]
    lists = [WORDS if state.get(name) is None else state[name] for name in LISTS]
    return set(product(templates, *lists))  # type: ignore[arg-type]


def reached(current: FlagState, stage: FlagState, order: tuple[str, ...] = ()) -> list[tuple[FlagStep, FlagState]]:
    state: dict[str, FlagValue] = dict(current)
    after = []
    for step in plan_steps(current, stage, order):
        assert state.get(step.flag, ABSENT) == step.old
        assert step.old != step.new
        state[step.flag] = step.new
        after.append((step, dict(state)))
    return after


@given(stored, stages, st.sampled_from(ORDERS))
def test_no_step_lets_out_more_than_either_end(
    current: dict[str, FlagValue], stage: dict[str, FlagValue], order: tuple[str, ...]
) -> None:
    steps = reached(current, stage, order)
    for step, state in steps:
        assert goes_out(state) <= goes_out(stage if step.widens else current), step
    kinds = [step.widens for step, _ in steps]
    assert kinds == sorted(kinds), "all that narrows comes before all that widens"
    end = steps[-1][1] if steps else current
    wanted = {name: value for name, value in stage.items() if name in current or value is not None}
    assert {name: end.get(name) for name in wanted} == wanted


STAGE_1: FlagState = {
    "safe_mode": True,
    "automation_enabled": False,
    "template_enabled.t_a": False,
    "automation_enabled_channels": ("livechat",),
}
STAGE_2: FlagState = {
    "automation_enabled_channels": ("livechat", "email"),
    "template_enabled.t_a": True,
    "safe_mode": False,
    "automation_enabled": True,
}


def names(current: FlagState, stage: FlagState, *order: str) -> list[str]:
    return [step.flag for step in plan_steps(current, stage, order)]


def test_the_switches_widen_last_unless_the_plan_says_otherwise() -> None:
    lists = ["automation_enabled_channels", "template_enabled.t_a"]
    assert names(STAGE_1, STAGE_2) == [*lists, "safe_mode", "automation_enabled"]
    ordered = names(STAGE_1, STAGE_2, "safe_mode", "automation_enabled", "template_enabled")
    assert ordered == ["automation_enabled_channels", "safe_mode", "automation_enabled", "template_enabled.t_a"]
    assert names(STAGE_1, STAGE_2, "automation_enabled")[-2:] == ["automation_enabled", "safe_mode"]


def test_the_switches_narrow_first() -> None:
    assert names(STAGE_2, STAGE_1)[:2] == ["safe_mode", "automation_enabled"]


def test_an_exchanged_list_passes_through_what_both_hold() -> None:
    current: FlagState = {**STAGE_2, "automation_enabled_channels": ("livechat", "social")}
    steps = [(step.new, step.widens) for step in plan_steps(current, STAGE_2)]
    assert steps == [(("livechat",), False), (("livechat", "email"), True)]


@pytest.mark.parametrize("name", SWITCHES)
def test_a_missing_flag_is_written_at_its_safe_value_first(name: str) -> None:
    unsafe = name != "safe_mode"
    steps = [(step.old, step.new, step.widens) for step in plan_steps({}, {name: unsafe})]
    assert steps == [(ABSENT, not unsafe, False), (not unsafe, unsafe, True)]


def test_a_stage_that_is_entered_already_writes_nothing() -> None:
    assert plan_steps(STAGE_2, STAGE_2) == ()
