"""Tables → items: thresholds, triggers with their actions, test cases, sign-offs; each row is one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gonogo.model.checklist import ItemKind
from gonogo.sources.checklist import words
from gonogo.sources.checklist.blocks import Block
from gonogo.sources.checklist.drafts import Draft

_EXPECTED = re.compile(
    r"\b(?:expect\w*|targets?|thresholds?|limits?|pass|criteria|criterion|alerts?|warn\w*|critical|slos?|max\w*|min\w*"
    r"|acceptable|budget|goal|baseline)\b"
)
_ACTION = re.compile(r"\b(?:actions?|response|mitigation|what to do|then|reaction|remedy)\b")
_CONDITION = re.compile(r"\b(?:triggers?|conditions?|if|when|signals?|symptoms?|events?|failure|scenario)\b")
_SIGNED = re.compile(
    r"\b(?:name|sign\w*|approv\w+|date|initials?|by|decision|completed|done|time|status|go/?no-?go|go or no-?go"
    r"|result|ok)\b"
)
_SIGNATURE = re.compile(r"\b(?:sign(?:ed|ature|atures|[ -]?off)?|approv\w+|initials?)\b")
_STEP = re.compile(r"\b(?:steps?|commands?)\b")
_ORDINAL = re.compile(r"^#?\d{0,4}[.)]?$")
_HEAD_ORDINAL = ("#", "no", "no.", "nr", "nr.", "step", "")


def read_rows(table: Block, section: tuple[str, ...], strong: ItemKind | None, weak: ItemKind | None) -> list[Draft]:
    """Return a draft for each row; its expectations are the cells of columns that hold thresholds or results."""
    head = [words.one_line(cell) for cell in table.cells]
    rows = [row for row in table.children if row.kind == "row" and any(cell.strip() for cell in row.cells)]
    kind = _kind_of(head, rows, strong, weak)
    return [_read_row(row, head, section, kind, is_strong=strong is not None) for row in rows]


def _kind_of(head: Sequence[str], rows: Sequence[Block], strong: ItemKind | None, weak: ItemKind | None) -> ItemKind:
    names = [words.plain_words(name) for name in head]
    signed = sum(bool(_SIGNATURE.search(name)) for name in names)
    blanks = any(words.has_blank_to_fill(cell) for row in rows for cell in row.cells)
    if blanks or (signed and sum(bool(_SIGNED.search(name)) for name in names) >= 2):
        return ItemKind.SIGN_OFF
    if strong is not None:
        return strong
    acts = any(_ACTION.search(name) for name in names)
    if acts and any(_CONDITION.search(name) for name in names):
        return ItemKind.TRIGGER
    if any(_EXPECTED.search(name) for name in names) or any(
        words.read_box(cell) is not None for row in rows for cell in row.cells
    ):
        return ItemKind.CHECK
    if acts or any(_STEP.search(name) for name in names):
        return ItemKind.ACTION
    return weak if weak is ItemKind.CHECK and len(head) > 1 and _is_test_table(names) else ItemKind.NOTE


def _is_test_table(names: Sequence[str]) -> bool:
    return any(
        re.search(r"\b(?:tests?|checks?|cases?|items?|gates?|status|result|done|metrics?)\b", name) for name in names
    )


def _read_row(row: Block, head: Sequence[str], section: tuple[str, ...], kind: ItemKind, *, is_strong: bool) -> Draft:
    cells = [words.one_line(cell) for cell in row.cells]
    names = [head[index] if index < len(head) else "" for index in range(len(cells))]
    checked: bool | None = None
    own_id = label = ""
    kept: list[str] = []
    expectations: list[str] = []
    for index, (name, cell) in enumerate(zip(names, cells, strict=True)):
        box = words.read_box(cell)
        if box is not None and checked is None:
            checked = box.ticked
            cell = box.text
        if not own_id and not label and words.is_cell_id(name, words.plain_words(cell).upper() and cell.strip("*_` ")):
            own_id = cell.strip("*_` ")
            continue
        if not cell or (index == 0 and words.plain_words(name) in _HEAD_ORDINAL and _ORDINAL.match(cell)):
            continue
        kept.append(cell)
        if not label:
            label = cell
        elif kind is not ItemKind.SIGN_OFF and _EXPECTED.search(words.plain_words(name)):
            expectations.append(f"{name}: {cell}")
    draft = Draft(row.line, " | ".join(kept), section, kind, own_id, checked=checked)
    draft.label = label
    draft.expectations = expectations
    draft.cells = [(name, cell) for name, cell in zip(names, cells, strict=True)]
    draft.strong = is_strong or kind in (ItemKind.SIGN_OFF, ItemKind.TRIGGER)
    if checked is not None and kind is ItemKind.NOTE:
        draft.kind = ItemKind.CHECK
    return draft
