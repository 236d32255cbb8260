"""Twelve planted values, every way out of a run: nothing of them is in any file, and the files are there."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from harness import Finished, RunningSandbox, SmallProject, deploy
from planted_traces import find_traces
from planting_proxy import PLANTED, PlantingProxy

from gonogo.evidence.redact import Redactor, Terms
from gonogo.run.output import OutputLog
from gonogo.run.report_guard import refuse_raw_files
from gonogo.run.watched import WatchedTarget
from gonogo.targets.interface import Decision, Observed, SentReply

FEATURE = """Feature: leaks
  Scenario: [LEAK-1] What steps print and say
    When the customer says nothing of note
    Then something leaks through what is printed
    And something leaks through a verdict
    And something leaks through a reply, an event and a log entry
    And something leaks through Allure

  Scenario: [LEAK-2] What steps break with
    When the customer says nothing of note
    Then something leaks through a crash
"""
# Test-only: every text passes as it is, in both processes of the run.
BROKEN = """
from gonogo.evidence.redact import Redactor
Redactor.text = lambda self, value: value
"""
STEPS = Path(__file__).with_name("leaking_steps.py")


@dataclass(frozen=True)
class Leaky:
    """A project whose steps leak, in front of a middleware that tells too much."""

    project: SmallProject
    url: str
    temporary: Path

    def run(self, *arguments: str) -> Finished:
        env = {"RICHPANEL_WEBHOOK_TOKEN": "test-token", "TMPDIR": str(self.temporary)}
        return self.project.gonogo(
            *("run", "richpanel", "--stage", "1", "--env", "deployed", "--environments", "deployed.yaml"),
            *("--format", "json", *arguments),
            env=env,
        )

    @property
    def folder(self) -> Path:
        return self.project.runs[0]


def _make(folder: Path, url: str, extra: str = "") -> Leaky:
    project = SmallProject(folder / "project", ["ST-001", "ST-020"])
    (project.root / "steps" / "leaking.py").write_text(STEPS.read_text("utf-8") + extra, "utf-8")
    project.edit("pyproject.toml", ('"steps.invariants"', '"steps.invariants", "steps.leaking"'))
    (project.features / "leaks.feature").write_text(FEATURE, "utf-8")
    deploy(project, url, kind="sandbox")
    (folder / "tmp").mkdir()
    return Leaky(project, url, folder / "tmp")


@pytest.fixture(scope="module")
def proxy() -> Iterator[PlantingProxy]:
    sandbox = RunningSandbox("--flag-ttl", "0.2", "--latency", "0.02-0.15")
    proxy = PlantingProxy(sandbox.url)
    yield proxy
    proxy.stop()
    sandbox.stop()


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory, proxy: PlantingProxy) -> Leaky:
    """A run that leaked through everything, with what pytest itself can write asked for as well."""
    leaky = _make(tmp_path_factory.mktemp("leaky"), proxy.url)
    done = leaky.run("--", "-rA", "--tb=long", "-o", "junit_logging=all", f"--junitxml={leaky.temporary / 'own.xml'}")
    assert done.code == 1, done.stderr
    (leaky.temporary / "stdout.txt").write_text(done.stdout, "utf-8")
    (leaky.temporary / "stderr.txt").write_text(done.stderr, "utf-8")
    return leaky


def _read(leaky: Leaky, name: str) -> str:
    paths = sorted((leaky.folder / name).glob("*")) if name == "allure-results" else [leaky.folder / name]
    return "\n".join(path.read_text("utf-8") for path in paths)


@pytest.mark.parametrize(
    ("sink", "file"),
    [
        *((f"LEAK {name} ", "pytest.log") for name in ("stdout", "stderr", "logging", "descriptor", "warning")),
        *((f"LEAK {name} ", "pytest.log") for name in ("thread", "crash")),
        ("leaking.py:", "pytest.log"),
        ("CrashError", "pytest.log"),
        *(
            (f"LEAK {name}", file)
            for name in ("assertion", "url", "datatable", "reply", "event", "log")
            for file in ("outcomes.jsonl", "decision.json", "junit.xml", "allure-results")
        ),
        ("json-expected", "decision.json"),
        ("json-observed", "junit.xml"),
        ("LEAK assertion", "decision.md"),
        ('"shape"', "exchanges.jsonl"),
        ('"received_hmac"', "exchanges.jsonl"),
        ("content-type", "exchanges.jsonl"),
    ],
)
def test_a_sink_was_used_and_holds_none_of_the_values(leaky: Leaky, sink: str, file: str) -> None:
    text = _read(leaky, file)
    assert sink.replace(" ", "") in text.replace(" ", "").replace("\\", ""), "the leak did not come this way"
    assert not find_traces({file: text.encode()}, PLANTED)


def test_no_file_of_the_run_nor_a_temporary_one_holds_a_value(leaky: Leaky) -> None:
    files = [path for path in (*leaky.project.root.rglob("*"), *leaky.temporary.rglob("*")) if path.is_file()]
    contents = {str(path): path.read_bytes() for path in files}
    assert len(contents) > 20
    assert (leaky.temporary / "own.xml").is_file(), "pytest's own JUnit file was asked for"
    assert not find_traces(contents, PLANTED)


def test_secrets_are_in_no_file_either(leaky: Leaky) -> None:
    for path in leaky.folder.rglob("*"):
        if path.is_file():
            assert b"test-token" not in path.read_bytes(), path


def test_the_canaries_were_sent_and_are_in_no_file(leaky: Leaky) -> None:
    from gonogo.evidence.canaries import canaries

    planted = dict(canaries(leaky.folder.name).needles())
    contents = {str(path): path.read_bytes() for path in leaky.folder.rglob("*") if path.is_file()}
    assert not find_traces(contents, planted)


def test_direct_pytest_with_allure_writes_none_of_the_values(leaky: Leaky, tmp_path: Path) -> None:
    arguments = ["features/richpanel", "--stage", "1", "--env", "deployed", "--environments", "deployed.yaml"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, "-k", "LEAK", f"--alluredir={tmp_path / 'allure'}"],
        cwd=leaky.project.root,
        capture_output=True,
        timeout=120,
        check=False,
        env={**os.environ, "RICHPANEL_WEBHOOK_TOKEN": "test-token", "TMPDIR": str(leaky.temporary)},
    )
    files = {str(path): path.read_bytes() for path in (tmp_path / "allure").rglob("*")}
    text = b"\n".join(files.values()).decode()
    for sink in ("attachment", "description", "allure-reason", "assertion", "crash", "stdout"):
        assert f"LEAK {sink} email" in text, (sink, done.stdout[-2000:])
    assert not find_traces(files, PLANTED)


def test_capture_in_a_temporary_file_is_refused(leaky: Leaky) -> None:
    command = [sys.executable, "-m", "pytest", "features/richpanel", "--stage", "1", "--env", "deployed"]
    done = subprocess.run(
        [*command, "--environments", "deployed.yaml", "--capture=fd"],
        cwd=leaky.project.root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "RICHPANEL_WEBHOOK_TOKEN": "test-token"},
    )
    assert done.returncode == 4, done.stdout
    assert "--capture=sys" in done.stderr


@pytest.mark.parametrize(
    ("option", "value"), [("capture", "fd"), ("debug", "x.log"), ("log_file", "x.log"), ("pastebin", "all")]
)
def test_options_that_write_raw_text_are_refused(option: str, value: str) -> None:
    options = {"capture": "sys", "debug": None, "log_file": None, "pastebin": None}
    refuse_raw_files(SimpleNamespace(option=SimpleNamespace(**options)))  # type: ignore[arg-type]
    with pytest.raises(pytest.UsageError):
        refuse_raw_files(SimpleNamespace(option=SimpleNamespace(**{**options, option: value})))  # type: ignore[arg-type]


def test_with_redaction_broken_the_values_reach_the_files(tmp_path: Path, proxy: PlantingProxy, leaky: Leaky) -> None:
    """Proves that the tests above can fail."""
    broken = _make(tmp_path, proxy.url, BROKEN)
    broken.run("--", "-rA", "--tb=long", "-k", "LEAK")
    for file in ("outcomes.jsonl", "decision.json", "decision.md", "junit.xml", "pytest.log", "allure-results"):
        found = find_traces({file: _read(broken, file).encode()}, PLANTED)
        assert {name for _, name, _ in found} == set(PLANTED), file
    assert not (broken.folder / "manifest.json").exists(), "the scanner lets it pass"
    shutil.rmtree(tmp_path / "project")


def test_the_reasons_stay_readable(leaky: Leaky) -> None:
    record = json.loads((leaky.folder / "decision.json").read_bytes())
    checks = {f"{one['case']}/{one['check']}": one for one in record["checks"]}
    assert checks["ST-020/team"]["observed"] == "Email Support Team"
    assert checks["ST-020/intent"]["observed"] == "order_status_tracking"
    assert checks["INV-PRIVACY/logs"]["outcome"] == "FAILED"
    assert any("an e-mail address in log entries of" in reason for reason in checks["INV-PRIVACY/logs"]["reasons"])
    # The planted keys are in the shown configuration too, where they are parameters that nobody declared.
    touched = ("LEAK-1", "LEAK-2", "CFG-DEFAULTS")
    untouched = [one for one in record["checks"] if one["case"] not in touched]
    hidden = [one for one in untouched if "[redacted" in json.dumps(one)]
    assert not hidden


def test_the_log_is_bounded_and_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    lines = b"".join(b"line %07d of marta@planted.example%s\n" % (number, b" " * 900) for number in range(2000))
    log = OutputLog(io.BytesIO(lines + b"the end"), tmp_path / "pytest.log", Redactor(Terms()))
    log.close()
    text = (tmp_path / "pytest.log").read_text("utf-8")
    assert len(text) < 1_400_000
    assert text.startswith("line 0000000 of [redacted:email] ")
    assert text.endswith("line 0001999 of [redacted:email]" + " " * 900 + "\nthe end")
    assert "bytes left out]" in text


def test_a_target_of_another_protocol_is_watched_at_its_answers() -> None:
    class Other:
        """Answers like a target; only what is asked here."""

        def read_replies(self, ticket: str) -> Observed[tuple[SentReply, ...]]:
            return Observed((SentReply("r-1", True, "t_vip", PLANTED["body"], "human"),), 0.0, "queue")

        def read_logs(self, ticket: str) -> Observed[tuple[Any, ...]]:
            return Observed(({"by": PLANTED["name"]},), 0.0, "queue")

        def read_decisions(self, ticket: str) -> Observed[tuple[Decision, ...]]:
            return Observed((Decision({"team": "Night Desk", "action": PLANTED["address"]}, {}, {}),), 0.0, "queue")

    redactor = Redactor(Terms())
    inner: Any = Other()
    target = WatchedTarget(inner, redactor, ["team", "template"])
    for read in (target.read_replies, target.read_logs, target.read_decisions):
        read("T-1")
    assert redactor.text("t_vip from Night Desk") == "t_vip from Night Desk"
    text = " ".join(PLANTED[name] for name in ("body", "name", "address"))
    assert not find_traces({"text": redactor.text(text).encode()}, PLANTED)
