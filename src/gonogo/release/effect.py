"""Whether a change of flags works: probes whose decisions show the switch that blocked, or the flags that were used."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gonogo.errors import GonogoError
from gonogo.model.environment import Environment, Probe
from gonogo.model.flags import ABSENT, AUTOMATION, SAFE_MODE, TEMPLATE_PREFIX, FlagValue
from gonogo.model.outcome import InconclusiveReason, Outcome, Verdict
from gonogo.run.flagjudge import judge_group
from gonogo.targets.interface import Capability, Decision, Message, NotAvailable, Target

_STOPS: Mapping[str, FlagValue] = {SAFE_MODE: True, AUTOMATION: False}
_REPLIES_READ = 5


class Shown(StrEnum):
    """What one decision shows of a change."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    NOTHING = "nothing"


class Effect(StrEnum):
    """What a change came to, as far as the target can show it."""

    PROVEN = "proven"
    NOT_PROVEN = "not_proven"
    NO_EFFECT = "no_effect"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Reading:
    """One probe's decision: what it shows as a whole, and of each flag."""

    shown: Shown
    verdicts: Mapping[str, Verdict]
    text: str

    @property
    def is_settled(self) -> bool:
        """Return whether a later probe could show no more: no flag was seen at its old value."""
        return not any(verdict.outcome is Outcome.FAILED for verdict in self.verdicts.values())


@dataclass
class EffectReport:
    """What the probes came to; times are seconds since the first write, `replied` tells of replies after the proof."""

    effect: Effect
    time_to_safe: float | None
    seconds: float
    reason: str
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    sent: int = 0
    decided: int = 0
    contradicted: int = 0
    interval: float = 0.0
    tickets: tuple[str, ...] = ()


def read_decision(decision: Decision, wanted: Mapping[str, FlagValue], seconds: float) -> Reading:
    """Return what a decision shows of flags that were turned towards safe, `seconds` after the first write.

    Where all automation was stopped, an answer shows that it was not, whatever flags the decision claims; one switch
    that is seen at work is enough to be safe. Elsewhere every flag must be seen at work.
    """
    verdicts = {flag: _judge_flag(flag, decision, wanted, seconds) for flag in wanted}
    template, action = decision.fields.get("template"), decision.fields.get("action")
    stops = [flag for flag, value in wanted.items() if _STOPS.get(flag, ABSENT) == value]
    off = {flag.removeprefix(TEMPLATE_PREFIX) for flag in wanted if flag.startswith(TEMPLATE_PREFIX)}
    if stops and (isinstance(template, str) or str(action).startswith("auto_reply")):
        what = template if isinstance(template, str) else action
        return Reading(
            Shown.UNSAFE, verdicts, f"a probe was answered with {what} {seconds:.1f} s after the first write"
        )
    if isinstance(template, str) and template in off:
        return Reading(Shown.UNSAFE, verdicts, f"a probe got {template} {seconds:.1f} s after the first write")
    passed = [flag for flag in (stops or wanted) if verdicts[flag].outcome is Outcome.PASSED]
    failed = [flag for flag in wanted if verdicts[flag].outcome is Outcome.FAILED]
    if passed and (stops or len(passed) == len(wanted)):
        return Reading(Shown.SAFE, verdicts, "; ".join(f"{flag}: {verdicts[flag].observed}" for flag in passed))
    if failed:
        return Reading(Shown.UNSAFE, verdicts, "; ".join(text for flag in failed for text in verdicts[flag].reasons))
    reasons = [text for verdict in verdicts.values() for text in verdict.reasons]
    return Reading(Shown.NOTHING, verdicts, "; ".join(dict.fromkeys(reasons)))


def _judge_flag(flag: str, decision: Decision, wanted: Mapping[str, FlagValue], seconds: float) -> Verdict:
    if not flag.startswith(TEMPLATE_PREFIX):
        return judge_group(flag, decision, wanted, round(seconds, 1))
    template, value = flag.removeprefix(TEMPLATE_PREFIX), wanted[flag]
    expected = f"{template} {'enabled' if value is True else 'not enabled'}"
    used, blocked = decision.flags_used.get("template_enabled", ABSENT), decision.fields.get("blocked_by")
    if isinstance(used, tuple):
        seen = f"the worker's templates {'hold it' if template in used else 'do not hold it'}"
        if (template in used) == (value is True):
            return Verdict(Outcome.PASSED, (), expected, seen)
        return Verdict(Outcome.FAILED, (f"{template}: {seen} {seconds:.1f} s after the first write",), expected, seen)
    if isinstance(blocked, list) and flag in blocked and value is not True:
        return Verdict(Outcome.PASSED, (), expected, "the probe's decision names it as what blocked")
    text = f"decisions do not show whether {template} is enabled"
    return Verdict.inconclusive(InconclusiveReason.NOT_OBSERVABLE, text, expected)


class EffectWatch:
    """Sends probes and reads their decisions until they show the change, or the propagation deadline is over.

    `new_message` makes a message of a name, a channel and a text; `look` is called with every probe. After the first
    proof it goes on for the quiet period: a worker that still answers takes the proof back.
    """

    def __init__(
        self,
        target: Target,
        environment: Environment,
        new_message: Callable[[str, str, str], Message],
        probe: Probe | None,
        look: Callable[[], None] | None = None,
    ) -> None:
        self._target, self._environment, self._look = target, environment, look
        self._new_message, self._probe = new_message, probe
        self._open: dict[str, tuple[Message, float]] = {}
        self._safe_tickets: list[str] = []
        self._tickets: list[str] = []
        self._errors: list[str] = []
        self._last: Reading | None = None
        self._sent = self._decided = self._contradicted = 0
        self._proof: float | None = None
        self.interval = max(0.25, environment.timing.propagation_deadline / 20)

    def watch(self, wanted: Mapping[str, FlagValue], since: float) -> EffectReport:
        """Return what the probes show of the flags wanted; `since` is the first write by the monotonic clock."""
        if self._probe is None:
            return self._report(since, Effect.NOT_PROVEN, "environments.yaml names no probe")
        needed = {Capability.SEND, Capability.DECISIONS}
        missing = sorted(needed - self._target.capabilities())
        if missing:
            text = f"environments.yaml does not say how to reach {' and '.join(missing)}"
            return self._report(since, Effect.NOT_PROVEN, text)
        self._proof, self._last = None, None
        timing = self._environment.timing
        # A second round, after somebody changed a flag again, has the whole deadline too.
        deadline = max(since, time.monotonic() if self._sent else since) + timing.propagation_deadline
        next_probe = 0.0
        while True:
            now = time.monotonic()
            ends = deadline if self._proof is None else self._proof + timing.quiet_period
            if now >= next_probe and now < max(ends, since + self.interval):
                self._send_probe(self._probe)
                if self._look is not None:
                    self._look()
                next_probe = now + self.interval
            self._read_open(wanted, since)
            if self._is_over(time.monotonic(), deadline):
                break
            time.sleep(min(timing.poll_interval, 0.1))
        return self._conclude(since)

    def _is_over(self, now: float, deadline: float) -> bool:
        timing = self._environment.timing
        if self._proof is not None:
            settled = self._last is None or self._last.is_settled or now > deadline
            return settled and now >= self._proof + timing.quiet_period
        if now <= deadline:
            return False
        if self._last is not None and self._last.shown is Shown.UNSAFE:
            return True
        # A probe that went out just before the deadline still deserves its decision.
        return not self._open or now > deadline + timing.decision_deadline

    def _send_probe(self, probe: Probe) -> None:
        message = self._new_message(f"probe-{self._sent}", probe.channel, probe.message)
        self._sent += 1
        self._tickets.append(message.ticket_id)
        self._open[message.ticket_id] = (message, time.monotonic())
        threading.Thread(target=self._send, args=(message,), daemon=True).start()

    def _send(self, message: Message) -> None:
        try:
            delivery = self._target.send(message, message.event_id)
        except GonogoError as error:
            self._errors.append(error.message)
        except Exception as error:  # noqa: BLE001 - a probe that is still under way when the target is closed
            self._errors.append(f"a probe broke: {type(error).__name__}")
        else:
            if delivery.accepted:
                return
            self._errors.append(f"the webhook answered {delivery.status} to a probe")
        # No decision is waited for that nobody was asked for.
        self._open.pop(message.ticket_id, None)

    def _read_open(self, wanted: Mapping[str, FlagValue], since: float) -> None:
        for ticket, (_, sent) in list(self._open.items()):
            decision = self._read(ticket)
            if decision is None:
                continue
            self._open.pop(ticket, None)
            self._decided += 1
            now = time.monotonic()
            reading = read_decision(decision, wanted, now - since)
            if self._proof is not None and sent < self._proof and reading.shown is Shown.UNSAFE:
                # It was under way before the proof.
                continue
            self._last = reading
            if reading.shown is Shown.SAFE:
                self._safe_tickets.append(ticket)
                self._proof = now if self._proof is None else self._proof
            elif reading.shown is Shown.UNSAFE and self._proof is not None:
                self._contradicted += 1
                self._proof = None

    def _read(self, ticket: str) -> Decision | None:
        try:
            decisions = self._target.read_decisions(ticket)
        except GonogoError as error:
            self._errors.append(error.message)
            return None
        if isinstance(decisions, NotAvailable):
            if decisions.broken:
                self._errors.append(decisions.reason)
            return None
        own = [one for one in decisions.value if one.fields.get("ticket_id", ticket) == ticket]
        return next((one for one in own if one.complete), None)

    def _conclude(self, since: float) -> EffectReport:
        last = self._last
        if self._proof is not None:
            late = self._find_late_reply()
            if late:
                return self._report(since, Effect.NO_EFFECT, late)
            return self._report(since, Effect.PROVEN, last.text if last is not None else "")
        if last is None:
            why = f" ({self._errors[-1]})" if self._errors else ""
            return self._report(since, Effect.NOT_PROVEN, f"none of {self._sent} probes was decided{why}")
        effect = Effect.NO_EFFECT if last.shown is Shown.UNSAFE else Effect.NOT_PROVEN
        return self._report(since, effect, last.text)

    def _find_late_reply(self) -> str:
        """Return a sentence about a reply to a probe whose decision showed that it was stopped."""
        for ticket in self._safe_tickets[-_REPLIES_READ:]:
            try:
                replies = self._target.read_replies(ticket)
            except GonogoError as error:
                self._errors.append(error.message)
                continue
            if isinstance(replies, NotAvailable):
                continue
            if any(self._is_stopped(reply.template) for reply in replies.value if reply.automatic):
                return f"an automatic reply went out on {ticket}, whose decision showed that replies were stopped"
        return ""

    def _is_stopped(self, template: object) -> bool:
        """Return whether a reply of this template should not have gone out."""
        flags = self._last.verdicts if self._last is not None else {}
        if any(flag in _STOPS for flag in flags):
            return True
        return isinstance(template, str) and f"{TEMPLATE_PREFIX}{template}" in flags

    def _report(self, since: float, effect: Effect, reason: str) -> EffectReport:
        proven = self._proof - since if self._proof is not None and effect is Effect.PROVEN else None
        return EffectReport(
            effect,
            proven,
            time.monotonic() - since,
            reason,
            self._last.verdicts if self._last is not None else {},
            self._sent,
            self._decided,
            self._contradicted,
            self.interval,
            tuple(self._tickets),
        )
