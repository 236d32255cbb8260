"""The post-rollback pack: a few cases that show that the system still routes, run with the flags as they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gonogo.errors import GonogoError, SourceError
from gonogo.model.plan import Plan, Stage
from gonogo.release.effect import Effect
from gonogo.targets.interface import NotAvailable

if TYPE_CHECKING:
    from gonogo.release.course import Course


@dataclass(frozen=True, slots=True)
class PackResult:
    """What the pack came to; `decision` is None where it was not run, and `sentence` says why."""

    sentence: str
    decision: str | None = None
    cases: tuple[str, ...] = ()
    run: str | None = None
    deciding: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Return the pack's part of the record."""
        return {
            "decision": self.decision,
            "cases": list(self.cases),
            "run": self.run,
            "deciding": list(self.deciding),
            "sentence": self.sentence,
        }


def run_pack(course: Course, folder: Path) -> PackResult:
    """Run the cases that the plan names for after a rollback, and say what they came to; never raises.

    They need no stage to be approved before, and change no flag: what is expected follows from the flags as they are.
    """
    cases = course.plan.verify
    if not cases:
        return PackResult("post-rollback pack: skipped, plan.yaml names no cases for it")
    if course.interrupted:
        return PackResult("post-rollback pack: skipped, the rollback was interrupted", cases=cases)
    if course.effect is not None and course.effect.effect in (Effect.NO_EFFECT, Effect.FAILED):
        # What comes next must not wait for cases that are bound to fail.
        return PackResult("post-rollback pack: skipped, the rollback itself did not work", cases=cases)
    if not course.ledger.usable:
        return PackResult("post-rollback pack: skipped, a run needs the ledger", cases=cases)
    if isinstance(course.after, str):
        return PackResult(f"post-rollback pack: skipped, the flags cannot be read: {course.after}", cases=cases)
    try:
        return _run(course, cases, folder)
    except SourceError as error:
        first = f": {error.problems[0]}" if error.problems else ""
        return PackResult(f"post-rollback pack: skipped, {error.message}{first}", cases=cases)
    except GonogoError as error:
        return PackResult(f"post-rollback pack: not run, {error.message}", cases=cases)
    except Exception as error:  # noqa: BLE001 - the record of the rollback must be written whatever breaks here
        return PackResult(f"post-rollback pack: not run, {type(error).__name__}: {error}", cases=cases)


def _run(course: Course, cases: tuple[str, ...], folder: Path) -> PackResult:
    from gonogo.release.stored_flags import flags_json
    from gonogo.run.orchestrate import execute_run, new_run_id
    from gonogo.run.setup import RunRequest
    from gonogo.sources.project import Project

    request = course.request
    project = Project.from_path(request.project_root)
    plan = project.load_system(request.system, environments=request.environments).plan
    run_id, release = new_run_id(), _deployed(course)
    report = execute_run(
        RunRequest(
            request.system,
            choose_stage(plan, request.environment).id,
            request.environment,
            str(project.root),
            run_id,
            str(folder.parent / run_id),
            environments=str(request.environments) if request.environments else None,
            release=release,
            base_url=request.base_url,
            token_env=request.token_env,
            counts=False,
            run_by=request.who,
            only=cases,
            as_found=flags_json(course.after) or {},
            # Whoever rolls back has said where; what runs there is whatever was found.
            confirm=f"{request.environment}/{release}",
        ),
        key_name=request.key_name,
        require_ready=_need_nothing_before,
    )
    decision = report.decision.verb.value
    deciding = report.decision.deciding
    why = f" ({', '.join(deciding[:5])})" if deciding else ""
    sentence = f"post-rollback pack: {decision}, {len(cases)} case(s), run {run_id}{why}"
    return PackResult(sentence, decision, cases, run_id, tuple(deciding))


def _need_nothing_before(*_: object) -> None:
    """Look at no stage before: what was rolled back has to be looked at whatever became of them."""


def _deployed(course: Course) -> str | None:
    found = course.switch.target.read_identity()
    return None if isinstance(found, NotAvailable) else found.value.release or found.value.build


def choose_stage(plan: Plan, environment: str) -> Stage:
    """Return the stage whose packs are used: one of this environment that sends nothing, else the nearest to it."""
    here = [stage for stage in plan.stages if stage.environment in (environment, None)]
    quiet = [stage for stage in here or plan.stages if not stage.automation_on]
    return (quiet or here or list(plan.stages))[0]
