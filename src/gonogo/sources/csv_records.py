"""The bytes of a CSV file → records, each with the line that it starts in; goes on after a broken record."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MAX_BYTES = 200_000_000
Report = Callable[[int, str, str], None]
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_LINE_BYTES = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_WHOLE_CELL = re.compile(r'(?:"[^"]*+(?:""[^"]*+)*+"|(?!")[^,]*+),')


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of one record; a cell may span lines."""

    line: int
    cells: list[str]


class _Lines:
    """Physical lines with their ends, split at LF, CRLF and CR only: a message may hold other separators."""

    def __init__(self, text: str) -> None:
        self.all: list[str] = _LINE.findall(text)
        self.read = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.read >= len(self.all):
            raise StopIteration
        self.read += 1
        return self.all[self.read - 1]


def decode_csv(raw: bytes, report: Report) -> str | None:
    """Return the text of a CSV file in UTF-8, or None after reporting each line that is not."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or _is_wide(raw):
        report(1, "", "looks like UTF-16; packs are UTF-8. Save it as 'CSV UTF-8'.")
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    for number, line in enumerate(_LINE_BYTES.findall(raw), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            seen = line[error.start : error.start + 1].hex()
            report(number, "", f"byte 0x{seen} at position {error.start + 1} is not UTF-8. Save it as 'CSV UTF-8'.")
    return None


def _is_wide(raw: bytes) -> bool:
    """Return whether text begins in two bytes a character: the header is ASCII, so every other byte is then zero."""
    head = raw[:32]
    return len(head) >= 2 and (not any(head[::2]) or not any(head[1::2]))


def read_records(text: str, starts: re.Pattern[str], report: Report) -> Iterator[Record]:
    """Yield every record that is not blank; reports broken ones and goes on at the next line that matches `starts`."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_BYTES))
    lines = _Lines(text)
    reader = csv.reader(lines, strict=True)
    while True:
        first = lines.read
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            opened = _find_broken_cell(lines.all, first, lines.read)
            report(opened + 1, "", _explain(error, opened + 1, lines.read))
            lines.read = opened + 1
            while lines.read < len(lines.all) and not starts.match(lines.all[lines.read]):
                lines.read += 1
            continue
        if any(cell.strip() for cell in cells) or len(cells) > 1:
            yield Record(first + 1, cells)


def _find_broken_cell(lines: list[str], first: int, last: int) -> int:
    """Return the index of the line in which the cell opens that is not well formed."""
    text = "".join(lines[first:last])
    at = 0
    while match := _WHOLE_CELL.match(text, at):
        at = match.end()
    return first + max(len(_LINE.findall(text[:at])) - 1, 0)


def _explain(error: csv.Error, opened: int, read: int) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return 'a quote opens here and is never closed. Close it; write " inside a cell as "".'
    if "expected after" in text:
        where = "" if opened == read else f" in line {read}"
        return f'text stands after the closing quote{where}. Close the cell in its place; write " inside a cell as "".'
    return f"not CSV: {text}. Correct the record."
