"""The one dispatcher of a worker: every request starts when it is due, whatever the target does."""

from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Callable, Mapping

import gevent

from gonogo.loadtest.generator.alarm import Alarm, make_alarm
from gonogo.loadtest.generator.connections import Exchange, Pool
from gonogo.loadtest.generator.recording import pack_record
from gonogo.loadtest.order import WIDTH, Order, WorkerNote

_FLUSH = 0.25
_SWEEP = 0.1
_IN_ONE_GO = 64
# Waking up costs more than sending: at thousands a second, those of a tenth of a millisecond go out together.
_LEAST_WAIT = 0.0001


class Dispatcher:
    """Sends a worker's share of the arrivals of an order; `write` gets the records as they come together."""

    def __init__(self, order: Order, worker: int, environ: Mapping[str, str], write: Callable[[bytes], None]) -> None:
        self._order, self._worker, self._write = order, worker, write
        schedule = order.schedule()
        self._offsets = schedule.offsets[worker :: order.workers]
        self._messages = schedule.messages[worker :: order.workers]
        self._requests = order.with_token(environ)
        self._buffer = bytearray()
        self._records = self._sent = 0
        self._stopping = False
        self._pool = Pool(
            order.host, order.port, tls=order.tls, timeout=order.timeout, most=_most_connections(), finished=self._note
        )

    def prepare(self) -> None:
        """Do what must not cost time once the load goes on; raises `OSError` where the host is not known."""
        self._pool.resolve()
        # The objects that live to the end are no garbage, and looking through them would stop the dispatcher.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)

    def run(self, start: float) -> WorkerNote:
        """Send what is due from `start` (monotonic seconds) on, and return once all is answered or given up."""
        began = time.time() + start - time.monotonic()
        alarm, processor = make_alarm(), time.process_time()
        helpers = [gevent.spawn(self._flush_often), gevent.spawn(self._sweep)]
        try:
            self._dispatch(start, alarm)
            while self._pool.unfinished:
                gevent.sleep(0.02)
        finally:
            gevent.killall(helpers)
            alarm.close()
            self._pool.close()
            self._flush()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return WorkerNote(
            self._worker,
            len(self._offsets),
            self._sent,
            self._records,
            began,
            time.time(),
            self._stopping,
            peak,
            round(time.process_time() - processor, 3),
        )

    def stop(self) -> None:
        """Send nothing more; what is on its way may still be answered."""
        self._stopping = True

    def _dispatch(self, start: float, alarm: Alarm) -> None:
        clock, pool, requests, pattern = time.monotonic, self._pool, self._requests, self._order.pattern
        period, step = len(pattern), self._order.workers
        in_a_row = 0
        arrival = self._worker
        for offset, message in zip(self._offsets, self._messages, strict=True):
            due = start + offset
            wait = due - clock()
            if wait > 0:
                in_a_row = 0
                while wait > 0:
                    alarm.wait_until(max(due, clock() + _LEAST_WAIT))
                    if self._stopping:
                        return
                    wait = due - clock()
            else:
                in_a_row += 1
                if in_a_row % _IN_ONE_GO == 0:
                    # A dispatcher that is behind must not keep the answers from being read.
                    gevent.sleep(0)
                    if self._stopping:
                        return
            number = b"%0*d" % (WIDTH, message)
            pool.submit(Exchange(arrival, due, number.join(requests[pattern[message % period]])))
            self._sent += 1
            arrival += step

    def _note(self, exchange: Exchange, status: int, error: int) -> None:
        self._records += 1
        self._buffer += pack_record(exchange.arrival, exchange.due, exchange.sent, time.monotonic(), status, error)

    def _flush_often(self) -> None:
        while True:
            gevent.sleep(_FLUSH)
            self._flush()

    def _flush(self) -> None:
        if self._buffer:
            data, self._buffer = bytes(self._buffer), bytearray()
            self._write(data)

    def _sweep(self) -> None:
        parent = os.getppid()
        while True:
            gevent.sleep(_SWEEP)
            self._pool.expire(time.monotonic())
            if os.getppid() != parent:
                # Whoever ordered the load is gone; nobody would look at what comes of it.
                self._stopping = True


def _most_connections() -> int:
    """Return how many connections this process may have, after asking for as many as it can get."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65_536) if hard != resource.RLIM_INFINITY else 65_536
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(16, wanted - 200)
