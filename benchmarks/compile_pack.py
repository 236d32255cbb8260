"""Compiling a pack beside what pandas takes to read and write the same file; one run, one machine.

    python benchmarks/compile_pack.py [--rows 2500 5000 10000] [--rounds 5]

Linear means that the time for each row stays the same as the pack grows.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
from speed import make_project

from gonogo.gherkin.compile import compile_packs
from gonogo.model.vocabulary import Vocabulary
from gonogo.sources.smoke_csv import read_pack
from gonogo.sources.system_files import load_vocabulary


def median_of(rounds: int, work: Callable[[], object]) -> float:
    """Return the median seconds of a piece of work."""
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def compile_pack(folder: Path, vocabulary: Vocabulary) -> None:
    """Read the pack, check every row, render the feature and write it."""
    pack, found = read_pack(folder / "smoke_cases" / "richpanel" / "smoke.csv", "smoke.csv", vocabulary)
    if found:
        raise SystemExit("\n".join(map(str, found)))
    compile_packs([pack], vocabulary).write(folder / "out")


def copy_with_pandas(folder: Path) -> None:
    """Read the pack and write it again, as a peer that checks and renders nothing."""
    table = pd.read_csv(folder / "smoke_cases" / "richpanel" / "smoke.csv", dtype=str, keep_default_na=False)
    table.to_csv(folder / "copy.csv", index=False)


def measure(sizes: list[int], rounds: int) -> None:
    """Print both medians, their ratio, and the time for each row."""
    for rows in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make_project(folder, rows)
            sources = folder / "smoke_cases" / "richpanel"
            vocabulary, problems = load_vocabulary(sources / "vocabulary.yaml", "vocabulary.yaml")
            if vocabulary is None:
                raise SystemExit("\n".join(map(str, problems)))
            copy_with_pandas(folder)
            one = median_of(rounds, partial(compile_pack, folder, vocabulary))
            other = median_of(rounds, partial(copy_with_pandas, folder))
            each = f"{one / rows * 1e6:.0f} µs a row"
            print(f"{rows:6} rows: compile {one:.3f} s ({each}), pandas {other:.3f} s: {one / other:.1f} x")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[2500, 5000, 10000])
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    measure(chosen.rows, chosen.rounds)
