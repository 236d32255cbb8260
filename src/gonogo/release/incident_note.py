"""The incident note of a rollback: a skeleton with what was measured, and places for what only people know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gonogo.model.flags import describe_value
from gonogo.model.release_plan import FollowUp, Occasion
from gonogo.run.flagjournal import flag_from_json

_BUILT_IN = (
    "Decision log entry, if defaults changed",
    "Risk register",
    "Adversarial and edge case test suite, if applicable",
    "Golden set, if a new failure pattern was found",
)
_EFFECTS = {
    "proven": "proven by effect",
    "not_proven": "performed, not proven",
    "no_effect": "no effect",
    "failed": "failed: nothing was written",
}


def render_incident(record: Mapping[str, Any], follow_ups: Sequence[FollowUp]) -> str:
    """Return incident.md of a rollback's record; what is in angle brackets a person fills in."""
    by = "by itself" if record["automatic"] else f"by {_cell(record['who'])}"
    trigger = f" on trigger {_cell(record['trigger'])}" if record["trigger"] else ""
    safe = record["time_to_safe"]
    lines = [
        f"# Incident: rollback {record['option']} of {record['system']} on {record['environment']}",
        "",
        f"Rollback {record['id']}, option {record['option']} ({_cell(record['name'])}), {by}{trigger}.",
        f"Effect: {_EFFECTS[record['effect']]}. "
        + (f"Time to safe: {safe:.1f} s." if safe is not None else "Time to safe: not measured."),
        f"Deployed: build {_cell(record['build'] or 'not shown')}, release {_cell(record['release'] or 'not shown')}.",
        "",
        "## What happened",
        "",
        f"Reason given: {_cell(record['why'] or 'none')}",
        "",
        "<What was seen, by whom, which customers were affected, since when.>",
        "",
        "## When",
        "",
        "| Time (UTC) | Event |",
        "|---|---|",
        *(f"| {one['at']} | {_cell(one['what'])} |" for one in record["timeline"]),
        "",
        "## What was changed",
        "",
        "| Flag | Before | After | Write |",
        "|---|---|---|---|",
        *(_change(record, write) for write in record["writes"]),
        "",
        *_others(record),
        "## Verification after the rollback",
        "",
        f"{_cell(record['pack']['sentence'])}",
        "",
        "## Cause and impact",
        "",
        "<Cause; how many conversations got a wrong reply; what was said to them.>",
        "",
        "## Follow-up",
        "",
        *_open_items(follow_ups),
        "",
    ]
    return "\n".join(lines)


def _change(record: Mapping[str, Any], write: Mapping[str, Any]) -> str:
    flag = write["flag"]
    known = record["from"] if flag in record["from"] else {}
    before = describe_value(flag_from_json(known[flag])) if known else "not known"
    if flag in record["before_uncertain"]:
        before += " (or read after the write)"
    after = record["after"] or {}
    shown = describe_value(flag_from_json(after[flag])) if flag in after else "not known"
    attempts = len(write["attempts"])
    return f"| {_cell(flag)} | {before} | {shown} | {write['outcome']} after {attempts} attempt(s) |"


def _others(record: Mapping[str, Any]) -> list[str]:
    lines = [
        f"- {_cell(one['flag'])} had been borrowed by {_cell(one['run'])} "
        f"(it was {describe_value(flag_from_json(one['old']))}); nothing returns it by itself any more."
        for one in record["voided"]
    ]
    if record["lock"]["taken_from"]:
        lines.append(f"- The environment was taken over from {_cell(record['lock']['taken_from'])}.")
    lines += [f"- {_cell(note)}" for note in record["notes"]]
    return [*lines, ""] if lines else []


def _open_items(follow_ups: Sequence[FollowUp]) -> list[str]:
    planned = [one for one in follow_ups if one.after is Occasion.ROLLBACK]
    if not planned:
        return [f"- [ ] {text}" for text in _BUILT_IN]
    return [
        f"- [ ] {one.id} {_cell(one.name)} ({_cell(one.role)}, within {one.due / 3600:g} h)"
        + (", blocks the next stage" if one.blocks_next_stage else "")
        for one in planned
    ]


def _cell(text: object) -> str:
    """Return text that breaks no line and no table."""
    return " ".join(str(text).split()).replace("|", "\\|")
