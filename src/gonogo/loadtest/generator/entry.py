"""What Locust runs: one user a worker, who dispatches that worker's arrivals, and the talk of master and workers.

The master hands every worker its order, lets all begin at one moment, and writes down what they record.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import gevent
import gevent.event
from locust import LoadTestShape, User, events, task
from locust.runners import MasterRunner, WorkerRunner

from gonogo.errors import GonogoError
from gonogo.loadtest.generator.dispatch import Dispatcher
from gonogo.loadtest.order import Order, WorkerNote

FOLDER_VARIABLE = "GONOGO_LOAD_FOLDER"
ORDER_FILE = "order.json"
_LEAD = 0.3
_READY_DEADLINE = 60.0


class Site:
    """The state of this process: what it was ordered, who is ready, and who is done."""

    def __init__(self) -> None:
        self.environment: Any = None
        self.order: Order | None = None
        self.worker = 0
        self.dispatcher: Dispatcher | None = None
        self.ordered = gevent.event.Event()
        self.begun = gevent.event.AsyncResult()
        self.indexes: dict[str, int] = {}
        self.ready: set[str] = set()
        self.done: set[str] = set()
        self.finished = False
        self.started_at = time.monotonic()

    @property
    def folder(self) -> Path:
        """Return where records and notes are written; only a master or a single process has it."""
        return Path(os.environ[FOLDER_VARIABLE])

    def read_order(self) -> Order:
        """Return the order that lies in the folder."""
        if self.order is None:
            self.order = Order.from_json((self.folder / ORDER_FILE).read_text("utf-8"))
        return self.order

    def append_records(self, worker: int, data: bytes) -> None:
        """Add records to a worker's file."""
        with (self.folder / f"records-{worker}.bin").open("ab") as file:
            file.write(data)

    def write_note(self, worker: int, text: str) -> None:
        """Write down what a worker said at its end."""
        path = self.folder / f"worker-{worker}.json"
        path.with_suffix(".tmp").write_text(text, "utf-8")
        path.with_suffix(".tmp").replace(path)

    def stop(self) -> None:
        """End the load early, here and at every worker."""
        if self.dispatcher is not None:
            self.dispatcher.stop()
        runner = self.environment.runner if self.environment else None
        if isinstance(runner, MasterRunner):
            runner.send_message("gonogo-stop")
            if not self.ready:
                self.finished = True


SITE = Site()


class ArrivalUser(User):
    """The only user of a worker: dispatches its arrivals once, and waits for the end of the test."""

    fixed_count = 0

    @task
    def dispatch(self) -> None:
        """Send everything that is due."""
        if SITE.dispatcher is None:
            runner = self.environment.runner
            if isinstance(runner, WorkerRunner):
                _work_for_master(runner)
            else:
                _work_alone()
        while True:
            gevent.sleep(3600)


class OneDispatcherPerWorker(LoadTestShape):
    """As many users as workers, until every worker is done; Locust spreads them one on each."""

    def tick(self) -> tuple[int, float] | None:
        """Return how many users there are and how many start at once, or None at the end."""
        if SITE.environment is not None and isinstance(SITE.environment.runner, MasterRunner):
            return _tick_master(SITE.environment.runner)
        return None if SITE.finished else (1, 1)


def _tick_master(runner: MasterRunner) -> tuple[int, float] | None:
    order = SITE.read_order()
    gone = {client.id for client in runner.clients.missing} | (set(SITE.indexes) - set(runner.clients))
    ended = SITE.done | (SITE.ready & gone)
    late = time.monotonic() - SITE.started_at > _READY_DEADLINE and len(SITE.ready) < order.workers
    if SITE.finished or late or (len(SITE.ready) >= order.workers and ended >= SITE.ready):
        return None
    return (order.workers, order.workers)


def _work_alone() -> None:
    try:
        dispatcher = Dispatcher(SITE.read_order(), 0, os.environ, lambda data: SITE.append_records(0, data))
        dispatcher.prepare()
        SITE.dispatcher = dispatcher
        note = dispatcher.run(time.monotonic() + _LEAD)
    except (GonogoError, OSError) as error:
        note = _failed_note(0, str(error))
    SITE.write_note(0, note.to_json())
    SITE.finished = True


def _work_for_master(runner: WorkerRunner) -> None:
    runner.send_message("gonogo-hello", {})
    if not SITE.ordered.wait(_READY_DEADLINE) or SITE.order is None:
        return
    worker = SITE.worker
    try:
        dispatcher = Dispatcher(
            SITE.order, worker, os.environ, lambda data: runner.send_message("gonogo-records", {"data": data})
        )
        dispatcher.prepare()
        SITE.dispatcher = dispatcher
        runner.send_message("gonogo-ready", {})
        wall = SITE.begun.get(timeout=_READY_DEADLINE)
        # Clocks of hosts differ: nobody waits longer than the lead that was given, nor begins in the past.
        lead = min(max(wall - time.time(), 0.0), 3 * _LEAD)
        note = dispatcher.run(time.monotonic() + lead)
    except (GonogoError, OSError, gevent.Timeout) as error:
        note = _failed_note(worker, str(error) or "the master never said when to begin")
    runner.send_message("gonogo-done", {"note": note.to_json()})


def _failed_note(worker: int, error: str) -> WorkerNote:
    return WorkerNote(worker, 0, 0, 0, 0.0, time.time(), True, 0, 0.0, error)


@events.init.add_listener  # type: ignore[untyped-decorator]
def _prepare(environment: Any, **_: Any) -> None:
    SITE.environment = environment
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        order = SITE.read_order()

        def hello(msg: Any, **_: Any) -> None:
            index = SITE.indexes.setdefault(msg.node_id, len(SITE.indexes))
            if index < order.workers:
                runner.send_message("gonogo-order", {"order": order.to_json(), "worker": index}, msg.node_id)

        def ready(msg: Any, **_: Any) -> None:
            SITE.ready.add(msg.node_id)
            if len(SITE.ready) == order.workers:
                runner.send_message("gonogo-go", {"at": time.time() + _LEAD})

        def records(msg: Any, **_: Any) -> None:
            SITE.append_records(SITE.indexes[msg.node_id], msg.data["data"])

        def done(msg: Any, **_: Any) -> None:
            SITE.ready.add(msg.node_id)
            SITE.done.add(msg.node_id)
            SITE.write_note(SITE.indexes[msg.node_id], msg.data["note"])

        for name, listener in (("hello", hello), ("ready", ready), ("records", records), ("done", done)):
            runner.register_message(f"gonogo-{name}", listener)
    elif isinstance(runner, WorkerRunner):

        def ordered(msg: Any, **_: Any) -> None:
            SITE.order, SITE.worker = Order.from_json(msg.data["order"]), msg.data["worker"]
            SITE.ordered.set()

        runner.register_message("gonogo-order", ordered)
        runner.register_message("gonogo-go", lambda msg, **_: SITE.begun.set(msg.data["at"]))
        runner.register_message("gonogo-stop", lambda **_: SITE.stop())
    gevent.signal_handler(signal.SIGUSR1, SITE.stop)
    if not isinstance(runner, WorkerRunner):
        gevent.spawn(_stop_without_parent)


def _stop_without_parent() -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        gevent.sleep(0.5)
    SITE.stop()
