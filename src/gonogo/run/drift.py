"""Two files of rows → the drift of each column, by tenant where asked."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gonogo.errors import GateInputError, Problem, SourceError, UsageError
from gonogo.gates.binning import MISSING, Binning, quantile_binning, width_binning
from gonogo.gates.drift import Drift, measure_drift
from gonogo.metrics.interface import QueryFailed
from gonogo.metrics.tables import Table, read_number, read_table
from gonogo.model.drift_file import DriftFile
from gonogo.sources.suggest import suggest


@dataclass(frozen=True, slots=True)
class DriftRequest:
    """Which columns to compare and how; without any, the file's only column of categories is meant."""

    columns: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    bins: int = 10
    equal_width: bool = False
    tenant: str | None = None
    tenant_column: str | None = None
    seed: int = 0
    frozen: tuple[Path, ...] = ()


def measure_files(
    baseline: Path, current: Path, request: DriftRequest, thresholds: DriftFile
) -> tuple[list[Drift], list[Binning]]:
    """Return the drift of every column and the bins used; raises `SourceError` or `UsageError` for unusable input."""
    tables = [_read(path) for path in (baseline, current)]
    wanted = _columns(tables, request)
    frozen = {one.column: one for one in map(_read_binning, request.frozen)}
    unused = sorted(set(frozen) - set(request.numbers))
    if unused:
        raise UsageError(f"frozen bins of {unused[0]!r}, which is no --number; add --number {unused[0]}")
    before, after = tables
    bins = {name: frozen.get(name) or _bin(before, name, request) for name in request.numbers}
    if request.tenant is not None and request.tenant not in thresholds.tenants:
        raise UsageError(f"tenant {request.tenant!r} has no thresholds; {suggest(request.tenant, thresholds.tenants)}")
    found = []
    for tenant, old, new in _split(before, after, request):
        for name in wanted:
            counts = [_count(table, rows, name, bins.get(name)) for table, rows in ((before, old), (after, new))]
            label = name if request.tenant_column is None else f"{name}.{tenant}"
            limits = thresholds.of_tenant(request.tenant if request.tenant_column is None else tenant)
            found.append(measure_drift(label, *counts, seed=request.seed, thresholds=limits))
    return found, list(bins.values())


def _read(path: Path) -> Table:
    table = read_table(path, str(path))
    if isinstance(table, QueryFailed):
        found = re.fullmatch(r"(?::(?P<line>\d+))?: (?P<text>.*)", table.reason.removeprefix(str(path)), re.DOTALL)
        line, text = (int(found["line"] or 0), found["text"]) if found else (0, table.reason)
        raise SourceError([Problem(str(path), line, "", f"{text}.")], "Nothing was judged.")
    return table


def _columns(tables: Sequence[Table], request: DriftRequest) -> tuple[str, ...]:
    wanted = (*request.columns, *request.numbers)
    for name in wanted:
        if wanted.count(name) > 1:
            raise UsageError(f"column {name!r} is named twice")
    if not wanted:
        listed = [name for name in tables[0].columns if name != request.tenant_column]
        if len(listed) != 1:
            raise UsageError(f"no column is named; the baseline has {', '.join(listed) or 'none'}", "Add --column.")
        wanted = (listed[0],)
    also = (request.tenant_column,) if request.tenant_column is not None else ()
    for table in tables:
        for name in (*wanted, *also):
            # A file without rows is no data, and says so; a file of other columns is a mistake.
            if name not in table.columns and (table.rows or table.columns):
                raise UsageError(f"{table.file} has no column {name!r}; {suggest(name, table.columns)}")
    return wanted


def _read_binning(path: Path) -> Binning:
    try:
        data = json.loads(path.read_bytes())
        if not isinstance(data, dict):
            raise GateInputError("not an object")
        return Binning.from_json(data)
    except OSError as error:
        raise SourceError([Problem(str(path), 0, "", f"cannot be read: {error.strerror or error}.")]) from error
    except GateInputError as error:
        raise SourceError([Problem(str(path), 0, "", f"{error.message}.")]) from error
    except (ValueError, RecursionError) as error:
        raise SourceError([Problem(str(path), 0, "", f"not JSON: {error}.")]) from error


def _bin(table: Table, name: str, request: DriftRequest) -> Binning:
    values = _numbers(table, range(len(table.rows)), name)
    return (width_binning if request.equal_width else quantile_binning)(name, values, request.bins)


def _numbers(table: Table, rows: Sequence[int], name: str) -> list[float]:
    values, problems = [], []
    for index in rows:
        value = read_number(table.rows[index].get(name))
        if value is None:
            text = f"{str(table.rows[index].get(name))[:80]!r} is no number."
            problems.append(Problem(table.file, table.lines[index], name, text))
            continue
        values.append(value)
    if problems:
        raise SourceError(problems[:100], "Nothing was judged. Name it with --column if it holds categories.")
    return values


def _split(before: Table, after: Table, request: DriftRequest) -> Iterator[tuple[str, Sequence[int], Sequence[int]]]:
    """Yield the rows of each tenant on both sides; a tenant of one side alone is judged too: it has no data there."""
    column = request.tenant_column
    if column is None:
        yield "", range(len(before.rows)), range(len(after.rows))
        return
    sides = []
    for table in (before, after):
        rows: dict[str, list[int]] = {}
        for index, row in enumerate(table.rows):
            rows.setdefault(_category(row.get(column)), []).append(index)
        sides.append(rows)
    for tenant in sorted({*sides[0], *sides[1]}):
        if request.tenant in (None, tenant):
            yield tenant, sides[0].get(tenant, []), sides[1].get(tenant, [])


def _count(table: Table, rows: Sequence[int], name: str, binning: Binning | None) -> dict[str, int]:
    if binning is not None:
        return binning.count(_numbers(table, rows, name))
    return dict(Counter(_category(table.rows[index].get(name)) for index in rows))


def _category(cell: object) -> str:
    """Return the name of a category; a cell without anything is a category of its own."""
    if cell is None or cell == "":
        return MISSING
    return str(cell).lower() if isinstance(cell, bool) else str(cell)
