"""Kills what changes flags with SIGKILL before and after every write of a flag, of its journal and of the ledger.

For each point a child is forked that counts these calls and kills itself at the chosen one; then what a next start
would do is done. Prints one JSON line a point: what the child was about to do, the flags before, after the kill, after
a person may have thrown the switches, and after the next start, with what that start told.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from gonogo.errors import RefusedError
from gonogo.evidence.ledger.book import Ledger, open_ledger
from gonogo.evidence.ledger.journal import Journal
from gonogo.evidence.ledger.lock import acquire_lock
from gonogo.evidence.record import Recorder
from gonogo.release.advance import AdvanceRequest, advance
from gonogo.release.restore import RestoreRequest, restore
from gonogo.run.flagjournal import FlagJournal
from gonogo.run.hold import hold_environment
from gonogo.run.orchestrate import new_run_id
from gonogo.run.redaction import build_redactor
from gonogo.run.runplan import FlagGroup
from gonogo.run.session import RunSession
from gonogo.run.setup import RunRequest, RunSetup, load_setup
from gonogo.run.targets import open_target
from gonogo.run.tenure import settle_after, settle_before
from gonogo.targets.http import HttpTarget

OVERLAYS: tuple[dict[str, Any], ...] = (
    {},
    {"safe_mode": False, "automation_enabled": False},
    {"safe_mode": True, "automation_enabled": True},
)
ALL = range(1, 500)
THROWN = {"automation_enabled": False, "safe_mode": True}


class KillPoint:
    """Counts calls, tells the reader of a pipe which one comes now, and ends the process at the chosen one."""

    def __init__(self, chosen: int, pipe: int) -> None:
        self.left, self.pipe = chosen, pipe

    def around(self, owner: type, name: str) -> None:
        function = getattr(owner, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self.pass_by(f"before {owner.__name__}.{name}")
            result = function(*arguments, **options)
            self.pass_by(f"after {owner.__name__}.{name}")
            return result

        setattr(owner, name, call)

    def pass_by(self, what: str) -> None:
        self.left -= 1
        if self.left == 0:
            os.write(self.pipe, what.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        for owner, names in ((Journal, ("note", "keep")), (HttpTarget, ("set_flag",)), (Ledger, ("append",))):
            for name in names:
                self.around(owner, name)


class Place:
    """A project with a deployed sandbox, its flags, and what is started there."""

    def __init__(self, root: Path, url: str, environments: str) -> None:
        self.root, self.url = root, url
        self.environments = root / environments
        self.ledger = open_ledger(str(root / "evidence"), "richpanel")

    def flags(self) -> dict[str, Any]:
        return dict(httpx.get(f"{self.url}/flags").json()["flags"])

    def set_flags(self, wanted: Mapping[str, Any]) -> None:
        headers = {"X-Middleware-Token": os.environ["RICHPANEL_WEBHOOK_TOKEN"]}
        current = self.flags()
        for name, value in wanted.items():
            if name not in current or current[name] != value:
                httpx.put(f"{self.url}/flags/{name}", json={"value": value}, headers=headers).raise_for_status()

    def setup(self, stage: str) -> RunSetup:
        run_id = new_run_id()
        folder = self.root / "evidence" / "richpanel" / run_id
        folder.mkdir(parents=True)
        request = RunRequest(
            *("richpanel", stage, "deployed", str(self.root), run_id, str(folder)),
            environments=str(self.environments),
            may_change_flags=True,
        )
        return load_setup(request, parse=False)

    def end_leases(self) -> None:
        """Do what time does to the lock of a process that died."""
        now = datetime.now(UTC)
        acquire_lock(self.ledger.storage, "deployed", "the end of the lease", 1, now, preempt=True).release(now)

    def run(self, setup: RunSetup) -> None:
        """Do what a run does to flags: enter each state, prove it, return it; without any messages of cases."""
        redactor = build_redactor(setup)
        recorder = Recorder(setup.folder, redactor)
        with hold_environment(self.ledger, "deployed", f"run {setup.request.run_id}") as hold:
            target = open_target(setup, recorder, redactor)
            session = RunSession(
                *(setup.plan, target, setup.environment, setup.system.vocabulary, recorder),
                run_id=setup.request.run_id,
                release=None,
                may_change_flags=True,
                emit=lambda _: None,
                journal=FlagJournal(hold, setup.request.run_id),
            )
            session.start()
            for overlay in OVERLAYS:
                session.enter(FlagGroup(json.dumps(overlay), overlay, (), ()))
            session.finish()
            settle_after(setup, hold)

    def advance(self, stage: str) -> None:
        request = AdvanceRequest(
            *(self.root, "richpanel", stage, "deployed"),
            rehearse=True,
            may_change_flags=True,
            environments=self.environments,
        )
        report = advance(request)
        assert report.exit_code == 0, report

    def restore(self) -> None:
        restore(RestoreRequest(self.root, "richpanel", "deployed", confirm=True, environments=self.environments))

    def start_again(self, setup: RunSetup) -> list[str]:
        """Do what the next start of a run does before it sends anything."""
        with hold_environment(self.ledger, "deployed", f"next {new_run_id()}") as hold:
            try:
                return settle_before(setup, hold)
            except RefusedError as error:
                return error.message.splitlines()


def run_child(chosen: int, action: Callable[[], None]) -> tuple[str, int]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        KillPoint(chosen, writer).install()
        code = 1
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        what = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return what, status


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("root", "url", "environments", "scenario"):
        parser.add_argument(name)
    parser.add_argument("--points", default="", help="with commas; 4p: a person throws the switches after the kill")
    options = parser.parse_args()
    place = Place(Path(options.root), options.url, options.environments)
    setups = {stage: place.setup(stage) for stage in ("1", "2", "4")}
    states = {stage: _plain(one) for stage, one in setups.items()}
    # Each: the state before, what is killed, the stage of the next start.
    scenarios: dict[str, tuple[str, Callable[[], None], str]] = {
        "run": ("2", lambda: place.run(setups["2"]), "2"),
        "enter": ("1", lambda: place.run(setups["2"]), "2"),
        "widen": ("1", lambda: place.advance("2"), "1"),
        "narrow": ("4", lambda: place.advance("1"), "4"),
        "restore": ("2", place.restore, "2"),
    }
    before, action, stage = scenarios[options.scenario]
    # All of them, without and with a person, where none is named.
    chosen = [word for word in options.points.split(",") if word] or (f"{n}{p}" for p in ("", "p") for n in ALL)
    ended = set[str]()
    for name in chosen:
        point, person = int(name.rstrip("p")), name[len(name.rstrip("p")) :]
        if person in ended:
            continue
        place.set_flags(states[before])
        if options.scenario == "restore":
            _leave_thrown(place, setups["2"])
        start = place.flags()
        what, status = run_child(point, action)
        killed = place.flags()
        if person:
            place.set_flags(THROWN)
        thrown = place.flags()
        place.end_leases()
        told = place.start_again(setups[stage])
        line = {
            "point": name,
            "what": what,
            "killed_by": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            "code": os.waitstatus_to_exitcode(status),
            "states": {"before": start, "killed": killed, "person": thrown, "after": place.flags()},
            "told": told,
            "open": [f"{one.flag} {one.run}" for one in Journal(place.ledger.storage, "deployed").open_changes()],
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        Journal(place.ledger.storage, "deployed").void("the next point", "test", datetime.now(UTC))
        if not what:
            ended.add(person)


def _plain(setup: RunSetup) -> dict[str, Any]:
    state = setup.stage.flag_state(setup.system.vocabulary)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in state.items()}


def _leave_thrown(place: Place, setup: RunSetup) -> None:
    """Leave a run's borrowed kill switches in place, as one that died does."""
    redactor = build_redactor(setup)
    recorder = Recorder(setup.folder, redactor)
    with hold_environment(place.ledger, "deployed", f"run {new_run_id()}") as hold:
        target = open_target(setup, recorder, redactor)
        journal = FlagJournal(hold, "died")
        for name, value in THROWN.items():
            journal.intend(name, not value, value)
            target.set_flag(name, value)
            journal.wrote(name, value)
        target.close()


if __name__ == "__main__":
    main()
