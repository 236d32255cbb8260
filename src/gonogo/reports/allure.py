"""Allure results of a run, written from the reconciled outcomes: what Allure shows and what was decided cannot differ.

allure-pytest would write them from what the test runner saw. It shows no Gherkin steps by itself, knows nothing of what
did not run, and costs more than the whole run of a large pack.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from gonogo.model.outcome import CheckResult, Outcome, worst
from gonogo.reports.severity import severity_of


def _category(name: str, status: str, words: str) -> dict[str, Any]:
    """Return a category; its pattern has to match the whole message, in Java and in JavaScript."""
    return {"name": name, "matchedStatuses": [status], "messageRegex": rf"[\s\S]*{words}[\s\S]*"}


CATEGORIES: tuple[dict[str, Any], ...] = (
    {"name": "Product failure", "matchedStatuses": ["failed"]},
    _category("Harness error", "broken", "(^|\\n)\\S+ ERROR: "),
    _category("Not run", "broken", "(^|\\n)(\\S+ )?NOT_RUN: "),
    _category("Not observable", "broken", " INCONCLUSIVE: not_observable"),
    _category("Vacuous: could not have failed", "broken", " INCONCLUSIVE: vacuous"),
    _category("No data, or too little", "broken", " INCONCLUSIVE: (no_data|too_few_samples|stale)"),
    _category("Target changed meanwhile", "broken", " INCONCLUSIVE: target_changed"),
    _category("Pending: waits for a person", "broken", "(^|\\n)\\S+ PENDING: "),
)


@dataclass(frozen=True, slots=True)
class AllureCase:
    """What is known of a case beside its outcomes: title, the steps with the check that each judges, and its labels."""

    id: str
    title: str
    steps: Sequence[tuple[str, str]] = ()
    feature: str = ""
    story: str = ""
    tier: str = ""
    expects: str = ""
    owner: str = ""


def write_allure_results(
    folder: Path,
    cases: Iterable[AllureCase],
    results: Sequence[CheckResult],
    labels: Mapping[str, str],
    at_ms: int,
) -> int:
    """Write one result a case and return their number; a case without any outcome has not run, and shows as broken.

    `labels` stand on every result. `at_ms` is the run's end: every entry has that time and no length, since what a case
    took of a send-ahead run cannot be told.
    """
    folder.mkdir(parents=True, exist_ok=True)
    by_case: dict[str, list[CheckResult]] = {}
    for result in results:
        by_case.setdefault(result.case, []).append(result)
    known = {case.id: case for case in cases}
    for name in by_case:
        known.setdefault(name, AllureCase(name, name))
    for case in known.values():
        checks = by_case.get(case.id, [])
        entry = _result(case, checks, labels, at_ms)
        if bad := [check for check in checks if check.outcome > Outcome.WARNED]:
            source = f"{entry['uuid']}-attachment.txt"
            _write(folder / source, "\n".join(map(_tell, bad)))
            entry["attachments"] = [{"name": "what decided", "source": source, "type": "text/plain"}]
        _write(folder / f"{entry['uuid']}-result.json", json.dumps(entry, ensure_ascii=False, separators=(",", ":")))
    _write(folder / "categories.json", json.dumps(CATEGORIES, indent=1))
    return len(known)


def write_allure_setting(folder: Path, environment: Mapping[str, str], executor: Mapping[str, str]) -> None:
    """Write what was tested and by what: environment.properties and executor.json."""
    lines = [f"{key}={_property(value)}\n" for key, value in environment.items() if value]
    _write(folder / "environment.properties", "".join(lines))
    _write(folder / "executor.json", json.dumps(dict(executor), ensure_ascii=False, indent=1))


def _property(value: str) -> str:
    """Return a value as a line of a properties file: a line end would begin another key."""
    return " ".join(value.split()).replace("\\", "\\\\")


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8", "replace"))


def _tell(check: CheckResult) -> str:
    """Return all that is known of a check, as text."""
    part = f" ({check.part})" if check.part else ""
    place = f"{check.source.file}:{check.source.line}" if check.source.file else "no source"
    reasons = "".join(f"  {reason}\n" for reason in check.reasons)
    told = f"  expected: {check.expected}\n  observed: {check.observed}\n  source:   {place}\n"
    return f"{check.id}{part}  {check.outcome.name}, {check.cls.value}\n{reasons}{told}"


def _result(case: AllureCase, checks: Sequence[CheckResult], labels: Mapping[str, str], at_ms: int) -> dict[str, Any]:
    outcome = worst(check.outcome for check in checks)
    bad = [check for check in checks if check.outcome > Outcome.WARNED]
    named = {
        **labels,
        "feature": case.feature,
        "story": case.story,
        "tier": case.tier,
        "severity": severity_of(check.cls for check in checks),
        "owner": case.owner,
        "framework": "gonogo",
    }
    source = next((check.source for check in checks), None)
    # An id that no file can hold must not stop the report of all the others.
    identity = case.id.encode("utf-8", "replace")
    link = f"{source.file}#L{source.line}" if source else ""
    return {
        "uuid": str(uuid5(NAMESPACE_URL, f"{labels.get('run', '')}/{identity.decode()}")),
        "historyId": hashlib.md5(identity, usedforsecurity=False).hexdigest(),
        "testCaseId": case.id,
        "fullName": case.id,
        "name": case.title,
        "status": _status(outcome),
        "statusDetails": {"message": "\n".join(map(_line, bad)) or ("" if checks else "NOT_RUN: no outcome")},
        "stage": "finished",
        "start": at_ms,
        "stop": at_ms,
        "labels": [{"name": name, "value": value} for name, value in named.items() if value],
        "links": [{"type": "link", "name": link.replace("#L", ":"), "url": link}] if link else [],
        "parameters": (
            [{"name": "expected at this stage", "value": case.expects, "excluded": True}] if case.expects else []
        ),
        "steps": _steps(case, checks, at_ms),
    }


def _steps(case: AllureCase, checks: Sequence[CheckResult], at_ms: int) -> list[dict[str, Any]]:
    """Return the Gherkin steps, each red or green by its check; checks without a step stand for themselves."""
    by_check: dict[str, list[CheckResult]] = {}
    for check in checks:
        by_check.setdefault(check.check, []).append(check)
    ran = any(check.outcome not in (Outcome.NOT_RUN, Outcome.ERROR) for check in checks)
    steps = []
    for text, name in case.steps:
        judged = by_check.pop(name, []) if name else []
        prepared = Outcome.PASSED if ran else Outcome.NOT_RUN
        outcome = worst(check.outcome for check in judged) if name else prepared
        steps.append(_step(text, outcome, judged, at_ms))
    for judged in by_check.values():
        for check in judged:
            part = f" ({check.part})" if check.part else ""
            steps.append(_step(f"{check.id}{part}", check.outcome, [check], at_ms))
    return steps


def _step(text: str, outcome: Outcome, judged: Sequence[CheckResult], at_ms: int) -> dict[str, Any]:
    step: dict[str, Any] = {
        "name": text,
        "status": _status(outcome),
        "stage": "finished",
        "start": at_ms,
        "stop": at_ms,
    }
    if judged:
        step["parameters"] = [
            {"name": "check", "value": judged[-1].id},
            {"name": "expected", "value": judged[-1].expected},
            {"name": "observed", "value": judged[-1].observed},
        ]
    if outcome > Outcome.WARNED:
        lines = [_line(check) for check in judged if check.outcome > Outcome.WARNED]
        step["statusDetails"] = {"message": "\n".join(lines) or outcome.name}
    return step


def _line(check: CheckResult) -> str:
    return f"{check.id} {check.outcome.name}: {'; '.join(check.reasons)}"


def _status(outcome: Outcome) -> str:
    """Return Allure's status: nothing but PASSED and WARNED shows as passed."""
    if outcome <= Outcome.WARNED:
        return "passed"
    return "failed" if outcome is Outcome.FAILED else "broken"
