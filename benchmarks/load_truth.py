"""Are the reported latencies true? A server that freezes, and a server whose every wait is known.

    python benchmarks/load_truth.py [--rate 100] [--seconds 30] [--freeze 3]

A freeze of 3 s at 100 requests/s: reported p99 within 5 % of the true one, beside closed-loop users of the same tool.
Known waits: p50, p95 and p99 within 2 % or 1 ms of what the server itself measured.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from load_bench import machine, make_closed_loop, make_load, make_order, running_server

from gonogo.loadtest.records import quantile
from gonogo.loadtest.schedule import build_schedule
from gonogo.model.load import Spacing


def measure_freeze(rate: float, seconds: float, freeze: float, at: float) -> tuple[float, float, float, float]:
    """Return true p99, reported p99, and the p99 of closed-loop users, in seconds; and the longest that they saw."""
    options = ("--mode", "freeze", "--freeze-at", str(at), "--freeze", str(freeze))
    with running_server(*options) as server:
        order = make_order(server.port, rate, seconds)
        records = make_load(order)
        frozen = json.loads(server.log.read_text().splitlines()[0])
    began = records.notes[0].began
    due = began + np.asarray(build_schedule(order.arrivals).offsets)
    # Nobody is answered before the freeze ends who asks while it lasts; all else is answered at once.
    true = np.where((due >= frozen["began"]) & (due < frozen["ended"]), frozen["ended"] - due, 0.0)
    with running_server(*options) as server:
        closed = make_closed_loop(server.port, 10, rate, seconds)
    reported = quantile(records.rows["latency"], 0.99) / 1e6
    return quantile(true, 0.99), reported, closed["p99_ms"] / 1000, closed["requests"]


def measure_known(rate: float, seconds: float) -> list[tuple[str, float, float]]:
    """Return quantile, what the server measured of its own waits and what was reported, in ms."""
    with running_server("--mode", "latency") as server:
        records = make_load(make_order(server.port, rate, seconds, spacing=Spacing.POISSON))
        # The last lines are written with the next flush.
        import time

        time.sleep(1.0)
        waits = np.asarray([int(line) for line in server.log.read_text().split()])
    return [
        (f"p{share * 100:g}", quantile(waits, share) / 1000, quantile(records.rows["latency"], share) / 1000)
        for share in (0.5, 0.95, 0.99)
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--freeze", type=float, default=3)
    options = parser.parse_args()
    true, reported, closed, requests = measure_freeze(
        options.rate, options.seconds, options.freeze, options.seconds / 3
    )
    off = abs(reported - true) / true
    print(machine())
    print(f"freeze of {options.freeze:g} s at {options.rate:g} requests/s for {options.seconds:g} s")
    print(f"  true p99           {true * 1000:8.1f} ms")
    verdict = "ok" if off <= 0.05 else "MISSED"
    print(f"  open loop          {reported * 1000:8.1f} ms  ({off:.2%} off; bound 5 %) {verdict}")
    print(f"  closed-loop users  {closed * 1000:8.1f} ms  ({requests} requests)")
    print("known waits, 200 requests/s: what the server measured, what was reported")
    for name, server, own in measure_known(200, options.seconds):
        difference = own - server
        ok = abs(difference) <= max(1.0, 0.02 * server)
        print(f"  {name}  {server:8.2f} ms  {own:8.2f} ms  ({difference:+.2f} ms) {'ok' if ok else 'MISSED'}")


if __name__ == "__main__":
    main()
