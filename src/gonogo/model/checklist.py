"""A checklist as data: what people check before, during and after a release."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ItemKind(StrEnum):
    """What an item asks for."""

    CHECK = "check"
    PRECONDITION = "precondition"
    TRIGGER = "trigger"
    ACTION = "action"
    SIGN_OFF = "sign-off"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One item of a list; `text` is Markdown as it stands, on one line, without marker and box.

    `parent` is the id of the item that it belongs to. `stands_alone` says whether somebody has to answer for it by
    itself: steps belong to the item above them, notes ask for nothing. `checked` is what the file shows and counts for
    nothing. `digest` is the SHA-256 of all its words: text, expectations, commands, steps.
    """

    id: str
    line: int
    section: tuple[str, ...]
    kind: ItemKind
    text: str
    expectations: tuple[str, ...] = ()
    checked: bool | None = None
    commands: tuple[str, ...] = ()
    parent: str | None = None
    lead: str = ""
    cells: tuple[tuple[str, str], ...] = ()
    steps: tuple[str, ...] = ()
    has_own_id: bool = False
    stands_alone: bool = False
    digest: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Unplaced:
    """A line that is no part of any item, with the reason."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Checklist:
    """All items of one file in its order; `digest` is the SHA-256 of its bytes, `sections` are its headings by line."""

    file: str
    digest: str
    items: tuple[ChecklistItem, ...]
    unplaced: tuple[Unplaced, ...] = ()
    sections: tuple[tuple[int, str], ...] = ()

    @property
    def by_id(self) -> Mapping[str, ChecklistItem]:
        """Return the items by their id."""
        return {item.id: item for item in self.items}

    @property
    def standing(self) -> tuple[ChecklistItem, ...]:
        """Return the items that somebody has to answer for, each by itself."""
        return tuple(item for item in self.items if item.stands_alone)

    @property
    def counts(self) -> dict[str, int]:
        """Return how many items of each kind there are, and how many task items, table rows and commands."""
        kinds = Counter(item.kind for item in self.items)
        counts = {kind.value: kinds[kind] for kind in ItemKind if kinds[kind]}
        counts["task items"] = sum(item.checked is not None for item in self.items)
        counts["table rows"] = sum(bool(item.cells) for item in self.items)
        counts["commands"] = sum(len(item.commands) for item in self.items)
        counts["expectations"] = sum(len(item.expectations) for item in self.items)
        counts["unplaced lines"] = len(self.unplaced)
        return counts
