"""JUnit XML: one test case a check, written from the reconciled results and not by the test runner."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from gonogo.model.outcome import CheckClass, CheckResult, Outcome, SourceRef

# XML 1.0 cannot carry these at all, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_NOTHING = CheckResult(
    "RUN",
    "planned-set",
    Outcome.NOT_RUN,
    CheckClass.REQUIRED,
    SourceRef("", 0),
    ("nothing was planned, so nothing ran",),
)


def render_junit(
    name: str,
    results: Sequence[CheckResult],
    titles: Mapping[str, str],
    timestamp: str,
    seconds: float,
    properties: Mapping[str, str] | None = None,
) -> str:
    """Return the XML of a run: a test case for every scenario, with its worst check; `titles` maps cases to names.

    INCONCLUSIVE, NOT_RUN and ERROR are errors, PENDING is a failure of type `pending`, FAILED a failure. A run without
    any result is an error too: many a pipeline takes an empty report for a green one.
    """
    by_case: dict[str, list[CheckResult]] = {}
    for result in results or [_NOTHING]:
        by_case.setdefault(result.case, []).append(result)
    worst = {case: max(checks, key=lambda check: check.outcome) for case, checks in by_case.items()}
    failures = sum(result.outcome in (Outcome.FAILED, Outcome.PENDING) for result in worst.values())
    errors = sum(Outcome.INCONCLUSIVE <= result.outcome <= Outcome.ERROR for result in worst.values())
    numbers = {"tests": str(len(worst)), "failures": str(failures), "errors": str(errors), "skipped": "0"}
    root = ElementTree.Element("testsuites", numbers)
    suite = ElementTree.SubElement(
        root, "testsuite", {"name": _clean(name), **numbers, "time": f"{seconds:.3f}", "timestamp": timestamp}
    )
    if properties:
        listed = ElementTree.SubElement(suite, "properties")
        for key, value in properties.items():
            ElementTree.SubElement(listed, "property", {"name": key, "value": _clean(value)})
    for case, checks in by_case.items():
        _add_case(suite, name, titles.get(case, case), checks, worst[case])
    ElementTree.indent(root, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_case(
    suite: ElementTree.Element, name: str, title: str, checks: Sequence[CheckResult], worst: CheckResult
) -> None:
    entry = ElementTree.SubElement(
        suite,
        "testcase",
        {
            "name": _clean(title),
            "classname": _clean(name),
            "file": _clean(worst.source.file),
            "line": str(worst.source.line),
            "time": "0",
        },
    )
    bad = [check for check in checks if check.outcome > Outcome.WARNED]
    if not bad:
        return
    text = "\n".join(
        f"{check.id}{f' [{check.part}]' if check.part else ''} {check.outcome.name}: {'; '.join(check.reasons)}\n"
        f"  expected: {check.expected}\n  observed: {check.observed}"
        for check in bad
    )
    is_failure = worst.outcome in (Outcome.FAILED, Outcome.PENDING)
    kind = "pending" if worst.outcome is Outcome.PENDING else worst.outcome.name.lower()
    message = f"{worst.id}: {'; '.join(worst.reasons)}"
    tag = "failure" if is_failure else "error"
    ElementTree.SubElement(entry, tag, {"type": kind, "message": _clean(message)}).text = _clean(text)


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
