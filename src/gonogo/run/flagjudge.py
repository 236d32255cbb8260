"""Whether one decision shows that a worker uses the flags that it should; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gonogo.model.flags import (
    ABSENT,
    AUTOMATION,
    SAFE_MODE,
    TEMPLATE_PREFIX,
    FlagState,
    FlagValue,
    describe_value,
    flag_group,
    is_automation_on,
)
from gonogo.model.outcome import InconclusiveReason, Outcome, Verdict
from gonogo.targets.interface import Decision


def judge_group(group: str, decision: Decision, wanted: FlagState, deadline: float) -> Verdict:
    """Return whether a decision shows that the worker uses the wanted flags of a group; `deadline` is for the words."""
    expected = describe_wanted(group, wanted)
    used = decision.flags_used.get(group, ABSENT)
    if used is not ABSENT:
        if _same(group, used, wanted):
            return Verdict(Outcome.PASSED, (), expected, f"the probe's decision used {_used_text(used)}")
        text = f"the worker used {_used_text(used)} after {deadline:g} s, not {expected}"
        return Verdict(Outcome.FAILED, (text,), expected, _used_text(used))
    blocked = decision.fields.get("blocked_by")
    if group in (SAFE_MODE, AUTOMATION) and isinstance(blocked, list):
        return _judge_by_block(group, blocked, wanted, deadline, expected)
    text = f"decisions show neither the {group} that the worker used nor which switch blocked"
    return Verdict.inconclusive(InconclusiveReason.NOT_OBSERVABLE, text, expected)


def _judge_by_block(group: str, blocked: list[Any], wanted: FlagState, deadline: float, expected: str) -> Verdict:
    """Judge a kill switch by whether the probe's decision names it as what blocked the reply."""
    stops = wanted.get(group) is (group == SAFE_MODE) or wanted.get(group) is ABSENT
    named = group in blocked
    if named == stops:
        how = "names it as what blocked" if named else "was not blocked by it"
        if not stops and not is_automation_on(wanted):
            # Another switch blocked: that this one did not says nothing about a system that names only the first.
            text = f"another switch blocked the probe, so {group} was not seen at work"
            return Verdict.inconclusive(InconclusiveReason.NOT_OBSERVABLE, text, expected)
        return Verdict(Outcome.PASSED, (), expected, f"the probe's decision {how}")
    if stops and blocked:
        text = f"the decision names {', '.join(map(str, blocked))}, so {group} was not seen at work"
        return Verdict.inconclusive(InconclusiveReason.NOT_OBSERVABLE, text, expected)
    text = f"the probe was {'blocked by' if named else 'not blocked by'} {group} after {deadline:g} s"
    return Verdict(Outcome.FAILED, (text,), expected, text)


def _same(group: str, used: FlagValue, wanted: FlagState) -> bool:
    if group == "template_enabled":
        enabled = {name.removeprefix(TEMPLATE_PREFIX) for name, value in _templates(wanted).items() if value is True}
        return isinstance(used, tuple) and set(used) == enabled
    value = wanted.get(group)
    if value is ABSENT:
        # A missing flag must work as its safe value.
        return used is (group == SAFE_MODE)
    if isinstance(value, tuple) and isinstance(used, tuple):
        return set(value) == set(used)
    return used == value


def _templates(state: Mapping[str, FlagValue]) -> dict[str, FlagValue]:
    return {name: value for name, value in state.items() if flag_group(name) == "template_enabled"}


def describe_wanted(group: str, wanted: FlagState) -> str:
    """Return what a group of flags should be, as people read it."""
    if group == "template_enabled":
        enabled = [name.removeprefix(TEMPLATE_PREFIX) for name, value in _templates(wanted).items() if value is True]
        return f"templates enabled: {', '.join(sorted(enabled)) or 'none'}"
    value = wanted.get(group)
    if value is ABSENT:
        return f"{group} missing from the store, working as {'true' if group == SAFE_MODE else 'false'}"
    return f"{group}={describe_value(value)}"


def _used_text(used: FlagValue) -> str:
    return describe_value(used)
