"""`gonogo load`: make the load, wait for the target to recover, read every decision back, judge, seal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NoReturn, cast

from gonogo.errors import RefusedError
from gonogo.loadtest.course import Course, follow_course
from gonogo.loadtest.figures import Evidence, breach_is_certain, measure_load
from gonogo.loadtest.interrupts import Interrupts
from gonogo.loadtest.limits import (
    CONDITION,
    GENERATOR,
    TARGET,
    LoadChecks,
    judge_condition,
    judge_generator,
    judge_limits,
    plan_checks,
    worse_verdict,
)
from gonogo.loadtest.progress import LoadProgress, LoadWatch
from gonogo.loadtest.reconcile import SentEvent, reconcile_events
from gonogo.loadtest.records import quantile
from gonogo.loadtest.report import describe_load, write_load
from gonogo.loadtest.request import LoadRequest, LoadSetup, guard_load, load_load
from gonogo.loadtest.sampling import QUEUE_DEPTH
from gonogo.loadtest.target import (
    Standing,
    check_health,
    compare_standing,
    enter_stage,
    open_http_target,
    read_standing,
    require_stage,
)
from gonogo.model.environment import Kind
from gonogo.model.outcome import CheckResult, Outcome, PlannedCheck, Verdict
from gonogo.run.activity import Activity, ActivityReport, begin_activity, conclude_activity
from gonogo.run.embedded import EmbeddedSandbox, start_sandbox
from gonogo.run.hold import EnvironmentHold, describe_owner, hold_environment
from gonogo.run.readiness import require_release, require_stages_before
from gonogo.run.sealing import Sealer, prepare_sealer
from gonogo.sources.project import Project
from gonogo.targets.http import HttpTarget


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load came to; `record` is load.json."""

    activity: ActivityReport
    record: dict[str, Any]
    interrupted: bool


def execute_load(
    request: LoadRequest,
    project: Project,
    *,
    key_name: str | None = None,
    watch: LoadWatch | None = None,
    require_ready: Callable[[Any, str | None], None] | None = None,
) -> LoadReport:
    """Make a load and return its decision; everything is written to the request's folder.

    `require_ready` raises where the stages before are not what the stage needs; production is refused without it.
    Raises `SourceError`, `UsageError` or `RefusedError` before anything is sent, `TargetError` where the target cannot
    be reached or the generator does not start.
    """
    started = datetime.now(UTC)
    setup = load_load(request, project)
    sealer = prepare_sealer(project, request.system, key_name)
    sandbox = _start_sandbox(setup)
    try:
        base_url = sandbox.url if sandbox is not None else setup.environment.base_url
        if base_url is None:
            raise RefusedError("[host-not-allowed] the environment has no address", "Nothing was sent.")
        guard_load(setup, signed=sealer.key is not None, address=base_url)
        token_env = setup.environment.embedded.token_env if setup.environment.embedded and sandbox else None
        target = open_http_target(setup, base_url, token_env)
        try:
            check_health(target, setup)
            # What both look at a load has too: its request, stage, environment and project.
            run_setup = cast(Any, setup)
            require_stages_before(run_setup, require_ready, require_release(run_setup, target))
            with _hold(setup, sealer) as hold, Interrupts() as interrupts:
                require_stage(target, setup)
                return _make(setup, sealer, target, base_url, token_env, started, hold, interrupts, watch)
        finally:
            target.close()
    finally:
        if sandbox is not None:
            sandbox.stop()


def _start_sandbox(setup: LoadSetup) -> EmbeddedSandbox | None:
    embedded, request = setup.environment.embedded, setup.request
    if embedded is None:
        if request.faults:
            raise RefusedError(f"environment {request.environment!r} is not embedded; --fault works there only")
        return None
    options = [*setup.profile.embedded, *request.faults]
    if request.time_scale != 1:
        # What the system admits a second belongs to its time: in compressed time it admits as much more.
        options += ["--time-scale", f"{request.time_scale:g}"]
    return start_sandbox(embedded, options)


@contextmanager
def _hold(setup: LoadSetup, sealer: Sealer) -> Iterator[EnvironmentHold | None]:
    """Hold the environment, so that no run comes in between; an embedded sandbox is nobody else's."""
    if setup.environment.embedded is not None:
        yield None
        return
    owner = describe_owner("load", setup.request.run_id)
    with hold_environment(sealer.ledger, setup.request.environment, owner) as hold:
        yield hold


def _make(
    setup: LoadSetup,
    sealer: Sealer,
    target: HttpTarget,
    base_url: str,
    token_env: str | None,
    started: datetime,
    hold: EnvironmentHold | None,
    interrupts: Interrupts,
    watch: LoadWatch | None,
) -> LoadReport:
    request = setup.request
    checks = _plan(setup)
    activity = Activity(
        kind="load",
        id=request.run_id,
        project=setup.project,
        system=setup.system,
        stage=setup.stage,
        environment_name=request.environment,
        environment=setup.environment,
        folder=request.folder,
        release=request.release,
        run_by=request.run_by,
        deployed_by=request.deployed_by,
        counts=setup.counts,
        titles={setup.case: setup.profile.title},
        token_env=token_env,
    )
    planned = checks.planned()
    begin_activity(activity, planned, sealer)
    if watch is not None:
        watch(LoadProgress(f"entering stage {setup.stage.id}", 0.0, 0.0))
    entered = enter_stage(target, setup)
    before = read_standing(target)
    if entered.outcome >= Outcome.ERROR and setup.environment.kind is not Kind.SANDBOX:
        _conclude_unsent(activity, planned, checks.result(TARGET, entered), sealer, started, before)
    course = follow_course(setup, target, base_url, token_env, hold, interrupts, watch)
    after = read_standing(target)
    evidence = _reconcile(setup, course)
    gates, results, measurements = _judge(setup, checks, evidence, course, before, after, entered)
    record = describe_load(
        setup,
        evidence,
        measurements,
        checks.proofs,
        gates,
        results,
        stopped=course.stopped,
        seconds=course.seconds,
    )
    write_load(request.folder, record, setup, evidence, course.began)
    report = conclude_activity(
        activity,
        planned,
        results,
        sealer,
        started=started,
        build={"before": before.build, "after": after.build},
        flags={"before": before.flags_json(), "after": after.flags_json()},
        notes=_notes(setup, course),
        not_tested=[{"case": what, "why": why} for what, why in setup.not_tested],
        target={"base_url": base_url},
    )
    return LoadReport(report, record, interrupts.asked)


def _conclude_unsent(
    activity: Activity,
    planned: list[PlannedCheck],
    result: CheckResult,
    sealer: Sealer,
    started: datetime,
    before: Standing,
) -> NoReturn:
    """Seal what was seen of a target whose flags do not work as its stage says; nothing is sent to it."""
    flags = before.flags_json()
    conclude_activity(
        activity,
        planned,
        [result],
        sealer,
        started=started,
        build={"before": before.build, "after": before.build},
        flags={"before": flags, "after": flags},
        notes=["NOTHING WAS SENT but probes."],
    )
    raise RefusedError(
        f"[stage-not-proven] {'; '.join(result.reasons)}",
        f"Nothing but probes was sent; {activity.project.relative(activity.folder)} holds what was seen.",
    )


def _plan(setup: LoadSetup) -> LoadChecks:
    profile = setup.request.profile
    sources = {limit.id: setup.pack.source_of(profile, limit.id) for limit in setup.limits}
    sources[""] = setup.pack.source_of(profile)
    return plan_checks(setup.case, setup.limits, len(setup.schedule), sources, setup.profile)


def _reconcile(setup: LoadSetup, course: Course) -> Evidence:
    """Hold every event that was sent against what was read of it."""
    accepted = setup.interface.send.accepted
    offsets, messages = setup.schedule.offsets, setup.schedule.messages
    starts = {note.worker: note.began for note in course.records.notes}
    workers = setup.request.place.workers
    earliest = min(starts.values(), default=time.time() - setup.schedule.seconds)
    sent: dict[int, SentEvent] = {}
    for arrival, status in zip(
        course.records.rows["arrival"].tolist(), course.records.rows["status"].tolist(), strict=True
    ):
        event = messages[arrival]
        one = sent.get(event)
        if one is None:
            due = starts.get(arrival % workers, earliest) + offsets[arrival]
            sent[event] = SentEvent(event, due, status in accepted)
        elif status in accepted and not one.acknowledged:
            sent[event] = replace(one, acknowledged=True)
    queued = 0
    if course.recovery is not None and not course.recovery.done:
        queued = int(course.sampler.samples.latest(QUEUE_DEPTH) or 0)
    clock = time.monotonic()
    reconciled = reconcile_events(
        sent.values(),
        course.read.found,
        setup.mix,
        setup.request.run_id,
        late_after=setup.late_after,
        queued=queued,
    )
    course.seconds["reconciling"] = time.monotonic() - clock
    return Evidence(
        course.records,
        accepted,
        course.sampler.samples,
        course.read,
        reconciled,
        course.recovery,
        course.replies_shown,
    )


def _judge(
    setup: LoadSetup,
    checks: LoadChecks,
    evidence: Evidence,
    course: Course,
    before: Standing,
    after: Standing,
    entered: Verdict,
) -> tuple[list[Any], list[Any], Mapping[str, Any]]:
    """Return the gates, the results of every check and the measurements."""
    keep = setup.pack.load.generator
    measurements = measure_load(evidence)
    generator = judge_generator(
        course.records,
        len(setup.schedule),
        setup.request.place.workers,
        keep.lag_p99,
        keep.rate_miss,
        course.stopped,
    )
    lagged = bool(len(course.records)) and quantile(course.records.rows["lag"], 0.99) / 1e6 > keep.lag_p99
    target = compare_standing(before, after, entered, setup.request.release)
    results = [checks.result(GENERATOR, generator), checks.result(TARGET, target)]
    sound = worse_verdict(generator, target if target.outcome is not Outcome.PASSED else Verdict(Outcome.PASSED))
    if checks.conditioned:
        condition = judge_condition(setup.profile.shows, measurements, setup.profile.condition)
        results.append(checks.result(CONDITION, condition))
        sound = worse_verdict(sound, condition)
    judged = judge_limits(
        checks,
        measurements,
        lambda name, limit: breach_is_certain(name, limit, evidence),
        time_scale=setup.request.time_scale,
        window=setup.window,
        sound=sound,
        lagged=lagged,
    )
    results += [check for _, check in judged]
    return [gate for gate, _ in judged], results, measurements


def _notes(setup: LoadSetup, course: Course) -> list[str]:
    request = setup.request
    notes = []
    if request.time_scale != 1:
        notes.append(
            f"TIME COMPRESSED x{request.time_scale:g}: ages, recovery and decisions are held against limits divided by "
            "that; acknowledgements take their real time."
        )
    if request.duration is not None:
        notes.append(f"SHORTENED to {request.duration:g} s at its true rate: {len(setup.schedule):,} requests.")
    if not setup.counts:
        notes.append("This load counts for no stage.")
    if course.stopped:
        notes.append(f"STOPPED EARLY: {course.stopped}.")
    return notes
