"""One environment of environments.yaml by itself: a kill switch does not wait until the rest of the file is right."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gonogo.errors import Problem, SourceError, UsageError
from gonogo.model.environment import Environment, Environments
from gonogo.model.http_interface import HttpInterface
from gonogo.sources.suggest import suggest
from gonogo.sources.yaml_file import YamlFile, read_yaml
from gonogo.sources.yaml_model import parse_model

ModelT = TypeVar("ModelT", bound=BaseModel)
# Where the file does not say it rightly: the strictest kind, and deadlines that suit a worker with a cache.
_KIND = "production"
_TIMING = {"propagation_deadline": 90.0, "decision_deadline": 60.0, "quiet_period": 15.0}
_SEND = {"request": "POST /"}
# What a write goes by is never guessed: with a wrong host, token or path it would go somewhere else, or nowhere.
_EXACT_ENVIRONMENT = ("base_url", "hosts", "interface", "target", "embedded")
_EXACT_INTERFACE = ("token", "set_flag", "flags")
_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class LoneEnvironment:
    """An environment and its interface; `problems` are the file's own, `can_probe` says whether sending is declared."""

    environment: Environment
    interface: HttpInterface
    problems: tuple[Problem, ...]
    can_probe: bool


def read_lone_environment(path: Path, name: str, environment: str) -> LoneEnvironment:
    """Return one environment, whatever is wrong elsewhere in the file.

    Of the environment itself only what a write goes by must be right: address, hosts, token and how a flag is set.
    Whatever else is wrong is left out, or stands at a careful value, and is told as a problem. Raises `SourceError`
    with every problem where that is not enough, `UsageError` for a name that is not there.
    """
    file = read_yaml(path, name)
    whole = parse_model(file, Environments)
    places = _mapping(file.data, "environments")
    if environment not in places and places:
        raise UsageError(f"environment {environment!r} is not in {name}; {suggest(environment, list(places))}")
    if whole is not None and environment in whole.environments:
        found = whole.environments[environment]
        if found.interface in whole.interfaces:
            return LoneEnvironment(found, whole.interfaces[found.interface], tuple(file.problems), can_probe=True)
    return _repair_parts(file, places, environment)


def _repair_parts(file: YamlFile, places: Mapping[str, Any], environment: str) -> LoneEnvironment:
    own = places.get(environment)
    interfaces = _mapping(file.data, "interfaces")
    found = interface = None
    can_probe = True
    if isinstance(own, dict):
        found = _repair(Environment, own, _EXACT_ENVIRONMENT, {"kind": _KIND, "timing": _TIMING})
        if found is not None and found.interface not in interfaces:
            at = ("environments", environment, "interface")
            file.report(at, f"is {found.interface!r}; {suggest(found.interface, list(interfaces))}")
        elif found is not None and isinstance(interfaces[found.interface], dict):
            declared = interfaces[found.interface]
            interface = _repair(HttpInterface, declared, _EXACT_INTERFACE, {"send": _SEND})
            sound = _repair(HttpInterface, declared, (*_EXACT_INTERFACE, "send"), {})
            can_probe = sound is not None
    if found is None or interface is None:
        raise SourceError(file.problems, "No flag was written: correct these lines, or set the flags by hand, now.")
    return LoneEnvironment(found, interface, tuple(file.problems), can_probe)


def _mapping(data: Any, key: str) -> Mapping[str, Any]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _repair(
    model: type[ModelT], data: Mapping[str, Any], exact: Collection[str], stand_ins: Mapping[str, Any]
) -> ModelT | None:
    """Return the model without what is wrong in the data; None where that lies in `exact`, or cannot do without."""
    draft = _copy(data)
    for _ in range(_ROUNDS):
        try:
            return model.model_validate(draft)
        except ValidationError as error:
            for item in error.errors(include_url=False, include_input=False, include_context=False):
                place = [part for part in item["loc"] if part != "[key]"]
                if not place or place[0] in exact or not _amend(draft, place, item["type"], stand_ins):
                    return None
    return None


def _copy(data: Any) -> Any:
    return {key: _copy(value) for key, value in data.items()} if isinstance(data, dict) else data


def _amend(draft: dict[str, Any], place: list[Any], kind: str, stand_ins: Mapping[str, Any]) -> bool:
    """Put a stand-in at a place, or take out the smallest part around it; return whether anything changed."""
    first = place[0]
    if kind == "missing" and len(place) == 1:
        draft[first] = stand_ins.get(first)
        return first in stand_ins
    if kind == "missing" and isinstance(stand_ins.get(first), dict) and place[1] in stand_ins[first]:
        draft[first][place[1]] = stand_ins[first][place[1]]
        return True
    holder, key = draft, first
    for part in place[1 : -1 if kind == "missing" else None]:
        if not isinstance(holder.get(key), dict) or part not in holder[key]:
            break
        holder, key = holder[key], part
    # An earlier fault of the same round may have taken it out already.
    holder.pop(key, None)
    return True
