"""A rollback while a run has flags borrowed: the run stops, and what it would have returned stays safe."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from harness import RunningSandbox, SmallProject
from rollback_scene import make_deployed

from gonogo.release.rollback import roll_back
from gonogo.release.rollback_request import RollbackRequest

ROWS = ("ST-001", "ST-020", "ST-070", "ST-075")


def wait_for_messages(folder: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a run has entered its stage and awaits its decisions."""
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up and process.poll() is None:
        for path in folder.glob("*/progress.jsonl"):
            if '"phase":"messages"' in path.read_text("utf-8"):
                return
        time.sleep(0.05)
    raise AssertionError("the run sent no messages")


def test_a_run_stops_and_never_undoes_a_rollback(tmp_path: Path) -> None:
    project = SmallProject(tmp_path / "p", ROWS)
    project.edit("smoke_cases/richpanel/plan.yaml", (r"(?m)^  verify: .*\n", ""), pattern=True)
    sandbox = RunningSandbox("--flag-ttl", "0.2", "--latency", "0.9-1.0")
    try:
        deployed = make_deployed(project, sandbox, kind="sandbox")
        process = subprocess.Popen(
            project.command(
                *("run", "richpanel", "--stage", "2", "--env", "deployed", "--environments", deployed.environments)
            ),
            cwd=project.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        folder = project.root / "evidence" / "richpanel"
        wait_for_messages(folder, process)
        assert deployed.flags["automation_enabled"] is True
        report = roll_back(
            RollbackRequest(
                project.root,
                "richpanel",
                "deployed",
                "A",
                who="Rolf Back",
                why="a run is at work",
                environments=project.root / deployed.environments,
            )
        )
        out, _ = process.communicate(timeout=60)
        assert report.effect == "proven", report.record["reason"]
        assert "run" in str(report.record["lock"]["taken_from"])
        assert process.returncode != 0
        assert not out.startswith("GO")
        assert (deployed.flags["automation_enabled"], deployed.flags["safe_mode"]) == (False, True)
        decisions = [json.loads(path.read_text("utf-8")) for path in folder.glob("*/decision.json")]
        stopped = next(one for one in decisions if one["activity"] == "run" and one["stage"] == "2")
        assert stopped["decision"] != "GO"
    finally:
        sandbox.stop()
