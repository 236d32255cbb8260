"""What a Then-step sees: the case, what the stage makes of it, and what was observed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gonogo.model.case import Case
from gonogo.model.environment import Order
from gonogo.model.expectation import Expectation
from gonogo.model.gate import GateResult
from gonogo.model.outcome import CheckResult, InconclusiveReason, Outcome, Verdict
from gonogo.model.plan import Stage
from gonogo.model.vocabulary import Vocabulary
from gonogo.run.gateboard import GateBoard
from gonogo.run.observation import ControlState, Observations, Sent
from gonogo.run.planning import MAIN, PlannedScenario
from gonogo.targets.interface import Answer, Malformed, NotAvailable, Observed


@dataclass
class Scene:
    """One scenario while it is judged; `results` grows by one a check."""

    planned: PlannedScenario
    stage: Stage
    vocabulary: Vocabulary
    observations: Observations
    emit: Callable[[CheckResult], None]
    orders: Mapping[str, Order] = field(default_factory=dict)
    blocked: str = ""
    gates: GateBoard | None = None
    results: list[CheckResult] = field(default_factory=list)

    @property
    def case(self) -> Case:
        """Return the row; raises `LookupError` in a scenario that is none."""
        if self.planned.case is None:
            raise LookupError(f"{self.planned.id} is no row of a pack")
        return self.planned.case

    @property
    def expectation(self) -> Expectation:
        """Return what the row expects at this stage; raises `LookupError` in a scenario that is no row."""
        if self.planned.expectation is None:
            raise LookupError(f"{self.planned.id} is no row of a pack")
        return self.planned.expectation

    @property
    def sent(self) -> list[Sent]:
        """Return the messages of this scenario."""
        return self.observations.sent.get(self.planned.id, [])

    def message(self, role: str = MAIN) -> Sent:
        """Return the message of a role; raises `LookupError` where the scenario has none."""
        for sent in self.sent:
            if sent.outgoing.role == role:
                return sent
        raise LookupError(f"{self.planned.id} sent no message as {role!r}")

    @property
    def all_sent(self) -> list[Sent]:
        """Return every message of the run that was sent."""
        return [sent for sent in self.observations.all_sent if sent.deliveries]

    def answer(self, kind: Malformed) -> Observed[Answer] | NotAvailable:
        """Return the answer to a malformed call."""
        return self.observations.answers.get(self.planned.id, {}).get(
            kind, NotAvailable("the call was not made", broken=True)
        )

    def control(self, channel: str) -> ControlState:
        """Return whether replies can be observed on a channel."""
        missing = Verdict.inconclusive(InconclusiveReason.VACUOUS, f"no control was read for {channel}")
        return self.observations.controls.get(channel, ControlState(missing))

    def gate(self, gate: str) -> GateResult:
        """Return what a gate of the stage came to; raises `LookupError` where the stage has no such gate."""
        if self.gates is None:
            raise LookupError("this stage names no gates file")
        return self.gates.result(gate)

    def pass_preparation(self) -> None:
        """Note a given or when step; it was carried out before the scenario began."""

    def judge(self, check: str, judge: Callable[..., Verdict], arguments: Mapping[str, str]) -> CheckResult:
        """Judge one check and emit its result; a judge that breaks is an ERROR of that check alone."""
        planned = next(one for one in self.planned.checks if one.check == check)
        if self.blocked:
            verdict = Verdict(Outcome.NOT_RUN, (self.blocked,))
        else:
            try:
                verdict = judge(self, **arguments)
            except Exception as error:  # noqa: BLE001 - whatever breaks in a step is that check's outcome
                verdict = Verdict(Outcome.ERROR, (f"the step broke: {_describe(error)}",))
            if not isinstance(verdict, Verdict):
                what = f"the step returned {type(verdict).__name__} and no verdict, so it checked nothing"
                verdict = Verdict(Outcome.ERROR, (what,))
        result = CheckResult.of(planned, verdict)
        self.results.append(result)
        self.emit(result)
        return result


def _describe(error: BaseException) -> str:
    """Return an exception's type and place; its message may quote what the system answered."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f" at {Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else ""
    return f"{type(error).__name__}{place}"
