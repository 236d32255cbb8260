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


def read_titles(folder: Path) -> set[str]:
    """Return the names of all results in a folder; a result that cannot be read counts as absent."""
    titles = set()
    for path in folder.glob("*-result.json"):
        try:
            titles.add(str(json.loads(path.read_bytes())["name"]))
        except (ValueError, KeyError, OSError):
            continue
    return titles


def write_missing_results(
    folder: Path, cases: Mapping[str, str], results: Sequence[CheckResult], labels: Mapping[str, str], at_ms: int
) -> int:
    """Write a broken or failed result for every case that has none; `cases` maps ids to titles. Returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    present = read_titles(folder)
    written = 0
    for case, title in cases.items():
        checks = [result for result in results if result.case == case]
        if title in present or not checks:
            continue
        entry = _result(case, title, checks, labels, at_ms)
        (folder / f"{entry['uuid']}-result.json").write_text(json.dumps(entry, ensure_ascii=False), "utf-8")
        written += 1
    return written


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
        "statusDetails": {"message": "\n".join(_line(check) for check in checks if check.outcome > Outcome.WARNED)},
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


def _line(check: CheckResult) -> str:
    return f"{check.id} {check.outcome.name}: {'; '.join(check.reasons)}"


def _status(outcome: Outcome) -> str:
    """Return Allure's status: nothing but PASSED and WARNED shows as passed."""
    if outcome <= Outcome.WARNED:
        return "passed"
    return "failed" if outcome is Outcome.FAILED else "broken"
