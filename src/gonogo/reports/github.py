"""Annotations and the job summary of GitHub's workflows, from a decision record.

Source: GitHub documentation, "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gonogo.reports.markdown import WORDS, escape

# GitHub shows ten errors of a step; what is more would push others out.
_SHOWN = 10
_FAILED = frozenset({"FAILED", "ERROR"})


def render_annotations(record: Mapping[str, Any]) -> list[str]:
    """Return a workflow command for each deciding check, heaviest first, with the file and line that it comes from."""
    order = {name: index for index, name in enumerate(record["deciding"])}
    checks = [check for check in record["checks"] if f"{check['case']}/{check['check']}" in order]
    checks.sort(key=lambda check: order[f"{check['case']}/{check['check']}"])
    lines = [_annotate(check) for check in checks[:_SHOWN]]
    if not lines and record["decision"] != "GO":
        lines = [render_error(f"{WORDS[record['decision']]}: {reason}") for reason in record["reasons"][:_SHOWN]]
    return lines


def _annotate(check: Mapping[str, Any]) -> str:
    level = "error" if check["outcome"] in _FAILED else "warning"
    title = f"{check['case']}/{check['check']} {check['outcome']}"
    told = [*check["reasons"]]
    if check["expected"] or check["observed"]:
        told.append(f"expected: {check['expected']}; observed: {check['observed']}")
    place = ""
    if check["source"]["file"]:
        place = f"file={_property(check['source']['file'])},line={max(1, int(check['source']['line']))},"
    return f"::{level} {place}title={_property(title)}::{_data('; '.join(told) or check['outcome'])}"


def render_error(text: str) -> str:
    """Return a workflow command that shows an error without a place."""
    return f"::error::{_data(text)}"


def render_summary(record: Mapping[str, Any], next_command: str) -> str:
    """Return the Markdown of the job summary: the decision, the deciding checks, what was not tested."""
    place = f"{escape(record['system'])}, stage {escape(record['stage'])}, {escape(record['environment'])}"
    counts = ", ".join(f"{count} {name}" for name, count in record["counts"].items()) or "none"
    lines = [f"## {WORDS[record['decision']]}: {place}", "", f"Checks: {counts}. Signer: {record['signer'][:16]}.", ""]
    if record["reasons"]:
        lines += ["| check | why |", "|---|---|"]
        for reason in record["reasons"][:_SHOWN]:
            name, _, why = reason.partition(": ")
            lines.append(f"| {escape(name)} | {escape(why)} |")
        if len(record["reasons"]) > _SHOWN:
            lines += ["", f"{len(record['reasons']) - _SHOWN} more in decision.json."]
        lines.append("")
    if record["not_tested"]:
        cases: Sequence[Mapping[str, str]] = record["not_tested"]
        named = ", ".join(escape(one["case"]) for one in cases[:_SHOWN])
        more = f" and {len(cases) - _SHOWN} more" if len(cases) > _SHOWN else ""
        lines += [f"Not tested: {named}{more}.", ""]
    return "\n".join([*lines, f"    {' '.join(next_command.split())}", ""])


def _data(text: str) -> str:
    return _clean(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _clean(text: str) -> str:
    """Return text without what a log would act on, such as colours; line ends stay and are encoded."""
    return "".join(char if char.isprintable() or char in "\r\n" else "\N{REPLACEMENT CHARACTER}" for char in text)
