"""How far checklists have come, as a table by list and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

SCHEMA = "gonogo/checklist-status/1"
STATES = ("passed", "failed", "pending", "stale", "not run", "not asked")
_BAR = 20
ItemRow: TypeAlias = tuple[str, str, bool, str, str, Sequence[str]]


def build_status_record(
    system: str, stage: str, environment: str, release: str, lists: Sequence[tuple[str, Sequence[ItemRow]]]
) -> dict[str, Any]:
    """Return the state of every list; an item is (id, text, automated, state, who answered, reasons)."""
    return {
        "schema": SCHEMA,
        "system": system,
        "stage": stage,
        "environment": environment,
        "release": release,
        "lists": [_list(file, items) for file, items in lists],
    }


def _list(file: str, items: Sequence[ItemRow]) -> dict[str, Any]:
    counts = {state: sum(row[3] == state for row in items) for state in STATES}
    return {
        "file": file,
        "automated": sum(row[2] for row in items),
        "counts": counts,
        "asked": len(items) - counts["not asked"],
        "by": list(dict.fromkeys(row[4] for row in items if row[4])),
        "items": [
            {"id": row[0], "text": row[1], "automated": row[2], "state": row[3], "by": row[4], "reasons": list(row[5])}
            for row in items
        ],
    }


def render_status(record: dict[str, Any]) -> Iterator[str]:
    """Yield a table by list with its progress, then every item that is not passed, with the reason."""
    yield f"{record['system']}, stage {record['stage']}, {record['environment']}, release {record['release']}"
    yield ""
    width = max(len(one["file"]) for one in record["lists"])
    head = ("automated", "passed", "failed", "pending", "stale", "not run", "not asked")
    yield f"{'list':<{width}}  " + "  ".join(head) + "  progress"
    for one in record["lists"]:
        cells = [one["automated"], *(one["counts"][name] for name in head[1:])]
        row = "  ".join(f"{cell:>{len(name)}}" for cell, name in zip(cells, head, strict=True))
        done, asked = one["counts"]["passed"], one["asked"]
        filled = _BAR * done // asked if asked else 0
        by = f"  by {', '.join(one['by'])}" if one["by"] else ""
        yield f"{one['file']:<{width}}  {row}  [{'#' * filled}{'.' * (_BAR - filled)}] {done}/{asked}{by}"
    for one in record["lists"]:
        for item in one["items"]:
            if item["state"] not in ("passed", "not asked"):
                why = "; ".join(item["reasons"])
                yield f"{item['state']:>10}  {item['id']}  {item['text'][:70]}{': ' + why if why else ''}"
