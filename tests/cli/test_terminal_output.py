"""Whatever a bundle, a file or a system holds, nothing that is printed steers the terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))

from report_data import HOSTILE

from gonogo.cli.display import print_report
from gonogo.cli.main import report_error
from gonogo.cli.output import print_line
from gonogo.errors import Problem, SourceError, UsageError
from gonogo.model.decision import Decision, Verb

ACTING = ["\x00", "\x07", "\x08", "\r", "\x1b]", "\x1b[2J", "\x7f", "\x9b", "\u202e", "\u2066", "\u2028", "\ud800"]
TEXTS = {**HOSTILE, "clear": "\x1b[2J\x1b]0;title\x07 \r overwritten \x9b31m"}


@pytest.mark.parametrize("name", TEXTS)
def test_printed_lines_hold_nothing_that_acts(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_line(TEXTS[name])
    shown = capsys.readouterr().out
    assert [char for char in ACTING if char in shown] == []
    print_line(json.dumps({"text": TEXTS[name]}, ensure_ascii=False))
    shown = capsys.readouterr().out
    assert [char for char in ACTING if char in shown] == []
    assert json.loads(shown)["text"] == TEXTS[name]


@pytest.mark.parametrize("name", TEXTS)
def test_errors_hold_nothing_that_acts(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = TEXTS[name]
    report_error(UsageError(text, text))
    report_error(SourceError([Problem(text, 1, text, text)], text))
    shown = capsys.readouterr().err
    assert [char for char in ACTING if char in shown] == []


@pytest.mark.parametrize("terminal", [True, False])
def test_panel_of_a_run_holds_nothing_that_acts(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    text = "".join(value for name, value in TEXTS.items() if name != "megabyte")
    record: dict[str, Any] = {
        "system": "richpanel",
        "stage": "2",
        "environment": "sandbox",
        "counts": {"FAILED": 1},
        "notes": [text],
        "not_tested": [{"case": text, "why": text}],
        "time_to_safe": [],
        "leftovers": [],
    }
    report = SimpleNamespace(
        decision=Decision(Verb.NO_GO, (text,), (text,), {"FAILED": 1}),
        record=record,
        folder=Path("evidence"),
        seal=None,
        seal_error=None,
        next_command=text,
    )
    print_report(report, SimpleNamespace(relative=str), as_json=False)  # type: ignore[arg-type]
    shown = capsys.readouterr().out
    assert "NO-GO" in shown
    assert [char for char in ACTING if char in shown] == []
