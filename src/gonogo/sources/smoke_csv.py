"""The smoke-test CSV → cases, with every problem of every row."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from gonogo.errors import Problem
from gonogo.model.case import Action, Case, Mode, Pack
from gonogo.model.outcome import SourceRef
from gonogo.model.vocabulary import Vocabulary
from gonogo.sources.csv_records import MAX_BYTES, Record, decode_csv, read_records
from gonogo.sources.row_rules import check_routing, check_row
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
_FILE_NAME = _ID
_MODES = frozenset(mode.value for mode in Mode)
_ACTIONS = frozenset(action.value for action in Action)
_RESERVED = ("FLAG-", "CONTROL-", "TARGET-", "INV-")
_SPREADSHEET_ERRORS = frozenset({"#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#N/A", "#NULL!", "#NUM!", "#ERROR!"})
# Row rules compare these words with each other; they are asked where all of them are known.
_RULED = frozenset({"mode", "expected_primary_intent", "expected_action", "expected_template_id"})
_NOTHING = frozenset({"", "-", "none", "null", "nil", "na", "n/a", "nan"})
# What shows a row's beginning below a broken one: an id and a mode, or an id with a digit and two more plain words.
_RECORD_START = re.compile(
    rf'"?{_ID.pattern}"?,"?(?:{"|".join(sorted(_MODES))})"?,|"?(?=[^",]*[0-9]){_ID.pattern}"?,"?[\w-]*"?,"?[\w-]*"?,'
)


class _Reader:
    """Collects the problems of one file while its rows become cases."""

    def __init__(self, name: str, vocabulary: Vocabulary) -> None:
        self.name = name
        self.vocabulary = vocabulary
        self.problems: list[Problem] = []
        self._broken = False
        self._first: dict[str, tuple[int, str]] = {}
        self._templates = frozenset((*vocabulary.templates, NO_TEMPLATE))
        self._tags_allowed = vocabulary.known_tags

    def report(self, line: int, column: str, text: str) -> None:
        self.problems.append(Problem(self.name, line, column, text))

    def case(self, record: Record, columns: Sequence[str]) -> Case | None:
        """Return the case of a record, or None after reporting what is wrong with it."""
        count = len(record.cells)
        if count != len(columns):
            if self._broken and not self._begins_row(record.cells[0]):
                return None  # more lines of the row above, which lacks a quote
            self._broken = True
            what = f"{count} cell{'s' if count > 1 else ''}; the header has {len(columns)}"
            self.report(record.line, "", f"{what}. Quote cells that hold commas, quotes or line ends.")
            return None
        self._broken = False
        if not any(cell.strip() for cell in record.cells):
            self.report(record.line, "", "a row of empty cells. Remove it, or write the case.")
            return None
        before = len(self.problems)
        row = dict(zip(columns, record.cells, strict=True))
        tags = self._check_words(record.line, row)
        wrong = {problem.column for problem in self.problems[before:]}
        if "expected_primary_intent" not in wrong:
            routing = check_routing(row["expected_primary_intent"], row["expected_destination"], tags, self.vocabulary)
            self._report_new(record.line, wrong, routing)
        if wrong & _RULED:
            return None
        template = None if row["expected_template_id"] == NO_TEMPLATE else row["expected_template_id"]
        case = Case(
            row["test_id"],
            Mode(row["mode"]),
            row["channel"],
            row["inbound_message"],
            row["expected_primary_intent"],
            row["expected_destination"],
            tags,
            template,
            Action(row["expected_action"]),
            row["notes"],
            SourceRef(self.name, record.line),
        )
        self._report_new(record.line, wrong, check_row(case, self.vocabulary))
        return case if len(self.problems) == before else None

    def _report_new(self, line: int, wrong: Collection[str], found: Iterable[tuple[str, str]]) -> None:
        for column, text in found:
            if column not in wrong:
                self.report(line, column, text)

    def _begins_row(self, cell: str) -> bool:
        return _ID.fullmatch(cell) is not None and any(char.isdigit() for char in cell)

    def _check_words(self, line: int, row: dict[str, str]) -> tuple[str, ...]:
        """Report every cell that is wrong by itself; returns the tags."""
        self._check_id(line, row["test_id"])
        self._check_word(line, "mode", row["mode"], _MODES)
        self._check_word(line, "channel", row["channel"], self.vocabulary.channels)
        self._check_text(line, "inbound_message", row["inbound_message"])
        self._check_word(line, "expected_primary_intent", row["expected_primary_intent"], self.vocabulary.intents)
        self._check_word(line, "expected_destination", row["expected_destination"], self.vocabulary.teams)
        tags = self._read_tags(line, row["expected_tags"])
        self._check_template(line, row["expected_template_id"])
        self._check_word(line, "expected_action", row["expected_action"], _ACTIONS)
        self._check_text(line, "notes", row["notes"])
        return tags

    def _check_word(self, line: int, column: str, value: str, allowed: Collection[str]) -> None:
        if value not in allowed:
            self.report(line, column, f"is {quote_value(value)}; {suggest(value, allowed)}")

    def _check_template(self, line: int, value: str) -> None:
        if value != NO_TEMPLATE and value.strip().casefold() in _NOTHING:
            text = f"is {quote_value(value)}; where nothing is sent, a row says {NO_TEMPLATE}. Write {NO_TEMPLATE}."
            self.report(line, "expected_template_id", text)
        else:
            self._check_word(line, "expected_template_id", value, self._templates)

    def _check_id(self, line: int, value: str) -> None:
        if not _ID.fullmatch(value):
            text = (
                f"is {quote_value(value)}; allowed: letters, digits, '.', '_', '-', at most 64. Write one like ST-021."
            )
            self.report(line, "test_id", text)
            return
        if value.upper().startswith(_RESERVED):
            self.report(line, "test_id", f"is {value!r}; {', '.join(_RESERVED)} are the harness's own. Choose another.")
        first, other = self._first.setdefault(value.casefold(), (line, value))
        if first != line:
            seen = "which stands" if other == value else f"which but for capitals is {other!r}"
            self.report(line, "test_id", f"is {value!r}, {seen} in line {first} already. Give it another id.")

    def _read_tags(self, line: int, cell: str) -> tuple[str, ...]:
        tags = tuple(cell.split(";")) if cell else ()
        if not tags:
            self.report(line, "expected_tags", "is empty; every routed ticket carries its intent's tag. Name the tags.")
        for tag in tags:
            self._check_word(line, "expected_tags", tag, self._tags_allowed)
        if len(set(tags)) != len(tags):
            self.report(line, "expected_tags", f"is {quote_value(cell)}; a tag stands twice. Remove one.")
        return tags

    def _check_text(self, line: int, column: str, text: str) -> None:
        if not text and column == "inbound_message":
            self.report(line, column, "is empty; a case without a message cannot be sent. Write one.")
        elif text.strip() in _SPREADSHEET_ERRORS:
            what = f"a spreadsheet put an error in the place of the text. Restore the {column.split('_')[-1]}."
            self.report(line, column, f"is {text!r}; {what}")
        elif column == "notes" and text.startswith("="):
            self.report(line, column, f"is {quote_value(text)}, a formula. Write its result as text.")


def read_pack(path: Path, name: str, vocabulary: Vocabulary) -> tuple[Pack, list[Problem]]:
    """Return the pack of a CSV file and all of its problems; `name` is what problems call the file."""
    reader = _Reader(name, vocabulary)
    if not _FILE_NAME.fullmatch(path.stem):
        what = "its name becomes a tag; allowed: letters, digits, '.', '_', '-', at most 64. Rename the file."
        reader.report(0, "", f"{quote_value(path.name)}: {what}")
    raw = _read_bytes(path, reader)
    text = decode_csv(raw, reader.report) if raw is not None else None
    cases = _read_cases(text, reader) if text is not None else []
    digest = hashlib.sha256(raw or b"").hexdigest()
    return Pack(path.stem, name, digest, tuple(cases)), reader.problems


def _read_cases(text: str, reader: _Reader) -> list[Case]:
    before = len(reader.problems)
    records = read_records(text, _RECORD_START, reader.report)
    header = next(records, None)
    if len(reader.problems) > before:
        return []  # the header itself is broken: no row can be told from it
    if header is None:
        reader.report(0, "", "the file is empty; no cases is never a success. Write the header and rows.")
        return []
    columns = _read_header(reader, header)
    if columns is None:
        return []
    read = [reader.case(record, columns) for record in records]
    if not read and len(reader.problems) == before:
        reader.report(0, "", "a header and no rows; no cases is never a success. Add rows.")
    return [case for case in read if case is not None]


def _read_bytes(path: Path, reader: _Reader) -> bytes | None:
    try:
        if path.stat().st_size > MAX_BYTES:
            reader.report(0, "", f"larger than {MAX_BYTES:,} bytes. Split the pack.")
            return None
        return path.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        reader.report(0, "", f"cannot be read: {why}. Name a CSV file.")
        return None


def _read_header(reader: _Reader, header: Record) -> Sequence[str] | None:
    """Return the column of each cell, or None where it cannot be told; a misspelt column hides no row's problems."""
    names = header.cells
    if tuple(names) == HEADER:
        return HEADER
    if len(names) == 1 and any(mark in names[0] for mark in (";", "\t", "|")):
        mark = next(mark for mark in (";", "\t", "|") if mark in names[0])
        reader.report(header.line, "", f"cells are separated by {mark!r}; allowed: ','. Save it with commas.")
        return None
    before = len(reader.problems)
    missing = [name for name in HEADER if name not in names]
    columns = []
    for name in names:
        meant = closest(name, missing) if name not in HEADER else None
        if name not in HEADER:
            what = f"Did you mean {meant!r}? Rename it." if meant else "Remove it."
            reader.report(
                header.line,
                quote_value(name.strip())[1:-1] or "(no name)",
                f"unknown column {quote_value(name)}. {what}",
            )
        if meant:
            missing.remove(meant)
        columns.append(meant or name)
    for name in missing:
        reader.report(header.line, name, "column is missing. Add it.")
    for name in sorted({name for name in names if names.count(name) > 1}):
        reader.report(header.line, quote_value(name)[1:-1], "column stands twice. Remove one.")
    if len(reader.problems) == before:
        what = f"columns are in another order; allowed: {','.join(HEADER)}. Put them in order."
        reader.report(header.line, "", what)
    return columns if not missing and len(set(columns)) == len(columns) else None
