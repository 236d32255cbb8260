"""How many requests a second does the open-loop generator hold on one core, and how late is it?

On a machine that others use, `chrt -r 10` before the command gives it the core that the figures speak of.

    python benchmarks/load_speed.py [--seconds 10] [--rates 3000 10000 20000 …]

Beside it, on the same server in the same run: Locust's closed-loop FastHttpUser, and wrk where it is installed.
Generator and server have a core each. The bound: 3,000 requests/s with a dispatch lag of at most 3 ms at p99. A rate
is held where at least 98 % of the requests are made in time and none fails; lag and processor time are shown for
each.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess

from load_bench import machine, make_closed_loop, make_load, make_order, running_server

from gonogo.loadtest.records import quantile

GENERATOR, SERVER = {0}, {os.cpu_count() - 1 if os.cpu_count() else 0}


def measure(rate: float, seconds: float) -> tuple[bool, bool]:
    """Make one load, print it, and return whether the rate was held, and whether in time too (lag p99 at most 3 ms)."""
    with running_server("--mode", "instant", cores=SERVER) as server:
        records = make_load(make_order(server.port, rate, seconds), cores=GENERATOR)
        busy = server.processor_time()
    rows, note = records.rows, records.notes[0]
    achieved = len(rows) / (note.ended - note.began)
    failed = int((rows["status"] != 202).sum())
    lag = [quantile(rows["lag"], share) / 1000 for share in (0.5, 0.99, 0.999)]
    held = achieved >= 0.98 * rate and failed == 0
    bound = "" if rate != 3000 else f"  bound 3 ms: {'ok' if lag[1] <= 3 else 'MISSED'}"
    print(
        f"  open loop {rate:7,.0f}/s asked {achieved:8,.0f}/s made  lag p50 {lag[0]:.2f} p99 {lag[1]:.2f}"
        f" p99.9 {lag[2]:.2f} ms  latency p99 {quantile(rows['latency'], 0.99) / 1000:.2f} ms"
        f"  processor: generator {note.processor / len(rows) * 1e6:.0f} us a request,"
        f" server {busy / len(rows) * 1e6:.0f} us  {'held' if held else 'NOT HELD'}{bound}",
        flush=True,
    )
    return held, held and lag[1] <= 3


def measure_wrk(seconds: float) -> None:
    """Let wrk work on the same server, where it is installed."""
    program = shutil.which("wrk")
    if program is None:
        print("  wrk is not installed")
        return
    with running_server("--mode", "instant", cores=SERVER) as server:
        url = f"http://127.0.0.1:{server.port}/webhook"
        command = ["taskset", "-c", "0", program, "-t1", "-c64", f"-d{seconds:g}s", url]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", output)
    print(f"  wrk, closed loop, 64 connections     {float(found[1]) if found else 0:8,.0f}/s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rates", type=float, nargs="+", default=[3000, 10_000, 20_000, 30_000, 40_000, 50_000])
    options = parser.parse_args()
    print(machine())
    best = in_time = 0.0
    for rate in options.rates:
        held, prompt = measure(rate, options.seconds)
        if not held:
            break
        best, in_time = rate, rate if prompt else in_time
    print(f"  the highest rate held: {best:,.0f}/s; with a lag of at most 3 ms at p99: {in_time:,.0f}/s")
    with running_server("--mode", "instant", cores=SERVER) as server:
        closed = make_closed_loop(server.port, 64, None, options.seconds, cores=GENERATOR)
    made = closed["requests"] / options.seconds
    print(f"  FastHttpUser, closed loop, 64 users  {made:8,.0f}/s  (the highest rate held is {best / made:.2f} x that)")
    measure_wrk(options.seconds)
    print(machine())


if __name__ == "__main__":
    main()
