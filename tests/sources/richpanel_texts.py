"""Rows and files for the tests of sources: the real ones, and small ones to spoil."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from gonogo.errors import Problem
from gonogo.model.case import Pack
from gonogo.model.vocabulary import Vocabulary
from gonogo.sources.smoke_csv import HEADER, read_pack
from gonogo.sources.system_files import load_vocabulary

SOURCES = Path(__file__).parents[2] / "smoke_cases" / "richpanel"
HEADER_LINE = ",".join(HEADER)
Found = list[tuple[int, str, str]]

_loaded, _problems = load_vocabulary(SOURCES / "vocabulary.yaml", "vocabulary.yaml")
assert _loaded is not None, _problems
VOCABULARY: Vocabulary = _loaded

GOOD = {
    "test_id": "ST-1",
    "mode": "tier1_automation",
    "channel": "livechat",
    "inbound_message": "where is my order",
    "expected_primary_intent": "order_status_tracking",
    "expected_destination": "Email Support Team",
    "expected_tags": "mw-intent-order-status",
    "expected_template_id": "t_order_status_ask_order_number",
    "expected_action": "auto_reply_tier1",
    "notes": "a note",
}
TIER0 = GOOD | {
    "mode": "tier0_safety",
    "expected_primary_intent": "legal_threat",
    "expected_destination": "Leadership Team",
    "expected_tags": "mw-intent-legal",
    "expected_template_id": "None",
    "expected_action": "route_only",
}
MATCH = GOOD | {
    "mode": "tier2_verified_match",
    "expected_template_id": "t_order_status_verified",
    "expected_action": "auto_reply_tier2",
}
ROUTED = GOOD | {"mode": "route_only", "expected_template_id": "None", "expected_action": "route_only"}


def row(base: dict[str, str] | None = None, **cells: str) -> dict[str, str]:
    """Return a good row with some cells replaced; `id_`, `template` … are short for the column names."""
    short = {
        "id_": "test_id",
        "message": "inbound_message",
        "intent": "expected_primary_intent",
        "team": "expected_destination",
        "tags": "expected_tags",
        "template": "expected_template_id",
        "action": "expected_action",
    }
    return {**(base or GOOD), **{short.get(name, name): value for name, value in cells.items()}}


def write_csv(rows: Sequence[dict[str, str]], header: Sequence[str] = HEADER, end: str = "\n") -> str:
    """Return rows as CSV text."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=end)
    writer.writerow(header)
    writer.writerows([[cells.get(name, "extra") for name in header] for cells in rows])
    return out.getvalue()


def read_text(folder: Path, content: str | bytes, name: str = "pack.csv") -> tuple[Pack, list[Problem]]:
    """Return what `read_pack` makes of a file with this content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_pack(path, name, VOCABULARY)


def places(problems: Sequence[Problem]) -> list[tuple[int, str]]:
    """Return line and column of each problem, sorted."""
    return sorted((problem.line, problem.column) for problem in problems)
