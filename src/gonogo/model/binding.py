"""What answers the items of a checklist: steps, a gate, a pack, a trigger, or a named role."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from gonogo.errors import Problem
from gonogo.model.checklist import Checklist, ChecklistItem
from gonogo.model.environment import Kind
from gonogo.model.outcome import CheckClass
from gonogo.model.plan import StageId
from gonogo.model.trust import Duration
from gonogo.model.vocabulary import Frozen, Word

PINNED_LENGTH = 16
_ANSWERS = ("steps", "gate", "pack", "trigger", "manual", "not_asked")
ItemId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class EvidenceKind(StrEnum):
    """What somebody who answers for an item shows."""

    SCREENSHOT = "screenshot"
    LOG = "log"
    LINK = "link"
    NOTE = "note"


def _kinds(value: object) -> object:
    known = set(EvidenceKind)
    if isinstance(value, list | tuple):
        return tuple(EvidenceKind(one) if isinstance(one, str) and one in known else one for one in value)
    return value


def _environment_kinds(value: object) -> object:
    if isinstance(value, list | tuple):
        return tuple(Kind(one) if isinstance(one, str) and one in set(Kind) else one for one in value)
    return value


def _class(value: object) -> object:
    return CheckClass(value) if isinstance(value, str) and value in set(CheckClass) else value


class Manual(Frozen):
    """How a person answers for an item: in which role, with what evidence, how recently, at which stages and kinds.

    Empty `applies` and `kinds` mean every stage that names the list, and every kind of environment that waits.
    """

    role: Word | None = None
    evidence: Annotated[tuple[EvidenceKind, ...], BeforeValidator(_kinds)] = ()
    max_age: Duration | None = None
    applies: tuple[StageId, ...] = ()
    kinds: Annotated[tuple[Kind, ...], BeforeValidator(_environment_kinds)] = ()


class Binding(Frozen):
    """What answers one item; `words` pins the item's words by the beginning of their digest.

    `not_asked` says why nobody is asked about the item, such as a step that only a rollback takes.
    `weight` raises the class of the item's checks and never lowers it.
    """

    words: Annotated[str, Field(pattern=r"^[0-9a-f]{16,64}$")]
    weight: Annotated[CheckClass | None, BeforeValidator(_class)] = None
    steps: str | None = None
    gate: Word | None = None
    pack: Word | None = None
    trigger: Word | None = None
    manual: Manual | None = None
    not_asked: Word | None = None

    @property
    def answers(self) -> tuple[str, ...]:
        """Return the names of the keys that say what answers the item."""
        return tuple(name for name in _ANSWERS if getattr(self, name) is not None)


class Bindings(Frozen):
    """The bindings of one list; `prefix` goes before the ids of its items, so that lists may share them."""

    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,15}$")] | None = None
    items: dict[ItemId, Binding] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BoundItem:
    """An item of a list with what answers it; `id` is what people and scenarios call it.

    `binding` is None where nothing is bound, or where the words are no longer those that were bound: then it waits for
    a person, and `is_stale` says so.
    """

    id: str
    item: ChecklistItem
    file: str
    binding: Binding | None = None
    is_stale: bool = False
    weight: CheckClass | None = None

    @property
    def manual(self) -> Manual | None:
        """Return how a person answers for the item, or None where a run does."""
        if self.binding is None:
            return Manual()
        return Manual() if self.binding.trigger is not None else self.binding.manual

    @property
    def is_automated(self) -> bool:
        """Return whether a run answers for the item."""
        return self.manual is None and not self.not_asked

    @property
    def not_asked(self) -> str:
        """Return why nobody is asked about the item, or an empty text."""
        return (self.binding.not_asked if self.binding is not None else None) or ""


@dataclass(frozen=True, slots=True)
class BoundChecklist:
    """A list with its bindings; `digest` covers the bytes of both files, `unbound` names what people must look at."""

    name: str
    checklist: Checklist
    items: tuple[BoundItem, ...]
    digest: str
    unbound: tuple[Problem, ...] = ()

    @property
    def file(self) -> str:
        """Return the Markdown file, relative to the project."""
        return self.checklist.file

    @property
    def by_id(self) -> dict[str, BoundItem]:
        """Return the items by the id that people call them."""
        return {item.id: item for item in self.items}
