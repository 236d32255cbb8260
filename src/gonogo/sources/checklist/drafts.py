"""Items while a document is read: they gather expectations, commands and steps until it ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from gonogo.model.checklist import ItemKind


@dataclass(slots=True, eq=False)
class Draft:
    """One item in the making; `covers` says that all boxes and steps below it are answered together with it."""

    line: int
    text: str
    section: tuple[str, ...]
    kind: ItemKind
    own_id: str = ""
    parent: Draft | None = None
    lead: str = ""
    checked: bool | None = None
    expectations: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    cells: list[tuple[str, str]] = field(default_factory=list)
    label: str = ""
    is_heading: bool = False
    is_section: bool = False
    covers: bool = False
    strong: bool = False
    groups: bool = False
    is_covered: bool = False
    is_answered: bool = False
    stands_alone: bool = False
    children: list[Draft] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the words that the item's slug comes from."""
        return self.label or self.text

    def ancestors(self) -> list[Draft]:
        """Return the items that this one belongs to, the nearest first."""
        found, at = [], self.parent
        while at is not None:
            found.append(at)
            at = at.parent
        return found


def settle_standing(drafts: list[Draft]) -> None:
    """Decide which items somebody has to answer for by themselves, once all are known; parents come first.

    An item that only groups others which are answered one by one does not; a step belongs to what it is a step of.
    """
    for draft in drafts:
        if draft.parent is not None:
            draft.parent.children.append(draft)
            if draft.checked is not None and draft.parent.is_section:
                draft.parent.covers = False  # every box of a section is answered by itself
    for draft in drafts:
        if draft.parent is not None:
            draft.is_covered = draft.parent.covers or draft.parent.is_covered
    for draft in reversed(drafts):
        own = draft.checked is not None or draft.strong or bool(draft.own_id)
        if draft.parent is not None and ((own and not draft.is_covered) or draft.groups):
            draft.parent.groups = True
    for draft in drafts:
        above = draft.parent
        within = above is not None and above.is_answered
        draft.stands_alone = _stands_alone(draft, within)
        draft.is_answered = within or draft.stands_alone


def _stands_alone(draft: Draft, within: bool) -> bool:
    if draft.is_covered:
        return bool(draft.own_id)
    if draft.checked is not None:
        return True
    if draft.kind is ItemKind.NOTE or (
        draft.groups and not draft.covers and not (draft.is_section and draft.expectations)
    ):
        return False
    return bool(draft.own_id) or draft.strong or not within
