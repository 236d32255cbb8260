"""Frozen bins: numbers become categories by edges that were fixed on the baseline and are kept as JSON."""

from __future__ import annotations

import bisect
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gonogo.errors import GateInputError
from gonogo.gates.exact import show_number

SCHEMA = "gonogo/binning/1"
MISSING, NOT_FINITE = "missing", "not finite"


@dataclass(frozen=True, slots=True)
class Binning:
    """The edges of one column, ascending: bin i holds what is below edge i and not below edge i - 1."""

    column: str
    kind: str
    edges: tuple[float, ...]
    n: int

    def __post_init__(self) -> None:
        """Refuse edges that could not tell anything apart."""
        ascending = all(low < high for low, high in itertools.pairwise(self.edges))
        if not self.edges or not ascending or not all(map(math.isfinite, self.edges)):
            raise GateInputError(f"column {self.column!r}: edges must be finite, ascending and at least one")

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the names of the bins, from low to high."""
        shown = [show_number(edge, full=True) for edge in self.edges]
        middle = (f"{low} to {high}" for low, high in itertools.pairwise(shown))
        return (f"below {shown[0]}", *middle, f"{shown[-1]} and above")

    def count(self, values: Iterable[float | None]) -> dict[str, int]:
        """Return the number of values in every bin; missing ones and ones that are not finite have their own."""
        labels, counts = self.labels, Counter[str]()
        for value in values:
            if value is None or value != value:
                counts[MISSING] += 1
            elif not math.isfinite(value):
                counts[NOT_FINITE] += 1
            else:
                counts[labels[bisect.bisect_right(self.edges, value)]] += 1
        always = dict.fromkeys(labels, 0)
        return always | {name: counts[name] for name in (*labels, MISSING, NOT_FINITE) if counts[name]}

    def to_json(self) -> dict[str, Any]:
        """Return the binning as JSON data."""
        return {"schema": SCHEMA, "column": self.column, "kind": self.kind, "edges": list(self.edges), "n": self.n}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Binning:
        """Return a binning from its JSON; raises `GateInputError` for anything else."""
        edges = data.get("edges")
        usable = isinstance(edges, list) and all(
            isinstance(edge, int | float) and not isinstance(edge, bool) for edge in edges
        )
        if data.get("schema") != SCHEMA or not usable or not isinstance(data.get("column"), str):
            raise GateInputError(f"not a binning; allowed: {{schema: {SCHEMA!r}, column, kind, edges: [numbers], n}}")
        return cls(str(data["column"]), str(data.get("kind", "given")), tuple(map(float, edges or ())), _count(data))


def _count(data: Mapping[str, Any]) -> int:
    n = data.get("n", 0)
    return n if isinstance(n, int) and not isinstance(n, bool) else 0


def quantile_binning(column: str, values: Iterable[float | None], bins: int = 10) -> Binning:
    """Return bins that hold about as many baseline values each; fewer where values repeat.

    A constant baseline gets a bin of its own for that value. Raises `GateInputError` without a finite value.
    """
    finite = _finite(column, values, bins)
    cuts = {finite[min(len(finite) - 1, (index * len(finite)) // bins)] for index in range(1, bins)}
    # An edge at the lowest value would leave the bin below it empty on the baseline, where every share is then ε.
    edges = sorted(cut for cut in cuts if cut > finite[0])
    if not edges:
        edges = _around(finite[0])
    return Binning(column, "quantile", tuple(edges), len(finite))


def width_binning(column: str, values: Iterable[float | None], bins: int = 10) -> Binning:
    """Return bins of equal width over the range of the baseline; a constant baseline gets a bin of its own."""
    finite = _finite(column, values, bins)
    low, high = finite[0], finite[-1]
    edges = sorted({low + (high - low) * index / bins for index in range(1, bins)} - {low}) if high > low else []
    if not edges or not all(map(math.isfinite, edges)):
        edges = _around(low)
    return Binning(column, "width", tuple(edges), len(finite))


def _around(value: float) -> list[float]:
    """Return edges that give one value a bin of its own; above the largest float there is nothing."""
    above = math.nextafter(value, math.inf)
    return [value, above] if math.isfinite(above) else [value]


def _finite(column: str, values: Iterable[float | None], bins: int) -> list[float]:
    if bins < 2:
        raise GateInputError(f"{bins} bins; at least 2 are needed to see anything move")
    finite = sorted(float(value) for value in values if value is not None and math.isfinite(value))
    if not finite:
        raise GateInputError(f"column {column!r} of the baseline holds no finite number; no data has no bins")
    return finite
