"""Values out of JSON answers and into JSON bodies."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from gonogo.errors import TargetError
from gonogo.model.http_interface import PLACEHOLDER
from gonogo.targets.interface import NotAvailable

_compile = lru_cache(maxsize=512)(jmespath.compile)


def extract(expression: str, data: Any) -> Any:
    """Return what a JMESPath expression finds, or `NotAvailable` where a plain path leads to a key that is not there.

    JMESPath itself answers null for both a null and a missing key; a missing key is no observation. Nor is an answer
    that the expression's functions cannot work on.
    """
    compiled = _compile(expression)
    try:
        value = compiled.search(data)
    except JMESPathError as error:
        # Its text quotes the answer, which is not ours to show.
        return NotAvailable(f"{expression!r} does not fit the answer ({type(error).__name__})")
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
    """Return a body with its `{placeholders}` filled; what is only a placeholder keeps the type of what it gets.

    What is filled in is never searched for placeholders again: a message may hold any text. Raises `TargetError` for a
    placeholder that nothing fills.
    """
    if isinstance(template, dict):
        return {fill_text(key, values): fill(value, values) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [fill(item, values) for item in template]
    if not isinstance(template, str):
        return template
    whole = PLACEHOLDER.fullmatch(template)
    return _look_up(whole[1], values) if whole else fill_text(template, values)


def fill_text(template: str, values: Mapping[str, Any], quote: Callable[[str], str] = str) -> str:
    """Return a text with its placeholders filled, each value as `quote` writes it."""
    return PLACEHOLDER.sub(lambda match: quote(_as_text(_look_up(match[1], values))), template)


def _look_up(name: str, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise TargetError(
            f"environments.yaml uses {{{name}}}, and nothing fills it",
            f"Give it a value under the environment's variables, or choose from: {', '.join(sorted(values))}.",
        )
    return values[name]


def _as_text(value: Any) -> str:
    """Return a value as it stands in a path or a header: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def encode_body(body: Any) -> bytes:
    """Return a body as JSON in UTF-8, every character as it is. Raises `TargetError` for half a surrogate pair."""
    try:
        return json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        text = "a message holds half of a surrogate pair, which UTF-8 cannot carry"
        raise TargetError(text, "Correct its text.") from error


def parse_json(content: bytes, source: str) -> Any:
    """Return the data of an answer, or a broken `NotAvailable` where it is no JSON."""
    try:
        data = json.loads(content, parse_constant=_refuse_number, parse_float=_parse_finite)
    except (ValueError, RecursionError):
        return NotAvailable(f"{source} answered no JSON", broken=True)
    # Half of a surrogate pair can stand in JSON as an escape and in no file: it would break whoever writes it down.
    return _replace_surrogates(data) if b"\\u" in content else data


def _refuse_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _parse_finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse_number(text)


def _replace_surrogates(data: Any) -> Any:
    text = json.dumps(data, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return json.loads(text)
