"""Steps for what must hold for every message, whatever a pack says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median

from gonogo.model.flags import ABSENT
from gonogo.model.outcome import CheckClass, InconclusiveReason, Outcome, Verdict
from gonogo.run.definitions import given, then, when
from gonogo.run.observation import Sent, judge_absence, name_cases
from gonogo.run.planning import Draft
from gonogo.run.scene import Scene
from gonogo.targets.interface import NotAvailable

_HARMLESS = ("route_only", "auto_reply_tier1", "auto_reply_tier2")
_CAP = 3


@given("all messages of this run")
def all_messages(draft: Draft) -> None:
    """Judge after every other scenario, over all that was sent."""
    draft.judge_all_messages()


@given("this stage lets replies out")
def stage_lets_replies_out(draft: Draft) -> None:
    """List the scenario as not tested where it could not fail."""
    draft.require_automation()


@given("a row gets a reply of tier {tier:d} or above")
def row_gets_reply(draft: Draft, tier: str) -> None:
    """List the scenario as not tested where no row of the run gets such a reply."""
    draft.require_reply_of_tier(int(tier))


@given('the flags "{first}" and "{second}" are missing from the store')
def flags_missing(draft: Draft, first: str, second: str) -> None:
    """Send under flags that nobody has set."""
    draft.borrow({first: ABSENT, second: ABSENT})


@when("the customer sends only an attachment")
def only_attachment(draft: Draft) -> None:
    """Send a message without text."""
    draft.send("", draft.row["channel"], attachments=("photo.jpg",))


@when('the customer writes four times "{text}"')
def writes_four_times(draft: Draft, text: str) -> None:
    """Send four messages in one conversation."""
    for _ in range(_CAP + 1):
        draft.send(text, draft.row["channel"])


@when('a message "{text}" arrives that the middleware wrote itself')
def own_message_arrives(draft: Draft, text: str) -> None:
    """Deliver a message whose author is the middleware."""
    draft.send(text, draft.row["channel"], author="automation", decided=False)


@then("nothing is sent to this customer", check="reply", cls=CheckClass.SAFETY)
def nothing_sent(scene: Scene) -> Verdict:
    """Judge that no automatic reply is on the ticket, where one would have been seen."""
    sent, expected = scene.message(), "no automatic reply"
    missing = sent.explain_missing(expected)
    if missing is not None:
        return missing
    return _judge_no_reply(scene, sent, expected)


def _judge_no_reply(scene: Scene, sent: Sent, expected: str) -> Verdict:
    if isinstance(sent.replies, NotAvailable):
        return judge_absence(sent.replies, expected)
    count = len(sent.automatic_replies)
    if count:
        return Verdict(Outcome.FAILED, (f"{count} automatic replies were sent",), expected, f"{count} replies")
    control = scene.control(sent.message.channel)
    if not control.works:
        return Verdict(control.verdict.outcome, control.verdict.reasons, expected)
    return Verdict(Outcome.PASSED, (), expected, "none")


@then("nothing but routing is done", check="action", cls=CheckClass.SAFETY)
def nothing_but_routing(scene: Scene) -> Verdict:
    """Judge that the decision's action is to route."""
    sent, expected = scene.message(), "route_only"
    missing = sent.explain_missing(expected)
    if missing is not None:
        return missing
    action = sent.decision.get("action") if sent.decision else NotAvailable("no decision")
    if isinstance(action, NotAvailable):
        return judge_absence(action, expected)
    outcome = Outcome.PASSED if action == expected else Outcome.FAILED
    return Verdict(outcome, () if action == expected else (f"action is {action!r}",), expected, str(action))


@then('the event "{name}" is recorded', check="event", cls=CheckClass.SAFETY)
def event_recorded(scene: Scene, name: str) -> Verdict:
    """Judge that an event of this name is there for the message."""
    sent, expected = scene.message(), f"an event {name}"
    missing = sent.explain_missing(expected)
    if missing is not None:
        return missing
    names = _event_names(sent)
    if isinstance(names, NotAvailable):
        return judge_absence(names, expected)
    if name in names:
        return Verdict(Outcome.PASSED, (), expected, "recorded")
    if not names:
        return Verdict.inconclusive(InconclusiveReason.VACUOUS, "no events at all were shown", expected)
    return Verdict(Outcome.FAILED, (f"there is no event {name}",), expected, ", ".join(sorted(names)))


@then("this conversation gets three automatic replies and no fourth", check="cap", cls=CheckClass.SAFETY)
def three_replies(scene: Scene) -> Verdict:
    """Judge the number of automatic replies on the conversation's ticket."""
    expected = f"{_CAP} automatic replies"
    for sent in scene.sent:
        missing = sent.explain_missing(expected)
        if missing is not None:
            return missing
    last = scene.sent[-1]
    if isinstance(last.replies, NotAvailable):
        return judge_absence(last.replies, expected)
    count = len(last.automatic_replies)
    if count > _CAP:
        return Verdict(
            Outcome.FAILED, (f"{count} automatic replies in one conversation",), expected, f"{count} replies"
        )
    if count < _CAP:
        text = f"only {count} of {len(scene.sent)} messages were answered, so the limit was not reached"
        return Verdict.inconclusive(InconclusiveReason.VACUOUS, text, expected)
    return Verdict(Outcome.PASSED, (), expected, f"{count} replies to {len(scene.sent)} messages")


@then("nothing is decided and nothing is sent", check="silence", cls=CheckClass.SAFETY)
def nothing_decided(scene: Scene) -> Verdict:
    """Judge that a message of the middleware's own leads nowhere, while other messages were decided."""
    sent, expected = scene.message(), "no decision and no reply"
    if sent.not_sent or sent.send_error or not sent.deliveries:
        return sent.explain_missing(expected) or Verdict(Outcome.NOT_RUN, ("the message was not sent",), expected)
    if not sent.accepted:
        # Refusing it at the door is silence too, as long as it is a refusal and not a failure.
        status = sent.deliveries[0].status
        refused = 400 <= status < 500 and status not in (401, 403, 429)
        return Verdict(Outcome.PASSED if refused else Outcome.ERROR, (f"answered {status}",), expected, str(status))
    if isinstance(sent.decisions, NotAvailable) and sent.decisions.broken:
        return judge_absence(sent.decisions, expected)
    if sent.own_decisions:
        count = len(sent.own_decisions)
        return Verdict(
            Outcome.FAILED, ("the middleware decided about its own message",), expected, f"{count} decisions"
        )
    if not sent.others_decided:
        return Verdict.inconclusive(InconclusiveReason.VACUOUS, "no other message was decided either", expected)
    return _judge_no_reply(scene, sent, expected)


def _decided(scene: Scene) -> list[Sent]:
    return [sent for sent in scene.all_sent if sent.decision is not None]


def _judge_each(
    scene: Scene, expected: str, messages: Iterable[Sent], find: Callable[[Sent], list[str] | NotAvailable]
) -> Verdict:
    """Judge every message by what `find` has against it; nothing to judge is vacuous."""
    reasons: dict[str, list[str]] = {}
    count = 0
    for sent in messages:
        found = find(sent)
        if isinstance(found, NotAvailable):
            return judge_absence(found, expected)
        count += 1
        for text in found:
            reasons.setdefault(text, []).append(sent.message.case_id)
    if not count:
        return Verdict.inconclusive(InconclusiveReason.VACUOUS, "no message of the run was decided", expected)
    if reasons:
        texts = tuple(f"{text} ({name_cases(cases)})" for text, cases in reasons.items())
        return Verdict(Outcome.FAILED, texts, expected, f"{len(reasons)} kinds of breach")
    return Verdict(Outcome.PASSED, (), expected, f"{count} messages")


@then("no ticket carries another intent's tag", check="foreign")
def no_foreign_tag(scene: Scene) -> Verdict:
    """Judge the tags of every ticket against those of the intent that was decided."""

    def find(sent: Sent) -> list[str] | NotAvailable:
        tags = sent.tags
        if isinstance(tags, NotAvailable):
            return tags
        intent = sent.decision.get("intent") if sent.decision else None
        if isinstance(intent, NotAvailable):
            return intent
        known = scene.vocabulary.intents.get(str(intent))
        own = {*(known.tags if known else ()), *scene.vocabulary.neutral_tags}
        return [f"{tag} on a ticket of {intent}" for tag in sorted(set(tags) & scene.vocabulary.known_tags - own)]

    return _judge_each(scene, "only tags of the ticket's own intent", _decided(scene), find)


@then("no ticket carries an undeclared tag", check="undeclared")
def no_undeclared_tag(scene: Scene) -> Verdict:
    """Judge that the vocabulary knows every tag."""

    def find(sent: Sent) -> list[str] | NotAvailable:
        tags = sent.tags
        if isinstance(tags, NotAvailable):
            return tags
        return [f"{tag} is not in the vocabulary" for tag in sorted(set(tags) - scene.vocabulary.known_tags)]

    return _judge_each(scene, "only tags of the vocabulary", _decided(scene), find)


@then("no escalation gets an automatic reply", check="tier0", cls=CheckClass.SAFETY)
def no_tier0_reply(scene: Scene) -> Verdict:
    """Judge that nothing was sent where the row or the decision says tier 0."""
    tier0 = {name for name, intent in scene.vocabulary.intents.items() if intent.tier == 0}
    expected_of = {sent.message.case_id: sent for sent in scene.all_sent}

    def find(sent: Sent) -> list[str] | NotAvailable:
        if isinstance(sent.replies, NotAvailable):
            return sent.replies
        intent = sent.decision.get("intent") if sent.decision else None
        if isinstance(intent, NotAvailable):
            return intent
        return [f"a reply to {intent}"] if intent in tier0 and sent.automatic_replies else []

    return _judge_each(scene, "no reply to tier 0", (s for s in expected_of.values() if s.decision is not None), find)


@then("no tier 2 reply goes out without a matching order", check="tier2", cls=CheckClass.PRIVACY)
def no_unmatched_disclosure(scene: Scene) -> Verdict:
    """Judge that verified replies reached only conversations that were sent with a linked order."""

    def find(sent: Sent) -> list[str] | NotAvailable:
        if isinstance(sent.replies, NotAvailable):
            return sent.replies
        sent_tier2 = []
        for reply in sent.automatic_replies:
            if isinstance(reply.template, NotAvailable):
                return reply.template
            template = scene.vocabulary.templates.get(str(reply.template))
            if template is not None and template.tier >= 2 and sent.outgoing.order is None:
                sent_tier2.append(f"{reply.template} without an order")
        return sent_tier2

    return _judge_each(scene, "tier 2 replies on a match only", _decided(scene), find)


@then("every tier 2 reply shows the linked order and no other", check="order", cls=CheckClass.PRIVACY)
def reply_shows_own_order(scene: Scene) -> Verdict:
    """Judge the text of verified replies by what the order fixtures show; the text itself is never recorded."""

    def find(sent: Sent) -> list[str] | NotAvailable:
        linked = sent.outgoing.order or ""
        own = scene.orders[linked].shows
        foreign = [word for name, order in scene.orders.items() if name != linked for word in order.shows]
        found = []
        for reply in sent.automatic_replies:
            template = scene.vocabulary.templates.get(str(reply.template))
            if template is None or template.tier < 2:
                continue
            if not isinstance(reply.text, str):
                return reply.text if isinstance(reply.text, NotAvailable) else NotAvailable("replies show no text")
            if not any(word in reply.text for word in own):
                found.append("the reply does not show the linked order")
            if any(word in reply.text for word in foreign):
                found.append("the reply shows another order")
        return found

    verified = [sent for sent in _decided(scene) if sent.outgoing.order is not None]
    return _judge_each(scene, "what the linked order shows, and nothing of another", verified, find)


@then("no action beyond a reply is taken", check="tier3", cls=CheckClass.SAFETY)
def no_tier3_action(scene: Scene) -> Verdict:
    """Judge that the middleware only routes and replies."""

    def find(sent: Sent) -> list[str] | NotAvailable:
        action = sent.decision.get("action") if sent.decision else None
        if isinstance(action, NotAvailable):
            return action
        return [] if action in _HARMLESS else [f"action {action!r}"]

    return _judge_each(scene, f"one of {', '.join(_HARMLESS)}", _decided(scene), find)


@then("no reply goes out from a template that this stage withholds", check="whitelist", cls=CheckClass.SAFETY)
def no_withheld_template(scene: Scene) -> Verdict:
    """Judge every automatic reply against the stage's whitelist and channels."""
    stage = scene.stage

    def find(sent: Sent) -> list[str] | NotAvailable:
        if isinstance(sent.replies, NotAvailable):
            return sent.replies
        found = []
        for reply in sent.automatic_replies:
            if isinstance(reply.template, NotAvailable):
                return reply.template
            if reply.template not in stage.templates:
                found.append(f"{reply.template} is not on the whitelist of stage {stage.id}")
            if sent.message.channel not in stage.channels:
                found.append(f"a reply on channel {sent.message.channel}, which stage {stage.id} does not enable")
        return found

    return _judge_each(scene, "replies from the stage's templates on its channels", _decided(scene), find)


@then("half of all messages are acknowledged within one second", check="quick")
def acknowledged_at_once(scene: Scene) -> Verdict:
    """Judge the median time of the first acknowledgements; percentiles are a matter of load tests."""
    seconds = [sent.deliveries[0].seconds for sent in scene.all_sent if sent.accepted]
    expected = "median acknowledgement ≤ 1 s"
    if not seconds:
        return Verdict.inconclusive(InconclusiveReason.NO_DATA, "no message was acknowledged", expected)
    middle = median(seconds)
    observed = f"median {middle * 1000:.0f} ms, n={len(seconds)}"
    if middle <= 1.0:
        return Verdict(Outcome.PASSED, (), expected, observed)
    return Verdict(Outcome.FAILED, (f"{observed} > 1,000 ms (limit)",), expected, observed)


def _event_names(sent: Sent) -> set[str] | NotAvailable:
    if isinstance(sent.events, NotAvailable):
        return sent.events
    names = set()
    for event in sent.events.value:
        name = event.fields.get("event", NotAvailable("environments.yaml names no field 'event'"))
        if isinstance(name, NotAvailable):
            return name
        names.add(str(name))
    return names


def _accepted(scene: Scene) -> list[Sent]:
    return [sent for sent in scene.all_sent if sent.accepted and sent.outgoing.decided]


@then('the events "{first}" and "{second}" are there for every message', check="present")
def events_present(scene: Scene, first: str, second: str) -> Verdict:
    """Judge that every acknowledged message left both events."""
    expected = f"{first} and {second} for every message"
    if not any(_event_names(sent) for sent in _accepted(scene)):
        return Verdict.inconclusive(InconclusiveReason.VACUOUS, "the events of no message were shown", expected)

    def find(sent: Sent) -> list[str] | NotAvailable:
        names = _event_names(sent)
        if isinstance(names, NotAvailable):
            return names
        return [f"no {name}" for name in (first, second) if name not in names]

    return _judge_each(scene, expected, _accepted(scene), find)


@then("every event names its ticket, request, release and environment", check="correlated")
def events_correlated(scene: Scene) -> Verdict:
    """Judge the identifying fields of every event."""
    expected = "ticket_id, request_id, release and env on every event"
    if not any(_event_names(sent) for sent in _accepted(scene)):
        return Verdict.inconclusive(InconclusiveReason.VACUOUS, "the events of no message were shown", expected)

    def find(sent: Sent) -> list[str] | NotAvailable:
        if isinstance(sent.events, NotAvailable):
            return sent.events
        found = []
        for event in sent.events.value:
            for name in ("ticket_id", "request_id", "release", "env"):
                if name not in event.fields:
                    return NotAvailable(f"environments.yaml does not say where events show {name}")
                value = event.fields[name]
                if isinstance(value, NotAvailable) or not value:
                    found.append(f"an event without {name}")
            if event.fields["ticket_id"] not in (sent.message.ticket_id, None):
                found.append("an event of another ticket")
        return sorted(set(found))

    return _judge_each(scene, expected, _accepted(scene), find)
