"""Every message held against what came of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.evidence.canaries import canaries
from gonogo.loadtest.messages import LoadCase, Mix, event_of, ticket_of
from gonogo.loadtest.readback import Found, completed_at
from gonogo.loadtest.reconcile import KINDS, SentEvent, reconcile_events
from gonogo.model.case import Action, Case, Mode
from gonogo.model.expectation import Reply
from gonogo.model.outcome import SourceRef
from gonogo.targets.interface import Decision, SentReply

RUN = "20261121T080000Z-abc123"
CASE = Case(
    "ST-020", Mode.TIER1_AUTOMATION, "livechat", "Hi", "refund_request", "Returns Admin", ("mw-intent-refund",),
    "t_refund", Action.AUTO_REPLY_TIER1, "", SourceRef("smoke.csv", 2),
)  # fmt: skip
ANSWERED = LoadCase(CASE, Reply("t_refund", "the stage allows it"), tier0=False)
ESCALATION = LoadCase(replace(CASE, id="ST-010"), Reply(None, "tier 0"), tier0=True)
MIX = Mix((ANSWERED, ESCALATION), (0, 1), ())


def decision(event: int, **changes: object) -> Decision:
    fields = {
        "ticket_id": ticket_of(RUN, event),
        "event_id": event_of(RUN, event),
        "intent": CASE.intent,
        "team": CASE.team,
        "tags": list(CASE.tags),
        "complete": True,
        "completed_at": 1001.0,
        **changes,
    }
    return Decision(fields, {}, {})


def reply(template: str | None = "t_refund") -> SentReply:
    return SentReply("r", automatic=True, template=template, text=None)


def right(event: int) -> Found:
    return Found([decision(event)], [reply()] if event % 2 == 0 else [])


def reconcile(sent: list[SentEvent], found: dict[int, Found], **more):
    return reconcile_events(sent, found, MIX, RUN, late_after=5.0, **more)


@given(st.integers(1, 60), st.data())
def test_each_fault_is_counted_once_and_nothing_else(count: int, data: st.DataObject) -> None:
    wanted = dict.fromkeys(KINDS, 0)
    found = {event: right(event) for event in range(count)}
    for event in range(count):
        answered = event % 2 == 0
        fault = data.draw(
            st.sampled_from(["", "lost", "late", "wrong", "duplicates", "duplicate_decisions", "replied"])
        )
        here = found[event]
        if fault == "lost":
            here.decisions, here.replies = [], []
        elif fault == "late":
            here.decisions = [decision(event, completed_at=1005.5)]
        elif fault == "wrong":
            here.decisions = [decision(event, team="Sales Team")]
        elif fault == "duplicates" and answered:
            here.replies = [reply(), reply()]
        elif fault == "duplicate_decisions":
            here.decisions = [decision(event), decision(event)]
        elif fault == "replied" and not answered:
            here.replies = [reply()]
            wanted["tier0_replies"] += 1
            fault = "forbidden_replies"
        if fault in wanted and not (fault == "duplicates" and not answered):
            wanted[fault] += 1
    result = reconcile([SentEvent(event, 1000.0, acknowledged=True) for event in range(count)], found)
    assert result.counts == wanted
    assert result.decided == count - wanted["lost"]
    assert {kind: len(one) for kind, one in result.faults.items()} == {k: n for k, n in wanted.items() if n}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"intent": "chargeback_dispute"}, "intent"),
        ({"team": "Sales Team"}, "team"),
        ({"tags": ["mw-other"]}, "tags"),
    ],
)
def test_a_wrong_decision_says_what_differs_and_shows_no_text_of_the_system(changes, why) -> None:
    result = reconcile([SentEvent(0, 1000.0, True)], {0: Found([decision(0, **changes)], [reply()])})
    assert result.counts["wrong"] == 1
    detail = result.faults["wrong"][0]["detail"]
    assert why in detail
    assert not any(str(value) in detail for value in changes.values())


def test_another_template_and_a_reply_that_never_came_are_wrong() -> None:
    sent = [SentEvent(0, 1000.0, True), SentEvent(2, 1000.0, True)]
    result = reconcile(sent, {0: Found([decision(0)], [reply("t_other")]), 2: Found([decision(2)], [])})
    assert result.counts["wrong"] == 2


def test_decisions_of_other_events_and_tickets_are_none_of_ours() -> None:
    foreign = decision(0, ticket_id="somebody-else")
    other = decision(0, event_id=f"{ticket_of(RUN, 0)}-2-{canaries(RUN).word}")
    assert reconcile([SentEvent(0, 1000.0, True)], {0: Found([foreign, other])}).counts["lost"] == 1


def test_an_incomplete_decision_is_none() -> None:
    assert reconcile([SentEvent(0, 1000.0, True)], {0: Found([decision(0, complete=False)])}).counts["lost"] == 1


def test_what_was_never_acknowledged_is_not_lost_and_what_came_of_it_is_judged() -> None:
    sent = [SentEvent(1, 1000.0, False), SentEvent(3, 1000.0, False)]
    result = reconcile(sent, {1: Found(), 3: Found([decision(3)], [reply()])})
    assert result.counts["lost"] == 0
    assert result.counts["tier0_replies"] == 1


def test_what_is_still_queued_is_late_and_not_lost() -> None:
    sent = [SentEvent(event, 1000.0, True) for event in range(5)]
    result = reconcile(sent, {event: Found() for event in range(5)}, queued=3)
    assert (result.counts["lost"], result.counts["late"]) == (2, 3)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (12.5, 12.5),
        ("2026-11-21T08:00:00+00:00", 1795248000.0),
        ("2026-11-21T08:00:00", None),
        ("soon", None),
        (True, None),
        (None, None),
    ],
)
def test_the_moment_of_a_decision_is_read_or_unknown(value, wanted) -> None:
    assert completed_at(decision(0, completed_at=value)) == wanted
