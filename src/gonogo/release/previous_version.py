"""Option C: the commands that deploy the previous version, which people run, and whether that is what runs then."""

from __future__ import annotations

import shlex
import time
from datetime import UTC, datetime
from typing import Any

from gonogo.errors import EXIT_HOLD, EXIT_USAGE, GonogoError, UsageError
from gonogo.model.release_plan import RollbackOption
from gonogo.release.course import Course, Tell
from gonogo.release.effect import Effect, EffectReport
from gonogo.release.flag_writes import FlagWriter
from gonogo.release.preemption import LedgerWork
from gonogo.release.rollback_flags import ChosenFlags
from gonogo.release.rollback_request import RollbackReport, RollbackRequest, new_rollback_id
from gonogo.release.stored_flags import StoreReader, read_store
from gonogo.release.switch import open_switch
from gonogo.sources.lone_rollback import LoneRollback, read_lone_rollback
from gonogo.targets.interface import NotAvailable


def go_back(request: RollbackRequest, tell: Tell) -> RollbackReport:
    """Return the commands of option C, or with `verify` what came of them; they are never run from here.

    Raises `UsageError` where the plan has no option C, or where nobody says which release to verify.
    """
    path = request.sources / "plan.yaml"
    plan = read_lone_rollback(path, request.shown(path))
    option = plan.options.get("C")
    if option is None:
        first = f" ({plan.problems[0]})" if plan.problems else ""
        raise UsageError(f"{request.shown(path)} has no option C that can be read{first}", "Use --option A.")
    return _verify(request, plan, option, tell) if request.verify else _propose(request, option)


def _propose(request: RollbackRequest, option: RollbackOption) -> RollbackReport:
    values = {"system": request.system, "environment": request.environment, **request.values}
    values |= {"release": request.release} if request.release else {}
    values |= {"previous_release": request.previous_release} if request.previous_release else {}
    quoted = {name: shlex.quote(value) for name, value in values.items()}
    commands = option.fill_commands(quoted)
    missing = [name for name in option.asked_placeholders if name not in values]
    verify = ["gonogo", "rollback", request.system, "--option", "C", "--env", request.environment, "--verify"]
    verify += ["--release", request.previous_release or "PREVIOUS"]
    if request.environments is not None:
        verify += ["--environments", str(request.environments)]
    commands_next = (shlex.join(verify),)
    record: dict[str, Any] = {
        "schema": "gonogo/rollback/1",
        "system": request.system,
        "environment": request.environment,
        "option": "C",
        "phase": "proposed",
        "name": option.name,
        "commands": list(commands),
        "missing": missing,
        "destroys": option.destroys,
        "note": option.note,
        "effect": Effect.NOT_PROVEN.value,
        "next": list(commands_next),
    }
    code = EXIT_USAGE if missing else EXIT_HOLD
    return RollbackReport(record, Effect.NOT_PROVEN.value, None, request.project_root, commands_next, code)


def _verify(request: RollbackRequest, plan: LoneRollback, option: RollbackOption, tell: Tell) -> RollbackReport:
    from gonogo.release.rollback import conclude
    from gonogo.release.rollback_record import begun_payload, open_folder

    if request.release is None:
        raise UsageError("nobody says which release must be deployed now", "Name it: --verify --release RELEASE.")
    rollback_id = new_rollback_id()
    path = request.environments_file
    switch = open_switch(
        path,
        request.shown(path),
        request.environment,
        rollback_id,
        "ROLLBACK-C",
        base_url=request.base_url,
        token_env=request.token_env,
        exempt=True,
    )
    try:
        writer, before = FlagWriter(switch.target, {}, 0.0), StoreReader(switch.target)
        before.start()
        writer.start()
        course = Course(request, rollback_id, switch, plan, ChosenFlags({}, option.name), writer, before, tell)
        course.mark(f"option C: verifying that {request.release} is deployed", writer.first_write_at)
        course.effect = _compare_release(course, request.release)
        course.mark(f"{course.effect.effect.value}: {course.effect.reason}")
        before.wait(switch.environment.timing.request_timeout)
        course.after = read_store(switch.target)
        work = LedgerWork(request.project_root, request.system, request.environment, rollback_id, begun_payload(course))
        course.ledger = work.state
        work.start()
        return conclude(course, work, open_folder(course))
    finally:
        switch.target.close()


def _compare_release(course: Course, wanted: str) -> EffectReport:
    started = time.monotonic()

    def report(effect: Effect, reason: str) -> EffectReport:
        return EffectReport(effect, None, time.monotonic() - started, reason)

    try:
        identity = course.switch.target.read_identity()
    except GonogoError as error:
        return report(Effect.FAILED, error.message)
    if isinstance(identity, NotAvailable):
        return report(Effect.NOT_PROVEN, f"what is deployed cannot be observed: {identity.reason}")
    shown = " / ".join(dict.fromkeys(filter(None, (identity.value.release, identity.value.build))))
    at = datetime.now(UTC).isoformat(timespec="seconds")
    if wanted in (identity.value.build, identity.value.release):
        return report(Effect.PROVEN, f"the target runs {shown} ({at})")
    return report(Effect.NO_EFFECT, f"the target runs {shown}, not {wanted} ({at})")
