"""Files of rows: CSV, JSON, JSONL and Parquet, read whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gonogo.extras import import_extra
from gonogo.metrics.interface import QueryFailed

MAX_BYTES = 2_000_000_000
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file with the line (or the number of the row, from 1) that each stands in."""

    file: str
    rows: tuple[Row, ...]
    lines: tuple[int, ...]
    columns: tuple[str, ...]

    def place(self, index: int) -> str:
        """Return where a row stands, as `file:line`."""
        return f"{self.file}:{self.lines[index]}"


def read_table(path: Path, name: str) -> Table | QueryFailed:
    """Return the rows of a file; one line that cannot be read fails the whole, naming it: no part of it is judged."""
    reader = _READERS.get(path.suffix.casefold())
    if reader is None:
        return QueryFailed(f"{name}: its ending is {path.suffix!r}; allowed: {', '.join(sorted(_READERS))}")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            return QueryFailed(f"{name}: {size:,} bytes; at most {MAX_BYTES:,} are read")
        return reader(path, name)
    except OSError as error:
        return QueryFailed(f"{name}: cannot be read: {error.strerror or error}")
    except UnicodeDecodeError as error:
        return QueryFailed(f"{name}: byte 0x{error.object[error.start]:02x} at position {error.start} is not UTF-8")
    except _TableError as error:
        return QueryFailed(f"{name}{error}")


class _TableError(Exception):
    """What is wrong with a file, as `:line: text`."""


def _read_csv(path: Path, name: str) -> Table:
    text = path.read_bytes().decode("utf-8-sig")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    lines: list[int] = []
    header: list[str] | None = None
    started = 1
    try:
        for cells in reader:
            line, started = started, reader.line_num + 1
            if not cells:
                continue
            if header is None:
                header = cells
                twice = {cell for cell in cells if cells.count(cell) > 1}
                if twice:
                    raise _TableError(f":{line}: column {sorted(twice)[0]!r} stands twice")
                continue
            if len(cells) != len(header):
                raise _TableError(f":{line}: {len(cells)} cells, the header has {len(header)}")
            rows.append(dict(zip(header, cells, strict=True)))
            lines.append(line)
    except csv.Error as error:
        raise _TableError(f":{started}: not CSV: {error}") from error
    if header is None:
        raise _TableError(": the file is empty")
    return Table(name, tuple(rows), tuple(lines), tuple(header))


def _read_json(path: Path, name: str) -> Table:
    try:
        data = _loads(path.read_bytes())
    except ValueError as error:
        raise _TableError(f": not JSON: {error}") from error
    if isinstance(data, dict):
        data = [data]
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise _TableError(": not a list of objects, nor one object")
    return _table(name, data, range(1, len(data) + 1))


def _read_jsonl(path: Path, name: str) -> Table:
    rows: list[Row] = []
    lines: list[int] = []
    raw = path.read_bytes()
    for number, line in enumerate(raw.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = _loads(line)
        except ValueError as error:
            raise _TableError(f":{number}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise _TableError(f":{number}: not an object")
        rows.append(row)
        lines.append(number)
    return _table(name, rows, lines)


def _loads(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        raise ValueError(f"byte 0x{raw[error.start]:02x} at position {error.start} is not UTF-8") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} stands twice")
    return data


def _read_parquet(path: Path, name: str) -> Table:
    parquet = import_extra("pyarrow.parquet", "gates")
    arrow = import_extra("pyarrow", "gates")
    try:
        table = parquet.read_table(path)
    except (arrow.ArrowException, ValueError) as error:
        raise _TableError(f": not Parquet: {str(error).splitlines()[0]}") from error
    rows = table.to_pylist()
    return Table(name, tuple(rows), tuple(range(1, len(rows) + 1)), tuple(table.column_names))


def _table(name: str, rows: list[Row], lines: Any) -> Table:
    columns = tuple(dict.fromkeys(key for row in rows for key in row))
    return Table(name, tuple(rows), tuple(lines), columns)


_READERS: dict[str, Callable[[Path, str], Table]] = {
    ".csv": _read_csv,
    ".json": _read_json,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}


def read_number(cell: object) -> float | None:
    """Return the number in a cell, NaN for one that says that there is none, and None for what is no number."""
    if cell is None:
        return math.nan
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        try:
            return float(cell)
        except OverflowError:
            return None
    if isinstance(cell, str):
        text = cell.strip()
        if text.casefold() in ("", "nan", "na", "n/a", "none", "null"):
            return math.nan
        try:
            return float(text) if "_" not in text else None
        except ValueError:
            return None
    try:
        return float(cell)  # type: ignore[arg-type]  # a Decimal of a Parquet file
    except (TypeError, ValueError):
        return None
