"""Runs that die, are stopped or overtaken while they have borrowed flags, and what the next start makes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from stage_place import TIER1, StagePlace

from gonogo.evidence.ledger.journal import Journal
from gonogo.evidence.ledger.lock import acquire_lock
from gonogo.run.hold import hold_environment

OPEN = {"automation_enabled", "no safe_mode", *TIER1}
# The probe goes out once the borrowed flags are written.
BORROWED = '"probe","state":"safe_mode=false, automation_enabled=false"'
RUN = ("--stage", "2", "--allow-flag-changes", "--format", "json")
HANGING = """
import time
from pathlib import Path
from gonogo.model.outcome import Outcome, Verdict
from gonogo.run.definitions import given, then

@given("nothing special")
def nothing(draft):
    pass

@then("it hears no interrupt", check="deaf")
def deaf(scene):
    Path("hanging").touch()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            time.sleep(1)
        except KeyboardInterrupt:
            pass
    return Verdict(Outcome.PASSED)
"""
HANGING_FEATURE = "Feature: extra\n  Scenario: [AA-1] Deaf\n    Given nothing special\n    Then it hears no interrupt\n"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StagePlace]:
    place = StagePlace(tmp_path_factory.mktemp("project"))
    yield place
    place.stop()


@pytest.fixture
def place(shared: StagePlace, monkeypatch: pytest.MonkeyPatch) -> StagePlace:
    monkeypatch.setenv("RICHPANEL_WEBHOOK_TOKEN", shared.sandbox.token)
    shared.reset()
    shared.call_it("staging")
    return shared


def start_run(place: StagePlace) -> subprocess.Popen[str]:
    return subprocess.Popen(
        place.project.command("run", *place.arguments, *RUN),
        cwd=place.project.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **place.environ},
    )


def wait_for(place: StagePlace, words: str, known: set[Path], seconds: float = 60) -> Path:
    """Wait until a new run has recorded something; returns its folder."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for folder in set(place.project.runs) - known:
            progress = folder / "progress.jsonl"
            if progress.is_file() and words in progress.read_text("utf-8"):
                return folder
        time.sleep(0.02)
    raise AssertionError(f"no run recorded {words}")


def children_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return [one for one in psutil.Process(process.pid).children() if "gonogo.run.child" in one.cmdline()]


def test_what_a_run_died_with_waits_for_a_person_who_may_have_thrown_the_real_switch(place: StagePlace) -> None:
    assert place.advance("2").exit_code == 0
    known = set(place.project.runs)
    process = start_run(place)
    wait_for(place, BORROWED, known)
    (child,) = children_of(process)
    process.kill()
    child.kill()
    process.communicate()
    assert place.on == OPEN - {"automation_enabled"}, "it died in the kill-switch case"
    place.set_flags(automation_enabled=False, safe_mode=True)
    thrown = place.flags

    locked = place.project.gonogo("run", *place.arguments, *RUN)
    assert (locked.code, "is locked by run" in locked.stderr) == (2, True)
    place.end_lease()
    seen = len(place.events)
    again = place.project.gonogo("run", *place.arguments, *RUN)
    assert again.code == 2
    assert "FLAGS LEFT: automation_enabled stays false, before" in again.stderr
    assert "gonogo restore richpanel --env deployed" in again.stderr
    assert "automation_enabled=true" in again.stderr
    assert (place.flags, len(place.events)) == (thrown, seen), "the next start leaves it thrown and sends nothing"

    shown = place.project.gonogo("restore", *place.arguments)
    assert shown.code == 3
    assert "automation_enabled: false → true  AWAY FROM SAFE" in shown.stdout
    assert "--confirm" in shown.stdout
    assert place.flags == thrown

    done = place.project.gonogo("restore", *place.arguments, "--confirm", "--run-by", "Rita", "--format", "json")
    assert done.code == 0, done.stderr
    assert place.flags == {**thrown, "automation_enabled": True}, "and safe_mode, which the run never wrote, stays"
    entry = place.entries("restore")[-1]
    assert (entry["run_by"], entry["confirmed"], entry["left"]) == ("Rita", True, [])
    assert [one["outcome"] for one in entry["proofs"]] == ["PASSED"]
    assert done.record["told"] == ["automation_enabled returned from false to true"]
    elsewhere = place.project.gonogo("restore", "richpanel", "--env", "deplyed", "--environments", place.file.name)
    assert (elsewhere.code, "Did you mean 'deployed'" in elsewhere.stderr) == (2, True), elsewhere.stderr
    nothing = place.project.gonogo("restore", *place.arguments, "--confirm")
    assert (nothing.code, "nothing to restore" in nothing.stdout) == (0, True)


def test_an_advance_says_what_is_meant_to_be_and_nothing_is_left_to_restore(place: StagePlace) -> None:
    assert place.advance("2").exit_code == 0
    known = set(place.project.runs)
    process = start_run(place)
    wait_for(place, BORROWED, known)
    (child,) = children_of(process)
    child.send_signal(signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 3
    record = json.loads(stdout)
    assert any("FLAGS LEFT: automation_enabled stays false" in note for note in record["notes"])
    assert any("gonogo restore richpanel --env deployed" in note for note in record["notes"]), stderr
    assert [one.flag for one in place.open_changes] == ["automation_enabled"]
    report = place.advance("1")
    assert report.exit_code == 0
    assert any("from an earlier run: FLAGS LEFT: automation_enabled" in line for line in report.lines)
    assert place.open_changes == (), "stage 1 is meant, so there is no way back to what was before"
    assert place.on == set()


def test_a_rollback_stops_a_run_which_undoes_nothing(place: StagePlace) -> None:
    assert place.advance("2").exit_code == 0
    known = set(place.project.runs)
    process = start_run(place)
    wait_for(place, BORROWED, known)
    lock = acquire_lock(place.ledger.storage, "deployed", "rollback b1", 30, datetime.now(UTC), preempt=True)
    Journal(place.ledger.storage, "deployed").void("rollback A", "b1", datetime.now(UTC))
    place.set_flags(automation_enabled=False, safe_mode=True)
    rolled_back = place.flags
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode not in (0, 70), stderr
    assert place.flags == rolled_back
    record = json.loads(stdout)
    assert record["decision"] != "GO"
    assert any("nothing was undone" in note and "rollback b1 has it" in note for note in record["notes"])
    lock.check(datetime.now(UTC))


def test_the_second_run_is_refused(place: StagePlace) -> None:
    with hold_environment(place.ledger, "deployed", "run r1 (ana on lab)"):
        for command in (["run", *place.arguments, *RUN], ["restore", *place.arguments, "--confirm"]):
            if command[0] == "restore":
                Journal(place.ledger.storage, "deployed").note(_open_change())
            done = place.project.gonogo(*command)
            assert done.code == 2
            assert "deployed is locked by run r1 (ana on lab) until 2" in done.stderr
    assert place.on == set()


def _open_change() -> Any:
    from gonogo.evidence.ledger.entries import format_time
    from gonogo.evidence.ledger.journal import ChangeState, FlagChange

    at = format_time(datetime.now(UTC))
    return FlagChange("safe_mode", False, True, "died", at, ChangeState.WRITTEN)


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StagePlace]:
    place = StagePlace(tmp_path / "hanging", kind="sandbox")
    monkeypatch.setenv("RICHPANEL_WEBHOOK_TOKEN", place.sandbox.token)
    (place.project.root / "steps" / "extra.py").write_text(HANGING, "utf-8")
    place.project.edit("pyproject.toml", ('"steps.invariants"', '"steps.invariants", "steps.extra"'))
    (place.project.features / "extra.feature").write_text(HANGING_FEATURE, "utf-8")
    yield place
    place.stop()


def test_a_run_that_hears_no_signal_has_its_flags_returned_within_the_grace(hanging: StagePlace) -> None:
    before = hanging.flags
    process = start_run(hanging)
    deadline = time.monotonic() + 60
    while not (hanging.project.root / "hanging").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert hanging.on == OPEN, "on kind sandbox the run entered the stage by itself"
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    while hanging.flags != before and time.monotonic() - started < 20:
        time.sleep(0.05)
    assert time.monotonic() - started < 7
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert hanging.flags == before
    assert hanging.open_changes == ()


def test_flags_that_cannot_be_returned_are_told_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = StagePlace(tmp_path / "lost")
    try:
        monkeypatch.setenv("RICHPANEL_WEBHOOK_TOKEN", lost.sandbox.token)
        assert lost.advance("2").exit_code == 0
        process = start_run(lost)
        wait_for(lost, BORROWED, set())
    finally:
        lost.stop()
    # The system is gone, and so is the child: the parent alone is there to return anything.
    children_of(process)[0].kill()
    stdout, _ = process.communicate(timeout=100)
    assert process.returncode == 3
    notes = json.loads(stdout)["notes"]
    assert any(note.startswith("FLAGS LEFT: automation_enabled cannot be read, before") for note in notes), notes
    assert any("gonogo restore richpanel --env deployed" in note for note in notes)
    assert any("automation_enabled=true" in note for note in notes)
    assert [one.flag for one in lost.open_changes] == ["automation_enabled"]
