"""The preflight: a healthy deployment and each line that can fail; nothing is changed, and one hides no other."""

from __future__ import annotations

import base64
import json
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "run"))

from harness import ROOT, RunningSandbox
from production_project import (
    RELEASE,
    ROUTING_ONLY,
    VARIABLES,
    CaptureServer,
    ProductionProject,
    Reply,
    invoke,
    middleware,
    stage_flags,
)

from gonogo.errors import SourceError, UsageError
from gonogo.evidence.ledger import ledger_location, open_ledger
from gonogo.evidence.ledger.journal import ChangeState, FlagChange, Journal
from gonogo.evidence.ledger.lock import acquire_lock

ADDRESS, LISTED = r"127.0.0.1:\d+\n", r"127.0.0.1:\d+\]"


SCHEMA = jsonschema_rs.validator_for(json.loads((ROOT / "docs/schemas/doctor.schema.json").read_text("utf-8")))


class Surgery:
    """A project and the server that it calls production."""

    def __init__(self, project: ProductionProject, server: CaptureServer) -> None:
        self.project = project
        self.server = server

    def examine(self, *more: str, variables: dict[str, str] | None = None, **answers: Any) -> Any:
        self.server.handler = middleware(**{"credentials": {"ok": True}, **answers})
        self.server.requests.clear()
        words = ["doctor", "richpanel", "--env", "production", "--format", "json", *more]
        done = invoke(self.project, words, VARIABLES if variables is None else variables)
        assert [one.method for one in self.server.requests if one.method != "GET"] == [], "it changes nothing"
        return done


@pytest.fixture(scope="module")
def surgery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surgery]:
    with CaptureServer(middleware()) as server:
        yield Surgery(ProductionProject(tmp_path_factory.mktemp("doctor"), server.url), server)


def lines(done: Any, topic: str) -> list[dict[str, str]]:
    assert done.stdout, done.output
    return [one for one in json.loads(done.stdout)["lines"] if one["topic"] == topic]


def only(done: Any, topic: str) -> dict[str, str]:
    found = lines(done, topic)
    assert len(found) == 1, found
    return found[0]


def failed(done: Any) -> set[str]:
    return {one["topic"] for one in json.loads(done.stdout)["lines"] if one["level"] == "fail"}


def test_a_healthy_deployment(surgery: Surgery) -> None:
    done = surgery.examine("--stage", "1", "--release", RELEASE)

    shown = json.loads(done.stdout)
    assert (done.exit_code, failed(done)) == (0, set()), done.stdout
    assert list(SCHEMA.iter_errors(shown)) == []
    assert shown["worst"] == "warn", "there is no trust.yaml"
    topics = [one["topic"] for one in shown["lines"]]
    assert set(topics) >= set(
        "sources features variables key trust ledger lock journal disk browser guard hosts reachable health build "
        "credentials flags clock capabilities metrics".split()
    )
    assert VARIABLES["RICHPANEL_WEBHOOK_TOKEN"] not in done.stdout
    assert VARIABLES["GONOGO_SIGNING_KEY"] not in done.stdout


def test_every_line_that_is_not_ok_says_what_to_do(surgery: Surgery) -> None:
    done = surgery.examine("--stage", "2", "--release", "other", variables={}, flags=None, version=None)
    assert [one for one in json.loads(done.stdout)["lines"] if one["level"] != "ok" and not one["action"]] == []


@pytest.mark.parametrize(
    ("answers", "more", "topic", "says"),
    [
        ({"credentials": Reply(401)}, (), "credentials", "the token of RICHPANEL_WEBHOOK_TOKEN is refused"),
        ({"credentials": Reply(500)}, (), "credentials", "GET /credentials answered 500"),
        ({"health": {"ok": False}}, (), "health", "it is not healthy"),
        ({"health": Reply(503)}, (), "health", "GET /health answered 503"),
        ({"health": Reply(302, b"", {"Location": "http://evil.example/"})}, (), "health", "redirects to evil.example"),
        ({"version": None}, (), "build", "nothing shows what is deployed"),
        ({}, ("--release", "r2"), "build", f"{RELEASE} is deployed, and not r2"),
        ({"flags": Reply(500)}, (), "flags", "GET /flags answered 500"),
    ],
)
def test_what_the_target_shows(
    surgery: Surgery, answers: dict[str, Any], more: tuple[str, ...], topic: str, says: str
) -> None:
    done = surgery.examine(*more, **answers)

    line = only(done, topic)
    assert line["level"] == "fail"
    assert says in line["finding"]
    assert failed(done) == {topic}, "one finding hides no other and makes none"
    assert done.exit_code == (5 if topic == "health" else 2)


def test_flags_of_another_stage_are_told(surgery: Surgery) -> None:
    done = surgery.examine("--stage", "1", flags={"flags": stage_flags(safe_mode=False)})

    line = only(done, "flags")
    assert (line["level"], done.exit_code) == ("warn", 0)
    assert "safe_mode is false, not true" in line["finding"]
    assert "gonogo advance richpanel --stage 1 --env production" in line["action"]


def test_missing_variables_are_named(surgery: Surgery) -> None:
    done = surgery.examine(variables={})

    assert only(done, "variables")["finding"] == "RICHPANEL_WEBHOOK_TOKEN is not set"
    assert only(done, "key")["level"] == "fail"
    assert only(done, "reachable")["level"] == "ok", "the other looks are taken"
    assert done.exit_code == 2


def test_a_key_that_cannot_be_used(surgery: Surgery) -> None:
    done = surgery.examine(variables={**VARIABLES, "GONOGO_SIGNING_KEY": "nonsense"})
    assert only(done, "key")["level"] == "fail"


def vary(surgery: Surgery, *changes: tuple[str, str]) -> tuple[str, str]:
    return "--environments", surgery.project.vary(*changes, name="doctor.yaml")


@pytest.mark.parametrize(
    ("changes", "topic", "says", "code"),
    [
        (((LISTED, "middleware.example]"),), "hosts", "[host-not-allowed]", 2),
        (((r"    hosts: .*\n", ""),), "hosts", "names no hosts", 2),
        (((ADDRESS, "127.0.0.1:9\n"), (LISTED, "127.0.0.1:9]")), "reachable", "does not answer", 5),
        (
            ((f"http://{ADDRESS}", "https://no.such.host.invalid\n"), (LISTED, "no.such.host.invalid]")),
            "reachable",
            "cannot be resolved",
            5,
        ),
    ],
)  # fmt: skip
def test_the_way_there(
    surgery: Surgery, changes: tuple[tuple[str, str], ...], topic: str, says: str, code: int
) -> None:
    done = surgery.examine(*vary(surgery, *changes))

    line = only(done, topic)
    assert (line["level"], done.exit_code) == ("fail", code), done.stdout
    assert says in line["finding"]
    assert only(done, "ledger")["level"] == "ok"


def test_what_cannot_be_observed_is_told(surgery: Surgery) -> None:
    edits = ((r"    probe: .*\n", ""), (r"      email: .*\n", ""), (r"    logs: .*\n", ""))
    done = surgery.examine(*vary(surgery, *edits), "--stage", "1")

    told = " ".join(one["finding"] for one in lines(done, "capabilities"))
    assert "what logs hold" in told
    assert "no probe" in told
    assert "'no reply' on email" in told
    assert done.exit_code == 0


def test_the_guard_is_asked_about_the_stage(surgery: Surgery) -> None:
    done = surgery.examine(*vary(surgery, (r"messages: 200", "messages: 2")), "--stage", "1")
    assert [line["finding"].split()[0] for line in lines(done, "guard")] == ["[too-many-messages]"]
    assert lines(surgery.examine("--stage", "2"), "guard")[0]["level"] == "ok"


def test_a_flag_that_was_not_returned_and_a_lock(surgery: Surgery) -> None:
    ledger = open_ledger(ledger_location(surgery.project.root, {}, None), "richpanel")
    journal = Journal(ledger.storage, "production")
    at = "2026-01-01T00:00:00Z"
    journal.note(FlagChange("safe_mode", False, True, "run-before", at, ChangeState.INTENDED))
    lock = acquire_lock(ledger.storage, "production", "another run", 60, datetime.now(UTC))
    try:
        done = surgery.examine()
    finally:
        lock.release(datetime.now(UTC))
        journal.void("the test is over", "test", datetime.now(UTC))

    assert failed(done) == {"journal", "lock"}
    line = only(done, "journal")
    assert "safe_mode was changed from False to True by run-before" in line["finding"]
    assert "gonogo restore richpanel --env production" in line["action"]
    assert "another run is at work there until" in only(done, "lock")["finding"]
    assert failed(surgery.examine()) == set()


def test_broken_sources_hide_nothing_else(surgery: Surgery) -> None:
    plan = surgery.project.sources / "plan.yaml"
    text = plan.read_text("utf-8")
    plan.write_text(text + "nonsense: true\n", "utf-8")
    try:
        done = surgery.examine()
    finally:
        plan.write_text(text, "utf-8")

    assert "unknown key 'nonsense'" in only(done, "sources")["finding"]
    assert only(done, "credentials")["level"] == "ok"
    assert done.exit_code == 2


GATES = """system: richpanel
sources:
  page: {kind: exposition, path: /metrics}
  board: {kind: prometheus, url_env: BOARD_URL, token_env: BOARD_TOKEN}
  dead: {kind: prometheus, url: "http://127.0.0.1:9"}
metrics:
  age: {source: page, query: queue_age}
  lag: {source: board, query: lag}
  loss: {source: dead, query: loss}
gates:
  - {id: GATE-age, metric: age, comparison: at_most, limit: 1}
  - {id: GATE-lag, metric: lag, comparison: at_most, limit: 1}
  - {id: GATE-loss, metric: loss, comparison: at_most, limit: 1}
"""


def test_where_gates_read_their_figures(surgery: Surgery) -> None:
    plan, gates = surgery.project.sources / "plan.yaml", surgery.project.sources / "doctor_gates.yaml"
    text = plan.read_text("utf-8")
    gates.write_text(GATES, "utf-8")
    plan.write_text(text + f"  - id: gated{ROUTING_ONLY}    gates: [doctor_gates.yaml]\n    after: []\n", "utf-8")
    board = {"BOARD_URL": surgery.server.url, "BOARD_TOKEN": "token-of-the-board"}
    try:
        bare = surgery.examine(metrics=None)
        fed = surgery.examine(variables={**VARIABLES, **board}, metrics={"lines": 0})
        other = surgery.examine("--stage", "1")
    finally:
        plan.write_text(text, "utf-8")
        gates.unlink()

    told = " ".join(one["finding"] for one in lines(bare, "metrics") if one["level"] == "fail")
    for words in ("BOARD_URL is not set", "BOARD_TOKEN is not set", "/metrics answered 404", "source dead of"):
        assert words in told
    failing = [one["finding"] for one in lines(fed, "metrics") if one["level"] == "fail"]
    assert len(failing) == 1
    assert "source dead of doctor_gates.yaml does not answer" in failing[0]
    assert "token-of-the-board" not in fed.stdout
    assert (only(other, "metrics")["level"], bare.exit_code) == ("ok", 2)


def test_drifted_features(surgery: Surgery) -> None:
    feature = surgery.project.features / "smoke.feature"
    text = feature.read_text("utf-8")
    feature.write_text(text.replace("ST-020", "ST-999", 1), "utf-8")
    try:
        done = surgery.examine()
    finally:
        feature.write_text(text, "utf-8")
    assert failed(done) == {"features"}


def test_a_ledger_that_cannot_be_written(surgery: Surgery, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder", "utf-8")
    done = surgery.examine(variables={**VARIABLES, "GONOGO_LEDGER": str(blocked)})
    assert "ledger" in failed(done)
    assert only(done, "credentials")["level"] == "ok"


class SkewedServer:
    """Answers like the middleware, with a clock of its own."""

    def __init__(self, seconds: float, *, date: bool = True) -> None:
        answer = middleware(credentials={"ok": True})

        class Serve(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                from capture_server import Captured

                reply = answer(Captured("GET", self.path, {}, b"", 0.0))
                self.send_response_only(reply.status)
                if date:
                    self.send_header("Date", formatdate(time.time() + seconds, usegmt=True))
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Serve)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __enter__(self) -> SkewedServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.parametrize(
    ("seconds", "level", "says"),
    [
        (0, "ok", "agrees"),
        (10, "warn", "s ahead"),
        (-10, "warn", "s behind"),
        (3600, "fail", "s ahead"),
        (-3600, "fail", "s behind"),
    ],
)
def test_the_clock(surgery: Surgery, seconds: float, level: str, says: str) -> None:
    with SkewedServer(seconds) as server:
        done = surgery.examine(*vary(surgery, (ADDRESS, f"{server.host}\n"), (LISTED, f"{server.host}]")))
    line = only(done, "clock")
    assert (line["level"], says in line["finding"]) == (level, True), line
    assert done.exit_code == (2 if level == "fail" else 0)


def test_a_target_without_dates(surgery: Surgery) -> None:
    with SkewedServer(0, date=False) as server:
        done = surgery.examine(*vary(surgery, (ADDRESS, f"{server.host}\n"), (LISTED, f"{server.host}]")))
    assert only(done, "clock")["level"] == "warn"


def test_an_embedded_sandbox_is_started_and_looked_at(surgery: Surgery) -> None:
    done = invoke(surgery.project, ["doctor", "richpanel", "--env", "sandbox"], {})

    assert done.exit_code == 0, done.output
    assert "ok    credentials   the token of RICHPANEL_WEBHOOK_TOKEN is accepted" in done.stdout
    assert "→ gonogo keys new" in done.stdout


def test_the_wrong_token_of_a_real_middleware(surgery: Surgery) -> None:
    sandbox = RunningSandbox()
    host = sandbox.url.removeprefix("http://")
    try:
        words = vary(surgery, (ADDRESS, f"{host}\n"), (LISTED, f"{host}]"))
        wrong = surgery.examine(*words, variables={**VARIABLES, "RICHPANEL_WEBHOOK_TOKEN": "wrong"})
        right = surgery.examine(*words)
    finally:
        sandbox.stop()
    assert failed(wrong) == {"credentials"}
    assert failed(right) == set()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["richpanl", "--env", "production"], "Did you mean 'richpanel'?"),
        (["richpanel", "--env", "prodction"], "Did you mean 'production'?"),
        (["richpanel", "--env", "production", "--stage", "9"], "stage '9' is not in the plan"),
        (["richpanel", "--env", "production", "--format", "xml"], "allowed: text, json"),
    ],
)
def test_what_is_not_there(surgery: Surgery, words: list[str], says: str) -> None:
    done = invoke(surgery.project, ["doctor", *words])
    assert isinstance(done.exception, UsageError | SourceError)
    assert says in f"{done.exception.message} {done.exception.hint}"


def test_the_key_is_named_by_its_id_and_not_shown(surgery: Surgery) -> None:
    line = only(surgery.examine(), "key")
    assert line["finding"].startswith("evidence is signed by ")
    assert base64.b64encode(bytes(range(32))).decode() not in line["finding"]
