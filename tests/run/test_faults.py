"""Every fault of the sandbox is caught by the right check, and nothing is complained about without one.

`--all-stages` tries every fault at every stage that the sandbox says it matters at.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from harness import SmallProject

# Fault → the checks of which at least these must be among the deciding ones, at the stage where it is tried.
CAUGHT_BY: dict[str, tuple[int, tuple[str, ...]]] = {
    "ack_before_enqueue": (1, ("INV-EVENTS/present",)),
    "answers_itself": (2, ("ST-020/reply",)),
    "attachment_answered": (2, ("INV-ATTACHMENT/reply",)),
    "attachment_crash": (1, ("INV-ATTACHMENT/decision",)),
    "auth_reveals": (1, ("INV-AUTH/indistinguishable",)),
    "body_in_events": (1, ("INV-PRIVACY/events",)),
    "card_in_log": (1, ("INV-PRIVACY/logs",)),
    "channel_ignored": (2, ("ST-037/reply", "INV-ACTIONS/whitelist")),
    "config_drift": (1, ("CFG-DEFAULTS/configuration",)),
    "defaults_drift": (1, ("CFG-DEFAULTS/flags",)),
    "duplicate_decision": (1, ("ST-060/decision", "ST-060/duplicate")),
    "duplicate_reply": (2, ("ST-060/reply", "ST-060/duplicate")),
    "duplicate_tagging": (1, ("ST-060/tags", "ST-060/duplicate")),
    "email_in_events": (1, ("INV-PRIVACY/events",)),
    "flag_no_effect": (2, ("FLAG-safe_mode/effect", "FLAG-automation_enabled/effect")),
    "flag_slow": (2, ("FLAG-safe_mode/effect", "FLAG-automation_enabled/effect")),
    "flag_write_lost": (2, ("FLAG-safe_mode/effect", "FLAG-automation_enabled/effect")),
    "foreign_tag": (1, ("INV-TAGS/foreign",)),
    "fourth_reply": (2, ("INV-CAP/cap",)),
    "injection_obeyed": (2, ("INV-INJECTION/action",)),
    "kill_switch_ignored": (2, ("ST-070/reply",)),
    "late_reply": (1, ("ST-001/reply",)),
    "match_degraded": (3, ("ST-040/reply",)),
    "message_altered": (1, ("ST-001/message",)),
    "missing_fields_accepted": (1, ("INV-BODY/missing-key",)),
    "multi_intent_lowest": (1, ("ST-050/intent",)),
    "no_correlation_id": (1, ("INV-EVENTS/correlated",)),
    "no_override_event": (1, ("INV-INJECTION/event",)),
    "no_release_in_events": (1, ("INV-EVENTS/correlated",)),
    "oversized_accepted": (1, ("INV-BODY/oversized",)),
    "phone_in_events": (1, ("INV-PRIVACY/events",)),
    "reply_sent_twice": (2, ("ST-020/reply",)),
    "safe_mode_ignored": (2, ("ST-075/reply",)),
    "safe_mode_stops_routing": (1, ("ST-020/team", "ST-020/tags")),
    "slow_ack": (1, ("INV-ACK/quick",)),
    "tag_missing": (1, ("ST-020/tags",)),
    "tier0_reply": (2, ("ST-010/reply", "INV-ACTIONS/tier0")),
    "tier2_without_match": (3, ("ST-045/reply", "INV-ACTIONS/tier2")),
    "tier3_action": (2, ("ST-028/action", "INV-ACTIONS/tier3")),
    "token_in_log": (1, ("INV-PRIVACY/logs",)),
    "tracking_link_in_events": (3, ("INV-PRIVACY/events",)),
    "tracking_link_in_reply": (2, ("INV-REPLIES/replies",)),
    "unauthenticated_accepted": (1, ("INV-AUTH/no-token",)),
    "undeclared_tag": (1, ("INV-TAGS/undeclared",)),
    "unparsable_accepted": (1, ("INV-BODY/not-json",)),
    "whitelist_ignored": (2, ("ST-028/reply", "INV-ACTIONS/whitelist")),
    "wrong_intent": (1, ("ST-033/intent",)),
    "wrong_order_disclosed": (3, ("INV-ORDER/order",)),
    "wrong_team": (1, ("ST-021/team",)),
    "wrong_template": (2, ("ST-021/template", "ST-021/reply")),
    "wrong_token_accepted": (1, ("INV-AUTH/wrong-token",)),
}
# What is missing or changing is no proof of a failure: these hold the decision, and must never let it pass.
HELD_BY: dict[str, tuple[int, tuple[str, ...]]] = {
    "build_changes": (1, ("TARGET-build/unchanged",)),
    "decision_incomplete": (1, ("FLAG-safe_mode/effect", "ST-020/reply")),
    "control_reply_hidden": (1, ("CONTROL-livechat/replies", "ST-020/reply")),
    "hidden_events": (1, ("INV-EVENTS/present", "INV-PRIVACY/events")),
    "no_reply_log": (1, ("CONTROL-livechat/replies", "ST-020/reply")),
    "slow_decision": (1, ("FLAG-safe_mode/effect",)),
}
# Which messages these strike depends on their text, so only that somebody notices is fixed.
SOMEWHERE = {"decision_missing": ("/decision",), "foreign_decision": ("/decision", "FLAG-safe_mode/effect")}
# The effect of a missing flag is seen by the probe or by the message after it, whichever the worker reads anew first.
SOMEWHERE["missing_flags_on"] = ("FLAG-safe_mode/effect", "INV-FLAGS/reply")


def list_faults() -> list[dict[str, object]]:
    command = [sys.executable, "-m", "gonogo.sandbox.richpanel", "--list-faults", "--format", "json"]
    return list(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


FAULTS = {str(fault["name"]): [int(stage) for stage in fault["stages"]] for fault in list_faults() if fault["stages"]}  # type: ignore[attr-defined]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "try_" not in metafunc.fixturenames:
        return
    if metafunc.config.getoption("--all-stages"):
        pairs = [(fault, stage) for fault, stages in FAULTS.items() for stage in stages]
    else:
        known = {**CAUGHT_BY, **HELD_BY}
        pairs = [(fault, known[fault][0] if fault in known else stages[0]) for fault, stages in FAULTS.items()]
    metafunc.parametrize("try_", pairs, ids=[f"{fault}-stage{stage}" for fault, stage in pairs])


def test_a_fault_is_caught_by_the_right_check(try_: tuple[str, int], shared_project: SmallProject) -> None:
    fault, stage = try_
    done = shared_project.run(stage, "--fault", fault, timeout=300)
    record = done.record
    assert stage in FAULTS[fault], f"the sandbox says that {fault} does not matter at stage {stage}"
    if fault in HELD_BY:
        assert record["decision"] == "HOLD", record["reasons"]
        assert done.code == 3
    else:
        assert record["decision"] == "NO_GO", record["reasons"]
        assert done.code == 1
    expected = {**CAUGHT_BY, **HELD_BY}.get(fault)
    if expected is not None and expected[0] == stage:
        missing = set(expected[1]) - set(record["deciding"])
        assert not missing, f"decided by {record['deciding']}"
    if fault in SOMEWHERE:
        assert any(check.endswith(SOMEWHERE[fault]) for check in record["deciding"]), record["deciding"]


def test_every_fault_has_a_place() -> None:
    assert set(FAULTS) == {*CAUGHT_BY, *HELD_BY, *SOMEWHERE}
    assert len(FAULTS) >= 30


@pytest.mark.parametrize("stage", [0, 1, 2, 3, 4])
def test_without_a_fault_there_is_no_complaint(shared_project: SmallProject, stage: int) -> None:
    done = shared_project.run(stage)
    assert (done.code, done.record["decision"]) == (0, "GO"), done.record["reasons"]
    assert done.record["deciding"] == []


def test_an_unknown_fault_is_refused(shared_project: SmallProject) -> None:
    done = shared_project.run(1, "--fault", "duplicate_replys")
    assert done.code == 2
    assert "duplicate_reply" in done.stderr
