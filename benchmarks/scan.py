"""The scan of a bundle beside `sha256sum` over the same files; one run, one machine.

    python benchmarks/scan.py [--megabytes 100] [--cases 1000] [--rounds 3]

The files are those of a run: few large ones, one small one for each case, a report, plots, a zip and screenshots.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gonogo.evidence.scan import Needle, scan_folder

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "evidence"))

from scan_bundles import clean_bundle, write_bundle


def make_bundle(folder: Path, megabytes: int, cases: int) -> list[str]:
    """Write a bundle of about that size and return its paths."""
    bundle = clean_bundle(1, cases=cases)
    extra = clean_bundle(2, cases=cases)
    growing = [name for name in bundle if name.endswith((".jsonl", ".csv", ".txt", ".log", ".md", "outcomes.jsonl"))]
    growing += ["decision.json"]
    missing = megabytes * 1_000_000 - sum(map(len, bundle.values()))
    shares = {name: len(bundle[name]) for name in growing}
    for name in growing:
        wanted = int(missing * shares[name] / sum(shares.values()))
        part = extra[name]
        bundle[name] += (b"\n" + part) * (wanted // (len(part) + 1)) if wanted > 0 else b""
    return write_bundle(folder, bundle)


def needles(number: int) -> list[Needle]:
    """Return canaries and secrets as a run has them."""
    rng = random.Random(7)
    return [Needle(f"canary-{place}", f"qx{rng.randbytes(9).hex()}") for place in range(number)]


def median_of(rounds: int, work: Callable[[], object]) -> float:
    """Return the median seconds of a piece of work."""
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def measure(megabytes: int, cases: int, rounds: int, number: int) -> None:
    """Print both medians and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = make_bundle(folder, megabytes, cases)
        size = sum((folder / file).stat().st_size for file in files)
        sought = needles(number)

        def scan() -> None:
            found = scan_folder(folder, files, sought, [])
            if found:
                raise SystemExit(f"a clean bundle has findings: {found[:5]}")

        def digest() -> None:
            subprocess.run(["sha256sum", *files], cwd=folder, check=True, stdout=subprocess.DEVNULL)

        digest()
        first = median_of(1, scan)
        one, other = median_of(rounds, scan), median_of(rounds, digest)
        print(f"{len(files)} files, {size / 1e6:.0f} MB, {number} needles")
        print(f"scan {one:.2f} s (the first one {first:.2f} s), sha256sum {other:.2f} s: {one / other:.1f} x")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--needles", type=int, default=6)
    chosen = parser.parse_args()
    measure(chosen.megabytes, chosen.cases, chosen.rounds, chosen.needles)
