"""Does a soak of half an hour leave file descriptors, threads or processes behind?

    python benchmarks/load_soak.py [--time-scale 48] [--profile soak]

A day of the median hour in half an hour, against the embedded sandbox. Descriptors, threads and memory of the command,
its generator and its sandbox are looked at every few seconds; afterwards nothing of them may be there. The bound: no
more descriptors and threads in the last tenth than in the second.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import psutil
from load_bench import machine

ROOT = Path(__file__).parents[1]


def kind_of(process: psutil.Process) -> str:
    """Return which of the processes of a load this is."""
    words = " ".join(process.cmdline())
    found = [name for name in ("gonogo.sandbox", "locust") if name in words]
    return {"gonogo.sandbox": "sandbox", "locust": "generator"}[found[0]] if found else "command"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--time-scale", type=float, default=48)
    parser.add_argument("--profile", default="soak")
    options = parser.parse_args()
    print(machine(), flush=True)
    looks: dict[str, list[tuple[float, int, int, int]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("smoke_cases", "features", "steps", "load", "pyproject.toml", "conftest.py"):
            source = ROOT / part
            shutil.copytree(source, folder / part) if source.is_dir() else shutil.copy(source, folder / part)
        load = folder / "smoke_cases" / "richpanel" / "load.yaml"
        load.write_text(re.sub(r"lag_p99: \w+", "lag_p99: 5s", load.read_text("utf-8")), "utf-8")
        command = [sys.executable, "-m", "gonogo.cli.main", "load", "richpanel", "--env", "sandbox", "--format", "json"]
        process = subprocess.Popen(
            [*command, "--profile", options.profile, "--time-scale", str(options.time_scale)],
            cwd=folder,
            stdout=(folder / "out.json").open("w"),
            stderr=(folder / "err.txt").open("w"),
        )
        started = time.monotonic()
        family: dict[int, psutil.Process] = {}
        parent = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                members = [parent, *parent.children(recursive=True)]
            except psutil.Error:
                break
            for member in members:
                try:
                    family[member.pid] = member
                    memory = member.memory_info().rss
                    look = (time.monotonic() - started, member.num_fds(), member.num_threads(), memory)
                    looks[kind_of(member)].append(look)
                except (psutil.Error, OSError):
                    continue
            time.sleep(2.0)
        process.wait()
        time.sleep(1.0)
        if process.returncode not in (0, 1, 3):
            raise SystemExit(f"the load ended with {process.returncode}: {(folder / 'err.txt').read_text()[-3000:]}")
        record = json.loads((folder / "out.json").read_text("utf-8"))
    print(f"{record['profile']}: {record['messages']['sent']:,} messages in {record['arrivals']['seconds']:.0f} s, "
          f"{record['messages']['decided']:,} decided, {record['decision']} {record['deciding'][:3]}")  # fmt: skip
    for kind, rows in sorted(looks.items()):
        end = rows[-1][0]
        early = [row for row in rows if 0.1 * end <= row[0] <= 0.2 * end] or rows
        late = [row for row in rows if 0.85 * end <= row[0] <= 0.95 * end] or rows
        for label, index in (("descriptors", 1), ("threads", 2)):
            first, last = max(row[index] for row in early), max(row[index] for row in late)
            print(f"  {kind:9} {label:11} {first:4} early, {last:4} late  {'ok' if last <= first else 'MORE'}")
        first, last = (max(row[3] for row in part) / 2**20 for part in (early, late))
        print(f"  {kind:9} memory      {first:4.0f} MiB early, {last:4.0f} MiB late")
    left = [one.pid for one in family.values() if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    print(f"  processes left behind: {left or 'none'}  {'MISSED' if left else 'ok'}")
    print(machine())


if __name__ == "__main__":
    main()
