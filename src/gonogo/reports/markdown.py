"""decision.md: one page that says what was decided, why, what was not tested, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

WORDS = {"GO": "GO", "HOLD": "HOLD", "NO_GO": "NO-GO"}
_SHOWN = 40
# What Markdown reads as markup anywhere, links and mentions without brackets, and bullets and rules of their own.
# An underscore between two words' characters is none, and ids are full of them.
_SPECIAL = re.compile(r"([\\`*{}\[\]<>|#&~!@]|:(?=//)|(?<![^ ])[-+=]+(?![^ ])|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")


def render_decision(record: Mapping[str, Any], next_command: str) -> str:
    """Return the page of a decision record."""
    deciding = set(record["deciding"])
    checks = [check for check in record["checks"] if f"{check['case']}/{check['check']}" in deciding]
    order = {name: index for index, name in enumerate(record["deciding"])}
    checks.sort(key=lambda check: order[f"{check['case']}/{check['check']}"])
    build = record["build"].get("before") or "not shown by the target"
    place = f"{escape(record['system'])}, stage {escape(record['stage'])}, {escape(record['environment'])}"
    when = f"{record['started']} to {record['finished']}"
    what = record["activity"].capitalize() if record["activity"] != "stage" else "Gathered from"
    release = escape(record["release"] or "not named")
    lines = [
        f"# {WORDS[record['decision']]}: {place}",
        "",
        f"{what} {escape(', '.join(record['runs']))}, {when}. Build: {escape(build)}. Release: {release}.",
        "",
        _signed(record),
        "",
        "Checks: " + (", ".join(f"{count} {name}" for name, count in record["counts"].items()) or "none") + ".",
        "",
        *_aliases(record["target"]),
        *(line for note in record["notes"] for line in (f"> {escape(note)}", "")),
        "## What decided",
        "",
        *_deciding(record, checks),
        "",
        "## Next",
        "",
        f"    {_flatten(next_command)}",
        "",
        "## What was not tested",
        "",
        *_not_tested(record),
        "",
        "## What this stage made of the rows",
        "",
        *_expectations(record["expectations"]),
        "",
    ]
    return "\n".join(lines)


def _signed(record: Mapping[str, Any]) -> str:
    if record["signer"] == "UNSIGNED":
        return "**UNSIGNED**: no signing key was configured. This counts for nothing outside kind sandbox."
    by = f", run by {escape(record['run_by'])}" if record["run_by"] else ""
    return f"To be signed by key {record['signer'][:16]}{by}; check it with gonogo verify."


def _aliases(target: Mapping[str, Any]) -> list[str]:
    """Return what the target calls otherwise than the vocabulary, which every check took for the same."""
    named = [
        f"{escape(theirs)} = {escape(ours)} ({escape(field)})"
        for field, pairs in (target.get("aliases") or {}).items()
        for theirs, ours in pairs.items()
    ]
    return [f"Aliases of this target: {', '.join(named)}.", ""] if named else []


def _deciding(record: Mapping[str, Any], checks: Sequence[Mapping[str, Any]]) -> list[str]:
    if record["decision"] == "GO":
        return ["Every safety, privacy and required check passed."]
    if not checks:
        return [f"- {escape(reason)}" for reason in record["reasons"]]
    lines = _fired(record["triggers"])
    lines += ["| check | outcome | class | expected | observed | why | source |", "|---|---|---|---|---|---|---|"]
    for check in checks[:_SHOWN]:
        source = f"{check['source']['file']}:{check['source']['line']}"
        cells = (
            f"{check['case']}/{check['check']}",
            check["outcome"],
            check["class"],
            check["expected"],
            check["observed"],
            "; ".join(check["reasons"]),
            source,
        )
        lines.append("| " + " | ".join(escape(cell) for cell in cells) + " |")
    if len(checks) > _SHOWN:
        lines.append(f"\n{len(checks) - _SHOWN} more in decision.json.")
    return lines


def _fired(triggers: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        f"- {escape(one['id'])} fired ({one['kind']}, option {escape(one['option'])}): "
        f"{escape('; '.join(one['reasons']))}"
        for one in triggers
        if one["fired"]
    ]
    return [*lines, ""] if lines else []


def _not_tested(record: Mapping[str, Any]) -> list[str]:
    entries = record["not_tested"]
    lines = [f"- {escape(entry['case'])}: {escape(entry['why'])}" for entry in entries[:_SHOWN]]
    if len(entries) > _SHOWN:
        lines.append(f"- {len(entries) - _SHOWN} more in decision.json.")
    lines = lines or ["Everything that was planned ran."]
    holes = record["holes"]
    if holes:
        lines += ["", "No case of the pack tries, at this stage:", ""]
        lines += [f"- {escape(hole)}" for hole in holes[:_SHOWN]]
    if len(holes) > _SHOWN:
        lines.append(f"- {len(holes) - _SHOWN} more in decision.json.")
    return lines


def _expectations(expectations: Mapping[str, Mapping[str, Any]]) -> list[str]:
    grouped: dict[str, list[str]] = {}
    for case, entry in expectations.items():
        grouped.setdefault(str(entry["reply"]), []).append(case)
    if not grouped:
        return ["No rows ran."]
    return [
        f"- {escape(reply)}: {escape(', '.join(cases[:12]))}{f' and {len(cases) - 12} more' if len(cases) > 12 else ''}"
        for reply, cases in grouped.items()
    ]


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", _flatten(text))


def _flatten(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
