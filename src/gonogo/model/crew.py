"""roles.yaml: who plays which part in the releases of a system, as data."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from gonogo.model.trust import PrintedName
from gonogo.model.vocabulary import Frozen, Name, Word


def _one_or_more(value: object) -> object:
    """Return the names of a part: people write one name, or a list of them."""
    return (value,) if isinstance(value, str) else value


class CrewFile(Frozen):
    """The people of each role of the plan, by printed name."""

    system: Word
    roles: dict[
        Name, Annotated[tuple[PrintedName, ...], BeforeValidator(_one_or_more), Field(min_length=1, max_length=20)]
    ] = Field(min_length=1)
