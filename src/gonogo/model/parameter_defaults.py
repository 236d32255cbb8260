"""The defaults that a deploy has to find applied: flags that the worker uses, and parameters that the system shows."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from gonogo.model.release_plan import PlannedValue
from gonogo.model.vocabulary import Frozen, Name, Word


def _parameter(value: object) -> object:
    """Return a parameter: true, false, a number or text, nothing that could hold more."""
    if isinstance(value, bool | int | float | str):
        return value
    raise ValueError("not a parameter; allowed: true, false, a number, text")


Parameter = Annotated[Any, BeforeValidator(_parameter), WithJsonSchema({"type": ["boolean", "number", "string"]})]


class ParameterDefaults(Frozen):
    """What must be applied before anything is switched on; `flags` are by the group in which decisions show them."""

    system: Name
    flags: dict[Name, PlannedValue] = Field(min_length=1)
    configuration: dict[Word, Parameter] = Field(default_factory=dict)
