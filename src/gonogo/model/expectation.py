"""What a case expects at a stage: one pure function from the row and the stage.

The committed feature never changes with the stage. The row says what is right when everything is switched on; the
stage says how much of that it allows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gonogo.model.case import Action, Case, Mode
from gonogo.model.flags import AUTOMATION, SAFE_MODE, FlagValue
from gonogo.model.plan import Stage
from gonogo.model.vocabulary import Vocabulary

_BORROWED: dict[Mode, dict[str, FlagValue]] = {
    Mode.ROUTE_ONLY: {SAFE_MODE: True, AUTOMATION: False},
    Mode.KILL_AUTOMATION: {SAFE_MODE: False, AUTOMATION: False},
    Mode.KILL_SAFE_MODE: {SAFE_MODE: True, AUTOMATION: True},
}


@dataclass(frozen=True, slots=True)
class Reply:
    """The automatic reply that is expected: exactly this template once, or nothing; `why` names the deciding rule.

    With `at_most_one` the row leaves the reply open: one of the intent's own allowed replies may arrive, no second one.
    """

    template: str | None
    why: str
    at_most_one: bool = False

    def __str__(self) -> str:
        """Return the expectation in words."""
        if self.at_most_one:
            return f"at most one reply ({self.why})"
        return f"{self.template or 'no reply'} ({self.why})"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one case expects at one stage.

    `flags` are the flags that the case borrows beyond the stage's own state. `control` is the reply that the same
    message must get while the kill switch is not thrown, for kill-switch rows. A case that is not admitted has its
    reason in `refused`.
    """

    reply: Reply
    action: Action | None
    flags: dict[str, FlagValue] = field(default_factory=dict)
    control: Reply | None = None
    order: str | None = None
    refused: str = ""

    @property
    def admitted(self) -> bool:
        """Return whether the stage admits the case."""
        return not self.refused


def derive_expectation(case: Case, stage: Stage, vocabulary: Vocabulary) -> Expectation:
    """Return what a case expects at a stage."""
    order = _order_fixture(case, vocabulary)
    if case.mode.is_kill_switch:
        return _derive_kill_switch(case, stage, vocabulary)
    flags = _borrowed_flags(case, stage)
    if case.mode is Mode.ROUTE_ONLY:
        return Expectation(Reply(None, "the row is routed only"), Action.ROUTE_ONLY, flags, order=order)
    reply = _derive_reply(case, stage, vocabulary)
    return Expectation(reply, _derive_action(reply, vocabulary), flags, order=order)


def _borrowed_flags(case: Case, stage: Stage) -> dict[str, FlagValue]:
    """Return the flags that differ from the stage's own; a route-only row needs no switch that already stops replies."""
    if case.mode is Mode.ROUTE_ONLY and not stage.automation_on:
        return {}
    own: dict[str, FlagValue] = {SAFE_MODE: stage.safe_mode, AUTOMATION: stage.automation_enabled}
    wanted = _BORROWED.get(case.mode, {})
    return dict(wanted) if any(own[name] != value for name, value in wanted.items()) else {}


def _order_fixture(case: Case, vocabulary: Vocabulary) -> str | None:
    if case.mode is not Mode.TIER2_MATCH:
        return None
    template = vocabulary.templates.get(case.template or "")
    return (template.order if template else None) or "tracked"


def _derive_kill_switch(case: Case, stage: Stage, vocabulary: Vocabulary) -> Expectation:
    switch = "automation_enabled=false" if case.mode is Mode.KILL_AUTOMATION else "safe_mode=true"
    reply = Reply(None, f"the switch {switch} is thrown")
    if not stage.automation_on:
        refused = f"stage {stage.id} has automation off; it is never switched on to try a kill switch"
        return Expectation(reply, Action.ROUTE_ONLY, refused=refused)
    intent = vocabulary.intents[case.intent]
    wanted = case.template or intent.reply
    if intent.tier == 0 or wanted is None:
        control = Reply(None, f"{case.intent} is never answered, so this message cannot show the switch at work")
    else:
        control = _allow(wanted, case, stage, vocabulary)
    return Expectation(reply, Action.ROUTE_ONLY, _borrowed_flags(case, stage), control)


def _derive_reply(case: Case, stage: Stage, vocabulary: Vocabulary) -> Reply:
    if vocabulary.intents[case.intent].tier == 0:
        return Reply(None, f"{case.intent} is tier 0 and never answered automatically")
    if stage.safe_mode:
        return Reply(None, f"stage {stage.id} has safe_mode=true")
    if not stage.automation_enabled:
        return Reply(None, f"stage {stage.id} has automation_enabled=false")
    if case.template is not None:
        return _allow(case.template, case, stage, vocabulary)
    if case.action is Action.NO_DUPLICATE_REPLY:
        return Reply(None, "the row names no template for the first delivery", at_most_one=True)
    return Reply(None, "the row expects none")


def _allow(template: str, case: Case, stage: Stage, vocabulary: Vocabulary) -> Reply:
    """Return the reply that a stage with automation on allows for a wanted template."""
    if case.channel not in stage.channels:
        return Reply(None, f"channel {case.channel} is not enabled at stage {stage.id}")
    if template not in stage.templates:
        return _replace(template, f"{template} is not on the whitelist of stage {stage.id}", stage)
    if vocabulary.tier_of(template) >= 2:
        if stage.tier2.channels is not None and case.channel not in stage.tier2.channels:
            return _replace(template, f"stage {stage.id} opens tier 2 to {', '.join(stage.tier2.channels)} only", stage)
        if stage.tier2.tags is not None and not set(stage.tier2.tags) & set(case.tags):
            return _replace(template, f"stage {stage.id} opens tier 2 to tickets tagged {stage.tier2.tags} only", stage)
        return Reply(template, "the linked order matches")
    return Reply(template, f"stage {stage.id} allows it")


def _replace(template: str, why: str, stage: Stage) -> Reply:
    """Return what the plan puts in the place of a withheld template: nothing, unless it names another one."""
    other = stage.instead.get(template)
    if other is None or other not in stage.templates:
        return Reply(None, why)
    return Reply(other, f"{why}; the plan sends {other} instead")


def _derive_action(reply: Reply, vocabulary: Vocabulary) -> Action | None:
    """Return the action that goes with a reply; None where the row leaves the reply open."""
    if reply.at_most_one:
        return None
    if reply.template is None:
        return Action.ROUTE_ONLY
    return Action.AUTO_REPLY_TIER2 if vocabulary.tier_of(reply.template) >= 2 else Action.AUTO_REPLY_TIER1
