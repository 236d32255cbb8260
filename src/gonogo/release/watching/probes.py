"""Synthetic messages of a watch: few, each in a conversation of its own, and what became of them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from gonogo.errors import GonogoError, TargetError
from gonogo.model.environment import Probe
from gonogo.model.gate import FlawKind, Measurement
from gonogo.model.watch import OwnMetric
from gonogo.targets.interface import Message, NotAvailable, Target

_KEPT = 32
_PAUSE = 0.2
_SOURCE = "probe"


@dataclass(slots=True)
class _Sent:
    """One probe; `decided` is after how many seconds its decision was seen, `lost` once its deadline has passed."""

    message: Message
    at: float
    decided: float | None = None
    lost: bool = False
    replies: int = 0


@dataclass
class ProbeRunner:
    """Sends a probe every `every` seconds and looks, at later polls, what became of those before.

    A decision may take `deadline` seconds; where the runner `waits`, the poll that sends a probe waits for it. A send
    that fails on the way is told and tried at the next turn; it never ends the watch.
    """

    target: Target
    probe: Probe
    new_message: Callable[[str, str, str], Message]
    every: float
    deadline: float
    waits: bool = False
    sent: int = 0
    failed: int = 0
    _last: float | None = None
    _recent: deque[_Sent] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _refused: deque[bool] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _notes: list[str] = field(default_factory=list)

    def measure(self, now: datetime, elapsed: float) -> dict[str, Measurement]:
        """Return what the probes show, after looking at those that are out and sending the next one if it is due."""
        self._notes.clear()
        for one in list(self._recent):
            self._look(one, elapsed)
        if self._last is None or elapsed - self._last >= self.every:
            self._last = elapsed
            self._send(elapsed)
            if self.waits:
                self._wait(elapsed)
        return self._figures(now)

    def _wait(self, elapsed: float) -> None:
        """Look at the newest probe until it is decided or its deadline has passed."""
        began = time.monotonic()
        while self._recent and self._recent[-1].decided is None and not self._recent[-1].lost:
            time.sleep(_PAUSE)
            self._look(self._recent[-1], elapsed + time.monotonic() - began)

    def notes(self) -> list[str]:
        """Return what went wrong at the last poll."""
        return list(self._notes)

    def _send(self, elapsed: float) -> None:
        self.sent += 1
        message = self.new_message(str(self.sent), self.probe.channel, self.probe.message)
        try:
            delivery = self.target.send(message, message.event_id)
        except GonogoError as error:
            # A cap that is reached ends the probes, a broken way only this one; neither ends the watch.
            self.failed += 1
            self._refused.append(True)
            self._notes.append(f"a probe could not be sent: {error.message}")
            return
        self._refused.append(not delivery.accepted)
        if delivery.accepted:
            self._recent.append(_Sent(message, elapsed))
        else:
            self._notes.append(f"a probe was answered with {delivery.status}")

    def _look(self, one: _Sent, elapsed: float) -> None:
        try:
            if one.decided is None:
                self._look_for_decision(one, elapsed)
            if elapsed - one.at <= 2 * self.deadline:
                replies = self.target.read_replies(one.message.ticket_id)
                if not isinstance(replies, NotAvailable):
                    one.replies = sum(reply.automatic for reply in replies.value)
        except TargetError as error:
            self._notes.append(f"a probe could not be looked at: {error.message}")

    def _look_for_decision(self, one: _Sent, elapsed: float) -> None:
        decisions = self.target.read_decisions(one.message.ticket_id)
        if not isinstance(decisions, NotAvailable) and any(decision.complete for decision in decisions.value):
            one.decided = elapsed - one.at
        one.lost = one.decided is None and elapsed - one.at > self.deadline

    def _figures(self, now: datetime) -> dict[str, Measurement]:
        def figure(metric: OwnMetric, values: list[float], worst: float | None = None) -> Measurement:
            if not values:
                return Measurement.missing(metric, FlawKind.NO_DATA, "no probe is that far yet", _SOURCE)
            value = max(values) if worst is None else worst
            return Measurement(metric, value, len(values), at=now, source=_SOURCE)

        settled = [one for one in self._recent if one.decided is not None or one.lost]
        lost = [float(one.lost) for one in settled]
        return {
            OwnMetric.PROBE_SECONDS: figure(
                OwnMetric.PROBE_SECONDS, [one.decided for one in settled if one.decided is not None]
            ),
            OwnMetric.PROBE_LOST: figure(OwnMetric.PROBE_LOST, lost, sum(lost)),
            OwnMetric.PROBE_REPLIES: figure(OwnMetric.PROBE_REPLIES, [float(one.replies) for one in settled]),
            OwnMetric.PROBE_REFUSED: figure(
                OwnMetric.PROBE_REFUSED, [float(one) for one in self._refused], float(sum(self._refused))
            ),
        }
