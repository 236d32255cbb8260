"""What is gathered while a document is read: headings, items, what they expect, and what kind they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gonogo.model.checklist import ItemKind
from gonogo.sources.checklist import words
from gonogo.sources.checklist.blocks import Block
from gonogo.sources.checklist.drafts import Draft

_LONG_LEAD = 14


@dataclass(slots=True)
class Heading:
    """A heading above the current line; `item` is the draft that it became, if any."""

    level: int
    line: int
    text: str
    own_id: str = ""
    name: str = ""
    is_title: bool = False
    is_role: bool = False
    is_leaf: bool = True
    item: Draft | None = None

    @property
    def is_test_case(self) -> bool:
        """Return whether the heading's own id names one thing to verify, and is no chapter number."""
        return len(self.own_id) > 1 and not self.own_id[0].isdigit()


@dataclass(slots=True)
class Scope:
    """Where the reader is among the blocks of one level; `owner` is the item whose blocks these are."""

    owner: Draft | None = None
    lead: str = ""
    lead_used: bool | None = None
    expecting: Draft | None = None
    waits: bool = False
    last_item: Draft | None = None
    last_ordered: bool = False
    alternates: bool = False
    last_end: int = 0
    depth: int = 0


@dataclass
class Gathering:
    """The drafts of a document and where they stand; `unplaced` holds (line, text, reason) of what is in none."""

    drafts: list[Draft] = field(default_factory=list)
    unplaced: list[tuple[int, str, str]] = field(default_factory=list)
    sections: list[tuple[int, str]] = field(default_factory=list)
    _headings: list[Heading] = field(default_factory=list)
    _seen_heading: bool = False
    _title: str = ""

    def _mark_leaves(self, blocks: Sequence[Block]) -> None:
        """Remember which headings have others below them: those are chapters and no items."""
        self._chapters: set[int] = set()
        above: list[Block] = []
        for block in blocks:
            if block.kind != "heading":
                continue
            while above and above[-1].level >= block.level:
                above.pop()
            if not words.names_role(block.text):
                self._chapters |= {id(one) for one in above[-1:]}
            above.append(block)

    def _promote(self) -> Draft | None:
        """Return the item of the nearest heading that is one, making it one; None above the first heading."""
        heading = next((one for one in reversed(self._headings) if not one.is_role), None)
        if heading is None:
            return None
        if heading.item is None:
            above = tuple(one.text for one in self._headings[: self._headings.index(heading)])
            context = ([] if heading.is_test_case else [heading.text]) + list(reversed(above))
            weak = ItemKind.CHECK if heading.is_test_case else words.weak_kind(context[:2])
            kind = self._strong(context) or weak or ItemKind.CHECK
            heading.item = Draft(heading.line, heading.name or heading.text, above, kind, heading.own_id)
            heading.item.is_heading = True
            heading.item.covers = heading.is_test_case
            heading.item.is_section = not heading.is_test_case
            self._adopt(heading.item)
            self._add(heading.item)
        return heading.item

    def _is_item_like(self) -> bool:
        """Return whether the heading above the current line has no sections of its own."""
        above = next((one for one in reversed(self._headings) if not one.is_role), None)
        return above is not None and above.is_leaf

    def _adopt(self, item: Draft) -> None:
        """Give an item what was read below its heading before it was known to be one."""
        for draft in reversed(self.drafts):
            if draft.line <= item.line:
                return
            draft.parent = draft.parent or item

    def _promote_for_expectation(self) -> Draft | None:
        """Return the nearest heading's item; None for a chapter: what it expects is said of all that stands in it."""
        heading = next((one for one in reversed(self._headings) if not one.is_role), None)
        if heading is None or not (heading.is_leaf or heading.item is not None):
            return None
        return self._promote()

    def _expect_boxes(self, target: Draft, text: str, line: int) -> None:
        """Add a text to what an item expects; a box is a box, also where it says what is expected."""
        for part in words.split_boxed_lines(text):
            box = words.read_box(words.strip_list_mark(words.one_line(part)))
            if box is not None:
                kind = ItemKind.CHECK
                self._add(Draft(line, box.text, self._section, kind, parent=target, checked=box.ticked))
            self._expect(target, box.text if box is not None else part)
            line += part.count("\n") + 1

    def _expect(self, target: Draft, text: str) -> None:
        line = words.one_line(text)
        if line:
            target.expectations.append(line)
        if target.is_heading:
            target.covers = True
            if target.kind is ItemKind.NOTE:
                target.kind = ItemKind.CHECK

    def _classify(self, draft: Draft, scope: Scope, *, ordered: bool) -> tuple[ItemKind, bool]:
        """Return an item's kind, and whether its place or its label says so in so many words."""
        boxed = draft.checked is not None
        if words.has_blank_to_fill(draft.text):
            return ItemKind.SIGN_OFF, True
        label = words.split_label(draft.text)
        labelled = words.strong_kind(label[0]) if label is not None and label[1] else None
        if labelled is not None:
            return labelled, True
        if words.is_reference(draft.text) and not boxed:
            return ItemKind.NOTE, False
        context = self._context(scope)
        strong = self._strong(context)
        if strong is ItemKind.SIGN_OFF and scope.lead and words.weak_kind([scope.lead]) not in (None, ItemKind.NOTE):
            strong = None  # "Verify that:" below "Approvals" leads to checks
        if strong is not None:
            return strong, True
        weak = words.weak_kind(context)
        if not boxed and self._headings and words.weak_kind([self._headings[-1].text]) is ItemKind.NOTE:
            weak = ItemKind.NOTE
        if weak is ItemKind.ACTION and words.asks_to_look(draft.text):
            weak = ItemKind.CHECK
        if boxed:
            return (weak if weak is not None and weak is not ItemKind.NOTE else ItemKind.CHECK), False
        if weak is ItemKind.NOTE:
            return ItemKind.NOTE, False
        if scope.owner is None and self._heading_item is not None and self._heading_item.covers:
            return ItemKind.ACTION, False
        return weak or (ItemKind.ACTION if ordered else ItemKind.CHECK if draft.own_id else ItemKind.NOTE), False

    def _context(self, scope: Scope) -> list[str]:
        """Return the texts that say what stands here, the nearest first: lead, items above, headings."""
        owners = [scope.owner, *scope.owner.ancestors()] if scope.owner else []
        above = [text for one in owners[:3] for text in (one.text, one.lead) if text]
        headings = [
            one.text for one in reversed(self._headings) if not (one.is_test_case and one.item) and not one.is_title
        ]
        lead = [scope.lead] if scope.lead and scope.lead.count(" ") < _LONG_LEAD else []
        return [*lead, *(text for text in above if text not in headings), *headings]

    def _strong(self, context: Sequence[str]) -> ItemKind | None:
        return next((kind for text in context if (kind := words.strong_kind(text)) is not None), None)

    @property
    def title(self) -> str:
        """Return the title that the document begins with, or an empty text; it names the document, not a section."""
        return self._title

    @property
    def _section(self) -> tuple[str, ...]:
        return tuple(heading.text for heading in self._headings)

    @property
    def _heading_item(self) -> Draft | None:
        heading = next((one for one in reversed(self._headings) if not one.is_role), None)
        return heading.item if heading is not None else None

    def _add(self, draft: Draft) -> Draft:
        self.drafts.append(draft)
        return draft

    def _leave_out(self, line: int, text: str, reason: str) -> None:
        for index, row in enumerate(text.split("\n")):
            if row.strip():
                self.unplaced.append((line + index, row.strip(), reason))
