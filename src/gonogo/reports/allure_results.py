"""Allure results for what never ran, so that nobody mistakes an absent entry for success."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from gonogo.model.outcome import CheckResult, Outcome, worst
from gonogo.reports.severity import severity_of

_GREEN = frozenset({"passed", "skipped"})
_STATUSES = _GREEN | {"failed", "broken"}


def read_titles(folder: Path) -> set[str]:
    """Return the names of all results in a folder; a result that cannot be read counts as absent."""
    return {name for _, name, _ in _read_results(folder)}


def _read_results(folder: Path) -> list[tuple[Path, str, str]]:
    """Return path, name and status of every whole result."""
    found = []
    for path in sorted(folder.glob("*-result.json")):
        try:
            entry = json.loads(path.read_bytes())
            name, status = entry["name"], entry["status"]
        except (ValueError, KeyError, TypeError, OSError, RecursionError):
            continue
        if isinstance(name, str) and status in _STATUSES:
            found.append((path, name, status))
    return found


def write_missing_results(
    folder: Path, cases: Mapping[str, str], results: Sequence[CheckResult], labels: Mapping[str, str], at_ms: int
) -> int:
    """Write a result for every case that has none, or none but a lie; `cases` maps ids to titles. Returns how many.

    A result that shows green for a case that neither passed nor warned is removed: a check can end worse than its
    scenario saw, since what was not recorded did not run. A case without any check has not run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checks_of: dict[str, list[CheckResult]] = {case: [] for case in cases}
    for result in results:
        checks_of.setdefault(result.case, []).append(result)
    present: set[str] = set()
    bad = {
        cases.get(case, case)
        for case, checks in checks_of.items()
        if worst(one.outcome for one in checks) > Outcome.WARNED
    }
    for path, name, status in _read_results(folder):
        if name in bad and status in _GREEN:
            path.unlink()
        else:
            present.add(name)
    missing = [case for case in checks_of if cases.get(case, case) not in present]
    for case in missing:
        entry = _result(case, cases.get(case, case), checks_of[case], labels, at_ms)
        (folder / f"{entry['uuid']}-result.json").write_text(json.dumps(entry), "utf-8")
    return len(missing)


def _result(
    case: str, title: str, checks: Sequence[CheckResult], labels: Mapping[str, str], at_ms: int
) -> dict[str, Any]:
    outcome = worst(check.outcome for check in checks)
    named = {**labels, "severity": severity_of(check.cls for check in checks), "framework": "gonogo"}
    return {
        "uuid": str(uuid5(NAMESPACE_URL, f"{labels.get('run', '')}/{case}")),
        "historyId": hashlib.md5(case.encode(), usedforsecurity=False).hexdigest(),
        "name": title,
        "fullName": case,
        "status": _status(outcome),
        "statusDetails": {"message": _explain(checks)},
        "stage": "finished",
        "start": at_ms,
        "stop": at_ms,
        "labels": [{"name": name, "value": value} for name, value in named.items()],
        "steps": [
            {
                "name": f"{check.id}" + (f" ({check.part})" if check.part else ""),
                "status": _status(check.outcome),
                "statusDetails": {"message": _line(check)} if check.outcome > Outcome.WARNED else {},
                "stage": "finished",
                "start": at_ms,
                "stop": at_ms,
            }
            for check in checks
        ],
    }


def _explain(checks: Sequence[CheckResult]) -> str:
    if not checks:
        return "no check has an outcome, so nothing ran"
    return "\n".join(_line(check) for check in checks if check.outcome > Outcome.WARNED)


def _line(check: CheckResult) -> str:
    return f"{check.id} {check.outcome.name}: {'; '.join(check.reasons)}"


def _status(outcome: Outcome) -> str:
    """Return Allure's status: nothing but PASSED and WARNED shows as passed."""
    if outcome <= Outcome.WARNED:
        return "passed"
    return "failed" if outcome is Outcome.FAILED else "broken"
