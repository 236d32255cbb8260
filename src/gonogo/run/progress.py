"""Where a run is, read from its records while they are written."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gonogo.evidence.record import Stream
from gonogo.model.outcome import Outcome
from gonogo.run.setup import RunSetup

# The phase of a run whose borrowed flags are written back, as far as they may be.
RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is: its flag state, messages sent and decided in it, checks judged of those planned."""

    phase: str
    state: str
    sent: int
    decided: int
    total: int
    judged: int
    planned: int
    failed: int
    seconds: float


Watch = Callable[[Progress], None]


class ProgressTail:
    """Follows the records of a run while they are written."""

    def __init__(self, setup: RunSetup, clock: float) -> None:
        self._paths = {name: setup.folder / name.value for name in (Stream.OUTCOMES, Stream.PROGRESS)}
        self._at = dict.fromkeys(self._paths, 0)
        self._clock = clock
        self._last: dict[str, Any] = {"phase": "start", "state": ""}
        self._judged = 0
        self._failed = 0
        self._planned = len(setup.plan.checks)

    def read(self) -> Progress:
        """Return where the run is now."""
        for record in self._new(Stream.OUTCOMES):
            self._judged += 1
            self._failed += record.get("outcome") == Outcome.FAILED.name
        for record in self._new(Stream.PROGRESS):
            if "state" in record:
                self._last = record
        last = self._last
        return Progress(
            last["phase"],
            last["state"],
            last.get("sent", 0),
            last.get("decided", 0),
            last.get("total", 0),
            self._judged,
            self._planned,
            self._failed,
            time.monotonic() - self._clock,
        )

    def _new(self, stream: Stream) -> list[dict[str, Any]]:
        path = self._paths[stream]
        if not path.is_file():
            return []
        with path.open("rb") as file:
            file.seek(self._at[stream])
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._at[stream] += whole
        return [json.loads(line) for line in data[:whole].splitlines() if line]
