"""Blocks → drafts of items: what stands under which heading, lead and item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gonogo.model.checklist import ItemKind
from gonogo.sources.checklist import words
from gonogo.sources.checklist.blocks import Block, first_text, make_paragraphs, walk_blocks
from gonogo.sources.checklist.drafts import Draft
from gonogo.sources.checklist.gathering import Gathering, Heading, Scope
from gonogo.sources.checklist.tables import read_rows

_HTML = ("<", "</")


@dataclass
class Outline(Gathering):
    """Reads blocks in order and gathers drafts."""

    def read(self, blocks: Sequence[Block]) -> None:
        """Read a whole document."""
        self._mark_leaves(blocks)
        self._read_all(blocks, Scope())

    def _read_all(self, blocks: Sequence[Block], scope: Scope) -> None:
        for index, block in enumerate(blocks):
            following = blocks[index + 1] if index + 1 < len(blocks) else None
            match block.kind:
                case "heading":
                    self._read_heading(block, scope, following)
                case "paragraph":
                    self._read_paragraph(block, scope, following)
                case "list":
                    self._read_list(block, scope)
                case "code":
                    self._read_code(block, scope)
                case "table":
                    self._read_table(block, scope)
                case _:
                    self._read_all(block.children, scope)
            scope.last_end = block.end

    def _read_heading(self, block: Block, scope: Scope, following: Block | None) -> None:
        first, *boxed = words.split_boxed_lines(block.text)
        if boxed:
            self._read_paragraph(Block("paragraph", block.line, block.end, block.text), scope, following)
            return
        text = words.one_line(first)
        if scope.owner is not None or scope.depth:
            self._add(Draft(block.line, text, self._section, ItemKind.NOTE, parent=scope.owner))
            return
        scope.lead, scope.expecting, scope.waits, scope.last_item = "", None, False, None
        scope.alternates = False
        while self._headings and self._headings[-1].level >= block.level:
            self._headings.pop()
        own_id, name = words.read_heading_id(text)
        heading = Heading(block.level, block.line, text, own_id, name)
        heading.is_title = block.level == 1 and not self._seen_heading
        # "Steps" and "Expected" are parts of the item above them; beside real sections they are sections too.
        heading.is_role = self._is_item_like() and words.names_role(text)
        heading.is_leaf = id(block) not in self._chapters
        self._seen_heading = True
        self._title = self._title or (text if heading.is_title else "")
        self._headings.append(heading)
        self.sections.append((block.line, text))
        if heading.is_role:
            scope.lead = text
            if words.names_expectations(text):
                scope.expecting = self._promote()
        # A test case may have others below it; a chapter that only holds test cases is none.
        has_text = following is not None and following.kind != "heading"
        is_item = heading.is_leaf or (heading.is_test_case and has_text)
        if own_id and is_item and not heading.is_title and not heading.is_role:
            self._promote()

    def _read_paragraph(self, block: Block, scope: Scope, following: Block | None) -> None:
        if scope.expecting is not None and not scope.waits and self._under_expected_heading():
            self._expect_boxes(scope.expecting, block.text, block.line)
            return
        scope.lead, scope.expecting, scope.waits = "", None, False
        line = block.line
        parts = [one for part in words.split_boxed_lines(block.text) for one in words.split_label_lines(part)]
        for part in parts:
            self._read_part(part, line, scope, following if part is parts[-1] else None)
            line += part.count("\n") + 1

    def _under_expected_heading(self) -> bool:
        return bool(self._headings) and self._headings[-1].is_role

    def _read_part(self, part: str, line: int, scope: Scope, following: Block | None) -> None:
        """Read a paragraph, or one of its lines that begins with a box."""
        text = words.one_line(part)
        box = words.read_box(words.strip_list_mark(text))
        if box is not None:
            self._add_item(box.text, line, scope, ordered=False, ticked=box.ticked)
            return
        bullet = words.read_round_bullet(text)
        if bullet is not None:
            self._add_item(bullet, line, scope, ordered=False, ticked=None)
            return
        if text.startswith(_HTML) and text.endswith(">"):
            self._leave_out(line, part, "HTML")
            return
        opens = following is not None and following.kind in ("list", "table", "code", "quote")
        expected = words.read_expectation(text)
        if expected is not None:
            target = scope.owner or self._previous_step(scope, following) or self._promote_for_expectation()
            if target is not None:
                scope.alternates = scope.alternates or target is scope.last_item
                self._expect(target, expected)
                scope.expecting, scope.waits = (target, True) if opens and not expected else (None, False)
                return
        if self._split_expectation(part, line, scope):
            return
        is_lead = (opens and text.rstrip("*_ ").endswith((":", "："))) or (opens and _is_bold(text))
        self._add_paragraph(text, line, scope, following, is_lead=is_lead)
        scope.lead, scope.lead_used = text if is_lead else "", None

    def _previous_step(self, scope: Scope, following: Block | None) -> Draft | None:
        """Return the item above where steps and what is expected of them take turns, or where that item has a box."""
        item = scope.last_item
        if item is None or item.is_heading:
            return None
        goes_on = following is not None and following.kind == "list" and following.ordered
        takes_turns = scope.last_ordered and (goes_on or scope.alternates)
        return item if item.checked is not None or takes_turns else None

    def _split_expectation(self, part: str, line: int, scope: Scope) -> bool:
        """Read a paragraph in which `Expect:` begins a later line."""
        rows = part.split("\n")
        for index, row in enumerate(rows[1:], start=1):
            if _begins_expectation(row):
                expected = words.read_expectation(words.one_line("\n".join(rows[index:])))
                if expected:
                    self._read_part("\n".join(rows[:index]), line, scope, None)
                    target = scope.owner or self._promote_for_expectation()
                    if target is not None:
                        self._expect(target, expected)
                    else:
                        self._add(Draft(line + index, expected, self._section, ItemKind.CHECK))
                    return True
        return False

    def _add_paragraph(self, text: str, line: int, scope: Scope, following: Block | None, *, is_lead: bool) -> None:
        label = words.split_label(text)
        kind = ItemKind.NOTE
        strong = words.strong_kind(label[0]) if label is not None and (label[1] or not is_lead) else None
        if words.has_blank_to_fill(text):
            strong = ItemKind.SIGN_OFF
        if is_lead and following is not None and following.kind == "code":
            kind = self._strong([text, *self._context(scope)]) or ItemKind.ACTION
            if kind is ItemKind.NOTE:
                kind = ItemKind.ACTION
        draft = Draft(line, text, self._section, strong or kind, parent=scope.owner or self._heading_item)
        draft.strong = strong is not None
        self._add(draft)
        scope.last_item = draft if is_lead and following is not None and following.kind == "code" else None

    def _read_list(self, block: Block, scope: Scope) -> None:
        if scope.expecting is not None:
            self._expect_list(scope.expecting, block)
            if scope.waits:
                scope.expecting = None
            return
        adjacent = block.line == scope.last_end + 1
        if scope.lead_used is not None and not adjacent and scope.lead_used != block.ordered:
            scope.lead = ""
        scope.lead_used = block.ordered if scope.lead else None
        above = scope.last_item
        # `1. Deploy` with boxes right below it, at the margin: Markdown begins a second list, people mean one.
        under_step = above is not None and not block.ordered and (adjacent or block.level) and above.line > 0
        inner = Scope(
            above if under_step and above is not None and _is_step(above) else scope.owner,
            "" if under_step else scope.lead,
            depth=scope.depth + 1,
        )
        expecting = sum(words.read_expectation(first_text(item)) is not None for item in block.children)
        previous: Draft | None = None
        for item in block.children:
            previous = self._read_item(item, inner, ordered=block.ordered, previous=previous, pairs=expecting > 1)
        if not under_step and previous is not None:
            scope.last_item, scope.last_ordered = previous, block.ordered

    def _read_item(
        self, block: Block, scope: Scope, *, ordered: bool, previous: Draft | None, pairs: bool
    ) -> Draft | None:
        """Read one list item and all below it; returns the draft that a following expectation belongs to."""
        first = block.children[0] if block.children else None
        has_text = first is not None and first.kind in ("paragraph", "heading")
        parts = words.split_boxed_lines(first.text if first is not None and has_text else "")
        text = parts[0]
        rest = block.children[1:] if has_text else block.children
        expected = words.read_expectation(text) if has_text else None
        if expected is not None:
            rest = [*make_paragraphs(parts[1:], block.line + text.count("\n") + 1), *rest]
            return self._read_expecting_item(block, expected, rest, scope, previous=previous, pairs=pairs)
        if not has_text and rest:
            self._read_all(rest, Scope(scope.owner, scope.lead, depth=scope.depth))
            return previous
        box = words.read_box(text)
        parts[-1] = self._cut_closing_tags(parts[-1], first.end if first is not None else block.end)
        parts[-1], *labelled = words.split_label_lines(parts[-1])
        lead = ""
        if not rest and not labelled:
            parts[-1], lead = words.read_trailing_lead(parts[-1])
        head, later = _cut_expectation(parts[0])
        ticked = box.ticked if box is not None else None
        head = words.read_box(head).text if box is not None and words.read_box(head) else head  # type: ignore[union-attr]
        draft = self._add_item(head, block.line, scope, ordered=ordered, ticked=ticked)
        if later:
            self._expect(draft, later)
        line = block.line + parts[0].count("\n") + 1
        for part in parts[1:]:
            self._read_part(part, line, Scope(draft, depth=scope.depth + 1), None)
            line += part.count("\n") + 1
        for number, part in enumerate(labelled):
            # `**Expected:** …` at the margin below a list is said of what the list belongs to.
            self._read_part(part, block.end - len(labelled) + number + 1, Scope(scope.owner, depth=scope.depth), None)
            scope.lead = part if part.rstrip("*_ ").endswith(":") else scope.lead
        if lead:
            self._add(Draft(block.end, lead, self._section, ItemKind.NOTE, parent=scope.owner or self._heading_item))
            scope.lead = lead
        self._read_all(rest, Scope(draft, depth=scope.depth + 1))
        return draft

    def _cut_closing_tags(self, text: str, end: int) -> str:
        """Return an item's text without the lines below it that only close HTML around the list."""
        rows = text.split("\n")
        while len(rows) > 1 and rows[-1].strip().startswith("</") and rows[-1].strip().endswith(">"):
            self._leave_out(end, rows.pop(), "HTML")
            end -= 1
        return "\n".join(rows)

    def _read_expecting_item(
        self,
        block: Block,
        expected: str,
        rest: Sequence[Block],
        scope: Scope,
        *,
        previous: Draft | None,
        pairs: bool,
    ) -> Draft | None:
        after_box = previous is not None and previous.checked is not None
        if after_box or (pairs and previous is not None):
            target = previous
        else:
            target = scope.owner or self._promote_for_expectation() or previous
        if target is None:
            target = self._add_item(expected or "Expect", block.line, scope, ordered=False, ticked=None)
            target.kind = ItemKind.CHECK
            expected = ""
        self._expect(target, expected)
        for child in rest:
            if child.kind == "list":
                self._expect_list(target, child)
            else:
                self._read_all([child], Scope(target, depth=scope.depth + 1))
        return previous

    def _expect_list(self, target: Draft, block: Block) -> None:
        for one in walk_blocks([block]):
            if one.kind in ("paragraph", "heading"):
                self._expect_boxes(target, one.text, one.line)
            elif one.kind == "code":
                target.commands.append(one.text)
            elif one.kind == "row":
                self._expect(target, " | ".join(cell for cell in one.cells if cell))

    def _add_item(self, text: str, line: int, scope: Scope, *, ordered: bool, ticked: bool | None) -> Draft:
        own_id, rest = words.read_item_id(words.one_line(text))
        parent = scope.owner or self._heading_item
        draft = Draft(line, rest, self._section, ItemKind.NOTE, own_id, parent, words.one_line(scope.lead), ticked)
        inside = words.expectation_inside(draft.text)
        if inside:
            draft.expectations.append(inside)
        draft.kind, draft.strong = self._classify(draft, scope, ordered=ordered)
        return self._add(draft)

    def _read_code(self, block: Block, scope: Scope) -> None:
        if scope.expecting is not None:
            scope.expecting.expectations.append(block.text)
            scope.expecting = scope.expecting if not scope.waits else None
            return
        near = scope.last_item
        follows_step = near is not None and (scope.last_end + 2 >= block.line)
        target = scope.owner or (near if follows_step else None) or self._promote_for_code()
        if target is None:
            target = self._add(Draft(block.line, "Commands", self._section, ItemKind.NOTE))
        target.commands.append(block.text)

    def _promote_for_code(self) -> Draft | None:
        was = self._heading_item
        target = self._promote()
        if target is not None and was is None and target.kind is not ItemKind.TRIGGER:
            target.kind = ItemKind.ACTION if words.weak_kind([target.text]) is ItemKind.ACTION else ItemKind.NOTE
        return target

    def _read_table(self, block: Block, scope: Scope) -> None:
        parent = scope.expecting or scope.owner or self._heading_item
        if scope.expecting is not None:
            self._expect_list(scope.expecting, block)
        context = self._context(scope)
        strong = self._strong(context)
        drafts = read_rows(block, self._section, strong, words.weak_kind(context[:2]))
        for draft in drafts:
            draft.parent = parent
            draft.lead = words.one_line(scope.lead)
            self._add(draft)
        if not drafts:
            self._leave_out(block.line, " | ".join(block.cells), "a table without rows")
        scope.last_item = None


def _is_bold(text: str) -> bool:
    return text.startswith("**") and text.endswith("**") and text.count("**") == 2


def _is_step(draft: Draft) -> bool:
    return draft.checked is None and not draft.is_heading


def _begins_expectation(row: str) -> bool:
    """Return whether a line inside a paragraph begins an expectation, and is no word of a sentence that was wrapped."""
    row = row.strip()
    return (row[:1].isupper() or row[:1] in "*_") and ":" in row and words.read_expectation(row) is not None


def _cut_expectation(text: str) -> tuple[str, str]:
    """Return an item's text without the `Expect:` that begins one of its later lines, and what stands behind it."""
    rows = text.split("\n")
    for index, row in enumerate(rows[1:], start=1):
        if _begins_expectation(row):
            expected = words.read_expectation(words.one_line("\n".join(rows[index:])))
            if expected:
                return "\n".join(rows[:index]), expected
    return text, ""
