"""A watch as evidence: what was planned, what its rules and its soak came to, and the triggers that fired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.gates.evaluate import to_check
from gonogo.model.outcome import CheckClass, CheckResult, InconclusiveReason, Outcome, PlannedCheck, SourceRef
from gonogo.model.release_plan import Trigger, TriggerKind
from gonogo.model.trigger import TriggerState
from gonogo.model.watch import CHECK, SOAK_CASE, SOAK_CHECK, WatchPack
from gonogo.release.lengths import show_seconds
from gonogo.release.soak import SoakResult
from gonogo.release.soak_sample import SAMPLES
from gonogo.release.watching.journal import read_lines
from gonogo.release.watching.judge import NO_DATA_TRIGGER, Level, RuleView


def plan_checks(packs: Sequence[WatchPack], plan_file: SourceRef) -> list[PlannedCheck]:
    """Return the planned set of a watch: one check a rule, and the soak."""
    checks = [
        PlannedCheck(rule.id, CHECK, rule.check_class, pack.source_of(rule.id)) for pack in packs for rule in pack.rules
    ]
    return [*checks, PlannedCheck(SOAK_CASE, SOAK_CHECK, CheckClass.REQUIRED, plan_file)]


def judge_checks(
    planned: Sequence[PlannedCheck],
    views: Sequence[RuleView],
    soak: SoakResult,
    warned: Mapping[str, str],
    triggers: Sequence[Trigger],
) -> list[CheckResult]:
    """Return the results of a watch: every rule as it stood at the last poll, and how much was observed.

    What a rule showed before is in the soak: a breach begins it again. `warned` tells of rules that warned meanwhile.
    A breach behind a trigger that asks for an evaluation waits for a person, and fails nothing by itself.
    """
    judged = {one.rule for one in triggers if one.kind is TriggerKind.EVALUATION}
    judged -= {one.rule for one in triggers if one.kind is TriggerKind.IMMEDIATE}
    by_case = {view.rule.id: view for view in views}
    results = []
    for check in planned:
        if check.case == SOAK_CASE:
            results.append(_soak_result(check, soak))
        elif check.case in by_case:
            for_people = check.case in judged and check.cls is CheckClass.REQUIRED
            results.append(_rule_result(check, by_case[check.case], warned.get(check.case, ""), for_people=for_people))
    return results


def _rule_result(check: PlannedCheck, view: RuleView, before: str, *, for_people: bool) -> CheckResult:
    judged = to_check(view.result, check.source, case=check.case)
    outcome = {
        Level.OK: Outcome.PASSED,
        Level.WARN: Outcome.WARNED,
        Level.FAILING: Outcome.FAILED,
        Level.RED: Outcome.FAILED,
    }.get(view.level, max(view.result.outcome, Outcome.INCONCLUSIVE))
    if outcome is Outcome.FAILED and (for_people or check.cls is CheckClass.ADVISORY):
        outcome = Outcome.PENDING if for_people else Outcome.WARNED
    reasons = () if outcome is Outcome.PASSED and not before else tuple(filter(None, (view.sentence, before)))
    return CheckResult(
        check.case, check.check, outcome, check.cls, check.source, reasons, judged.expected, judged.observed
    )


def _soak_result(check: PlannedCheck, soak: SoakResult) -> CheckResult:
    expected = f"observed for {show_seconds(soak.required or 0.0)}"
    observed = show_seconds(soak.seconds)
    if soak.complete:
        return CheckResult(
            check.case, check.check, Outcome.PASSED, check.cls, check.source, soak.reasons, expected, observed
        )
    first = (
        f"{InconclusiveReason.TOO_FEW_SAMPLES.value}: {soak.reasons[-1] if soak.reasons else 'nothing was observed'}"
    )
    return CheckResult(
        check.case,
        check.check,
        Outcome.INCONCLUSIVE,
        check.cls,
        check.source,
        (first, *soak.reasons[:-1]),
        expected,
        observed,
    )


def read_fired(folder: Path, not_before: float | None) -> dict[str, dict[str, Any]]:
    """Return the triggers that fired in a watch's record, the first time of each, killed sessions' among them."""
    fired: dict[str, dict[str, Any]] = {}
    for record in read_lines(folder / SAMPLES):
        if record.get("kind") != "trigger":
            continue
        at = record.get("at")
        if isinstance(at, int | float) and (not_before is None or at >= not_before):
            fired.setdefault(str(record.get("id")), record)
    return fired


def trigger_states(triggers: Sequence[Trigger], fired: Mapping[str, Mapping[str, Any]]) -> list[TriggerState]:
    """Return every trigger of the plan that a rule stands behind, and every rule that had no data for too long."""
    states = [_state(one.id, one.kind.value, one.option, fired.get(one.id)) for one in triggers if one.rule is not None]
    silent = [record for key, record in sorted(fired.items()) if key.endswith(f".{NO_DATA_TRIGGER}")]
    return [*states, *(_state(str(one["id"]), "evaluation", "", one) for one in silent)]


def _state(name: str, kind: str, option: str, record: Mapping[str, Any] | None) -> TriggerState:
    known = "immediate" if kind == "immediate" else "evaluation"
    if record is None:
        return TriggerState(name, known, False, option=option)  # type: ignore[arg-type]
    at = datetime.fromtimestamp(float(record["at"]), UTC).isoformat(timespec="milliseconds")
    reasons = tuple(map(str, record.get("reasons", ())))
    return TriggerState(name, known, True, at, reasons, option)  # type: ignore[arg-type]


def find_warnings(folder: Path, since: float | None) -> dict[str, str]:
    """Return for every rule that warned since the soak began how often it did, in words."""
    counts: dict[str, int] = {}
    for record in read_lines(folder / SAMPLES):
        if record.get("kind") != "sample" or since is None or record.get("at", 0.0) < since:
            continue
        for rule, view in record.get("rules", {}).items():
            if view.get("level") == Level.WARN.value:
                counts[rule] = counts.get(rule, 0) + 1
    return {rule: f"warned at {count} polls of this soak" for rule, count in counts.items()}
