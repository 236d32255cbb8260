"""One Markdown file → the items of a checklist, each with its id, and the lines that are part of none."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from gonogo.errors import Problem
from gonogo.model.checklist import Checklist, Unplaced
from gonogo.sources.checklist.blocks import TooDeepError, parse_blocks
from gonogo.sources.checklist.identity import finish_items
from gonogo.sources.checklist.outline import Outline

MAX_BYTES = 2 * 1024 * 1024
MAX_LINES = 100_000
_MAX_FRONT_MATTER = 200
_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_BOX = re.compile(r"[-*+] \[[ xX]\]")
_FRONT_START = re.compile(r"[A-Za-z_][\w .-]*:(?:\s|$)")
_FRONT_KEY = re.compile(r"[A-Za-z_][\w .-]*:(?:\s|$)|\s|#|-\s")


def read_checklist(path: Path, name: str) -> tuple[Checklist | None, list[Problem]]:
    """Return the checklist of a file and all problems of the file; None where it cannot be read.

    Files beyond 2 MB, 100,000 lines or 200 levels, with NUL bytes or in another encoding than UTF-8 are refused.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return None, [Problem(name, 0, "", f"cannot be read: {why}. Name a Markdown file.")]
    if len(raw) > MAX_BYTES:
        return None, [Problem(name, 0, "", f"more than {MAX_BYTES} bytes; at most that many are read. Split it.")]
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        seen = raw[error.start : error.start + 1].hex()
        return None, [Problem(name, line, "", f"byte 0x{seen} is not UTF-8. Save the file as UTF-8.")]
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        return None, [Problem(name, line, "", "holds a NUL byte, so it is no text. Save it as Markdown again.")]
    lines = text.count("\n") + text.count("\r") - text.count("\r\n")
    if lines > MAX_LINES:
        return None, [Problem(name, 0, "", f"{lines} lines; at most {MAX_LINES} are read. Split it.")]
    try:
        return parse_checklist(text, name, hashlib.sha256(raw).hexdigest()), []
    except TooDeepError as error:
        return None, [Problem(name, error.line, "", f"{error.what}; nothing of it was read. Flatten it.")]


def parse_checklist(text: str, name: str, digest: str) -> Checklist:
    """Return the checklist of a text; raises `TooDeepError`."""
    lines = re.split(r"\r\n?|\n", text)
    unplaced = [*_take_front_matter(lines), *_take_comments(lines)]
    parsed = parse_blocks(lines)
    outline = Outline()
    outline.read(parsed.blocks)
    unplaced += [Unplaced(line, reason[:200], why) for line, reason, why in outline.unplaced]
    unplaced += [Unplaced(line, lines[line - 1].strip(), why) for line, why in parsed.odd]
    return Checklist(
        name, digest, finish_items(outline.drafts, outline.title), tuple(sorted(unplaced)), tuple(outline.sections)
    )


def _take_front_matter(lines: list[str]) -> list[Unplaced]:
    """Blank the metadata between two lines of `---` at the top, which Markdown would take for a heading."""
    if len(lines) < 2 or lines[0].strip() != "---" or not _FRONT_START.match(lines[1]):
        return []
    for index, line in enumerate(lines[1:_MAX_FRONT_MATTER], start=1):
        if line.rstrip() in ("---", "..."):
            return [] if index == 1 else _blank(lines, 0, index, "front matter")
        if (line and not _FRONT_KEY.match(line)) or _BOX.search(line):
            return []
    return []


def _take_comments(lines: list[str]) -> list[Unplaced]:
    """Blank HTML comments that stand on lines of their own; what is commented out is no item."""
    closed_at = _find_next(lines, "-->")
    taken: list[Unplaced] = []
    fence = ""
    index = 0
    while index < len(lines):
        line = lines[index]
        match = _FENCE.match(line)
        if match:
            if not fence:
                fence = match[1]
            elif match[1].startswith(fence) and not line[match.end() :].strip():
                fence = ""
        elif not fence and line.lstrip().startswith("<!--"):
            end = closed_at[index]
            if end is not None and not lines[end].split("-->", 1)[1].strip():
                taken += _blank(lines, index, end, "HTML comment")
                index = end
        index += 1
    return taken


def _find_next(lines: list[str], text: str) -> list[int | None]:
    """Return for each line the nearest one, from it on, that holds a text."""
    found: list[int | None] = [None] * len(lines)
    following: int | None = None
    for index in range(len(lines) - 1, -1, -1):
        if text in lines[index]:
            following = index
        found[index] = following
    return found


def _blank(lines: list[str], first: int, last: int, reason: str) -> list[Unplaced]:
    taken = [
        Unplaced(index + 1, lines[index].strip(), reason) for index in range(first, last + 1) if lines[index].strip()
    ]
    lines[first : last + 1] = [""] * (last + 1 - first)
    return taken
