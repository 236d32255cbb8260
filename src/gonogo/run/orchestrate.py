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
from gonogo.run.guarding import guard_run
from gonogo.run.hold import EnvironmentHold
from gonogo.run.output import OutputLog
from gonogo.run.progress import RETURNED, ProgressTail, Watch
from gonogo.run.readiness import RequireReady, require_release, require_stages_before
from gonogo.run.redaction import build_redactor
from gonogo.run.sealing import Sealer, prepare_sealer
from gonogo.run.setup import RunRequest, RunSetup, refuse_named
from gonogo.run.targets import open_target
from gonogo.run.tenure import hold_for_run, interrupted_by_term, settle_after, settle_before, undisturbed

_GRACE = 20.0
# Flags must be written back within seven seconds of a signal: what the child has not done by then, the parent does.
_RETURN_GRACE = 4.0
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
    require_ready: RequireReady | None = None,
) -> RunReport:
    """Run one stage and return its decision; everything is written to the request's folder.

    `require_ready` raises where the stages before are not what the stage needs; production is refused without it.
    Raises `SourceError`, `UsageError` or `RefusedError` before anything is sent, `TargetError` where the target cannot
    be reached at the start.
    """
    started = datetime.now(UTC)
    clock = time.monotonic()
    asked = replace(request, forced=tuple(sandbox_options), pytest_args=tuple(pytest_args))
    setup, sandbox = start_embedded(asked, sandbox_options, parse=False)
    try:
        sealer = prepare_sealer(setup.project, request.system, key_name)
        refuse_named(setup.plan, pytest_args)
        setup = replace(setup, request=replace(setup.request, signed=sealer.key is not None))
        guard_run(setup, final=True)
        require_stages_before(setup, require_ready, _check_reachable(setup))
        folder = setup.folder
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "planned.json", {"run": request.run_id, **setup.plan.to_json(setup.system.vocabulary)})
        (folder / PLAN).write_bytes((setup.project.sources_of(request.system) / PLAN).read_bytes())
        sealer.sign_plan(setup)
        with interrupted_by_term(), hold_for_run(setup, sealer.ledger) as hold:
            notes = settle_before(setup, hold)
            try:
                code, interrupted = _run_child(setup, hold, pytest_args, watch, clock)
            finally:
                with undisturbed():
                    after = settle_after(setup, hold)
            notes += [*([] if hold else note_leftovers(folder)), *after.told]
            report = conclude_run(setup, code, interrupted, started, clock, notes, pytest_args, sealer.signer)
            return _seal(sealer, setup, replace(report, troubled=after.troubled))
    finally:
        if sandbox is not None:
            sandbox.stop()


def _seal(sealer: Sealer, setup: RunSetup, report: RunReport) -> RunReport:
    try:
        return replace(report, seal=sealer.seal(setup))
    except EvidenceError as error:
        # The decision stands as it is; that nothing vouches for it is told beside it.
        return replace(report, seal_error=error)


def _check_reachable(setup: RunSetup) -> str | None:
    """Return the build that runs there, where it is shown.

    Raises `TargetError` where the target does not answer or is not healthy, `RefusedError` for another release.
    """
    redactor = build_redactor(setup)
    recorder = Recorder(_ensure(setup.folder), redactor)
    target = open_target(setup, recorder, redactor)
    try:
        if setup.interface.health is not None:
            health = target.check_health()
            shown = getattr(health, "reason", "its health is not ok")
            if getattr(health, "value", False) is not True:
                raise TargetError(f"the target is not healthy: {shown}", "Bring it up and run again.")
        return require_release(setup, target)
    finally:
        target.close()
        recorder.close()


def _ensure(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run_child(
    setup: RunSetup, hold: EnvironmentHold | None, pytest_args: Sequence[str], watch: Watch | None, clock: float
) -> tuple[int, bool]:
    """Run pytest on the planned features; returns its exit code and whether somebody interrupted."""
    folder = setup.folder
    request_file = folder / "request.json"
    request = replace(setup.request, held_by=hold.owner if hold is not None else None)
    request_file.write_text(request.to_json(), "utf-8")
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
    interrupted = _follow(child, setup, hold, watch, clock)
    log.close()
    return child.returncode, interrupted


def _empty_config(folder: Path) -> Path:
    """Return a pytest configuration of our own: the project's addopts must not change what a run does."""
    path = folder / "pytest.ini"
    path.write_text("[pytest]\n", "utf-8")
    return path


def _follow(
    child: subprocess.Popen[bytes],
    setup: RunSetup,
    hold: EnvironmentHold | None,
    watch: Watch | None,
    clock: float,
) -> bool:
    """Wait for the child, showing progress; an interrupt is passed on once and waited for.

    A child whose environment another took over is stopped in the same way.
    """
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
            progress = tail.read()
            if watch is not None:
                watch(progress)
            if hold is not None and hold.lost and not stopped_at:
                child.send_signal(signal.SIGINT)
            if interrupted or (hold is not None and hold.lost):
                stopped_at = stopped_at or time.monotonic()
                grace = _GRACE if hold is None or progress.phase == RETURNED else _RETURN_GRACE
                if time.monotonic() > stopped_at + grace:
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
