"""The polls of a watch, one after another, with an injected clock: look, judge, write down, react."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from gonogo.errors import GonogoError
from gonogo.model.release_plan import TriggerKind
from gonogo.release.soak import SoakMeter, SoakResult
from gonogo.release.soak_sample import Health, SoakSample
from gonogo.release.watching.claim import Changes, LedgerView
from gonogo.release.watching.journal import SampleLog, Session, sample_record
from gonogo.release.watching.judge import Firing, Round, RuleBook
from gonogo.release.watching.observe import Observation, Observer
from gonogo.release.watching.react import Reaction, Reactor

_EXTENSIONS = 3


class Clock(Protocol):
    """Time as a watch sees it; tests bring their own."""

    def now(self) -> datetime:
        """Return the time of day, in UTC."""

    def elapsed(self) -> float:
        """Return the seconds since the session began, by a clock that nobody sets."""

    def uptime(self) -> float:
        """Return the machine's monotonic time, the same for all processes since its start."""

    def wait(self, seconds: float) -> bool:
        """Wait so long; return True where the watch was asked to end meanwhile."""


class Ending(StrEnum):
    """Why a session of a watch ended."""

    TIME = "its time was over"
    ONCE = "it was to look once"
    ROLLED_BACK = "it rolled back"
    ROLLED_BACK_ELSEWHERE = "somebody rolled back"
    INTERRUPTED = "it was interrupted"


@dataclass(frozen=True, slots=True)
class WatchState:
    """What a display shows after a poll; `next_command` belongs to the trigger that weighs most."""

    at: datetime
    elapsed: float
    polls: int
    round: Round
    soak: SoakResult
    firings: tuple[Firing, ...]
    actions: tuple[Reaction, ...]
    notes: tuple[str, ...]
    next_command: str
    ending: Ending | None = None
    rolled_back: bool = False


@dataclass
class WatchLoop:
    """One session: polls every `every` seconds for `length` seconds, or once.

    `probed` tells how many probes went out. `show` is called after every poll.
    """

    session: Session
    observer: Observer
    book: RuleBook
    meter: SoakMeter
    log: SampleLog
    reactor: Reactor
    ledger: LedgerView
    clock: Clock
    length: float
    show: Callable[[WatchState], None]
    ending: Ending | None = None
    polls: int = 0
    last: Round | None = None
    state: WatchState | None = None
    observed: Observation | None = None
    first_seen: Mapping[str, Any] = field(default_factory=dict)
    _before: float | None = None
    _start: Changes = field(default_factory=Changes)

    def run(self) -> Ending:
        """Poll until the time is over, a rollback was made, or somebody asks to end; return why it ended."""
        self._start = self.ledger.look()
        if self.reactor.find_owed(self._start):
            self._note("owed", "a watcher claimed an automatic rollback here and did not finish it")
        every, turn, extensions = self.session.every, 0, 0
        while self.ending is None:
            self._poll()
            if self.ending is not None:
                break
            elapsed = self.clock.elapsed()
            if self.session.once:
                self.ending = Ending.ONCE
            elif elapsed + every / 2 > self.length:
                extensions += 1
                if extensions > _EXTENSIONS or not self._is_nearly_soaked():
                    self.ending = Ending.TIME
            if self.ending is None:
                # On a grid: what one poll takes is not added to every one after it.
                turn = max(turn + 1, math.ceil(elapsed / every))
                if self.clock.wait(max(0.0, turn * every - elapsed)):
                    self.ending = Ending.INTERRUPTED
        self.log.write({"kind": "end", "at": self._now(), "session": self.session.id, "why": self.ending.value})
        self._show()
        return self.ending

    def _is_nearly_soaked(self) -> bool:
        result = self.meter.result()
        left = (result.required or 0.0) - result.seconds
        return 0 < left <= 2 * self.session.every and not any(one.active for one in self.book.firings.values())

    def _poll(self) -> None:
        now, elapsed, uptime = self.clock.now(), self.clock.elapsed(), self.clock.uptime()
        changes = self.ledger.look()
        observed = self._observe(now, elapsed)
        judged = self.book.judge(observed.measured, now.timestamp())
        self._before = self.last.at if self.last is not None else None
        sample = self._sample(now, uptime, observed, judged)
        self.log.write(sample_record(sample, observed, judged))
        self.meter.add(sample)
        self.polls += 1
        self.last, self.observed = judged, observed
        if not self.first_seen or (self.first_seen.get("build") is None and observed.build is not None):
            self.first_seen = {"build": observed.build, "flags": observed.flags}
        self._react(judged, changes, now)
        self._show()

    def _observe(self, now: datetime, elapsed: float) -> Observation:
        try:
            return self.observer.observe(now, elapsed)
        except GonogoError as error:
            # Nothing was seen at all; the rules say so, and the watch goes on.
            return Observation({}, None, None, None, (f"nothing could be observed: {error.message}",))

    def _sample(self, now: datetime, uptime: float, observed: Observation, judged: Round) -> SoakSample:
        health, reasons = judged.health, judged.reasons
        if health is Health.OK and observed.elsewhere:
            # Every rule may be well where the stage was never entered: that shows nothing of the stage.
            health, reasons = Health.NO_DATA, (observed.elsewhere,)
        return SoakSample(
            now.timestamp(),
            health,
            observed.build,
            observed.flags,
            self.session.id,
            self.session.every,
            self.session.host,
            uptime,
            observed.offset,
            reasons=reasons,
            boot=self.session.boot,
        )

    def _react(self, judged: Round, changes: Changes, now: datetime) -> None:
        for firing in judged.fired:
            self.log.write(
                {
                    "kind": "trigger",
                    "id": firing.id,
                    "name": firing.name,
                    "trigger_kind": firing.kind.value,
                    "option": firing.option,
                    "rule": firing.rule,
                    "at": firing.at,
                    "reasons": list(firing.reasons),
                    "session": self.session.id,
                }
            )
            self.reactor.announce(firing, "; ".join(firing.reasons))
        urgent = [one for one in self.book.firings.values() if one.active and one.kind is TriggerKind.IMMEDIATE]
        owed = [self.reactor.owed] if self.reactor.owed is not None else []
        if not urgent and not owed and self.reactor.perform is not None and self.reactor.find_owed(changes):
            owed = [_owed_firing(now.timestamp())]
        off = self.observed is not None and self.observed.automation_off is True
        if (urgent or owed) and changes.is_rolled_back and off:
            # Its counters still tell of what was stopped; nothing was opened since.
            self.reactor.settle(changes)
        elif urgent or owed:
            self.reactor.roll_back((urgent or owed)[0], changes, now.timestamp(), self._before)
        for firing in judged.fired:
            self.reactor.enter(firing, changes)
        for firing in judged.cleared:
            self.reactor.note("cleared", f"{firing.id} {firing.name} no longer fires", trigger=firing.id, notify=True)
        self._look_for_others(changes)
        self._write_actions()

    def _look_for_others(self, changes: Changes) -> None:
        if self.reactor.done:
            elsewhere = any(one.what == "rolled_back_elsewhere" for one in self.reactor.actions)
            self.ending = Ending.ROLLED_BACK_ELSEWHERE if elsewhere else Ending.ROLLED_BACK
        elif changes.rollback_ended > self._start.rollback_ended:
            self._note("rolled_back_elsewhere", f"ROLLED BACK: {changes.sentence}; this watch ends", notify=True)
            self.ending = Ending.ROLLED_BACK_ELSEWHERE
        elif changes.opening > self._start.opening:
            self._note("opened", f"somebody changed the stage's flags on record (entry {changes.opening})")
            self.meter.begin_again(f"ledger entry {changes.opening} opened the environment anew")
            self._start = changes

    def _note(self, what: str, text: str, *, notify: bool = False) -> None:
        self.reactor.note(what, text, notify=notify)

    def _write_actions(self) -> None:
        """Write what was done since the last poll."""
        for action in self.reactor.fresh():
            self.log.write({**action.to_json(), "session": self.session.id})

    def _show(self) -> None:
        if self.last is None:
            return
        firings = sorted(
            (one for one in self.book.firings.values() if one.active),
            key=lambda one: (one.kind is not TriggerKind.IMMEDIATE, one.at),
        )
        command = self.reactor.place.command(firings[0]) if firings and not self.reactor.done else ""
        seen = self.observed
        notes = [*(seen.notes if seen else ()), seen.elsewhere if seen else "", self.ledger.trouble]
        self.state = WatchState(
            self.clock.now(),
            self.clock.elapsed(),
            self.polls,
            self.last,
            self.meter.result(),
            tuple(firings),
            tuple(self.reactor.actions),
            tuple(filter(None, notes)),
            command,
            self.ending,
            self.reactor.done,
        )
        self.show(self.state)

    def _now(self) -> float:
        return round(self.clock.now().astimezone(UTC).timestamp(), 3)


def _owed_firing(at: float) -> Firing:
    """Return what stands for the trigger of a watcher that died between its claim and the rollback."""
    reasons = ("a watcher claimed this rollback and did not finish it",)
    return Firing("owed", "rollback left undone", TriggerKind.IMMEDIATE, "A", "", at, reasons)
