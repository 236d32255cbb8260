"""What a row may not contradict: its own mode, and the vocabulary."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gonogo.model.case import Action, Case, Mode
from gonogo.model.vocabulary import Intent, Vocabulary

_TIER_OF_ACTION = {Action.AUTO_REPLY_TIER1: 1, Action.AUTO_REPLY_TIER2: 2}
_ACTIONS: dict[Mode, tuple[Action, ...]] = {
    Mode.ROUTE_ONLY: (Action.ROUTE_ONLY,),
    Mode.TIER0_SAFETY: (Action.ROUTE_ONLY,),
    Mode.TIER1_AUTOMATION: (Action.AUTO_REPLY_TIER1,),
    Mode.TIER2_NO_MATCH: (Action.AUTO_REPLY_TIER1, Action.ROUTE_ONLY),
    Mode.TIER2_MATCH: (Action.AUTO_REPLY_TIER2,),
    Mode.MULTI_INTENT: (Action.ROUTE_ONLY, Action.AUTO_REPLY_TIER1),
    Mode.DUPLICATE: (Action.NO_DUPLICATE_REPLY,),
    Mode.KILL_AUTOMATION: (Action.ROUTE_ONLY,),
    Mode.KILL_SAFE_MODE: (Action.ROUTE_ONLY,),
}


def check_row(case: Case, vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    """Yield (column, problem) for every mode, action and template that cannot be true together."""
    intent = vocabulary.intents[case.intent]
    yield from _check_mode(case, intent)
    yield from _check_template(case, intent, vocabulary)


def check_routing(name: str, team: str, tags: Collection[str], vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    """Yield (column, problem) where a team or tag is not the one that the vocabulary gives an intent."""
    intent = vocabulary.intents[name]
    if team != intent.team:
        what = f"is {team!r}, but the vocabulary sends {name} to {intent.team!r}. Correct one of them."
        yield "expected_destination", what
    foreign = [tag for tag in tags if tag not in (*intent.tags, *vocabulary.neutral_tags)]
    if foreign:
        what = f"names {', '.join(foreign)}, which {name} does not get; its tags: {', '.join(intent.tags)}."
        yield "expected_tags", f"{what} Remove the other intent's tag."


def _check_mode(case: Case, intent: Intent) -> Iterator[tuple[str, str]]:
    if case.mode is Mode.TIER0_SAFETY and intent.tier != 0:
        yield (
            "expected_primary_intent",
            f"is {case.intent!r}, which is not tier 0; mode {case.mode} is for tier 0 only.",
        )
    allowed = _ACTIONS[case.mode]
    if case.action not in allowed:
        words = ", ".join(allowed)
        yield (
            "expected_action",
            f"is {case.action.value!r}; mode {case.mode.value} allows: {words}. Correct one of them.",
        )


def _check_template(case: Case, intent: Intent, vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    column = "expected_template_id"
    if case.template is None:
        if case.action in _TIER_OF_ACTION:
            yield column, f"is None, but {case.action.value} sends a reply. Name its template, or expect route_only."
        return
    tier = vocabulary.tier_of(case.template)
    if intent.tier == 0:
        yield column, f"is {case.template!r}, but {case.intent} is tier 0 and is never answered. Write None."
    elif case.action is Action.ROUTE_ONLY:
        yield column, f"is {case.template!r}, but route_only sends no reply. Write None, or expect another action."
    elif case.template not in (intent.reply, *intent.verified):
        allowed = ", ".join(name for name in (intent.reply, *intent.verified) if name) or "none"
        yield column, f"is {case.template!r}, which the vocabulary does not give {case.intent}; allowed: {allowed}."
    elif case.action in _TIER_OF_ACTION and tier != _TIER_OF_ACTION[case.action]:
        yield (
            column,
            f"is {case.template!r} of tier {tier}, but the action is {case.action.value}. Correct one of them.",
        )
    elif tier >= 2 and case.mode is not Mode.TIER2_MATCH:
        yield column, f"is {case.template!r} of tier {tier}; without a linked order nothing of tier 2 may be sent."
