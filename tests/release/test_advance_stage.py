"""Entering a stage: refused where a rule says no, proven by effect, left in place, moved back where not proven."""

from __future__ import annotations

import base64
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from stage_place import TIER1, StagePlace

from gonogo.errors import LockError, RefusedError, UsageError
from gonogo.evidence.dsse import Envelope
from gonogo.evidence.ledger.lock import acquire_lock
from gonogo.evidence.records import read_record
from gonogo.release.advance import AdvanceReport, advance
from gonogo.run.hold import hold_environment

OPEN = {"automation_enabled", "no safe_mode", *TIER1}


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


@pytest.fixture(scope="module")
def deaf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StagePlace]:
    """A system whose worker does not take up what is written to its flags."""
    place = StagePlace(tmp_path_factory.mktemp("deaf"), "--fault", "flag_no_effect", propagation=1)
    yield place
    place.stop()


@pytest.fixture
def unproven(deaf: StagePlace, monkeypatch: pytest.MonkeyPatch) -> StagePlace:
    monkeypatch.setenv("RICHPANEL_WEBHOOK_TOKEN", deaf.sandbox.token)
    deaf.reset()
    deaf.call_it("staging", 1)
    return deaf


REFUSALS: list[tuple[str, str, dict[str, Any], str]] = [
    ("staging", "2", {"may_change_flags": False}, r"\[flag-changes-not-agreed\]"),
    ("staging", "4", {}, r"\[previous-stage-missing\]"),
    ("staging", "2", {"release": "another"}, r"\[release-mismatch\]"),
    ("production", "2", {"rehearse": True, "confirm": "deployed/r"}, r"\[rehearsal-on-production\]"),
    ("production", "2", {}, r"\[confirm-missing\]"),
    ("production", "2", {"may_change_flags": False}, r"\[flag-changes-not-agreed\]"),
]


@pytest.mark.parametrize(("kind", "stage", "more", "rule"), REFUSALS)
def test_it_is_refused_with_the_rule_and_nothing_changes(
    place: StagePlace, kind: str, stage: str, more: dict[str, Any], rule: str
) -> None:
    place.call_it(kind)
    seen, flags = len(place.events), place.flags
    with pytest.raises(RefusedError, match=rule):
        place.advance(stage, **more)
    assert (len(place.events), place.flags) == (seen, flags)
    assert place.open_changes == ()


def test_there_is_no_force(place: StagePlace) -> None:
    done = place.project.gonogo("advance", *place.arguments, "--stage", "2", "--force", env=place.environ)
    assert done.code == 2
    assert "No such option" in done.stderr


def test_it_is_refused_while_another_holds_the_environment(place: StagePlace) -> None:
    with hold_environment(place.ledger, "deployed", "run r1"), pytest.raises(LockError, match="locked by run r1 until"):
        place.advance("2")
    assert place.on == set()


def test_an_embedded_sandbox_has_no_stage_to_be_left_in(place: StagePlace) -> None:
    request = place.request("2", environments=None)
    with pytest.raises(UsageError, match="lives only as long as a run"):
        advance(type(request)(**{**_fields(request), "environment": "sandbox"}))


def _fields(request: Any) -> dict[str, Any]:
    return {name: getattr(request, name) for name in type(request).__dataclass_fields__}


def test_a_stage_is_entered_in_the_plans_order_and_stays(place: StagePlace) -> None:
    shown: list[str] = []
    report = advance(place.request("2", run_by="Rita"), show=shown.append)
    assert report.exit_code == 0, report
    switches = ["safe_mode: true → false", "automation_enabled: false → true"]
    templates = [f"template_enabled.{name}: false → true" for name in sorted(TIER1)]
    assert [text for text in shown if "→" in text] == [*switches, *templates]
    assert place.on == OPEN
    assert place.open_changes == (), "nothing of it is ever returned"
    entry = place.entries("advance")[-1]
    assert (entry["stage"], entry["environment"], entry["run_by"]) == ("2", "deployed", "Rita")
    assert (entry["entered"], entry["counts"], entry["rehearsed"]) == (True, True, False)
    assert entry["build"]
    before, after = entry["flags"]["before"], entry["flags"]["after"]
    assert (before["safe_mode"], after["safe_mode"]) == (True, False)
    assert {one["flag"]: one["outcome"] for one in entry["proofs"]}.items() >= {
        "safe_mode": "PASSED",
        "automation_enabled": "PASSED",
        "template_enabled": "PASSED",
    }.items()
    assert place.advance("2").exit_code == 0, "entering it again writes nothing and proves it again"
    assert [one for one in place.entries("advance")[-1]["steps"] if "reason" in one] == []


def test_the_time_to_safe_of_every_switch_is_measured(place: StagePlace) -> None:
    place.set_flags(**{f"template_enabled.{TIER1[0]}": True}, safe_mode=False, automation_enabled=True)
    report = place.advance("1")
    assert report.exit_code == 0
    times = {one["flag"]: one for one in place.entries("advance")[-1]["time_to_safe"]}
    assert set(times) == {"safe_mode", "automation_enabled", f"template_enabled.{TIER1[0]}"}
    assert all(one["seen"] and 0 < one["seconds"] < 6 for one in times.values())
    assert any(line.startswith("time to safe  automation_enabled=false: ") for line in report.lines)


def test_what_narrows_is_proven_before_anything_widens(place: StagePlace) -> None:
    place.set_flags(safe_mode=False, automation_enabled=True)
    shown: list[str] = []
    assert advance(place.request("3"), show=shown.append).exit_code == 0
    narrowed = shown.index("automation_enabled_channels: [livechat, email] → [livechat]")
    proven = shown.index("proving by effect: automation_enabled_channels")
    widened = shown.index("automation_enabled_channels: [livechat] → [livechat, social]")
    assert narrowed < proven < widened


def test_a_rehearsal_is_marked_and_never_counts(place: StagePlace) -> None:
    report = place.advance("4", rehearse=True)
    assert report.exit_code == 0
    assert "REHEARSED: this never counts" in report.lines[0]
    entry = place.entries("advance")[-1]
    assert (entry["rehearsed"], entry["counts"]) == (True, False)
    with pytest.raises(RefusedError, match="previous-stage-missing"):
        place.advance("4")


def test_a_run_is_refused_until_its_stage_was_entered(place: StagePlace) -> None:
    run = ["run", *place.arguments, "--stage", "2"]
    refused = place.project.gonogo(*run, env=place.environ)
    assert refused.code == 2
    assert "[stage-not-entered]" in refused.stderr
    assert "gonogo advance richpanel --stage 2 --env deployed" in refused.stderr
    assert place.advance("2").exit_code == 0
    entered = place.project.gonogo(*run, "--allow-flag-changes", env=place.environ)
    assert entered.code == 0, entered.stderr
    assert "Time to safe  automation_enabled=false: " in entered.stdout
    assert place.on == OPEN
    assert place.open_changes == ()


def test_what_cannot_be_proven_is_moved_back_towards_safe(unproven: StagePlace) -> None:
    before = unproven.flags
    report = unproven.advance("2")
    assert report.exit_code == 1, "the worker was seen not to use it"
    assert report.lines[0].startswith("NOT ENTERED")
    assert "the worker used" in report.record["reason"]
    assert unproven.flags == before
    assert unproven.open_changes == ()
    entry = unproven.entries("advance")[-1]
    assert (entry["entered"], entry["counts"]) == (False, False)


@pytest.fixture
def without_probe(place: StagePlace) -> StagePlace:
    text = place.file.read_text("utf-8")
    place.file.write_text("".join(line for line in text.splitlines(True) if "probe:" not in line), "utf-8")
    return place


def test_without_a_probe_nobody_can_tell(without_probe: StagePlace) -> None:
    report = without_probe.advance("2")
    assert report.exit_code == 3
    assert "names no probe" in report.record["reason"]
    assert without_probe.on == set()


def test_what_only_a_person_may_return_is_left_with_its_command(without_probe: StagePlace) -> None:
    without_probe.set_flags(safe_mode=False, automation_enabled=True)
    report = without_probe.advance("1")
    assert report.exit_code == 3
    assert without_probe.on == set(), "what was made safe stays safe, whether or not its effect was seen"
    told = "\n".join(report.banner)
    assert "FLAGS LEFT: safe_mode stays true, before" in told
    assert "gonogo restore richpanel --env deployed" in told
    assert "safe_mode=false, automation_enabled=true" in told


def in_the_middle(place: StagePlace, act: Any, stage: str = "2", **more: Any) -> AdvanceReport:
    """Enter a stage and do something while its last proof is awaited."""
    done: list[Any] = []

    def show(text: str) -> None:
        if text.startswith("proving by effect") and not done:
            done.append(act())

    return advance(place.request(stage, **more), show=show)


def test_a_rollback_in_the_middle_stops_it_and_nothing_is_undone(unproven: StagePlace) -> None:
    def roll_back() -> None:
        acquire_lock(unproven.ledger.storage, "deployed", "rollback b1", 30, datetime.now(UTC), preempt=True)
        unproven.set_flags(automation_enabled=False)

    entries = len(unproven.entries("advance"))
    report = in_the_middle(unproven, roll_back)
    assert report.exit_code == 3
    assert "rollback b1 has it" in report.banner[0]
    assert unproven.on == OPEN - {"automation_enabled"}, "only the rollback's own writes"
    assert len(unproven.entries("advance")) == entries


def test_what_a_person_throws_meanwhile_is_not_opened_again(place: StagePlace) -> None:
    report = in_the_middle(place, lambda: place.set_flags(automation_enabled=False))
    assert report.exit_code in (1, 3)
    assert place.on == set(), "and what was opened beside it is closed"
    assert place.open_changes == ()


def test_a_person_who_changes_a_flag_between_two_writes_is_not_overwritten(place: StagePlace) -> None:
    thrown: list[str] = []

    def show(text: str) -> None:
        if text.startswith("automation_enabled:"):
            place.set_flags(automation_enabled=True)
            place.set_flags(automation_enabled_channels=[])
            thrown.append(text)

    report = advance(place.request("2"), show=show)
    assert thrown
    assert report.exit_code == 3
    assert "somebody changed it meanwhile" in report.record["reason"]
    assert place.flags["safe_mode"] is True, "what was opened is closed"
    assert place.flags["automation_enabled"] is True, "what the person wrote is left alone"


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_moves_everything_back_within_the_grace(unproven: StagePlace, signum: signal.Signals) -> None:
    unproven.call_it("staging", 30)
    process = subprocess.Popen(
        unproven.project.command("advance", *unproven.arguments, "--stage", "2", "--allow-flag-changes"),
        cwd=unproven.project.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines: list[str] = []
    proving = threading.Event()

    def read() -> None:
        for line in process.stderr or ():
            lines.append(line)
            if line.startswith("proving"):
                proving.set()
        proving.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert proving.wait(30), lines
    assert unproven.on == OPEN
    started = time.monotonic()
    process.send_signal(signum)
    code = process.wait(30)
    reader.join()
    assert time.monotonic() - started < 7
    assert code == 130, lines
    assert unproven.on == set()
    assert unproven.open_changes == ()
    if process.stdout is not None:
        process.stdout.close()
    process.stderr.close()


def test_the_next_advance_settles_what_a_dead_one_left(place: StagePlace) -> None:
    process = subprocess.Popen(
        place.project.command("advance", *place.arguments, "--stage", "2", "--allow-flag-changes"),
        cwd=place.project.root,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("template_enabled"):
            break
    process.kill()
    process.wait()
    process.stderr.close()
    left = place.open_changes
    assert {one.flag for one in left} >= {"safe_mode", "automation_enabled"}
    with pytest.raises(LockError, match="locked by advance"):
        place.advance("1")
    place.end_lease()
    report = place.advance("1")
    assert report.exit_code == 0
    assert any("from an earlier run: safe_mode returned from false to true" in line for line in report.lines)
    assert place.on == set()


def test_a_defect_of_ours_leaves_nothing_open(place: StagePlace) -> None:
    def act() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_the_middle(place, act)
    assert place.on == set()
    assert place.open_changes == ()


def test_the_entry_is_signed_where_there_is_a_key(place: StagePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONOGO_SIGNING_KEY", base64.b64encode(bytes(range(32))).decode())
    assert place.advance("1", run_by="Rita Runner").exit_code == 0
    entry = place.entries("advance")[-1]
    signed = read_record(Envelope.from_json(entry["record"]), "advance")
    assert (signed.name, signed.payload["stage"], signed.payload["entered"]) == ("Rita Runner", "1", True)
