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
    """Return the flags to borrow; a route-only row needs none where the stage stops replies anyway."""
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
    intent = vocabulary.intents[case.intent]
    if intent.tier == 0:
        return Reply(None, f"{case.intent} is tier 0 and never answered automatically")
    if case.mode is Mode.TIER0_SAFETY:
        return Reply(None, "the row is an escalation and never answered automatically")
    if stage.safe_mode:
        return Reply(None, f"stage {stage.id} has safe_mode=true")
    if not stage.automation_enabled:
        return Reply(None, f"stage {stage.id} has automation_enabled=false")
    if case.template is not None:
        return _allow(case.template, case, stage, vocabulary)
    if case.action is not Action.NO_DUPLICATE_REPLY:
        return Reply(None, "the row expects none")
    if intent.reply is None:
        return Reply(None, f"{case.intent} has no reply of its own")
    possible = _allow(intent.reply, case, stage, vocabulary)
    if possible.template is None:
        return possible
    return Reply(None, "the row names no template for the first delivery", at_most_one=True)


def _allow(template: str, case: Case, stage: Stage, vocabulary: Vocabulary) -> Reply:
    """Return the reply that a stage with automation on allows for a wanted template, or what the plan sends instead."""
    why = _why_withheld(template, case, stage, vocabulary)
    if not why:
        verified = vocabulary.tier_of(template) >= 2
        return Reply(template, "the linked order matches" if verified else f"stage {stage.id} allows it")
    other = stage.instead.get(template)
    if other is None or _why_withheld(other, case, stage, vocabulary):
        return Reply(None, why)
    return Reply(other, f"{why}; the plan sends {other} instead")


def _why_withheld(template: str, case: Case, stage: Stage, vocabulary: Vocabulary) -> str:
    """Return why a stage with automation on does not send a template for a case; an empty text if it does."""
    if case.channel not in stage.channels:
        return f"channel {case.channel} is not enabled at stage {stage.id}"
    if template not in stage.templates:
        return f"{template} is not on the whitelist of stage {stage.id}"
    tier, subset = vocabulary.tier_of(template), stage.tier2
    if tier < 2:
        return ""
    if tier > 2:
        return f"{template} is of tier {tier}, which is never sent"
    if case.mode is not Mode.TIER2_MATCH:
        return f"{template} is of tier 2 and the row links no order"
    if subset.channels is not None and case.channel not in subset.channels:
        return f"stage {stage.id} opens tier 2 to channels {', '.join(subset.channels) or 'none'} only"
    if subset.tags is not None and not set(subset.tags) & set(case.tags):
        return f"stage {stage.id} opens tier 2 to tickets tagged {', '.join(subset.tags) or 'none'} only"
    return ""


def _derive_action(reply: Reply, vocabulary: Vocabulary) -> Action | None:
    """Return the action that goes with a reply; None where the row leaves the reply open."""
    if reply.at_most_one:
        return None
    if reply.template is None:
        return Action.ROUTE_ONLY
    return Action.AUTO_REPLY_TIER2 if vocabulary.tier_of(reply.template) >= 2 else Action.AUTO_REPLY_TIER1
