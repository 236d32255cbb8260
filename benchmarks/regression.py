"""Judging a million outputs beside pandas and scikit-learn on the same two files; one run, one machine.

    python benchmarks/regression.py [--outputs 1000000] [--rounds 1]

Ours checks every output against a JSON Schema, matches ids, finds duplicates, counts tokens and the safety gates, and
writes all artefacts. The peer reads both files with pandas, joins them and asks scikit-learn for the classification
report. Both run as processes of their own; seconds are of the processor, since other work on the machine would count
on the clock. `--shuffled` gives the outputs in another order than the labels.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "smoke_cases" / "richpanel"

PEER = """
import sys
import pandas as pd
from sklearn.metrics import classification_report, confusion_matrix
labels = pd.read_json(sys.argv[1], lines=True)
outputs = pd.read_json(sys.argv[2], lines=True)
both = labels.merge(outputs, on="id", validate="one_to_one")
predicted = [output["intent"] for output in both["output"]]
report = classification_report(both["intent"], predicted, output_dict=True, zero_division=0)
confusion_matrix(both["intent"], predicted)
print(report["accuracy"])
"""

OURS = """
import sys
from pathlib import Path
from gonogo.model.regression import Taxonomy
from gonogo.run.regression import NamedFile, RegressionRequest, run_regression
from gonogo.sources.system_files import load_vocabulary
sources = Path(sys.argv[3])
vocabulary, _ = load_vocabulary(sources / "vocabulary.yaml", "vocabulary.yaml")
named = lambda path: NamedFile(Path(path), path)
report = run_regression(RegressionRequest(
    Taxonomy.from_vocabulary(vocabulary), named(sys.argv[2]), named(sys.argv[1]), Path(sys.argv[4]),
    schema=named(str(sources / "regression" / "schema.json")),
))
print(report.metrics.accuracy.value)
"""


def write_files(folder: Path, count: int, shuffled: bool) -> None:
    """Write labels and outputs of which 95 % agree."""
    rng = random.Random(1)
    intents = json.loads((SOURCES / "regression" / "schema.json").read_text("utf-8"))["properties"]["intent"]["enum"]
    lines = []
    with (folder / "labels.jsonl").open("wb") as labels:
        for number in range(count):
            name = f"RG-{number:07}"
            true = rng.choice(intents)
            guess = true if rng.random() < 0.95 else rng.choice(intents)
            labels.write(orjson.dumps({"id": name, "intent": true, "set": "fixed", "order_match": False}) + b"\n")
            output = {
                "intent": guess,
                "team": "Email Support Team",
                "tags": ["mw-intent-order-status"],
                "template_id": None,
                "action": "route_only",
                "order_match": False,
                "confidence": round(rng.random(), 3),
            }
            tokens = {"input": rng.randrange(500, 900), "output": rng.randrange(20, 80)}
            lines.append(orjson.dumps({"id": name, "output": output, "model": "m", "tokens": tokens}) + b"\n")
    if shuffled:
        rng.shuffle(lines)
    (folder / "outputs.jsonl").write_bytes(b"".join(lines))


def run(script: str, *arguments: str) -> tuple[float, float, float, str]:
    """Run a script; returns seconds of the processor and of the clock, the MiB of its peak, and what it printed."""
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        clock = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        printed = output.read().decode().strip()
    if process.returncode != 0:
        raise SystemExit(f"a side failed with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, clock, usage.ru_maxrss / 1024, printed


def main() -> None:
    """Print both sides and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outputs", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--without-peer", action="store_true")
    chosen = parser.parse_args()
    for count in chosen.outputs:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            # In a process of its own: a child's peak begins with what its parent holds.
            writer = multiprocessing.get_context("spawn").Process(
                target=write_files, args=(folder, count, chosen.shuffled)
            )
            writer.start()
            writer.join()
            if writer.exitcode != 0:
                raise SystemExit("the files could not be written")
            files = (str(folder / "labels.jsonl"), str(folder / "outputs.jsonl"))
            sides: dict[str, list[tuple[float, float, float, str]]] = {"gonogo": [], "pandas + scikit-learn": []}
            for _ in range(chosen.rounds):
                sides["gonogo"].append(run(OURS, *files, str(SOURCES), str(folder / "out")))
                if not chosen.without_peer:
                    sides["pandas + scikit-learn"].append(run(PEER, *files))
            print(f"{count:,} outputs")
            for side, figures in sides.items():
                if figures:
                    cpu, clock, memory = (statistics.median(figure[place] for figure in figures) for place in range(3))
                    print(f"  {side:<22} {cpu:7.1f} s processor {clock:7.1f} s clock {memory:7.0f} MiB", flush=True)
            if not chosen.without_peer:
                if len({figure[3] for figures in sides.values() for figure in figures}) != 1:
                    raise SystemExit("the sides do not agree on the accuracy")
                ours, peer = (statistics.median(figure[0] for figure in figures) for figures in sides.values())
                print(f"  ratio {ours / peer:.2f} of the peer's time (bound 0.5)")


if __name__ == "__main__":
    main()
