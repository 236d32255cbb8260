"""The schema that every decision must follow, checked by jsonschema-rs; nothing is ever fetched for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson

from gonogo.errors import Problem, SourceError
from gonogo.metrics.jsonl import DuplicateKeyError, require_unique_keys

MAX_RULES = 5


@dataclass(frozen=True, slots=True)
class DecisionSchema:
    """A compiled schema with the digest of its file."""

    validator: Any
    sha256: str
    properties: frozenset[str]

    def is_valid(self, document: object) -> bool:
        """Return whether a document follows the schema."""
        return bool(self.validator.is_valid(document))

    def broken_rules(self, document: object) -> list[str]:
        """Return the first rules that a document breaks, as `keyword at /place`, without any value of it."""
        rules: dict[str, None] = {}
        for error in self.validator.iter_errors(document):
            rules[f"schema:{error.kind.name} at /{'/'.join(self._safe(error.instance_path))}"] = None
            if len(rules) == MAX_RULES:
                break
        return list(rules)

    def _safe(self, path: Iterable[object]) -> list[str]:
        """Return a path with only names that the schema itself has; any other could be a customer's words."""
        return [str(part) if isinstance(part, int) or part in self.properties else "*" for part in path]


def load_schema(path: Path, name: str) -> DecisionSchema:
    """Return the compiled schema; raises `SourceError` where it is no schema, or one that accepts anything."""
    raw = _read(path, name)
    try:
        require_unique_keys(raw.decode("utf-8-sig"))
        data = orjson.loads(raw.removeprefix(b"\xef\xbb\xbf"))
    except DuplicateKeyError as error:
        raise _problem(name, 0, "a key stands twice in one object. Remove one.") from error
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 0)
        raise _problem(name, line, f"not JSON: {str(error).split(':')[0]}. Correct the syntax.") from error
    if not isinstance(data, dict):
        raise _problem(name, 0, "not a JSON Schema object. Write one with type, required and properties.")
    try:
        jsonschema_rs.meta.validate(data)
        validator = jsonschema_rs.validator_for(data, retriever=_refuse, validate_formats=True)
    except jsonschema_rs.ValidationError as error:
        place = "/".join(str(part) for part in error.instance_path)
        raise _problem(name, 0, f"not a valid JSON Schema at /{place}: {error.message[:200]}. Correct it.") from error
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise _problem(name, 0, f"not a usable JSON Schema: {str(error)[:200]}. Correct it.") from error
    empty: tuple[object, ...] = (None, {}, [], "", 0)
    if any(validator.is_valid(anything) for anything in empty):
        text = "accepts an empty decision, so no output could ever break it. Say what is required."
        raise _problem(name, 0, text)
    return DecisionSchema(validator, hashlib.sha256(raw).hexdigest(), frozenset(_property_names(data)))


def _read(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _problem(name, 0, f"cannot be read: {error.strerror}. Create it or name another.") from error


def _problem(name: str, line: int, text: str) -> SourceError:
    return SourceError([Problem(name, line, "", text)])


def _refuse(uri: str) -> Any:
    raise ValueError(f"the schema refers to {uri}, which is not in it")


def _property_names(node: object) -> set[str]:
    """Return every name under a `properties` anywhere in the schema."""
    names: set[str] = set()
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "properties" and isinstance(value, dict):
                names.update(value)
            names |= _property_names(value)
    elif isinstance(node, list):
        for value in node:
            names |= _property_names(value)
    return names
