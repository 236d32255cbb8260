"""Does the generator's memory stay flat over a million requests, and the parent's too?

    python benchmarks/load_memory.py [--requests 1000000] [--rate 8000]

The memory of both processes is looked at every second. The bound: no more than a tenth above what it was once a tenth
of the requests was made.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import psutil
from load_bench import machine, make_load, make_order, running_server

WHEN = ("at a tenth", "at most", "at the end")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=8000)
    options = parser.parse_args()
    looks: list[tuple[float, int, int]] = []
    state = {"made": 0, "at": 0.0}

    def tick(rows: Any) -> None:
        state["made"] += len(rows)
        if time.monotonic() - state["at"] < 1.0:
            return
        state["at"] = time.monotonic()
        own = psutil.Process()
        child = max((one.memory_info().rss for one in own.children() if _is_locust(one.pid)), default=0)
        looks.append((state["made"] / options.requests, child, own.memory_info().rss))

    print(machine())
    with running_server("--mode", "instant") as server:
        records = make_load(make_order(server.port, options.rate, options.requests / options.rate), tick=tick)
    print(f"{len(records):,} requests in {records.notes[0].ended - records.notes[0].began:.0f} s")
    for name, index in (("generator", 1), ("parent", 2)):
        during = [look for look in looks if 0.1 <= look[0] < 1.0 and look[index]]
        first, most, last = during[0][index], max(look[index] for look in during), during[-1][index]
        ok = most <= 1.1 * first
        told = [f"{value / 2**20:6.1f} MiB {when}" for value, when in zip((first, most, last), WHEN, strict=True)]
        print(f"  {name:9} {', '.join(told)}: {most / first:.3f} x (bound 1.1) {'ok' if ok else 'MISSED'}")
    print(f"  the generator's peak, its schedule included: {records.notes[0].peak_memory / 2**20:.1f} MiB")
    print(machine())


def _is_locust(pid: int) -> bool:
    try:
        return b"locust" in Path(f"/proc/{pid}/cmdline").read_bytes() and pid != os.getpid()
    except OSError:
        return False


if __name__ == "__main__":
    main()
