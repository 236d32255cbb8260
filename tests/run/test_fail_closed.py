"""Nothing that is absent is ever green."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from xml.etree import ElementTree

import httpx
import psutil
import pytest
from harness import ROWS, Finished, SmallProject, deploy

QUICK_ROWS = ("ST-001", "ST-010", "ST-020", "ST-045", "ST-060")


@pytest.fixture
def quick(tmp_path: Path) -> SmallProject:
    return SmallProject(tmp_path, QUICK_ROWS)


def add_feature(project: SmallProject, text: str) -> None:
    (project.features / "extra.feature").write_text(text, "utf-8")


def add_steps(project: SmallProject, text: str) -> None:
    (project.root / "steps" / "extra.py").write_text(text, "utf-8")
    project.edit("pyproject.toml", ('"steps.invariants"', '"steps.invariants", "steps.extra"'))


def assert_listed_as_not_run(project: SmallProject, done: Finished, case: str) -> None:
    """The case is NOT_RUN in the decision, an error in JUnit, and broken in Allure."""
    assert case in {entry["case"] for entry in done.record["not_tested"]}
    outcomes = {check["outcome"] for check in done.record["checks"] if check["case"] == case}
    assert "NOT_RUN" in outcomes
    folder = project.runs[-1]
    entries = ElementTree.parse(folder / "junit.xml").iter("testcase")
    junit = next(entry for entry in entries if f"[{case}]" in entry.attrib["name"])
    assert junit.find("error") is not None or junit.find("failure") is not None
    allure = [json.loads(path.read_bytes()) for path in (folder / "allure-results").glob("*-result.json")]
    assert [entry["status"] for entry in allure if f"[{case}]" in entry["name"]] in (["broken"], ["failed"])


def test_a_clean_run_is_go(quick: SmallProject) -> None:
    done = quick.run(1)
    assert (done.code, done.record["decision"]) == (0, "GO"), done.stderr


@pytest.mark.parametrize("arguments", [["-k", "nothing"], ["-k", "ST-001"], ["--collect-only"], ["-m", "nothing"]])
def test_what_was_left_out_is_not_run(quick: SmallProject, arguments: list[str]) -> None:
    done = quick.run(1, "--", *arguments)
    assert (done.code, done.record["decision"]) == (3, "HOLD")
    assert_listed_as_not_run(quick, done, "ST-045")


@pytest.mark.parametrize("argument", ["-x", "--maxfail=1"])
def test_stopping_at_the_first_failure_lists_the_rest(quick: SmallProject, argument: str) -> None:
    done = quick.run(1, "--fault", "message_altered", "--", argument)
    assert (done.code, done.record["decision"]) == (1, "NO_GO")
    assert_listed_as_not_run(quick, done, "ST-060")


def test_arguments_that_pytest_refuses_hold(quick: SmallProject) -> None:
    done = quick.run(1, "--", "--no-such-option")
    assert (done.code, done.record["decision"]) == (3, "HOLD")


EXITING = """
import os, signal
from gonogo.model.outcome import Outcome, Verdict
from gonogo.run.definitions import given, then

@given("nothing special")
def nothing(draft):
    pass

@then("the process ends", check="end")
def end(scene):
    {act}
    return Verdict(Outcome.PASSED)
"""
EXITING_FEATURE = """Feature: extra
  Scenario: [AA-1] The process ends in the middle
    Given nothing special
    Then the process ends
"""


@pytest.mark.parametrize("act", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)", "raise SystemExit(0)"])
def test_a_child_that_dies_in_a_step_holds(quick: SmallProject, act: str) -> None:
    add_steps(quick, EXITING.format(act=act))
    add_feature(quick, EXITING_FEATURE)
    done = quick.run(2)
    assert (done.code, done.record["decision"]) == (3, "HOLD"), done.stderr
    assert done.outcome("AA-1/end") == "NOT_RUN"
    # pytest itself survives a SystemExit and goes on; nothing survives the other two.
    assert_listed_as_not_run(quick, done, "AA-1" if "SystemExit" in act else "ST-045")


def test_a_step_without_a_verdict_or_with_an_exception_is_an_error(quick: SmallProject) -> None:
    add_steps(
        quick,
        EXITING.format(act="return None")
        + '\n@then("it breaks", check="breaks")\ndef breaks(scene):\n    raise KeyError("secret")\n',
    )
    add_feature(quick, EXITING_FEATURE + "    And it breaks\n")
    done = quick.run(1)
    assert done.code == 3
    assert done.outcome("AA-1/end") == "ERROR"
    assert done.outcome("AA-1/breaks") == "ERROR"
    assert "secret" not in done.stdout


@pytest.mark.parametrize(
    ("feature", "says"),
    [
        (
            EXITING_FEATURE + "  Scenario: [AA-1] The process ends in the middle\n    Then the process ends\n",
            "stands in",
        ),
        (
            "Feature: extra\n  Scenario Outline: [AA-1] <x>\n    Given nothing special\n    Then the process ends\n",
            "Outline",
        ),
        (
            "Feature: extra\n  Scenario: [AA-1] x\n    Given nothing special\n    Then nobody defined this\n",
            "is not defined",
        ),
        ("Feature: extra\n  Scenario: [AA-1] x\n    Given nothing special\n", "no Then step"),
        ("Feature: extra\n  Scenario: no id\n    Then the process ends\n", "has no id"),
        ("Feature: extra\n  Scenario: [ST-001] taken\n    Then the process ends\n", "ST-001"),
    ],
)
def test_a_feature_that_could_lose_a_check_is_refused(quick: SmallProject, feature: str, says: str) -> None:
    add_steps(quick, EXITING.format(act="pass"))
    add_feature(quick, feature)
    done = quick.run(1)
    assert done.code == 2
    assert "features/richpanel/" in done.stderr
    assert says in done.stderr
    assert not list(quick.root.glob("evidence/**/exchanges.jsonl")), "something was sent"


def test_an_async_step_is_refused(quick: SmallProject) -> None:
    add_steps(quick, EXITING.format(act="pass").replace("def end(scene)", "async def end(scene)"))
    done = quick.run(1)
    assert done.code == 2
    assert "async def" in done.stderr


def test_a_plain_pytest_bdd_step_is_refused(quick: SmallProject) -> None:
    text = 'from pytest_bdd import then\n@then("it looks good")\ndef _():\n    pass\n'
    add_steps(quick, text)
    add_feature(quick, "Feature: extra\n  Scenario: [AA-1] x\n    Then it looks good\n")
    done = quick.run(1)
    assert done.code == 2
    assert "it looks good" in done.stderr


def test_an_empty_pack_is_refused(quick: SmallProject) -> None:
    quick.change_rows(lambda row: None)
    done = quick.run(1)
    assert done.code == 2
    assert "no cases is never a success" in done.stderr


def test_a_stage_that_admits_no_row_is_refused(tmp_path: Path) -> None:
    project = SmallProject(tmp_path, ["ST-070", "ST-075"])
    done = project.run(1)
    assert done.code == 2
    assert "admits none of the 2 rows" in done.stderr


def test_naming_a_row_that_the_stage_does_not_admit_is_refused(shared_project: SmallProject) -> None:
    done = shared_project.run(1, "--", "-k", "ST-070")
    assert done.code == 2
    assert "ST-070 is not admitted: stage 1 has automation off" in done.stderr


def test_a_vocabulary_without_the_intent_is_refused(quick: SmallProject) -> None:
    quick.edit("smoke_cases/richpanel/vocabulary.yaml", ("  unknown_other:", "  unknown_else:"))
    done = quick.run(1)
    assert done.code == 2
    assert "smoke_cases/richpanel/smoke.csv:2: expected_primary_intent" in done.stderr
    assert "Did you mean 'unknown_else'?" in done.stderr


def test_drifted_features_are_refused(quick: SmallProject) -> None:
    quick.edit("features/richpanel/smoke.feature", ('the intent is "unknown_other"', 'the intent is "legal_threat"'))
    done = quick.run(1)
    assert done.code == 2
    assert "ST-001 differs from its source" in done.stderr


def test_a_changed_expectation_fails_its_row(quick: SmallProject) -> None:
    """The sandbox decides by its own rules: a wrong expectation cannot pass."""
    changes = {
        "expected_primary_intent": "refund_request",
        "expected_destination": "Returns Admin",
        "expected_tags": "mw-intent-refund",
        "expected_template_id": "t_refund_request_intake",
    }
    quick.change_rows(lambda row: {**row, **changes} if row["test_id"] == "ST-020" else row)
    assert quick.gonogo("compile").code == 0
    done = quick.run(0)
    assert done.code == 1
    assert {"ST-020/intent", "ST-020/team", "ST-020/tags", "ST-020/template"} <= set(done.record["deciding"])


def test_a_target_that_is_not_there_is_unreachable(quick: SmallProject) -> None:
    environments = deploy(quick, "http://127.0.0.1:9")
    done = quick.gonogo(
        *("run", "richpanel", "--stage", "1", "--env", "deployed", "--environments", environments),
        env={"RICHPANEL_WEBHOOK_TOKEN": "x"},
    )
    assert done.code == 5
    assert "http://127.0.0.1:9" in done.stderr


class _Yes(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the names that http.server calls

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def yes_server():
    """A server that answers everything with 200 and an empty object."""
    server = HTTPServer(("127.0.0.1", 0), _Yes)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("asks_health", [True, False])
def test_a_target_that_says_yes_to_everything_is_not_go(
    quick: SmallProject, yes_server: str, asks_health: bool
) -> None:
    environments = deploy(quick, yes_server)
    if not asks_health:
        quick.edit(environments, ("    health: {request: GET /health, ok: ok}\n", ""))
    done = quick.gonogo(
        *("run", "richpanel", "--stage", "1", "--env", "deployed", "--environments", environments, "--format", "json"),
        env={"RICHPANEL_WEBHOOK_TOKEN": "token-of-a-test"},
    )
    assert done.code == (5 if asks_health else 3)
    if not asks_health:
        assert done.record["decision"] == "HOLD"
        assert "PASSED" not in done.record["counts"], "such a target shows nothing"


def test_production_is_refused(quick: SmallProject, sandbox) -> None:
    running = sandbox()
    environments = deploy(quick, running.url, kind="production")
    for command in (
        quick.command("run", "richpanel", "--stage", "1", "--env", "deployed", "--environments", environments),
        [*quick.command()[:1], "-m", "pytest", "features/richpanel", "--stage", "1", "--env", "deployed"]
        + ["--environments", environments],
    ):
        done = subprocess.run(command, cwd=quick.root, capture_output=True, text=True, check=False)
        assert done.returncode in (2, 4)
        assert "[host-not-allowed] this environment of kind production names no hosts" in done.stderr
        assert "[confirm-missing]" in done.stderr
    assert httpx.get(f"{running.url}/events").json() == []


def test_a_target_that_dies_half_way_holds(quick: SmallProject, sandbox) -> None:
    running = sandbox("--latency", "3")
    environments = deploy(quick, running.url, kind="sandbox")
    process = subprocess.Popen(
        quick.command(
            *("run", "richpanel", "--stage", "1", "--env", "deployed", "--environments", environments),
            *("--format", "json"),
        ),
        cwd=quick.root,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "RICHPANEL_WEBHOOK_TOKEN": running.token},
    )
    _wait_for(quick, "messages")
    running.stop()
    stdout, _ = process.communicate(timeout=120)
    assert process.returncode == 3
    record = json.loads(stdout)
    assert record["decision"] == "HOLD"
    assert {check["outcome"] for check in record["checks"] if check["case"] == "ST-001"} == {"ERROR"}


def _wait_for(project: SmallProject, phase: str, seconds: float = 60) -> Path:
    """Wait until a run has reached a phase; returns its folder."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for folder in project.runs:
            progress = folder / "progress.jsonl"
            if progress.is_file() and f'"{phase}"' in progress.read_text("utf-8"):
                return folder
        time.sleep(0.05)
    raise AssertionError(f"no run reached {phase}")


def _processes_below(project: SmallProject) -> list[psutil.Process]:
    """Return living processes that work in the project's folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(project.root) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def _wait_until_none(project: SmallProject, seconds: float = 30) -> list[psutil.Process]:
    deadline = time.monotonic() + seconds
    while (left := _processes_below(project)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


@pytest.mark.parametrize("victim", ["parent", "child"])
def test_a_killed_process_leaves_neither_processes_nor_unsafe_flags(tmp_path: Path, sandbox, victim: str) -> None:
    project = SmallProject(tmp_path, ["ST-020", "ST-070", "ST-075"])
    running = sandbox("--flag-ttl", "0.2", "--latency", "1")
    environments = deploy(project, running.url)
    _enter_stage_2(running)
    before = httpx.get(f"{running.url}/flags").json()["flags"]
    process = subprocess.Popen(
        project.command(
            *("run", "richpanel", "--stage", "2", "--env", "deployed", "--environments", environments),
            *("--allow-flag-changes", "--format", "json"),
        ),
        cwd=project.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "RICHPANEL_WEBHOOK_TOKEN": running.token},
    )
    # The probe goes out once the borrowed flags are written.
    _wait_for(project, 'probe","state":"safe_mode=false, automation_enabled=false')
    if victim == "parent":
        process.kill()
        process.communicate()
    else:
        child = next(one for one in psutil.Process(process.pid).children() if "pytest" in " ".join(one.cmdline()))
        child.send_signal(signal.SIGKILL)
        stdout, _ = process.communicate(timeout=60)
        assert process.returncode == 3
        record = json.loads(stdout)
        assert any("FLAGS LEFT: automation_enabled" in note for note in record["notes"])
    assert _wait_until_none(project) == []
    after = httpx.get(f"{running.url}/flags").json()["flags"]
    assert after["automation_enabled"] is False, "returning it would not be towards safe"
    assert {**after, "automation_enabled": True} == before


def _enter_stage_2(running) -> None:
    headers = {"X-Middleware-Token": running.token}
    templates = ("t_order_status_ask_order_number", "t_delivered_not_received_intake", "t_missing_items_intake")
    wanted = {f"template_enabled.{name}": True for name in templates}
    for name, value in {**wanted, "safe_mode": False, "automation_enabled": True}.items():
        httpx.put(f"{running.url}/flags/{name}", json={"value": value}, headers=headers).raise_for_status()


def test_staging_needs_consent_for_flags_and_gives_them_back(tmp_path: Path, sandbox) -> None:
    project = SmallProject(tmp_path, ["ST-001", "ST-020", "ST-070", "ST-075"])
    running = sandbox("--flag-ttl", "0.2")
    environments = deploy(project, running.url)
    arguments = ["run", "richpanel", "--stage", "2", "--env", "deployed", "--environments", environments]
    environ = {"RICHPANEL_WEBHOOK_TOKEN": running.token}
    wrong_state = project.gonogo(*arguments, "--format", "json", env=environ)
    assert wrong_state.code == 2
    assert "[stage-not-entered]" in wrong_state.stderr
    assert "safe_mode is true, not false" in wrong_state.stderr
    assert "gonogo advance richpanel --stage 2 --env deployed" in wrong_state.stderr
    assert httpx.get(f"{running.url}/events").json() == [], "nothing is sent to a stage that nobody entered"
    _enter_stage_2(running)
    before = httpx.get(f"{running.url}/flags").json()["flags"]
    refused = project.gonogo(*arguments, "--format", "json", env=environ)
    assert refused.code == 3
    assert refused.outcome("ST-070/reply") == "NOT_RUN"
    assert refused.outcome("ST-020/reply") == "PASSED"
    agreed = project.gonogo(*arguments, "--allow-flag-changes", "--format", "json", env=environ)
    assert (agreed.code, agreed.record["decision"]) == (0, "GO"), agreed.record["reasons"]
    assert httpx.get(f"{running.url}/flags").json()["flags"] == before


def _ignore_interrupts() -> None:
    """Do what a shell does to what it starts in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize(
    ("signum", "start"), [(signal.SIGINT, None), (signal.SIGTERM, None), (signal.SIGTERM, _ignore_interrupts)]
)
def test_an_interrupt_returns_flags_and_still_reports(
    tmp_path: Path, sandbox, signum: signal.Signals, start: Callable[[], None] | None
) -> None:
    project = SmallProject(tmp_path, ["ST-020", "ST-070", "ST-075"])
    running = sandbox("--flag-ttl", "0.2", "--latency", "1")
    environments = deploy(project, running.url, kind="sandbox")
    process = subprocess.Popen(
        project.command("run", "richpanel", "--stage", "2", "--env", "deployed", "--environments", environments),
        cwd=project.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "RICHPANEL_WEBHOOK_TOKEN": running.token},
        preexec_fn=start,
    )
    folder = _wait_for(project, 'probe","state":"safe_mode=false, automation_enabled=false')
    process.send_signal(signum)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    record = json.loads((folder / "decision.json").read_bytes())
    assert record["decision"] == "HOLD"
    flags = httpx.get(f"{running.url}/flags").json()["flags"]
    # A run that a busy machine keeps from returning within its grace leaves what is safe, and says so.
    named = any("FLAGS LEFT" in note and "automation_enabled" in note for note in record["notes"])
    assert flags["automation_enabled"] is True or named, (flags, record["notes"], stderr)
    assert _wait_until_none(project) == []
    assert "HOLD" in stdout


JUMPING = """
import itertools, time
_real, _jumps = time.time, itertools.cycle([0, 86400, -86400, 3600, -7])
time.time = lambda: _real() + next(_jumps)
"""


def test_a_clock_that_jumps_changes_nothing(quick: SmallProject) -> None:
    add_steps(quick, JUMPING)
    done = quick.run(2)
    assert (done.code, done.record["decision"]) == (0, "GO"), done.record["reasons"]


def test_the_rows_of_the_small_pack_exist() -> None:
    assert len(set(ROWS)) == len(ROWS)
