"""The ways back that plan.yaml names, read by themselves: each part that is right, whatever is wrong around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gonogo.errors import Problem
from gonogo.model.plan import Plan
from gonogo.model.release_plan import FollowUp, RollbackOption, Trigger
from gonogo.sources.yaml_file import read_yaml
from gonogo.sources.yaml_model import parse_model

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class LoneRollback:
    """What of a plan leads back; `problems` are all that form shows in the file."""

    options: Mapping[str, RollbackOption] = field(default_factory=dict)
    verify: tuple[str, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_lone_rollback(path: Path, name: str) -> LoneRollback:
    """Return what a plan says about going back; never raises, whatever the file is like."""
    file = read_yaml(path, name)
    parse_model(file, Plan)
    data = file.data if isinstance(file.data, dict) else {}
    section = data.get("rollback")
    section = section if isinstance(section, dict) else {}
    declared = section.get("options")
    options = {}
    for option, values in (declared if isinstance(declared, dict) else {}).items():
        found = _read_one(RollbackOption, values)
        if found is not None:
            options[option] = found
    verify = tuple(case for case in _items(section.get("verify")) if isinstance(case, str))
    triggers = tuple(_read_all(Trigger, data.get("triggers")))
    follow_ups = tuple(_read_all(FollowUp, data.get("follow_ups")))
    return LoneRollback(options, verify, triggers, follow_ups, tuple(file.problems))


def _read_all(model: type[ModelT], values: Any) -> Iterable[ModelT]:
    for value in _items(values):
        found = _read_one(model, value)
        if found is not None:
            yield found


def _read_one(model: type[ModelT], value: Any) -> ModelT | None:
    try:
        return model.model_validate(value)
    except ValidationError:
        # The file's own problems name it.
        return None


def _items(values: Any) -> tuple[Any, ...]:
    return values if isinstance(values, tuple) else ()
