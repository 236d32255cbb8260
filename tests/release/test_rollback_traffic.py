"""Option A on a system under traffic: one rollback, looked at from every side."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import pytest
from harness import RunningSandbox, SmallProject
from rollback_scene import ON, Deployed, Traffic, make_deployed, seconds_of

from gonogo.evidence.ledger import open_ledger

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "rollback.schema.json"


class Scene(NamedTuple):
    deployed: Deployed
    traffic: Traffic
    done: Any
    record: dict[str, Any]
    safe_at: float
    decisions: dict[str, Any]
    replies: dict[str, Any]
    tickets: dict[str, Any]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Traffic from before a rollback to after it; what the system then shows of every customer's ticket."""
    project = SmallProject(tmp_path_factory.mktemp("project") / "p")
    sandbox = RunningSandbox("--flag-ttl", "0.5", "--latency", "0.02-0.15")
    deployed = make_deployed(project, sandbox)
    deployed.set_flags(ON)
    time.sleep(0.4)
    try:
        with Traffic(deployed) as traffic:
            time.sleep(1.0)
            done = deployed.rollback("--option", "a", "--by", "Rolf Back", "--why", "replies repeat | twice")
            time.sleep(0.2)
        time.sleep(0.6)
        record = json.loads(done.stdout)
        safe_at = seconds_of(record["first_write_at"]) + record["time_to_safe"]
        shown = (traffic.read(what) for what in ("decisions", "replies", "ticket"))
        yield Scene(deployed, traffic, done, record, safe_at, *shown)
    finally:
        sandbox.stop()


def test_the_effect_is_proven_and_the_command_ends_with_zero(scene: Scene) -> None:
    assert scene.done.code == 0, scene.done.stderr
    assert scene.record["effect"] == "proven"
    assert 0 < scene.record["time_to_safe"] <= scene.record["propagation_deadline"]
    assert "PROVEN" in scene.done.stderr


def test_no_reply_is_sent_after_time_to_safe(scene: Scene) -> None:
    sent = [seconds_of(reply["at"]) for replies in scene.replies.values() for reply in replies]
    assert len(sent) >= 5, "nothing was answered before, so nothing could have been stopped"
    # What was decided just before the switch is three calls of 10 ms away from the vendor, a probe two.
    assert max(sent) <= scene.safe_at + 0.05
    after = [one for one in scene.traffic.customers if one.sent > scene.safe_at]
    assert len(after) >= 15
    assert all(scene.replies[one.ticket] == [] for one in after)


def test_no_message_is_lost(scene: Scene) -> None:
    assert all(one.status in (200, 202) for one in scene.traffic.customers)
    assert all([one["complete"] for one in decisions] == [True] for decisions in scene.decisions.values())
    assert len(scene.decisions) == len(scene.traffic.customers) >= 60


def test_routing_goes_on(scene: Scene) -> None:
    after = [scene.tickets[one.ticket] for one in scene.traffic.customers if one.sent > scene.safe_at]
    assert all(ticket["team"] == "Email Support Team" for ticket in after)
    assert all("mw-intent-order-status" in ticket["tags"] for ticket in after)


def test_the_flags_are_safe_and_the_rest_is_as_it_was(scene: Scene) -> None:
    flags = scene.deployed.flags
    assert (flags["automation_enabled"], flags["safe_mode"]) == (False, True)
    assert all(flags[name] is True for name in ON if name.startswith("template_enabled"))


def test_the_record_says_who_when_why_from_and_to(scene: Scene) -> None:
    record = scene.record
    assert (record["who"], record["why"], record["option"]) == ("Rolf Back", "replies repeat | twice", "A")
    assert record["to"] == {"automation_enabled": False, "safe_mode": True}
    for flag, was in (("automation_enabled", True), ("safe_mode", False)):
        assert record["from"][flag] is was or flag in record["before_uncertain"]
        assert record["after"][flag] is not was
    assert {one["flag"]: one["outcome"] for one in record["writes"]} == dict.fromkeys(record["to"], "accepted")
    assert record["automatic"] is False
    assert json.loads((scene.deployed.folder(record) / "rollback.json").read_text("utf-8")) == record
    jsonschema_rs.validator_for(json.loads(SCHEMA.read_text("utf-8"))).validate(record)


def test_the_pack_after_it_is_a_run_that_is_go(scene: Scene) -> None:
    pack = scene.record["pack"]
    assert pack["decision"] == "GO", pack
    run = scene.deployed.project.root / "evidence" / "richpanel" / pack["run"]
    decision = json.loads((run / "decision.json").read_text("utf-8"))
    tested = {one["case"] for one in decision["checks"] if one["case"].startswith("ST-")}
    assert tested == set(pack["cases"])
    assert decision["flags"]["before"] == decision["flags"]["after"]


def test_the_ledger_has_its_beginning_and_its_end(scene: Scene) -> None:
    ledger = open_ledger(str(scene.deployed.project.root / "evidence"), "richpanel", for_reading=True)
    told = [entry.payload for entry in ledger.entries() if entry.kind == "rollback"]
    assert [one["phase"] for one in told] == ["begun", "ended"]
    assert {one["rollback"] for one in told} == {scene.record["id"]}
    assert told[1]["effect"] == "proven"
    assert told[1]["time_to_safe"] == scene.record["time_to_safe"]
    sealed = [
        entry for entry in ledger.entries() if entry.payload.get("activity") == "rollback" and "run" in entry.payload
    ]
    assert [entry.payload["run"] for entry in sealed] == [scene.record["id"]]


def test_the_incident_note_has_the_measured_timeline(scene: Scene) -> None:
    note = (scene.deployed.folder(scene.record) / "incident.md").read_text("utf-8")
    for event in scene.record["timeline"]:
        assert event["at"] in note
    assert "replies repeat \\| twice" in note or "replies repeat | twice" in note
    assert f"Time to safe: {scene.record['time_to_safe']:.1f} s" in note
    assert "- [ ] FUP-NOTE" in note
    assert "| safe_mode |" in note


def test_the_rollback_is_sealed_and_verifies(scene: Scene) -> None:
    folder = scene.deployed.folder(scene.record)
    done = scene.deployed.project.gonogo("verify", str(folder), "--format", "json")
    verified = json.loads(done.stdout)
    assert [one["rule"] for one in verified["faults"]] == ["signer/unknown"], verified["faults"]
    assert verified["decision"] == "GO"
    checks = {
        f"{one['case']}/{one['check']}": one["outcome"]
        for one in json.loads((folder / "decision.json").read_text("utf-8"))["checks"]
    }
    assert checks == dict.fromkeys(
        ("ROLLBACK-A/effect", "ROLLBACK-A/written", "ROLLBACK-A/time_to_safe", "ROLLBACK-A/pack"), "PASSED"
    )
