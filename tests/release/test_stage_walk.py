"""Stages 0 → 4 from nothing to GO, with the commands and the people of a release, on what is called production.

The middleware is a sandbox process; environments.yaml calls it staging, and production. Everything else is as it would
be: signed runs, a guard, roles, answers of people, a soak, sealed decisions and their approvals.
"""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from harness import RunningSandbox, SmallProject
from production_project import CAPS, RELEASE, host_of, invoke
from ruamel.yaml import YAML

from gonogo.errors import RefusedError
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.trust import load_trust, sign_trust
from gonogo.release.climb import Ladder
from gonogo.release.ladder import read_ladder
from gonogo.sources.checklist.reader import parse_checklist
from gonogo.sources.project import Project

AUDITOR = Path(__file__).parents[2] / "docs" / "auditors" / "verify_bundle.py"
ROWS = ("ST-001", "ST-020", "ST-040")
PEOPLE = {"Rita Runner": "release_driver", "Ana Ferreira": "qa_lead", "Bob Okafor": "release_manager"}
TIER1 = "t_order_status_ask_order_number"
TIER2 = f"{TIER1}, t_order_status_verified"
OFF = "safe_mode: true\n    automation_enabled: false\n    channels: [livechat, email]\n    templates: []"
ON = "safe_mode: false\n    automation_enabled: true\n    channels: [livechat, email]\n    templates: [{}]"
COMMON = """
    packs: [smoke.csv]
    flag_order: [automation_enabled_channels, template_enabled, safe_mode, automation_enabled]
    allows: {flag_changes: true, tier0_cases: true}
    fresh_for: 1d
    approvals: [{role: qa_lead}, {role: release_manager}]"""
PLAN = f"""system: richpanel
roles:
  release_driver: {{name: Release driver}}
  observer: {{name: Observer}}
stages:
  - id: 0
    name: Preconditions
    environment: staging
    {OFF}{COMMON}
  - id: 1
    name: Routing only
    environment: production
    {OFF}{COMMON}
    checklists: [team.md]
    preconditions: [ST-001, T1]
    soak: {{minimum: 1s}}
    watch: [watch.yaml]
  - id: 2
    name: Tier 1
    environment: production
    {ON.format(TIER1)}{COMMON}
    preconditions: [T2, INV-PRIVACY]
  - id: 3
    name: Tier 2
    environment: production
    {ON.format(TIER2)}{COMMON}
  - id: 4
    name: Expansion
    environment: production
    {ON.format(TIER2).replace("email]", "email, social]")}{COMMON}
"""
LIST = "# Team\n\n### T1) The desk knows\n- Ask them.\n\n### T2) Routing looks correct\n- Look at it.\n"
WATCH = """system: richpanel
rules:
  - {id: W-HEALTH, metric: target.health, comparison: equal, limit: 1, patience: 5s}
"""


def as_person(name: str) -> dict[str, str]:
    seed = hashlib.sha256(f"walk: {name}".encode()).digest()
    return {"GONOGO_SIGNING_KEY": base64.b64encode(seed).decode()}


def key_of(name: str) -> SigningKey:
    return SigningKey.from_seed(base64.b64decode(as_person(name)["GONOGO_SIGNING_KEY"]), name)


def write_environments(project: SmallProject, url: str) -> None:
    """Have environments.yaml call one address staging, and production."""
    path = project.sources / "environments.yaml"
    text = path.read_text("utf-8")
    start, end = text.index("  sandbox:\n"), text.index("  staging:\n")
    block, production = text[start:end], text[text.index("  production:\n") :]
    customer = re.search(r"    # The customer is marked.*\n    variables:\n(?:      .*\n)+", production)
    assert customer is not None
    blocks = []
    for name in ("staging", "production"):
        # A host of production is not called staging: the same process has another name there.
        where = f"    base_url: {url if name == 'production' else url.replace('127.0.0.1', 'localhost')}\n"
        where += f"    hosts: [{host_of(url)}]\n    {CAPS}\n" if name == "production" else ""
        one = block.replace("  sandbox:\n", f"  {name}:\n", 1).replace("kind: sandbox", f"kind: {name}", 1)
        one = one.replace("quiet_period: 0.7", "quiet_period: 0.3")
        one = re.sub(r"    embedded:\n.*\n.*\n", where, one)
        blocks.append(one[: one.index("    variables:\n")] + customer[0])
    path.write_text(text[:start] + "".join(blocks), "utf-8")


def write_trust(project: SmallProject) -> str:
    people = [
        {"name": name, "roles": [role], "keys": [{"public": key_of(name).public.to_base64()}]}
        for name, role in PEOPLE.items()
    ]
    rule = {
        "stages": ["0", "1", "2", "3", "4"],
        "environments": ["staging", "production"],
        "approvals": [{"roles": ["qa_lead"], "count": 1}, {"roles": ["release_manager"], "count": 1}],
        "fresh_for": {"evidence": "7d", "approval": "7d"},
        "waivers": ["release_manager"],
    }
    root = key_of("Root").public
    data = {"version": 1, "expires": "2099-12-31", "root": root.to_base64(), "people": people}
    with (project.root / "trust.yaml").open("w") as file:
        YAML().dump({**data, "systems": {"richpanel": [rule]}}, file)
    sign_trust(project.root / "trust.yaml", key_of("Root"))
    return root.keyid


@dataclass
class Walk:
    """A release on its way: the project, the system that it is about, and what each command came to."""

    project: SmallProject
    sandbox: RunningSandbox
    pin: dict[str, str]
    codes: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    bundles: dict[str, Path] = field(default_factory=dict)

    def environ(self, name: str) -> dict[str, str]:
        return {**self.pin, **as_person(name), "RICHPANEL_WEBHOOK_TOKEN": self.sandbox.token}

    def place(self, stage: str) -> list[str]:
        where = "staging" if stage == "0" else "production"
        confirm = ["--confirm", f"{where}/{RELEASE}"] if where == "production" else []
        return ["--stage", stage, "--env", where, "--release", RELEASE, *confirm]

    def here(self, *words: str, name: str = "Rita Runner") -> Any:
        """Run a command in this process."""
        done = invoke(self.project, list(words), self.environ(name))
        told = [str(one) for one in getattr(done.exception, "problems", ())]
        assert done.exception is None or isinstance(done.exception, SystemExit), (done.exception, told)
        return done

    def enter(self, stage: str) -> None:
        done = self.here("advance", "richpanel", *self.place(stage), "--allow-flag-changes", "--run-by", "Rita Runner")
        self.codes[f"advance {stage}"] = done.exit_code
        assert done.exit_code == 0, done.stdout + done.stderr

    def run(self, stage: str, *more: str) -> None:
        words = [*self.place(stage), "--run-by", "Rita Runner", "--allow-flag-changes", "--format", "json", *more]
        done = self.here("run", "richpanel", *words)
        assert done.exit_code in (0, 3), done.stdout[-3000:] + done.stderr
        self.codes[f"run {stage}"] = done.exit_code

    def decide(self, stage: str) -> Any:
        words = [word for word in self.place(stage) if word != "--confirm" and "/" not in word]
        done = self.here("decide", "richpanel", *words, "--run-by", "Rita Runner")
        self.codes[f"decide {stage}"] = done.exit_code
        assert done.exit_code == 0, done.stdout + done.stderr
        line = next(line for line in done.stdout.splitlines() if line.startswith("  Bundle"))
        self.bundles[stage] = self.project.root / line.split()[1]
        return done

    def approve(self, stage: str) -> None:
        for name in ("Ana Ferreira", "Bob Okafor"):
            done = self.here("approve", self.bundles[stage].name, "--yes", name=name)
            assert done.exit_code == 0, done.stdout + done.stderr

    def attest(self, item: str) -> None:
        words = ["--result", "passed", "--note", "seen", "--env", "production", "--release", RELEASE]
        who = ["--by", "Ana Ferreira", "--role", "qa_lead"]
        done = self.here("attest", "richpanel", item, *words, *who, name="Ana Ferreira")
        assert done.exit_code == 0, done.stdout + done.stderr

    def ladder(self, now: datetime | None = None, release: str = RELEASE, **more: Any) -> Ladder:
        project = Project.from_path(self.project.root)
        at = now or datetime.now(UTC)
        trust = load_trust(self.project.root / "trust.yaml", now=at, root=self.pin["GONOGO_TRUST_ROOT"])
        return read_ladder(project, project.load_system("richpanel"), "production", release, at, trust=trust, **more)

    def expect_refusal(self, key: str, *words: str) -> None:
        """Note why a command is refused, and that nothing was sent."""
        before = self.sandbox_events()
        done = invoke(self.project, list(words), self.environ("Rita Runner"))
        assert isinstance(done.exception, RefusedError), done.stdout + done.stderr
        assert self.sandbox_events() == before
        self.refused[key] = done.exception.message

    def sandbox_events(self) -> int:
        import httpx

        return len(httpx.get(f"{self.sandbox.url}/events", trust_env=False).json())


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """The whole way, once; what is refused on it is tried at the time when it must be."""
    project = SmallProject(tmp_path_factory.mktemp("walk") / "project", ROWS)
    sandbox = RunningSandbox("--flag-ttl", "0.1", "--latency", "0.02")
    try:
        write_environments(project, sandbox.url)
        (project.sources / "plan.yaml").write_text(PLAN, "utf-8")
        (project.sources / "watch.yaml").write_text(WATCH, "utf-8")
        (project.sources / "team.md").write_text(LIST, "utf-8")
        items = parse_checklist(LIST, "team.md", "").by_id
        bound = "".join(
            f'  {name}:\n    words: "{items[name].digest[:16]}"\n    manual: {{role: qa_lead, evidence: [note]}}\n'
            for name in ("T1", "T2")
        )
        (project.sources / "team.bindings.yaml").write_text(f"items:\n{bound}", "utf-8")
        made = Walk(project, sandbox, {"GONOGO_TRUST_ROOT": write_trust(project)})
        assert made.here("compile").exit_code == 0
        take_the_way(made)
        yield made
    finally:
        sandbox.stop()


def take_the_way(walk: Walk) -> None:
    run = ["run", "richpanel", "--run-by", "Rita Runner"]
    walk.expect_refusal("nobody has a role", *run, *walk.place("0"))
    roles = ["--role", "release_driver=Rita Runner", "--role", "observer=Bob Okafor"]
    walk.expect_refusal("before stage 0", "advance", "richpanel", *walk.place("1"), "--allow-flag-changes")
    walk.run("0", *roles)
    for role, person in (("release_driver", "Rita Runner"), ("observer", "Bob Okafor")):
        words = ["--env", "production", "--release", RELEASE, "--yes"]
        assert walk.here("assign", "richpanel", role, person, *words).exit_code == 0
    walk.decide("0")
    walk.expect_refusal("stage 0 not approved", *run, *walk.place("1"))
    walk.approve("0")
    walk.expect_refusal("precondition open", "advance", "richpanel", *walk.place("1"), "--allow-flag-changes")
    walk.attest("T1")
    walk.expect_refusal("skipping stage 1", "advance", "richpanel", *walk.place("2"), "--allow-flag-changes")
    walk.enter("1")
    walk.run("1")
    walk.attest("T2")
    words = [*walk.place("1"), "--for", "2s", "--every", "500ms", "--no-probes", "--run-by", "Rita Runner"]
    done = walk.here("watch", "richpanel", *words)
    assert done.exit_code == 0, done.stdout + done.stderr
    walk.decide("1")
    walk.approve("1")
    for stage in ("2", "3", "4"):
        walk.enter(stage)
        walk.run(stage)
        walk.decide(stage)
        walk.approve(stage)


def test_every_stage_is_go_and_approved(walk: Walk) -> None:
    ladder = walk.ladder()
    assert [one.state for one in ladder.stages] == ["GO, approved"] * 5
    assert all(one.counts for one in ladder.stages)
    assert {code for name, code in walk.codes.items() if name.startswith("decide")} == {0}


@pytest.mark.parametrize(
    ("when", "rule"),
    [
        ("nobody has a role", "[roles-missing] nobody is assigned as release_driver, observer"),
        ("before stage 0", "[previous-stage-missing] stage 0"),
        ("stage 0 not approved", "[previous-stage-not-approved] stage 0"),
        ("precondition open", "[precondition-open] T1 must have passed before stage 1; it is PENDING"),
        ("skipping stage 1", "[previous-stage-missing] stage 1"),
    ],
)
def test_what_came_too_early_was_refused_by_its_rule_and_nothing_was_sent(walk: Walk, when: str, rule: str) -> None:
    assert walk.refused[when].startswith(rule)


def test_a_run_waits_for_people_and_its_stage_does_not_wait_for_another_run(walk: Walk) -> None:
    """T2 was answered after the run of stage 1, and no message was sent again."""
    assert (walk.codes["run 1"], walk.codes["decide 1"]) == (3, 0)


def test_every_decision_verifies_with_both_verifiers(walk: Walk) -> None:
    for stage, bundle in walk.bundles.items():
        where = "staging" if stage == "0" else "production"
        words = ["verify", str(bundle), "--stage", stage, "--env", where, "--release", RELEASE]
        done = walk.here(*words, "--require", "approved")
        assert done.exit_code == 0, done.stdout
    auditor = [sys.executable, str(AUDITOR), str(bundle), "--key", key_of("Rita Runner").public.keyid]
    done = subprocess.run(auditor, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[0]) == (0, "GO"), done.stdout


def test_evidence_older_than_its_limit_does_not_count(walk: Walk) -> None:
    later = walk.ladder(datetime.now(UTC) + timedelta(hours=25))
    assert {one.refusals[0].rule.value for one in later.stages} == {"previous-stage-expired"}


def test_evidence_for_another_build_or_release_does_not_count(walk: Walk) -> None:
    other = walk.ladder(build="richpanel-sandbox-2")
    assert {one.refusals[0].rule.value for one in other.stages} == {"previous-stage-other-build"}
    other = walk.ladder(release="richpanel-sandbox-2")
    assert {one.refusals[0].rule.value for one in other.stages} == {"previous-stage-other-build"}


def test_status_shows_the_whole_ladder(walk: Walk) -> None:
    done = walk.here("status", "richpanel", "--env", "production", "--release", RELEASE)
    assert done.stdout.count("GO, approved") == 5
    assert "Next  " in done.stdout
