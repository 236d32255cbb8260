"""What does reconciling ten thousand messages cost beside reading their decisions back?

    python benchmarks/load_reconcile.py [--messages 10000] [--rate 80]

A load against the embedded sandbox, whose decisions are read in pages, and once more ticket by ticket with at most ten
requests at once. The bound: reconciling takes less than reading back in pages does.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from load_bench import machine

ROOT = Path(__file__).parents[1]
PROFILE = """
profiles:
  bench:
    title: a benchmark
    arrivals: {{segments: [{{count: {count}, over: {over}s}}], spacing: even, redeliver: 0.02}}
    recovery: 10m
    late_after: 10m
    embedded: [--latency, "0-0.01", --workers, "32", --rate, "2000", --burst, "2000"]
"""


def make_project(folder: Path, count: int, rate: float, *, paged: bool) -> None:
    """Copy the project with one profile."""
    for name in ("smoke_cases", "features", "steps", "load", "pyproject.toml", "conftest.py"):
        source = ROOT / name
        shutil.copytree(source, folder / name) if source.is_dir() else shutil.copy(source, folder / name)
    path = folder / "smoke_cases" / "richpanel" / "load.yaml"
    text = path.read_text("utf-8").partition("\nprofiles:")[0].replace("lag_p99: 100ms", "lag_p99: 5s")
    path.write_text(text + PROFILE.format(count=count, over=max(1, round(count / rate))), "utf-8")
    plan = folder / "smoke_cases" / "richpanel" / "plan.yaml"
    plan.write_text(re.sub(r"load: \[.*\]", "load: [bench]", plan.read_text("utf-8")), "utf-8")
    if not paged:
        environments = folder / "smoke_cases" / "richpanel" / "environments.yaml"
        text = re.sub(r"(?m)^    (decisions_page|replies_page): .*\n", "", environments.read_text("utf-8"))
        environments.write_text(text, "utf-8")


def measure(count: int, rate: float, *, paged: bool) -> tuple[float, float]:
    """Return the seconds of reading back and of reconciling."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_project(folder, count, rate, paged=paged)
        command = [
            sys.executable,
            "-m",
            "gonogo.cli.main",
            "load",
            "richpanel",
            "--profile",
            "bench",
            "--env",
            "sandbox",
        ]
        done = subprocess.run(
            [*command, "--format", "json"], cwd=folder, stdout=subprocess.PIPE, text=True, check=False
        )
        record = json.loads(done.stdout)
    messages, seconds = record["messages"], record["seconds"]
    way = "in pages" if paged else "by ticket"
    print(
        f"  {way:9}  {messages['sent']:,} messages, {messages['decided']:,} decided: {record['decision']}", flush=True
    )
    read, reconciled = seconds["reading back"], seconds["reconciling"]
    print(f"             read back in {read:.2f} s, reconciled in {reconciled:.3f} s")
    # The quiet period is waited for and costs nothing.
    return seconds["reading back"] - 1.0, seconds["reconciling"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=80)
    options = parser.parse_args()
    print(machine())
    read, reconciled = measure(options.messages, options.rate, paged=True)
    print(
        f"  reconciling is {reconciled / read:.2f} x reading back (bound 1) {'ok' if reconciled < read else 'MISSED'}"
    )
    measure(options.messages, options.rate, paged=False)
    print(machine())


if __name__ == "__main__":
    main()
