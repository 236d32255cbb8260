"""`gonogo run`: plan, run pytest as a child process, reconcile, decide, write down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

from gonogo.errors import TargetError
from gonogo.evidence.record import Recorder, Stream, read_records
from gonogo.model.coverage import measure_coverage
from gonogo.model.decision import Decision, decide
from gonogo.model.outcome import CheckResult, Outcome, merge_results
from gonogo.reports.allure import AllureCase, write_allure_results
from gonogo.reports.decision_record import RunFacts, build_decision_record
from gonogo.reports.junit import render_junit
from gonogo.reports.markdown import render_decision
from gonogo.run.embedded import start_embedded
from gonogo.run.reconcile import reconcile
from gonogo.run.recovery import return_flags
from gonogo.run.setup import RunRequest, RunSetup, refuse_named
from gonogo.run.targets import open_target

_GRACE = 20.0
# Only these: a plugin that happens to be installed must not reorder, repeat or skip what was planned.
_PLUGINS = ("pytest_bdd.plugin", "gonogo.run.plugin", "no:cacheprovider")


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run came to; `record` is decision.json."""

    decision: Decision
    record: dict[str, Any]
    folder: Path
    checks: tuple[CheckResult, ...]
    interrupted: bool
    child_output: str
    next_command: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is: its flag state, messages sent and decided in it, checks judged of those planned."""

    phase: str
    state: str
    sent: int
    decided: int
    total: int
    judged: int
    planned: int
    failed: int
    seconds: float


Watch = Callable[[Progress], None]


def new_run_id() -> str:
    """Return a run id that sorts by time and is unique."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{token_hex(3)}"


def execute_run(
    request: RunRequest,
    *,
    sandbox_options: Sequence[str] = (),
    pytest_args: Sequence[str] = (),
    watch: Watch | None = None,
) -> RunReport:
    """Run one stage and return its decision; everything is written to the request's folder.

    Raises `SourceError`, `UsageError` or `RefusedError` before anything is sent, `TargetError` where the target cannot
    be reached at the start.
    """
    started = datetime.now(UTC)
    clock = time.monotonic()
    setup, sandbox = start_embedded(request, sandbox_options, parse=False)
    try:
        refuse_named(setup.plan, pytest_args)
        _check_reachable(setup)
        folder = setup.folder
        folder.mkdir(parents=True, exist_ok=True)
        _write_json(folder / "planned.json", {"run": request.run_id, **setup.plan.to_json()})
        code, output, interrupted = _run_child(setup, pytest_args, watch, clock)
        notes = [*_note_leftovers(folder), *_recover(setup, code)]
        return _conclude(setup, code, output, interrupted, started, clock, notes, pytest_args)
    finally:
        if sandbox is not None:
            sandbox.stop()


def _check_reachable(setup: RunSetup) -> None:
    """Raise `TargetError` where the target does not answer, or says that it is not healthy."""
    recorder = Recorder(_ensure(setup.folder))
    target = open_target(setup, recorder)
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


def _run_child(setup: RunSetup, pytest_args: Sequence[str], watch: Watch | None, clock: float) -> tuple[int, str, bool]:
    """Run pytest on the planned features; returns its exit code, its output, and whether somebody interrupted."""
    folder = setup.folder
    request_file = folder / "request.json"
    request_file.write_text(setup.request.to_json(), "utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
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
    output_path = folder / "pytest.log"
    with output_path.open("wb") as output:
        child = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=setup.project.root,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            start_new_session=True,
        )
        interrupted = _follow(child, setup, watch, clock)
    return child.returncode, output_path.read_text("utf-8", "replace"), interrupted


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
    tail = _Tail(setup, clock)
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


class _Tail:
    """Follows the records of a run while they are written."""

    def __init__(self, setup: RunSetup, clock: float) -> None:
        self._paths = {name: setup.folder / name.value for name in (Stream.OUTCOMES, Stream.PROGRESS)}
        self._at = dict.fromkeys(self._paths, 0)
        self._clock = clock
        self._last: dict[str, Any] = {"phase": "start", "state": ""}
        self._judged = 0
        self._failed = 0
        self._planned = len(setup.plan.checks)

    def read(self) -> Progress:
        """Return where the run is now."""
        for record in self._new(Stream.OUTCOMES):
            self._judged += 1
            self._failed += record.get("outcome") == Outcome.FAILED.name
        for record in self._new(Stream.PROGRESS):
            if "state" in record:
                self._last = record
        last = self._last
        return Progress(
            last["phase"],
            last["state"],
            last.get("sent", 0),
            last.get("decided", 0),
            last.get("total", 0),
            self._judged,
            self._planned,
            self._failed,
            time.monotonic() - self._clock,
        )

    def _new(self, stream: Stream) -> list[dict[str, Any]]:
        path = self._paths[stream]
        if not path.is_file():
            return []
        with path.open("rb") as file:
            file.seek(self._at[stream])
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._at[stream] += whole
        return [json.loads(line) for line in data[:whole].splitlines() if line]


def _note_leftovers(folder: Path) -> list[str]:
    return [
        f"FLAGS LEFT: {record['state']}"
        for record in read_records(folder / Stream.PROGRESS.value)
        if record.get("phase") == "left"
    ]


def _recover(setup: RunSetup, code: int) -> list[str]:
    """Return borrowed flags where the child could not: it was killed, or its target went away for a while."""
    if code in (0, 1, 2, 5):
        return []
    return return_flags(setup)


_EXIT_WORDS = {
    0: "pytest ran to its end",
    1: "pytest ran to its end",
    2: "pytest was interrupted or stopped early",
    3: "pytest met an internal error",
    4: "pytest refused its arguments",
    5: "pytest collected nothing",
}


def _conclude(
    setup: RunSetup,
    code: int,
    output: str,
    interrupted: bool,
    started: datetime,
    clock: float,
    notes: Sequence[str],
    pytest_args: Sequence[str],
) -> RunReport:
    folder, plan = setup.folder, setup.plan
    why = _EXIT_WORDS.get(code, f"the child process died with {code}")
    why += f" (arguments: {' '.join(pytest_args)})" if pytest_args else ""
    results = reconcile(plan.checks, read_records(folder / Stream.OUTCOMES.value), why)
    decision = decide(results)
    checks = tuple(merge_results(results))
    finished = datetime.now(UTC)
    facts = RunFacts(
        system=setup.system.name,
        stage=setup.stage.id,
        environment=setup.request.environment,
        release=setup.request.release,
        run_id=setup.request.run_id,
        started=started.isoformat(timespec="seconds"),
        finished=finished.isoformat(timespec="seconds"),
        build=_last(folder, Stream.PROGRESS, "phase", "build", ("before", "after")),
        flags=_last(folder, Stream.FLAGS, "state", "compared", ("before", "after")),
        target=_describe_target(setup),
        not_tested=_not_tested(setup, checks),
        holes=_holes(setup),
        expectations={
            scenario.id: {
                "reply": str(scenario.expectation.reply),
                "action": scenario.expectation.action.value if scenario.expectation.action else None,
            }
            for scenario in plan.admitted
            if scenario.expectation is not None
        },
        counts_for_stage=setup.request.counts,
        notes=notes,
    )
    record = build_decision_record(facts, decision, checks)
    _write_json(folder / "decision.json", record)
    command = next_command(setup, record)
    _write_text(folder / "decision.md", render_decision(record, command))
    titles = {scenario.id: scenario.name for scenario in plan.admitted}
    name = f"gonogo.{setup.system.name}.stage-{setup.stage.id}"
    junit = render_junit(name, results, titles, facts.started, time.monotonic() - clock)
    _write_text(folder / "junit.xml", junit)
    labels = {
        "epic": setup.system.name,
        "stage": setup.stage.id,
        "environment": setup.request.environment,
        "run": setup.request.run_id,
    }
    span = (int(started.timestamp() * 1000), int(finished.timestamp() * 1000))
    write_allure_results(folder / "allure-results", _allure_cases(setup), results, labels, span)
    return RunReport(decision, record, folder, checks, interrupted, output, command)


def _allure_cases(setup: RunSetup) -> list[AllureCase]:
    intents = setup.system.vocabulary.intents
    return [
        AllureCase(
            scenario.id,
            scenario.name,
            [(f"{step.keyword.strip()} {step.text}", check) for step, check in scenario.steps],
            scenario.feature.rsplit("/", 1)[-1],
            scenario.case.mode.value if scenario.case else "",
            str(intents[scenario.case.intent].tier) if scenario.case else "",
            str(scenario.expectation.reply) if scenario.expectation else "",
        )
        for scenario in setup.plan.admitted
    ]


def _describe_target(setup: RunSetup) -> dict[str, Any]:
    recorder = Recorder(setup.folder)
    target = open_target(setup, recorder)
    try:
        return {"kind": setup.environment.kind.value, **target.describe()}
    finally:
        target.close()
        recorder.close()


def _last(folder: Path, stream: Stream, key: str, value: str, names: Sequence[str]) -> Mapping[str, Any]:
    found = [record for record in read_records(folder / stream.value) if record.get(key) == value]
    return {name: found[-1].get(name) if found else None for name in names}


def _holes(setup: RunSetup) -> list[str]:
    cases = [scenario.case for scenario in setup.plan.scenarios if scenario.case is not None]
    return [str(hole) for hole in measure_coverage(cases, setup.stage, setup.system.vocabulary).holes]


def _not_tested(setup: RunSetup, checks: Sequence[CheckResult]) -> list[dict[str, str]]:
    entries = [{"case": one.id, "why": one.refused} for one in setup.plan.not_admitted]
    not_run: dict[str, str] = {}
    for check in checks:
        if check.outcome is Outcome.NOT_RUN:
            not_run.setdefault(check.case, "; ".join(check.reasons))
    return entries + [{"case": case, "why": why} for case, why in not_run.items()]


def next_command(setup: RunSetup, record: Mapping[str, Any]) -> str:
    """Return the command that a release driver most likely wants next."""
    system, environment = setup.system.name, setup.request.environment
    stages = [stage.id for stage in setup.system.plan.stages]
    index = stages.index(setup.stage.id)
    again = f"gonogo run {system} --stage {setup.stage.id} --env {environment}"
    if record["decision"] != "GO":
        case = record["deciding"][0].split("/")[0] if record["deciding"] else ""
        known = case in {scenario.id for scenario in setup.plan.admitted}
        return (
            f"{again} -- -k {case}"
            if known and len({name.split("/")[0] for name in record["deciding"]}) == 1
            else again
        )
    if index + 1 < len(stages):
        return f"gonogo run {system} --stage {stages[index + 1]} --env {environment}"
    return f"less {setup.project.relative(setup.folder / 'decision.md')}"


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    _write_text(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def _write_text(path: Path, text: str) -> None:
    """Write a whole file or none; half a surrogate pair, which no encoding has, becomes a question mark."""
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(text.encode("utf-8", "replace"))
    temporary.replace(path)
