"""`gonogo load` as a person runs it, against the embedded sandbox and one that stands by itself."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
import psutil
import pytest
from harness import RunningSandbox, SmallProject, deploy

from gonogo.loadtest.plots import PLOTS

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "load.schema.json"
PROFILES = """
profiles:
  small:
    title: a small load
    arrivals: {segments: [{count: 60, over: 4s}], redeliver: 0.1}
    recovery: 10s
  long:
    title: a load that somebody stops
    arrivals: {segments: [{count: 1000, over: 60s}]}
    recovery: 10s
  hour:
    title: an hour in a few seconds
    arrivals: {segments: [{count: 100, over: 60m}], redeliver: 0.05}
    recovery: 10m
  minutes:
    title: minutes in a few seconds
    arrivals: {segments: [{count: 100, over: 5m}], redeliver: 0.05}
    recovery: 10m
  stormless:
    title: a storm that is not there
    arrivals: {segments: [{count: 20, over: 1s}]}
    recovery: 10s
    shows: {vendor_429: 50}
"""


@dataclass(frozen=True)
class Done:
    """What a load came to."""

    code: int
    record: dict[str, Any]
    folder: Path
    stderr: str

    def outcome(self, check: str) -> str:
        return next(one["outcome"] for one in self.record["checks"] if one["check"] == check)

    def figure(self, name: str) -> dict[str, Any]:
        return next(one for one in self.record["figures"] if one["figure"] == name)


class LoadProject(SmallProject):
    """A project whose profiles are small, and whose generator may be late on a machine that is busy with tests."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        path = self.sources / "load.yaml"
        text = re.sub(r"lag_p99: \w+", "lag_p99: 5s", path.read_text("utf-8")).partition("\nprofiles:")[0]
        path.write_text(text + PROFILES, "utf-8")
        staging = "    environment: staging\n"
        self.edit("smoke_cases/richpanel/plan.yaml", (staging, f"{staging}    load: [small]\n"))

    def start(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        command = self.command("load", "richpanel", "--env", "sandbox", "--format", "json", "--out", f"out/{name}")
        return subprocess.Popen(
            [*command, *arguments],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self, name: str, process: subprocess.Popen[str]) -> Done:
        stdout, stderr = process.communicate(timeout=120)
        folder = self.root / "out" / name
        return Done(process.returncode, json.loads(stdout) if stdout else {}, folder, stderr)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> LoadProject:
    return LoadProject(tmp_path_factory.mktemp("load"))


@pytest.fixture(scope="module")
def made(project: LoadProject) -> dict[str, Done]:
    """Make every load of these tests at once: each waits most of its time."""
    sandbox, fresh = (RunningSandbox("--flag-ttl", "0.2", "--latency", "0.02-0.1") for _ in range(2))
    try:
        deploy(project, fresh.url, kind="staging")
        # An environment of its own: a load holds the lock of its environment.
        text = (project.root / "deployed.yaml").read_text("utf-8")
        (project.root / "staged.yaml").write_text(text.replace("  deployed:", "  staged:"), "utf-8")
        deploy(project, sandbox.url, kind="sandbox")
        text = (project.root / "deployed.yaml").read_text("utf-8")
        # A system without pages, whose decisions do not say when they were complete.
        text = re.sub(r"(?m)^    (decisions_page|replies_page): .*\n", "", text)
        (project.root / "deployed.yaml").write_text(text.replace("        completed_at: completed_at\n", ""), "utf-8")
        os.environ["RICHPANEL_WEBHOOK_TOKEN"] = sandbox.token
        started = {
            "small": project.start("small", "--profile", "small"),
            "minutes": project.start("minutes", "--profile", "minutes", "--time-scale", "60", "--workers", "2"),
            "stormless": project.start("stormless", "--profile", "stormless"),
            "long": project.start("long", "--profile", "long"),
            "staged": project.start(
                "staged", "--profile", "small", "--environments", "staged.yaml", "--env", "staged",
            ),
            "deployed": project.start(
                "deployed", "--profile", "small", "--duration", "1s", "--environments", "deployed.yaml",
                "--env", "deployed",
            ),
        }  # fmt: skip
        _interrupt_once_sending(started["long"])
        return {name: project.finish(name, process) for name, process in started.items()}
    finally:
        del os.environ["RICHPANEL_WEBHOOK_TOKEN"]
        sandbox.stop()
        fresh.stop()


def _interrupt_once_sending(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if "sending" in line:
            break
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)


def test_a_clean_load_is_go_and_every_message_has_its_decision(made: dict[str, Done]) -> None:
    done = made["small"]
    assert (done.code, done.record["decision"]) == (0, "GO"), done.stderr
    messages = done.record["messages"]
    assert (messages["sent"], messages["decided"], messages["lost"], messages["duplicates"]) == (54, 54, 0, 0)
    assert messages["escalations"] > 0
    assert messages["replied"] > 0
    assert done.record["answers"] == {"202": 60}
    assert done.figure("ack_p95")["n"] == 60
    assert done.figure("end_to_end_p50")["value"] > 0.05
    assert {one["limit"] for one in done.record["proofs"] if not one["provable"]} == {"ack-p99", "server-errors"}
    assert done.outcome("ack-p99") == "INCONCLUSIVE"


def test_the_bundle_holds_the_figures_and_is_sealed_as_a_load(made: dict[str, Done], project: LoadProject) -> None:
    folder = made["small"].folder
    decision = json.loads((folder / "decision.json").read_text("utf-8"))
    assert decision["activity"] == "load"
    planned = json.loads((folder / "planned.json").read_text("utf-8"))
    assert len(planned["checks"]) == len(decision["checks"])
    seconds = (folder / "seconds.csv").read_text("utf-8").splitlines()
    assert sum(int(line.split(",")[1]) for line in seconds[1:]) == 60
    assert sum(int(line.split(",")[3]) for line in seconds[1:]) == 60
    histogram = (folder / "latencies.csv").read_text("utf-8").splitlines()
    assert sum(int(line.split(",")[1]) for line in histogram[1:]) == 60
    schema = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text("utf-8")))
    for done in made.values():
        if done.record:
            schema.validate(json.loads((done.folder / "load.json").read_text("utf-8")))
            schema.validate(done.record)
    assert {path.name for path in folder.glob("*.svg")} == set(PLOTS)
    assert "<svg" in (folder / "report.html").read_text("utf-8")
    assert (folder / "manifest.json").is_file()
    verified = project.gonogo("verify", str(folder))
    assert "UNSIGNED" in verified.stdout + verified.stderr


def test_compressed_time_is_said_in_every_figure_and_its_limits_are_scaled(made: dict[str, Done]) -> None:
    done = made["minutes"]
    assert done.code == 0, done.stderr
    assert {one["note"] for one in done.record["figures"]} == {"time compressed x60"}
    limits = {one["id"]: one["limit"] for one in done.record["gates"]}
    assert (limits["queue-age"], limits["ack-p95"]) == (5, 0.5)
    assert "TIME COMPRESSED x60:" in " ".join(json.loads((done.folder / "decision.json").read_text("utf-8"))["notes"])
    assert [one["worker"] for one in done.record["workers"]] == [0, 1]


def test_a_condition_that_was_not_there_holds(made: dict[str, Done]) -> None:
    done = made["stormless"]
    assert done.code == 3
    assert done.outcome("condition") == "INCONCLUSIVE"
    assert done.outcome("lost") == "INCONCLUSIVE"


def test_an_interrupt_stops_cleanly_and_still_reports(made: dict[str, Done]) -> None:
    done = made["long"]
    assert done.code == 130, done.stderr
    assert done.record["decision"] == "HOLD"
    assert 0 < done.record["messages"]["sent"] < 500
    assert done.record["messages"]["decided"] == done.record["messages"]["sent"]
    assert done.outcome("generator") == "INCONCLUSIVE"
    assert (done.folder / "manifest.json").is_file()


def test_a_system_without_pages_is_read_ticket_by_ticket(made: dict[str, Done]) -> None:
    done = made["deployed"]
    assert done.record["messages"]["decided"] == done.record["messages"]["sent"] > 0
    assert (done.outcome("lost"), done.outcome("duplicates")) == ("PASSED", "PASSED")
    # Nobody says when a decision was complete: whether one was late is not known, and not a pass.
    assert done.outcome("late") == "INCONCLUSIVE"
    assert done.code == 3


def test_a_stage_that_was_not_entered_is_refused_before_any_load(made: dict[str, Done]) -> None:
    done = made["staged"]
    assert done.code == 2
    assert "[stage-not-entered]" in done.stderr, done.stderr
    assert not done.folder.exists()


def test_nothing_is_left_behind(made: dict[str, Done], project: LoadProject) -> None:
    assert made
    here = str(project.root)
    left = [one for one in psutil.process_iter(["cmdline"]) if any(here in word for word in one.info["cmdline"] or ())]
    assert left == []


def test_what_cannot_be_made_is_refused_before_anything_is_sent(project: LoadProject) -> None:
    done = project.gonogo("load", "richpanel", "--profile", "small", "--env", "sandbox", "--fault", "no_such")
    assert done.code == 2, done.stderr
    assert "unknown fault" in done.stderr
    assert not list((project.root / "evidence").glob("richpanel/2*"))


def test_the_list_says_what_each_profile_can_and_cannot_prove(project: LoadProject) -> None:
    done = project.gonogo("load", "richpanel", "--list", "--format", "json")
    [small, *_] = done.record["profiles"]
    assert (small["profile"], small["count"], small["stages"]) == ("small", 60, ["0"])
    assert any("2,995" in sentence for sentence in small["cannot_prove"])
    assert any(sentence.startswith("acknowledged messages without") for sentence in small["proves"])
