"""Production: every way of doing harm is refused by its rule with nothing sent; a clean run leaves nothing behind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from harness import ROOT, Finished, RunningSandbox
from production_project import (
    RELEASE,
    VARIABLES,
    Captured,
    CaptureServer,
    ProductionProject,
    Reply,
    invoke,
    middleware,
    stage_flags,
)

from gonogo.errors import GonogoError
from gonogo.evidence.ledger import ledger_location, open_ledger
from gonogo.evidence.ledger.lock import acquire_lock
from gonogo.evidence.redact import Redactor, Terms
from gonogo.model.environment import Environment
from gonogo.run.watched import WatchedTarget
from gonogo.targets.caps import CapReachedError, SendMeter
from gonogo.targets.interface import Delivery, Malformed, Message

SCHEMA = jsonschema_rs.validator_for(json.loads((ROOT / "docs/schemas/dry-run.schema.json").read_text("utf-8")))


@dataclass
class Deployed:
    """A project and the server that it calls production."""

    project: ProductionProject
    server: CaptureServer
    outside: Path

    def changed(self) -> list[str]:
        """Return every request that was no read."""
        return [f"{one.method} {one.path}" for one in self.server.requests if one.method != "GET"]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with CaptureServer(middleware()) as server:
        project = ProductionProject(tmp_path_factory.mktemp("production"), server.url)
        yield Deployed(project, server, tmp_path_factory.mktemp("outside"))


@dataclass
class Harm:
    """One way of doing harm: what is asked for, and the rule that refuses it."""

    rule: str
    stage: str = "1"
    more: tuple[str, ...] = ()
    options: dict[str, str | None] = field(default_factory=dict)
    edits: tuple[tuple[str, str], ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    outside: bool = False


PYTEST = ("--",)
HARMS = {
    "no confirmation": Harm("confirm-missing", options={"confirm": None}),
    "confirmation of another release": Harm("confirm-mismatch", options={"confirm": "production/other"}),
    "confirmation of another environment": Harm("confirm-mismatch", options={"confirm": f"staging/{RELEASE}"}),
    "half a confirmation": Harm("confirm-mismatch", options={"confirm": "production"}),
    "no release": Harm("release-missing", options={"release": None}),
    "another release than is deployed": Harm("release-mismatch", options={"release": "r2", "confirm": "production/r2"}),
    "a system that shows no release": Harm("release-unproven", answers={"version": None}),
    "a host that is not listed": Harm("host-not-allowed", edits=((r"hosts: \[.*\]", "hosts: [middleware.example]"),)),
    "no list of hosts": Harm("host-not-allowed", edits=((r"    hosts: \[.*\]\n", ""),)),
    "another port": Harm(
        "host-not-allowed", edits=((r"base_url: http://127.0.0.1:\d+", "base_url: http://127.0.0.1:9"),)
    ),
    "an address inside another": Harm(
        "host-not-allowed", edits=((r"base_url: http://127.0.0.1", r"base_url: http://127.0.0.1.example.com"),)
    ),
    "a redirect elsewhere": Harm("host-not-allowed", answers={"health": "http://evil.example.com/health"}),
    "no encryption": Harm(
        "plain-http",
        edits=((r"base_url: http://.*\n    hosts: .*\n", "base_url: http://a.example\n    hosts: [a.example]\n"),),
    ),
    "production under another name": Harm(
        "production-host", edits=(("kind: production", "kind: staging"),), options={"env": "production"}
    ),
    "environments from elsewhere": Harm("foreign-environments", outside=True, edits=(("rate: 30", "rate: 29"),)),
    "a stage of another environment": Harm("stage-elsewhere", stage="elsewhere"),
    "no key": Harm("unsigned", variables={"GONOGO_SIGNING_KEY": ""}),
    "a fault": Harm("forced-options", more=("--fault", "tier0_reply")),
    "labels": Harm("forced-options", more=("--labels", "smoke_cases/richpanel/smoke.csv")),
    "a pack from elsewhere": Harm("foreign-pack", more=("--cases", "smoke_cases/richpanel/smoke.csv")),
    "several processes": Harm("xdist", more=(*PYTEST, "-n", "2")),
    "a plugin": Harm("pytest-argument", more=(*PYTEST, "-p", "evil")),
    "a file of tests": Harm("pytest-argument", more=(*PYTEST, "tests/evil.py")),
    "options of the shell": Harm("pytest-argument", variables={"PYTEST_ADDOPTS": "-p evil"}),
    "no caps": Harm("caps-missing", edits=((r"    caps: .*\n", ""),)),
    "too many messages": Harm("too-many-messages", edits=(("messages: 200", "messages: 20"),)),
    "more messages than the stage allows": Harm("too-many-messages", stage="small"),
    "too fast": Harm("rate-too-high", edits=(("rate: 30", "rate: 3"),)),
    "too long": Harm("too-long", edits=(("minutes: 20", "minutes: 0.5"),)),
    "too dear": Harm("spend-too-high", edits=(("spend: 10", "spend: 0.1"),)),
    "at an unknown price": Harm("spend-too-high", edits=((r"    cost_per_message: .*\n", ""),)),
    "a tier-2 row at stage 1": Harm("case-not-admitted", more=(*PYTEST, "-k", "ST-040")),
    "a kill switch where automation is off": Harm("case-not-admitted", more=(*PYTEST, "-k", "ST-070")),
    "a tier-0 row": Harm("tier0-off-by-default", more=(*PYTEST, "-k", "ST-020 or ST-010")),
    "a row that changes flags": Harm("flag-change-not-allowed", stage="careful", more=(*PYTEST, "-k", "ST-070")),
    "consent that the stage does not give": Harm("flag-change-not-allowed", more=("--allow-flag-changes",)),
    "flag changes without consent": Harm("flag-change-not-allowed", stage="2"),
    "no run id in the envelope": Harm("synthetic-marker-missing", edits=(('run: "{run_id}", ', ""),)),
    "no case id in the envelope": Harm("synthetic-marker-missing", edits=(('case: "{case_id}", ', ""),)),
    "a customer without marks": Harm(
        "customer-marker-missing",
        edits=((r"Synthetic \{run_id\} \{case_id\}", "Customer"), (r"gn\+\{run_id\}.\{case_id\}.", "s+")),
    ),
    "a mark in the text": Harm("marker-in-text", edits=((r'text: "\{message\}"', 'text: "{message} {run_id}"'),)),
    "a stage without the one before": Harm("previous-stage", stage="next"),
    "a stage that was never entered": Harm("stage-not-entered", answers={"flags": {"flags": {"safe_mode": False}}}),
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_harm_is_refused_by_its_rule_and_nothing_is_sent(deployed: Deployed, harm: Harm) -> None:
    more = list(harm.more)
    if harm.edits:
        folder = deployed.outside if harm.outside else None
        more = ["--environments", deployed.project.vary(*harm.edits, folder=folder), *more]
    deployed.server.handler = middleware(**{name: _redirect(value) for name, value in harm.answers.items()})
    deployed.server.requests.clear()
    variables = {name: value for name, value in {**VARIABLES, **harm.variables}.items() if value}

    done = invoke(deployed.project, deployed.project.arguments(harm.stage, *more, **harm.options), variables)

    assert isinstance(done.exception, GonogoError), done.output
    assert done.exception.message.startswith(f"[{harm.rule}"), done.exception.message
    assert done.exception.exit_code == 2
    assert deployed.changed() == []


def _redirect(value: Any) -> Any:
    return Reply(302, b"", {"Location": value}) if isinstance(value, str) else value


def test_a_locked_environment_is_refused(deployed: Deployed) -> None:
    deployed.server.handler = middleware()
    deployed.server.requests.clear()
    ledger = open_ledger(ledger_location(deployed.project.root, {}, None), "richpanel")
    lock = acquire_lock(ledger.storage, "production", "another run", 60, datetime.now(UTC))
    try:
        done = invoke(deployed.project, deployed.project.arguments())
    finally:
        lock.release(datetime.now(UTC))

    assert isinstance(done.exception, GonogoError), done.output
    assert done.exception.message.startswith("[lock-held] production is locked by another run")
    assert deployed.changed() == []


def test_pytest_by_itself_meets_the_same_guard(deployed: Deployed) -> None:
    deployed.server.requests.clear()
    words = ["-m", "pytest", "features/richpanel", "--env", "production", "--stage", "1"]
    done = subprocess.run(
        [sys.executable, *words], cwd=deployed.project.root, capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 4, done.stdout
    for rule in ("confirm-missing", "release-missing", "direct-run"):
        assert f"[{rule}]" in done.stderr
    assert deployed.server.requests == []


class TestDryRun:
    def test_nothing_is_asked_and_everything_is_shown(self, deployed: Deployed) -> None:
        deployed.server.requests.clear()
        done = invoke(deployed.project, deployed.project.arguments("1", "--dry-run"))

        assert done.exit_code == 0, done.output
        assert deployed.server.requests == []
        shown = json.loads(done.stdout)
        assert list(SCHEMA.iter_errors(shown)) == []
        assert {one["case"] for one in shown["messages"]} >= {"ST-001", "ST-020", "ST-060"}
        assert next(one for one in shown["messages"] if one["case"] == "ST-060")["deliveries"] == 3
        assert shown["flag_changes"] == []
        most = shown["at_most"]
        assert most["messages"] == most["of_cases"] + most["calls"] + most["probes"]
        assert most["spend"] == pytest.approx(most["messages"] * 0.01)
        untested = {one["case"]: one["why"] for one in shown["not_tested"]}
        assert untested["ST-010"].startswith("[tier0-off-by-default]")
        assert untested["ST-040"].startswith("[case-not-admitted]")
        answers = {one["rule"]: one["answer"] for one in shown["guard"]}
        assert set(answers.values()) == {"allows", "not known yet"}

    def test_nothing_is_left_behind(self, deployed: Deployed) -> None:
        before = deployed.project.runs
        pack = "smoke_cases/richpanel/smoke.csv"
        done = invoke(deployed.project, deployed.project.arguments("1", "--dry-run", "--cases", pack))

        assert done.exit_code == 2, "cases from elsewhere are refused"
        assert deployed.project.runs == before

    def test_flag_changes_stand_in_their_order_and_are_returned(self, deployed: Deployed) -> None:
        done = invoke(deployed.project, deployed.project.arguments("2", "--dry-run", "--allow-flag-changes"))

        assert done.exit_code == 0, done.output
        changes = [(one["flag"], one["from"], one["to"]) for one in json.loads(done.stdout)["flag_changes"]]
        assert changes[0] == ("automation_enabled", "true", "false")
        assert changes[-1] == ("automation_enabled", "false", "true")
        assert "absent" not in {value for change in changes for value in change}, "nothing is removed from the store"

    def test_what_the_guard_refuses_is_shown_with_every_rule(self, deployed: Deployed) -> None:
        done = invoke(deployed.project, deployed.project.arguments("1", "--dry-run", confirm=None, release=None))

        assert done.exit_code == 2
        refused = {one["rule"] for one in json.loads(done.stdout)["guard"] if one["answer"] == "refuses"}
        assert refused == {"confirm-missing", "release-missing"}

    def test_as_text(self, deployed: Deployed) -> None:
        arguments = [word for word in deployed.project.arguments("1", "--dry-run") if word not in ("--format", "json")]
        done = invoke(deployed.project, arguments)

        assert done.exit_code == 0, done.output
        assert "Nothing is asked or sent." in done.stdout
        assert "The guard allows this run." in done.stdout
        assert "ok  [host-not-allowed]" in done.stdout


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Run stage 1 on a real middleware called production; what the middleware shows afterwards comes along."""
    started = []

    def run(name: str, *edits: tuple[str, str], options: tuple[str, ...] = (), more: tuple[str, ...] = ()) -> Any:
        sandbox = RunningSandbox("--flag-ttl", "0.2", "--latency", "0.02-0.15", *options)
        started.append(sandbox)
        for flag, value in stage_flags().items():
            put_flag(sandbox, flag, value)
        project = ProductionProject(tmp_path_factory.mktemp(name), sandbox.url)
        more = (*more, "--environments", project.vary(*edits)) if edits else more
        done = project.gonogo(*project.arguments("1", *more), env=VARIABLES)
        return Ran(done, project, sandbox)

    yield run
    for one in started:
        one.stop()


@dataclass
class Ran:
    """A run on production, and the middleware after it."""

    done: Finished
    project: ProductionProject
    sandbox: RunningSandbox

    @property
    def record(self) -> dict[str, Any]:
        assert self.done.code in (0, 1, 3), self.done.stderr
        return self.done.record

    def read(self, path: str) -> Any:
        answer = httpx.get(self.sandbox.url + path, trust_env=False)
        return answer.json() if answer.is_success else None

    def opened(self) -> list[str]:
        """Return every ticket of the run that the middleware knows of."""
        return sorted({one["ticket_id"] for one in self.read("/events") if str(one["ticket_id"]).startswith("gonogo-")})


@pytest.fixture(scope="module")
def clean(real: Callable[..., Any]) -> Ran:
    ran = real("clean")
    assert isinstance(ran, Ran)
    return ran


def test_a_clean_run_is_go(clean: Ran) -> None:
    assert (clean.done.code, clean.record["decision"]) == (0, "GO"), clean.record["reasons"] or clean.done.stderr
    assert clean.record["signer"] != "UNSIGNED"
    assert "ticket" not in clean.done.stderr, "noting a ticket is no phase of the run"


def test_a_clean_run_closes_every_ticket(clean: Ran) -> None:
    assert clean.record["leftovers"] == []
    opened = clean.opened()
    assert len(opened) > 5
    assert [name for name in opened if clean.read(f"/tickets/{name}")["status"] != "closed"] == []
    assert clean.read("/tickets/ctrl-email")["status"] == "open"


def test_every_message_is_marked_and_no_text_is(clean: Ran) -> None:
    run = clean.record["runs"][0]
    messages = [one for name in clean.opened() for one in clean.read(f"/tickets/{name}")["messages"]]
    assert messages
    assert [one for one in messages if run in str(one.get("text"))] == []


def test_what_cannot_be_closed_is_listed(real: Callable[..., Any]) -> None:
    ran = real("stuck", options=("--fault", "ticket_close_fails"))

    assert ran.record["decision"] == "GO"
    assert {one["ticket"] for one in ran.record["leftovers"]} == set(ran.opened())
    assert {one["why"] for one in ran.record["leftovers"]} == {"POST /tickets/{ticket_id}/close answered 503"}
    assert any(note.startswith("TICKETS LEFT") for note in ran.record["notes"])


def test_a_cap_that_is_reached_stops_the_run(deployed: Deployed) -> None:
    """Every message is tried twice, since the webhook asks to wait: that is more than the plan said."""
    timing = (r"decision_deadline: [\d.]+, quiet_period: [\d.]+", "decision_deadline: 1, quiet_period: 0")
    edits = ((r"    probe: .*\n", ""), timing)
    path = deployed.project.vary(*edits)
    planned = invoke(deployed.project, deployed.project.arguments("1", "--dry-run", "--environments", path))
    most = json.loads(planned.stdout)["at_most"]["messages"]
    path = deployed.project.vary(*edits, ("messages: 200", f"messages: {most}"))
    seen: set[bytes] = set()
    answer = middleware()

    def busy(request: Captured) -> Reply:
        if request.method == "GET" or request.body in seen:
            return answer(request)
        seen.add(request.body)
        return Reply(429, b"", {"Retry-After": "0"})

    deployed.server.handler = busy
    deployed.server.requests.clear()
    done = deployed.project.gonogo(*deployed.project.arguments("1", "--environments", path), env=VARIABLES)

    assert done.code in (1, 3), done.stderr
    assert len([one for one in deployed.server.requests if one.path == "/webhook"]) == most
    reasons = {reason for one in done.record["checks"] if one["outcome"] == "NOT_RUN" for reason in one["reasons"]}
    assert any(reason.startswith(f"[too-many-messages] {most} messages were sent") for reason in reasons), reasons


def test_a_target_of_another_protocol_is_metered_too() -> None:
    class Other:
        """Takes every message."""

        def send(self, message: Message, delivery_id: str) -> Delivery:
            return Delivery(delivery_id, 202, True, 0.0, 0.0)

    timing = {"propagation_deadline": 1.0, "decision_deadline": 1.0, "quiet_period": 0.0}
    caps = {"messages": 2, "rate": 1.0, "minutes": 1.0, "spend": 1.0}
    data = {"kind": "production", "interface": "i", "timing": timing, "caps": caps, "cost_per_message": 0.0}
    inner: Any = Other()
    target = WatchedTarget(inner, Redactor(Terms()), [], SendMeter(Environment.model_validate(data)))
    message = Message("T-1", "E-1", "email", "Hello", "ST-1", "run-1")
    assert [target.send(message, f"d-{number}").status for number in range(2)] == [202, 202]
    with pytest.raises(CapReachedError, match=r"^\[too-many-messages\]"):
        target.send(message, "d-2")
    with pytest.raises(CapReachedError):
        target.send_malformed(Malformed.NO_TOKEN, message)


def put_flag(sandbox: RunningSandbox, name: str, value: Any) -> None:
    header = {"X-Middleware-Token": sandbox.token}
    answer = httpx.put(f"{sandbox.url}/flags/{name}", json={"value": value}, headers=header, trust_env=False)
    assert answer.is_success, answer.text
