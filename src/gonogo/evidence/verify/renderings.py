"""JUnit and Allure against the outcomes: what QA and CI look at says what was decided."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from gonogo.evidence.bundle import ALLURE, JUNIT, OUTCOMES, strict_json
from gonogo.evidence.verify.faults import Fault
from gonogo.model.outcome import CheckResult, Outcome, worst

_TITLE = re.compile(r"\[([^\]]+)\]")
_TOTALS = ("tests", "failures", "errors", "skipped")


def _by_case(results: Sequence[CheckResult]) -> dict[str, list[CheckResult]]:
    cases: dict[str, list[CheckResult]] = {}
    for result in results:
        cases.setdefault(result.case, []).append(result)
    return cases


def check_junit(folder: Path, results: Sequence[CheckResult]) -> list[Fault]:
    """Return a fault for every test case and total of junit.xml that the outcomes do not say."""
    try:
        data = (folder / JUNIT).read_bytes()
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            return [Fault("junit/unreadable", JUNIT, "has a document type, which JUnit has no use for.")]
        root = ElementTree.fromstring(data)
    except (OSError, ElementTree.ParseError, ValueError) as error:
        return [Fault("junit/unreadable", JUNIT, f"cannot be read: {type(error).__name__}.")]
    wanted = {case: _junit_kind(worst(one.outcome for one in checks)) for case, checks in _by_case(results).items()}
    entries = list(root.iter("testcase"))
    shown: dict[str, list[str]] = {}
    for entry in entries:
        shown.setdefault(_case_of(entry.get("name") or "", wanted), []).append(_kind_shown(entry))
    faults = []
    for case in sorted(set(wanted) | set(shown)):
        kinds, kind = shown.get(case, []), wanted.get(case)
        if kinds != [kind]:
            text = f"{case} is {' and '.join(kinds) or 'missing'} in {JUNIT} and {kind or 'not planned'} by {OUTCOMES}."
            faults.append(Fault("junit/case", JUNIT, text))
    numbers = {
        "tests": len(wanted),
        "failures": sum(kind in ("failed", "pending") for kind in wanted.values()),
        "errors": sum(kind not in ("failed", "pending", "passed") for kind in wanted.values()),
        "skipped": 0,
    }
    for element in (root, *root.iter("testsuite")):
        for name in _TOTALS:
            if element.get(name) != str(numbers[name]):
                text = f"{element.tag} says {name}={element.get(name)!r}; {OUTCOMES} comes to {numbers[name]}."
                faults.append(Fault("junit/totals", JUNIT, text))
    return faults


def _junit_kind(outcome: Outcome) -> str:
    return "passed" if outcome <= Outcome.WARNED else outcome.name.lower()


def _case_of(name: str, known: Mapping[str, str]) -> str:
    title = _TITLE.match(name)
    return title[1] if title and name not in known else name


def _kind_shown(entry: ElementTree.Element) -> str:
    marks = [f"{child.tag}:{child.get('type')}" for child in entry if child.tag in ("failure", "error", "skipped")]
    known = {
        "failure:failed": "failed",
        "failure:pending": "pending",
        **{f"error:{name}": name for name in ("inconclusive", "not_run", "error")},
    }
    if not marks:
        return "passed"
    return known.get(marks[0], marks[0]) if len(marks) == 1 else " with ".join(marks)


def check_allure(folder: Path, results: Sequence[CheckResult]) -> list[Fault]:
    """Return a fault for every Allure result and step that the outcomes do not say, and for open attachments."""
    cases = _by_case(results)
    seen: dict[str, str] = {}
    attached: set[str] = set()
    faults: list[Fault] = []
    found = sorted((folder / ALLURE).glob("*-result.json"))
    for path in found:
        name = f"{ALLURE}/{path.name}"
        try:
            entry = strict_json(path.read_bytes())
            case = str(entry["testCaseId"])
            faults += _check_entry(name, case, entry, cases.get(case))
            attached |= set(_attachments(entry))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            faults.append(Fault("allure/unreadable", name, f"cannot be read: {type(error).__name__}."))
            continue
        if case in seen:
            faults.append(Fault("allure/case", name, f"{case} stands in {seen[case]} too."))
        seen[case] = name
    for case in sorted(set(cases) - set(seen)):
        faults.append(Fault("allure/case", ALLURE, f"{case} is in {OUTCOMES} and has no Allure result."))
    return faults + _check_attachments(folder, attached)


def _check_entry(name: str, case: str, entry: Mapping[str, Any], checks: list[CheckResult] | None) -> list[Fault]:
    wanted = allure_status(worst(one.outcome for one in checks)) if checks is not None else None
    faults = []
    if checks is None:
        # A scenario that was planned and has no check at all shows as broken; anything else was made up.
        wanted = "broken"
    if entry["status"] != wanted:
        text = f"{case} is {entry['status']!r} in Allure and {wanted!r} by {OUTCOMES}."
        faults.append(Fault("allure/status", name, text))
    by_check: dict[str, list[Outcome]] = {}
    for one in checks or ():
        by_check.setdefault(one.id, []).append(one.outcome)
    shown: dict[str, list[str]] = {}
    for step in entry["steps"]:
        checked = [one["value"] for one in step.get("parameters", ()) if one["name"] == "check"]
        if checked:
            shown.setdefault(checked[0], []).append(step["status"])
    for check in sorted(set(by_check) | set(shown)):
        outcomes = [allure_status(one) for one in by_check.get(check, ())]
        merged = [allure_status(worst(by_check.get(check, ())))]
        if sorted(shown.get(check, [])) not in (sorted(outcomes), merged):
            steps = ", ".join(shown.get(check, [])) or "missing"
            text = f"the step of {check} is {steps} in Allure and {', '.join(outcomes) or 'not planned'} by {OUTCOMES}."
            faults.append(Fault("allure/step", name, text))
    return faults


def allure_status(outcome: Outcome) -> str:
    """Return the status that Allure shows for an outcome."""
    if outcome <= Outcome.WARNED:
        return "passed"
    return "failed" if outcome is Outcome.FAILED else "broken"


def _attachments(entry: Mapping[str, Any]) -> list[str]:
    own = [str(one["source"]) for one in entry.get("attachments", ())]
    return own + [source for step in entry.get("steps", ()) for source in _attachments(step)]


def _check_attachments(folder: Path, attached: set[str]) -> list[Fault]:
    present = {path.name for path in (folder / ALLURE).glob("*-attachment*")}
    faults = [
        Fault("allure/attachment", f"{ALLURE}/{name}", "is attached to a result and not in the bundle.")
        for name in sorted(attached - present)
    ]
    return faults + [
        Fault("allure/attachment", f"{ALLURE}/{name}", "is in the bundle and attached to no result.")
        for name in sorted(present - attached)
    ]
