"""Steps for support tickets: a customer writes, and one decision comes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gonogo.gherkin.docstring import decode_json
from gonogo.model.case import Case, Mode
from gonogo.model.expectation import Reply
from gonogo.model.outcome import CheckClass, InconclusiveReason, Outcome, Verdict
from gonogo.run.definitions import given, then, when
from gonogo.run.observation import Sent, judge_absence
from gonogo.run.planning import CONTROL, MAIN, Draft
from gonogo.run.scene import Scene
from gonogo.targets.interface import NotAvailable

_CHANNEL, _ORDER = "channel", "order"


def _class_of_reply(case: Case | None) -> CheckClass:
    """What reaches a customer is a matter of safety; where an order is disclosed, of privacy."""
    return CheckClass.PRIVACY if case is not None and case.mode is Mode.TIER2_MATCH else CheckClass.SAFETY


def _class_of_intent(case: Case | None) -> CheckClass:
    """An escalation that is not recognised is a matter of safety."""
    return CheckClass.SAFETY if case is not None and case.mode is Mode.TIER0_SAFETY else CheckClass.REQUIRED


@given('a case of the kind "{mode}"', row=lambda found: {"mode": found["mode"]})
def case_of_kind(draft: Draft, mode: str) -> None:
    """Name the mode of a row; it decides flags, order and deliveries."""
    Mode(mode)


@given("a new {channel} conversation without a linked order")
def conversation_without_order(draft: Draft, channel: str) -> None:
    """Begin a conversation of somebody who has no order."""
    draft.row[_CHANNEL] = channel


@given('a new {channel} conversation linked to the order "{order}"')
def conversation_with_order(draft: Draft, channel: str, order: str) -> None:
    """Begin a conversation of somebody whose order is a fixture of the environment."""
    draft.row[_CHANNEL] = channel
    draft.row[_ORDER] = order


@given("the same message in a second conversation while the switch is not thrown")
def control_conversation(draft: Draft) -> None:
    """Send the same message in the stage's own state too: what a switch stops must be seen without it."""
    draft.wants_control = True


@when("the customer writes:")
def customer_writes(draft: Draft, docstring: str) -> None:
    """Send the text as it stands."""
    _write(draft, docstring)


@when("the customer writes, given as JSON:")
def customer_writes_json(draft: Draft, docstring: str) -> None:
    """Send the text of a JSON string, for what a docstring cannot carry."""
    _write(draft, decode_json(docstring))


def _write(draft: Draft, text: str) -> None:
    draft.send(text, draft.row[_CHANNEL], order=draft.row.get(_ORDER))


@when("the event is delivered twice more, with the same and with another delivery id")
def deliver_twice_more(draft: Draft) -> None:
    """Deliver the event again while it is in work, and once more after its decision."""
    from dataclasses import replace

    draft.messages[-1] = replace(draft.messages[-1], again=(True, False))


def _field(sent: Sent, name: str, expected: str) -> Any | Verdict:
    """Return a field of the decision, or the verdict that stands in its place."""
    missing = sent.explain_missing(expected)
    if missing is not None:
        return missing
    value = sent.decision.get(name) if sent.decision else NotAvailable("no decision")
    return judge_absence(value, expected) if isinstance(value, NotAvailable) else value


def _judge_equal(sent: Sent, name: str, expected: str) -> Verdict:
    value = _field(sent, name, expected)
    if isinstance(value, Verdict):
        return value
    if value == expected:
        return Verdict(Outcome.PASSED, (), expected, str(value))
    return Verdict(Outcome.FAILED, (f"{name} is {value!r}, not {expected!r}",), expected, str(value))


@then("the message leads to one decision", check="decision")
def one_decision(scene: Scene) -> Verdict:
    """Judge that exactly one complete decision was made about the event, on its own ticket."""
    sent, expected = scene.message(), "one complete decision"
    missing = sent.explain_missing(expected)
    if missing is not None:
        return missing
    if sent.foreign_decisions:
        text = "the decisions of this ticket show another ticket's decision"
        return Verdict(Outcome.FAILED, (text,), expected, text)
    count = len(sent.own_decisions)
    if count != 1:
        return Verdict(Outcome.FAILED, (f"{count} decisions were made",), expected, f"{count} decisions")
    return Verdict(Outcome.PASSED, (), expected, "one complete decision")


@then("the message arrives unaltered", check="message")
def message_unaltered(scene: Scene) -> Verdict:
    """Judge that the middleware decided about the very bytes that were sent."""
    import hashlib

    sent = scene.message()
    expected = hashlib.sha256(sent.message.text.encode()).hexdigest()
    value = _field(sent, "message_sha256", f"sha256 {expected[:12]}")
    if isinstance(value, Verdict):
        return value
    if value == expected:
        return Verdict(Outcome.PASSED, (), f"sha256 {expected[:12]}", "the same")
    text = "the message was altered on the way"
    return Verdict(Outcome.FAILED, (text,), f"sha256 {expected[:12]}", "another digest")


@then('the intent is "{intent}"', check="intent", cls=_class_of_intent, row=lambda found: {"intent": found["intent"]})
def intent_is(scene: Scene, intent: str) -> Verdict:
    """Judge the primary intent."""
    return _judge_equal(scene.message(), "intent", intent)


@then('the ticket goes to "{team}"', check="team", row=lambda found: {"team": found["team"]})
def ticket_goes_to(scene: Scene, team: str) -> Verdict:
    """Judge the team, in the decision and on the ticket."""
    sent = scene.message()
    verdict = _judge_equal(sent, "team", team)
    if verdict.outcome is not Outcome.PASSED or isinstance(sent.ticket, NotAvailable):
        return verdict
    on_ticket = sent.ticket.value.team
    if isinstance(on_ticket, NotAvailable) or on_ticket == team:
        return verdict
    text = f"the decision says {team!r}, but the ticket is with {on_ticket!r}"
    return Verdict(Outcome.FAILED, (text,), team, str(on_ticket))


def _listed_tags(found: Mapping[str, str]) -> dict[str, Any]:
    return {"tags": tuple(re.findall(r'"([^"]*)"', f'"{found["tags"]}"'))}


def _judge_tags(scene: Scene, tags: str) -> Verdict:
    sent, wanted = scene.message(), list(_listed_tags({"tags": tags})["tags"])
    expected = ", ".join(wanted)
    missing = sent.explain_missing(expected)
    if missing is not None:
        return missing
    carried = sent.tags
    if isinstance(carried, NotAvailable):
        return judge_absence(carried, expected)
    absent = [tag for tag in wanted if tag not in carried]
    twice = sorted({tag for tag in carried if carried.count(tag) > 1})
    reasons = [f"{tag} is missing" for tag in absent] + [f"{tag} was put on twice" for tag in twice]
    return Verdict(Outcome.FAILED if reasons else Outcome.PASSED, tuple(reasons), expected, ", ".join(carried))


@then('the ticket carries the tag "{tags}"', check="tags", row=_listed_tags)
def ticket_carries_tag(scene: Scene, tags: str) -> Verdict:
    """Judge that the tag is on the ticket, once."""
    return _judge_tags(scene, tags)


@then('the ticket carries the tags "{tags}"', check="tags", row=_listed_tags)
def ticket_carries_tags(scene: Scene, tags: str) -> Verdict:
    """Judge that every tag is on the ticket, each once."""
    return _judge_tags(scene, tags)


@then(
    'the action is "{action}" where this stage allows it', check="action", row=lambda found: {"action": found["action"]}
)
def action_is(scene: Scene, action: str) -> Verdict:
    """Judge the action against what the stage makes of the row."""
    wanted = scene.expectation.action
    if wanted is None:
        allowed = ("route_only", "auto_reply_tier1")
        value = _field(scene.message(), "action", " or ".join(allowed))
        if isinstance(value, Verdict):
            return value
        if value in allowed:
            return Verdict(Outcome.PASSED, (), " or ".join(allowed), str(value))
        return Verdict(Outcome.FAILED, (f"action is {value!r}",), " or ".join(allowed), str(value))
    return _judge_equal(scene.message(), "action", wanted.value)


@then(
    'the reply is "{template}" where this stage allows it',
    check="template",
    row=lambda found: {"template": found["template"]},
)
def reply_is(scene: Scene, template: str) -> Verdict:
    """Judge the template that the decision names against what the stage makes of the row."""
    return _judge_template(scene)


@then("no reply template is chosen", check="template", row=lambda _: {"template": None})
def no_template(scene: Scene) -> Verdict:
    """Judge that the decision names no template."""
    return _judge_template(scene)


@then("no other template than its own is chosen", check="template", row=lambda _: {"template": None})
def no_other_template(scene: Scene) -> Verdict:
    """Judge that the decision names no template but one that the stage allows for the row's intent."""
    intent = scene.vocabulary.intents[scene.case.intent]
    allowed = {name for name in (intent.reply, *intent.verified) if name in scene.stage.templates} | {None}
    expected = f"one of {', '.join(sorted(str(name) for name in allowed))}"
    value = _field(scene.message(), "template", expected)
    if isinstance(value, Verdict):
        return value
    outcome = Outcome.PASSED if value in allowed else Outcome.FAILED
    return Verdict(outcome, () if value in allowed else (f"template is {value!r}",), expected, str(value))


def _judge_template(scene: Scene) -> Verdict:
    reply = scene.expectation.reply
    value = _field(scene.message(), "template", str(reply))
    if isinstance(value, Verdict):
        return value
    if value == reply.template:
        return Verdict(Outcome.PASSED, (), str(reply), value or "no template")
    return Verdict(Outcome.FAILED, (f"template is {value!r}, not {reply.template!r}",), str(reply), str(value))


@then("the customer gets that reply once, and nothing where it is withheld", check="reply", cls=_class_of_reply)
def customer_gets_reply(scene: Scene) -> Verdict:
    """Judge what reached the customer, read back from the ticket after the quiet period."""
    return judge_replies(scene, scene.message(), scene.expectation.reply)


@then("the customer gets at most one reply", check="reply", cls=CheckClass.SAFETY)
def customer_gets_at_most_one(scene: Scene) -> Verdict:
    """Judge that however often the event came, at most one reply went out."""
    return judge_replies(scene, scene.message(), scene.expectation.reply)


@then("the customer gets no automatic reply", check="reply", cls=CheckClass.SAFETY)
def customer_gets_nothing(scene: Scene) -> Verdict:
    """Judge that nothing reached the customer; for a kill switch, that it would have without the switch."""
    verdict = judge_replies(scene, scene.message(), scene.expectation.reply)
    control = scene.expectation.control
    if control is None or verdict.outcome is not Outcome.PASSED:
        return verdict
    shown = judge_replies(scene, scene.message(CONTROL), control) if control.template else None
    if shown is not None and shown.outcome is Outcome.PASSED:
        return verdict
    why = control.why if shown is None else "; ".join(shown.reasons)
    text = f"without the switch the same message gets no reply either ({why}), so the switch was not seen at work"
    return Verdict.inconclusive(InconclusiveReason.VACUOUS, text, verdict.expected)


@then("the second conversation gets its reply, which shows that the switch did it", check="control")
def control_gets_reply(scene: Scene) -> Verdict:
    """Judge that the same message is answered while the switch is not thrown."""
    control = scene.expectation.control
    if control is None or control.template is None:
        why = control.why if control else "there is no control"
        return Verdict.inconclusive(InconclusiveReason.VACUOUS, why, "the reply that the switch stops")
    return judge_replies(scene, scene.message(CONTROL), control)


def judge_replies(scene: Scene, sent: Sent, reply: Reply) -> Verdict:
    """Judge the automatic replies on a ticket against the one that is expected, or against none."""
    expected = str(reply)
    missing = sent.explain_missing(expected)
    if isinstance(sent.replies, NotAvailable):
        return missing or judge_absence(sent.replies, expected)
    replies = sent.automatic_replies
    observed = _count(len(replies), "automatic reply", "automatic replies")
    names = dict.fromkeys(one.template for one in replies if isinstance(one.template, str))
    observed += f" from {', '.join(names)}" if names else ""
    if len(replies) > (1 if reply.template or reply.at_most_one else 0):
        # More than allowed reached the customer: that is a failure whatever the decision says, or if there is none.
        return Verdict(Outcome.FAILED, (f"{observed}; allowed: {expected}",), expected, observed)
    if missing is not None:
        return missing
    if not replies:
        return _judge_silence(scene, sent, reply, observed)
    template = replies[0].template
    if isinstance(template, NotAvailable):
        return judge_absence(template, expected)
    if template == reply.template or (reply.at_most_one and template in scene.stage.templates):
        return Verdict(Outcome.PASSED, (), expected, observed)
    return Verdict(Outcome.FAILED, (f"the reply came from {template!r}, not {reply.template!r}",), expected, observed)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _judge_silence(scene: Scene, sent: Sent, reply: Reply, observed: str) -> Verdict:
    """Judge that nothing came: a failure where a reply was due, and a proof only where a reply would have been seen."""
    expected = str(reply)
    control = scene.control(sent.message.channel)
    if not control.works:
        why = "; ".join(control.verdict.reasons)
        if control.verdict.outcome is Outcome.INCONCLUSIVE:
            return Verdict(Outcome.INCONCLUSIVE, (why or InconclusiveReason.VACUOUS.value,), expected, observed)
        return Verdict(Outcome.ERROR, (f"replies on {sent.message.channel} cannot be observed: {why}",), expected)
    if reply.template is not None:
        return Verdict(Outcome.FAILED, ("no automatic reply arrived",), expected, observed)
    return Verdict(Outcome.PASSED, (), expected, observed)


@then("the further deliveries change nothing", check="duplicate", cls=CheckClass.SAFETY)
def deliveries_change_nothing(scene: Scene) -> Verdict:
    """Judge that an event delivered three times has one decision, each tag once, and at most one reply."""
    sent, expected = scene.message(), "one decision, each tag once, at most one reply"
    missing = sent.explain_missing(expected)
    if missing is not None:
        return missing
    refused = [delivery.status for delivery in sent.deliveries if not delivery.accepted]
    if len(sent.deliveries) < 3 or refused:
        statuses = ", ".join(map(str, refused)) or "not sent"
        return Verdict(Outcome.ERROR, (f"a further delivery was not acknowledged: {statuses}",), expected)
    carried = sent.tags
    if isinstance(carried, NotAvailable):
        return judge_absence(carried, expected)
    if isinstance(sent.replies, NotAvailable):
        return judge_absence(sent.replies, expected)
    reasons = []
    if len(sent.own_decisions) != 1:
        reasons.append(f"{len(sent.own_decisions)} decisions")
    reasons += [
        f"{tag} was put on {carried.count(tag)} times" for tag in sorted(set(carried)) if carried.count(tag) > 1
    ]
    if len(sent.automatic_replies) > 1:
        reasons.append(f"{len(sent.automatic_replies)} automatic replies")
    decisions = _count(len(sent.own_decisions), "decision", "decisions")
    observed = f"{decisions}, {_count(len(sent.automatic_replies), 'automatic reply', 'automatic replies')}"
    return Verdict(Outcome.FAILED if reasons else Outcome.PASSED, tuple(reasons), expected, observed)


__all__ = ["MAIN", "judge_replies"]
