"""A run against a deployed system, from its signed planned set to two approvals, with the commands that people use."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from harness import SmallProject, deploy
from ruamel.yaml import YAML

from gonogo.evidence.keys import SigningKey

ROWS = ("ST-001", "ST-010", "ST-020", "ST-045", "ST-060")
NAMES = ("Root", "Rita Runner", "Ana Ferreira", "Bob Okafor")
RELEASE = "richpanel-sandbox-1"


def seed(name: str) -> bytes:
    return hashlib.sha256(f"sealed run: {name}".encode()).digest()


def as_person(name: str) -> dict[str, str]:
    """Return the environment in which a person signs, as a CI would hand the key out."""
    return {"GONOGO_SIGNING_KEY": base64.b64encode(seed(name)).decode()}


KEYS = {name: SigningKey.from_seed(seed(name), name).public for name in NAMES}


def write_trust(project: SmallProject) -> dict[str, str]:
    """Write and sign a trust file; returns the environment that pins its root."""
    roles = {"Rita Runner": ["release_driver"], "Ana Ferreira": ["qa_lead"], "Bob Okafor": ["release_manager"]}
    people = [{"name": name, "roles": roles[name], "keys": [{"public": KEYS[name].to_base64()}]} for name in roles]
    rule = {
        "stages": ["1", "2"],
        "environments": ["deployed"],
        "approvals": [{"roles": ["qa_lead"], "count": 1}, {"roles": ["release_manager"], "count": 1}],
        "fresh_for": {"evidence": "48h", "approval": "24h"},
        "waivers": ["release_manager"],
    }
    data: dict[str, Any] = {
        "version": 1,
        "expires": "2099-12-31",
        "root": KEYS["Root"].to_base64(),
        "people": people,
        "systems": {"richpanel": [rule]},
    }
    with (project.root / "trust.yaml").open("w") as file:
        YAML().dump(data, file)
    done = project.gonogo("trust", "sign", "trust.yaml", "--yes", env=as_person("Root"))
    assert done.code == 0, done.stderr
    return {"GONOGO_TRUST_ROOT": KEYS["Root"].keyid}


def run_sealed(project: SmallProject, url: str, out: Path, stage: str = "1") -> Any:
    command = ["run", "richpanel", "--stage", stage, "--env", "deployed", "--environments", deploy(project, url)]
    options = ["--allow-flag-changes", "--release", RELEASE, "--run-by", "Rita Runner", "--format", "json"]
    env = {**as_person("Rita Runner"), "GONOGO_SANDBOX_TOKEN": "test-token", "RICHPANEL_WEBHOOK_TOKEN": "test-token"}
    return project.gonogo(*command, *options, "--out", str(out), env=env)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A project with a trust file, and a sealed GO of stage 1."""
    from harness import RunningSandbox

    root = tmp_path_factory.mktemp("sealed")
    project, sandbox = SmallProject(root / "project", ROWS), RunningSandbox("--flag-ttl", "0.2")
    try:
        pin = write_trust(project)
        done = run_sealed(project, sandbox.url, root / "bundle")
        assert done.code == 0, (done.record["decision"], done.record["reasons"], done.stderr)
    finally:
        sandbox.stop()
    return project, root / "bundle", pin


def test_the_run_verifies_and_waits_for_two_people(place: Any) -> None:
    project, bundle, pin = place
    asked = ["--release", RELEASE, "--env", "deployed", "--stage", "1", "--require", "approved", "--format", "json"]

    first = project.gonogo("verify", str(bundle), *asked, env=pin)
    runner = project.gonogo(
        "approve", str(bundle), "--role", "release_driver", "--yes", env={**pin, **as_person("Rita Runner")}
    )
    codes = [
        project.gonogo("approve", str(bundle), "--role", role, "--yes", env={**pin, **as_person(name)}).code
        for name, role in (("Ana Ferreira", "qa_lead"), ("Bob Okafor", "release_manager"))
    ]
    last = project.gonogo("verify", str(bundle), *asked, env=pin)

    assert (first.code, first.record["valid"], first.record["decision"]) == (3, True, "GO")
    assert runner.code == 2
    assert "ran" in runner.stderr
    assert codes == [0, 0]
    assert (last.code, last.record["approved"], last.record["missing"]) == (0, True, [])
    history = project.gonogo("history", "richpanel", "--format", "json").record
    assert [entry["kind"] for entry in history["entries"]] == ["seal", "approval", "approval"]


def test_another_release_environment_or_stage_is_a_fault(place: Any) -> None:
    project, bundle, pin = place

    for option, value in (("--release", "other"), ("--env", "production"), ("--stage", "3")):
        done = project.gonogo("verify", str(bundle), option, value, "--format", "json", env=pin)
        assert done.code == 4
        assert [fault["rule"].split("/")[0] for fault in done.record["faults"]] == ["binding"]


def test_the_planned_set_was_signed_before_the_first_message(place: Any) -> None:
    _, bundle, _ = place
    envelope = json.loads((bundle / "planned.dsse.json").read_bytes())
    predicate = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
    exchanges = [json.loads(line) for line in (bundle / "exchanges.jsonl").read_text().splitlines()]
    first = min(one["at"] for one in exchanges if one["method"] != "GET")

    from datetime import datetime

    assert datetime.fromisoformat(predicate["plannedAt"]).timestamp() <= first
    assert {"smoke_cases/richpanel/plan.yaml", "smoke_cases/richpanel/smoke.csv"} <= {
        one["name"] for one in predicate["sources"]
    }


def test_without_the_trust_file_nobody_vouches_outside_kind_sandbox(place: Any, tmp_path: Path) -> None:
    project, bundle, _ = place
    (tmp_path / "smoke_cases").mkdir()

    done = project.gonogo("verify", str(bundle), "--format", "json", env={"GONOGO_TRUST_ROOT": ""})
    assert done.code == 2

    (project.root / "trust.yaml").rename(project.root / "away.yaml")
    try:
        done = project.gonogo("verify", str(bundle), "--format", "json")
    finally:
        (project.root / "away.yaml").rename(project.root / "trust.yaml")
    assert done.code == 4
    assert [fault["rule"] for fault in done.record["faults"]] == ["signer/unknown"]


def test_a_key_that_cannot_be_used_stops_the_run_before_anything_is_sent(place: Any, tmp_path: Path) -> None:
    project, _, _ = place

    done = project.gonogo(
        "run", "richpanel", "--stage", "2", "--env", "sandbox", "--out", str(tmp_path / "out"),
        env={"GONOGO_SIGNING_KEY": "not a key"},
    )  # fmt: skip

    assert done.code == 2
    assert "GONOGO_SIGNING_KEY" in done.stderr
    assert not (tmp_path / "out" / "exchanges.jsonl").exists()
