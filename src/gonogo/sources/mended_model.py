"""A model from a file with faults in it, so that what its sound parts contradict is told in the same breath."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gonogo.sources.yaml_file import KeyPath, YamlFile, show_path
from gonogo.sources.yaml_model import KEY_MARK, parse_model

ModelT = TypeVar("ModelT", bound=BaseModel)
_ROUNDS = 12


@dataclass
class MutedFile(YamlFile):
    """A file that takes no further problem at the places where a stand-in was put."""

    muted: set[KeyPath] = field(default_factory=set)

    def report_at(self, line: int, path: KeyPath, text: str) -> None:
        """Add a problem at a line, unless the value there is a stand-in."""
        if not any(path[:length] in self.muted for length in range(1, len(path) + 1)):
            super().report_at(line, path, text)


def parse_mended(
    file: YamlFile, model: type[ModelT], stand_ins: Mapping[str, Any]
) -> tuple[ModelT | None, ModelT | None, MutedFile]:
    """Return the model, or None; the model with stand-ins for what is wrong, or None; and where to report on it.

    Every fault of form is reported as `parse_model` does. `stand_ins` are values of required keys, by the key's name:
    such as say nothing that another key could contradict. Beyond mending is what stays wrong after some rounds.
    """
    muted = MutedFile(file.name, file.data, file.places, file.problems, file.unread)
    whole = parse_model(file, model)
    if whole is not None or not isinstance(file.data, dict):
        return whole, whole, muted
    data, tried = _thaw(file.data), set[KeyPath]()
    for _ in range(_ROUNDS):
        try:
            return None, model.model_validate(_freeze(data)), muted
        except ValidationError as error:
            items = [
                (tuple(item["loc"]), item["type"]) for item in error.errors(include_url=False, include_input=False)
            ]
            for loc, kind in items:
                # A list that is called too short only for its bad items is mended with them.
                if not any(len(other) > len(loc) and other[: len(loc)] == loc for other, _ in items):
                    _mend(data, loc, kind, stand_ins, tried, muted)
    return None, None, muted


def _mend(
    data: Any,
    loc: KeyPath,
    kind: str,
    stand_ins: Mapping[str, Any],
    tried: set[KeyPath],
    muted: MutedFile,
) -> None:
    """Take out the value of one fault, or put a stand-in there."""
    if loc and loc[-1] == KEY_MARK:
        loc = loc[:-1]
    path, parent = _parent_of(data, loc)
    if not path:
        return
    key = path[-1]
    muted.muted.add(path)
    if kind == "missing" and path == loc:
        if isinstance(key, str) and key in stand_ins:
            parent[key] = stand_ins[key]
        elif path[:-1]:
            _mend(data, path[:-1], "hopeless", stand_ins, tried, muted)
    elif isinstance(key, str):
        parent.pop(key, None)
    elif path not in tried and kind != "hopeless":
        # An item keeps its place, or the lines of all items after it would be wrong.
        tried.add(path)
        parent[key] = (
            {} if isinstance(parent[key], dict) or kind == "model_type" else f"stand-in.{show_path(path)}"[:64]
        )
    else:
        _mend(data, path[:-1], "hopeless", stand_ins, tried, muted)


def _parent_of(data: Any, loc: KeyPath) -> tuple[KeyPath, Any]:
    """Return the longest part of a place that the data has, or that is missing there, with what holds it."""
    parent: Any = data
    path: KeyPath = ()
    for number, part in enumerate(loc):
        last = number == len(loc) - 1
        inside = (isinstance(parent, dict) and (part in parent or last)) or (
            isinstance(parent, list) and isinstance(part, int) and part < len(parent)
        )
        if not inside:
            break
        path = (*path, part)
        if last or not isinstance(parent[part], dict | list):
            return path, parent
        parent = parent[part]
    return path, _at(data, path[:-1]) if path else None


def _at(data: Any, path: KeyPath) -> Any:
    for part in path:
        data = data[part]
    return data


def _thaw(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _thaw(value) for key, value in data.items()}
    return [_thaw(value) for value in data] if isinstance(data, tuple) else data


def _freeze(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _freeze(value) for key, value in data.items()}
    return tuple(_freeze(value) for value in data) if isinstance(data, list) else data
