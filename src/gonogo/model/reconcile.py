"""Planned checks against recorded outcomes: what has none is NOT_RUN, what was not planned is an ERROR."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gonogo.model.outcome import CheckClass, CheckResult, Outcome, PlannedCheck, SourceRef, heavier, merge_results
from gonogo.model.results import result_from_json


def reconcile(planned: Sequence[PlannedCheck], records: Iterable[Mapping[str, Any]], why_not: str) -> list[CheckResult]:
    """Return one result for every planned observation and an ERROR for every record that was not planned.

    The source comes from the plan, and so does the class, which a record may raise and not lower. A check that was
    recorded twice keeps the worse outcome. `why_not` says why planned checks may have no outcome.
    """
    by_key = {check.key: check for check in planned}
    seen: dict[tuple[str, str, str], CheckResult] = {}
    strange: list[CheckResult] = []
    for record in records:
        try:
            result = result_from_json(dict(record))
        except (KeyError, ValueError, TypeError):
            strange.append(_strange("a record of outcomes.jsonl is not whole"))
            continue
        check = by_key.get(result.key)
        if check is None:
            strange.append(_strange(f"{result.id} was recorded and not planned"))
            continue
        # Built anew and not replaced: in a large run this is done tens of thousands of times.
        result = CheckResult(
            result.case,
            result.check,
            result.outcome,
            heavier(check.cls, result.cls),
            check.source,
            result.reasons,
            result.expected,
            result.observed,
            result.part,
        )
        before = seen.get(result.key)
        seen[result.key] = result if before is None else replace(merge_results([before, result])[0], part=check.part)
    results = [seen.get(check.key) or _not_run(check, why_not) for check in planned]
    return results + strange


def _not_run(check: PlannedCheck, why_not: str) -> CheckResult:
    part = f" in state {check.part!r}" if check.part else ""
    return CheckResult(
        check.case,
        check.check,
        Outcome.NOT_RUN,
        check.cls,
        check.source,
        (f"no outcome{part}: {why_not}",),
        part=check.part,
    )


def _strange(text: str) -> CheckResult:
    return CheckResult("RUN", "planned-set", Outcome.ERROR, CheckClass.REQUIRED, SourceRef("", 0), (text,))
