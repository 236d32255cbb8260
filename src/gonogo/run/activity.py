"""Evidence of what is no run of pytest, such as a watch or a load: planned, written down and sealed like one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.errors import EvidenceError, GonogoError, UsageError
from gonogo.evidence.bundle import OUTCOMES, PLAN, PLANNED, TRIGGERS
from gonogo.evidence.seal import Seal
from gonogo.model.decision import Decision, decide
from gonogo.model.environment import Environment
from gonogo.model.outcome import CheckResult, PlannedCheck, merge_results
from gonogo.model.plan import Stage
from gonogo.model.reconcile import reconcile
from gonogo.model.results import result_to_json
from gonogo.model.trigger import TriggerState, trigger_to_json
from gonogo.reports.allure import AllureCase
from gonogo.reports.decision_record import RunFacts, build_decision_record
from gonogo.run.conclude import write_json, write_reports
from gonogo.run.runplan import planned_to_json
from gonogo.run.sealing import Sealer
from gonogo.sources.project import Project, System

KINDS = ("watch", "load", "drill", "rollback", "stage")


@dataclass(frozen=True, slots=True)
class Activity:
    """What is done, where, and by whom; `folder` holds its files, `counts` says whether it counts on the ladder.

    `titles` names its cases for people. `base_url` and `token_env` are those of an embedded sandbox.
    """

    kind: str
    id: str
    project: Project
    system: System
    stage: Stage | None
    environment_name: str
    environment: Environment
    folder: Path
    release: str | None = None
    run_by: str | None = None
    deployed_by: tuple[str, ...] = ()
    counts: bool = True
    titles: Mapping[str, str] | None = None
    token_env: str | None = None

    @property
    def stage_id(self) -> str:
        """Return the id of the stage, empty for what belongs to none."""
        return self.stage.id if self.stage is not None else ""


@dataclass(frozen=True, slots=True)
class ActivityReport:
    """What an activity came to; `record` is decision.json. `seal_error` says why it could not be sealed."""

    decision: Decision
    record: dict[str, Any]
    folder: Path
    checks: tuple[CheckResult, ...]
    seal: Seal | None = None
    seal_error: GonogoError | None = None


def begin_activity(activity: Activity, planned: Sequence[PlannedCheck], sealer: Sealer) -> None:
    """Write the plan and the planned set and sign them; nothing may have been sent yet.

    Raises `UsageError` for a kind that is not known and for a planned set that is empty or names a check twice.
    """
    if activity.kind not in KINDS:
        raise UsageError(f"an activity cannot be of kind {activity.kind!r}")
    if not planned:
        raise UsageError(f"this {activity.kind} plans no check; nothing planned is never a success")
    if len({check.key for check in planned}) != len(planned):
        raise UsageError(f"this {activity.kind} plans a check twice")
    folder, system = activity.folder, activity.system.name
    folder.mkdir(parents=True, exist_ok=True)
    cases = dict.fromkeys(check.case for check in planned)
    record = {
        "run": activity.id,
        "schema": "gonogo/planned/1",
        "activity": activity.kind,
        "system": system,
        "stage": activity.stage_id,
        "states": [],
        "cases": [{"id": case, "name": _title(activity, case), "admitted": True, "refused": ""} for case in cases],
        "checks": [planned_to_json(check) for check in planned],
    }
    write_json(folder / PLANNED, record)
    (folder / PLAN).write_bytes((activity.project.sources_of(system) / PLAN).read_bytes())
    facts = {
        "run": activity.id,
        "system": system,
        "stage": activity.stage_id,
        "environment": activity.environment_name,
        "release": activity.release,
    }
    sealer.sign_planned(folder, facts, activity.project, ())


def conclude_activity(
    activity: Activity,
    planned: Sequence[PlannedCheck],
    results: Sequence[CheckResult],
    sealer: Sealer,
    *,
    started: datetime,
    build: Mapping[str, str | None],
    flags: Mapping[str, Any],
    triggers: Sequence[TriggerState] = (),
    notes: Sequence[str] = (),
    gathered: Sequence[str] = (),
    not_tested: Sequence[Mapping[str, str]] = (),
    target: Mapping[str, Any] | None = None,
    next_command: str = "",
) -> ActivityReport:
    """Decide over the results, write every file of the bundle, scan, seal and enter it in the ledger.

    A planned check without a result is NOT_RUN, a result that was not planned an ERROR. `build` and `flags` hold what
    was seen `before` and `after`. `gathered` are the ids of the bundles that a stage's decision rests on. Texts of
    results and notes are the caller's own words: what came from the system must have gone through its redactor.
    """
    folder, finished = activity.folder, datetime.now(UTC)
    records = [result_to_json(result) for result in results]
    lines = [json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records]
    (folder / OUTCOMES).write_bytes("".join(lines).encode("utf-8", "replace"))
    if triggers:
        write_json(folder / TRIGGERS, {"triggers": [trigger_to_json(one) for one in triggers]})
    reconciled = reconcile(planned, records, f"the {activity.kind} ended without it")
    decision = decide(reconciled, triggers=triggers)
    checks = tuple(merge_results(reconciled))
    facts = RunFacts(
        system=activity.system.name,
        stage=activity.stage_id,
        environment=activity.environment_name,
        release=activity.release,
        run_id=activity.id,
        started=started.isoformat(timespec="seconds"),
        # To the microsecond: what takes less than a second must not seem to end before its plan was signed.
        finished=finished.isoformat(),
        build=build,
        flags=flags,
        target={"kind": activity.environment.kind.value, **(target or {})},
        not_tested=not_tested,
        holes=(),
        expectations={},
        counts_for_stage=activity.counts,
        notes=notes,
        signer=sealer.signer,
        run_by=activity.run_by,
        deployed_by=activity.deployed_by,
        activity=activity.kind,
        gathered=gathered,
        triggers=triggers,
    )
    record = build_decision_record(facts, decision, checks)
    by_case = dict.fromkeys(check.case for check in planned)
    cases = [AllureCase(case, _title(activity, case), feature=activity.kind) for case in by_case]
    record["next"] = command = next_command or f"less {activity.project.relative(folder / 'decision.md')}"
    write_reports(folder, record, reconciled, cases, command, (finished - started).total_seconds())
    try:
        seal = sealer.seal_bundle(folder, activity.system, activity.id, activity.token_env)
    except EvidenceError as error:
        # The decision stands as it is; that nothing vouches for it is told beside it.
        return ActivityReport(decision, record, folder, checks, seal_error=error)
    return ActivityReport(decision, record, folder, checks, seal=seal)


def _title(activity: Activity, case: str) -> str:
    name = (activity.titles or {}).get(case, "")
    return f"[{case}] {name}" if name else case
