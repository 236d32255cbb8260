"""One run against one target: enter each flag state, observe, and leave the target as it was found."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from gonogo.errors import LedgerError, LockError, TargetError
from gonogo.evidence.canaries import canaries
from gonogo.evidence.record import Recorder, Stream
from gonogo.model.environment import Environment, Kind
from gonogo.model.flags import FlagValue, describe_state
from gonogo.model.outcome import CheckClass, CheckResult, InconclusiveReason, Outcome, Verdict
from gonogo.model.vocabulary import Vocabulary
from gonogo.run.flagboard import FlagBoard, FlagConsentError
from gonogo.run.flagjournal import FlagJournal
from gonogo.run.gateboard import GateBoard
from gonogo.run.observation import ControlState, Observations, Sent, judge_absence
from gonogo.run.planning import Outgoing, PlannedScenario
from gonogo.run.progress import RETURNED
from gonogo.run.runplan import AFTER, FlagGroup, RunPlan
from gonogo.run.scene import Scene
from gonogo.run.sendahead import run_ahead
from gonogo.run.tickets import TicketLog
from gonogo.run.unchanged import compare_build, compare_flags
from gonogo.targets.caps import CapReachedError
from gonogo.targets.interface import Identity, Message, NotAvailable, Observed, Target

_GRAVE = (CheckClass.SAFETY, CheckClass.PRIVACY)
# Of the seven seconds between a signal and the end that many runners allow, what is left after the writes, in seconds.
PROOF_GRACE = 5.0


class RunSession:
    """Carries a run plan out; every result goes to `emit` as it is known."""

    def __init__(
        self,
        plan: RunPlan,
        target: Target,
        environment: Environment,
        vocabulary: Vocabulary,
        recorder: Recorder,
        *,
        run_id: str,
        release: str | None,
        may_change_flags: bool,
        emit: Callable[[CheckResult], None],
        gates: GateBoard | None = None,
        journal: FlagJournal | None = None,
    ) -> None:
        self.gates = gates
        self.plan = plan
        self.target = target
        self.environment = environment
        self.vocabulary = vocabulary
        self.recorder = recorder
        self.run_id = run_id
        # In every id that the system may log, so that such a log can be told from chance.
        self._canary = canaries(run_id).word
        self.release = release
        self.observations = Observations()
        self._emit = emit
        self._planned = {check.key: check for check in plan.checks}
        self._stage_flags: Mapping[str, FlagValue] = plan.stage.flag_state(vocabulary)
        self._blocked: dict[str, str] = {}
        self._safety_failed = False
        self._unproven = "the flags of the stage were never set"
        self._is_sandbox = environment.kind is Kind.SANDBOX
        self._build_before: Observed[Identity] | NotAvailable | None = None
        self._flags_before: dict[str, FlagValue] | NotAvailable | None = None
        may_change = may_change_flags or self._is_sandbox
        self.board = FlagBoard(target, environment, recorder, self._probe_message, may_change, journal=journal)
        self.tickets = TicketLog(target, environment, recorder)
        self._entered = False
        self._overtaken = ""

    def emit(self, result: CheckResult) -> None:
        """Pass a result on, and remember whether safety failed: from then on nothing is moved away from safe."""
        if result.outcome is Outcome.FAILED and result.cls in _GRAVE:
            self._safety_failed = True
        self.observations.results.append(result)
        self._emit(result)

    def _emit_check(self, case: str, check: str, verdict: Verdict, part: str = "") -> None:
        planned = self._planned.get((case, check, part))
        if planned is not None:
            self.emit(CheckResult.of(planned, verdict))

    def start(self) -> None:
        """Read the build and show that replies can be observed on every channel of the plan."""
        self._build_before = self._read_identity()
        if self.observations.defaults is not None:
            self.observations.configuration = self._read_configuration()
        for channel in self.plan.channels:
            verdict = self._read_control(channel)
            self.observations.controls[channel] = ControlState(verdict)
            self._emit_check(f"CONTROL-{channel}", "replies", verdict)

    def _read_configuration(self) -> Observed[dict[str, Any]] | NotAvailable:
        try:
            return self.target.read_configuration()
        except TargetError as error:
            return NotAvailable(error.message, broken=True)

    def _read_control(self, channel: str) -> Verdict:
        control = self.environment.controls.get(channel)
        if control is None:
            text = f"environments.yaml names no control ticket for {channel}, so 'no reply' there would prove nothing"
            return Verdict.inconclusive(InconclusiveReason.VACUOUS, text)
        expected = f"the known reply {control.reply} on ticket {control.ticket}"
        try:
            replies = self.target.read_replies(control.ticket)
        except TargetError as error:
            return Verdict(Outcome.ERROR, (error.message,), expected)
        if isinstance(replies, NotAvailable):
            return judge_absence(replies, expected)
        if any(reply.id == control.reply and not reply.automatic for reply in replies.value):
            return Verdict(Outcome.PASSED, (), expected, "it was read")
        text = f"the path showed {len(replies.value)} replies and not the known one, so it shows nothing"
        return Verdict.inconclusive(InconclusiveReason.VACUOUS, text, expected)

    def enter(self, group: FlagGroup) -> None:
        """Set the group's flags, prove them, send all its messages, and observe what comes of them."""
        self._note("flags", group.name)
        blocked = self._overtaken or self._set_flags(group)
        batch = [self._sent(scenario, outgoing, group.name) for scenario, outgoing in group.messages]
        if blocked:
            for item in batch:
                item.not_sent = blocked
            for scenario in group.scenarios:
                if not scenario.messages or scenario.judges_all:
                    self._blocked[scenario.id] = blocked
            return
        for scenario in group.scenarios:
            for kind in scenario.calls:
                self._call(scenario, kind)
        self.tickets.note([item.message for item in batch if not item.not_sent])
        run_ahead(
            self.target,
            self.environment,
            batch,
            lambda sent, decided, total: self._note("messages", group.name, sent=sent, decided=decided, total=total),
        )

    def _set_flags(self, group: FlagGroup) -> str:
        """Return why the group cannot run, or an empty text once its flags are proven by their effect."""
        if group.overlay and self._unproven:
            # Flags that do not work as written are not written any further.
            never = Verdict(Outcome.NOT_RUN, (self._unproven,))
            self._emit_flags(never, group.name)
            return self._unproven
        wanted = {**self._stage_flags, **group.overlay}
        writes = wanted if self._is_sandbox else self._writes(group.overlay)
        guarded = self._safety_failed and not self._is_sandbox
        try:
            if writes:
                self.board.apply(writes, f"state {group.name}", only_towards_safe=guarded)
            if self._flags_before is None:
                self._flags_before = self._read_store()
            self._entered = self._entered or not group.overlay
        except (FlagConsentError, TargetError, LedgerError, LockError) as error:
            broken = isinstance(error, TargetError | LedgerError)
            self._overtaken = str(error) if isinstance(error, LockError) else ""
            verdict = Verdict(
                Outcome.ERROR if broken else Outcome.NOT_RUN, (str(error),), describe_state(group.overlay)
            )
            self._emit_flags(verdict, group.name)
            return f"flag state {group.name!r} was not entered: {error}"
        self._note("probe", group.name)
        failed = []
        for name, verdict in self.board.prove(wanted, self.plan.proven_flags).items():
            self._emit_check(f"FLAG-{name}", "effect", verdict, group.name)
            if verdict.outcome not in (Outcome.PASSED, Outcome.INCONCLUSIVE):
                failed.append(f"FLAG-{name}")
        self._unproven = f"flag state {group.name!r} was not proven: {', '.join(failed)}" if failed else ""
        return self._unproven

    def _emit_flags(self, verdict: Verdict, part: str) -> None:
        for name in self.plan.proven_flags:
            self._emit_check(f"FLAG-{name}", "effect", verdict, part)

    def _writes(self, overlay: Mapping[str, FlagValue]) -> dict[str, FlagValue]:
        """Return what to write outside kind sandbox: only borrowed flags, those borrowed before back at the stage's."""
        borrowed = {name: self._stage_flags[name] for name in self.board.written if name in self._stage_flags}
        return {**borrowed, **overlay}

    def _sent(self, scenario: PlannedScenario, outgoing: Outgoing, state: str) -> Sent:
        ticket = f"gonogo-{self.run_id}-{scenario.id}-{outgoing.conversation}"
        event = f"{ticket}-{outgoing.role}-{self._canary}"
        order: Mapping[str, Any] = {}
        if outgoing.order in self.environment.orders:
            order = self.environment.orders[outgoing.order].variables
        message = Message(
            ticket,
            event,
            outgoing.channel,
            outgoing.text,
            scenario.id,
            self.run_id,
            outgoing.attachments,
            outgoing.author,
            order,
        )
        item = Sent(outgoing, message, state)
        self.observations.sent.setdefault(scenario.id, []).append(item)
        if outgoing.order and outgoing.order not in self.environment.orders:
            item.not_sent = f"environments.yaml has no order fixture {outgoing.order!r}"
        return item

    def _call(self, scenario: PlannedScenario, kind: Any) -> None:
        message = self._probe_message(
            f"{scenario.id}-call", self.plan.channels[0] if self.plan.channels else "", "call"
        )
        try:
            answer = self.target.send_malformed(kind, message)
        except CapReachedError as error:
            self._blocked[scenario.id] = error.message
            return
        except TargetError as error:
            answer = NotAvailable(error.message, broken=True)
        self.observations.answers.setdefault(scenario.id, {})[kind] = answer

    def _probe_message(self, name: str, channel: str, text: str) -> Message:
        ticket = f"gonogo-{self.run_id}-{name}"
        message = Message(ticket, f"{ticket}-1-{self._canary}", channel, text, name, self.run_id)
        self.tickets.note([message])
        return message

    def scene(self, scenario: PlannedScenario) -> Scene:
        """Return what the scenario's steps see."""
        blocked = self._blocked.get(scenario.id, "")
        return Scene(
            scenario,
            self.plan.stage,
            self.vocabulary,
            self.observations,
            self.emit,
            self.environment.orders,
            blocked,
            self.gates,
        )

    def finish(self, *, interrupted: bool = False) -> None:
        """Return the borrowed flags, prove the stage's state again, and compare the target with how it was found."""
        self._note("return", AFTER)
        started = time.monotonic()
        left = self._give_back(only_towards_safe=(interrupted or self._safety_failed) and not self._is_sandbox)
        for text in left:
            self._note("left", text)
        self._note(RETURNED, AFTER)
        if interrupted:
            self._prove_in_haste(started, left)
            return
        self._judge_after(left)
        build = compare_build(self._build_before, self._read_identity(), self.release, self.recorder)
        self._emit_check("TARGET-build", "unchanged", build)

    def _give_back(self, *, only_towards_safe: bool) -> list[str]:
        """Return what was borrowed; what a rollback took over is left as it is."""
        try:
            left = (
                self.board.give_back(self._stage_flags, only_towards_safe=only_towards_safe)
                if self.board.written and not self._overtaken
                else []
            )
            if self.board.journal is not None and self._is_sandbox and self._entered and not left:
                # On kind sandbox a run enters its stage by itself, so the stage's flags are meant to stay.
                self.board.journal.keep(f"run {self.run_id} entered stage {self.plan.stage.id}")
        except LockError as error:
            self._overtaken = error.message
        except (TargetError, LedgerError) as error:
            return [f"flags could not be returned: {error.message}"]
        if self._overtaken:
            # Nothing that runs after another took the environment over may be judged as if it had not.
            self._unproven = self._overtaken
            return [f"nothing was undone: {self._overtaken}"]
        return left

    def _prove_in_haste(self, started: float, left: list[str]) -> None:
        """Prove what an interrupted run returned, where the propagation time fits into what is left of the grace."""
        timing = self.environment.timing
        rest = PROOF_GRACE - (time.monotonic() - started)
        if self._unproven or left or not self.board.written or timing.propagation_deadline > rest:
            return
        try:
            proofs = self.board.prove(self._stage_flags, self.plan.proven_flags, within=rest)
        except TargetError:
            return
        for name, verdict in proofs.items():
            if verdict.outcome is Outcome.PASSED:
                self._emit_check(f"FLAG-{name}", "effect", verdict, AFTER)

    def _judge_after(self, left: list[str]) -> None:
        if self._unproven:
            never = Verdict(Outcome.NOT_RUN, (self._unproven,))
            self._emit_flags(never, AFTER)
            self._emit_check("TARGET-flags", "unchanged", never)
            return
        try:
            proofs = self.board.prove(self._stage_flags, self.plan.proven_flags)
            flags_after = self._read_store()
        except TargetError as error:
            proofs = {name: Verdict(Outcome.ERROR, (error.message,)) for name in self.plan.proven_flags}
            flags_after = NotAvailable(error.message, broken=True)
        for name, verdict in proofs.items():
            if left and verdict.outcome is not Outcome.PASSED:
                verdict = Verdict(Outcome.INCONCLUSIVE, (f"target_changed: {'; '.join(left)}",), verdict.expected)
            self._emit_check(f"FLAG-{name}", "effect", verdict, AFTER)
        self._emit_check("TARGET-flags", "unchanged", compare_flags(self._flags_before, flags_after, self.recorder))

    def _read_store(self) -> dict[str, FlagValue] | NotAvailable:
        flags = self.target.read_flags()
        return flags if isinstance(flags, NotAvailable) else dict(flags.value)

    def _read_identity(self) -> Observed[Identity] | NotAvailable:
        try:
            return self.target.read_identity()
        except TargetError as error:
            return NotAvailable(error.message, broken=True)

    def running(self) -> frozenset[str]:
        """Return the names of what runs on the target: its build and release, or else the release asked for."""
        if isinstance(self._build_before, Observed):
            identity = self._build_before.value
            return frozenset(filter(None, (identity.build, identity.release)))
        return frozenset(filter(None, (self.release,)))

    def _note(self, phase: str, state: str, **more: Any) -> None:
        self.recorder.record(Stream.PROGRESS, {"phase": phase, "state": state, **more})
