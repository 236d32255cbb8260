"""The queue between ingress and worker: first in first out, and never two jobs of one ticket at the same time."""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections import deque
from dataclasses import dataclass, field

from gonogo.sandbox.richpanel.events import Trace


@dataclass(frozen=True)
class Job:
    """One delivery of an event, as handed to the worker."""

    ticket_id: str
    event_id: str
    event_type: str
    channel: str
    author: str
    text: str
    has_attachments: bool
    customer_id: str | None
    customer_email: str | None
    trace: Trace
    from_vendor: bool = False
    template_id: str | None = None
    enqueued: float = field(default_factory=time.monotonic)


class JobQueue:
    """Jobs by ticket; a ticket whose job is being worked on is not handed out again until `done` is called.

    A busy ticket thus never blocks a worker that could take another ticket. With `shuffle` the next ticket is drawn at
    random; the order within a ticket is kept.
    """

    def __init__(self, rng: random.Random, *, shuffle: bool = False) -> None:
        self._rng = rng
        self._shuffle = shuffle
        self._waiting: dict[str, deque[tuple[int, Job]]] = {}
        self._ready: list[tuple[int, str]] = []
        self._in_flight: dict[str, Job] = {}
        self._sequence = 0
        self._available = asyncio.Event()

    @property
    def depth(self) -> int:
        """Jobs that no worker has taken yet."""
        return sum(len(jobs) for jobs in self._waiting.values())

    @property
    def in_flight(self) -> int:
        """Jobs that a worker is busy with."""
        return len(self._in_flight)

    def oldest_age(self) -> float:
        """Return the age in seconds of the oldest job that is not finished, 0 when there is none."""
        heads = [jobs[0][1].enqueued for jobs in self._waiting.values()]
        heads += [job.enqueued for job in self._in_flight.values()]
        return max(0.0, time.monotonic() - min(heads)) if heads else 0.0

    @staticmethod
    def age(job: Job) -> float:
        """Return the seconds since a job was enqueued."""
        return time.monotonic() - job.enqueued

    def put(self, job: Job) -> None:
        """Add a job behind the others."""
        self._sequence += 1
        jobs = self._waiting.setdefault(job.ticket_id, deque())
        jobs.append((self._sequence, job))
        if len(jobs) == 1 and job.ticket_id not in self._in_flight:
            self._make_ready(job.ticket_id)

    async def take(self) -> Job:
        """Wait for a ticket that nobody is working on and return its oldest job."""
        while not self._ready:
            self._available.clear()
            await self._available.wait()
        ticket_id = self._pop_ready()
        jobs = self._waiting[ticket_id]
        _, job = jobs.popleft()
        if not jobs:
            del self._waiting[ticket_id]
        self._in_flight[ticket_id] = job
        return job

    def done(self, job: Job) -> None:
        """Release the ticket of a finished job."""
        del self._in_flight[job.ticket_id]
        if job.ticket_id in self._waiting:
            self._make_ready(job.ticket_id)

    def _make_ready(self, ticket_id: str) -> None:
        heapq.heappush(self._ready, (self._waiting[ticket_id][0][0], ticket_id))
        self._available.set()

    def _pop_ready(self) -> str:
        if self._shuffle:
            index = self._rng.randrange(len(self._ready))
            # A shuffled queue needs no heap order, so the hole is filled with the last entry.
            self._ready[index], self._ready[-1] = self._ready[-1], self._ready[index]
            return self._ready.pop()[1]
        return heapq.heappop(self._ready)[1]
