"""What a release driver sees: progress on stderr while a run goes on, and the panel at its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gonogo.cli.output import print_line
from gonogo.cli.seal_line import describe_seal
from gonogo.reports.markdown import WORDS
from gonogo.reports.visible import show_text
from gonogo.run.conclude import RunReport
from gonogo.run.progress import Progress, Watch
from gonogo.sources.project import Project

_STYLE = {"GO": "bold green", "HOLD": "bold yellow", "NO_GO": "bold red"}
_SHOWN = 12


@contextmanager
def make_display(stream: TextIO, title: str) -> Iterator[Watch]:
    """Yield a watcher: a live display in a terminal, else one line a change."""
    console = Console(file=stream, highlight=False)
    if not console.is_terminal:
        yield _LineWatch(console)
        return
    with Live(console=console, refresh_per_second=8, transient=True) as live:
        yield lambda progress: live.update(_live_view(title, progress))


class _LineWatch:
    """Prints a line whenever the phase or the flag state changes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: tuple[str, str] = ("", "")

    def __call__(self, progress: Progress) -> None:
        now = (progress.phase, progress.state)
        if now != self._last:
            self._last = now
            self._console.print(f"{progress.seconds:6.1f} s  {_phase_words(progress)}", soft_wrap=True, markup=False)


def _phase_words(progress: Progress) -> str:
    words = {
        "start": "reading sources, starting",
        "flags": f"setting flags: {progress.state}",
        "probe": f"proving flags by their effect: {progress.state}",
        "messages": f"messages sent ahead: {progress.state}",
        "return": "returning flags, comparing the target with how it was found",
        "left": f"flags left: {progress.state}",
        "returned": "flags are back as far as they may be; proving them by their effect",
    }
    return words.get(progress.phase, progress.phase)


def _live_view(title: str, progress: Progress) -> Group:
    table = Table.grid(padding=(0, 2))
    table.add_row("checks", ProgressBar(progress.planned, progress.judged, width=30), _counts(progress))
    if progress.total:
        bar = ProgressBar(progress.total, progress.decided, width=30)
        table.add_row("messages", bar, f"{progress.sent} sent, {progress.decided} of {progress.total} decided")
    return Group(Text(f"{title}  {progress.seconds:.0f} s", style="bold"), Text(_phase_words(progress)), table)


def _counts(progress: Progress) -> Text:
    text = Text(f"{progress.judged} of {progress.planned} judged")
    if progress.failed:
        text.append(f", {progress.failed} failed", style="bold red")
    return text


def _unseen(one: dict[str, Any]) -> str:
    return "" if one["seen"] else " without any effect"


def print_report(report: RunReport, project: Project, *, as_json: bool) -> None:
    """Print the decision: one JSON object, or a panel with the deciding checks and where to look."""
    if as_json:
        print_line(json.dumps(report.record, ensure_ascii=False, indent=1))
        return
    console = Console(highlight=False)
    verb = report.decision.verb.value
    record = report.record
    lines: list[Text] = [Text(", ".join(f"{count} {name}" for name, count in record["counts"].items()))]
    lines += [Text(note, style="bold red") for note in record["notes"]]
    reasons = report.decision.reasons
    lines += [Text(f"- {reason}") for reason in reasons[:_SHOWN]]
    if len(reasons) > _SHOWN:
        lines.append(Text(f"- and {len(reasons) - _SHOWN} more"))
    if record["not_tested"]:
        cases = [entry["case"] for entry in record["not_tested"]]
        more = f" and {len(cases) - 8} more" if len(cases) > 8 else ""
        lines.append(Text(f"Not tested: {', '.join(cases[:8])}{more}"))
    lines += [
        Text(f"Time to safe  {one['flag']}={json.dumps(one['value'])}: {one['seconds']:.1f} s{_unseen(one)}")
        for one in record["time_to_safe"]
    ]
    folder = project.relative(report.folder)
    lines += [Text(""), Text(f"Report   {folder}/report.html"), Text(f"Allure   {folder}/allure-results")]
    lines.append(Text(f"JUnit    {folder}/junit.xml"))
    lines.append(describe_seal(record["system"], report.seal, report.seal_error))
    lines.append(Text(f"Next     {report.next_command}"))
    for line in lines:
        line.plain = show_text(line.plain)
    title = f"{WORDS[verb]}  {record['system']} stage {record['stage']} {record['environment']}"
    if console.is_terminal:
        console.print(Panel(Group(*lines), title=Text(title, style=_STYLE[verb]), title_align="left", padding=(0, 1)))
        return
    print_line(title)
    for line in lines:
        print_line(f"  {line.plain}".rstrip())
