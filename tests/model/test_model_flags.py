"""Which direction of a flag is safe, and the order in which flags are changed."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gonogo.model.flags import (
    ABSENT,
    AUTOMATION,
    CHANNELS,
    SAFE_MODE,
    TIER2_CHANNELS,
    TIER2_TAGS,
    FlagState,
    FlagValue,
    describe_state,
    describe_value,
    flag_group,
    is_automation_on,
    is_towards_safe,
    order_changes,
    template_flag,
)

TEMPLATES = ("a", "b")
LISTS = (CHANNELS, TIER2_CHANNELS, TIER2_TAGS)
SWITCH = [
    # old, new, safe when the flag enables something, safe for safe_mode
    (True, True, True, True),
    (False, False, True, True),
    (True, False, True, False),
    (False, True, False, True),
    (ABSENT, False, True, False),
    (ABSENT, True, False, True),
    (True, ABSENT, False, False),
    (False, ABSENT, False, False),
    (ABSENT, ABSENT, True, True),
]
ALLOW_LIST = [
    (("x",), ("x",), True),
    (("x", "y"), ("x",), True),
    (("x", "y"), ("y", "x"), True),
    (("x",), (), True),
    (("x",), ("x", "y"), False),
    (("x",), ("y",), False),
    ((), ("x",), False),
    (("x",), None, False),
    ((), None, False),
    (None, ("x",), True),
    (None, (), True),
    (None, None, True),
    (ABSENT, (), True),
    (ABSENT, ("x",), False),
    (ABSENT, None, False),
    (("x",), ABSENT, False),
    ((), ABSENT, False),
    (None, ABSENT, False),
    (("x",), False, False),
]


@pytest.mark.parametrize(("old", "new", "enabling", "safe_mode"), SWITCH)
def test_direction_of_a_switch(old: FlagValue, new: FlagValue, enabling: bool, safe_mode: bool) -> None:
    assert is_towards_safe(AUTOMATION, old, new) is enabling
    assert is_towards_safe(template_flag("a"), old, new) is enabling
    assert is_towards_safe(SAFE_MODE, old, new) is safe_mode


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(("old", "new", "safe"), ALLOW_LIST)
def test_direction_of_an_allow_list(name: str, old: FlagValue, new: FlagValue, safe: bool) -> None:
    assert is_towards_safe(name, old, new) is safe


@pytest.mark.parametrize("value", [True, False, None, (), ("x",), ABSENT])
def test_no_direction_of_an_unknown_flag_is_safe(value: FlagValue) -> None:
    assert not is_towards_safe("kill_switch", "other", value)  # type: ignore[arg-type]


def test_automation_is_on_only_where_both_switches_are_known_to_say_so() -> None:
    states = product([True, False, None, ABSENT], repeat=2)

    on = [pair for pair in states if is_automation_on({SAFE_MODE: pair[0], AUTOMATION: pair[1]})]

    assert on == [(False, True)]
    assert not is_automation_on({})


switches = st.sampled_from([True, False, ABSENT])
lists = st.one_of(
    st.none(), st.just(ABSENT), st.sets(st.sampled_from(["x", "y", "z"])).map(lambda one: tuple(sorted(one)))
)
states = st.fixed_dictionaries(
    {SAFE_MODE: switches, AUTOMATION: switches}
    | dict.fromkeys(LISTS, lists)
    | {template_flag(name): switches for name in TEMPLATES}
)


def goes_out(state: FlagState) -> set[tuple[str, str, str, str]]:
    """Return every (tier, channel, tag, template) that a state may let out; a missing flag may work as anything."""

    def on(name: str, value: bool) -> bool:
        return state[name] in (value, ABSENT)

    def listed(name: str) -> set[str]:
        value = state[name]
        return set(value) if isinstance(value, tuple) else {"x", "y", "z"}

    if not (on(SAFE_MODE, False) and on(AUTOMATION, True)):
        return set()
    templates = [name for name in TEMPLATES if on(template_flag(name), True)]
    tier1 = product(["1"], listed(CHANNELS), "xyz", templates)
    tier2 = product(["2"], listed(CHANNELS) & listed(TIER2_CHANNELS), listed(TIER2_TAGS), templates)
    return {*tier1, *tier2}


def is_exchange(old: FlagValue, new: FlagValue) -> bool:
    """Return whether neither list holds the other, or nobody knows since one of them is missing."""
    if old != new and ABSENT in (old, new):
        return True
    wide = {"x", "y", "z"}
    first, second = (set(one) if isinstance(one, tuple) else wide for one in (old, new))
    return not (first <= second or second <= first)


@given(states, states, st.randoms(use_true_random=False))
def test_nothing_goes_out_in_between_that_neither_end_allows(
    old: dict[str, FlagValue], new: dict[str, FlagValue], random: object
) -> None:
    # Where two lists are exchanged for others at once, no order of single writes can do it.
    assume(sum(is_exchange(old[name], new[name]) for name in LISTS) <= 1)
    names = list(new)
    random.shuffle(names)  # type: ignore[attr-defined]
    shuffled = {name: new[name] for name in names}
    allowed = goes_out(old) | goes_out(new)
    state = dict(old)

    for name in order_changes(old, shuffled):
        state[name] = new[name]
        assert goes_out(state) <= allowed

    assert state == new


def test_the_switches_are_thrown_first_and_opened_last() -> None:
    on = {CHANNELS: ("x",), template_flag("a"): True, SAFE_MODE: False, AUTOMATION: True}
    off = {CHANNELS: (), template_flag("a"): False, SAFE_MODE: True, AUTOMATION: False}

    assert set(order_changes(on, off)[:2]) == {SAFE_MODE, AUTOMATION}
    assert set(order_changes(off, dict(reversed(on.items())))[-2:]) == {SAFE_MODE, AUTOMATION}


@given(states)
def test_a_state_that_is_already_there_needs_no_write(state: dict[str, FlagValue]) -> None:
    assert order_changes(state, state) == []


def test_a_flag_that_the_store_does_not_hold_is_written() -> None:
    assert order_changes({}, {SAFE_MODE: True}) == [SAFE_MODE]


def test_flags_read_like_people_write_them() -> None:
    assert [describe_value(value) for value in (True, False, ("a", "b"), None, ABSENT)] == [
        "true", "false", "[a, b]", "no restriction", "absent",
    ]  # fmt: skip
    assert describe_state({SAFE_MODE: True, AUTOMATION: False}, [AUTOMATION]) == "automation_enabled=false"
    assert flag_group(template_flag("a")) == "template_enabled"
    assert flag_group(SAFE_MODE) == SAFE_MODE
