"""Metrics out of files: rows of anybody's, a run's own records, and Locust's statistics."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from gonogo.metrics.interface import Answer, NoData, QueryFailed, Reading, Sample, Span, build_frame
from gonogo.metrics.tables import Row, Table, read_number, read_table
from gonogo.model.metric import MetricSpec

DATASETS = ("exchanges", "outcomes")


class FileSource:
    """Reads one column of one file; `name` is what problems call the file."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name

    def close(self) -> None:
        """Do nothing: files are closed once read."""

    def read(self, spec: MetricSpec, span: Span) -> Answer:
        """Return the cells of a column, in rows that match, within the span where rows have a time."""
        table = read_table(self._path, self._name)
        return table if isinstance(table, QueryFailed) else select_cells(table, spec, span)


class RunSource:
    """Reads what a run wrote down: `exchanges` (every request with its status and ms) or `outcomes` of its checks."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name

    def close(self) -> None:
        """Do nothing: files are closed once read."""

    def read(self, spec: MetricSpec, span: Span) -> Answer:
        """Return the cells of a column of the run's records.

        A run lies in the past and its rows are events, of which two may share a time: no span cuts them.
        """
        if spec.query not in DATASETS:
            return QueryFailed(f"a run has no {spec.query!r}; allowed: {', '.join(DATASETS)}")
        path = self._folder / f"{spec.query}.jsonl"
        if not path.is_file():
            return NoData(f"{self._name} holds no {path.name}")
        table = read_table(path, f"{self._name}/{path.name}")
        if isinstance(table, QueryFailed):
            return table
        return select_cells(table, spec, Span(span.end))


class LocustSource:
    """Reads Locust's `--csv` statistics or its `--json` file; percentiles of the latter come out of its histogram.

    Formats: https://docs.locust.io/en/stable/retrieving-stats.html
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name

    def close(self) -> None:
        """Do nothing: files are closed once read."""

    def read(self, spec: MetricSpec, span: Span) -> Answer:
        """Return a column of the statistics; n is the number of requests behind the row."""
        table = read_table(self._path, self._name)
        if isinstance(table, QueryFailed):
            return table
        if self._path.suffix == ".json":
            table = _spread_histograms(table)
            counted = "num_requests"
        else:
            counted = "Request Count" if "Request Count" in table.columns else "Total Request Count"
        more: dict[str, str] = {}
        if spec.n_column is None and counted in table.columns:
            more["n_column"] = counted
        if spec.time_column is None and "Timestamp" in table.columns:
            more["time_column"] = "Timestamp"
        return select_cells(table, spec.model_copy(update=more), span)


def _spread_histograms(table: Table) -> Table:
    """Add p50, p90, p95 and p99 to every row of Locust's JSON: nearest-rank over its rounded response times."""
    rows: list[Row] = []
    for row in table.rows:
        times = row.get("response_times")
        spread: dict[str, object] = dict(row)
        if isinstance(times, dict) and times:
            counts = sorted((float(ms), int(count)) for ms, count in times.items())
            total = sum(count for _, count in counts)
            for percent in (50, 90, 95, 99):
                spread[f"p{percent}"] = _ranked(counts, -(-percent * total // 100))
        rows.append(spread)
    columns = tuple(dict.fromkeys((*table.columns, "p50", "p90", "p95", "p99")))
    return Table(table.file, tuple(rows), table.lines, columns)


def _ranked(counts: Iterable[tuple[float, int]], rank: int) -> float | None:
    seen = 0
    for value, count in counts:
        seen += count
        if seen >= rank:
            return value
    return None


def select_cells(table: Table, spec: MetricSpec, span: Span) -> Answer:
    """Return the cells of a column as samples; a cell that is no number fails the query, naming its line."""
    column = spec.column or ""
    missing = [
        name
        for name in (column, *filter(None, (spec.time_column, spec.n_column, spec.unit_column)), *spec.where)
        if name not in table.columns
    ]
    if missing and table.rows:
        return QueryFailed(f"{table.file}: no column {missing[0]!r}; it has {', '.join(table.columns[:12])}")
    pattern = re.compile(spec.matches) if spec.matches is not None else None
    samples = []
    for index, row in enumerate(table.rows):
        if any(str(row.get(name)) != value for name, value in spec.where.items()):
            continue
        moment = _read_time(row.get(spec.time_column)) if spec.time_column else None
        if spec.time_column and moment is None:
            return QueryFailed(f"{table.place(index)}: {spec.time_column}: {row.get(spec.time_column)!r} is no time")
        if span.seconds is not None and moment is not None and not span.start <= moment <= span.end:
            continue
        cell = row.get(column)
        value = read_number(cell) if pattern is None else _match(pattern, cell)
        if value is None:
            return QueryFailed(f"{table.place(index)}: {column}: {str(cell)[:80]!r} is no number")
        n = read_number(row.get(spec.n_column)) if spec.n_column else None
        if spec.n_column and (n is None or n < 0 or n != n or n % 1):
            return QueryFailed(f"{table.place(index)}: {spec.n_column}: {row.get(spec.n_column)!r} is no count")
        unit = str(row.get(spec.unit_column)) if spec.unit_column else None
        samples.append(Sample(moment, {}, value, unit, None if n is None else int(n)))
    if not samples:
        chosen = ", ".join(f"{name}={value}" for name, value in spec.where.items())
        where = f" with {chosen}" if chosen else ""
        return NoData(f"{table.file}: none of {len(table.rows):,} rows{where} lies in the window")
    return Reading(build_frame(samples))


def _match(pattern: re.Pattern[str], cell: object) -> float | None:
    """Return 1 where a cell matches as a whole, 0 where not, and NaN for an empty cell."""
    if cell is None or cell == "":
        return float("nan")
    return 1.0 if pattern.fullmatch(str(cell)) else 0.0


def _read_time(cell: object) -> float | None:
    """Return a time in seconds since 1970, of a number or of ISO 8601 with its offset; None for anything else."""
    if isinstance(cell, datetime):
        return (cell if cell.tzinfo else cell.replace(tzinfo=UTC)).timestamp()
    number = read_number(cell)
    if number is not None:
        return number if number == number and abs(number) < 1e11 else None
    try:
        moment = datetime.fromisoformat(str(cell))
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None
