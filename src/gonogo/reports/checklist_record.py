"""A checklist as `gonogo checklist show` prints it: one JSON object, or text with its counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gonogo.model.checklist import Checklist, ChecklistItem

SCHEMA = "gonogo/checklist/1"


def build_checklist_record(checklist: Checklist) -> dict[str, Any]:
    """Return a checklist as the object that `docs/schemas/checklist.schema.json` describes."""
    return {
        "schema": SCHEMA,
        "file": checklist.file,
        "sha256": checklist.digest,
        "counts": checklist.counts,
        "sections": [{"line": line, "text": text} for line, text in checklist.sections],
        "items": [_item(item) for item in checklist.items],
        "unplaced": [{"line": one.line, "text": one.text, "reason": one.reason} for one in checklist.unplaced],
    }


def _item(item: ChecklistItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "line": item.line,
        "section": list(item.section),
        "kind": item.kind.value,
        "text": item.text,
        "expectations": list(item.expectations),
        "checked": item.checked,
        "commands": list(item.commands),
        "parent": item.parent,
        "lead": item.lead,
        "cells": [{"column": name, "text": cell} for name, cell in item.cells],
        "steps": list(item.steps),
        "stands_alone": item.stands_alone,
        "sha256": item.digest,
    }


def render_checklist(checklist: Checklist) -> Iterator[str]:
    """Yield the lines that people read: items by section, what they expect, and the counts at the end."""
    section: tuple[str, ...] | None = None
    for item in checklist.items:
        if item.section != section:
            section = item.section
            yield ""
            yield " › ".join(section) or checklist.file
        yield f"{item.line:>6}  {_box(item)} {item.kind.value:<12}  {item.id:<50}  {item.text}"
        for text in item.expectations:
            yield f"{'':>26}expects  {text}"
        for text in item.commands:
            for row in text.split("\n"):
                yield f"{'':>26}     $  {row}"
    if checklist.unplaced:
        yield ""
        yield "Part of no item:"
        for one in checklist.unplaced:
            yield f"{one.line:>6}  {one.reason}: {one.text}"
    yield ""
    counted = ", ".join(f"{number} {_plural(name, number)}" for name, number in checklist.counts.items())
    yield f"{checklist.file}: {len(checklist.items)} items ({counted}); {len(checklist.standing)} to be answered for"


def _box(item: ChecklistItem) -> str:
    if item.checked is None:
        return " · " if item.stands_alone else "   "
    return "[x]" if item.checked else "[ ]"


def _plural(name: str, number: int) -> str:
    if number == 1:
        return name.removesuffix("s") if name.endswith("s") else name
    return name if name.endswith("s") else f"{name}s"
