"""ci.yaml: which gates a change has to pass before it is merged, by the files that it touches."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gonogo.model.plan import StageId
from gonogo.model.vocabulary import Frozen, Word

# Whoever changes these changes what is judged, or who may say so: the change must not be its own judge.
GOVERNED = (
    "smoke_cases/*/plan.yaml",
    "smoke_cases/*/*gates*.yaml",
    "smoke_cases/*/watch.yaml",
    "smoke_cases/*/load.yaml",
    "smoke_cases/*/ci.yaml",
    "smoke_cases/*/evidence.yaml",
    "trust.yaml",
    "trust.yaml.*",
    "**/trust.yaml",
    "**/trust.yaml.*",
)


class MergeGate(Frozen):
    """One gate: what runs, and the files (as in .gitignore) whose change asks for it."""

    id: Word
    run: Literal["smoke", "regression"]
    env: Word
    stage: StageId | None = None
    on: tuple[Word, ...] = Field(min_length=1)


class MergeGates(Frozen):
    """The gates of a system; a changed file that neither a gate nor `ignore` names asks for all of them."""

    system: Word
    gates: tuple[MergeGate, ...] = Field(min_length=1)
    ignore: tuple[Word, ...] = ()
    governed: tuple[Word, ...] = ()
