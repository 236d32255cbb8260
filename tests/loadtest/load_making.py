"""Small orders, and loads made from them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from gonogo.loadtest.generation import Generation, Place, find_locustfile, follow
from gonogo.loadtest.order import Order
from gonogo.loadtest.records import Records, read_records
from gonogo.model.load import Arrivals, Segment, Spacing

PARTS = (b'POST /w HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\n{"id":"', b'"}')


def make_order(port: int, rate: float, seconds: float, **more: Any) -> Order:
    """Return an order of a small request, at even distances."""
    arrivals = Arrivals(
        segments=(Segment(count=int(rate * seconds), over=float(seconds)),),
        spacing=Spacing.EVEN,
        redeliver=more.pop("redeliver", 0.0),
    )
    given = {"timeout": 10.0, "workers": 1, "tls": False, "requests": (PARTS,), "pattern": (0,), **more}
    host = given.pop("host", "127.0.0.1")
    return Order("run", host, port, arrivals=arrivals, duration=None, time_scale=1.0, **given)


def make_load(order: Order, folder: Path, *, tick: Any = None, stop: Any = None) -> tuple[Records, Generation]:
    """Make a load to its end."""
    folder.mkdir(parents=True, exist_ok=True)
    generation = Generation(order, folder, Place(order.workers), find_locustfile(folder))
    try:
        generation.start()
        deadline = time.monotonic() + order.arrivals.seconds + 60
        follow(generation, tick or (lambda rows: None), stop or (lambda: False), deadline=deadline)
    finally:
        generation.close()
    records = read_records(folder)
    assert len(records) or order.token_env, generation.explain()
    return records, generation
