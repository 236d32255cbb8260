"""Markdown → blocks with line numbers: headings, paragraphs, lists, code, tables.

Inline markup stays as it is written, so nothing in a line can cost more than its length. HTML is plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

MAX_LEVELS = 200
_MAX_UNCLOSED = 20
_LOOKS_A_LINE = 25
_LOOKS_AT_LEAST = 10_000
_FENCE_END = re.compile(r"[\s>]*(`{3,}|~{3,})\s*\Z")
_TASK = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\[[ xX]?\]", re.MULTILINE)
_CELL_BORDER = re.compile(r"(?<!\\)\|")


class TooDeepError(ValueError):
    """Markdown that is nested deeper than anybody writes; carries the line and what is wrong there."""

    def __init__(self, line: int, what: str = f"is nested more than {MAX_LEVELS} levels deep") -> None:
        super().__init__(what)
        self.line = line
        self.what = what


@dataclass(slots=True)
class Block:
    """One block; `line` is its first and `end` its last line, both counted from 1.

    `kind` is heading, paragraph, list, item, quote, code, table or row. `level` is a heading's; a list has 1 where it
    was indented below the text before it. `ordered` is a list's; the text of a row stands in `cells`, and the head of a
    table in the table's own.
    """

    kind: str
    line: int
    end: int
    text: str = ""
    level: int = 0
    ordered: bool = False
    cells: list[str] = field(default_factory=list)
    children: list[Block] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The blocks of a text, and its lines that were read as something else than they seem, with the reason."""

    blocks: list[Block]
    odd: list[tuple[int, str]]


def _make_parser() -> MarkdownIt:
    # A list takes two levels. Where the limit is reached markdown-it drops what follows, so it lies above ours.
    parser = MarkdownIt("commonmark", {"maxNesting": 2 * MAX_LEVELS + 8}).enable("table")
    parser.block.ruler.before(
        "table", "effort", _count_effort, {"alt": ["paragraph", "reference", "blockquote", "list", "table"]}
    )
    return parser.disable(["inline", "reference", "html_block"])


def _count_effort(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Stop a text that makes the parser look at its lines again and again; ordinary ones take about 4 looks a line."""
    del end, silent
    effort = state.env
    effort["looks"] += 1
    if effort["looks"] > effort["limit"]:
        raise TooDeepError(start + 1, "is nested so deeply and so often that it cannot be read in reasonable time")
    return False


_PARSER = _make_parser()


def parse_blocks(lines: Sequence[str]) -> Parsed:
    """Return the blocks of a text's lines; raises `TooDeepError`.

    A code fence that is never closed would swallow all that follows: its line is read as plain text instead.
    """
    lines = list(lines)
    odd: list[tuple[int, str]] = []
    tokens = _parse(lines)
    while (at := _find_unclosed(tokens, lines)) is not None:
        odd.append((at + 1, "this code fence is never closed, so what follows it is read as text"))
        if len(odd) > _MAX_UNCLOSED:
            lines = [re.sub(r"`{3,}|~{3,}", _escape_fence, line) for line in lines]
        else:
            lines[at] = re.sub(r"`{3,}|~{3,}", _escape_fence, lines[at], count=1)
        tokens = _parse(lines)
    return Parsed(_rescue_tasks(_Tree(lines).build(tokens), lines), odd)


def _escape_fence(match: re.Match[str]) -> str:
    return "\\" + match[0]


def _parse(lines: Sequence[str]) -> list[Token]:
    try:
        tokens = _PARSER.parse("\n".join(lines), {"looks": 0, "limit": _LOOKS_A_LINE * len(lines) + _LOOKS_AT_LEAST})
    except RecursionError:
        raise TooDeepError(1) from None
    levels = 0
    for token in tokens:
        if token.type in ("list_item_open", "blockquote_open"):
            levels += 1
            if levels > MAX_LEVELS:
                raise TooDeepError((token.map or [0])[0] + 1)
        elif token.type in ("list_item_close", "blockquote_close"):
            levels -= 1
    return tokens


def _find_unclosed(tokens: Sequence[Token], lines: Sequence[str]) -> int | None:
    for token in tokens:
        if token.type == "fence" and token.map:
            start, end = token.map
            closing = _FENCE_END.match(lines[end - 1]) if end - 1 > start else None
            if closing is None or closing[1][0] != token.markup[0] or len(closing[1]) < len(token.markup):
                return start
    return None


class _Tree:
    """Builds blocks from markdown-it's flat tokens."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._stack: list[Block] = [Block("document", 1, len(lines))]
        self._in_head = False

    def build(self, tokens: Sequence[Token]) -> list[Block]:
        for token in tokens:
            self._take(token)
        return self._stack[0].children

    def _take(self, token: Token) -> None:
        kind = token.type
        first, last = (token.map[0] + 1, token.map[1]) if token.map else (self._stack[-1].line, self._stack[-1].end)
        if kind in _OPENING:
            block = Block(_OPENING[kind], first, last, ordered=kind == "ordered_list_open")
            block.level = int(token.tag[1]) if kind == "heading_open" else 0
            self._stack[-1].children.append(block)
            self._stack.append(block)
        elif kind in _CLOSING:
            self._close(self._stack.pop())
        elif kind == "inline":
            self._take_text(token.content)
        elif kind in ("fence", "code_block"):
            block = Block("code" if kind == "fence" else "indented", first, last, token.content.rstrip("\n"))
            self._stack[-1].children.append(block)
        elif kind == "thead_open":
            self._in_head = True
        elif kind == "thead_close":
            self._in_head = False

    def _take_text(self, text: str) -> None:
        block = self._stack[-1]
        if block.kind == "row":
            block.cells.append(text)
        else:
            block.text = text

    def _close(self, block: Block) -> None:
        if block.kind == "row":
            if self._in_head:
                self._stack[-1].cells = block.cells
                self._stack[-1].children.pop()
            else:
                _restore_cells(block, self._stack[-1].cells, self._lines[block.line - 1])


_OPENING = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "list_item_open": "item",
    "blockquote_open": "quote",
    "table_open": "table",
    "tr_open": "row",
}
_CLOSING = frozenset(name.replace("_open", "_close") for name in _OPENING)


def _restore_cells(row: Block, head: Sequence[str], line: str) -> None:
    """Give a row back the cells beyond its table's head, which Markdown ignores."""
    if line.count("|") <= len(head):
        return
    raw = _CELL_BORDER.split(line.strip().lstrip("> \t").removeprefix("|"))
    if raw and not raw[-1].strip():
        raw.pop()
    if len(raw) > len(head):
        row.cells[-1:] = [" | ".join(cell.strip() for cell in raw[len(head) - 1 :] if cell.strip())]


def _rescue_tasks(blocks: list[Block], lines: Sequence[str]) -> list[Block]:
    """Return the blocks with task items read that were indented so far that Markdown takes them for code."""
    rescued: list[Block] = []
    for block in blocks:
        if block.kind == "indented":
            if _TASK.search(block.text):
                found = _shift(_Tree(block.text.split("\n")).build(_parse(_dedent(block.text))), block.line - 1)
                for one in found:
                    one.level = 1
                rescued += found
                continue
            block.kind = "code"
        elif block.children:
            block.children = _rescue_tasks(block.children, lines)
        rescued.append(block)
    return rescued


def _dedent(text: str) -> list[str]:
    lines = text.expandtabs(4).split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return [line[margin:] for line in lines]


def _shift(blocks: list[Block], by: int) -> list[Block]:
    for block in walk_blocks(blocks):
        block.line += by
        block.end += by
        if block.kind == "indented":
            block.kind = "code"
    return blocks


def walk_blocks(blocks: Sequence[Block]) -> Iterator[Block]:
    """Yield all blocks, parents before their children."""
    stack = list(reversed(blocks))
    while stack:
        block = stack.pop()
        yield block
        stack.extend(reversed(block.children))


def make_paragraphs(texts: Sequence[str], line: int) -> list[Block]:
    """Return texts that stand below one another as paragraphs."""
    blocks = []
    for text in texts:
        end = line + text.count("\n")
        blocks.append(Block("paragraph", line, end, text))
        line = end + 1
    return blocks


def first_text(item: Block) -> str:
    """Return the paragraph that a list item begins with, or an empty text."""
    first = item.children[0] if item.children else None
    return first.text if first is not None and first.kind == "paragraph" else ""
