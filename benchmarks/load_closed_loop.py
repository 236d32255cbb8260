"""Closed-loop users, as Locust is used most: each sends its next request when the last one was answered."""

from __future__ import annotations

import os
from typing import Any

from locust import FastHttpUser, constant_throughput, task

RATE = float(os.environ.get("BENCH_RATE", "0"))
BODY = {"event_id": "00000001", "message": {"text": "Where is my order? " * 10}}


class ClosedLoopUser(FastHttpUser):
    """Keeps to its share of the rate as long as the server answers in time."""

    if RATE:
        wait_time: Any = constant_throughput(RATE)

    @task
    def send(self) -> None:
        """Send one message and wait for its answer."""
        self.client.post("/webhook", json=BODY)
