"""Two middlewares of different shapes, both driven by nothing but their environments.yaml, pass the same kit."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from other_team import KEY, OtherTeam
from target_setup import OTHER_TEAM, SANDBOX, Opened, message, open_target, read_environments

from gonogo.errors import TargetError
from gonogo.model.flags import ABSENT, AUTOMATION, CHANNELS, SAFE_MODE, template_flag
from gonogo.targets.conformance import Fixture, find_violations
from gonogo.targets.http import HttpTarget
from gonogo.targets.interface import (
    Answer,
    Capability,
    Decision,
    Delivery,
    Identity,
    Malformed,
    Message,
    NotAvailable,
    Observed,
    Target,
)

ASK = "t_order_status_ask_order_number"


@pytest.fixture
def team() -> Iterator[OtherTeam]:
    team = OtherTeam()
    with team.server:
        yield team


@pytest.fixture
def opened(team: OtherTeam) -> Opened:
    environments = read_environments(OTHER_TEAM)
    environment = environments.environments["test"]
    interface = environments.interfaces[environment.interface]
    return open_target(interface, team.server.url, {"CONCIERGE_KEY": KEY}, environment)


@pytest.fixture
def sandbox() -> Iterator[Opened]:
    token = secrets.token_urlsafe(16)
    command = [sys.executable, "-m", "gonogo.sandbox.richpanel", "--port", "0", "--exit-with-parent"]
    command += ["--token-env", "CONFORMANCE_TOKEN", "--flag-ttl", "0", "--latency", "0.05"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "CONFORMANCE_TOKEN": token}
    )
    assert process.stdout is not None
    environments = read_environments(SANDBOX)
    environment = environments.environments["sandbox"].with_variables({"canary": "qxz"})
    opened = open_target(
        environments.interfaces[environment.interface],
        json.loads(process.stdout.readline())["url"],
        {"RICHPANEL_WEBHOOK_TOKEN": token},
        environment,
    )
    yield opened
    process.terminate()
    process.wait(timeout=10)
    process.stdout.close()


@pytest.mark.parametrize("shape", ["opened", "sandbox"])
def test_both_shapes_conform(shape: str, request: pytest.FixtureRequest) -> None:
    opened: Opened = request.getfixturevalue(shape)

    assert find_violations(opened.target, Fixture(message('Where is "my" order? 🚚\n\t{message} |<x>\\'))) == []


def test_every_capability_is_tried_by_one_of_the_two_shapes() -> None:
    declared = set()
    for path in (OTHER_TEAM, SANDBOX):
        for interface in read_environments(path).interfaces.values():
            declared |= {one for one in Capability if getattr(interface, one.value) is not None}

    assert declared == set(Capability)


def test_the_other_team_shows_what_its_file_declares(opened: Opened) -> None:
    shown = {"send", "health", "identity", "decisions", "ticket", "replies", "flags", "set_flag"}

    assert opened.target.capabilities() == {Capability(name) for name in shown}
    assert isinstance(opened.target.read_events("T-1"), NotAvailable)
    assert isinstance(opened.target.read_logs("T-1"), NotAvailable)


def test_a_message_arrives_in_the_other_teams_shape(team: OtherTeam, opened: Opened) -> None:
    text = "Hi {ticket_id} {unknown} ☂️\r\n"

    delivery = opened.target.send(message(text, order={"person": "P-7"}), "d-1")

    assert (delivery.accepted, delivery.status, delivery.request_id) == (True, 201, "991")
    request = team.server.requests[-1]
    assert request.path == "/v2/accounts/42/inbound"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["idempotency-key"] == "d-1"
    assert request.headers["x-sender"].encode("latin-1").decode() == "Zoë Testerin"
    assert request.json == {
        "conversation": {"key": "T-1", "via": "livechat"},
        "payload": {"kind": "customer-message", "id": "T-1-e", "content": text, "files": []},
        "labels": ["synthetic", "run:run-1", "case:ST-021"],
        "person": {"ref": "P-7"},
    }


def test_no_decision_yet_is_no_fault_and_then_it_is_there_in_our_words(opened: Opened) -> None:
    opened.target.send(message(), "d-1")

    early = opened.target.read_decisions("T-1")

    assert early == NotAvailable("GET /v2/conversations/{ticket_id}/outcomes answered 404")
    decision = await_decision(opened.target)
    expected = {
        "event_id": "T-1-e",
        "intent": "order_status_tracking",
        "team": "Email Support Team",
        "tags": ["mw-intent-order-status", "vip"],
        "template": ASK,
        "action": "auto_reply_tier1",
        "complete": True,
    }
    assert {name: decision.get(name) for name in expected} == expected
    assert decision.flags_used == {SAFE_MODE: False, AUTOMATION: True, "template_enabled": (ASK,)}
    assert isinstance(decision.get("blocked_by"), NotAvailable)


def await_decision(target: HttpTarget) -> Decision:
    for _ in range(100):
        found = target.read_decisions("T-1")
        if isinstance(found, Observed):
            return found.value[0]
        time.sleep(0.05)
    pytest.fail("no decision")


def test_tickets_and_replies_are_read_in_our_words_too(opened: Opened) -> None:
    opened.target.send(message(), "d-1")
    await_decision(opened.target)

    ticket, replies = opened.target.read_ticket("T-1"), opened.target.read_replies("T-1")

    assert isinstance(ticket, Observed)
    assert (ticket.value.team, ticket.value.tags) == ("Email Support Team", ("mw-intent-order-status",))
    assert isinstance(replies, Observed)
    assert [(one.id, one.automatic, one.template) for one in replies.value] == [("2", True, ASK)]


def test_the_build_may_be_a_number(opened: Opened) -> None:
    identity = opened.target.read_identity()

    assert isinstance(identity, Observed)
    assert identity.value == Identity("20251", "25.1")


def test_flags_are_read_and_written_under_the_other_teams_names(team: OtherTeam, opened: Opened) -> None:
    flags = opened.target.read_flags()
    assert isinstance(flags, Observed)
    assert flags.value == {
        SAFE_MODE: False,
        AUTOMATION: True,
        CHANNELS: ("livechat",),
        template_flag(ASK): True,
        template_flag("t_missing_items_intake"): False,
        "dark_mode": True,
    }

    opened.target.set_flag(SAFE_MODE, True)
    opened.target.set_flag(CHANNELS, ("email", "livechat"))
    opened.target.set_flag(template_flag(ASK), False)
    opened.target.set_flag(template_flag("t_new"), True)

    writes = [one for one in team.server.requests if one.method == "PATCH"]
    assert [one.json for one in writes] == [
        {"toggles": {"SM": True}},
        {"toggles": {"CHANS": ["email", "livechat"]}},
        {"toggles": {"answer/ask": False}},
        {"toggles": {"answer.t_new.live": True}},
    ]
    again = opened.target.read_flags()
    assert isinstance(again, Observed)
    assert (again.value[SAFE_MODE], again.value[template_flag("t_new")]) == (True, True)


def test_a_flag_that_cannot_be_removed_says_so(opened: Opened) -> None:
    with pytest.raises(TargetError, match="does not say how to remove a flag"):
        opened.target.set_flag(SAFE_MODE, ABSENT)


def test_the_description_shows_aliases_and_no_secret(opened: Opened) -> None:
    described = json.dumps(opened.target.describe())

    assert opened.target.describe()["aliases"]["team"] == {"Q-MAIL": "Email Support Team", "Q-RET": "Returns Admin"}
    assert KEY not in described
    assert "Bearer" not in described


def test_nothing_secret_and_no_text_is_recorded(opened: Opened) -> None:
    opened.target.send(message("a very private question"), "d-1")
    await_decision(opened.target)
    opened.target.read_replies("T-1")
    opened.target.set_flag(SAFE_MODE, True)
    for kind in Malformed:
        opened.target.send_malformed(kind, message("another private question", ticket="T-2"))

    keys = {"at", "method", "route", "status", "error", "attempt", "ms", "sent_bytes", "received_bytes"}
    assert {frozenset(one) for one in opened.exchanges} == {frozenset(keys)}
    recorded = json.dumps(opened.exchanges)
    for secret in (KEY, "Bearer", "private", "T-1", "Zo", "order number, please", "order_status"):
        assert secret not in recorded


class Unfaithful(Target):
    """A target that keeps every promise but the one that a test breaks."""

    def __init__(self, inner: Target, **broken: Any) -> None:
        self._inner, self._broken = inner, broken

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_") or name not in {*dir(Target)}:
            return object.__getattribute__(self, name)
        return self._broken.get(name) or getattr(self._inner, name)


for _name in Target.__abstractmethods__:
    setattr(Unfaithful, _name, None)
Unfaithful.__abstractmethods__ = frozenset()


def observed(value: Any) -> Any:
    return lambda *_: Observed(value, 0.0, "")


@pytest.mark.parametrize(
    ("name", "broken", "violation"),
    [
        ("describe", lambda: {"capabilities": {1}}, "no JSON"),
        ("describe", lambda: {"capabilities": []}, "other capabilities"),
        ("capabilities", lambda: frozenset({Capability.HEALTH}), "leaves out send"),
        ("send", lambda _, delivery: Delivery(delivery, 500, False, 0.1, 0.0), "not accepted"),
        ("send", lambda *_: Delivery("other", 200, True, -1.0, 0.0), "another delivery id"),
        ("read_decisions", observed(()), "no complete decision"),
        ("read_decisions", observed([1]), "decisions answers with list"),
        (
            "read_decisions",
            observed((Decision({"complete": True, "message_sha256": "0"}, {}, {}),)),
            "did not arrive byte for byte",
        ),
        ("read_identity", lambda: NotAvailable("no"), "identity of T-1 should be there"),
        ("read_identity", observed("build"), "identity answers with str"),
        ("check_health", lambda: None, "health answers with NoneType"),
        ("read_replies", lambda _: NotAvailable("", broken=True), "without a reason"),
        ("read_events", observed(()), "although capabilities() leaves it out"),
        ("read_logs", lambda _: NotAvailable("down", broken=True), "no-such-ticket should be there: down"),
        ("read_flags", observed({}), "reads otherwise"),
        ("read_flags", observed({}), "where or when"),
        ("set_flag", lambda *_: None, "although capabilities() says that it cannot be"),
        ("send_malformed", lambda *_: Observed(Answer(200, ""), 0.0, ""), "answered with 200"),
        ("send_malformed", lambda *_: None, "answers with NoneType"),
    ],
)
def test_the_kit_names_every_broken_promise(opened: Opened, name: str, broken: Any, violation: str) -> None:
    target = Unfaithful(opened.target, **{name: broken})

    found = find_violations(target, Fixture(message(), deadline=1.0))

    assert any(violation in one for one in found), found


def test_the_kit_names_a_flag_that_cannot_be_written(team: OtherTeam, opened: Opened) -> None:
    def refuse(*_: Any) -> None:
        raise TargetError("no")

    assert find_violations(Unfaithful(opened.target, set_flag=refuse), Fixture(message())) == [
        "safe_mode cannot be written: no",
        "safe_mode cannot be written: no",
    ]


def test_a_message_type_has_no_defaults_that_hide_a_mistake() -> None:
    assert Message("t", "e", "c", "x", "case", "run") == Message("t", "e", "c", "x", "case", "run", (), "customer", {})
