"""What a stage admits on production, beyond what it admits anywhere: each refusal begins with its rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gonogo.model.flags import ABSENT, is_towards_safe
from gonogo.model.plan import Stage
from gonogo.model.vocabulary import Vocabulary
from gonogo.targets.guard import CASE_NOT_ADMITTED, FLAG_CHANGE, TIER0_OFF

if TYPE_CHECKING:
    from gonogo.run.planning import PlannedScenario


def refuse_on_production(plan: PlannedScenario, stage: Stage, vocabulary: Vocabulary) -> str:
    """Return why a scenario is not tested on production, its rule first, or an empty text."""
    return (
        _refuse_tier0(plan, stage, vocabulary)
        or _refuse_tier2(plan, stage, vocabulary)
        or _refuse_flags(plan, stage, vocabulary)
    )


def pages_people(plan: PlannedScenario, vocabulary: Vocabulary) -> bool:
    """Return whether a scenario wakes people: it says so, or its row is of tier 0."""
    return plan.pages or (plan.case is not None and vocabulary.intents[plan.case.intent].tier == 0)


def _refuse_tier0(plan: PlannedScenario, stage: Stage, vocabulary: Vocabulary) -> str:
    if not pages_people(plan, vocabulary) or stage.allows.tier0_cases:
        return ""
    return f"[{TIER0_OFF}] tier-0 messages page people, and stage {stage.id} allows none on production"


def _refuse_tier2(plan: PlannedScenario, stage: Stage, vocabulary: Vocabulary) -> str:
    case = plan.case
    template = vocabulary.templates.get(case.template or "") if case is not None else None
    needs_tier2 = (
        (case is not None and case.mode.is_tier2)
        or (template is not None and template.tier == 2)
        or any(message.order for message in plan.messages)
    )
    opens_tier2 = stage.automation_on and any(vocabulary.tier_of(name) == 2 for name in stage.templates)
    if not needs_tier2 or opens_tier2:
        return ""
    return f"[{CASE_NOT_ADMITTED}] it is of tier 2, which stage {stage.id} does not open on production"


def _refuse_flags(plan: PlannedScenario, stage: Stage, vocabulary: Vocabulary) -> str:
    borrowed = [(name, value) for message in plan.messages for name, value in message.flags.items()]
    if borrowed and not stage.allows.flag_changes:
        names = ", ".join(sorted({name for name, _ in borrowed}))
        return f"[{FLAG_CHANGE}] it changes {names}, and stage {stage.id} allows no flag changes on production"
    own = stage.flag_state(vocabulary)
    unsafe = {name for name, value in borrowed if not is_towards_safe(name, own.get(name, ABSENT), value)}
    return f"[{FLAG_CHANGE}] it moves {', '.join(sorted(unsafe))} away from safe, never on production" if unsafe else ""
