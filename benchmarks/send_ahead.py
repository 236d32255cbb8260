"""A pack sent ahead beside the same scenarios one by one, against the sandbox with decisions that take a second.

    python benchmarks/send_ahead.py [--rows 45] [--latency 1.0] [--stage 2]

The bound is 1.3 x the sum over the flag states of (propagation + probe + slowest decision + quiet period), beside
start-up, which is shown on its own.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
TTL, QUIET = 1.0, 1.0
ONE_BY_ONE = """
import gonogo.run.session as session
from gonogo.run.sendahead import run_ahead

def each_alone(target, environment, batch, progress):
    for number, item in enumerate(batch, start=1):
        run_ahead(target, environment, [item], lambda *_: progress(number, number, len(batch)))

session.run_ahead = each_alone
"""


def make_project(folder: Path, rows: int, latency: float) -> None:
    """Copy the project with the first rows of the pack, kept so that every mode stays, and slow decisions."""
    for name in ("smoke_cases", "features", "steps", "pyproject.toml", "conftest.py"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    pack = folder / "smoke_cases" / "richpanel" / "smoke.csv"
    with pack.open(newline="", encoding="utf-8") as file:
        header, *lines = list(csv.reader(file))
    while len(lines) > rows:
        modes = [line[1] for line in lines]
        lines.remove(next(line for line in reversed(lines) if modes.count(line[1]) == max(map(modes.count, modes))))
    with pack.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *lines])
    plan = folder / "smoke_cases" / "richpanel" / "plan.yaml"
    plan.write_text(
        re.sub(r"(?m)^ +(gates|checklists|preconditions|load|verify): .*\n", "", plan.read_text("utf-8")), "utf-8"
    )
    path = folder / "smoke_cases" / "richpanel" / "environments.yaml"
    text = path.read_text("utf-8")
    options = f'[--flag-ttl, "{TTL}", --latency, "{latency}", --workers, "128"]'
    text = re.sub(r"options: \[.*\]", f"options: {options}", text, count=1)
    path.write_text(text.replace("quiet_period: 1,", f"quiet_period: {QUIET:g},", 1), "utf-8")
    gonogo(folder, "compile")


def gonogo(folder: Path, *arguments: str) -> tuple[float, str]:
    """Run gonogo and return its seconds and what it printed."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "gonogo.cli.main", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=dict(os.environ), check=False)
    # One by one, "nothing is decided" has nothing beside it that was decided, and holds.
    if done.returncode not in (0, 3):
        raise SystemExit(
            f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-1500:]}{done.stderr[-1500:]}"
        )
    return time.perf_counter() - started, done.stderr


def measure(rows: int, latency: float, stage: str) -> None:
    """Print the seconds of both ways and the bound."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_project(folder, rows, latency)
        run = ("run", "richpanel", "--stage", stage, "--env", "sandbox")
        whole, shown = gonogo(folder, *run)
        record = json.loads(next(folder.glob("evidence/richpanel/*/decision.json")).read_text("utf-8"))
        planned = json.loads(next(folder.glob("evidence/richpanel/*/planned.json")).read_text("utf-8"))
        shutil.rmtree(folder / "evidence")
        (folder / "steps" / "one_by_one.py").write_text(ONE_BY_ONE, "utf-8")
        pyproject = (folder / "pyproject.toml").read_text("utf-8")
        pyproject = pyproject.replace('"steps.checklist"]', '"steps.checklist", "steps.one_by_one"]')
        (folder / "pyproject.toml").write_text(pyproject, "utf-8")
        alone, _ = gonogo(folder, *run)
    started = float(re.search(r"([\d.]+) s  (?:setting|proving) flags", shown)[1])  # type: ignore[index]
    states = len(planned["states"])
    probe = slowest = latency
    total = states * (TTL + probe + slowest + QUIET)
    messages = sum(state["messages"] for state in planned["states"])
    print(f"{rows} rows, {messages} messages, {states} flag states, decisions take {latency:g} s: {record['decision']}")
    parts = f"propagation {TTL:g} + probe {probe:g} + decision {slowest:g} + quiet {QUIET:g}"
    print(f"sum over states of ({parts}): {total:.1f} s")
    ratio = (whole - started) / total
    print(f"sent ahead   {whole:6.1f} s, of it start-up {started:.1f} s: {ratio:.2f} x the sum (bound 1.3)")
    print(f"one by one   {alone:6.1f} s: {alone / whole:.1f} x as long")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=45)
    parser.add_argument("--latency", type=float, default=1.0)
    parser.add_argument("--stage", default="2")
    chosen = parser.parse_args()
    measure(chosen.rows, chosen.latency, chosen.stage)
