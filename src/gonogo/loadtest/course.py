"""The course of a load: everything is sent, the target recovers, and what came of every message is read back."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gonogo.loadtest.figures import Recovery
from gonogo.loadtest.generation import Generation, find_locustfile, follow, require_started
from gonogo.loadtest.interrupts import Interrupts
from gonogo.loadtest.messages import build_order
from gonogo.loadtest.progress import Follower, LoadProgress, LoadWatch
from gonogo.loadtest.readback import ReadBack, Reader
from gonogo.loadtest.records import Records, read_records
from gonogo.loadtest.request import LoadSetup
from gonogo.loadtest.sampling import QUEUE_AGE, QUEUE_DEPTH, Sampler, find_drained, shows_queue
from gonogo.run.hold import EnvironmentHold
from gonogo.targets.http import HttpTarget

_NEAR_ZERO = 2.0
_START_DEADLINE = 90.0


@dataclass
class Course:
    """What happened while a load was made; `began` is its first moment, by the monotonic clock.

    `replies_shown` is empty where the path of replies was shown to work. `stopped` says why it ended early.
    """

    records: Records
    sampler: Sampler
    recovery: Recovery | None
    read: ReadBack
    replies_shown: str
    stopped: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    began: float = 0.0


def follow_course(
    setup: LoadSetup,
    target: HttpTarget,
    base_url: str,
    token_env: str | None,
    hold: EnvironmentHold | None,
    interrupts: Interrupts,
    watch: LoadWatch | None,
) -> Course:
    """Send everything, wait until the queue is empty, and read back what came of it."""
    request, pack = setup.request, setup.pack.load
    every = max(0.1, pack.page.every / request.time_scale)
    sampler = Sampler(base_url.rstrip("/") + pack.page.path, pack.series, every)
    order = build_order(
        setup.mix,
        request.run_id,
        base_url,
        setup.interface,
        setup.environment,
        setup.profile.arrivals,
        duration=request.duration,
        time_scale=request.time_scale,
        workers=request.place.workers,
        token_env=token_env,
    )
    stops = [limit for limit in setup.limits if limit.aborts]
    schedule = setup.schedule
    follower = Follower(
        schedule.offsets, schedule.seconds, setup.interface.send.accepted, sampler.samples, stops, watch
    )

    def tick(rows: Any) -> str | None:
        reason = follower(rows)
        return "the environment was taken over" if hold is not None and hold.lost else reason

    sampler.look()
    sampler.start()
    clock = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="gonogo-load-") as folder:
            generation = Generation(order, Path(folder), request.place, find_locustfile(setup.project.root))
            try:
                generation.start()
                deadline = time.monotonic() + _START_DEADLINE + schedule.seconds + order.timeout
                stopped = follow(generation, tick, lambda: interrupts.asked, deadline=deadline) or ""
                require_started(generation, follower.recorded)
            finally:
                generation.close()
            records = read_records(Path(folder))
        stopped = stopped or ("somebody interrupted it" if interrupts.asked else "")
        sent_at = time.monotonic()
        began, ended = _moments(records, schedule.offsets[-1])
        recovery = _recover(setup, sampler, ended, interrupts, watch)
        recovered_at = time.monotonic()
        read, shown = _read_back(setup, target, records, recovery, interrupts, watch)
    finally:
        sampler.stop()
    seconds = {
        "sending": sent_at - clock,
        "recovering": recovered_at - sent_at,
        "reading back": read.seconds,
    }
    return Course(records, sampler, recovery, read, shown, stopped, seconds, began)


def _moments(records: Records, last: float) -> tuple[float, float]:
    """Return when the load began and when its last arrival was due, by the monotonic clock."""
    began = min((note.began for note in records.notes if note.began), default=0.0)
    start = time.monotonic() - (time.time() - began) if began else time.monotonic() - last
    return start, min(start + last, time.monotonic())


def _recover(
    setup: LoadSetup, sampler: Sampler, ended: float, interrupts: Interrupts, watch: LoadWatch | None
) -> Recovery | None:
    """Wait until the queue is empty, or the window is over; None where the target shows no queue."""
    near_zero = max(0.5, _NEAR_ZERO / setup.request.time_scale)
    while True:
        sampler.look()
        waited = time.monotonic() - ended
        if not any(shows_queue(one) for one in sampler.samples.readings):
            return None
        drained = find_drained(sampler.samples, ended, near_zero)
        if drained is not None:
            return Recovery(round(drained - ended, 3), True)
        if waited >= setup.window or interrupts.asked_twice:
            return Recovery(round(waited, 3), False)
        if watch is not None:
            age, depth = sampler.samples.latest(QUEUE_AGE), sampler.samples.latest(QUEUE_DEPTH)
            watch(LoadProgress("recovering", waited, min(1.0, waited / setup.window), queue_age=age,
                               text=f"{depth or 0:.0f} in the queue"))  # fmt: skip
        time.sleep(0.2)


def _read_back(
    setup: LoadSetup,
    target: HttpTarget,
    records: Records,
    recovery: Recovery | None,
    interrupts: Interrupts,
    watch: LoadWatch | None,
) -> tuple[ReadBack, str]:
    reader = Reader(target, setup.interface, setup.environment, setup.request.run_id)
    events = sorted({setup.schedule.messages[arrival] for arrival in records.rows["arrival"].tolist()})
    wait = setup.environment.timing.decision_deadline
    if recovery is None:
        wait += setup.window
    elif not recovery.done or interrupts.asked:
        # It had its time: what is not decided now is told as it stands.
        wait = 0.0
    clock = time.monotonic()

    def told(decided: int, asked: int) -> None:
        if watch is not None:
            share = decided / asked if asked else 1.0
            watch(LoadProgress("reading decisions back", time.monotonic() - clock, share, decided, asked))

    read = reader.read(events, clock + wait, told)
    return read, reader.control_works()
