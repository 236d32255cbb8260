"""Options A and B and the way back, each performed and timed on a system that is in the state of a stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gonogo.errors import GonogoError, TargetError
from gonogo.evidence.record import Stream
from gonogo.model.flags import FlagState, FlagValue, describe_state, template_flag
from gonogo.model.outcome import CheckClass, CheckResult, InconclusiveReason, Outcome, PlannedCheck, SourceRef, Verdict
from gonogo.release.effect import EffectReport, EffectWatch
from gonogo.release.flag_writes import FlagWriter
from gonogo.release.rollback_bundle import judge_effect, judge_seconds
from gonogo.release.switch import Switch
from gonogo.run.flagboard import FlagBoard
from gonogo.run.flagjournal import FlagJournal
from gonogo.run.hold import EnvironmentHold
from gonogo.run.recovery import settle_changes
from gonogo.run.tenure import differences
from gonogo.targets.interface import Decision, NotAvailable

STAGE, OPTION_A, OPTION_B, RESTORE = "DRILL-STAGE", "DRILL-A", "DRILL-B", "DRILL-RESTORE"
TITLES = {
    STAGE: "The stage's flags are at work and a probe is answered",
    OPTION_A: "Kill switch",
    OPTION_B: "Template kill",
    RESTORE: "Flags returned as they were",
}
_AFTER = ("after A", "after B")
_NOT_ANSWERED = "no probe was answered, so nothing could have been stopped"


def plan_drill(source: str) -> list[PlannedCheck]:
    """Return the checks of a drill; what is restored is shown after either option."""
    grave, required = CheckClass.SAFETY, CheckClass.REQUIRED
    rows = [
        (STAGE, "flags", required, ""),
        (STAGE, "answered", required, ""),
        (OPTION_A, "effect", grave, ""),
        (OPTION_A, "time_to_safe", required, ""),
        (OPTION_B, "effect", grave, ""),
        (OPTION_B, "time_to_safe", required, ""),
        (OPTION_B, "rest", required, ""),
    ]
    for after in _AFTER:
        rows += [(RESTORE, check, required, after) for check in ("flags", "effect", "answered", "time_to_restore")]
    return [PlannedCheck(case, check, cls, SourceRef(source, 1), part) for case, check, cls, part in rows]


@dataclass
class Notes:
    """Stands in for a run's records: a drill keeps its own."""

    entries: list[dict[str, Any]] = field(default_factory=list)

    def record(self, stream: Stream, payload: Mapping[str, Any]) -> None:
        """Keep what was done to a flag."""
        if stream is Stream.FLAGS:
            self.entries.append({**payload, "at": time.time()})


@dataclass
class Rehearsal:
    """A drill under way: everything is journaled before it is written, and `results` grow by what was seen."""

    switch: Switch
    hold: EnvironmentHold
    groups: tuple[str, ...]
    planned: Sequence[PlannedCheck]
    tell: Callable[[str], None]
    results: list[CheckResult] = field(default_factory=list)
    times: dict[str, float | None] = field(default_factory=dict)
    tickets: list[str] = field(default_factory=list)
    before: dict[str, FlagValue] = field(default_factory=dict)
    template: str = ""
    ended: str = "the drill ended before it"

    def __post_init__(self) -> None:
        self.notes = Notes()
        self.journal = FlagJournal(self.hold, self.switch.id)
        recorder: Any = self.notes
        environment = self.switch.environment.model_copy(update={"probe": self.switch.probe})
        self._board = FlagBoard(self.switch.target, environment, recorder, self._message, True, journal=self.journal)
        self._sent = 0

    @property
    def _limit(self) -> float:
        return self.switch.environment.timing.propagation_deadline

    def enter(self, wanted: FlagState) -> None:
        """Bring a sandbox into the state of a stage; what is deployed is there already, or was refused."""
        self._board.apply(wanted, "drill")
        # What was entered is what the options are returned to, and nothing that waits to be returned itself.
        self.journal.keep(f"drill {self.switch.id} entered the stage")

    def rehearse(self, wanted: FlagState, stop: FlagState) -> None:
        """Perform A, return, perform B, return; `wanted` is the stage's state, `stop` is what option A writes.

        Raises `LockError` where another takes the environment over, and whatever keeps a change from being journaled.
        """
        self.before = self._board.read_store()
        self._judge_groups(STAGE, "flags", wanted, self.groups)
        self.template = self._find_answer() or ""
        self._add(STAGE, "answered", _judge_answer(self.template, _NOT_ANSWERED))
        if not self.template:
            self.ended = _NOT_ANSWERED
            return
        self._perform(OPTION_A, stop)
        self._restore(_AFTER[0])
        off = {template_flag(self.template): False}
        self._perform(OPTION_B, off)
        self._judge_groups(OPTION_B, "rest", {**self.before, **off}, self.groups)
        self._restore(_AFTER[1])

    def finish(self) -> list[CheckResult]:
        """Return a result for every planned check; one that was not reached is not run."""
        seen = {result.key for result in self.results}
        missing = [check for check in self.planned if check.key not in seen]
        return [*self.results, *(CheckResult.of(one, Verdict(Outcome.NOT_RUN, (self.ended,))) for one in missing)]

    def _perform(self, case: str, wanted: FlagState) -> None:
        """Throw an option with the writer of a rollback, and prove it as a rollback does."""
        self.tell(f"{case}: writing {describe_state(wanted)}")
        for flag, value in wanted.items():
            self.journal.intend(flag, self.before[flag], value)
        writer = FlagWriter(self.switch.target, wanted, self._limit)
        writer.start()
        writer.wait_for_attempts(1.0)
        watch = EffectWatch(self.switch.target, self.switch.environment, self._message, self.switch.probe)
        report = watch.watch(wanted, writer.first_write)
        self.tickets += report.tickets
        writer.wait(self._limit)
        for flag, value in wanted.items():
            self.journal.wrote(flag, value)
        self.times[case] = report.time_to_safe
        self.tell(f"{case}: {report.effect.value}, {report.reason}")
        self._add(case, "effect", self._judge_thrown(report, writer))
        self._add(case, "time_to_safe", judge_seconds(report.time_to_safe, self._limit))

    def _judge_thrown(self, report: EffectReport, writer: FlagWriter) -> Verdict:
        if writer.refused:
            texts = tuple(f"{flag}: {writer.writes[flag].error}" for flag in writer.refused)
            return Verdict(Outcome.ERROR, texts, "every write is accepted")
        return judge_effect(report.effect.value, report.reason)

    def _restore(self, after: str) -> None:
        """Return every flag by the journal, as `gonogo restore` does, and show that it is at work again."""
        started = time.monotonic()
        settlement = settle_changes(self.switch.target, self.hold, self._note, only_towards_safe=False)
        wrong = [*map(str, settlement.left), *differences(self._board.read_store(), self.before)]
        outcome = Outcome.FAILED if wrong else Outcome.PASSED
        self._add(RESTORE, "flags", Verdict(outcome, tuple(wrong), "exactly the flags before"), after)
        self._judge_groups(RESTORE, "effect", self.before, self.groups, after)
        template = self._find_answer()
        seconds = time.monotonic() - started if template else None
        self._add(RESTORE, "answered", _judge_answer(template, "no probe was answered again"), after)
        self._add(RESTORE, "time_to_restore", judge_seconds(seconds, self._limit), after)
        self.times[f"{RESTORE} {after}"] = seconds
        self.tell(f"{RESTORE}, {after}: {'; '.join(wrong) or 'flags as before'}")

    def _judge_groups(self, case: str, check: str, state: FlagState, groups: tuple[str, ...], part: str = "") -> None:
        verdicts = self._board.prove(state, groups)
        worst = max(verdicts.values(), key=lambda one: one.outcome)
        reasons = tuple(text for one in verdicts.values() for text in one.reasons)
        expected = "the worker uses the flags of the store"
        self._add(case, check, Verdict(worst.outcome, reasons, expected, worst.observed), part)

    def _find_answer(self) -> str | None:
        """Return the template that a probe is answered with, None where none is within the propagation deadline."""
        probe, timing = self.switch.probe, self.switch.environment.timing
        if probe is None:
            return None
        give_up = time.monotonic() + timing.propagation_deadline
        while time.monotonic() < give_up:
            message = self._message("answer", probe.channel, probe.message)
            self.switch.target.send(message, message.event_id)
            decision = self._await_decision(message.ticket_id, give_up)
            template = decision.fields.get("template") if decision is not None else None
            if isinstance(template, str):
                return template
        return None

    def _await_decision(self, ticket: str, give_up: float) -> Decision | None:
        timing = self.switch.environment.timing
        end = min(time.monotonic() + timing.decision_deadline, give_up + timing.decision_deadline)
        while time.monotonic() < end:
            found = self.switch.target.read_decisions(ticket)
            if isinstance(found, NotAvailable) and not found.broken:
                raise TargetError(f"decisions cannot be observed: {found.reason}")
            decisions = () if isinstance(found, NotAvailable) else found.value
            complete = next((one for one in decisions if one.complete), None)
            if complete is not None:
                return complete
            time.sleep(min(timing.poll_interval, 0.5))
        return None

    def _message(self, name: str, channel: str, text: str) -> Any:
        self._sent += 1
        message = self.switch.new_message(f"{name}-{self._sent}", channel, text)
        self.tickets.append(message.ticket_id)
        return message

    def _note(self, entry: Mapping[str, Any]) -> None:
        self.notes.record(Stream.FLAGS, entry)

    def _add(self, case: str, check: str, verdict: Verdict, part: str = "") -> None:
        planned = next(one for one in self.planned if one.key == (case, check, part))
        self.results.append(CheckResult.of(planned, verdict))


def _judge_answer(template: str | None, text: str) -> Verdict:
    if template:
        return Verdict(Outcome.PASSED, (), "a probe is answered", template)
    return Verdict.inconclusive(InconclusiveReason.VACUOUS, text, "a probe is answered")


def return_towards_safe(rehearsal: Rehearsal) -> list[str]:
    """Write back what a drill that broke off left, towards safe only; return a sentence for what waits for a person."""
    try:
        settlement = settle_changes(rehearsal.switch.target, rehearsal.hold, lambda _: None)
    except GonogoError as error:
        return [f"nothing was returned: {error.message}"]
    return [*settlement.told, *map(str, settlement.left)]
