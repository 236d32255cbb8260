"""A middleware of another shape needs another YAML file, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import RunningSandbox, SmallProject

HERE = Path(__file__).parent


@pytest.fixture
def facade(sandbox: Callable[..., RunningSandbox]) -> Iterator[Callable[..., tuple[str, str]]]:
    """Start a facade in front of a sandbox; gives its address and token."""
    processes: list[subprocess.Popen[str]] = []

    def start(*options: str) -> tuple[str, str]:
        running = sandbox("--flag-ttl", "0.2", "--latency", "0.02-0.15", *options)
        command = [sys.executable, str(HERE / "other_middleware.py"), running.url, running.token]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert processes[-1].stdout is not None
        return str(json.loads(processes[-1].stdout.readline())["url"]), running.token

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("stage", "fault", "decides"),
    [
        (1, None, None),
        (3, None, None),
        (2, "kill_switch_ignored", "ST-070/reply"),
        (1, "wrong_team", "ST-021/team"),
        (2, "flag_no_effect", "FLAG-safe_mode/effect"),
    ],
)
def test_another_middleware_runs_from_its_yaml_alone(
    project: SmallProject, facade: Callable[..., tuple[str, str]], stage: int, fault: str | None, decides: str | None
) -> None:
    url, token = facade(*(["--fault", fault] if fault else []))
    text = (HERE / "other_middleware.yaml").read_text("utf-8").replace("http://127.0.0.1:1", url)
    (project.root / "theirs.yaml").write_text(text, "utf-8")
    done = project.gonogo(
        *("run", "richpanel", "--stage", str(stage), "--env", "theirs", "--environments", "theirs.yaml"),
        *("--format", "json"),
        env={**os.environ, "OTHER_TEAM_TOKEN": token},
    )
    if decides is None:
        assert (done.code, done.record["decision"]) == (0, "GO"), done.record["reasons"]
        assert done.record["target"]["aliases"]["team"]["RETURNS"] == "Returns Admin"
    else:
        assert done.code == 1
        assert decides in done.record["deciding"]
