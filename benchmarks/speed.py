"""A whole run beside bare pytest-bdd, and beside behave, on the same features and steps; all in one go on one machine.

    python benchmarks/speed.py [--rows 3000] [--rounds 3] [--definitions 10 1000]

The target is inside the process and answers at once, so that what is measured is the harness: planning, send-ahead,
judging, outcomes, JUnit and Allure results, and the start of both processes.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
COLUMNS = ("test_id", "mode", "channel", "inbound_message", "expected_primary_intent", "expected_destination")
MORE_COLUMNS = ("expected_tags", "expected_template_id", "expected_action", "notes")
ROW = ("tier1_automation", "livechat")
EXPECTED = ("order_status_tracking", "Email Support Team", "mw-intent-order-status")
REPLY = ("t_order_status_ask_order_number", "auto_reply_tier1", "")


def make_project(folder: Path, rows: int, definitions: int = 0) -> None:
    """Write a project with a pack of so many rows, an instant target, and so many more step definitions."""
    for name in ("smoke_cases", "steps"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / name, folder / name)
    sources = folder / "smoke_cases" / "richpanel"
    # The peers have no gates and no checklists.
    plan = (sources / "plan.yaml").read_text("utf-8")
    (sources / "plan.yaml").write_text(
        re.sub(r"(?m)^ +(gates|checklists|preconditions|load|verify): .*\n", "", plan), "utf-8"
    )
    with (sources / "smoke.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS + MORE_COLUMNS)
        for number in range(rows):
            message = f"Where is my order number {number}? It was promised for last week."
            writer.writerow((f"ST-{number:05}", *ROW, message, *EXPECTED, *REPLY))
    environments = (sources / "environments.yaml").read_text("utf-8")
    start, end = environments.index("    embedded:"), environments.index("    # Seconds.")
    environments = environments[:start] + "    target: instant\n    base_url: http://127.0.0.1:1\n" + environments[end:]
    environments = environments.replace("quiet_period: 1,", "quiet_period: 0,")
    (sources / "environments.yaml").write_text(environments, "utf-8")
    plugin = folder / "instant"
    info = plugin / "instant-1.0.dist-info"
    info.mkdir(parents=True)
    shutil.copy(ROOT / "benchmarks" / "instant_target.py", plugin)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: instant\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text("[gonogo.targets]\ninstant = instant_target:InstantTarget\n", "utf-8")
    if definitions:
        lines = ["from gonogo.run.definitions import then", "from gonogo.model.outcome import Outcome, Verdict"]
        for number in range(definitions):
            lines += [
                f'@then(\'the thing {number} is "{{value}}"\', check="thing-{number}")',
                f"def thing_{number}(scene, value):",
                "    return Verdict(Outcome.PASSED)",
            ]
        (folder / "steps" / "many.py").write_text("\n".join(lines) + "\n", "utf-8")
        pyproject = (folder / "pyproject.toml").read_text("utf-8")
        pyproject = pyproject.replace('"steps.checklist"]', '"steps.checklist", "steps.many"]')
        (folder / "pyproject.toml").write_text(pyproject, "utf-8")
    run(folder, [sys.executable, "-m", "gonogo.cli.main", "compile"])


STEPS = [
    ("given", 'a case of the kind "{mode}"'),
    ("given", "a new {channel} conversation without a linked order"),
    ("when", "the customer writes:"),
    ("then", "the message leads to one decision"),
    ("then", "the message arrives unaltered"),
    ("then", 'the intent is "{intent}"'),
    ("then", 'the ticket goes to "{team}"'),
    ("then", 'the ticket carries the tag "{tags}"'),
    ("then", 'the action is "{action}" where this stage allows it'),
    ("then", 'the reply is "{template}" where this stage allows it'),
    ("then", "the customer gets that reply once, and nothing where it is withheld"),
]


def write_bare(folder: Path) -> Path:
    """Write the same features for bare pytest-bdd, with steps that do nothing."""
    bare = folder / "bare"
    bare.mkdir()
    shutil.copy(folder / "features" / "richpanel" / "smoke.feature", bare)
    lines = ["from pytest_bdd import given, when, then, parsers, scenarios", 'scenarios("smoke.feature")']
    for number, (kind, text) in enumerate(STEPS):
        lines += [f"@{kind}(parsers.parse({text!r}))", f"def step_{number}():", "    pass"]
    (bare / "test_bare.py").write_text("\n".join(lines) + "\n", "utf-8")
    (bare / "pytest.ini").write_text("[pytest]\n", "utf-8")
    return bare


def write_behave(folder: Path) -> Path:
    """Write the same features for behave, with steps that do nothing."""
    peer = folder / "behave"
    (peer / "features" / "steps").mkdir(parents=True)
    shutil.copy(folder / "features" / "richpanel" / "smoke.feature", peer / "features")
    lines = ["from behave import given, when, then"]
    for number, (kind, text) in enumerate(STEPS):
        lines += [f"@{kind}({text!r})", f"def step_{number}(context, **values):", "    pass"]
    (peer / "features" / "steps" / "all.py").write_text("\n".join(lines) + "\n", "utf-8")
    return peer


def run(folder: Path, command: list[str]) -> tuple[float, float]:
    """Run a command; returns its seconds, and the MiB of the largest process that it was or started."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "instant"), os.environ.get("PYTHONPATH", "")])}
    environ["RICHPANEL_WEBHOOK_TOKEN"] = "token-of-a-benchmark"
    # Neither side pays for the plugins that happen to be installed here.
    environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, env=environ)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            printed = output.read().decode("utf-8", "replace")[-2000:]
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{printed}")
    return seconds, usage.ru_maxrss / 1024


def measure(rows: int, rounds: int, definitions: list[int]) -> None:
    """Print the medians and their ratios; rounds alternate so that a slow moment of the machine hits all."""
    with tempfile.TemporaryDirectory() as name:
        folders = {count: Path(name) / str(count) for count in definitions}
        for count, folder in folders.items():
            folder.mkdir()
            make_project(folder, rows, count)
        first = folders[definitions[0]]
        bare, peer = write_bare(first), write_behave(first)
        ours = [sys.executable, "-m", "gonogo.cli.main", "run", "richpanel", "--stage", "1", "--env", "sandbox"]
        figures: dict[str, list[tuple[float, float]]] = {}
        for _ in range(rounds):
            for count, folder in folders.items():
                figures.setdefault(f"gonogo run, {count} more definitions", []).append(run(folder, ours))
                shutil.rmtree(folder / "evidence")
            bare_command = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_bdd.plugin"]
            bare_command += ["-p", "no:cacheprovider", "test_bare.py"]
            figures.setdefault("bare pytest-bdd", []).append(run(bare, bare_command))
            figures.setdefault("behave", []).append(run(peer, [sys.executable, "-m", "behave", "-f", "null"]))
    base = statistics.median(seconds for seconds, _ in figures["bare pytest-bdd"])
    print(f"{rows} scenarios of {len(STEPS)} steps, median of {rounds}; {platform.machine()}, {os.cpu_count()} cores")
    for label, values in figures.items():
        middle = statistics.median(seconds for seconds, _ in values)
        peak = max(memory for _, memory in values)
        each = ", ".join(f"{seconds:.2f}" for seconds, _ in values)
        print(f"{label:<36} {middle:7.2f} s   {middle / base:5.2f} x bare   {peak:5.0f} MiB   (all: {each})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--definitions", type=int, nargs="+", default=[0, 1000])
    chosen = parser.parse_args()
    measure(chosen.rows, chosen.rounds, chosen.definitions)
