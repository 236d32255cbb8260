"""Flags under the system's names and values, and under ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gonogo.model.flags import TEMPLATE_PREFIX, FlagValue
from gonogo.model.http_interface import ALL_TEMPLATES


def their_name(names: Mapping[str, str], ours: str) -> str:
    """Return the system's name of one of our flags; without a mapping the names are the same."""
    if ours in names:
        return names[ours]
    pattern = names.get(ALL_TEMPLATES)
    if ours.startswith(TEMPLATE_PREFIX) and pattern:
        return pattern.replace("*", ours.removeprefix(TEMPLATE_PREFIX))
    return ours


def our_name(names: Mapping[str, str], theirs: str) -> str | None:
    """Return our name of one of the system's flags; None where it is called like a flag of ours and is another."""
    for ours, other in names.items():
        if other == theirs:
            return ours
    ours = theirs
    before, star, after = names.get(ALL_TEMPLATES, "").partition("*")
    if star and len(theirs) > len(before) + len(after) and theirs.startswith(before) and theirs.endswith(after):
        ours = TEMPLATE_PREFIX + theirs[len(before) : len(theirs) - len(after)]
    return ours if their_name(names, ours) == theirs else None


def flag_value(value: Any) -> FlagValue:
    """Return a JSON value as a flag's value; what is neither a switch nor a list stands as a list of one text."""
    if isinstance(value, list):
        return tuple(map(str, value))
    return value if isinstance(value, bool) or value is None else (str(value),)
