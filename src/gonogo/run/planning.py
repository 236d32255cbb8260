"""Scenarios → what a run will send and check, written down before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gonogo.errors import Problem
from gonogo.gherkin.scenario import SCENARIO_ID, Scenario, Step
from gonogo.model.case import Action, Case, Mode
from gonogo.model.environment import Kind
from gonogo.model.expectation import Expectation, derive_expectation
from gonogo.model.flags import FlagValue
from gonogo.model.outcome import CheckClass, PlannedCheck, SourceRef, heavier
from gonogo.model.plan import Stage
from gonogo.model.vocabulary import Vocabulary
from gonogo.run.admission import refuse_on_production
from gonogo.run.definitions import REGISTRY, StepDefinition, find_step
from gonogo.sources.suggest import closest, quote_value
from gonogo.targets.interface import Malformed

MAIN, CONTROL = "main", "control"
_CLASS_TAGS = frozenset(CheckClass)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that a scenario needs sent: `flags` are what it borrows beyond the stage's own state.

    `conversation` tells tickets of one scenario apart. `again` is how often the event is delivered once more: True
    with the same delivery id, False with another one. `decided` is False where no decision may come.
    """

    role: str
    channel: str
    text: str
    conversation: str = MAIN
    order: str | None = None
    attachments: tuple[str, ...] = ()
    author: str = "customer"
    again: tuple[bool, ...] = ()
    decided: bool = True
    flags: Mapping[str, FlagValue] = field(default_factory=dict)


@dataclass
class Draft:
    """What the steps of one scenario ask for while it is planned."""

    stage: Stage
    vocabulary: Vocabulary
    messages: list[Outgoing] = field(default_factory=list)
    calls: list[Malformed] = field(default_factory=list)
    row: dict[str, Any] = field(default_factory=dict)
    borrowed: dict[str, FlagValue] = field(default_factory=dict)
    wants_control: bool = False
    needs_tier: int = 0
    judges_all: bool = False
    refused: str = ""
    gates: list[str] = field(default_factory=list)
    kind: Kind = Kind.PRODUCTION
    pages: bool = False

    def send(self, text: str, channel: str, **more: Any) -> None:
        """Have a message sent ahead."""
        role = more.pop("role", MAIN if not self.messages else f"message-{len(self.messages) + 1}")
        self.messages.append(Outgoing(role, channel, text, **more))

    def call(self, kind: Malformed) -> None:
        """Have a call made that the target must refuse."""
        self.calls.append(kind)

    def borrow(self, flags: Mapping[str, FlagValue]) -> None:
        """Have the scenario's messages sent under other flags than the stage's."""
        self.borrowed.update(flags)

    def measure(self, gate: str) -> None:
        """Have a gate measured; its scenario carries the gate's id: nothing is judged under another name."""
        self.gates.append(gate)

    def require_person(self) -> None:
        """Have the scenario listed as not tested where nobody is waited for: environments of kind sandbox."""
        if self.kind is Kind.SANDBOX:
            self.refused = self.refused or "needs a person; kind sandbox does not wait"

    def require_kind(self, kinds: Sequence[str]) -> None:
        """Have the scenario listed as not tested in environments of other kinds than these."""
        if self.kind not in kinds:
            self.refused = self.refused or f"is answered for in environments of kind {', '.join(kinds)}"

    def require_stage(self, stages: Sequence[str]) -> None:
        """Have the scenario listed as not tested at other stages than these."""
        if self.stage.id not in stages:
            self.refused = self.refused or f"is answered for at stage {', '.join(stages)}"

    def page_people(self) -> None:
        """Have the scenario listed as not tested on production, unless the stage allows what wakes people."""
        self.pages = True

    def judge_all_messages(self) -> None:
        """Have the scenario judged last, over every message of the run."""
        self.judges_all = True

    def require_automation(self) -> None:
        """Have the scenario listed as not tested where the stage lets no reply out: it could not fail there."""
        if not self.stage.automation_on:
            self.refused = f"stage {self.stage.id} lets no reply out, so this could not fail"

    def require_reply_of_tier(self, tier: int) -> None:
        """Have the scenario listed as not tested where no row gets a reply of this tier or above."""
        self.needs_tier = tier


@dataclass(frozen=True, slots=True)
class PlannedScenario:
    """One scenario with everything that it needs and checks at a stage."""

    id: str
    name: str
    feature: str
    line: int
    source: SourceRef
    tags: tuple[str, ...]
    case: Case | None
    expectation: Expectation | None
    messages: tuple[Outgoing, ...]
    calls: tuple[Malformed, ...]
    checks: tuple[PlannedCheck, ...]
    steps: tuple[tuple[Step, str], ...]
    judges_all: bool
    needs_tier: int
    refused: str
    pages: bool = False

    @property
    def admitted(self) -> bool:
        """Return whether the stage admits the scenario."""
        return not self.refused


class Planner:
    """Plans scenarios for one stage and collects every problem that it meets."""

    def __init__(
        self,
        stage: Stage,
        vocabulary: Vocabulary,
        lines: Mapping[str, SourceRef],
        *,
        kind: Kind = Kind.PRODUCTION,
    ) -> None:
        self._stage = stage
        self._kind = kind
        self._vocabulary = vocabulary
        self._lines = lines
        self._ids: dict[str, str] = {}
        self.problems: list[Problem] = []

    def plan_all(self, scenarios: Iterable[Scenario]) -> list[PlannedScenario]:
        """Return the plans of all scenarios that can be planned."""
        planned = [plan for scenario in scenarios if (plan := self.plan(scenario)) is not None]
        replies = {
            plan.expectation.reply.template
            for plan in planned
            if plan.admitted and plan.expectation is not None and plan.expectation.reply.template is not None
        }
        highest = max((self._vocabulary.tier_of(template) for template in replies), default=0)
        return [plan if plan.needs_tier <= highest else _refuse(plan, self._stage) for plan in planned]

    def plan(self, scenario: Scenario) -> PlannedScenario | None:
        """Return the plan of a scenario, or None after reporting why it cannot run."""
        before = len(self.problems)
        self._check_id(scenario)
        draft = Draft(self._stage, self._vocabulary, kind=self._kind)
        found = [(step, self._find(scenario, step)) for step in scenario.steps]
        for step, definition in found:
            if definition is not None:
                self._prepare(scenario, step, definition, draft)
        if len(self.problems) > before:
            return None
        if draft.gates and draft.gates != [scenario.id]:
            what = f"measures {', '.join(map(repr, draft.gates))}; a gate is judged in the scenario of its own id."
            self._report(scenario, scenario.line, f"{scenario.id} {what}")
            return None
        source = self._lines.get(scenario.id, SourceRef(scenario.file, scenario.line))
        case = self._build_case(scenario, draft, source)
        if len(self.problems) > before:
            return None
        expectation = derive_expectation(case, self._stage, self._vocabulary) if case else None
        checks = [
            PlannedCheck(
                scenario.id, definition[0].check, _raise_class(definition[0].class_for(case), scenario), source
            )
            for _, definition in found
            if definition is not None and definition[0].judge is not None
        ]
        self._check_checks(scenario, checks)
        if len(self.problems) > before:
            return None
        planned = PlannedScenario(
            scenario.id,
            scenario.name,
            scenario.file,
            scenario.line,
            source,
            scenario.tags,
            case,
            expectation,
            self._outgoing(draft, expectation),
            tuple(draft.calls),
            tuple(checks),
            tuple((step, definition[0].check) for step, definition in found if definition),
            draft.judges_all,
            draft.needs_tier,
            draft.refused or (expectation.refused if expectation else ""),
            draft.pages,
        )
        if self._kind is not Kind.PRODUCTION or planned.refused:
            return planned
        return replace(planned, refused=refuse_on_production(planned, self._stage, self._vocabulary))

    def _report(self, scenario: Scenario, line: int, text: str) -> None:
        self.problems.append(Problem(scenario.file, line, "", text))

    def _check_id(self, scenario: Scenario) -> None:
        if not SCENARIO_ID.match(scenario.name):
            text = f"scenario {quote_value(scenario.name)} has no id. Start its name with one: [INV-1] {scenario.name}"
            self._report(scenario, scenario.line, text)
            return
        place = f"{scenario.file}:{scenario.line}"
        first = self._ids.setdefault(scenario.id.casefold(), place)
        if first != place:
            self._report(scenario, scenario.line, f"id {scenario.id} is at {first} already. Give it another id.")

    def _find(self, scenario: Scenario, step: Step) -> tuple[StepDefinition, dict[str, str]] | None:
        found = find_step(step)
        if found is None:
            meant = closest(step.text, REGISTRY.patterns(step.type))
            hint = f" Did you mean {meant!r}?" if meant else ""
            text = f"step {quote_value(step.text)} is not defined as a '{step.type}' step of gonogo.{hint}"
            self._report(scenario, step.line or scenario.line, text)
        return found

    def _prepare(
        self, scenario: Scenario, step: Step, found: tuple[StepDefinition, dict[str, str]], draft: Draft
    ) -> None:
        definition, arguments = found
        try:
            if definition.row is not None:
                draft.row.update(definition.row(arguments))
            text = _below(step, definition)
            if definition.prepare is not None:
                definition.prepare(draft, **arguments, **text)
        except (ValueError, KeyError, TypeError) as error:
            what = f"step {quote_value(step.text)} cannot be planned: {error}. Correct the step."
            self._report(scenario, step.line or scenario.line, what)

    def _build_case(self, scenario: Scenario, draft: Draft, source: SourceRef) -> Case | None:
        """Return the case that the steps spell out, or None for a scenario that is no row."""
        if "mode" not in draft.row:
            return None
        main = next((message for message in draft.messages if message.role == MAIN), None)
        row = draft.row
        missing = [name for name in ("intent", "team", "tags", "action", "template") if name not in row]
        if main is None or missing:
            what = "a message" if main is None else ", ".join(missing)
            self._report(scenario, scenario.line, f"a case of a kind lacks {what}. Add the steps that name it.")
            return None
        if row["intent"] not in self._vocabulary.intents:
            self._report(scenario, scenario.line, f"intent {quote_value(row['intent'])} is not in the vocabulary.")
            return None
        return Case(
            scenario.id,
            Mode(row["mode"]),
            main.channel,
            main.text,
            row["intent"],
            row["team"],
            tuple(row["tags"]),
            row["template"],
            Action(row["action"]),
            "",
            source,
        )

    def _check_checks(self, scenario: Scenario, checks: Sequence[PlannedCheck]) -> None:
        if not checks:
            self._report(scenario, scenario.line, f"{scenario.id} has no Then step, so it checks nothing. Add one.")
        seen: set[str] = set()
        for check in checks:
            if check.check in seen:
                self._report(scenario, scenario.line, f"{check.id} is checked by two steps. Remove one.")
            seen.add(check.check)

    def _outgoing(self, draft: Draft, expectation: Expectation | None) -> tuple[Outgoing, ...]:
        flags = {**draft.borrowed, **(expectation.flags if expectation else {})}
        messages = [replace(message, flags=flags) for message in draft.messages]
        if draft.wants_control and messages:
            # The control is the same message in the stage's own state, where the switch is not thrown.
            messages.append(replace(messages[0], role=CONTROL, conversation=CONTROL, flags={}, again=()))
        return tuple(messages)


def _raise_class(cls: CheckClass, scenario: Scenario) -> CheckClass:
    """Return the class of a check, raised where its scenario is tagged as safety, privacy or required."""
    for tag in scenario.tags:
        if tag in _CLASS_TAGS:
            cls = heavier(cls, CheckClass(tag))
    return cls


def _refuse(plan: PlannedScenario, stage: Stage) -> PlannedScenario:
    why = f"no row gets a reply of tier {plan.needs_tier} at stage {stage.id}, so this could not fail"
    return replace(plan, refused=plan.refused or why)


def _below(step: Step, definition: StepDefinition) -> dict[str, str]:
    """Return the text below a step as the argument `docstring`; raises `ValueError` for one too many or too few."""
    if definition.takes_docstring != (step.docstring is not None):
        raise ValueError("the text below it is missing" if definition.takes_docstring else "it takes no text below it")
    return {} if step.docstring is None else {"docstring": step.docstring}
