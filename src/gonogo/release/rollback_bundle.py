"""A rollback as sealed evidence: its checks, decided and signed like any other activity."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from gonogo.errors import GonogoError, SourceError
from gonogo.model.outcome import CheckClass, CheckResult, InconclusiveReason, Outcome, PlannedCheck, SourceRef, Verdict
from gonogo.release.course import Course
from gonogo.release.effect import Effect

_PACKS = {"GO": Outcome.PASSED, "NO_GO": Outcome.FAILED}


def seal_rollback(course: Course, record: Mapping[str, Any], folder: Path) -> str:
    """Seal the folder of a rollback and return a sentence about it; what cannot be sealed stays as it is."""
    if not course.ledger.usable:
        return "NOT SEALED: the ledger cannot be used"
    try:
        return _seal(course, record, folder)
    except SourceError as error:
        first = f": {error.problems[0]}" if error.problems else ""
        return f"NOT SEALED: {error.message}{first}"
    except GonogoError as error:
        return f"NOT SEALED: {error.message}"
    except Exception as error:  # noqa: BLE001 - the rollback is done, whatever breaks while it is sealed
        return f"NOT SEALED: {type(error).__name__}: {error}"


def _seal(course: Course, record: Mapping[str, Any], folder: Path) -> str:
    from gonogo.run.activity import Activity, begin_activity, conclude_activity
    from gonogo.run.sealing import prepare_sealer
    from gonogo.sources.project import Project

    request = course.request
    project = Project.from_path(request.project_root)
    system = project.load_system(request.system, environments=request.environments)
    planned = plan_checks(record, f"smoke_cases/{request.system}/plan.yaml")
    activity = Activity(
        "rollback",
        course.id,
        project,
        system,
        None,
        request.environment,
        course.switch.environment,
        folder,
        release=record["release"] or record["build"],
        run_by=request.who,
        counts=False,
        titles={f"ROLLBACK-{request.option}": str(record["name"])},
        token_env=request.token_env,
    )
    sealer = prepare_sealer(project, request.system, request.key_name)
    begin_activity(activity, planned, sealer)
    report = conclude_activity(
        activity,
        planned,
        [CheckResult.of(check, judge_check(check.check, record)) for check in planned],
        sealer,
        started=datetime.fromisoformat(record["began"]),
        build={"before": None, "after": record["build"]},
        flags={"before": record["before"], "after": record["after"]},
        notes=["the writes went out before the checks were planned", *record["notes"]],
        gathered=[record["pack"]["run"]] if record["pack"]["run"] else [],
        next_command=record["next"][0] if record["next"] else "",
    )
    if report.seal_error is not None:
        return f"NOT SEALED: {report.seal_error.message}"
    signer = report.seal.signer if report.seal is not None else "nobody"
    return f"sealed by {signer}: {report.decision.verb.value}"


def plan_checks(record: Mapping[str, Any], source: str) -> list[PlannedCheck]:
    """Return the checks of a rollback: its writes and their time, the effect, and the pack where the plan names one."""
    case = f"ROLLBACK-{record['option']}"
    checks = [("effect", CheckClass.SAFETY)]
    checks += [("written", CheckClass.REQUIRED), ("time_to_safe", CheckClass.REQUIRED)] if record["writes"] else []
    checks += [("pack", CheckClass.REQUIRED)] if record["pack"]["cases"] else []
    return [PlannedCheck(case, check, cls, SourceRef(source, 1)) for check, cls in checks]


def judge_check(check: str, record: Mapping[str, Any]) -> Verdict:
    """Return the verdict on one check of a rollback's record."""
    if check == "written":
        failed = [one for one in record["writes"] if one["outcome"] != "accepted"]
        reasons = tuple(f"{one['flag']}: {_last_error(one)}" for one in failed)
        return Verdict(Outcome.FAILED if failed else Outcome.PASSED, reasons, "every write accepted")
    if check == "effect":
        return judge_effect(record["effect"], record["reason"])
    if check == "time_to_safe":
        return judge_seconds(record["time_to_safe"], record["propagation_deadline"])
    pack = record["pack"]
    outcome = _PACKS.get(pack["decision"], Outcome.NOT_RUN if pack["decision"] is None else Outcome.INCONCLUSIVE)
    reasons = () if outcome is Outcome.PASSED else (pack["sentence"],)
    return Verdict(outcome, reasons, "the post-rollback pack is GO", str(pack["decision"]))


def judge_effect(effect: str, reason: str) -> Verdict:
    """Return the verdict on whether a change of flags was seen at work."""
    expected = "the effect was observed"
    if effect == Effect.PROVEN.value:
        return Verdict(Outcome.PASSED, (), expected, reason)
    if effect == Effect.NOT_PROVEN.value:
        return Verdict.inconclusive(InconclusiveReason.NOT_OBSERVABLE, reason, expected)
    return Verdict(Outcome.FAILED, (reason,), expected, effect)


def judge_seconds(seconds: float | None, limit: float) -> Verdict:
    """Return the verdict on a time in seconds against its limit; one that was not measured is not run."""
    expected = f"at most {limit:g} s"
    if seconds is None:
        return Verdict(Outcome.NOT_RUN, ("it was not measured, since no effect was seen",), expected)
    observed = f"{seconds:.1f} s"
    if seconds > limit:
        return Verdict(Outcome.FAILED, (f"{seconds:.1f} s > {limit:g} s (limit)",), expected, observed)
    return Verdict(Outcome.PASSED, (), expected, observed)


def _last_error(write: Mapping[str, Any]) -> str:
    attempts = write["attempts"]
    return str(attempts[-1]["error"]) if attempts else "it was never answered"
