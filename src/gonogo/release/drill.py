"""`gonogo drill`: the rollback options and the way back, rehearsed before they are needed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from gonogo.errors import EXIT_INTERRUPTED, EXIT_UNVERIFIED, GonogoError, RefusedError, UsageError
from gonogo.evidence.ledger.book import Ledger, open_ledger
from gonogo.model.environment import Environment, Kind
from gonogo.model.flags import FlagValue
from gonogo.model.outcome import CheckResult
from gonogo.model.plan import Stage
from gonogo.release.rehearsal import TITLES, Rehearsal, plan_drill, return_towards_safe
from gonogo.release.rollback_flags import KILL_SWITCH
from gonogo.release.stored_flags import flags_json, read_store
from gonogo.release.switch import Switch, close_tickets, open_switch
from gonogo.run.activity import Activity, ActivityReport, begin_activity, conclude_activity
from gonogo.run.embedded import start_sandbox
from gonogo.run.hold import EnvironmentHold, describe_owner, hold_environment
from gonogo.run.orchestrate import new_run_id
from gonogo.run.recovery import leftover_lines, return_command, settle_changes
from gonogo.run.runplan import proven_flags
from gonogo.run.sealing import Sealer, prepare_sealer
from gonogo.run.tenure import STAGE_NOT_ENTERED, differences, interrupted_by_term, undisturbed
from gonogo.sources.project import Project, System
from gonogo.sources.suggest import suggest
from gonogo.targets.interface import NotAvailable

ON_PRODUCTION = "drill-on-production"
CONSENT = "flag-changes-not-agreed"
RECORD = "drill.json"


@dataclass(frozen=True, slots=True)
class DrillRequest:
    """What was asked for; `stage` is the plan's first unless named, `may_change_flags` the driver's consent."""

    project_root: Path
    system: str
    environment: str
    stage: str | None = None
    release: str | None = None
    run_by: str | None = None
    may_change_flags: bool = False
    environments: Path | None = None
    key_name: str | None = None


@dataclass(frozen=True, slots=True)
class DrillReport:
    """What a drill came to; `times` are seconds by what was timed, `lines` what a person has to look at."""

    report: ActivityReport
    times: Mapping[str, float | None]
    lines: tuple[str, ...]
    exit_code: int | None


@dataclass
class _Drill:
    """Everything that is known before anything is sent."""

    request: DrillRequest
    id: str
    project: Project
    system: System
    stage: Stage
    environment: Environment
    tell: Callable[[str], None]
    base_url: str | None = None
    token_env: str | None = None
    lines: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def folder(self) -> Path:
        return self.project.root / "evidence" / self.request.system / self.id


def run_drill(request: DrillRequest, *, tell: Callable[[str], None] = lambda _: None) -> DrillReport:
    """Rehearse options A and B and the way back, time each, and seal what was seen.

    The embedded sandbox is started and brought into the stage by itself; what is deployed must be in its state. Raises
    `RefusedError` on kind production, without consent and for another state, `LockError` where another holds the
    environment, `SourceError` and `TargetError` as a run does.
    """
    drill = _prepare(request, tell)
    with ExitStack() as stack:
        embedded = drill.environment.embedded
        if embedded is not None:
            sandbox = start_sandbox(embedded)
            stack.callback(sandbox.stop)
            drill.base_url, drill.token_env = sandbox.url, embedded.token_env
        sealer = prepare_sealer(drill.project, request.system, request.key_name)
        path = request.environments or drill.project.sources_of(request.system) / "environments.yaml"
        switch = open_switch(
            path,
            drill.project.relative(path),
            request.environment,
            drill.id,
            "DRILL",
            base_url=drill.base_url,
            token_env=drill.token_env,
        )
        stack.callback(switch.target.close)
        hold = stack.enter_context(_hold(drill, sealer))
        return _carry_out(drill, switch, hold, sealer)


def _prepare(request: DrillRequest, tell: Callable[[str], None]) -> _Drill:
    project = Project.from_path(request.project_root)
    system = project.load_system(request.system, environments=request.environments)
    environment = system.environments.environments.get(request.environment)
    if environment is None:
        known = list(system.environments.environments)
        raise UsageError(f"environment {request.environment!r} is not here; {suggest(request.environment, known)}")
    if environment.kind is Kind.PRODUCTION:
        raise RefusedError(
            f"[{ON_PRODUCTION}] {request.environment} is of kind production; a drill stops and starts automation there",
            "Nothing was sent. Rehearse on sandbox or staging; in earnest it is gonogo rollback.",
        )
    if environment.kind is not Kind.SANDBOX and not request.may_change_flags:
        raise RefusedError(
            f"[{CONSENT}] a drill turns automation off and on again in {request.environment}",
            "Nothing was sent. Agree to it with --allow-flag-changes.",
        )
    stages = system.plan.by_id
    wanted = request.stage if request.stage is not None else system.plan.stages[0].id
    if wanted not in stages:
        raise UsageError(f"stage {wanted!r} is not in the plan; {suggest(wanted, list(stages))}")
    stage = stages[wanted]
    if not stage.automation_on:
        raise UsageError(
            f"stage {stage.id} sends nothing, so there is nothing to stop", "Name a stage that has automation on."
        )
    return _Drill(request, new_run_id(), project, system, stage, environment, tell)


@contextmanager
def _hold(drill: _Drill, sealer: Sealer) -> Iterator[EnvironmentHold]:
    """Hold the environment; an embedded sandbox, which nobody else can reach, in a ledger that ends with it."""
    owner = describe_owner("drill", drill.id)
    with ExitStack() as stack:
        ledger: Ledger = sealer.ledger
        if drill.environment.embedded is not None:
            ledger = open_ledger(stack.enter_context(tempfile.TemporaryDirectory()), drill.request.system)
        yield stack.enter_context(hold_environment(ledger, drill.request.environment, owner))


def _carry_out(drill: _Drill, switch: Switch, hold: EnvironmentHold, sealer: Sealer) -> DrillReport:
    started = datetime.now(UTC)
    planned = plan_drill(f"smoke_cases/{drill.request.system}/plan.yaml")
    interface = drill.system.environments.interfaces[drill.environment.interface]
    rehearsal = Rehearsal(switch, hold, proven_flags(interface), planned, drill.tell)
    with interrupted_by_term():
        wanted = _look_first(drill, switch, hold)
        before = _identity(switch)
        activity = _activity(drill, before)
        begin_activity(activity, planned, sealer)
        try:
            if drill.environment.kind is Kind.SANDBOX:
                rehearsal.enter(wanted)
            rehearsal.rehearse(wanted, _stop_flags(drill))
        except (GonogoError, KeyboardInterrupt) as error:
            drill.interrupted = isinstance(error, KeyboardInterrupt)
            drill.lines.append("the drill was interrupted" if drill.interrupted else f"the drill broke off: {error}")
            with undisturbed():
                drill.lines += return_towards_safe(rehearsal)
    drill.lines += _leftovers(drill, switch, hold)
    return _conclude(drill, activity, rehearsal, sealer, started, before)


def _look_first(drill: _Drill, switch: Switch, hold: EnvironmentHold) -> dict[str, FlagValue]:
    """Return the stage's flags, after settling what was left there; refuse a deployed system in another state."""
    wanted = drill.stage.flag_state(drill.system.vocabulary)
    if drill.environment.kind is Kind.SANDBOX:
        return wanted
    settlement = settle_changes(switch.target, hold, lambda _: None)
    command = return_command(drill.request.system, drill.request.environment)
    if settlement.left:
        raise RefusedError("\n".join(leftover_lines(settlement.left, command)), "Nothing was sent.")
    found = read_store(switch.target)
    wrong = [found] if isinstance(found, str) else differences(found, wanted)
    if wrong:
        request = drill.request
        raise RefusedError(
            f"[{STAGE_NOT_ENTERED}] {request.environment} is not in the state of stage {drill.stage.id}: "
            + "; ".join(wrong),
            f"Nothing was sent. Enter the stage: gonogo advance {request.system} --stage {drill.stage.id} "
            f"--env {request.environment} --allow-flag-changes",
        )
    return wanted


def _stop_flags(drill: _Drill) -> Mapping[str, FlagValue]:
    rollback = drill.system.plan.rollback
    option = rollback.options.get("A") if rollback is not None else None
    return (option.flag_values if option is not None else {}) or KILL_SWITCH


def _identity(switch: Switch) -> tuple[str | None, str | None]:
    found = switch.target.read_identity()
    return (None, None) if isinstance(found, NotAvailable) else (found.value.build, found.value.release)


def _activity(drill: _Drill, identity: tuple[str | None, str | None]) -> Activity:
    request = drill.request
    shown = tuple(filter(None, identity))
    if request.release is not None and shown and request.release not in shown:
        raise RefusedError(
            f"[release-mismatch] {request.environment} runs {' / '.join(shown)}, not {request.release}",
            "Nothing was sent.",
        )
    return Activity(
        "drill",
        drill.id,
        drill.project,
        drill.system,
        drill.stage,
        request.environment,
        drill.environment,
        drill.folder,
        release=request.release or identity[1] or identity[0],
        run_by=request.run_by,
        titles=TITLES,
        token_env=drill.token_env,
    )


def _leftovers(drill: _Drill, switch: Switch, hold: EnvironmentHold) -> list[str]:
    """Return what waits for a person, with its command; nothing where everything was returned."""
    try:
        if drill.environment.embedded is not None or not hold.journal.open_changes():
            return []
        settlement = settle_changes(switch.target, hold, lambda _: None)
    except GonogoError as error:
        return [f"nobody knows which flags are left: {error.message}"]
    return leftover_lines(settlement.left, return_command(drill.request.system, drill.request.environment))


def _conclude(
    drill: _Drill,
    activity: Activity,
    rehearsal: Rehearsal,
    sealer: Sealer,
    started: datetime,
    before: tuple[str | None, str | None],
) -> DrillReport:
    switch = rehearsal.switch
    results: list[CheckResult] = rehearsal.finish()
    left = close_tickets(switch, rehearsal.tickets)
    notes = [*drill.lines, *([left] if left else [])]
    after = read_store(switch.target)
    try:
        build_after = _identity(switch)[0]
    except GonogoError:
        build_after = None
    times = {name: round(seconds, 3) if seconds is not None else None for name, seconds in rehearsal.times.items()}
    record = {
        "schema": "gonogo/drill/1",
        "id": drill.id,
        "environment": drill.request.environment,
        "stage": drill.stage.id,
        "template": rehearsal.template,
        "limit": switch.environment.timing.propagation_deadline,
        "times": times,
        "steps": rehearsal.notes.entries,
    }
    (drill.folder / RECORD).write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
    report = conclude_activity(
        activity,
        rehearsal.planned,
        results,
        sealer,
        started=started,
        build={"before": before[0], "after": build_after},
        flags={"before": flags_json(rehearsal.before) if rehearsal.before else None, "after": flags_json(after)},
        notes=notes,
        next_command=f"gonogo status {drill.request.system}",
    )
    code = EXIT_INTERRUPTED if drill.interrupted else EXIT_UNVERIFIED if report.seal_error is not None else None
    return DrillReport(report, times, tuple(notes), code)
