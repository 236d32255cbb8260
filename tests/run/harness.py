"""A small project in a folder of its own, and the gonogo command run in it as a person would."""

from __future__ import annotations

import atexit
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# One row or more of every mode; enough for every fault of the sandbox to show.
ROWS = (
    "ST-001 ST-010 ST-013 ST-020 ST-021 ST-022 ST-028 ST-033 ST-035 ST-037 ST-038 ST-040 ST-041 ST-042 ST-045 "
    "ST-050 ST-052 ST-060 ST-070 ST-075"
).split()
_QUICK = {
    r'options: \[--flag-ttl, "0.5"\]': 'options: [--flag-ttl, "0.2", --latency, "0.02-0.15"]',
    r"propagation_deadline: 5, decision_deadline: 10, quiet_period: 1, poll_interval: 0.1": (
        "propagation_deadline: 6, decision_deadline: 10, quiet_period: 0.7, poll_interval: 0.05"
    ),
}


@dataclass(frozen=True)
class Finished:
    """What a command came to."""

    code: int
    stdout: str
    stderr: str

    @property
    def record(self) -> dict[str, Any]:
        return dict(json.loads(self.stdout))

    def outcome(self, check: str) -> str:
        """Return the outcome of a check by its id."""
        found = [one["outcome"] for one in self.record["checks"] if f"{one['case']}/{one['check']}" == check]
        assert len(found) == 1, f"{check} stands {len(found)} times in decision.json"
        return str(found[0])


_MADE: dict[tuple[tuple[str, ...], bool], Path] = {}


def copy_project(source: Path, folder: Path) -> None:
    """Copy what makes a project."""
    for name in ("smoke_cases", "features", "steps", "pyproject.toml", "conftest.py"):
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source / name, folder / name)


class SmallProject:
    """A copy of the project with some rows of the pack, and an environment that wastes no time.

    Gates want more samples than a few rows give, and checklists want people: both stay only in a `whole` project.
    """

    def __init__(self, folder: Path, rows: Sequence[str] = ROWS, *, whole: bool = False) -> None:
        self.root = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.sources = folder / "smoke_cases" / "richpanel"
        self.features = folder / "features" / "richpanel"
        # Made once a process: compiling takes a second, and many tests begin with the same project.
        made = _MADE.get((tuple(rows), whole))
        copy_project(made or ROOT, folder)
        if made is None:
            self._make(rows, whole=whole)
            _MADE[tuple(rows), whole] = keep = Path(tempfile.mkdtemp(prefix="gonogo-tests-"))
            atexit.register(shutil.rmtree, keep, ignore_errors=True)
            copy_project(folder, keep)

    def _make(self, rows: Sequence[str], *, whole: bool) -> None:
        self.edit("smoke_cases/richpanel/environments.yaml", *_QUICK.items(), pattern=True)
        self.keep_rows(rows)
        if not whole:
            self._leave_out_gates_and_checklists()
        done = self.gonogo("compile")
        assert done.code == 0, done.stderr

    def _leave_out_gates_and_checklists(self) -> None:
        lists = [path for path in self.sources.glob("*.md") if path.with_suffix(".bindings.yaml").is_file()]
        for path in (self.sources / "gates.yaml", *lists):
            (self.features / f"{path.stem}.feature").unlink(missing_ok=True)
            path.with_suffix(".bindings.yaml").unlink(missing_ok=True)
            path.unlink()
        self.edit(
            "smoke_cases/richpanel/plan.yaml",
            (r"(?m)^    (gates|checklists|preconditions|load): .*\n", ""),
            pattern=True,
        )

    def edit(self, name: str, *changes: tuple[str, str], pattern: bool = False) -> None:
        """Replace text in a file; every change must change something."""
        path = self.root / name
        text = path.read_text("utf-8")
        for old, new in changes:
            changed = re.sub(old, new, text) if pattern else text.replace(old, new)
            assert changed != text, f"{name} holds no {old!r}"
            text = changed
        path.write_text(text, "utf-8")

    def keep_rows(self, rows: Sequence[str]) -> None:
        """Leave out all other rows, and their names in the plan."""
        self.change_rows(lambda row: row if row["test_id"] in rows else None)
        plan = self.sources / "plan.yaml"
        text = re.sub(
            r"(?<=[\[ ])(ST-\d+)(?:, |(?=\]))", lambda one: one[0] if one[1] in rows else "", plan.read_text("utf-8")
        )
        plan.write_text(text.replace(", ]", "]"), "utf-8")

    def change_rows(self, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
        """Write the pack anew with each row changed, or left out."""
        path = self.sources / "smoke.csv"
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            header = list(reader.fieldnames or ())
            kept = [new for row in reader if (new := change(row)) is not None]
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, header, lineterminator="\n")
            writer.writeheader()
            writer.writerows(kept)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "gonogo.cli.main", *arguments]

    def gonogo(self, *arguments: str, timeout: float = 120, env: dict[str, str] | None = None) -> Finished:
        """Run gonogo to its end."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, **(env or {})},
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def run(self, stage: int, *arguments: str, **more: Any) -> Finished:
        """Run a stage against the sandbox, with the decision as JSON."""
        return self.gonogo(
            "run", "richpanel", "--stage", str(stage), "--env", "sandbox", "--format", "json", *arguments, **more
        )

    @property
    def runs(self) -> list[Path]:
        """Return the folders of all runs, oldest first."""
        folder = self.root / "evidence" / "richpanel"
        return sorted(path for path in folder.iterdir() if path.name != "ledger") if folder.is_dir() else []


class RunningSandbox:
    """A sandbox of the tests' own, as a deployed system would be: the run does not start or stop it."""

    def __init__(self, *options: str) -> None:
        self.token = "test-token"
        command = [sys.executable, "-m", "gonogo.sandbox.richpanel", "--port", "0", "--exit-with-parent", *options]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "GONOGO_SANDBOX_TOKEN": self.token},
        )
        assert self.process.stdout is not None
        self.url = str(json.loads(self.process.stdout.readline())["url"])

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def deploy(project: SmallProject, url: str, kind: str = "staging") -> str:
    """Write an environments file whose environment `deployed` is the system at an address; returns its name."""
    text = (project.sources / "environments.yaml").read_text("utf-8")
    start, end = text.index("  sandbox:\n"), text.index("  staging:\n")
    block = text[start:end].replace("  sandbox:\n", "  deployed:\n", 1)
    block = re.sub(r"    embedded:\n.*\n.*\n", f"    base_url: {url}\n", block)
    block = block.replace("kind: sandbox", f"kind: {kind}", 1)
    path = project.root / "deployed.yaml"
    path.write_text(text[:start] + block, "utf-8")
    return path.name
