"""What a release driver sees of a load: figures while it goes on, the panel at its end, the list of profiles."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gonogo.cli.output import print_line
from gonogo.cli.seal_line import describe_seal
from gonogo.loadtest.progress import LoadProgress, LoadWatch
from gonogo.loadtest.run import LoadReport
from gonogo.model.load import prove_limits
from gonogo.model.plan import Plan
from gonogo.reports.markdown import WORDS
from gonogo.sources.load_file import LoadPack
from gonogo.sources.project import Project

_STYLE = {"GO": "bold green", "HOLD": "bold yellow", "NO_GO": "bold red"}
_SHOWN = 12
_EVERY = 5.0


@contextmanager
def make_load_display(stream: TextIO, title: str) -> Iterator[LoadWatch]:
    """Yield a watcher: a live display in a terminal, else a line every few seconds."""
    console = Console(file=stream, highlight=False)
    if not console.is_terminal:
        yield _LineWatch(console)
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        yield lambda progress: live.update(_live_view(title, progress))


class _LineWatch:
    """Prints a line whenever the phase changes, and every few seconds within one."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._phase, self._at = "", 0.0

    def __call__(self, progress: LoadProgress) -> None:
        now = time.monotonic()
        if progress.phase != self._phase or now - self._at >= _EVERY:
            self._phase, self._at = progress.phase, now
            words = ", ".join(filter(None, (progress.phase, _figures(progress))))
            self._console.print(f"{progress.seconds:6.1f} s  {words}", soft_wrap=True, markup=False)


def _figures(progress: LoadProgress) -> str:
    """Return the figures of a moment: asked and achieved rate, p95, errors, queue age."""
    parts = []
    if progress.asked:
        parts.append(f"{progress.sent:,} of {progress.asked:,}")
    if progress.phase == "sending":
        parts.append(f"asked {progress.asked_rate:.1f}/s, achieved {progress.achieved_rate:.1f}/s")
        if progress.p95 is not None:
            parts.append(f"p95 {progress.p95 * 1000:.0f} ms")
        parts.append(f"{progress.errors:,} errors")
    if progress.queue_age is not None:
        parts.append(f"oldest message {progress.queue_age:.1f} s")
    if progress.text:
        parts.append(progress.text)
    return ", ".join(parts)


def _live_view(title: str, progress: LoadProgress) -> Group:
    table = Table.grid(padding=(0, 2))
    table.add_row(progress.phase, ProgressBar(1.0, progress.share, width=30), f"{progress.seconds:.0f} s")
    return Group(Text(title, style="bold"), table, Text(_figures(progress)))


def print_load(report: LoadReport, project: Project, *, as_json: bool) -> None:
    """Print what a load came to: one JSON object, or a panel with the deciding checks and where to look."""
    activity, record = report.activity, report.record
    if as_json:
        decision = {"decision": activity.decision.verb.value, "deciding": list(activity.decision.deciding)}
        print_line(json.dumps({**record, **decision}, ensure_ascii=False, indent=1))
        return
    lines = [Text(_summary(report))]
    lines += [Text(note, style="bold red") for note in activity.record["notes"]]
    reasons = activity.decision.reasons
    lines += [Text(f"- {reason}") for reason in reasons[:_SHOWN]]
    if len(reasons) > _SHOWN:
        lines.append(Text(f"- and {len(reasons) - _SHOWN} more"))
    unproven = [one["limit"] for one in record["proofs"] if not one["provable"]]
    if unproven:
        lines.append(Text(f"Not proven by so few messages: {', '.join(unproven)}"))
    folder = project.relative(activity.folder)
    lines += [Text(""), Text(f"Figures  {folder}/load.json"), Text(f"Report   {folder}/decision.md")]
    lines.append(describe_seal(report.activity.record["system"], report.activity.seal, report.activity.seal_error))
    verb = activity.decision.verb.value
    title = (
        f"{WORDS[verb]}  {record['system']} load {record['profile']} stage {record['stage']} {record['environment']}"
    )
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(Panel(Group(*lines), title=Text(title, style=_STYLE[verb]), title_align="left", padding=(0, 1)))
        return
    print_line(title)
    for line in lines:
        print_line(f"  {line.plain}".rstrip())


def _summary(report: LoadReport) -> str:
    """Return the figures that people ask for first."""
    figures = {row["figure"]: row for row in report.record["figures"]}
    parts = [f"{report.record['messages']['sent']:,} messages, {report.record['messages']['decided']:,} decided"]
    for name, label in (("ack_p95", "ack p95"), ("ack_p99", "p99")):
        if figures[name]["value"] is not None:
            parts.append(f"{label} {figures[name]['value'] * 1000:.0f} ms")
    age, recovery = figures["queue_age_max"]["value"], figures["recovery"]["value"]
    if age is not None:
        parts.append(f"oldest message {age:.1f} s")
    if recovery is not None:
        parts.append(f"recovered after {recovery:.1f} s")
    return ", ".join(parts)


def print_profiles(pack: LoadPack, plan: Plan, *, as_json: bool) -> None:
    """Print every profile with what so many messages can and cannot prove."""
    rows = []
    for name, profile in pack.load.profiles.items():
        proofs = prove_limits(pack.load.limits_of(name), profile.arrivals.count)
        rows.append(
            {
                "profile": name,
                "title": profile.title,
                "count": profile.arrivals.count,
                "seconds": profile.arrivals.seconds,
                "stages": [stage.id for stage in plan.stages if name in stage.load],
                "condition": profile.condition,
                "proves": [one.sentence for one in proofs if one.provable],
                "cannot_prove": [one.sentence for one in proofs if not one.provable],
            }
        )
    if as_json:
        print_line(json.dumps({"schema": "gonogo/load-profiles/1", "profiles": rows}, ensure_ascii=False, indent=1))
        return
    for row in rows:
        stages = ", ".join(map(str, row["stages"])) or "none"  # type: ignore[call-overload]
        size = f"{row['count']:,} in {_span(float(str(row['seconds'])))}"
        print_line(f"{row['profile']}: {row['title']}; {size}; stages: {stages}")
        if row["condition"]:
            print_line(f"  under: {row['condition']}")
        for key, words in (("proves", "proves"), ("cannot_prove", "CANNOT prove")):
            for sentence in row[key]:  # type: ignore[attr-defined]
                print_line(f"  {words}: {sentence}")


def _span(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
