"""Values out of JSON answers and into JSON bodies."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jmespath

from gonogo.model.http_interface import PLACEHOLDER
from gonogo.targets.interface import NotAvailable

_compile = lru_cache(maxsize=512)(jmespath.compile)


def extract(expression: str, data: Any) -> Any:
    """Return what a JMESPath expression finds, or `NotAvailable` where a plain path leads to a key that is not there.

    JMESPath itself answers null for both a null and a missing key; a missing key is no observation.
    """
    compiled = _compile(expression)
    value = compiled.search(data)
    if value is None:
        path = _plain_path(compiled.parsed)
        if path is None or not _exists(path, data):
            return NotAvailable(f"the answer holds no {expression!r}")
    return value


def _plain_path(node: Mapping[str, Any]) -> list[str] | None:
    """Return the keys of an expression such as `a.b`, or None for any other expression."""
    if node["type"] == "field":
        return [node["value"]]
    if node["type"] == "subexpression":
        parts = [_plain_path(child) for child in node["children"]]
        return None if any(part is None for part in parts) else [key for part in parts for key in part or ()]
    return None


def _exists(path: list[str], data: Any) -> bool:
    for key in path:
        if not isinstance(data, dict) or key not in data:
            return False
        data = data[key]
    return True


def extract_items(expression: str, data: Any) -> list[Any] | NotAvailable:
    """Return the list that an expression finds; anything but a list is not an observation."""
    value = data if expression == "@" else extract(expression, data)
    if isinstance(value, NotAvailable):
        return value
    return value if isinstance(value, list) else NotAvailable(f"{expression!r} is no list but {type(value).__name__}")


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """Return a body with its `{placeholders}` filled; a value that is only a placeholder keeps the type of what it gets.

    What is filled in is never searched for placeholders again: a message may hold any text.
    """
    if isinstance(template, dict):
        return {key: fill(value, values) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [fill(item, values) for item in template]
    if not isinstance(template, str):
        return template
    whole = PLACEHOLDER.fullmatch(template)
    if whole:
        return values.get(whole[1], template)
    return PLACEHOLDER.sub(lambda match: str(values.get(match[1], match[0])), template)
