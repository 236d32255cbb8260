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
_SWITCHES = (SAFE_MODE, AUTOMATION)
_LISTS = (CHANNELS, TIER2_CHANNELS, TIER2_TAGS)


class Missing(Enum):
    """The value of a flag that is not in the store at all."""

    ABSENT = "absent"


ABSENT = Missing.ABSENT
FlagValue: TypeAlias = bool | tuple[str, ...] | Missing | None
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
    allow-list None means no restriction. Nobody has proven what the system makes of a missing flag: removing one is
    never safe, and only the safest value is safe to write where there was none. Nor is a flag that is not known here.
    """
    if old == new:
        return True
    if name == SAFE_MODE:
        return new is True
    if name in _LISTS:
        if not isinstance(new, tuple):
            return False
        return not new or old is None or (isinstance(old, tuple) and set(new) <= set(old))
    return new is False and (name == AUTOMATION or name.startswith(TEMPLATE_PREFIX))


def is_automation_on(state: FlagState) -> bool:
    """Return whether a state lets replies out at all."""
    return state.get(SAFE_MODE) is False and state.get(AUTOMATION) is True


def order_changes(old: FlagState, new: FlagState) -> list[str]:
    """Return the names whose value differs, in an order in which nothing goes out that neither end allows.

    What narrows comes first, the two switches before all; then lists that are exchanged for others; then what widens,
    the switches last. (Two lists exchanged while replies go out, or missing on one side, have no such order.)
    """
    changed = [name for name in new if name not in old or old[name] != new[name]]
    return sorted(changed, key=lambda name: _rank(name, old.get(name, ABSENT), new[name]))


def _rank(name: str, old: FlagValue, new: FlagValue) -> int:
    if is_towards_safe(name, old, new):
        return 0 if name in _SWITCHES else 1
    if name in _SWITCHES:
        return 4
    # Narrowing the other way round would be safe: so this change widens, and does nothing else.
    return 3 if is_towards_safe(name, new, old) or name not in _LISTS else 2


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
