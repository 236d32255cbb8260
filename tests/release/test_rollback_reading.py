"""What a probe's decision shows, and what is read of files that are half wrong; nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gonogo.errors import SourceError, UsageError
from gonogo.model.environment import Kind
from gonogo.model.flags import FlagValue
from gonogo.release.effect import Shown, read_decision
from gonogo.release.rollback_flags import KILL_SWITCH, choose_flags
from gonogo.release.rollback_request import RollbackRequest
from gonogo.sources.lone_environment import read_lone_environment
from gonogo.sources.lone_rollback import read_lone_rollback
from gonogo.targets.interface import Decision

SOURCES = Path(__file__).parents[2] / "smoke_cases" / "richpanel"
OFF = {"automation_enabled": False, "safe_mode": True}
USED = {"automation_enabled": False, "safe_mode": True}
TEMPLATE = "t_missing_items_intake"
ONE: dict[str, FlagValue] = {f"template_enabled.{TEMPLATE}": False}


def decide(used: Mapping[str, FlagValue], **fields: Any) -> Decision:
    return Decision({"complete": True, "template": None, "action": "route_only", **fields}, dict(used), {})


@pytest.mark.parametrize(
    ("wanted", "decision", "shown"),
    [
        (OFF, decide(USED), Shown.SAFE),
        # One switch that is seen at work stops everything.
        (OFF, decide({**USED, "safe_mode": False}), Shown.SAFE),
        (OFF, decide({"automation_enabled": True, "safe_mode": False}), Shown.UNSAFE),
        # Whatever the decision claims, an answer is an answer.
        (OFF, decide(USED, template=TEMPLATE), Shown.UNSAFE),
        (OFF, decide(USED, action="auto_reply_tier1"), Shown.UNSAFE),
        # The switch that is named as what blocked is seen at work; no reply alone shows nothing.
        (OFF, decide({}, blocked_by=["safe_mode"]), Shown.SAFE),
        (OFF, decide({}, blocked_by=[]), Shown.UNSAFE),
        (OFF, decide({}), Shown.NOTHING),
        (OFF, decide({}, blocked_by=["tier0"]), Shown.NOTHING),
        (ONE, decide({"template_enabled": ("t_other",)}), Shown.SAFE),
        (ONE, decide({"template_enabled": ("t_other", TEMPLATE)}), Shown.UNSAFE),
        (ONE, decide({"template_enabled": ("t_other",)}, template=TEMPLATE), Shown.UNSAFE),
        (ONE, decide({"template_enabled": ("t_other",)}, template="t_other"), Shown.SAFE),
        (ONE, decide({}, blocked_by=[f"template_enabled.{TEMPLATE}"]), Shown.SAFE),
        (ONE, decide({}), Shown.NOTHING),
        # Of two templates both have to be seen.
        ({**ONE, "template_enabled.t_b": False}, decide({"template_enabled": ("t_b",)}), Shown.UNSAFE),
    ],
)
def test_what_a_decision_shows(wanted: Mapping[str, FlagValue], decision: Decision, shown: Shown) -> None:
    reading = read_decision(decision, wanted, 1.0)
    assert reading.shown is shown, reading
    assert reading.text


def request(option: str = "A", **more: Any) -> RollbackRequest:
    return RollbackRequest(SOURCES.parents[1], "richpanel", "sandbox", option, "Ann", "", **more)


def read_plan(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "plan.yaml"
    path.write_text(text, "utf-8")
    return read_lone_rollback(path, "plan.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "stages: 3",
        "rollback: {options: {A: {nom: x}}}",
        "rollback: {options: {A: {name: Kill switch, flags: {safe_mode: false, automation_enabled: true}}}}",
        "rollback: {options: {A: {name: Kill switch, flags: {automation_enabled: sometimes}}}}",
        "rollback: {options: {A: {name: Kill switch}}}",
    ],
)
def test_option_a_writes_the_built_in_switches_where_a_plan_does_not_lead_to_safety(tmp_path: Path, text: str) -> None:
    plan = read_plan(tmp_path, text)
    assert choose_flags(request(), plan.options).wanted == KILL_SWITCH


def test_option_a_follows_the_plan_whatever_else_is_wrong_in_it(tmp_path: Path) -> None:
    text = "stages: none\nrollback: {options: {A: {name: Stop, flags: {safe_mode: true}}}, verify: [ST-001]}\n"
    plan = read_plan(tmp_path, text)
    assert plan.problems
    assert plan.verify == ("ST-001",)
    chosen = choose_flags(request(), plan.options)
    assert (chosen.wanted, chosen.name) == ({"safe_mode": True}, "Stop")


def read_changed(tmp_path: Path, *changes: tuple[str, str], environment: str = "production") -> Any:
    text = (SOURCES / "environments.yaml").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "environments.yaml"
    path.write_text(text, "utf-8")
    return read_lone_environment(path, "environments.yaml", environment)


def test_a_whole_file_is_read_as_it_is(tmp_path: Path) -> None:
    lone = read_changed(tmp_path)
    assert (lone.problems, lone.can_probe, lone.environment.kind) == ((), True, Kind.PRODUCTION)


def test_what_a_write_does_not_need_is_left_out_or_careful(tmp_path: Path) -> None:
    lone = read_changed(
        tmp_path,
        ("propagation_deadline: 90, decision_deadline: 60", "propagation_deadline: -1"),
        ("kind: production", "kind: prod"),
        ("    health: {request: GET /health, ok: ok}", "    health: {request: GET /health}"),
        ("quiet_period: 15", "quiet_period: 15, surprise: 2"),
    )
    assert lone.environment.kind is Kind.PRODUCTION
    assert lone.environment.timing.propagation_deadline == 90
    assert lone.interface.health is None
    assert lone.interface.set_flag is not None
    assert lone.can_probe
    assert len(lone.problems) >= 4


def test_without_a_way_to_send_nothing_is_probed(tmp_path: Path) -> None:
    lone = read_changed(tmp_path, ("      accepted: [200, 202]", "      accepted: yes"))
    assert lone.interface.set_flag is not None
    assert not lone.can_probe


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("hosts: [middleware.example.com]", "hosts: ['https://middleware.example.com']"),
        ("base_url: https://middleware.example.com", "base_url: middleware.example.com"),
        ('set_flag: {request: "PUT /flags/{name}"', 'set_flag: {request: "PUT flags/{name}"'),
        ("header: X-Middleware-Token", "header: X Middleware"),
        ("  production:\n    kind: production\n    interface: middleware", "  production:\n    interface: other"),
        ("interfaces:\n", "interfaces: [\n"),
    ],
)
def test_what_a_write_goes_by_is_never_guessed(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_changed(tmp_path, (old, new))
    assert caught.value.problems


def test_an_unknown_environment_is_named_with_what_was_meant(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'production'"):
        read_changed(tmp_path, environment="producton")
