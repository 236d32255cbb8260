"""What a watch costs: requests and time a poll with few and with many rules, and memory over simulated days.

    .venv/bin/python benchmarks/watch.py [--rules 5 200] [--days 7] [--every 120]

The page is a real one over HTTP for the first part. In the second the clock is simulated and the page is handed over
in memory, so that days pass in a minute; everything else is what a watch does, its record on disk among it.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gonogo.evidence.ledger.book import open_ledger
from gonogo.metrics.exposition import Page
from gonogo.metrics.history import PageHistory
from gonogo.model.watch import WatchFile
from gonogo.notify.webhook import Notifier
from gonogo.release.soak import SoakMeter
from gonogo.release.watching.claim import Claims, LedgerView
from gonogo.release.watching.journal import SampleLog, Session
from gonogo.release.watching.judge import RuleBook
from gonogo.release.watching.loop import WatchLoop
from gonogo.release.watching.observe import LiveObserver
from gonogo.release.watching.react import Place, Reactor
from gonogo.sources.watch_file import read_watch_pack
from gonogo.targets.interface import NotAvailable, Observed

START = datetime(2026, 11, 21, tzinfo=UTC)
SERIES = 40


class QuietTarget:
    """A target that is always well, so that only the metrics cost anything."""

    def check_health(self) -> Any:
        return Observed(True, 0.0, "benchmark")

    def read_identity(self) -> Any:
        return NotAvailable("not asked here")

    read_flags = read_identity

    def close(self) -> None:
        pass


@dataclass
class SimulatedClock:
    """A clock that a wait moves on at once."""

    at: float = 0.0
    after: Callable[[float], None] = lambda _: None

    def now(self) -> datetime:
        return START + timedelta(seconds=self.at)

    def elapsed(self) -> float:
        return self.at

    uptime = elapsed

    def wait(self, seconds: float) -> bool:
        self.at += seconds
        self.after(self.at)
        return False


def page_text(at: float) -> str:
    """Return a page of counters and gauges as it stands so many seconds after the start."""
    lines = [f"bench_counter_{number}_total {at * (number + 1) / 60:.3f}" for number in range(SERIES)]
    lines += [f"bench_gauge_{number} {(at + number) % 7:.3f}" for number in range(SERIES)]
    return "\n".join(lines) + "\n"


def rules_of(count: int, folder: Path) -> WatchFile:
    """Return a watch file of so many rules, half of them over a window, on the series of one page."""
    lines = ["system: bench", "sources: {page: {kind: exposition, url: http://127.0.0.1:1/metrics}}", "metrics:"]
    for number in range(SERIES):
        query = f"{{source: page, query: bench_counter_{number}_total, counter: true, reduce: increase, window: 10m}}"
        lines.append(f"  counter_{number}: {query}")
        lines.append(f"  gauge_{number}: {{source: page, query: bench_gauge_{number}}}")
    lines.append("rules:")
    for number in range(count):
        metric = f"{'counter' if number % 2 else 'gauge'}_{number // 2 % SERIES}"
        window = f", window: {11 + number // (2 * SERIES)}m" if number % 2 else ""
        lines.append(f"  - {{id: R-{number}, metric: {metric}, comparison: at_most, limit: 1000000{window}}}")
    path = folder / f"watch-{count}.yaml"
    path.write_text("\n".join(lines) + "\n")
    pack, problems = read_watch_pack(path, path.name)
    assert pack is not None, [str(one) for one in problems][:3]
    return pack.content


def make_loop(rules: WatchFile, folder: Path, clock: SimulatedClock, every: float, length: float) -> WatchLoop:
    """Return a session over the rules, with everything that a real one has."""
    ledger = open_ledger(str(folder / "ledger"), "bench")
    observer = LiveObserver.of(rules, QuietTarget(), "http://127.0.0.1:1", folder, os.environ, None)  # type: ignore[arg-type]
    claims = Claims(ledger, "bench", "bench", clock.now)
    tell: Callable[[str], None] = lambda _: None  # noqa: E731
    reactor = Reactor(
        Place("bench", "bench", "1", None, "b"), ledger, claims, Notifier(None, tell), None, clock.now, tell
    )
    book = RuleBook(rules.rules, (), START.timestamp())
    session = Session("bench", "bench", START.isoformat(), every, False, None)
    log = SampleLog(folder / "samples.jsonl")
    return WatchLoop(
        session,
        observer,
        book,
        SoakMeter(length),
        log,
        reactor,
        LedgerView(ledger, "bench"),
        clock,
        length,
        lambda _: None,
    )


def measure_rules(count: int, polls: int) -> dict[str, float]:
    """Return the requests and the processor time a poll, over HTTP."""
    clock, asked = SimulatedClock(), [0]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked[0] += 1
            body = page_text(clock.at).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rules = rules_of(count, folder)
        spec = rules.sources["page"].model_copy(update={"url": f"http://127.0.0.1:{server.server_port}/metrics"})
        rules = rules.model_copy(update={"sources": {"page": spec}})
        loop = make_loop(rules, folder, clock, 30.0, 30.0 * (polls - 1))
        began = time.process_time()
        loop.run()
        spent = time.process_time() - began
        loop.observer.close()
        size = (folder / "samples.jsonl").stat().st_size / loop.polls
    server.shutdown()
    server.server_close()
    return {
        "polls": loop.polls,
        "requests": asked[0] / loop.polls,
        "ms": 1000 * spent / loop.polls,
        "kilobytes": size / 1000,
    }


def measure_days(days: float, every: float) -> list[tuple[float, float, float]]:
    """Return after each day: the day, the traced memory in MB, and the record on disk in MB."""
    clock = SimulatedClock()
    found: list[tuple[float, float, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loop = make_loop(rules_of(4, folder), folder, clock, every, days * 86_400)
        page = loop.observer.sources["page"]  # type: ignore[attr-defined]
        assert isinstance(page, PageHistory)
        page.fetch = lambda: Page(page_text(clock.at), None)
        marks = [86_400.0 * day for day in range(1, int(days) + 1)]

        def after(at: float) -> None:
            if marks and at >= marks[0]:
                marks.pop(0)
                gc.collect()
                size = (folder / "samples.jsonl").stat().st_size
                found.append((at / 86_400, tracemalloc.get_traced_memory()[0] / 1e6, size / 1e6))

        clock.after = after
        tracemalloc.start()
        loop.run()
        tracemalloc.stop()
        loop.observer.close()
    return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=int, nargs="+", default=[5, 200])
    parser.add_argument("--polls", type=int, default=30)
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--every", type=float, default=120.0, help="seconds between the polls of the simulated days")
    options = parser.parse_args()
    first: dict[str, float] | None = None
    for count in options.rules:
        seen = measure_rules(count, options.polls)
        first = first or seen
        ratio = seen["ms"] / first["ms"]
        print(
            f"{count:>4} rules: {seen['requests']:.2f} requests a poll, {seen['ms']:6.1f} ms of processor a poll "
            f"({ratio:.1f} times the first), {seen['kilobytes']:.1f} kB of record a poll"
        )
    days = measure_days(options.days, options.every)
    for day, memory, disk in days:
        print(f"day {day:.0f}: {memory:7.2f} MB in memory, {disk:7.2f} MB on disk")
    if len(days) > 1:
        print(f"memory of the last day over the first: {days[-1][1] / days[0][1]:.3f}")


if __name__ == "__main__":
    main()
