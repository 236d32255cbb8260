"""The planned set of a run: its flag states in order, and every check that must have an outcome."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gonogo.model.case import Case
from gonogo.model.flags import (
    AUTOMATION,
    CHANNELS,
    SAFE_MODE,
    TIER2_CHANNELS,
    TIER2_TAGS,
    FlagValue,
    describe_state,
    is_towards_safe,
)
from gonogo.model.http_interface import HttpInterface
from gonogo.model.outcome import CheckClass, PlannedCheck, SourceRef
from gonogo.model.plan import Stage
from gonogo.model.vocabulary import Vocabulary
from gonogo.run.planning import Outgoing, PlannedScenario

STAGE_STATE = "stage"
AFTER = "after the run"
_ALWAYS_PROVEN = (CHANNELS, "template_enabled", SAFE_MODE, AUTOMATION)


def state_name(overlay: Mapping[str, FlagValue]) -> str:
    """Return the name of a flag state: what it borrows beyond the stage's own state."""
    return describe_state(overlay) or STAGE_STATE


@dataclass(frozen=True, slots=True)
class FlagGroup:
    """One flag state and the scenarios judged in it; their messages are sent together."""

    name: str
    overlay: Mapping[str, FlagValue]
    messages: tuple[tuple[PlannedScenario, Outgoing], ...]
    scenarios: tuple[PlannedScenario, ...]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Everything that one run will do and check at one stage of one environment."""

    system: str
    stage: Stage
    scenarios: tuple[PlannedScenario, ...]
    groups: tuple[FlagGroup, ...]
    proven_flags: tuple[str, ...]
    channels: tuple[str, ...]
    checks: tuple[PlannedCheck, ...]

    @property
    def admitted(self) -> tuple[PlannedScenario, ...]:
        """Return the scenarios that run at this stage."""
        return tuple(scenario for scenario in self.scenarios if scenario.admitted)

    @property
    def not_admitted(self) -> tuple[PlannedScenario, ...]:
        """Return the scenarios that this stage does not run, each with its reason."""
        return tuple(scenario for scenario in self.scenarios if not scenario.admitted)

    def to_json(self, vocabulary: Vocabulary | None = None) -> dict[str, Any]:
        """Return the planned set as it is written to planned.json; `vocabulary` tells the tier of a row's intent."""
        return {
            "schema": "gonogo/planned/1",
            "system": self.system,
            "stage": self.stage.id,
            "states": [
                {"name": group.name, "messages": len(group.messages), "scenarios": [one.id for one in group.scenarios]}
                for group in self.groups
            ],
            "cases": [_scenario_json(scenario, vocabulary) for scenario in self.scenarios],
            "checks": [planned_to_json(check) for check in self.checks],
        }


def planned_to_json(check: PlannedCheck) -> dict[str, Any]:
    """Return a planned check as it stands in planned.json."""
    return {
        "case": check.case,
        "check": check.check,
        "part": check.part,
        "class": check.cls.value,
        "source": {"file": check.source.file, "line": check.source.line},
    }


def _scenario_json(scenario: PlannedScenario, vocabulary: Vocabulary | None) -> dict[str, Any]:
    expectation = scenario.expectation
    derived = None
    if expectation is not None:
        derived = {
            "reply": str(expectation.reply),
            "action": expectation.action.value if expectation.action else None,
            "flags": describe_state(expectation.flags),
            "control": str(expectation.control) if expectation.control else None,
        }
    return {
        "id": scenario.id,
        "name": scenario.name,
        "admitted": scenario.admitted,
        "refused": scenario.refused,
        "source": {"file": scenario.source.file, "line": scenario.source.line},
        "messages": len(scenario.messages),
        "expects": derived,
        "row": _row_json(scenario.case, vocabulary) if scenario.case is not None else None,
    }


def _row_json(case: Case, vocabulary: Vocabulary | None) -> dict[str, Any]:
    return {
        "mode": case.mode.value,
        "channel": case.channel,
        "intent": case.intent,
        "tier": vocabulary.intents[case.intent].tier if vocabulary is not None else None,
        "message": case.message,
    }


def proven_flags(interface: HttpInterface) -> tuple[str, ...]:
    """Return the groups of flags whose effect is proven on a probe, in the order in which they are shown."""
    declared = set(interface.decisions.flags_used) if interface.decisions else set()
    optional = tuple(name for name in (TIER2_CHANNELS, TIER2_TAGS) if name in declared)
    return (*optional, *_ALWAYS_PROVEN)


def build_run_plan(
    system: str,
    stage: Stage,
    interface: HttpInterface,
    scenarios: Sequence[PlannedScenario],
    environments_file: str,
) -> RunPlan:
    """Return the plan of a run; the stage's own flag state comes first, the others towards safe."""
    admitted = [scenario for scenario in scenarios if scenario.admitted]
    groups = _group(admitted, stage)
    channels = tuple(sorted({message.channel for one in admitted for message in one.messages}))
    proven = proven_flags(interface)
    source = SourceRef(environments_file, 1)
    checks = [check for scenario in admitted for check in scenario.checks]
    for part in (*(group.name for group in groups), AFTER):
        checks += [PlannedCheck(f"FLAG-{name}", "effect", CheckClass.SAFETY, source, part) for name in proven]
    checks += [PlannedCheck(f"CONTROL-{name}", "replies", CheckClass.REQUIRED, source) for name in channels]
    checks += [
        PlannedCheck("TARGET-build", "unchanged", CheckClass.REQUIRED, source),
        PlannedCheck("TARGET-flags", "unchanged", CheckClass.REQUIRED, source),
    ]
    return RunPlan(system, stage, tuple(scenarios), groups, proven, channels, tuple(checks))


def _group(scenarios: Iterable[PlannedScenario], stage: Stage) -> tuple[FlagGroup, ...]:
    overlays: dict[str, Mapping[str, FlagValue]] = {STAGE_STATE: {}}
    messages: dict[str, list[tuple[PlannedScenario, Outgoing]]] = {STAGE_STATE: []}
    needs: dict[str, list[str]] = {}
    listed = list(scenarios)
    for scenario in listed:
        for message in scenario.messages:
            name = state_name(message.flags)
            overlays.setdefault(name, message.flags)
            messages.setdefault(name, []).append((scenario, message))
            needs.setdefault(scenario.id, []).append(name)
    own = stage_switches(stage)
    order = sorted(overlays, key=lambda name: _distance(own, overlays[name]))
    judged: dict[str, list[PlannedScenario]] = {name: [] for name in order}
    for scenario in listed:
        # A scenario is judged in the last state that it needs; what looks at every message, in the last of all.
        last = max((order.index(name) for name in needs.get(scenario.id, [])), default=0)
        judged[order[-1] if scenario.judges_all else order[last]].append(scenario)
    for name in order:
        judged[name].sort(key=lambda scenario: scenario.judges_all)
    return tuple(FlagGroup(name, overlays[name], tuple(messages[name]), tuple(judged[name])) for name in order)


def stage_switches(stage: Stage) -> dict[str, FlagValue]:
    """Return the two kill switches of a stage."""
    return {SAFE_MODE: stage.safe_mode, AUTOMATION: stage.automation_enabled}


def _distance(own: Mapping[str, FlagValue], overlay: Mapping[str, FlagValue]) -> tuple[int, int, str]:
    """Order states: the stage's own first, then those reached by throwing switches, the odd ones last."""
    away = sum(not is_towards_safe(name, own.get(name), value) for name, value in overlay.items())
    changed = sum(own.get(name) != value for name, value in overlay.items())
    return (away, changed, state_name(overlay))
