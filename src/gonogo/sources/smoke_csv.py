"""The smoke-test CSV → cases, with every problem of every row."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from gonogo.errors import Problem
from gonogo.model.case import Action, Case, Mode, Pack
from gonogo.model.outcome import SourceRef
from gonogo.model.vocabulary import Vocabulary
from gonogo.sources.row_rules import check_row
from gonogo.sources.suggest import closest, quote_value, suggest

HEADER = (
    "test_id",
    "mode",
    "channel",
    "inbound_message",
    "expected_primary_intent",
    "expected_destination",
    "expected_tags",
    "expected_template_id",
    "expected_action",
    "notes",
)
NO_TEMPLATE = "None"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MODES = frozenset(mode.value for mode in Mode)
_ACTIONS = frozenset(action.value for action in Action)
_RESERVED = ("FLAG-", "CONTROL-", "TARGET-", "INV-")
_SPREADSHEET_ERRORS = frozenset({"#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#N/A", "#NULL!", "#NUM!", "#ERROR!"})
MAX_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class _Record:
    line: int
    cells: list[str]


class _Reader:
    """Collects the problems of one file while its rows become cases."""

    def __init__(self, name: str, vocabulary: Vocabulary) -> None:
        self.name = name
        self.vocabulary = vocabulary
        self.problems: list[Problem] = []
        self._first_line: dict[str, int] = {}
        self._templates = frozenset((*vocabulary.templates, NO_TEMPLATE))
        self._tags_allowed = vocabulary.known_tags

    def report(self, line: int, column: str, text: str) -> None:
        self.problems.append(Problem(self.name, line, column, text))

    def records(self, text: str) -> Iterator[_Record]:
        """Yield every record with the line that it starts in; a cell may span lines."""
        reader = csv.reader(_lines(text), strict=True)
        line = 1
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self.report(line, "", _explain_csv_error(error))
                return
            if cells:
                yield _Record(line, cells)
            line = reader.line_num + 1

    def case(self, record: _Record) -> Case | None:
        """Return the case of a record, or None after reporting what is wrong with it."""
        if len(record.cells) != len(HEADER):
            text = f"{len(record.cells)} cells; the header has {len(HEADER)}. Quote cells that hold commas or line ends."
            self.report(record.line, "", text)
            return None
        before = len(self.problems)
        row = dict(zip(HEADER, record.cells, strict=True))
        self._check_id(record.line, row["test_id"])
        mode = self._word(record.line, "mode", row["mode"], _MODES)
        self._word(record.line, "channel", row["channel"], self.vocabulary.channels)
        self._word(record.line, "expected_primary_intent", row["expected_primary_intent"], self.vocabulary.intents)
        self._word(record.line, "expected_destination", row["expected_destination"], self.vocabulary.teams)
        action = self._word(record.line, "expected_action", row["expected_action"], _ACTIONS)
        self._word(record.line, "expected_template_id", row["expected_template_id"], self._templates)
        tags = self._read_tags(record.line, row["expected_tags"])
        self._check_message(record.line, row["inbound_message"])
        if len(self.problems) > before:
            return None
        template = None if row["expected_template_id"] == NO_TEMPLATE else row["expected_template_id"]
        case = Case(
            row["test_id"],
            Mode(mode),
            row["channel"],
            row["inbound_message"],
            row["expected_primary_intent"],
            row["expected_destination"],
            tags,
            template,
            Action(action),
            row["notes"],
            SourceRef(self.name, record.line),
        )
        for column, text in check_row(case, self.vocabulary):
            self.report(record.line, column, text)
        return case if len(self.problems) == before else None

    def _word(self, line: int, column: str, value: str, allowed: Collection[str]) -> str:
        if value not in allowed:
            self.report(line, column, f"is {quote_value(value)}; {suggest(value, allowed)}")
        return value

    def _check_id(self, line: int, value: str) -> None:
        if not _ID.fullmatch(value):
            text = f"is {quote_value(value)}; allowed: letters, digits, '.', '_', '-', at most 64. Write one like ST-021."
            self.report(line, "test_id", text)
            return
        if value.upper().startswith(_RESERVED):
            self.report(line, "test_id", f"is {value!r}; {', '.join(_RESERVED)} are the harness's own. Choose another.")
        first = self._first_line.setdefault(value.casefold(), line)
        if first != line:
            self.report(line, "test_id", f"is {value!r}, which stands in line {first} already. Give it another id.")

    def _read_tags(self, line: int, cell: str) -> tuple[str, ...]:
        tags = tuple(cell.split(";")) if cell else ()
        if not tags:
            self.report(line, "expected_tags", "is empty; every routed ticket carries its intent's tag. Name the tags.")
        for tag in tags:
            self._word(line, "expected_tags", tag, self._tags_allowed)
        if len(set(tags)) != len(tags):
            self.report(line, "expected_tags", f"is {quote_value(cell)}; a tag stands twice. Remove one.")
        return tags

    def _check_message(self, line: int, text: str) -> None:
        if not text:
            self.report(line, "inbound_message", "is empty; a case without a message cannot be sent. Write one.")
        elif text in _SPREADSHEET_ERRORS:
            what = "a spreadsheet put an error in the place of the message. Restore the text."
            self.report(line, "inbound_message", f"is {text!r}; {what}")


def read_pack(path: Path, name: str, vocabulary: Vocabulary) -> tuple[Pack, list[Problem]]:
    """Return the pack of a CSV file and all of its problems; `name` is what problems call the file."""
    reader = _Reader(name, vocabulary)
    raw = _read_bytes(path, reader)
    text = _decode(raw, reader)
    cases: list[Case] = []
    if text is not None:
        records = reader.records(text)
        header = next(records, None)
        if header is None:
            if not reader.problems:
                reader.report(0, "", "the file is empty; no cases is never a success. Write the header and rows.")
        elif _check_header(reader, header):
            cases = [case for record in records if (case := reader.case(record)) is not None]
            if not cases and not reader.problems:
                reader.report(0, "", "a header and no rows; no cases is never a success. Add rows.")
    digest = hashlib.sha256(raw).hexdigest()
    return Pack(path.stem, name, digest, tuple(cases)), reader.problems


def _read_bytes(path: Path, reader: _Reader) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            reader.report(0, "", f"larger than {MAX_BYTES} bytes. Split the pack.")
            return b""
        return path.read_bytes()
    except OSError as error:
        reader.report(0, "", f"cannot be read: {error.strerror}. Name a CSV file.")
        return b""


def _decode(raw: bytes, reader: _Reader) -> str | None:
    if reader.problems:
        return None
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in raw[:64]:
        reader.report(1, "", "looks like UTF-16; packs are UTF-8. Save it as 'CSV UTF-8'.")
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    for number, line in enumerate(raw.split(b"\n"), start=1):
        try:
            line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            seen = line[error.start : error.start + 1].hex()
            reader.report(number, "", f"byte 0x{seen} at position {error.start + 1} is not UTF-8. Save it as UTF-8.")
    return None


def _check_header(reader: _Reader, header: _Record) -> bool:
    names = header.cells
    if tuple(names) == HEADER:
        return True
    if len(names) == 1 and any(mark in names[0] for mark in (";", "\t", "|")):
        mark = next(mark for mark in (";", "\t", "|") if mark in names[0])
        reader.report(header.line, "", f"cells are separated by {mark!r}; allowed: ','. Save it with commas.")
        return False
    missing = [name for name in HEADER if name not in names]
    unknown = [name for name in names if name not in HEADER]
    for name in unknown:
        meant = closest(name, missing)
        what = f"Did you mean {meant!r}?" if meant else "Remove it."
        reader.report(header.line, name or "(no name)", f"unknown column {quote_value(name)}. {what}")
    for name in missing:
        reader.report(header.line, name, "column is missing. Add it.")
    for name in sorted({name for name in names if names.count(name) > 1}):
        reader.report(header.line, name, "column stands twice. Remove one.")
    if not reader.problems:
        reader.report(header.line, "", f"columns are in another order; allowed: {','.join(HEADER)}. Put them in order.")
    return False


def _lines(text: str) -> Iterator[str]:
    """Yield physical lines with their ends, split at LF, CRLF and CR only: a message may hold other separators."""
    csv.field_size_limit(MAX_BYTES)
    yield from re.findall(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z", text)


def _explain_csv_error(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return 'a quote that opens in this record is never closed. Close it; write " inside a cell as "".'
    if "expected after" in text:
        return 'text stands after a closing quote. Write " inside a cell as "".'
    return f"not CSV: {text}. Correct the record."
