"""Steps for the lists that people check by hand: several messages in one item, one template switched off."""

from __future__ import annotations

import re

from gonogo.model.flags import template_flag
from gonogo.model.outcome import CheckClass, InconclusiveReason, Outcome, Verdict
from gonogo.run.definitions import given, then, when
from gonogo.run.observation import Sent, judge_absence
from gonogo.run.planning import CONTROL, Draft
from gonogo.run.scene import Scene
from gonogo.targets.interface import NotAvailable

_LINKED, _UNLINKED = "linked", "unlinked"
_DEPARTMENT = re.compile(r"(?P<team>[^:]+): (?P<text>.+)")


@when("one customer writes for each department:")
def one_for_each_department(draft: Draft, docstring: str) -> None:
    """Send a message of its own conversation for every line `Team: message`."""
    for number, line in enumerate(filter(None, map(str.strip, docstring.split("\n"))), start=1):
        match = _DEPARTMENT.fullmatch(line)
        if match is None:
            raise ValueError(f"line {number} is not 'Team: message'")
        if match["team"] not in draft.vocabulary.teams:
            raise ValueError(f"{match['team']!r} is no team of the vocabulary")
        draft.send(match["text"], draft.row["channel"], role=match["team"], conversation=f"department-{number}")
        tiers = {one.tier for one in draft.vocabulary.intents.values() if one.team == match["team"]}
        if tiers == {0}:
            draft.page_people()


def _decided(scene: Scene, sent: Sent, name: str, expected: str) -> str | Verdict:
    """Return a field of a message's decision, or the verdict that stands in its place."""
    missing = sent.explain_missing(expected)
    if missing is not None:
        return missing
    value = sent.decision.get(name) if sent.decision else NotAvailable("no decision")
    return judge_absence(value, expected) if isinstance(value, NotAvailable) else str(value)


@then("every ticket is with its department", check="departments")
def every_department(scene: Scene) -> Verdict:
    """Judge the team of each message against the department that it was written for."""
    expected = f"{len(scene.sent)} tickets, each with its department"
    wrong = []
    for sent in scene.sent:
        team = _decided(scene, sent, "team", expected)
        if isinstance(team, Verdict):
            return team
        if team != sent.outgoing.role:
            wrong.append(f"the message for {sent.outgoing.role} went to {team}")
    outcome = Outcome.FAILED if wrong else Outcome.PASSED
    return Verdict(outcome, tuple(wrong), expected, f"{len(scene.sent) - len(wrong)} of {len(scene.sent)}")


@then("no escalation among them is answered", check="escalations", cls=CheckClass.SAFETY)
def no_escalation_answered(scene: Scene) -> Verdict:
    """Judge that nothing was sent to those whose messages were decided as tier 0."""
    expected = "no automatic reply to an escalation"
    seen = 0
    for sent in scene.sent:
        intent = _decided(scene, sent, "intent", expected)
        if isinstance(intent, Verdict):
            return intent
        known = scene.vocabulary.intents.get(intent)
        if known is None or known.tier != 0:
            continue
        seen += 1
        verdict = _judge_silent(scene, sent, expected)
        if verdict is not None:
            return verdict
    if not seen:
        text = "none of the messages was decided as an escalation"
        return Verdict.inconclusive(InconclusiveReason.VACUOUS, text, expected)
    return Verdict(Outcome.PASSED, (), expected, f"{seen} escalations, none answered")


def _judge_silent(scene: Scene, sent: Sent, expected: str) -> Verdict | None:
    """Return the verdict for a reply that should not be there, or for one that could not have been seen."""
    if isinstance(sent.replies, NotAvailable):
        return judge_absence(sent.replies, expected)
    if sent.automatic_replies:
        return Verdict(Outcome.FAILED, (f"{len(sent.automatic_replies)} automatic replies were sent",), expected)
    control = scene.control(sent.message.channel)
    return None if control.works else Verdict(control.verdict.outcome, control.verdict.reasons, expected)


@given('the template "{template}" is disabled, and nothing else is changed')
def template_disabled(draft: Draft, template: str) -> None:
    """Switch one template off, and send the same message while it is on as well."""
    if template not in draft.vocabulary.templates:
        raise ValueError(f"{template!r} is no template of the vocabulary")
    draft.require_automation()
    if template not in draft.stage.templates:
        draft.refused = draft.refused or f"stage {draft.stage.id} does not send {template}, so this could not fail"
    draft.borrow({template_flag(template): False})
    draft.wants_control = True


@then('the reply "{template}" stays out', check="disabled", cls=CheckClass.SAFETY)
def reply_stays_out(scene: Scene, template: str) -> Verdict:
    """Judge that nothing goes out from a template that is switched off, where it would with the template on."""
    expected = f"no {template}"
    missing = scene.message().explain_missing(expected)
    return missing or _judge_silent(scene, scene.message(), expected) or Verdict(Outcome.PASSED, (), expected, "none")


@then('with the template enabled, the second conversation gets "{template}"', check="enabled")
def second_gets_reply(scene: Scene, template: str) -> Verdict:
    """Judge that the same message is answered while the template is on: what a switch stops must be seen without it."""
    sent = scene.message(CONTROL)
    missing = sent.explain_missing(template)
    if missing is not None:
        return missing
    if isinstance(sent.replies, NotAvailable):
        return judge_absence(sent.replies, template)
    names = [reply.template for reply in sent.automatic_replies]
    if names == [template]:
        return Verdict(Outcome.PASSED, (), template, template)
    text = f"with the template on, the same message got {', '.join(map(str, names)) or 'no reply'}"
    return Verdict.inconclusive(InconclusiveReason.VACUOUS, text, template)


@when('the same question "{text}" comes with the order "{order}" linked, and without any')
def question_both_ways(draft: Draft, text: str, order: str) -> None:
    """Send one question in two conversations, one of them linked to an order."""
    channel = draft.row["channel"]
    draft.send(text, channel, role=_LINKED, conversation=_LINKED, order=order)
    draft.send(text, channel, role=_UNLINKED, conversation=_UNLINKED)


@then("only the linked conversation may be told about its order", check="match", cls=CheckClass.PRIVACY)
def only_linked_is_told(scene: Scene) -> Verdict:
    """Judge both conversations: a tier 2 reply needs the link, and the stage's own permission."""
    expected = "no tier 2 reply without a link; with it only where this stage has one"
    tiers: dict[str, list[int]] = {}
    for role in (_UNLINKED, _LINKED):
        sent = scene.message(role)
        missing = sent.explain_missing(expected)
        if missing is not None:
            return missing
        if isinstance(sent.replies, NotAvailable):
            return judge_absence(sent.replies, expected)
        control = scene.control(sent.message.channel)
        if not sent.automatic_replies and not control.works:
            return Verdict(control.verdict.outcome, control.verdict.reasons, expected)
        tiers[role] = [_tier(scene, reply.template) for reply in sent.automatic_replies]
    if any(tier >= 2 for tier in tiers[_UNLINKED]):
        return Verdict(Outcome.FAILED, ("a tier 2 reply went out without a linked order",), expected)
    told = any(tier >= 2 for tier in tiers[_LINKED])
    allowed = _tells_orders(scene)
    if told and not allowed:
        return Verdict(Outcome.FAILED, (f"stage {scene.stage.id} has no tier 2 reply, and one went out",), expected)
    if allowed and not told:
        return Verdict(Outcome.FAILED, ("the linked conversation was told nothing about its order",), expected)
    observed = f"linked: {'told' if told else 'not told'}; without a link: not told"
    return Verdict(Outcome.PASSED, (), expected, observed)


def _tier(scene: Scene, template: object) -> int:
    """Return the tier of a template; one that nobody knows counts as the worst."""
    known = scene.vocabulary.templates.get(template) if isinstance(template, str) else None
    return known.tier if known is not None else 3


def _tells_orders(scene: Scene) -> bool:
    """Return whether this stage sends the verified reply to the channel of the linked conversation."""
    stage, channel = scene.stage, scene.message(_LINKED).message.channel
    opened = stage.tier2.channels is None or channel in stage.tier2.channels
    listed = any(scene.vocabulary.tier_of(name) == 2 for name in stage.templates)
    return stage.automation_on and listed and opened and channel in stage.channels
