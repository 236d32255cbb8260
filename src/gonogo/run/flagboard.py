"""Flags during a run: written with a journal, proven by their effect on a probe, returned by compare-and-swap."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from gonogo.errors import LedgerError, LockError, TargetError
from gonogo.evidence.record import Recorder, Stream
from gonogo.model.environment import Environment
from gonogo.model.flags import (
    ABSENT,
    AUTOMATION,
    SAFE_MODE,
    TEMPLATE_PREFIX,
    FlagState,
    FlagValue,
    describe_value,
    flag_group,
    is_towards_safe,
    order_changes,
)
from gonogo.model.outcome import InconclusiveReason, Outcome, Verdict
from gonogo.run.flagjournal import FlagJournal, flag_json
from gonogo.run.flagjudge import describe_wanted, judge_group
from gonogo.targets.interface import Capability, Decision, Message, NotAvailable, Target


class FlagConsentError(Exception):
    """A change of flags that nobody agreed to."""


@dataclass(frozen=True, slots=True)
class TimeToSafe:
    """How long a switch took from its write until a decision showed its effect, in seconds; `seen`: whether one did.

    An upper bound: the decision was made some time before it was read.
    """

    flag: str
    value: FlagValue
    seconds: float
    seen: bool = True

    def __str__(self) -> str:
        """Return it as people read it."""
        how = f"{self.seconds:.1f} s" if self.seen else f"no effect seen within {self.seconds:.1f} s"
        return f"{self.flag}={describe_value(self.value)}: {how}"


_SEEN, _UNSEEN = "safe", "no effect seen"


def read_times_to_safe(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the times to safe that a run's records of flags hold: flag, value, seconds, and whether it was seen."""
    return [
        {"flag": one["flag"], "value": one["new"], "seconds": one["seconds"], "seen": one["state"] == _SEEN}
        for one in records
        if one.get("state") in (_SEEN, _UNSEEN)
    ]


@dataclass
class FlagBoard:
    """Reads, changes and proves the flags of one target.

    `may_change` is the driver's consent; without it every change is refused. `written` is what we wrote and did not
    return, so that returning never overwrites what somebody else wrote since. `journal` is told of every change before
    it is made; None where the target ends with this process.
    """

    target: Target
    environment: Environment
    recorder: Recorder
    new_message: Callable[[str, str, str], Message]
    may_change: bool
    written: dict[str, FlagValue] = field(default_factory=dict)
    journal: FlagJournal | None = None
    times_to_safe: list[TimeToSafe] = field(default_factory=list)
    _unseen: dict[str, tuple[FlagValue, float]] = field(default_factory=dict)
    _doubtful: dict[str, FlagValue] = field(default_factory=dict)
    _probes: Any = field(default_factory=count)

    def apply(self, wanted: FlagState, reason: str, *, only_towards_safe: bool = False) -> None:
        """Write every flag that differs from what the store shows, those towards safe first.

        Raises `TargetError` where the store cannot be read or written, `FlagConsentError` where a change is needed that
        the driver did not agree to, or that leads away from safe where only the other direction is open.
        """
        current = self.read_store()
        wanted = {name: value for name, value in wanted.items() if name in current or value not in (None, ABSENT)}
        for name in order_changes(current, wanted):
            old, new = current.get(name, ABSENT), wanted[name]
            if not self.may_change:
                text = f"{name} is {describe_value(old)} and has to be {describe_value(new)}"
                raise FlagConsentError(f"{text}; run with --allow-flag-changes to agree to it")
            if only_towards_safe and not is_towards_safe(name, old, new):
                text = f"{name} stays {describe_value(old)}"
                raise FlagConsentError(f"{text}: after a safety failure nothing is moved away from safe")
            self.write(name, old, new, reason)

    def read_store(self) -> dict[str, FlagValue]:
        """Return the flags in the store; raises `TargetError` where the target does not show them."""
        flags = self.target.read_flags()
        if isinstance(flags, NotAvailable):
            raise TargetError(f"the flags cannot be read: {flags.reason}")
        return dict(flags.value)

    def write(self, name: str, old: FlagValue, new: FlagValue, reason: str) -> None:
        """Write one flag, entered in the journal before; away from safe only where it still holds `old`.

        Raises `FlagConsentError` where somebody changed it meanwhile, `LockError` where another took the environment
        over (then a change away from safe is taken back), `TargetError` where it cannot be written.
        """
        safe = is_towards_safe(name, old, new)
        if self.journal is not None:
            if not safe:
                self._refuse_changed(name, old)
            self.journal.intend(name, old, new)
        entry = {"flag": name, "old": flag_json(old), "new": flag_json(new), "reason": reason, "at": time.time()}
        self.recorder.record(Stream.FLAGS, {**entry, "state": "intended"})
        # Before the write: it may arrive although its answer is lost, and then it has to be returned too.
        if name in self.written:
            self._doubtful[name] = self.written[name]
        self.written[name] = new
        self._set(name, old, new, safe=safe)
        self._doubtful.pop(name, None)
        self.recorder.record(Stream.FLAGS, {**entry, "state": "written"})
        if self.journal is not None:
            # What was intended is open already; that it was done adds nothing that returning needs.
            with suppress(LedgerError):
                self.journal.wrote(name, new)

    def _refuse_changed(self, name: str, old: FlagValue) -> None:
        now = self.read_store().get(name, ABSENT)
        if now != old:
            text = f"{name} was {describe_value(old)} and is {describe_value(now)}"
            raise FlagConsentError(f"{text}: somebody changed it meanwhile, so it was left alone")

    def _set(self, name: str, old: FlagValue, new: FlagValue, *, safe: bool) -> None:
        self.target.set_flag(name, new)
        self._unseen.pop(name, None)
        if safe and old != new and (name in (SAFE_MODE, AUTOMATION) or name.startswith(TEMPLATE_PREFIX)):
            self._unseen[name] = (new, time.monotonic())
        if self.journal is None or safe:
            return
        try:
            self.journal.hold.check()
        except LockError:
            # A rollback came between the look before and the write: what it made safe must not be opened by us.
            self.target.set_flag(name, old)
            raise

    def give_back(self, wanted: FlagState, *, only_towards_safe: bool) -> list[str]:
        """Return the flags that we changed to `wanted`, where they still hold what we wrote; name what was left.

        Raises `LockError` where another took the environment over: then nothing is undone.
        """
        left = []
        current = self.read_store()
        mine = {name: wanted[name] for name in self.written if name in wanted}
        for name in order_changes({name: current.get(name, ABSENT) for name in mine}, mine):
            now = current.get(name, ABSENT)
            # A write that failed may have left what we wrote before it.
            if now not in (self.written[name], self._doubtful.get(name, self.written[name])):
                left.append(f"{name} is {describe_value(now)}: somebody changed it since, so it was left alone")
            elif only_towards_safe and not is_towards_safe(name, now, mine[name]):
                left.append(
                    f"{name} stays {describe_value(now)}: returning it to {describe_value(mine[name])} is not safe"
                )
            else:
                try:
                    self._return(name, now, mine[name])
                except (TargetError, LedgerError) as error:
                    # The next one may go towards safe: none is left untried because another could not be written.
                    left.append(f"{name} could not be returned to {describe_value(mine[name])}: {error.message}")
        return left

    def _return(self, name: str, now: FlagValue, back: FlagValue) -> None:
        safe = is_towards_safe(name, now, back)
        if self.journal is not None:
            self.journal.intend_return(name, now, back)
        entry = {"flag": name, "old": flag_json(now), "new": flag_json(back), "reason": "return", "at": time.time()}
        self.recorder.record(Stream.FLAGS, {**entry, "state": "intended"})
        self._set(name, now, back, safe=safe)
        self.written[name] = back
        self.recorder.record(Stream.FLAGS, {**entry, "state": "written"})
        if self.journal is not None:
            with suppress(LedgerError):
                self.journal.gave_back(name, back)

    def prove(self, wanted: FlagState, groups: tuple[str, ...], *, within: float | None = None) -> dict[str, Verdict]:
        """Send probes until one decision shows that the worker uses the wanted flags, or the deadline passes.

        `within` ends the wait earlier, in seconds. Returns one verdict a flag group. A probe goes out every interval
        without waiting for the one before: a decision takes seconds, and the first that shows the new flags ends the
        wait.
        """
        probe = self.environment.probe
        if probe is None:
            missing = Verdict.inconclusive(InconclusiveReason.NOT_OBSERVABLE, "environments.yaml names no probe")
            return dict.fromkeys(groups, missing)
        timing = self.environment.timing
        started = time.monotonic()
        interval = max(0.25, timing.propagation_deadline / 20)
        last: Decision | NotAvailable = NotAvailable("no probe was decided", broken=True)
        open_probes: list[Message] = []
        next_probe = started
        with ThreadPoolExecutor(max_workers=1) as sender:
            errors: list[str] = []
            while True:
                now = time.monotonic()
                if now >= next_probe and now < started + timing.propagation_deadline:
                    message = self.new_message(f"probe-{next(self._probes)}", probe.channel, probe.message)
                    open_probes.append(message)
                    sender.submit(self._send, message, errors)
                    next_probe = now + interval
                for message in list(open_probes):
                    decision = self._read_decision(message)
                    if decision is None:
                        continue
                    open_probes.remove(message)
                    last = decision
                    if isinstance(decision, Decision):
                        self._note_effects(decision, wanted, groups)
                    if isinstance(decision, Decision) and self._shows(decision, wanted, groups):
                        return self._judge(decision, wanted, groups)
                if within is not None and now > started + within:
                    break
                # A probe that went out just before the deadline still deserves its decision.
                if now > started + timing.propagation_deadline and (
                    not open_probes or now > started + timing.propagation_deadline + timing.decision_deadline
                ):
                    break
                if isinstance(last, Decision) and not self._can_change(last, wanted, groups):
                    break
                time.sleep(min(timing.poll_interval, 0.1))
        self._note_unseen(groups)
        if isinstance(last, NotAvailable):
            outcome = Outcome.ERROR if last.broken else Outcome.INCONCLUSIVE
            text = last.reason + (f" ({errors[0]})" if errors else "")
            if outcome is Outcome.INCONCLUSIVE:
                text = f"{InconclusiveReason.NOT_OBSERVABLE.value}: {text}"
            return {group: Verdict(outcome, (text,), describe_wanted(group, wanted)) for group in groups}
        return self._judge(last, wanted, groups)

    def _note_effects(self, decision: Decision, wanted: FlagState, groups: tuple[str, ...]) -> None:
        """Record the time to safe of every switch whose effect this decision is the first to show."""
        shown = {group for group, one in self._judge(decision, wanted, groups).items() if one.outcome is Outcome.PASSED}
        self._note_times({name for name in self._unseen if flag_group(name) in shown}, seen=True)

    def _note_unseen(self, groups: tuple[str, ...]) -> None:
        self._note_times({name for name in self._unseen if flag_group(name) in groups}, seen=False)

    def _note_times(self, names: set[str], *, seen: bool) -> None:
        for name in sorted(names):
            value, since = self._unseen.pop(name)
            time_to_safe = TimeToSafe(name, value, round(time.monotonic() - since, 3), seen)
            self.times_to_safe.append(time_to_safe)
            record = {"flag": name, "new": flag_json(value), "seconds": time_to_safe.seconds}
            self.recorder.record(Stream.FLAGS, {**record, "state": _SEEN if seen else _UNSEEN})

    def _send(self, message: Message, errors: list[str]) -> None:
        try:
            delivery = self.target.send(message, message.event_id)
        except TargetError as error:
            errors.append(error.message)
        else:
            if not delivery.accepted:
                errors.append(f"the webhook answered {delivery.status} to the probe")

    def _read_decision(self, message: Message) -> Decision | NotAvailable | None:
        try:
            decisions = self.target.read_decisions(message.ticket_id)
        except TargetError as error:
            return NotAvailable(error.message, broken=True)
        if isinstance(decisions, NotAvailable):
            return decisions if Capability.DECISIONS not in self.target.capabilities() else None
        own = [one for one in decisions.value if one.fields.get("ticket_id", message.ticket_id) == message.ticket_id]
        if own and not any("complete" in one.fields for one in own):
            return NotAvailable("decisions do not show whether they are complete")
        return next((one for one in own if one.complete), None)

    def _shows(self, decision: Decision, wanted: FlagState, groups: tuple[str, ...]) -> bool:
        return all(verdict.outcome is Outcome.PASSED for verdict in self._judge(decision, wanted, groups).values())

    def _can_change(self, decision: Decision, wanted: FlagState, groups: tuple[str, ...]) -> bool:
        """Return whether a later probe may still show more: what is not observable stays so."""
        verdicts = self._judge(decision, wanted, groups).values()
        return any(verdict.outcome is Outcome.FAILED for verdict in verdicts)

    def _judge(self, decision: Decision, wanted: FlagState, groups: tuple[str, ...]) -> dict[str, Verdict]:
        deadline = self.environment.timing.propagation_deadline
        return {group: judge_group(group, decision, wanted, deadline) for group in groups}
