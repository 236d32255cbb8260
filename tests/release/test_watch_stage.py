"""A watch from its sources to the sealed bundle: sessions that go on, single looks, kills, and a real rollback."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from harness import SmallProject, deploy
from watch_scene import SYSTEM, TOKEN, Sandbox

from gonogo.errors import RefusedError, SourceError, UsageError
from gonogo.evidence.ledger.book import open_ledger
from gonogo.release.soak import soak_of
from gonogo.release.watch import WatchReport, WatchRequest, watch_stage
from gonogo.release.watching.journal import find_watches, read_lines
from gonogo.release.watching.loop import Ending, WatchState

KEY = base64.b64encode(bytes(range(32))).decode()
STAGE = {
    name: list(value) if isinstance(value, tuple) else value
    for name, value in SYSTEM.plan.by_id["2"].flag_state(SYSTEM.vocabulary).items()
}
SOAK = "soak: {minimum: 60m, recommended: 24h}"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    one = Sandbox()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def project(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    small = SmallProject(tmp_path_factory.mktemp("project"), ["ST-001", "ST-021"])
    deploy(small, sandbox.url)
    small.edit("smoke_cases/richpanel/plan.yaml", (SOAK, "soak: {minimum: 1s}"))
    text = re.sub(
        r"timing: \{.*\}",
        "timing: {propagation_deadline: 1.5, decision_deadline: 4, quiet_period: 0.2}",
        (small.root / "deployed.yaml").read_text(),
        count=1,
    )
    (small.root / "deployed.yaml").write_text(text)
    return small


@pytest.fixture
def watch(project: SmallProject, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Callable[..., WatchReport]:
    """Watch stage 2 of the project for a short time, in this process."""
    monkeypatch.setenv(TOKEN, sandbox.token)
    monkeypatch.setenv("GONOGO_SIGNING_KEY", KEY)
    sandbox.faults()
    sandbox.set_flags(STAGE)

    def run(
        *, show: Callable[[WatchState], None] = lambda _: None, stop: threading.Event | None = None, **more: Any
    ) -> WatchReport:
        told: list[str] = more.pop("told", [])
        request = WatchRequest(
            project.root,
            "richpanel",
            "2",
            "deployed",
            **{"every": 0.2, "length": 1.2, "environments": project.root / "deployed.yaml", **more},
        )
        return watch_stage(request, show=show, tell=told.append, stop=stop or threading.Event())

    return run


def samples(folder: Path) -> list[dict[str, Any]]:
    return [one for one in read_lines(folder / "samples.jsonl") if one["kind"] == "sample"]


def _span(report: WatchReport) -> float:
    """Return the seconds between the first and the last sample of a session."""
    assert report.report is not None
    seen = [one["at"] for one in samples(report.report.folder) if one["session"] == report.record["watch"]]
    return seen[-1] - seen[0] + 0.002


def test_a_healthy_watch_is_go_and_sealed(watch: Callable[..., WatchReport], project: SmallProject) -> None:
    report = watch(release="healthy", every=0.5, length=3.5)
    assert report.report is not None
    assert report.report.seal_error is None, report.report.seal_error
    decision = report.report.record
    assert report.exit_code == 0, decision["deciding"]
    assert decision["activity"] == "watch"
    ids = {f"{one['case']}/{one['check']}": one["outcome"] for one in decision["checks"]}
    assert ids["SOAK/observed"] == "PASSED"
    assert ids["W-QUEUE-AGE/limit"] == "PASSED"
    assert len(ids) == 16
    folder = report.report.folder
    told = json.loads((folder / "watch.json").read_text())
    assert told["soak_seconds"] >= 1
    assert told["probes"]["sent"] == 1
    assert [one["id"] for one in told["sessions"]] == [told["watch"]]
    assert soak_of([folder], 1.0).complete
    # Every figure has its source and its time; what came from a page is a number.
    one = samples(folder)[-1]
    assert one["measured"]["queue_age"]["source"] == "page"
    assert isinstance(one["measured"]["queue_age"]["value"], int | float)
    entry = open_ledger(str(project.root / "evidence"), "richpanel").entries()[-1]
    assert entry.payload["activity"] == "watch"
    done = project.gonogo("verify", str(folder))
    assert "does not verify" not in done.stdout, done.stdout


def test_the_next_session_goes_on_and_nothing_is_invented_between(watch: Callable[..., WatchReport]) -> None:
    # Slow polls for slow machines: a sample covers two intervals, and what lies beyond them is a gap.
    first = watch(release="resumed", every=1.0, length=2.5)
    assert first.report is not None
    assert 0 < first.soak.seconds <= _span(first)
    # Longer than two intervals: what a sample covers must not reach over the pause.
    time.sleep(2.5)
    second = watch(release="resumed", every=1.0, length=2.5)
    assert first.soak.seconds < second.soak.seconds <= _span(first) + _span(second)
    assert second.soak.sessions == 2
    other = watch(release="another", every=0.4, length=0.4)
    assert other.soak.seconds <= _span(other)


def test_single_looks_gather_in_one_watch_until_it_has_soaked(
    watch: Callable[..., WatchReport], project: SmallProject
) -> None:
    looks = [watch(release="looks", once=True, every=3.0) for _ in range(2)]
    assert [one.ending for one in looks] == [Ending.ONCE] * 2
    assert looks[0].report is None
    assert looks[0].exit_code == 3
    assert looks[0].soak.seconds == 0
    [folder] = find_watches(project.root / "evidence" / "richpanel", "deployed", "2", "looks")
    assert not folder.concluded
    assert len(samples(folder.folder)) == 2
    # The first look has no past, so its counters say nothing; from the second on they have the one before.
    assert [one["health"] for one in samples(folder.folder)] == ["no_data", "ok"]
    time.sleep(1.2)
    last = watch(release="looks", once=True, every=3.0)
    assert last.report is not None, last.soak
    assert last.exit_code == 0
    assert len(list(find_watches(project.root / "evidence" / "richpanel", "deployed", "2", "looks"))) == 1
    assert last.soak.seconds >= 1
    # What comes next is another watch, and knows what this one saw.
    after = watch(release="looks", once=True, every=3.0, conclude=True)
    assert after.report is not None
    assert after.report.folder != last.report.folder


def test_a_change_of_flags_under_the_watch_begins_the_soak_again(
    watch: Callable[..., WatchReport], sandbox: Sandbox
) -> None:
    def show(state: WatchState) -> None:
        if state.polls == 4:
            sandbox.set_flags({"automation_enabled": False})
        if state.polls == 5:
            notes.extend(state.notes)

    notes: list[str] = []
    report = watch(release="flags", length=1.2, show=show)
    assert report.soak.seconds == 0
    assert any("other flags" in reason for reason in report.soak.reasons)
    assert report.exit_code == 3
    # What is well with automation off says nothing of a stage that has it on.
    assert report.report is not None
    seen = samples(report.report.folder)
    assert {one["health"] for one in seen[4:]} == {"no_data"}
    assert any("automation_enabled is false and not true" in note for note in notes)


def test_a_breach_is_no_go_or_hold_as_the_plan_says(watch: Callable[..., WatchReport], sandbox: Sandbox) -> None:
    sandbox.faults("signal_queue_stuck")
    evaluation = watch(release="evaluation", length=0.6)
    assert evaluation.exit_code == 3
    assert evaluation.report is not None
    assert "TRG-QUEUE-AGE/fired" in evaluation.report.decision.deciding
    sandbox.faults("signal_complaints")
    immediate = watch(release="immediate", length=0.6)
    assert immediate.exit_code == 1
    assert immediate.report is not None
    states = json.loads((immediate.report.folder / "triggers.json").read_text())["triggers"]
    assert [one["id"] for one in states if one["fired"]] == ["TRG-COMPLAINTS"]
    assert immediate.report.record["next"].startswith("gonogo rollback richpanel --env deployed --environments")


def test_an_interrupt_seals_what_was_seen(watch: Callable[..., WatchReport]) -> None:
    stop = threading.Event()
    report = watch(release="interrupted", length=600, stop=stop, show=lambda state: state.polls == 3 and stop.set())
    assert report.ending is Ending.INTERRUPTED
    assert report.exit_code == 130
    assert report.report is not None
    assert report.report.seal is not None
    assert len(samples(report.report.folder)) == 3


def test_a_watch_that_was_killed_is_taken_over_by_the_next(
    watch: Callable[..., WatchReport], project: SmallProject, sandbox: Sandbox
) -> None:
    command = project.command(
        *("watch", "richpanel", "--stage", "2", "--env", "deployed", "--environments", "deployed.yaml"),
        *("--release", "killed", "--for", "60s", "--every", "200ms"),
    )
    process = subprocess.Popen(
        command, cwd=project.root, env={**os.environ, TOKEN: sandbox.token}, stderr=subprocess.PIPE, text=True
    )
    evidence = project.root / "evidence" / "richpanel"
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = find_watches(evidence, "deployed", "2", "killed")
            if found and len(samples(found[0].folder)) >= 5:
                break
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        output = process.communicate()[1]
    [dead] = find_watches(evidence, "deployed", "2", "killed")
    seen = samples(dead.folder)
    assert len(seen) >= 5
    assert not dead.concluded
    # One line a change, in words: what a log has.
    assert "\x1b" not in output
    assert re.search(r"^\d\d:\d\d:\d\d  watching 15 rules every 0\.2 s: \d+ ok", output, re.MULTILINE)
    assert len(output.splitlines()) < 12
    told: list[str] = []
    report = watch(release="killed", length=0.6, told=told)
    assert report.report is not None
    folder = report.report.folder
    own = [one for one in samples(folder) if one["session"] == report.record["watch"]]
    taken = [one for one in samples(folder) if one["session"] == dead.id]
    assert len(taken) == len(seen)
    assert any("taken over" in text for text in told)
    span = lambda rows: rows[-1]["at"] - rows[0]["at"]  # noqa: E731
    assert report.soak.seconds <= span(seen) + span(own) + 0.4
    assert report.soak.sessions == 2
    # What a sealed bundle holds is not taken over again.
    again = watch(release="killed", length=0.4)
    assert again.report is not None
    assert not [one for one in samples(again.report.folder) if one["session"] == dead.id]


def test_two_real_watchers_perform_one_real_rollback(
    watch: Callable[..., WatchReport], project: SmallProject, sandbox: Sandbox
) -> None:
    ledger = open_ledger(str(project.root / "evidence"), "richpanel")
    before = len(ledger.entries())
    reports: list[WatchReport] = []

    def show(state: WatchState) -> None:
        if state.polls == 2:
            sandbox.faults("signal_complaints")

    def run(name: str) -> None:
        reports.append(watch(release=name, length=600, auto_rollback=True, show=show, run_by="Ada"))

    threads = [threading.Thread(target=run, args=(name,)) for name in ("auto-1", "auto-2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert sorted(one.ending.name for one in reports) == ["ROLLED_BACK", "ROLLED_BACK_ELSEWHERE"]
    assert [one.exit_code for one in reports] == [1, 1]
    entries = [one.payload for one in ledger.entries()[before:] if one.kind == "rollback"]
    assert [one["phase"] for one in entries] == ["begun", "ended"]
    assert entries[1]["automatic"] is True
    assert entries[1]["trigger"] == "TRG-COMPLAINTS"
    assert entries[1]["effect"] == "proven"
    assert "Ada" in entries[1]["who"]
    flags = sandbox.client.get("/flags").json()["flags"]
    assert (flags["automation_enabled"], flags["safe_mode"]) == (False, True)
    performed = next(one for one in reports if one.ending is Ending.ROLLED_BACK)
    [rollback] = performed.record["rollbacks"]
    assert 0 < rollback["seconds_to_safe"] < 30


@pytest.mark.parametrize("kind", ["rollback", "restore", "advance"])
def test_a_soak_does_not_reach_back_over_a_change_on_record(
    watch: Callable[..., WatchReport], project: SmallProject, kind: str
) -> None:
    ledger = open_ledger(str(project.root / "evidence"), "richpanel")
    before = watch(release=f"after-{kind}", every=1.0, length=2.0)
    assert before.soak.seconds > 0
    # Flags may be as they were before: nobody saw what they were between.
    ledger.append(kind, {"environment": "deployed", "option": "A"}, datetime.now(UTC))
    after = watch(release=f"after-{kind}", every=1.0, length=1.0)
    assert after.soak.sessions <= 1
    assert after.soak.seconds <= _span(after)


def test_what_cannot_be_watched_is_refused_before_anything_is_sent(
    watch: Callable[..., WatchReport], project: SmallProject, sandbox: Sandbox
) -> None:
    for more, said in (
        ({"every": 7200.0}, "--every is 7200 s"),
        ({"conclude": True}, "it needs --once"),
        ({"sandbox_options": ("--fault", "slow_ack")}, "is not embedded"),
    ):
        with pytest.raises(UsageError, match=re.escape(said)):
            watch(**more)
    for stage, said in (("9", "stage '9' is not in the plan"), ("0", "names no watch rules")):
        with pytest.raises(UsageError, match=said):
            watch_stage(
                WatchRequest(project.root, "richpanel", stage, "deployed", environments=project.root / "deployed.yaml"),
                show=lambda _: None,
                tell=lambda _: None,
                stop=threading.Event(),
            )
    text = (project.root / "deployed.yaml").read_text()
    (project.root / "elsewhere.yaml").write_text(
        text.replace(f"    base_url: {sandbox.url}\n", f"    base_url: {sandbox.url}\n    hosts: [example.com]\n")
    )
    with pytest.raises(RefusedError, match="host-not-allowed"):
        watch(environments=project.root / "elsewhere.yaml")
    path = project.sources / "watch.yaml"
    kept = path.read_text()
    path.write_text(kept.replace("metric: queue_age", "metric: queue_aeg"))
    try:
        with pytest.raises(SourceError) as error:
            watch()
    finally:
        path.write_text(kept)
    assert any("queue_age" in str(problem) for problem in error.value.problems)


def test_production_is_sent_no_probe_without_a_confirmation(
    watch: Callable[..., WatchReport], project: SmallProject, sandbox: Sandbox
) -> None:
    text = (project.root / "deployed.yaml").read_text()
    host = sandbox.url.removeprefix("http://")
    text = text.replace("kind: staging", "kind: production", 1)
    text = text.replace(f"    base_url: {sandbox.url}\n", f'    base_url: {sandbox.url}\n    hosts: ["{host}"]\n')
    (project.root / "production.yaml").write_text(text)
    told: list[str] = []
    report = watch(release="r9", length=0.4, environments=project.root / "production.yaml", told=told)
    assert report.record["probes"] == {"sent": 0, "failed": 0}
    assert any("--confirm deployed/RELEASE" in sentence for sentence in told)


def test_an_embedded_sandbox_is_another_system_each_time(project: SmallProject) -> None:
    reports = []
    for _ in range(2):
        request = WatchRequest(project.root, "richpanel", "2", "sandbox", every=0.3, length=0.9)
        reports.append(watch_stage(request, show=lambda _: None, tell=lambda _: None, stop=threading.Event()))
    assert all(report.soak.sessions == 1 for report in reports)
    assert all(report.record["earlier"] == [] for report in reports)
    assert all(report.soak.seconds <= _span(report) for report in reports)
