"""The production guard by itself: what each rule refuses, and what a target holds to whoever opened it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from capture_server import CaptureServer, Reply
from target_setup import message, open_target

from gonogo.errors import RefusedError, TargetError
from gonogo.model.environment import Caps, Environment
from gonogo.model.http_interface import HttpInterface
from gonogo.targets.caps import CapReachedError, SendMeter, pace
from gonogo.targets.guard import RULES, Answer, judge_undertaking, require_allowed
from gonogo.targets.hosts import check_host
from gonogo.targets.undertaking import Outbound, Undertaking

SEND = {
    "request": "POST /in",
    "body": {
        "text": "{message}",
        "customer": {"name": "{name}"},
        "mark": {"run": "{run_id}", "case": "{case_id}"},
    },
}
CAPS = {"messages": 10, "rate": 5.0, "minutes": 2.0, "spend": 1.0}
DATA: dict[str, Any] = {
    "kind": "production",
    "interface": "i",
    "base_url": "https://m.example.com",
    "hosts": ["m.example.com"],
    "caps": CAPS,
    "cost_per_message": 0.1,
    "timing": {"propagation_deadline": 1.0, "decision_deadline": 1.0, "quiet_period": 0.0},
    "limits": {"rate": 5.0, "burst": 5, "in_flight": 2, "retry_cap": 0.0},
    "variables": {"name": "Synthetic {run_id} {case_id}"},
}


def environment(**changed: Any) -> Environment:
    data = {name: value for name, value in {**DATA, **changed}.items() if value is not None}
    return Environment.model_validate_json(json.dumps(data))


def interface(**changed: Any) -> HttpInterface:
    return HttpInterface.model_validate_json(json.dumps({"send": {**SEND, **changed}}))


ALLOWED = Undertaking(
    environment_name="production",
    environment=environment(),
    interface=interface(),
    address="https://m.example.com",
    run_id="run-1",
    stage="1",
    messages=(Outbound("ST-1", "email", "Hello", 2), Outbound("ST-2", "email", "Hi")),
    other_sends=2,
    seconds=60.0,
    confirm="production/r1",
    release="r1",
    signed=True,
)


def refused(undertaking: Undertaking) -> list[str]:
    return [one.rule for one in judge_undertaking(undertaking) if one.answer is Answer.REFUSES]


def test_what_keeps_every_rule_is_allowed() -> None:
    assert refused(ALLOWED) == []
    require_allowed(ALLOWED)


def harm(**changed: Any) -> Undertaking:
    return replace(ALLOWED, **changed)


def in_environment(**changed: Any) -> Undertaking:
    return replace(ALLOWED, environment=environment(**changed))


def with_body(**changed: Any) -> Undertaking:
    return replace(ALLOWED, interface=interface(body={**SEND["body"], **changed}))  # type: ignore[dict-item]


HARMS: list[tuple[str, Undertaking]] = [
    ("host-not-allowed", harm(address="https://other.example.com")),
    ("host-not-allowed", harm(address="https://m.example.com.evil.com")),
    ("host-not-allowed", harm(address="https://m.example.com:8443")),
    ("host-not-allowed", harm(address="https://m.example.com.")),
    ("host-not-allowed", harm(address="ftp://m.example.com")),
    ("host-not-allowed", harm(address="m.example.com")),
    ("host-not-allowed", harm(address="https://")),
    ("host-not-allowed", harm(address="https://m.example.com:port")),
    ("host-not-allowed", harm(address=None)),
    ("host-not-allowed", in_environment(hosts=[])),
    ("credentials-in-url", harm(address="https://user:secret@m.example.com")),
    ("credentials-in-url", harm(address="https://m.example.com\\@evil.example.com")),
    ("plain-http", harm(address="http://m.example.com")),
    ("embedded-on-production", in_environment(embedded={"system": "richpanel"})),
    ("other-system", harm(other_system="q2q")),
    ("foreign-environments", harm(foreign_environments="/elsewhere/environments.yaml")),
    ("stage-elsewhere", harm(stage_environment="staging")),
    ("release-missing", harm(release=None)),
    ("release-missing", harm(release="")),
    ("confirm-missing", harm(confirm=None)),
    ("confirm-missing", harm(confirm="")),
    ("confirm-mismatch", harm(confirm="production/r2")),
    ("confirm-mismatch", harm(confirm="PRODUCTION/r1")),
    ("confirm-mismatch", harm(confirm="production/r1 ")),
    ("confirm-mismatch", harm(confirm="yes")),
    ("direct-run", harm(direct=True)),
    ("unsigned", harm(signed=False)),
    ("forced-options", harm(forced=("--fault", "tier0_reply"))),
    ("foreign-pack", harm(foreign_pack="/elsewhere/pack.csv")),
    ("time-compressed", harm(compression=60.0)),
    ("rehearsed", harm(rehearsal=True)),
    ("xdist", harm(arguments=("-n", "4"))),
    ("xdist", harm(arguments=("--numprocesses=4",))),
    ("pytest-argument", harm(arguments=("-p", "evil"))),
    ("pytest-argument", harm(arguments=("-k", "ST-1", "tests/evil.py"))),
    ("pytest-argument", harm(arguments=("-c", "evil.ini"))),
    ("pytest-argument", harm(arguments=("--rootdir=/elsewhere",))),
    ("pytest-argument", harm(surroundings=("PYTEST_ADDOPTS",))),
    ("caps-missing", in_environment(caps=None)),
    ("too-many-messages", replace(in_environment(cost_per_message=0.0), other_sends=8)),
    ("too-many-messages", replace(in_environment(cost_per_message=0.0), messages=(Outbound("S", "email", "Hi", 9),))),
    ("rate-too-high", in_environment(limits={"rate": 5.1})),
    ("too-long", harm(seconds=120.1)),
    ("spend-too-high", in_environment(cost_per_message=0.21)),
    ("spend-too-high", in_environment(cost_per_message=None)),
    ("flag-change-not-allowed", harm(may_change_flags=True)),
    ("flag-change-not-allowed", harm(messages=(Outbound("ST-1", "email", "Hello", flags=("safe_mode",)),))),
    (
        "flag-change-not-allowed",
        harm(messages=(Outbound("ST-1", "email", "Hello", flags=("safe_mode",)),), allows_flag_changes=True),
    ),
    ("tier0-off-by-default", harm(messages=(Outbound("ST-1", "email", "Hello", pages=True),))),
    ("synthetic-marker-missing", with_body(mark={"case": "{case_id}"})),
    ("synthetic-marker-missing", with_body(mark={"run": "{run_id}"})),
    ("synthetic-marker-missing", with_body(mark={})),
    ("customer-marker-missing", in_environment(variables={"name": "Jo Bloggs"})),
    ("customer-marker-missing", in_environment(variables={"name": "Jo {run_id}"})),
    ("marker-in-text", with_body(text="{message} {case_id}")),
    ("marker-in-text", with_body(text="[{run_id}] {message}")),
    ("marker-in-text", harm(messages=(Outbound("ST-1", "email", "This is ST-1"),))),
    ("marker-in-text", harm(messages=(Outbound("ST-1", "email", "From run-1"),))),
]
ELSEWHERE = [
    ("production-host", replace(in_environment(kind="staging"), production_hosts=("m.example.com",))),
    ("production-host", replace(in_environment(kind="sandbox", hosts=[]), production_hosts=("M.example.com",))),
    ("host-not-allowed", replace(in_environment(kind="staging"), address="https://other.example.com")),
]


@pytest.mark.parametrize(("rule", "undertaking"), [*HARMS, *ELSEWHERE])
def test_each_harm_breaks_its_rule_and_no_other(rule: str, undertaking: Undertaking) -> None:
    assert refused(undertaking) == [rule]
    with pytest.raises(RefusedError) as caught:
        require_allowed(undertaking)
    assert caught.value.message.startswith(f"[{rule}] ")
    assert caught.value.exit_code == 2
    assert "secret" not in caught.value.message


def test_every_rule_is_broken_by_some_harm() -> None:
    assert {rule.id for rule in RULES} == {rule for rule, _ in (*HARMS, *ELSEWHERE)}
    assert len({rule for rule, _ in HARMS}) >= 25


def test_all_broken_rules_are_named_at_once() -> None:
    with pytest.raises(RefusedError) as caught:
        require_allowed(harm(confirm=None, release=None, signed=None, forced=("--fault", "x")))
    rules = [line.split("]")[0] for line in caught.value.message.splitlines()]
    assert rules == ["[confirm-missing", "[release-missing", "[unsigned", "[forced-options"]


def test_a_key_that_was_not_looked_for_yet_refuses_only_in_the_end() -> None:
    require_allowed(harm(signed=None), final=False)
    with pytest.raises(RefusedError, match=r"\[unsigned\]"):
        require_allowed(harm(signed=None))


def test_away_from_production_only_addresses_are_judged() -> None:
    undertaking = replace(in_environment(kind="sandbox", caps=None), confirm=None, release=None, signed=False)
    asked = {one.rule for one in judge_undertaking(undertaking) if one.answer is not Answer.NOT_ASKED}
    assert asked == {"host-not-allowed", "credentials-in-url", "production-host"}
    assert refused(undertaking) == []


@pytest.mark.parametrize("arguments", [("-k", "ST-1 or ST-2"), ("-x",), ("--maxfail", "1"), ("--maxfail=1", "-v")])
def test_what_only_chooses_or_stops_may_be_said_to_pytest(arguments: tuple[str, ...]) -> None:
    assert refused(harm(arguments=arguments)) == []


@pytest.mark.parametrize(
    "url", ["https://m.example.com", "https://M.EXAMPLE.com:443/api", "https://m.example.com/x?y=1"]
)
def test_a_listed_host_may_be_spoken_to(url: str) -> None:
    check_host(environment(), url)


@pytest.mark.parametrize(
    "entry", ["*.example.com", "https://m.example.com", "m.example.com/x", "m.example.com:0", "a b"]
)
def test_an_entry_that_is_no_host_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="host"):
        environment(hosts=[entry])


class TestTarget:
    """What the target itself holds to, whoever opened it."""

    def deployed(self, url: str, **changed: Any) -> Environment:
        return environment(base_url=url, hosts=[url.removeprefix("http://")], **changed)

    def test_another_host_is_refused_when_it_is_opened(self) -> None:
        with CaptureServer(lambda _: Reply.of({})) as server:
            with pytest.raises(RefusedError, match=r"^\[host-not-allowed\] 127.0.0.1:\d+ is not among"):
                open_target(interface(), server.url, environment=environment())
            assert server.requests == []

    @pytest.mark.parametrize("where", ["http://evil.example.com/in", "//evil.example.com/in", "/elsewhere", "http://["])
    def test_a_redirect_is_refused_and_not_followed(self, where: str) -> None:
        with CaptureServer(lambda _: Reply(302, b"", {"Location": where})) as server:
            opened = open_target(interface(), server.url, environment=self.deployed(server.url))
            with pytest.raises(TargetError, match=r"^\[host-not-allowed\] .* redirects to"):
                opened.target.send(message(), "d-1")
            assert [one.path for one in server.requests] == ["/in"]

    def test_the_last_message_that_the_cap_covers_is_the_last(self) -> None:
        with CaptureServer(lambda _: Reply.of({}, 202)) as server:
            caps = {**CAPS, "messages": 3, "rate": 100.0}
            opened = open_target(interface(), server.url, environment=self.deployed(server.url, caps=caps))
            for number in range(3):
                assert opened.target.send(message(), f"d-{number}").accepted
            with pytest.raises(CapReachedError, match=r"^\[too-many-messages\] 3 messages were sent"):
                opened.target.send(message(), "d-3")
            assert len(server.requests) == 3

    def test_without_caps_nothing_is_sent_and_flags_are_still_set(self) -> None:
        with CaptureServer(lambda _: Reply.of({})) as server:
            data = {"send": SEND, "set_flag": {"request": "PUT /flags/{name}", "body": {"value": "{value}"}}}
            declared = HttpInterface.model_validate_json(json.dumps(data))
            opened = open_target(declared, server.url, environment=self.deployed(server.url, caps=None))
            with pytest.raises(CapReachedError, match=r"^\[caps-missing\]"):
                opened.target.send(message(), "d-1")
            opened.target.set_flag("automation_enabled", False)
            assert [one.method for one in server.requests] == ["PUT"]

    @pytest.mark.parametrize(
        ("changed", "text", "rule"),
        [
            ({"body": {"text": "{message}", "mark": "{run_id}"}}, "Hello", "synthetic-marker-missing"),
            ({"body": {"text": "{message}", "ticket": "{ticket_id}"}}, "Hello", "synthetic-marker-missing"),
            ({}, "I am ST-021", "marker-in-text"),
            ({}, "I come from run-1", "marker-in-text"),
        ],
    )
    def test_what_is_not_marked_as_it_has_to_be_does_not_leave(
        self, changed: dict[str, Any], text: str, rule: str
    ) -> None:
        with CaptureServer(lambda _: Reply.of({})) as server:
            opened = open_target(interface(**changed), server.url, environment=self.deployed(server.url))
            with pytest.raises(RefusedError, match=rf"^\[{rule}\]"):
                opened.target.send(message(text), "d-1")
            assert server.requests == []

    def test_marks_arrive_in_envelope_and_customer_and_not_in_the_text(self) -> None:
        with CaptureServer(lambda _: Reply.of({}, 202)) as server:
            opened = open_target(interface(), server.url, environment=self.deployed(server.url))
            opened.target.send(message("Hello {run_id}"), "d-1")
            assert server.requests[0].json == {
                "text": "Hello {run_id}",
                "customer": {"name": "Synthetic run-1 ST-021"},
                "mark": {"run": "run-1", "case": "ST-021"},
            }

    @pytest.mark.parametrize(("status", "closes"), [(200, True), (404, True), (503, False), (401, False)])
    def test_a_ticket_is_closed_or_said_to_be_open(self, status: int, closes: bool) -> None:
        with CaptureServer(lambda _: Reply.of({}, status)) as server:
            data = {"send": SEND, "close_ticket": {"request": "POST /tickets/{ticket_id}/close"}}
            declared = HttpInterface.model_validate_json(json.dumps(data))
            target = open_target(declared, server.url, environment=self.deployed(server.url)).target
            if closes:
                target.close_ticket("a/b")
            else:
                with pytest.raises(TargetError, match=f"answered {status}"):
                    target.close_ticket("a/b")
            assert [one.path for one in server.requests] == ["/tickets/a%2Fb/close"]


class TestMeter:
    def meter(self, clock: Callable[[], float] = lambda: 0.0, **caps: float) -> SendMeter:
        return SendMeter(environment(caps={**CAPS, **caps}), clock)

    def test_time_is_up(self) -> None:
        now = [0.0]
        meter = self.meter(lambda: now[0])
        meter.count()
        now[0] = 119.9
        meter.count()
        now[0] = 120.0
        with pytest.raises(CapReachedError, match=r"^\[too-long\] 2.0 minutes"):
            meter.count()

    def test_money_is_spent(self) -> None:
        meter = self.meter(spend=0.35)
        for _ in range(3):
            meter.count()
        with pytest.raises(CapReachedError, match=r"^\[spend-too-high\] 3 messages"):
            meter.count()
        assert meter.sent == 3

    def test_the_pace_is_no_faster_than_the_cap(self) -> None:
        fast = environment(caps={**CAPS, "rate": 2.5}, limits={"rate": 20.0, "burst": 50})
        assert (pace(fast).rate, pace(fast).burst) == (2.5, 2)
        assert pace(environment(caps=None)).burst == 5

    def test_caps_have_bounds(self) -> None:
        for name in CAPS:
            with pytest.raises(ValueError):
                Caps.model_validate({**CAPS, name: -1})
