"""Killed at any point, whatever changes flags leaves nothing less safe than it was, or than a person left it.

`ALL_KILL_POINTS=1` tries every point of every scenario; without it some of each, among them those where a write took
effect and nothing says so yet.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import RunningSandbox, SmallProject, deploy

SCRIPT = Path(__file__).with_name("flag_kill_points.py")
ALL = bool(os.environ.get("ALL_KILL_POINTS"))
# Scenario: the kind of environment, the points tried in any case, and what those points are. At a point with a p, a
# person throws both switches between the kill and the next start.
_SET, _NOTE = "after HttpTarget.set_flag", "before Journal.note"
SCENARIOS = {
    "run": ("staging", {"3": "before HttpTarget.set_flag", "4": _SET, "13": _NOTE, "4p": _SET, "16p": _SET}),
    "enter": ("sandbox", {"25": _NOTE, "40": _SET, "52": _SET}),
    "widen": ("staging", {"22": _SET, "28": _SET, "33": "before Journal.keep", "28p": _SET}),
    "narrow": ("staging", {"10": _SET}),
    "restore": ("staging", {"2": _SET, "6": _SET, "6p": _SET}),
}
_LEVELS: dict[Any, int] = {"safe": 0, "absent": 1, "open": 2}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SmallProject, RunningSandbox]]:
    project = SmallProject(tmp_path_factory.mktemp("project"), ["ST-020", "ST-070", "ST-075"])
    running = RunningSandbox("--flag-ttl", "0", "--latency", "0.01")
    for kind in ("staging", "sandbox"):
        (project.root / deploy(project, running.url, kind=kind)).rename(project.root / f"{kind}.yaml")
    yield project, running
    running.stop()


def kill_at_points(place: tuple[SmallProject, RunningSandbox], scenario: str) -> list[dict[str, Any]]:
    project, running = place
    kind, points = SCENARIOS[scenario]
    chosen = [] if ALL else ["--points", ",".join(map(str, points))]
    command = [sys.executable, str(SCRIPT), str(project.root), running.url, f"{kind}.yaml", scenario, *chosen]
    done = subprocess.run(
        command,
        cwd=project.root,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "RICHPANEL_WEBHOOK_TOKEN": running.token},
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["point"]: one["what"] for one in lines}.items() >= points.items(), "the points are other ones by now"
    killed = [one for one in lines if one["what"]]
    if ALL:
        assert len(killed) > 15
        assert [one["code"] for one in lines if not one["what"]] == [0, 0], "the last ones end well"
    assert all(one["killed_by"] == 9 for one in killed)
    return killed


def is_less_safe(flag: str, value: Any, than: Any) -> bool:
    if isinstance(value, list) or isinstance(than, list):
        return value is None or (isinstance(than, list) and not set(value) <= set(than))
    return _level(flag, value) > _level(flag, than)


def _level(flag: str, value: Any) -> int:
    if value is None:
        return _LEVELS["open"]
    if value == "absent":
        return _LEVELS["absent"]
    return _LEVELS["safe" if value is (flag == "safe_mode") else "open"]


def less_safe_flags(after: dict[str, Any], than: dict[str, Any]) -> list[str]:
    names = sorted({*after, *than})
    return [name for name in names if is_less_safe(name, after.get(name, "absent"), than.get(name, "absent"))]


def changed_flags(one: dict[str, Any], state: str) -> list[str]:
    before, other = one["states"]["before"], one["states"][state]
    return sorted(name for name in {*before, *other} if before.get(name) != other.get(name))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_next_start_leaves_nothing_less_safe_and_names_what_is_left(
    place: tuple[SmallProject, RunningSandbox], scenario: str
) -> None:
    killed = kill_at_points(place, scenario)
    assert any(changed_flags(one, "killed") for one in killed), "none was killed where it hurts"
    for one in killed:
        states, told = one["states"], "\n".join(one["told"])
        assert less_safe_flags(states["after"], states["person"]) == [], one
        assert all(left.split(" ")[0] in told for left in one["open"])
        assert ("gonogo restore richpanel --env deployed" in told) == bool(one["open"])
        if one["point"].endswith("p"):
            assert (states["after"]["safe_mode"], states["after"]["automation_enabled"]) == (True, False)
        elif one["what"] != "after Journal.keep" and scenario != "restore":
            # What was declared to stay is the state, and restoring was asked for by a person; all else goes back.
            assert less_safe_flags(states["after"], states["before"]) == [], one
            left = changed_flags(one, "after")
            for flag in changed_flags(one, "killed"):
                assert f"FLAGS LEFT: {flag} stays" in told if flag in left else f"{flag} returned from" in told, one
