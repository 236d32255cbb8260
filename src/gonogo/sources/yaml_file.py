"""YAML as data with the line of every key, stricter than YAML itself.

Duplicate keys, anchors, merge keys and tags are problems: each makes a file mean something else than a reader sees.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gonogo.errors import Problem
from gonogo.sources.suggest import closest, quote_value

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
_TAG = "tag:yaml.org,2002:"
_YES_NO = re.compile(r"^(yes|no|on|off|y|n)$", re.IGNORECASE)
Path_ = tuple[str | int, ...]
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass
class YamlFile:
    """The data of one YAML file; `places` maps the path of every key and item to its line."""

    name: str
    data: Any = None
    places: dict[Path_, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def report(self, path: Path_, text: str) -> None:
        """Add a problem at the line of a key, or of the nearest key above it."""
        self.problems.append(Problem(self.name, self.line_of(path), ".".join(map(str, path)), text))

    def line_of(self, path: Path_) -> int:
        """Return the line of a key, or of the nearest key above it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, 1)


def read_yaml(path: Path, name: str) -> YamlFile:
    """Return a YAML file's data with all problems of its text; raises nothing for bad content."""
    file = YamlFile(name)
    text = _read_text(path, file)
    if text is None:
        return file
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except RecursionError:
        file.problems.append(Problem(name, 0, "", f"nested more than {MAX_DEPTH} levels deep. Flatten it."))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        file.problems.append(Problem(name, mark.line + 1 if mark else 0, "", f"not YAML: {what}. Correct the syntax."))
    except (YAMLError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        file.problems.append(Problem(name, 0, "", f"not YAML: {first}. Correct the syntax."))
    else:
        if node is None:
            file.problems.append(Problem(name, 0, "", "the file is empty. Write its keys, or remove it."))
        else:
            file.data = _build(node, (), file, set())
    return file


def _read_text(path: Path, file: YamlFile) -> str | None:
    try:
        raw = path.read_bytes()
    except OSError as error:
        file.problems.append(Problem(file.name, 0, "", f"cannot be read: {error.strerror}. Create it or name another."))
        return None
    if len(raw) > MAX_BYTES:
        file.problems.append(Problem(file.name, 0, "", f"{len(raw)} bytes; at most {MAX_BYTES} are read. Split it."))
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        file.problems.append(Problem(file.name, line, "", f"byte {error.start} is not UTF-8. Save the file as UTF-8."))
        return None


def _build(node: Node, path: Path_, file: YamlFile, seen: set[int]) -> Any:
    file.places.setdefault(path, node.start_mark.line + 1)
    if len(path) > MAX_DEPTH:
        file.report(path[:4], f"nested more than {MAX_DEPTH} levels deep. Flatten it.")
        return None
    if node.anchor is not None:
        if id(node) not in seen:
            file.report(path, f"anchor {quote_value(node.anchor)}; anchors and aliases are not read. Write it out.")
        if id(node) in seen:
            return None
        seen.add(id(node))
    if isinstance(node, MappingNode):
        return _build_mapping(node, path, file, seen)
    if isinstance(node, SequenceNode):
        return tuple(_build(item, (*path, index), file, seen) for index, item in enumerate(node.value))
    return _build_scalar(node, path, file)


def _build_mapping(node: MappingNode, path: Path_, file: YamlFile, seen: set[int]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value if isinstance(key_node, ScalarNode) else None
        if not isinstance(key, str) or key_node.tag == f"{_TAG}merge":
            line = key_node.start_mark.line + 1
            file.problems.append(Problem(file.name, line, ".".join(map(str, path)), "a key that is not plain text."))
            continue
        here = (*path, key)
        if key in data:
            first, again = file.places.get(here, 0), key_node.start_mark.line + 1
            text = f"key {quote_value(key)} stands twice, first in line {first}. Remove one."
            file.problems.append(Problem(file.name, again, ".".join(map(str, here)), text))
            continue
        file.places[here] = key_node.start_mark.line + 1
        data[key] = _build(value_node, here, file, seen)
    return data


def _build_scalar(node: Node, path: Path_, file: YamlFile) -> Any:
    tag, text = str(node.tag), node.value
    if node.style in ("'", '"', "|", ">") or tag == f"{_TAG}str":
        return text
    if tag == f"{_TAG}null":
        return None
    if tag == f"{_TAG}bool":
        return text.casefold() == "true"
    try:
        if tag == f"{_TAG}int":
            return int(text.replace("_", ""), 0) if not re.fullmatch(r"[-+]?0\d+", text) else int(text)
        if tag == f"{_TAG}float":
            return float(text.replace("_", ""))
    except ValueError:
        pass
    if tag == f"{_TAG}timestamp":
        return text
    file.report(path, f"{quote_value(text)} has the tag {tag!r}; tags are not read. Write plain text.")
    return None


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
            path = tuple(part for part in item["loc"] if part != "[key]")
            file.report(path, _explain(item, model, path))
        return None


def _explain(item: Any, model: type[BaseModel], path: Path_) -> str:
    kind, seen = item["type"], item["input"]
    if kind == "missing":
        return f"key {path[-1]!r} is missing. Add it."
    if kind == "extra_forbidden":
        meant = closest(str(path[-1]), _keys_at(model, path[:-1]))
        keys = ", ".join(_keys_at(model, path[:-1]))
        return f"unknown key {quote_value(path[-1])}; allowed: {keys}." + (f" Did you mean {meant!r}?" if meant else "")
    if kind.startswith("bool") and isinstance(seen, str) and _YES_NO.match(seen):
        return f"{quote_value(seen)} is text; allowed: true, false. Write true or false."
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"is {quote_value(seen)}; {message[:1].lower()}{message[1:]}. Correct the value."


def _keys_at(model: type[BaseModel], path: Path_) -> list[str]:
    """Return the keys that the model allows at a path, as far as the path leads through models."""
    current: Any = model
    for part in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(str(part))
            current = field.annotation if field else None
        else:
            current = _inner(current)
        while current is not None and not _is_model(current) and _inner(current) is not current and _is_union(current):
            current = _inner(current)
    if not _is_model(current):
        return []
    return sorted(current.model_fields)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _is_union(kind: Any) -> bool:
    return type(None) in getattr(kind, "__args__", ())


def _inner(kind: Any) -> Any:
    """Return the type that a container or an optional holds."""
    args = [arg for arg in getattr(kind, "__args__", ()) if arg not in (type(None), Ellipsis)]
    return args[-1] if args else kind
