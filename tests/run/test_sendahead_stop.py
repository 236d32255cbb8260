"""A run that is stopped sends nothing more and waits for nothing."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from gonogo.run.sendahead import run_ahead
from gonogo.targets.interface import Delivery


class SlowTarget:
    """Answers the first message and lets the others wait; counts them."""

    def __init__(self) -> None:
        self.sent = 0

    def send(self, message: Any, delivery_id: str) -> Delivery:
        self.sent += 1
        time.sleep(0.05 if self.sent == 1 else 3)
        return Delivery(delivery_id, 202, True, 0.05, time.time())


def test_an_interrupt_does_not_wait_for_what_is_still_to_be_sent() -> None:
    slow = SlowTarget()
    target: Any = slow
    environment: Any = SimpleNamespace(limits=SimpleNamespace(in_flight=2))
    batch: Any = [
        SimpleNamespace(
            not_sent="", message=SimpleNamespace(event_id=f"e{index}"), deliveries=[], send_error="", sent_at=0.0
        )
        for index in range(200)
    ]

    def interrupt(sent: int, decided: int, total: int) -> None:
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_ahead(target, environment, batch, interrupt)
    assert time.monotonic() - started < 2, "nor for what is under way"
    time.sleep(0.2)
    assert slow.sent < 20
