"""A watch in a terminal of 80 columns and in a log: readable in both, in words as well as in colours."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console
from rich.live import Live

from gonogo.cli.watch import _seconds
from gonogo.cli.watch_display import JsonDisplay, LineDisplay, LiveDisplay, _sparkline
from gonogo.errors import UsageError
from gonogo.model.gate import Measurement
from gonogo.model.release_plan import Trigger
from gonogo.model.watch import WatchRule
from gonogo.release.soak import SoakMeter
from gonogo.release.soak_sample import Health, SoakSample
from gonogo.release.watching.judge import RuleBook
from gonogo.release.watching.loop import WatchState
from gonogo.release.watching.setting import WatchRequest

T0 = 1_800_000_000.0
RULES = (
    WatchRule(id="W-QUEUE-AGE", metric="age", comparison="below", limit=Decimal(300), warn=Decimal(120), unit="s"),
    WatchRule(id="W-POLICY-OVERRIDE", metric="overrides", comparison="at_most", limit=Decimal(50)),
    WatchRule(
        id="W-TIER0", title="automatic replies to escalations", metric="t", comparison="at_most", limit=Decimal(0)
    ),
)
TRIGGERS = (
    Trigger(
        id="TRG-TIER0", name="An escalation is answered by a machine", kind="immediate", option="A", rule="W-TIER0"
    ),
    Trigger(id="TRG-AGE", name="The oldest message gets too old", kind="evaluation", option="A", rule="W-QUEUE-AGE"),
)
REQUEST = WatchRequest(Path(), "richpanel", "2", "production", release="2026.11.2")
COMMAND = "gonogo rollback richpanel --env production --option A --why 'TRG-TIER0 An escalation'"
# By poll: age, overrides, replies to escalations; the last one is without data for the second rule.
POLLS = ((5, 1, 0), (130, 2, 0), (400, None, 0), (400, None, 1), (5, None, 1))


def states() -> list[WatchState]:
    book, meter, found = RuleBook(RULES, TRIGGERS, T0), SoakMeter(3600.0), []
    for poll, (age, overrides, replies) in enumerate(POLLS):
        at = T0 + 60 * poll
        measured = {"age": Measurement("age", age, 1, unit="s"), "t": Measurement("t", replies, 1)}
        if overrides is not None:
            measured["overrides"] = Measurement("overrides", overrides, 1)
        judged = book.judge(measured, at)
        meter.add(SoakSample(at, judged.health, "b", "f", "s", 60.0, reasons=judged.reasons))
        active = tuple(one for one in book.firings.values() if one.active)
        command = COMMAND if any(one.kind.value == "immediate" for one in active) else ""
        now = datetime.fromtimestamp(at, UTC)
        found.append(WatchState(now, 60.0 * poll, poll + 1, judged, meter.result(), active, (), (), command))
    return found


def test_the_table_fits_80_columns_and_says_everything_in_words() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None, legacy_windows=False)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        display = LiveDisplay(console, REQUEST, live)
        for state in states():
            display.show(state)
        last = io.StringIO()
        Console(file=last, width=80, color_system=None).print(live.renderable)
    shown = last.getvalue()
    assert "richpanel  stage 2" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())
    for rule in RULES:
        assert rule.id in shown
    for word in ("BREACH", "NO DATA", "ok", "< 120/300", "5 s", "soak", "take option A NOW", "2026.11.2"):
        assert word in shown, word
    assert " ".join(COMMAND.split()) in " ".join(shown.split())
    # What is worst stands first.
    assert shown.index("W-TIER0") < shown.index("W-POLICY-OVERRIDE") < shown.index("W-QUEUE-AGE")


def test_a_log_has_one_line_a_change() -> None:
    out = io.StringIO()
    display = LineDisplay(Console(file=out, width=80, highlight=False), REQUEST)
    for state in states():
        display.show(state)
        display.show(state)
    lines = [line[10:] for line in out.getvalue().splitlines()]
    assert "\x1b" not in out.getvalue()
    starts = [line.split(":")[0].strip() for line in lines]
    assert starts == [
        "watching 3 rules every 30 s",
        "soak 0 s of 1 h 00 min observed",
        "WARN     W-QUEUE-AGE",
        "BREACH   W-QUEUE-AGE",
        "no data  W-POLICY-OVERRIDE",
        "HOLD TRG-AGE The oldest message gets too old",
        "BREACH   W-TIER0",
        "TRIGGER TRG-TIER0 An escalation is answered by a machine",
        "next",
        "ok       W-QUEUE-AGE",
        "NO DATA  W-POLICY-OVERRIDE",
        "HOLD overrides",
        "next",
    ], starts
    # A long command is not broken: it is copied out of the log.
    assert f"  next: {COMMAND}" in lines


def test_json_is_an_object_a_change(capsys: pytest.CaptureFixture[str]) -> None:
    display = JsonDisplay()
    for state in states():
        display.show(state)
        display.show(state)
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {one["event"] for one in records} == {"rule", "trigger"}
    fired = [one for one in records if one["event"] == "trigger" and one["trigger"] == "TRG-TIER0"]
    assert fired
    assert fired[0]["command"] == COMMAND
    assert [one["level"] for one in records if one.get("rule") == "W-QUEUE-AGE"] == ["ok", "warn", "red", "ok"]


def test_a_trend_shows_gaps_and_what_does_not_move() -> None:
    assert _sparkline((0.0, None, 5.0, 10.0), 8) == "▁·▅█"
    assert _sparkline((3.0, 3.0), 8) == "▁▁"
    assert _sparkline((None, None), 8) == "··"
    assert _sparkline((), 8) == ""
    assert len(_sparkline(tuple(map(float, range(40))), 8)) == 8


def test_durations_of_options_are_read_or_refused() -> None:
    assert (_seconds("--every", "30s"), _seconds("--for", "7d")) == (30.0, 604_800.0)
    for text in ("30", "soon", "-1s", "", "1.5h"):
        with pytest.raises(UsageError, match="--every is"):
            _seconds("--every", text)
    assert Health.OK == "ok"
