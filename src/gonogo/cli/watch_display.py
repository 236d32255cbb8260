"""What a watch shows: a live table in a terminal, one line a change without."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gonogo.cli.output import print_line
from gonogo.cli.seal_line import describe_seal
from gonogo.gates.exact import show_number
from gonogo.model.gate import Comparison
from gonogo.model.release_plan import TriggerKind
from gonogo.release.lengths import show_seconds
from gonogo.release.watch import WatchReport, WatchRequest
from gonogo.release.watching.judge import Firing, Level, RuleView
from gonogo.release.watching.loop import WatchState
from gonogo.sources.project import Project

_BARS = "▁▂▃▄▅▆▇█"
_NARROW = 8
_STYLES = {
    Level.OK: "green",
    Level.WARN: "yellow",
    Level.NO_DATA: "magenta",
    Level.STARVED: "bold magenta",
    Level.FAILING: "red",
    Level.RED: "bold red",
}
# Words as well as colours: a log has none, and not everybody sees them.
_WORDS = {
    Level.OK: "ok",
    Level.WARN: "WARN",
    Level.NO_DATA: "no data",
    Level.STARVED: "NO DATA",
    Level.FAILING: "failing",
    Level.RED: "BREACH",
}
_SIGNS = {
    Comparison.BELOW: "<",
    Comparison.AT_MOST: "≤",
    Comparison.ABOVE: ">",
    Comparison.AT_LEAST: "≥",
    Comparison.EQUAL: "=",
    Comparison.NOT_EQUAL: "≠",
}
_VERBS = {"GO": "bold green", "HOLD": "bold yellow", "NO_GO": "bold red"}


class WatchDisplay(Protocol):
    """Shows a watch as it goes."""

    def show(self, state: WatchState) -> None:
        """Show the state after a poll."""

    def tell(self, text: str) -> None:
        """Show a sentence."""

    def conclude(self, report: WatchReport, project: Project) -> None:
        """Print what the watch came to."""


@contextmanager
def make_display(stream: TextIO, request: WatchRequest, *, as_json: bool) -> Iterator[WatchDisplay]:
    """Yield a display: a live table in a terminal, else one line a change; JSON lines on stdout where asked for."""
    console = Console(file=stream, highlight=False)
    if as_json:
        yield JsonDisplay()
        return
    if not console.is_terminal:
        yield LineDisplay(console, request)
        return
    with Live(console=console, refresh_per_second=4, transient=True, vertical_overflow="visible") as live:
        yield LiveDisplay(console, request, live)


@dataclass
class JsonDisplay:
    """One JSON object a change, the last one what the watch came to."""

    _last: dict[str, str] = field(default_factory=dict)
    _polls: int = 0

    def show(self, state: WatchState) -> None:
        """Print what changed."""
        for view in state.round.views:
            if self._last.get(view.rule.id) != view.level.value:
                self._last[view.rule.id] = view.level.value
                record = {"event": "rule", "at": state.at.isoformat(), "rule": view.rule.id, **view.to_json()}
                print_line(json.dumps(record, ensure_ascii=False))
        news = state.round.fired if state.polls != self._polls else ()
        self._polls = state.polls
        for firing in news:
            record = {"event": "trigger", "at": state.at.isoformat(), "trigger": firing.id, "kind": firing.kind.value}
            record |= {"option": firing.option, "reasons": list(firing.reasons), "command": state.next_command}
            print_line(json.dumps(record, ensure_ascii=False))

    def tell(self, text: str) -> None:
        """Print a sentence as an object."""
        print_line(json.dumps({"event": "note", "text": text}, ensure_ascii=False))

    def conclude(self, report: WatchReport, project: Project) -> None:
        """Print watch.json and, where one was made, decision.json."""
        del project
        decision = report.report.record if report.report is not None else None
        record = {"event": "end", "watch": report.record, "soak": report.soak.to_json(), "decision": decision}
        print_line(json.dumps(record, ensure_ascii=False))


@dataclass
class LineDisplay:
    """One line a change, for logs."""

    console: Console
    request: WatchRequest
    _levels: dict[str, Level] = field(default_factory=dict)
    _quarter: int = -1
    _soak: str = ""
    _polls: int = 0
    _actions: int = 0
    _notes: frozenset[str] = frozenset()

    def show(self, state: WatchState) -> None:
        """Print a line for every rule whose level changed, every trigger and action, and each quarter of the soak."""
        if not self._levels:
            self._begin(state)
        for view in state.round.views:
            # At the first poll counters have no past yet, so no data is news only at the next one.
            if self._levels[view.rule.id] is not view.level and (state.polls > 1 or view.level is not Level.NO_DATA):
                self._levels[view.rule.id] = view.level
                self._line(state, f"{_WORDS[view.level]:<8} {view.rule.id}: {view.sentence}")
        # The last state is shown once more when the watch ends.
        news = state.round.fired if state.polls != self._polls else ()
        self._polls = state.polls
        for firing in news:
            self._line(state, _headline(firing, state))
            if state.next_command:
                self._line(state, f"  next: {state.next_command}")
        for action in state.actions[self._actions :]:
            if action.what != "trigger":
                self._line(state, f"{action.what.upper()}: {action.text}")
                for command in action.commands:
                    self._line(state, f"  next: {command}")
        self._actions = len(state.actions)
        for note in state.notes:
            if note not in self._notes:
                self._line(state, f"note: {note}")
        self._notes = frozenset(state.notes)
        self._show_soak(state)

    def _begin(self, state: WatchState) -> None:
        views = state.round.views
        good, blind = sum(view.level is Level.OK for view in views), sum(view.level.is_blind for view in views)
        waiting = f", {blind} without data yet" if blind else ""
        every = show_seconds(self.request.every)
        self._line(state, f"watching {len(views)} rules every {every}: {good} ok{waiting}")
        self._levels = {view.rule.id: Level.OK for view in views}

    def _show_soak(self, state: WatchState) -> None:
        soak = state.soak
        quarter = int(4 * min(1.0, soak.seconds / soak.required)) if soak.required else 0
        text = _soak_words(state)
        if text != self._soak and (quarter != self._quarter or state.ending is not None):
            self._quarter, self._soak = quarter, text
            self._line(state, text)

    def _line(self, state: WatchState, text: str) -> None:
        self.console.print(f"{state.at:%H:%M:%S}  {text}", soft_wrap=True, markup=False)

    def tell(self, text: str) -> None:
        """Print a sentence."""
        self.console.print(f"{datetime.now(UTC):%H:%M:%S}  {text}", soft_wrap=True, markup=False)

    def conclude(self, report: WatchReport, project: Project) -> None:
        """Print the decision on stdout."""
        for line in _conclusion(report, project):
            print_line(line.plain)


@dataclass
class LiveDisplay:
    """A table that stays in place, with what was told below it."""

    console: Console
    request: WatchRequest
    live: Live
    _told: list[str] = field(default_factory=list)

    def show(self, state: WatchState) -> None:
        """Draw the table anew."""
        self.live.update(_live_view(self.request, state, self._told[-3:], self.console.width))

    def tell(self, text: str) -> None:
        """Print a sentence above the table, where it stays."""
        self._told.append(text)
        self.live.console.print(text, markup=False)

    def conclude(self, report: WatchReport, project: Project) -> None:
        """Print the last table and the decision."""
        if report.state is not None:
            self.console.print(_live_view(self.request, report.state, (), self.console.width))
        for line in _conclusion(report, project):
            Console(highlight=False).print(line)


def _live_view(request: WatchRequest, state: WatchState, told: Sequence[str], width: int) -> RenderableType:
    where = f"{request.system}  stage {request.stage}  {request.environment}"
    where += f"  {request.release}" if request.release else ""
    head = Text(f"{where}  {show_seconds(state.elapsed)}, poll {state.polls}", style="bold")
    parts: list[RenderableType] = [head, _table(state, width), _soak_bar(state, width)]
    for firing in state.firings:
        style = "bold white on red" if firing.kind is TriggerKind.IMMEDIATE else "bold yellow"
        parts.append(Text(_headline(firing, state), style=style))
    if state.next_command:
        parts.append(Text(f"next: {state.next_command}", style="bold"))
    parts += [Text(f"{one.what}: {one.text}", style="bold") for one in state.actions[-3:] if one.what != "trigger"]
    parts += [Text(f"note: {note}", style="magenta") for note in state.notes[-2:]]
    parts += [Text(text) for text in told]
    return Group(*parts)


def _table(state: WatchState, width: int) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    wide = width >= 100
    for name, justify in (("rule", "left"), ("value", "right"), ("limit", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("trend", no_wrap=True, width=16 if wide else _NARROW)
    table.add_column("", no_wrap=True)
    table.add_column("since", justify="right", no_wrap=True)
    if wide:
        table.add_column("", overflow="ellipsis", no_wrap=True)
    for view in sorted(state.round.views, key=lambda one: list(Level).index(one.level), reverse=True):
        since = show_seconds(max(0.0, state.at.timestamp() - view.since))
        cells: list[Any] = [view.rule.id, _value(view), _limit(view), _sparkline(view.trend, 16 if wide else _NARROW)]
        cells += [Text(_WORDS[view.level], style=_STYLES[view.level]), since]
        table.add_row(*cells, *([view.rule.name] if wide else []))
    return table


def _value(view: RuleView) -> str:
    shown = view.result.compared if view.result.compared is not None else view.value
    if shown is None:
        return "-"
    unit = view.result.unit if shown == view.value else None
    number = show_number(round(float(shown), 3)) if abs(float(shown)) < 1e15 and float(shown) == float(shown) else "NaN"
    return f"{number} {unit}" if unit else number


def _limit(view: RuleView) -> str:
    warn = f"{show_number(view.rule.warn)}/" if view.rule.warn is not None and view.rule.id == view.result.id else ""
    return f"{_SIGNS[view.result.comparison]} {warn}{show_number(view.result.limit)}"


def _sparkline(values: Sequence[float | None], width: int) -> str:
    """Return the last values as bars between their least and their greatest; a gap is a dot."""
    shown = list(values)[-width:]
    known = [value for value in shown if value is not None]
    if not known:
        return "·" * len(shown)
    low, span = min(known), max(known) - min(known)
    bars = [
        "·" if value is None else _BARS[round((value - low) / span * (len(_BARS) - 1)) if span else 0]
        for value in shown
    ]
    return "".join(bars)


def _soak_bar(state: WatchState, width: int) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    required = state.soak.required or 1.0
    bar = ProgressBar(required, min(state.soak.seconds, required), width=max(10, min(30, width - 50)))
    grid.add_row("soak", bar, f"{show_seconds(state.soak.seconds)} of {show_seconds(required)} observed")
    why = _began_again(state)
    return Group(grid, Text(f"     {why}", style="dim")) if why else grid


def _soak_words(state: WatchState) -> str:
    soak = state.soak
    text = f"soak {show_seconds(soak.seconds)} of {show_seconds(soak.required or 0.0)} observed"
    why = _began_again(state)
    return f"{text}; {why}" if why else text


def _began_again(state: WatchState) -> str:
    """Return why the soak began anew, without what the red sample said: that stands beside its rule."""
    return next((one.split(": ")[0] for one in state.soak.reasons if one.startswith("began again")), "")


def _headline(firing: Firing, state: WatchState) -> str:
    if firing.kind is TriggerKind.IMMEDIATE and state.rolled_back:
        return f"TRIGGER {firing.id} {firing.name}: option A was performed"
    if firing.kind is TriggerKind.IMMEDIATE:
        return f"TRIGGER {firing.id} {firing.name}: take option {firing.option} NOW"
    if firing.trigger is None:
        return f"HOLD {firing.name} for too long"
    return f"HOLD {firing.id} {firing.name}: evaluate, option {firing.option} is proposed"


def _conclusion(report: WatchReport, project: Project) -> list[Text]:
    """Return what a watch came to, in lines."""
    lines: list[Text] = []
    for action in report.state.actions if report.state else ():
        if action.what == "rollback":
            lines.append(Text(action.text, style="bold red" if report.escalated else "bold"))
            lines += [Text(f"  next: {command}") for command in action.commands if report.escalated]
    soak = report.soak
    lines.append(Text(f"Soak     {show_seconds(soak.seconds)} of {show_seconds(soak.required or 0.0)} observed"))
    lines += [Text(f"  - {reason}") for reason in soak.reasons if not reason.startswith("observed ")]
    if report.report is None:
        sample = report.state.round.health.value.replace("_", " ") if report.state else "nothing"
        return [*lines, Text(f"HOLD  this look: {sample}; the watch stays open", style="bold yellow")]
    done = report.report
    folder = project.relative(done.folder)
    verb = done.decision.verb.value
    lines.insert(0, Text(f"{verb.replace('_', '-')}  watch ended since {report.ending.value}", style=_VERBS[verb]))
    lines += [Text(f"  - {reason}") for reason in done.decision.reasons[:8]]
    lines += [Text(f"Report   {folder}/report.html"), Text(f"Record   {folder}/samples.jsonl")]
    lines.append(describe_seal(done.record["system"], done.seal, done.seal_error))
    return [*lines, Text(f"Next     {done.record['next']}")]
