"""Option A where everything around it is broken: it writes, proves, and tells what it could not do."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from harness import RunningSandbox, SmallProject
from rollback_scene import (
    ON,
    TEMPLATE,
    Deployed,
    FlagProxy,
    break_everything_but_environments,
    make_deployed,
    seconds_of,
)

from gonogo.errors import LockError, RefusedError, SourceError
from gonogo.evidence.ledger import open_ledger
from gonogo.evidence.ledger.journal import ChangeState, FlagChange
from gonogo.release import preemption, rollback_bundle
from gonogo.release.rollback import roll_back
from gonogo.release.rollback_request import RollbackReport, RollbackRequest
from gonogo.run.hold import hold_environment

LATENCY = ("--flag-ttl", "0.1", "--latency", "0.02-0.1")
SAFE = {"automation_enabled": False, "safe_mode": True}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    sandbox = RunningSandbox(*LATENCY)
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="module")
def proxy(sandbox: RunningSandbox) -> Iterator[FlagProxy]:
    proxy = FlagProxy(sandbox.url)
    yield proxy
    proxy.stop()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, sandbox: RunningSandbox, proxy: FlagProxy) -> Deployed:
    """A project whose environment `deployed` is of kind production, with nothing approved and no stage entered."""
    project = SmallProject(tmp_path_factory.mktemp("project") / "p", ["ST-001"])
    # What the pack costs is looked at elsewhere.
    project.edit("smoke_cases/richpanel/plan.yaml", (r"(?m)^  verify: .*\n", ""), pattern=True)
    deployed = make_deployed(project, sandbox, proxy.url, "production")
    path = project.root / deployed.environments
    path.write_text(path.read_text("utf-8").replace("in_flight: 8}", "in_flight: 8, retry_cap: 0.2}"), "utf-8")
    return deployed


@pytest.fixture
def deployed(prepared: Deployed, proxy: FlagProxy, tmp_path: Path) -> Deployed:
    """A copy of the project, with automation on and a way there that is whole."""
    project = SmallProject.__new__(SmallProject)
    project.root = tmp_path / "p"
    shutil.copytree(prepared.project.root, project.root)
    project.sources = project.root / "smoke_cases" / "richpanel"
    project.features = project.root / "features" / "richpanel"
    prepared.set_flags(ON)
    proxy.heal()
    return replace(prepared, project=project)


@pytest.fixture
def throw(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RollbackReport]:
    """Perform option A, and seal it only where that is looked at."""

    def throw(*, seal: bool = False, **more: Any) -> RollbackReport:
        if not seal:
            monkeypatch.setattr(rollback_bundle, "seal_rollback", lambda *_: "not looked at")
        root = deployed.project.root
        fields: dict[str, Any] = {"option": "A", "environments": root / deployed.environments, **more}
        return roll_back(RollbackRequest(root, "richpanel", "deployed", who="Rolf Back", why="a test", **fields))

    return throw


def assert_safe(deployed: Deployed) -> None:
    assert {name: deployed.flags[name] for name in SAFE} == SAFE


def notes(report: RollbackReport) -> str:
    return "\n".join(report.record["notes"])


def test_nothing_but_the_environment_needs_to_be_right(
    deployed: Deployed, throw: Callable[..., RollbackReport]
) -> None:
    break_everything_but_environments(deployed.project)
    report = throw(seal=True)
    assert (report.effect, report.exit_code) == ("proven", 0)
    assert_safe(deployed)
    assert "plan.yaml" in notes(report)
    assert "the built-in switches are used" in notes(report)
    assert "skipped" in report.record["pack"]["sentence"]
    assert report.sealed.startswith("NOT SEALED")
    assert (report.folder / "rollback.json").is_file()
    assert (report.folder / "incident.md").is_file()


def test_the_rest_of_the_environments_file_may_be_wrong(
    deployed: Deployed, throw: Callable[..., RollbackReport]
) -> None:
    path = deployed.project.root / deployed.environments
    text = path.read_text("utf-8").replace("poll_interval: 0.05}", "poll_interval: soon}")
    text = text.replace("health: {request: GET /health", "health: {request: FETCH /health")
    path.write_text(
        text.replace("  deployed:\n", "  other:\n    kind: nonsense\n  deployed:\n    surprise: 1\n"), "utf-8"
    )
    report = throw()
    assert report.effect == "proven"
    assert_safe(deployed)
    assert "environments.yaml has" in notes(report)


@pytest.mark.parametrize(
    ("old", "new"),
    [("set_flag: {request: PUT", "set_flag: {request: PUSH"), ("    hosts: [", "    hosts: [http://")],
)
def test_what_a_write_goes_by_is_not_guessed(
    deployed: Deployed, throw: Callable[..., RollbackReport], proxy: FlagProxy, old: str, new: str
) -> None:
    path = deployed.project.root / deployed.environments
    text = path.read_text("utf-8")
    changed = text.replace(old, new).replace('request: "PUT /flags', 'request: "PUSH /flags')
    assert changed != text
    path.write_text(changed, "utf-8")
    with pytest.raises(SourceError):
        throw()
    assert proxy.requests == []


def test_a_host_that_is_not_allowed_is_refused(
    deployed: Deployed, throw: Callable[..., RollbackReport], proxy: FlagProxy
) -> None:
    path = deployed.project.root / deployed.environments
    host = proxy.url.removeprefix("http://")
    path.write_text(path.read_text("utf-8").replace(f"hosts: [{host}]", "hosts: [middleware.example.com]"), "utf-8")
    with pytest.raises(RefusedError, match=r"^\[host-not-allowed\]"):
        throw()
    assert proxy.requests == []


def test_a_held_lock_is_taken_over_and_what_was_borrowed_is_returned_towards_safe(
    deployed: Deployed, throw: Callable[..., RollbackReport]
) -> None:
    ledger = open_ledger(str(deployed.project.root / "evidence"), "richpanel")
    borrowed = "template_enabled.t_refund_request_intake"
    deployed.set_flags({borrowed: True})
    with hold_environment(ledger, "deployed", "run somebody's") as hold:
        for flag, old in ((borrowed, False), ("safe_mode", False)):
            hold.journal.note(FlagChange(flag, old, True, "run-1", "2026-11-21T08:00:00Z", ChangeState.INTENDED))
        report = throw()
        with pytest.raises(LockError, match="no longer held"):
            hold.check()
        assert hold.journal.open_changes() == ()
    assert report.effect == "proven"
    assert report.record["lock"]["taken_from"] == "run somebody's"
    assert {one["flag"] for one in report.record["voided"]} == {borrowed, "safe_mode"}
    assert deployed.flags[borrowed] is False
    assert_safe(deployed)


@pytest.mark.parametrize("place", ["evidence/richpanel/ledger", "evidence"])
def test_a_ledger_that_cannot_be_written_is_told_and_nothing_waits_for_it(
    deployed: Deployed, throw: Callable[..., RollbackReport], place: str
) -> None:
    path = deployed.project.root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way\n", "utf-8")
    report = throw(seal=True)
    assert report.effect == "proven"
    assert_safe(deployed)
    assert "the ledger cannot be used" in notes(report)
    assert report.sealed.startswith("NOT SEALED")
    assert (report.folder / "rollback.json").is_file()
    assert (report.folder.parent == path.parent) == (place == "evidence/richpanel/ledger")


def test_the_writes_are_out_before_the_ledger_is_opened_and_wait_for_nothing(
    deployed: Deployed,
    throw: Callable[..., RollbackReport],
    proxy: FlagProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[float] = []

    def open_slowly(*arguments: Any, **more: Any) -> Any:
        opened.append(time.time())
        time.sleep(1.5)
        return open_ledger(*arguments, **more)

    monkeypatch.setattr(preemption, "open_ledger", open_slowly)
    called = time.time()
    report = throw()
    assert len(proxy.writes) == 2
    assert max(at for at, _ in proxy.writes) < opened[0]
    assert min(at for at, _ in proxy.writes) - called < 1.0
    assert report.time_to_safe is not None
    assert report.time_to_safe < 1.4


def test_one_write_that_fails_keeps_no_other_back_and_is_named(
    deployed: Deployed, throw: Callable[..., RollbackReport], proxy: FlagProxy
) -> None:
    proxy.refused = {"safe_mode"}
    report = throw()
    assert deployed.flags["automation_enabled"] is False
    assert (report.effect, report.exit_code) == ("proven", 3)
    assert report.record["incomplete"] == ["safe_mode"]
    attempts = next(one["attempts"] for one in report.record["writes"] if one["flag"] == "safe_mode")
    assert len(attempts) > 2
    assert all("500" in one["error"] for one in attempts)
    assert report.next_commands[0].endswith("--option A")


def test_a_write_that_fails_at_first_is_tried_again(
    deployed: Deployed, throw: Callable[..., RollbackReport], proxy: FlagProxy
) -> None:
    proxy.refused = {"automation_enabled"}
    healing = threading.Timer(0.6, proxy.refused.clear)
    healing.start()
    report = throw()
    healing.join()
    assert (report.effect, report.exit_code, report.record["incomplete"]) == ("proven", 0, [])
    assert_safe(deployed)


def test_a_write_that_hangs_delays_no_other(
    deployed: Deployed, throw: Callable[..., RollbackReport], proxy: FlagProxy
) -> None:
    proxy.hanging = {"automation_enabled"}
    report = throw()
    assert report.effect == "proven"
    assert report.time_to_safe is not None
    assert report.time_to_safe < 2.0
    assert {flag for _, flag in proxy.writes[:2]} == set(SAFE)
    assert proxy.writes[1][0] - proxy.writes[0][0] < 0.3


@pytest.mark.parametrize("reachable", [True, False])
def test_where_nothing_is_written_it_failed(
    deployed: Deployed, throw: Callable[..., RollbackReport], proxy: FlagProxy, reachable: bool
) -> None:
    if reachable:
        proxy.refused = set(SAFE)
    else:
        path = deployed.project.root / deployed.environments
        path.write_text(path.read_text("utf-8").replace(proxy.url.removeprefix("http://"), "127.0.0.1:9"), "utf-8")
    report = throw()
    assert (report.effect, report.exit_code) == ("failed", 1 if reachable else 5)
    assert report.time_to_safe is None
    assert any("--option C" in command for command in report.next_commands)


def test_a_switch_that_is_accepted_without_effect_is_reported_within_its_deadline(
    deployed: Deployed, throw: Callable[..., RollbackReport], proxy: FlagProxy
) -> None:
    proxy.swallowed = set(SAFE)
    report = throw()
    assert (report.effect, report.exit_code, report.time_to_safe) == ("no_effect", 1, None)
    told_at = next(event["at"] for event in report.record["timeline"] if event["what"].startswith("NO EFFECT"))
    seconds = seconds_of(told_at) - seconds_of(report.record["first_write_at"])
    assert seconds < report.record["propagation_deadline"] + 1
    base = f"gonogo rollback richpanel --env deployed --environments {deployed.project.root / deployed.environments}"
    assert f"{base} --option B --template {TEMPLATE}" in report.next_commands
    assert f"{base} --option C --previous-release PREVIOUS" in report.next_commands
    assert report.record["pack"]["decision"] is None


def test_what_is_not_observable_is_performed_and_not_proven(
    deployed: Deployed, throw: Callable[..., RollbackReport]
) -> None:
    path = deployed.project.root / deployed.environments
    text = path.read_text("utf-8")
    start = text.index("    decisions:\n")
    path.write_text(text[:start] + text[text.index("    ticket: {") :], "utf-8")
    report = throw()
    assert (report.effect, report.exit_code, report.time_to_safe) == ("not_proven", 3, None)
    assert_safe(deployed)


@contextmanager
def somebody_switches_on(deployed: Deployed) -> Iterator[None]:
    """Switch automation on again as soon as the rollback has switched it off."""

    def switch() -> None:
        end = time.monotonic() + 60
        while not (deployed.flags["safe_mode"] is True and deployed.flags["automation_enabled"] is False):
            assert time.monotonic() < end, "the rollback never switched anything off"
            time.sleep(0.02)
        deployed.set_flags({"safe_mode": False, "automation_enabled": True})

    deployed.set_flags({"safe_mode": False, "automation_enabled": True})
    person = threading.Thread(target=switch)
    person.start()
    yield
    person.join()


def test_what_a_run_switches_on_again_meanwhile_is_switched_off_again(
    deployed: Deployed, throw: Callable[..., RollbackReport]
) -> None:
    with somebody_switches_on(deployed):
        report = throw()
    assert report.effect == "proven"
    assert_safe(deployed)
    assert any("written again" in event["what"] for event in report.record["timeline"])


def test_a_rollback_that_is_killed_has_left_its_record(
    deployed: Deployed, throw: Callable[..., RollbackReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Stands in for the end of the process."""

    def die(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr("gonogo.release.rollback._prove", die)
    with pytest.raises(Killed):
        throw()
    assert_safe(deployed)
    records = list((deployed.project.root / "evidence" / "richpanel").glob("*/rollback.json"))
    assert len(records) == 1
    assert '"phase": "begun"' in records[0].read_text("utf-8")
    give_up = time.monotonic() + 5
    while time.monotonic() < give_up:
        entries = open_ledger(str(deployed.project.root / "evidence"), "richpanel", for_reading=True).entries()
        if entries:
            break
        time.sleep(0.05)
    assert [(one.kind, one.payload["phase"]) for one in entries] == [("rollback", "begun")]
    assert datetime.fromisoformat(entries[0].at) <= datetime.now(UTC)


def test_an_interrupt_takes_nothing_back_and_is_recorded(
    deployed: Deployed, throw: Callable[..., RollbackReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gonogo.release.rollback._prove", interrupt)
    report = throw()
    assert (report.effect, report.exit_code) == ("not_proven", 130)
    assert_safe(deployed)
    entries = open_ledger(str(deployed.project.root / "evidence"), "richpanel", for_reading=True).entries()
    assert [one.payload["phase"] for one in entries] == ["begun", "ended"]
    assert "interrupted" in (report.folder / "incident.md").read_text("utf-8")
