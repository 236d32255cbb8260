"""Flags of a middleware, flag states, and which direction is safe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TypeAlias

SAFE_MODE = "safe_mode"
AUTOMATION = "automation_enabled"
CHANNELS = "automation_enabled_channels"
TIER2_CHANNELS = "tier2_channels"
TIER2_TAGS = "tier2_tags"
TEMPLATE_PREFIX = "template_enabled."


class Missing(Enum):
    """The value of a flag that is not in the store at all."""

    ABSENT = "absent"


ABSENT = Missing.ABSENT
FlagValue: TypeAlias = bool | tuple[str, ...] | None | Missing
FlagState: TypeAlias = Mapping[str, FlagValue]


def template_flag(template: str) -> str:
    """Return the name of the flag that enables one template."""
    return f"{TEMPLATE_PREFIX}{template}"


def flag_group(name: str) -> str:
    """Return the name under which a flag's effect is checked: all template flags are one switchboard."""
    return "template_enabled" if name.startswith(TEMPLATE_PREFIX) else name


def is_towards_safe(name: str, old: FlagValue, new: FlagValue) -> bool:
    """Return whether a change can only stop customer-facing automation and never start it.

    Safe mode on, automation off, a template off and a shorter list of channels or tags are safe directions. For an
    allow-list None means no restriction. A flag missing from the store counts as the unsafe side of any change, since
    nobody has proven what the system makes of it.
    """
    if old == new:
        return True
    if new is ABSENT:
        return False
    if name == SAFE_MODE:
        return new is True
    if name in (CHANNELS, TIER2_CHANNELS, TIER2_TAGS):
        if not isinstance(new, tuple):
            return False
        return not new or old is None or (isinstance(old, tuple) and set(new) <= set(old))
    return new is False


def is_automation_on(state: FlagState) -> bool:
    """Return whether a state lets replies out at all."""
    return state.get(SAFE_MODE) is False and state.get(AUTOMATION) is True


def order_changes(old: FlagState, new: FlagState) -> list[str]:
    """Return the names whose value differs, those towards safe first: no moment in between is less safe than both ends."""
    changed = [name for name in new if name not in old or old[name] != new[name]]
    return sorted(changed, key=lambda name: not is_towards_safe(name, old.get(name, ABSENT), new[name]))


def describe_value(value: FlagValue) -> str:
    """Return a flag's value as people write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return "no restriction" if value is None else "absent"


def describe_state(state: FlagState, names: Iterable[str] | None = None) -> str:
    """Return flags as `name=value` pairs in the given order."""
    return ", ".join(f"{name}={describe_value(state[name])}" for name in (names or state) if name in state)
