"""`gonogo run`: plan, run pytest as a child process, reconcile, decide, write down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

from gonogo.errors import EvidenceError, TargetError
from gonogo.evidence.bundle import PLAN
from gonogo.evidence.keys import without_keys
from gonogo.evidence.record import Recorder
from gonogo.run.conclude import RunReport, conclude_run, note_leftovers, write_json
from gonogo.run.embedded import start_embedded
from gonogo.run.output import OutputLog
from gonogo.run.progress import ProgressTail, Watch
from gonogo.run.recovery import return_flags
from gonogo.run.redaction import build_redactor
from gonogo.run.sealing import Sealer, prepare_sealer
from gonogo.run.setup import RunRequest, RunSetup, refuse_named
from gonogo.run.targets import open_target

_GRACE = 20.0
# Only these: a plugin that happens to be installed must not reorder, repeat or skip what was planned.
_PLUGINS = ("pytest_bdd.plugin", "gonogo.run.plugin", "no:cacheprovider", "no:faulthandler")


def new_run_id() -> str:
    """Return a run id that sorts by time and is unique."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{token_hex(3)}"


def execute_run(
    request: RunRequest,
    *,
    sandbox_options: Sequence[str] = (),
    pytest_args: Sequence[str] = (),
    watch: Watch | None = None,
    key_name: str | None = None,
) -> RunReport:
    """Run one stage and return its decision; everything is written to the request's folder.

    Raises `SourceError`, `UsageError` or `RefusedError` before anything is sent, `TargetError` where the target cannot
    be reached at the start.
    """
    started = datetime.now(UTC)
    clock = time.monotonic()
    setup, sandbox = start_embedded(request, sandbox_options, parse=False)
    try:
        sealer = prepare_sealer(setup.project, request.system, key_name)
        refuse_named(setup.plan, pytest_args)
        _check_reachable(setup)
        folder = setup.folder
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "planned.json", {"run": request.run_id, **setup.plan.to_json()})
        (folder / PLAN).write_bytes((setup.project.sources_of(request.system) / PLAN).read_bytes())
        sealer.sign_plan(setup)
        code, interrupted = _run_child(setup, pytest_args, watch, clock)
        notes = [*note_leftovers(folder), *_recover(setup, code)]
        report = conclude_run(setup, code, interrupted, started, clock, notes, pytest_args, sealer.signer)
        return _seal(sealer, setup, report)
    finally:
        if sandbox is not None:
            sandbox.stop()


def _seal(sealer: Sealer, setup: RunSetup, report: RunReport) -> RunReport:
    try:
        return replace(report, seal=sealer.seal(setup))
    except EvidenceError as error:
        # The decision stands as it is; that nothing vouches for it is told beside it.
        return replace(report, seal_error=error)


def _check_reachable(setup: RunSetup) -> None:
    """Raise `TargetError` where the target does not answer, or says that it is not healthy."""
    redactor = build_redactor(setup)
    recorder = Recorder(_ensure(setup.folder), redactor)
    target = open_target(setup, recorder, redactor)
    try:
        if setup.interface.health is None:
            return
        health = target.check_health()
        shown = getattr(health, "reason", "its health is not ok")
        if getattr(health, "value", False) is not True:
            raise TargetError(f"the target is not healthy: {shown}", "Bring it up and run again.")
    finally:
        target.close()
        recorder.close()


def _ensure(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run_child(setup: RunSetup, pytest_args: Sequence[str], watch: Watch | None, clock: float) -> tuple[int, bool]:
    """Run pytest on the planned features; returns its exit code and whether somebody interrupted."""
    folder = setup.folder
    request_file = folder / "request.json"
    request_file.write_text(setup.request.to_json(), "utf-8")
    command = [
        sys.executable,
        "-m",
        "gonogo.run.child",
        *(word for plugin in _PLUGINS for word in ("-p", plugin)),
        "-c",
        str(_empty_config(folder)),
        "--rootdir",
        str(setup.project.root),
        "--gonogo-run",
        str(request_file),
        "--capture=sys",
        "-q",
        "--tb=line",
        "--no-header",
        *(str(path) for path in setup.features),
        *pytest_args,
    ]
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        cwd=setup.project.root,
        env={**without_keys(os.environ), "PYTHONUNBUFFERED": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        start_new_session=True,
    )
    if child.stdout is None:
        raise AssertionError("the child's output goes to a pipe")
    log = OutputLog(child.stdout, folder / "pytest.log", build_redactor(setup))
    interrupted = _follow(child, setup, watch, clock)
    log.close()
    return child.returncode, interrupted


def _empty_config(folder: Path) -> Path:
    """Return a pytest configuration of our own: the project's addopts must not change what a run does."""
    path = folder / "pytest.ini"
    path.write_text("[pytest]\n", "utf-8")
    return path


def _follow(child: subprocess.Popen[bytes], setup: RunSetup, watch: Watch | None, clock: float) -> bool:
    """Wait for the child, showing progress; an interrupt is passed on once and waited for."""
    interrupted = False

    def interrupt(signum: int, frame: Any) -> None:
        nonlocal interrupted
        del signum, frame
        if not interrupted and child.poll() is None:
            child.send_signal(signal.SIGINT)
        interrupted = True

    previous = {name: signal.signal(name, interrupt) for name in (signal.SIGINT, signal.SIGTERM)}
    tail = ProgressTail(setup, clock)
    stopped_at = 0.0
    try:
        while child.poll() is None:
            time.sleep(0.1)
            if watch is not None:
                watch(tail.read())
            if interrupted:
                stopped_at = stopped_at or time.monotonic()
                if time.monotonic() > stopped_at + _GRACE:
                    child.kill()
        if watch is not None:
            watch(tail.read())
    finally:
        for name, handler in previous.items():
            signal.signal(name, handler)
        if child.poll() is None:
            child.kill()
            child.wait()
    return interrupted


def _recover(setup: RunSetup, code: int) -> list[str]:
    """Return borrowed flags where the child could not: it was killed, or its target went away for a while."""
    if code in (0, 1, 2, 5):
        return []
    return return_flags(setup)
