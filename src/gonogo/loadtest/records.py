"""The records of all workers, merged exactly: one row a request, in the order of the schedule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from gonogo.extras import import_extra
from gonogo.loadtest.generator.recording import RECORD
from gonogo.loadtest.order import WorkerNote

Array: TypeAlias = Any  # a numpy.ndarray; numpy is an optional extra
_FIELDS = [("arrival", "<u4"), ("lag", "<u4"), ("latency", "<u4"), ("status", "<u2"), ("error", "<u2")]


@dataclass(frozen=True, slots=True)
class Records:
    """What was recorded of every request: `rows` has arrival, lag and latency (µs), status and error.

    `repeated` counts records of an arrival that was recorded before: each is sent once.
    """

    rows: Array
    notes: tuple[WorkerNote, ...]
    repeated: int = 0

    def __len__(self) -> int:
        """Return how many requests were recorded."""
        return len(self.rows)


def read_records(folder: Path) -> Records:
    """Return the merged records of a folder; a file that a killed worker left cut off keeps its whole records."""
    parts = [parse_records(path.read_bytes()) for path in sorted(folder.glob("records-*.bin"))]
    notes = [WorkerNote.from_json(path.read_text("utf-8")) for path in sorted(folder.glob("worker-*.json"))]
    return merge_records(parts, notes)


def parse_records(data: bytes) -> Array:
    """Return the rows of a record file, up to the last whole one."""
    np = import_extra("numpy", "load")
    return np.frombuffer(data[: len(data) - len(data) % RECORD.size], dtype=_FIELDS)


def merge_records(parts: Iterable[Array], notes: Iterable[WorkerNote]) -> Records:
    """Return the rows of all workers in the order of the schedule, each arrival once."""
    np = import_extra("numpy", "load")
    rows = np.concatenate([np.empty(0, dtype=_FIELDS), *parts])
    rows = rows[np.argsort(rows["arrival"], kind="stable")]
    first = np.ones(len(rows), dtype=bool)
    first[1:] = rows["arrival"][1:] != rows["arrival"][:-1]
    return Records(rows[first], tuple(notes), int(len(rows) - first.sum()))


def quantile(values: Array, share: float) -> float:
    """Return the value that `share` of all values do not exceed: one of them, never between two.

    Raises `ValueError` for no values. Source: the inverse of the empirical distribution (Hyndman and Fan, Sample
    Quantiles in Statistical Packages, 1996, type 1).
    """
    np = import_extra("numpy", "load")
    if len(values) == 0:
        raise ValueError("no values have no quantile")
    return float(np.quantile(values, share, method="inverted_cdf"))


def histogram(values: Array) -> list[tuple[int, int]]:
    """Return every value with how often it was seen, smallest first."""
    np = import_extra("numpy", "load")
    found, counts = np.unique(values, return_counts=True)
    return list(zip(found.tolist(), counts.tolist(), strict=True))
