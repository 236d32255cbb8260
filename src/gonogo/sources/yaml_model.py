"""YAML data → model, with every deviation in words that a tester knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from gonogo.sources.suggest import closest, quote_value, suggest
from gonogo.sources.yaml_file import KeyPath, YamlFile

_YES_NO = re.compile(r"^(yes|no|on|off|y|n)$", re.IGNORECASE)
_SECRET_KEYS = ("env", "token_env")
KEY_MARK = "[key]"
ModelT = TypeVar("ModelT", bound=BaseModel)

# What pydantic says in Python's terms, in those of the file; `{…}` are the values of the error's context.
_ALLOWED = {
    "string_type": "allowed: text. Put it in quotes.",
    "string_unicode": "allowed: text. Put it in quotes.",
    "string_too_short": "allowed: text that is not empty. Write it.",
    "string_too_long": "allowed: at most {max_length} characters. Shorten it.",
    "int_type": "allowed: a whole number. Write one without quotes.",
    "int_from_float": "allowed: a whole number. Write one.",
    "float_type": "allowed: a number. Write one without quotes.",
    "bool_type": "allowed: true, false. Write one without quotes.",
    "tuple_type": "allowed: a list. Write [one, two], or lines that start with '- '.",
    "dict_type": "allowed: keys with values. Write 'key: value' below it.",
    "model_type": "allowed: keys with values. Write 'key: value' below it.",
    "too_short": "allowed: at least {min_length}. Add one.",
    "greater_than": "allowed: more than {gt}. Correct the number.",
    "greater_than_equal": "allowed: at least {ge}. Correct the number.",
    "less_than": "allowed: less than {lt}. Correct the number.",
    "less_than_equal": "allowed: at most {le}. Correct the number.",
}
# By the beginning of the pattern.
_PATTERNS = {
    "^[^": "allowed: text without double quotes and control characters. Remove them.",
    "^[A-Za-z0-9+/]": "allowed: 32 bytes in standard base64, as 'gonogo keys show' prints them. Copy it.",
    "^[A-Za-z0-9]": "allowed: letters, digits, '.', '_', '-', at most 64. Write it so.",
    "^https?://": "allowed: a URL such as https://middleware.example.com. Correct it.",
    "^[A-Z][A-Z0-9_]*": "allowed: the name of an environment variable, such as WEBHOOK_TOKEN. Write its name.",
}


def parse_model(file: YamlFile, model: type[ModelT]) -> ModelT | None:
    """Return the validated model, or None after adding every problem to the file."""
    if file.data is None:
        return None
    if not isinstance(file.data, dict):
        file.report((), "not a mapping of keys to values. Start with 'system: …'.")
        return None
    try:
        return model.model_validate(file.data)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_context=True):
            path = tuple(part for part in item["loc"] if part != KEY_MARK)
            if not _is_aftermath(item, path, file):
                file.report(path, _explain(item, model, path))
        return None


def _is_aftermath(item: Any, path: KeyPath, file: YamlFile) -> bool:
    """Return whether an error only follows from another: of an unread value, or a list too short for its bad items."""
    if item["type"] == "too_short" and len(item["input"]) >= item["ctx"]["min_length"]:
        return True
    return any(path[:length] in file.unread for length in range(len(path) + 1))


def _explain(item: Any, model: type[BaseModel], path: KeyPath) -> str:
    kind, seen, context = item["type"], item["input"], item.get("ctx", {})
    if kind == "missing":
        return f"key {path[-1]!r} is missing. Add it."
    if kind == "extra_forbidden":
        return _explain_unknown_key(path[-1], _keys_at(model, path[:-1]))
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        if item["loc"][-1] == KEY_MARK:
            return _explain_unknown_key(path[-1], allowed)
        return f"is {_show(seen)}; {suggest(str(seen), allowed)}"
    expected = _type_at(model, path)
    if isinstance(expected, type) and issubclass(expected, Enum):
        return f"is {_show(seen)}; {suggest(str(seen), [str(member.value) for member in expected])}"
    if kind == "bool_type" and isinstance(seen, str) and _YES_NO.match(seen):
        return f"is {quote_value(seen)}, which YAML reads as text; allowed: true, false. Write true or false."
    if kind == "string_pattern_mismatch":
        return _explain_pattern(str(context["pattern"]), str(seen), path)
    if kind in _ALLOWED:
        return f"is {_show(seen)}; {_ALLOWED[kind].format_map(_Numbers(context))}"
    message = str(item["msg"]).removeprefix("Value error, ").rstrip(" :.")
    return f"is {_show(seen)}; {message[:1].lower()}{message[1:]}. Correct it."


def _explain_pattern(pattern: str, seen: str, path: KeyPath) -> str:
    allowed = next((text for start, text in _PATTERNS.items() if pattern.startswith(start)), "")
    allowed = allowed or f"allowed: text that matches {pattern}. Correct it."
    # Somebody who writes a secret here by mistake must not find it in a log as well.
    secret = path[-1] in _SECRET_KEYS or (pattern.startswith("^https?://") and "@" in seen)
    return f"is not shown, since it may hold a secret; {allowed}" if secret else f"is {quote_value(seen)}; {allowed}"


def _explain_unknown_key(key: object, allowed: list[str]) -> str:
    meant = closest(str(key), allowed)
    said = f"unknown key {quote_value(key)}; allowed: {', '.join(allowed) or 'nothing'}."
    return said + (f" Did you mean {meant!r}?" if meant else " Remove it.")


class _Numbers(dict[str, Any]):
    """Numbers as people write them: 0 and not 0.0."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        super().__init__(
            {name: f"{value:,g}" if isinstance(value, int | float) else value for name, value in context.items()}
        )


def _show(value: object) -> str:
    """Return a value of a file as its reader sees it."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    return str(value) if isinstance(value, int | float) else quote_value(value)


def _keys_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    """Return the keys that the model allows at a path."""
    found = _type_at(model, path)
    return sorted(found.model_fields) if isinstance(found, type) and issubclass(found, BaseModel) else []


def _type_at(model: type[BaseModel], path: KeyPath) -> Any:
    """Return the type that the model gives a path, as far as the path leads through models, lists and mappings."""
    current: Any = model
    for part in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            found = current.model_fields.get(str(part))
            current = _without_none(found.annotation) if found else None
        elif get_origin(current) in (dict, tuple):
            items = [arg for arg in get_args(current) if arg is not Ellipsis]
            current = _without_none(items[-1])
        else:
            return None
    return current


def _without_none(kind: Any) -> Any:
    args = get_args(kind)
    if type(None) not in args:
        return kind
    rest = [arg for arg in args if arg is not type(None)]
    return rest[0] if len(rest) == 1 else kind
