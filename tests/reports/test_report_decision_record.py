"""decision.json: the fixed keys, held by a JSON Schema that the documentation carries."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from report_data import HOSTILE, check, record

from gonogo.model.decision import Verb
from gonogo.model.outcome import CheckClass, Outcome
from gonogo.reports.decision_record import SCHEMA

ROOT = Path(__file__).parents[2]
FIXED = {
    "schema", "system", "stage", "environment", "release", "runs", "started", "finished", "decision", "deciding",
    "counts", "build", "flags", "checks", "triggers", "waivers",
}  # fmt: skip
FIXED_OF_A_CHECK = {"case", "check", "outcome", "class", "reasons", "expected", "observed", "source"}
DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs" / "schemas" / "decision.schema.json").read_text("utf-8"))
TYPES: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int,
}  # fmt: skip
KNOWN = {
    "$schema", "$id", "title", "description", "type", "required", "properties", "additionalProperties", "propertyNames",
    "items", "minItems", "minLength", "minimum", "enum", "const", "oneOf", "format",
}  # fmt: skip


def find_faults(schema: dict[str, Any], data: Any, at: str = "$") -> list[str]:
    """Return where data breaks a schema; knows only the keywords that the documents here use, and refuses others."""
    assert set(schema) <= KNOWN, set(schema) - KNOWN
    faults: list[str] = []
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        fits = any(
            isinstance(data, TYPES[name]) and (name != "integer" or not isinstance(data, bool)) for name in names
        )
        if not fits:
            return [f"{at} is no {' or '.join(names)}"]
    if "const" in schema and data != schema["const"]:
        faults.append(f"{at} is not {schema['const']!r}")
    if "enum" in schema and data not in schema["enum"]:
        faults.append(f"{at} is none of {schema['enum']}")
    if "oneOf" in schema and sum(not find_faults(one, data, at) for one in schema["oneOf"]) != 1:
        faults.append(f"{at} is not one of the alternatives")
    if isinstance(data, str) and len(data) < schema.get("minLength", 0):
        faults.append(f"{at} is too short")
    if schema.get("format") == "date-time" and not re.fullmatch(
        r"\d{4}(-\d\d){2}T\d\d(:\d\d){2}(\.\d+)?(Z|[+-]\d\d:\d\d)", data
    ):
        faults.append(f"{at} is no time")
    if isinstance(data, int) and data < schema.get("minimum", data):
        faults.append(f"{at} is too small")
    if isinstance(data, list):
        faults += [f"{at} is too short"] if len(data) < schema.get("minItems", 0) else []
        for index, item in enumerate(data):
            faults += find_faults(schema.get("items", {}), item, f"{at}[{index}]")
    if isinstance(data, dict):
        faults += [f"{at} lacks {name}" for name in schema.get("required", []) if name not in data]
        for name, value in data.items():
            inner = schema.get("properties", {}).get(name, schema.get("additionalProperties", {}))
            faults += find_faults(schema.get("propertyNames", {}), name, f"{at}.{name} (name)")
            faults += find_faults(inner, value, f"{at}.{name}")
    return faults


def test_the_schema_requires_every_fixed_key() -> None:
    assert set(DOCUMENT["required"]) == FIXED
    assert set(DOCUMENT["properties"]["checks"]["items"]["required"]) == FIXED_OF_A_CHECK
    assert DOCUMENT["properties"]["schema"]["const"] == SCHEMA


def test_the_schema_knows_every_key_that_is_written() -> None:
    written = record(check())

    assert set(written) == set(DOCUMENT["properties"])
    assert set(written["checks"][0]) == set(DOCUMENT["properties"]["checks"]["items"]["properties"])


def test_the_schema_lists_every_word() -> None:
    properties = DOCUMENT["properties"]
    checks = properties["checks"]["items"]["properties"]

    assert set(properties["decision"]["enum"]) == set(Verb)
    assert checks["outcome"]["enum"] == properties["counts"]["propertyNames"]["enum"] == [one.name for one in Outcome]
    assert checks["class"]["enum"] == [one.value for one in CheckClass]


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("cls", CheckClass)
def test_every_record_is_valid(outcome: Outcome, cls: CheckClass) -> None:
    written = record(check(outcome, cls=cls), check(name="ST-002/team"))

    assert find_faults(DOCUMENT, written) == []
    assert json.loads(json.dumps(written)) == written


def test_the_record_of_nothing_is_valid_and_holds() -> None:
    written = record()

    assert find_faults(DOCUMENT, written) == []
    assert (written["decision"], written["checks"], written["counts"]) == ("HOLD", [], {})


@pytest.mark.parametrize("kind", [kind for kind in HOSTILE if kind != "empty"])
def test_hostile_text_is_kept_as_it_is(kind: str) -> None:
    written = record(check(Outcome.FAILED, reason=HOSTILE[kind]))

    assert find_faults(DOCUMENT, written) == []
    assert json.loads(json.dumps(written))["checks"][0]["reasons"] == [HOSTILE[kind]]


def test_a_record_holds_what_was_decided() -> None:
    written = record(
        check(Outcome.FAILED, "ST-001/tags", reason="gone"), check(Outcome.PASSED, "ST-001/tags", part="b"), check()
    )

    assert (written["decision"], written["deciding"], written["runs"]) == ("NO_GO", ["ST-001/tags"], ["run-1"])
    assert written["counts"] == {"PASSED": 1, "FAILED": 1}
    assert written["checks"][0] == {
        "case": "ST-001",
        "check": "tags",
        "outcome": "FAILED",
        "class": "required",
        "reasons": ["gone", "it passed"],
        "expected": "expected",
        "observed": "observed",
        "source": {"file": "smoke_cases/smoke.csv", "line": 7},
    }


@pytest.mark.parametrize("key", sorted(FIXED))
def test_a_record_without_a_fixed_key_is_not_valid(key: str) -> None:
    written = record(check())
    del written[key]

    assert find_faults(DOCUMENT, written) == [f"$ lacks {key}"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("decision",), "MAYBE"), (("schema",), "gonogo/decision/0"), (("runs",), []), (("started",), "yesterday"),
        (("checks", 0, "outcome"), "passed"), (("checks", 0, "class"), "grave"), (("checks", 0, "reasons"), "text"),
        (("checks", 0, "source"), {"file": "x"}), (("counts", "PASSED"), 0), (("counts", "SKIPPED"), 1),
        (("build",), {"before": None}), (("flags", "before"), {"safe_mode": "on"}), (("release",), 7),
    ],
)  # fmt: skip
def test_a_wrong_value_is_not_valid(path: tuple[Any, ...], value: Any) -> None:
    written = deepcopy(record(check()))
    place: Any = written
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value

    assert find_faults(DOCUMENT, written)
