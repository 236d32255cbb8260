"""The JSON Schema of plan.yaml, for editors that complete and check while somebody writes."""

from __future__ import annotations

import json
from typing import Any

from gonogo.model.plan import Plan


def plan_schema() -> dict[str, Any]:
    """Return the schema of a plan as draft 2020-12; what needs other files to be checked it cannot say."""
    schema: dict[str, Any] = Plan.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://gonogo.invalid/schemas/plan.schema.json",
        **_portable(schema),
    }


def _portable(data: Any) -> Any:
    """Return a schema whose patterns every editor reads: a quote needs no backslash, and some refuse one."""
    if isinstance(data, dict):
        # The keys of patternProperties are patterns too.
        return {
            key.replace('\\"', '"'): value.replace('\\"', '"') if key == "pattern" else _portable(value)
            for key, value in data.items()
        }
    return [_portable(item) for item in data] if isinstance(data, list) else data


def plan_schema_text() -> str:
    """Return the schema as the file in docs/schemas holds it."""
    return json.dumps(plan_schema(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
