"""Automatic option A: at once, once, never for what people have to judge, and never lost with the watcher."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from watch_scene import ON, START, Sandbox, Scene, StepClock, set_scene

from gonogo.errors import LedgerAccessError, TargetError
from gonogo.evidence.ledger.book import open_ledger
from gonogo.evidence.ledger.lock import acquire_lock
from gonogo.release.rollback_request import RollbackReport
from gonogo.release.watching.claim import Claims, ClaimState, LedgerView
from gonogo.release.watching.journal import read_lines
from gonogo.release.watching.judge import Firing
from gonogo.release.watching.loop import Ending

EVERY = 30.0


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    one = Sandbox()
    yield one
    one.stop()


@pytest.fixture
def open_sandbox(sandbox: Sandbox) -> Iterator[Sandbox]:
    sandbox.faults()
    sandbox.set_flags(ON)
    yield sandbox
    sandbox.faults()


class Kill:
    """A rollback that writes the flags of a sandbox, and reports what it is told to."""

    def __init__(self, sandbox: Sandbox, effect: str = "proven", *, wait: float = 0.0) -> None:
        self.sandbox, self.effect, self.wait = sandbox, effect, wait
        self.times = 0

    def __call__(self, firing: Firing) -> RollbackReport:
        self.times += 1
        time.sleep(self.wait)
        if self.effect in ("proven", "not_proven"):
            self.sandbox.set_flags({"automation_enabled": False, "safe_mode": True})
        record = {"first_write_at": datetime.now(UTC).isoformat()}
        commands = ("gonogo rollback richpanel --env deployed --option B --template T", "… --option C")
        to_safe = 0.4 if self.effect == "proven" else None
        return RollbackReport(record, self.effect, to_safe, Path("rollback-folder"), commands, 0)


def complaints_at(sandbox: Sandbox, moment: float) -> Any:
    return lambda at: sandbox.faults("signal_complaints") if at == moment else None


def test_option_a_is_performed_within_two_intervals_and_ends_the_watch(open_sandbox: Sandbox, tmp_path: Path) -> None:
    kill = Kill(open_sandbox)
    scene = set_scene(tmp_path, open_sandbox, length=900, after=complaints_at(open_sandbox, 60), perform=kill).run()
    assert kill.times == 1
    assert [one.id for one in scene.performed] == ["TRG-COMPLAINTS"]
    assert scene.clock.at - 60 <= 2 * EVERY
    assert scene.loop.ending is Ending.ROLLED_BACK
    assert open_sandbox.client.get("/flags").json()["flags"]["automation_enabled"] is False
    records = list(read_lines(tmp_path / "samples.jsonl"))
    [action] = [one for one in records if one["kind"] == "action" and one["what"] == "rollback"]
    assert action["effect"] == "proven"
    assert action["seconds_to_safe"] >= 0.4
    # It began between the sample before and the one that showed it.
    assert action["seconds_to_safe_at_most"] == pytest.approx(action["seconds_to_safe"] + EVERY)
    assert [one["id"] for one in records if one["kind"] == "trigger"] == ["TRG-COMPLAINTS"]
    entries = [one.payload for one in scene.ledger.entries() if one.kind == "trigger"]
    assert [(one["trigger"], one["environment"], one["stage"], one["release"]) for one in entries] == [
        ("TRG-COMPLAINTS", "deployed", "2", "r1")
    ]


def test_nobody_who_did_not_agree_is_rolled_back(open_sandbox: Sandbox, tmp_path: Path) -> None:
    scene = set_scene(tmp_path, open_sandbox, length=120, after=complaints_at(open_sandbox, 30)).run()
    assert scene.fired == {"TRG-COMPLAINTS": 30.0}
    assert scene.loop.ending is Ending.TIME
    assert open_sandbox.client.get("/flags").json()["flags"]["automation_enabled"] is True
    assert scene.states[-1].next_command.startswith("gonogo rollback richpanel --env deployed --option A")


def test_what_people_have_to_judge_is_never_rolled_back_by_itself(open_sandbox: Sandbox, tmp_path: Path) -> None:
    faults = ("routing_errors", "throttling", "cost", "mapping_drift", "job_errors", "dead_letters", "queue_stuck")

    def after(at: float) -> None:
        if at == 60:
            open_sandbox.faults(*(f"signal_{name}" for name in faults))

    kill = Kill(open_sandbox)
    scene = set_scene(tmp_path, open_sandbox, length=300, after=after, perform=kill).run()
    assert len(scene.fired) >= len(faults)
    assert {one.kind.value for one in scene.loop.book.firings.values()} == {"evaluation"}
    assert kill.times == 0
    assert open_sandbox.client.get("/flags").json()["flags"]["automation_enabled"] is True


def test_no_data_is_never_rolled_back_by_itself(open_sandbox: Sandbox, tmp_path: Path) -> None:
    open_sandbox.faults("metrics_down")
    kill = Kill(open_sandbox)
    scene = set_scene(tmp_path, open_sandbox, length=300, perform=kill).run()
    assert scene.fired
    assert kill.times == 0


def test_two_watchers_roll_back_once(open_sandbox: Sandbox, tmp_path: Path) -> None:
    kill = Kill(open_sandbox, wait=0.5)
    gate = threading.Barrier(2)
    scenes: list[Scene] = []
    for name in ("one", "two"):

        def after(at: float) -> None:
            if at == 60:
                gate.wait(20)
                open_sandbox.faults("signal_complaints")
            # The other one goes on polling while the first is at it.
            time.sleep(0.05 if at > 60 else 0)

        scenes.append(
            set_scene(
                tmp_path / name,
                open_sandbox,
                length=3000,
                after=after,
                perform=kill,
                session=name,
                ledger=tmp_path / "ledger",
            )
        )
    threads = [threading.Thread(target=scene.run) for scene in scenes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    assert kill.times == 1
    endings = {scene.loop.ending for scene in scenes}
    assert endings == {Ending.ROLLED_BACK, Ending.ROLLED_BACK_ELSEWHERE}
    assert len([one for one in scenes[0].ledger.entries() if one.kind == "trigger"]) <= 2


def test_a_rollback_without_effect_escalates_at_once(open_sandbox: Sandbox, tmp_path: Path) -> None:
    with Hook() as hook:
        scene = set_scene(
            tmp_path,
            open_sandbox,
            length=900,
            after=complaints_at(open_sandbox, 60),
            perform=Kill(open_sandbox, "no_effect"),
            notify=hook.url,
        ).run()
    assert scene.loop.reactor.escalated
    reaction = next(one for one in scene.loop.reactor.actions if one.what == "rollback")
    assert "NO EFFECT" in reaction.text
    assert any("--option B" in one for one in reaction.commands)
    assert any("--option C" in one for one in reaction.commands)
    assert [one["event"] for one in hook.got] == ["trigger_fired", "rollback_without_effect"]
    assert hook.got[0]["command"].startswith("gonogo rollback richpanel")
    assert hook.got[1]["commands"] == list(reaction.commands)


def test_a_rollback_that_cannot_be_written_is_told_and_tried_again(open_sandbox: Sandbox, tmp_path: Path) -> None:
    kill, failures = Kill(open_sandbox), iter((True, True, False))

    def perform(firing: Firing) -> RollbackReport:
        if next(failures):
            raise TargetError("cannot be reached")
        return kill(firing)

    scene = set_scene(tmp_path, open_sandbox, length=900, after=complaints_at(open_sandbox, 60), perform=perform).run()
    assert kill.times == 1
    failed = [one for one in scene.loop.reactor.actions if one.effect == "failed"]
    assert len(failed) == 2
    assert any("--option C" in command for command in failed[0].commands)
    assert not scene.loop.reactor.escalated
    assert scene.loop.ending is Ending.ROLLED_BACK


def test_a_ledger_that_is_away_keeps_nobody_from_the_kill_switch(
    open_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill = Kill(open_sandbox)
    scene = set_scene(tmp_path, open_sandbox, length=900, perform=kill)

    def away(*_: Any, **__: Any) -> Any:
        raise LedgerAccessError("the storage does not answer")

    def after(at: float) -> None:
        if at == 60:
            for name in ("create", "read", "names"):
                monkeypatch.setattr(type(scene.ledger.storage), name, away)
            open_sandbox.faults("signal_complaints")

    scene.clock.after = after
    scene.run()
    assert kill.times == 1
    assert scene.loop.ending is Ending.ROLLED_BACK


class Hook:
    """A webhook that keeps what it is posted."""

    def __init__(self, status: int = 204) -> None:
        got: list[dict[str, Any]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                import json

                got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.got = got
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook/secret-token"

    def __enter__(self) -> Hook:
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_a_webhook_that_refuses_is_told_without_its_address_and_ends_nothing(
    open_sandbox: Sandbox, tmp_path: Path
) -> None:
    with Hook(status=404) as hook:
        scene = set_scene(
            tmp_path, open_sandbox, length=120, after=complaints_at(open_sandbox, 30), notify=hook.url
        ).run()
    assert scene.loop.ending is Ending.TIME
    assert any("NOT NOTIFIED of trigger_fired: status 404" in text for text in scene.told)
    assert not any("secret-token" in text for text in scene.told)
    assert len([one for one in hook.got if one["event"] == "trigger_fired"]) == 1


def test_a_claim_whose_watcher_died_is_taken_over_even_where_nothing_fires_any_more(
    open_sandbox: Sandbox, tmp_path: Path
) -> None:
    ledger = open_ledger(str(tmp_path / "ledger"), "richpanel")
    name = Claims(ledger, "deployed", "dead", lambda: datetime.now(UTC)).name(LedgerView(ledger, "deployed").look())
    long_ago = datetime.now(UTC) - timedelta(minutes=5)
    acquire_lock(ledger.storage, name, "dead", 15, long_ago)
    kill = Kill(open_sandbox)
    scene = set_scene(tmp_path, open_sandbox, length=300, perform=kill, ledger=tmp_path / "ledger").run()
    assert kill.times == 1
    assert scene.clock.at <= EVERY
    # Once it is done, nobody does it again.
    again = set_scene(tmp_path / "again", open_sandbox, length=60, perform=kill, ledger=tmp_path / "ledger").run()
    assert kill.times == 1
    assert again.loop.ending is Ending.TIME


def test_who_did_not_agree_to_rollbacks_is_told_of_a_claim_left_undone(open_sandbox: Sandbox, tmp_path: Path) -> None:
    ledger = open_ledger(str(tmp_path / "ledger"), "richpanel")
    claims = Claims(ledger, "deployed", "dead", lambda: datetime.now(UTC))
    acquire_lock(ledger.storage, claims.name(LedgerView(ledger, "deployed").look()), "dead", 15, datetime.now(UTC))
    scene = set_scene(tmp_path, open_sandbox, length=60, ledger=tmp_path / "ledger").run()
    assert any("did not finish it" in one.text for one in scene.loop.reactor.actions)


def test_what_is_opened_after_a_rollback_is_rolled_back_again(open_sandbox: Sandbox, tmp_path: Path) -> None:
    ledger = open_ledger(str(tmp_path / "ledger"), "richpanel")
    kill = Kill(open_sandbox)
    open_sandbox.faults("signal_complaints")
    for number in (1, 2):
        open_sandbox.set_flags(ON)
        ledger.append("advance", {"environment": "deployed", "stage": "2"}, datetime.now(UTC))
        folder = tmp_path / f"session-{number}"
        set_scene(folder, open_sandbox, length=300, perform=kill, ledger=tmp_path / "ledger").run()
        assert kill.times == number
    # On record as rolled back, with nothing opened since and automation off: counters that still tell of it do nothing.
    ledger.append("rollback", {"environment": "deployed", "option": "A", "effect": "proven"}, datetime.now(UTC))
    last = set_scene(tmp_path / "last", open_sandbox, length=300, perform=kill, ledger=tmp_path / "ledger").run()
    assert kill.times == 2
    assert "TRG-COMPLAINTS" in last.fired
    # Switched on by hand, on no record: the record says nothing about now.
    open_sandbox.set_flags(ON)
    set_scene(tmp_path / "by-hand", open_sandbox, length=300, perform=kill, ledger=tmp_path / "ledger").run()
    assert kill.times == 3


def test_a_rollback_by_others_ends_the_watch_and_a_change_on_record_is_told(
    open_sandbox: Sandbox, tmp_path: Path
) -> None:
    def after(at: float) -> None:
        if at == 60:
            scene.ledger.append("advance", {"environment": "other"}, datetime.now(UTC))
            scene.ledger.append("advance", {"environment": "deployed"}, datetime.now(UTC))
        if at == 120:
            scene.ledger.append("rollback", {"environment": "deployed", "drill": True}, datetime.now(UTC))
            scene.ledger.append("rollback", {"environment": "deployed", "phase": "begun"}, datetime.now(UTC))
        if at == 180:
            payload = {"environment": "deployed", "phase": "ended", "option": "A", "who": "Ada"}
            scene.ledger.append("rollback", payload, datetime.now(UTC))

    scene = set_scene(tmp_path, open_sandbox, length=900, after=after)
    scene.run()
    assert scene.loop.ending is Ending.ROLLED_BACK_ELSEWHERE
    assert scene.clock.at == 180
    assert any("by Ada" in one.text for one in scene.loop.reactor.actions)
    assert sum(one.what == "opened" for one in scene.loop.reactor.actions) == 1


KILLED = """
import os, signal, sys
sys.path[:0] = {paths!r}
from pathlib import Path
from watch_scene import Sandbox, StepClock, set_scene
import httpx

class Attached(Sandbox):
    def __init__(self, url, token):
        self.url, self.token = url, token
        self.client = httpx.Client(base_url=url, headers={{"X-Middleware-Token": token}}, timeout=5, trust_env=False)

sandbox, point = Attached({url!r}, {token!r}), {point!r}

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def perform(firing):
    if point == "before":
        die()
    sandbox.set_flags({{"automation_enabled": False, "safe_mode": True}})
    die()

def after(at):
    if at == 60:
        sandbox.faults("signal_complaints")

scene = set_scene(Path({folder!r}), sandbox, length=900, after=after, perform=perform, session="killed",
                  claims={{"lease": 0.6, "skew": 0.2}})
if point == "sample":
    from gonogo.release.watching import loop
    write = scene.loop.log.write
    def cut(record):
        if record["kind"] == "sample" and scene.loop.polls == 2:
            os.write(scene.loop.log._file.fileno(), b'{{"kind":"sample","at":17')
            die()
        write(record)
    scene.loop.log.write = cut
scene.run()
"""


@pytest.mark.parametrize(("point", "samples"), [("sample", 2), ("before", 3), ("after", 3)])
def test_a_watcher_that_is_killed_loses_no_rollback_and_no_sample(
    open_sandbox: Sandbox, tmp_path: Path, point: str, samples: int
) -> None:
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "run")]
    script = KILLED.format(
        paths=paths, url=open_sandbox.url, token=open_sandbox.token, point=point, folder=str(tmp_path)
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    seen = [one for one in read_lines(tmp_path / "samples.jsonl") if one["kind"] == "sample"]
    assert len(seen) == samples
    # The next session finds the claim, whether or not anything fires any more.
    open_sandbox.faults() if point != "sample" else open_sandbox.faults("signal_complaints")
    kill = Kill(open_sandbox)
    clock = StepClock(at=600.0, after=lambda _: time.sleep(0.05))
    scene = set_scene(
        tmp_path,
        open_sandbox,
        length=9000,
        perform=kill,
        session="next",
        clock=clock,
        claims={"lease": 0.6, "skew": 0.2},
    )
    scene.run()
    assert kill.times == 1
    assert scene.loop.ending is Ending.ROLLED_BACK
    assert open_sandbox.client.get("/flags").json()["flags"]["automation_enabled"] is False
    lines = (tmp_path / "samples.jsonl").read_bytes().splitlines()
    assert not any(line.startswith(b'{"kind":"sample","at":17{') for line in lines)
    assert len(list(read_lines(tmp_path / "samples.jsonl"))) == len(lines)
    assert os.environ.get("GONOGO_LEDGER") is None


def test_a_claim_is_free_taken_done(tmp_path: Path) -> None:
    ledger = open_ledger(str(tmp_path), "richpanel")
    one = Claims(ledger, "deployed", "one", lambda: datetime.now(UTC))
    two = Claims(ledger, "deployed", "two", lambda: datetime.now(UTC))
    name = one.name(LedgerView(ledger, "deployed").look())
    assert one.state(name) is ClaimState.FREE
    with one.hold(name) as mine, two.hold(name) as theirs:
        assert mine
        assert not theirs
        assert two.state(name) is ClaimState.TAKEN
    assert two.state(name) is ClaimState.FREE
    with two.hold(name) as mine:
        assert mine
        two.mark_done(name, {"effect": "proven"})
    assert one.state(name) is ClaimState.DONE
    with one.hold(name) as mine:
        assert not mine
    assert one.read_done(name)["owner"] == "two"
    assert START.tzinfo is UTC
