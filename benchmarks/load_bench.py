"""What the load benchmarks share: a server that is started and stopped, and a load made against it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gonogo.loadtest.generation import Generation, Place, find_locustfile, follow
from gonogo.loadtest.order import Order
from gonogo.loadtest.records import Records, read_records
from gonogo.model.load import Arrivals, Segment, Spacing

HERE = Path(__file__).parent
BODY = json.dumps({"event_id": "@", "message": {"text": "Where is my order? " * 10}}).encode()


@dataclass(frozen=True)
class RunningServer:
    """A server of load_server.py."""

    port: int
    process: subprocess.Popen[str]
    log: Path

    def processor_time(self) -> float:
        """Return the seconds of processor time that the server used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running_server(*options: str, cores: set[int] | None = None) -> Iterator[RunningServer]:
    """Start a server, on the given cores only."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        command = [sys.executable, str(HERE / "load_server.py"), "--log", str(log), *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            if cores:
                os.sched_setaffinity(process.pid, cores)
            assert process.stdout is not None
            yield RunningServer(json.loads(process.stdout.readline())["port"], process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def make_order(port: int, rate: float, seconds: float, *, workers: int = 1, spacing: Spacing = Spacing.EVEN) -> Order:
    """Return an order for a load of so many requests a second."""
    content = BODY.split(b"@")
    length = len(BODY) - 1 + 8
    head = f"POST /webhook HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    parts = (f"{head}Content-Length: {length}\r\n\r\n".encode() + content[0], content[1])
    arrivals = Arrivals(segments=(Segment(count=int(rate * seconds), over=float(seconds)),), spacing=spacing)
    return Order("bench", "127.0.0.1", port, False, (parts,), (0,), arrivals, None, 1.0, 30.0, workers)


def make_load(order: Order, *, cores: set[int] | None = None, tick: Any = None) -> Records:
    """Make a load and return its records; `cores` are those that the generator may use."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(order.workers)
        generation = Generation(order, Path(folder), place, find_locustfile(Path(folder)))
        try:
            generation.start()
            if cores:
                for pid in generation.pids:
                    os.sched_setaffinity(pid, cores)
            seconds = order.arrivals.seconds
            follow(generation, tick or (lambda rows: None), lambda: False, deadline=time.monotonic() + seconds + 120)
        finally:
            generation.close()
        records = read_records(Path(folder))
        if not len(records):
            raise SystemExit(f"the generator sent nothing: {generation.explain()}")
        return records


def make_closed_loop(
    port: int, users: int, rate: float | None, seconds: float, *, cores: set[int] | None = None
) -> dict[str, Any]:
    """Let Locust's own closed-loop users work for so many seconds; returns its statistics of the requests."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "BENCH_RATE": str(rate / users if rate else 0), "HOME": folder}
        command = [
            sys.executable, "-m", "locust", "-f", str(HERE / "load_closed_loop.py"), "--headless",
            "--host", f"http://127.0.0.1:{port}", "-u", str(users), "-r", str(users), "-t", f"{seconds:g}s",
            "--stop-timeout", "10", "--json", "--loglevel", "ERROR",
        ]  # fmt: skip
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environ, cwd=folder
        )
        if cores:
            os.sched_setaffinity(process.pid, cores)
        output, _ = process.communicate()
        entry = json.loads(output[output.index("[") :])[0]
        times = sorted((float(value), count) for value, count in entry["response_times"].items())
        total = sum(count for _, count in times)
        return {
            "requests": entry["num_requests"],
            "p99_ms": _rank(times, 0.99 * total),
            "p50_ms": _rank(times, 0.5 * total),
        }


def _rank(times: list[tuple[float, int]], rank: float) -> float:
    seen = 0
    for value, count in times:
        seen += count
        if seen >= rank:
            return value
    return times[-1][0]


def machine() -> str:
    """Return how busy the machine is, for whoever reads the figures."""
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
