"""What `gonogo ci` shows: the gates with why they ran and what they came to, in the terminal and in a GitHub job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gonogo.cli.github import append_summary, is_github, write_annotations
from gonogo.cli.output import print_line
from gonogo.reports.github import render_annotations, render_error
from gonogo.reports.markdown import WORDS, escape

_SHOWN = 4


def print_result(result: Mapping[str, Any], *, as_json: bool) -> None:
    """Print the result of a change, and tell a GitHub job."""
    records = [run.pop("record", None) for run in result["gates"]]
    if is_github():
        lines = [line for record in records if record is not None for line in render_annotations(record)]
        lines += [
            render_error(f"{run['id']}: {run['problem']}") for run in result["gates"] if run["decision"] == "ERROR"
        ]
        if result["sign_off"]["open"]:
            lines.append(render_error(_sign_off(result)))
        write_annotations(lines)
        append_summary(render_table(result))
    if as_json:
        print_line(json.dumps(result, ensure_ascii=False, indent=1))
        return
    table = Table("gate", "decision", "because of", box=None, pad_edge=False, header_style="bold")
    for run in result["gates"]:
        table.add_row(run["id"], WORDS.get(run["decision"], run["decision"]), Text(_short(run["why"])))
    if not result["gates"]:
        for pick in result["picked"]:
            table.add_row(pick["id"], "would run", Text(_short(pick["why"])))
    for name in result["skipped"]:
        table.add_row(name, "not run", "the change touches nothing that it names")
    Console(highlight=False, soft_wrap=True).print(table)
    for run in result["gates"]:
        if run["decision"] != "GO" and run["problem"]:
            print_line(f"\n{run['id']}: {run['command']}\n  " + run["problem"].replace("\n", "\n  "))
    if result["sign_off"]["open"]:
        print_line("\n" + _sign_off(result))
    words = WORDS.get(result["decision"], result["decision"])
    print_line(
        f"\n{words}  {result['system']}, {len(result['changed'])} changed files, base {result['base'] or 'unknown'}"
    )


def render_table(result: Mapping[str, Any]) -> str:
    """Return the job summary: a row a gate."""
    words = WORDS.get(result["decision"], result["decision"])
    lines = [f"## {words}: merge gates of {escape(result['system'])}", "", "| gate | decision | because of |"]
    lines.append("|---|---|---|")
    for run in result["gates"]:
        decision = WORDS.get(run["decision"], run["decision"])
        lines.append(f"| {escape(run['id'])} | {decision} | {escape(_short(run['why']))} |")
    lines += [f"| {escape(name)} | not run | |" for name in result["skipped"]]
    if result["sign_off"]["open"]:
        lines += ["", escape(_sign_off(result))]
    return "\n".join([*lines, ""])


def _short(why: list[str]) -> str:
    more = f" and {len(why) - _SHOWN} more" if len(why) > _SHOWN else ""
    return ", ".join(why[:_SHOWN]) + more


def _sign_off(result: Mapping[str, Any]) -> str:
    sign_off = result["sign_off"]
    files = ", ".join(sign_off["files"])
    return (
        f"HOLD: {files}: changed here, so the change is judged by those of the base. A person accepts them by running "
        f"again with --signed-off {sign_off['digest']}"
    )
