"""Values of files that another version, or somebody else, may have written: read for what they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gonogo.reports.visible import LONGEST, cut_text, show_line, show_text


def as_map(value: object) -> Mapping[str, Any]:
    """Return an object, or an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> list[Any]:
    """Return a list, or an empty one for anything else."""
    return list(value) if isinstance(value, list | tuple) else []


def as_maps(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list; what is none is left out."""
    return [one for one in as_list(value) if isinstance(one, Mapping)]


def as_text(value: object) -> str:
    """Return a value as people read it, with what acts or hides made visible, cut where it is very long."""
    # Nearly all texts are plain: a large pack has half a million, and looking closely at each would be felt.
    if type(value) is str and len(value) <= LONGEST and value.isprintable():
        return value
    return show_text(cut_text(_word(value)))


def as_line(value: object) -> str:
    """Return a value as people read it, on one line."""
    if type(value) is str and len(value) <= LONGEST and value.isprintable():
        return value
    return show_line(cut_text(_word(value)))


def as_lines(value: object) -> tuple[str, ...]:
    """Return the texts of a list."""
    return tuple(map(as_text, value)) if isinstance(value, list | tuple) else ()


def show_number(value: object) -> str:
    """Return a figure with six significant digits and thousands set apart; other values as text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return as_line(value)
    if isinstance(value, int):
        return f"{value:,}"
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100_000 else f"{value:,.6g}"


def _word(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False, default=str)
