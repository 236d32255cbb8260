"""No fault, no complaint: clean runs with random latency, order and worker count are all GO."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness import ROWS, Finished, SmallProject


def _run(folder: Path, seed: int) -> tuple[int, Finished]:
    dice = random.Random(seed)
    project = SmallProject(folder, dice.sample(ROWS, k=len(ROWS)))
    slowest = dice.choice([0.05, 0.3, 1.0, 1.5])
    options = f'"{dice.random() * 0.05:.3f}-{slowest}", --workers, "{dice.randint(1, 16)}", --seed, "{seed}", --shuffle'
    project.edit("smoke_cases/richpanel/environments.yaml", ('"0.02-0.15"', options))
    # One worker with slow decisions needs longer for the pack than a deployed system may.
    project.edit("smoke_cases/richpanel/environments.yaml", ("decision_deadline: 10", "decision_deadline: 60"))
    stage = dice.choice([0, 1, 2, 3, 4])
    return seed, project.run(stage, timeout=300)


def test_clean_runs_are_go(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    count = request.config.getoption("--clean-runs")
    with ThreadPoolExecutor(max_workers=4) as pool:
        runs = list(pool.map(lambda seed: _run(tmp_path / f"run-{seed}", seed), range(count)))
    complaints = {seed: done.record["reasons"] for seed, done in runs if done.code != 0}
    assert not complaints
