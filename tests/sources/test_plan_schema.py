"""The JSON Schema of plan.yaml: it is the model's, it takes the real plan, and it refuses what the model refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from richpanel_texts import SOURCES

from gonogo.model.plan import Plan, Stage
from gonogo.model.plan_schema import plan_schema_text
from gonogo.sources.yaml_file import read_yaml

ROOT = SOURCES.parents[1]
SCHEMA = ROOT / "docs" / "schemas" / "plan.schema.json"
VALIDATOR = jsonschema_rs.validator_for(json.loads(plan_schema_text()))


def as_json(data: Any) -> Any:
    return json.loads(json.dumps(data))


@pytest.fixture
def plan() -> dict[str, Any]:
    found: dict[str, Any] = as_json(read_yaml(SOURCES / "plan.yaml", "plan.yaml").data)
    return found


def test_the_file_is_what_the_model_says() -> None:
    fix = "from gonogo.model.plan_schema import plan_schema_text; print(plan_schema_text(), end='')"
    assert SCHEMA.read_text("utf-8") == plan_schema_text(), f'run: python -c "{fix}" > {SCHEMA.relative_to(ROOT)}'


def test_the_real_plan_names_its_schema_and_fits_it(plan: dict[str, Any]) -> None:
    first = (SOURCES / "plan.yaml").read_text("utf-8").split("\n")[0]
    assert first == "# yaml-language-server: $schema=../../docs/schemas/plan.schema.json"
    assert (SOURCES / first.split("=", 1)[1]).resolve() == SCHEMA
    VALIDATOR.validate(plan)


def test_every_key_of_the_model_is_there() -> None:
    schema = json.loads(plan_schema_text())
    assert set(schema["properties"]) == set(Plan.model_fields)
    assert set(schema["$defs"]["Stage"]["properties"]) == set(Stage.model_fields)
    assert '\\\\"' not in plan_schema_text()


SPOILED: dict[str, tuple[tuple[str | int, ...], Any]] = {
    "unknown key": (("rolback",), {}),
    "unknown key of a stage": (("stages", 1, "sok"), {}),
    "negative duration": (("stages", 1, "soak", "minimum"), -5),
    "unreadable duration": (("stages", 1, "soak", "minimum"), "an hour"),
    "unknown option": (("triggers", 0, "option"), "D"),
    "option beyond C": (("rollback", "options", "D"), {"name": "x"}),
    "unknown kind of trigger": (("triggers", 0, "kind"), "sometimes"),
    "unknown word of forbids": (("stages", 1, "forbids", 0, "what"), "everything"),
    "nobody approves": (("stages", 1, "approvals", 0, "people"), 0),
    "occasion": (("follow_ups", 0, "after"), "lunch"),
    "value of a flag": (("rollback", "options", "A", "flags", "safe_mode"), "on"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_editor_and_reader_refuse_alike(name: str, plan: dict[str, Any], tmp_path: Path) -> None:
    place, value = SPOILED[name]
    part: Any = plan
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    assert not VALIDATOR.is_valid(plan)
    with pytest.raises(ValueError, match="validation error"):
        Plan.model_validate_json(json.dumps(plan))
