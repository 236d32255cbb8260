"""Flags during a run: written with a journal, proven by their effect on a probe, returned by compare-and-swap."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from gonogo.errors import TargetError
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
    is_automation_on,
    is_towards_safe,
    order_changes,
)
from gonogo.model.outcome import InconclusiveReason, Outcome, Verdict
from gonogo.targets.interface import Capability, Decision, Message, NotAvailable, Target


class FlagConsentError(Exception):
    """A change of flags that nobody agreed to."""


@dataclass
class FlagBoard:
    """Reads, changes and proves the flags of one target.

    `may_change` is the driver's consent; without it every change is refused. `journal` keeps the old value of every
    flag that was changed, and what we wrote, so that returning never overwrites what somebody else wrote since.
    """

    target: Target
    environment: Environment
    recorder: Recorder
    new_message: Callable[[str, str, str], Message]
    may_change: bool
    written: dict[str, FlagValue] = field(default_factory=dict)
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
            self._write(name, old, new, reason)

    def read_store(self) -> dict[str, FlagValue]:
        """Return the flags in the store; raises `TargetError` where the target does not show them."""
        flags = self.target.read_flags()
        if isinstance(flags, NotAvailable):
            raise TargetError(f"the flags cannot be read: {flags.reason}")
        return dict(flags.value)

    def _write(self, name: str, old: FlagValue, new: FlagValue, reason: str) -> None:
        entry = {"flag": name, "old": flag_json(old), "new": flag_json(new), "reason": reason, "at": time.time()}
        self.recorder.record(Stream.FLAGS, {**entry, "state": "intended"})
        # Before the write: it may arrive although its answer is lost, and then it has to be returned too.
        self.written[name] = new
        self.target.set_flag(name, new)
        self.recorder.record(Stream.FLAGS, {**entry, "state": "written"})

    def give_back(self, wanted: FlagState, *, only_towards_safe: bool) -> list[str]:
        """Return the flags that we changed to `wanted`, where they still hold what we wrote; name what was left."""
        left = []
        current = self.read_store()
        mine = {name: wanted[name] for name in self.written if name in wanted}
        for name in order_changes({name: current.get(name, ABSENT) for name in mine}, mine):
            now = current.get(name, ABSENT)
            if now != self.written[name]:
                left.append(f"{name} is {describe_value(now)}: somebody changed it since, so it was left alone")
            elif only_towards_safe and not is_towards_safe(name, now, mine[name]):
                left.append(
                    f"{name} stays {describe_value(now)}: returning it to {describe_value(mine[name])} is not safe"
                )
            else:
                try:
                    self._write(name, now, mine[name], "return")
                except TargetError as error:
                    # The next one may go towards safe: none is left untried because another could not be written.
                    left.append(f"{name} could not be returned to {describe_value(mine[name])}: {error.message}")
        return left

    def prove(self, wanted: FlagState, groups: tuple[str, ...]) -> dict[str, Verdict]:
        """Send probes until one decision shows that the worker uses the wanted flags, or the deadline passes.

        Returns one verdict a flag group. A probe goes out every interval without waiting for the one before: a decision
        takes seconds, and the first that shows the new flags ends the wait.
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
                    if isinstance(decision, Decision) and self._shows(decision, wanted, groups):
                        return self._judge(decision, wanted, groups)
                # A probe that went out just before the deadline still deserves its decision.
                if now > started + timing.propagation_deadline and (
                    not open_probes or now > started + timing.propagation_deadline + timing.decision_deadline
                ):
                    break
                if isinstance(last, Decision) and not self._can_change(last, wanted, groups):
                    break
                time.sleep(min(timing.poll_interval, 0.1))
        if isinstance(last, NotAvailable):
            outcome = Outcome.ERROR if last.broken else Outcome.INCONCLUSIVE
            text = last.reason + (f" ({errors[0]})" if errors else "")
            if outcome is Outcome.INCONCLUSIVE:
                text = f"{InconclusiveReason.NOT_OBSERVABLE.value}: {text}"
            return {group: Verdict(outcome, (text,), _wanted_text(group, wanted)) for group in groups}
        return self._judge(last, wanted, groups)

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
        return {group: _judge_group(group, decision, wanted, deadline) for group in groups}


def _judge_group(group: str, decision: Decision, wanted: FlagState, deadline: float) -> Verdict:
    expected = _wanted_text(group, wanted)
    used = decision.flags_used.get(group, ABSENT)
    if used is not ABSENT:
        if _same(group, used, wanted):
            return Verdict(Outcome.PASSED, (), expected, f"the probe's decision used {_used_text(used)}")
        text = f"the worker used {_used_text(used)} after {deadline:g} s, not {expected}"
        return Verdict(Outcome.FAILED, (text,), expected, _used_text(used))
    blocked = decision.fields.get("blocked_by")
    if group in (SAFE_MODE, AUTOMATION) and isinstance(blocked, list):
        return _judge_by_block(group, blocked, wanted, deadline, expected)
    text = f"decisions show neither the {group} that the worker used nor which switch blocked"
    return Verdict.inconclusive(InconclusiveReason.NOT_OBSERVABLE, text, expected)


def _judge_by_block(group: str, blocked: list[Any], wanted: FlagState, deadline: float, expected: str) -> Verdict:
    """Judge a kill switch by whether the probe's decision names it as what blocked the reply."""
    stops = wanted.get(group) is (group == SAFE_MODE) or wanted.get(group) is ABSENT
    named = group in blocked
    if named == stops:
        how = "names it as what blocked" if named else "was not blocked by it"
        if not stops and not is_automation_on(wanted):
            # Another switch blocked: that this one did not says nothing about a system that names only the first.
            text = f"another switch blocked the probe, so {group} was not seen at work"
            return Verdict.inconclusive(InconclusiveReason.NOT_OBSERVABLE, text, expected)
        return Verdict(Outcome.PASSED, (), expected, f"the probe's decision {how}")
    if stops and blocked:
        text = f"the decision names {', '.join(map(str, blocked))}, so {group} was not seen at work"
        return Verdict.inconclusive(InconclusiveReason.NOT_OBSERVABLE, text, expected)
    text = f"the probe was {'blocked by' if named else 'not blocked by'} {group} after {deadline:g} s"
    return Verdict(Outcome.FAILED, (text,), expected, text)


def _same(group: str, used: FlagValue, wanted: FlagState) -> bool:
    if group == "template_enabled":
        enabled = {name.removeprefix(TEMPLATE_PREFIX) for name, value in _templates(wanted).items() if value is True}
        return isinstance(used, tuple) and set(used) == enabled
    value = wanted.get(group)
    if value is ABSENT:
        # A missing flag must work as its safe value.
        return used is (group == SAFE_MODE)
    if isinstance(value, tuple) and isinstance(used, tuple):
        return set(value) == set(used)
    return used == value


def _templates(state: Mapping[str, FlagValue]) -> dict[str, FlagValue]:
    return {name: value for name, value in state.items() if flag_group(name) == "template_enabled"}


def _wanted_text(group: str, wanted: FlagState) -> str:
    if group == "template_enabled":
        enabled = [name.removeprefix(TEMPLATE_PREFIX) for name, value in _templates(wanted).items() if value is True]
        return f"templates enabled: {', '.join(sorted(enabled)) or 'none'}"
    value = wanted.get(group)
    if value is ABSENT:
        return f"{group} missing from the store, working as {'true' if group == SAFE_MODE else 'false'}"
    return f"{group}={describe_value(value)}"


def _used_text(used: FlagValue) -> str:
    return describe_value(used)


def flag_json(value: FlagValue) -> Any:
    """Return a flag's value for a JSON record; a missing flag is the text `absent`."""
    if isinstance(value, tuple):
        return list(value)
    return "absent" if value is ABSENT else value
