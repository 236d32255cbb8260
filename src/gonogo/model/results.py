"""Results of checks as JSON records and back."""

from __future__ import annotations

from typing import Any

from gonogo.model.outcome import CheckClass, CheckResult, Outcome, SourceRef


def result_to_json(result: CheckResult) -> dict[str, Any]:
    """Return a result as it is written to outcomes.jsonl."""
    record: dict[str, Any] = {
        "case": result.case,
        "check": result.check,
        "outcome": result.outcome.name,
        "class": result.cls.value,
        "reasons": list(result.reasons),
        "expected": result.expected,
        "observed": result.observed,
        "source": {"file": result.source.file, "line": result.source.line},
    }
    if result.part:
        record["part"] = result.part
    return record


def result_from_json(record: dict[str, Any]) -> CheckResult:
    """Return the result of a record; raises `KeyError` or `ValueError` for one that is not whole."""
    return CheckResult(
        str(record["case"]),
        str(record["check"]),
        Outcome[record["outcome"]],
        CheckClass(record["class"]),
        SourceRef(str(record["source"]["file"]), int(record["source"]["line"])),
        tuple(map(str, record["reasons"])),
        str(record["expected"]),
        str(record["observed"]),
        str(record.get("part", "")),
    )
