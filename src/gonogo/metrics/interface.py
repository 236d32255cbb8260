"""What a source of metrics answers: a tidy frame, no data, or a query that failed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeAlias

from gonogo.extras import import_extra
from gonogo.model.gate import Flaw
from gonogo.model.metric import MetricSpec

COLUMNS = ("time", "labels", "value", "unit", "n")
Frame: TypeAlias = Any  # a pandas.DataFrame; pandas is an optional extra


class Sample(NamedTuple):
    """One data point; `time` is in seconds since 1970 (None where the source has none), `n` the samples behind it."""

    time: float | None
    labels: Mapping[str, str]
    value: float
    unit: str | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A tidy frame (time in UTC, labels as JSON text, value, unit, n), and the flaws that the source itself told.

    `n` is the number of samples behind the whole frame where the source was asked for it.
    """

    frame: Frame
    flaws: tuple[Flaw, ...] = ()
    n: int | None = None


@dataclass(frozen=True, slots=True)
class NoData:
    """The query was answered, and nothing was there."""

    reason: str


@dataclass(frozen=True, slots=True)
class QueryFailed:
    """The query was not answered, or its answer was none."""

    reason: str


Answer: TypeAlias = Reading | NoData | QueryFailed


@dataclass(frozen=True, slots=True)
class Span:
    """The time that a metric is read over, in seconds since 1970; `seconds` None asks for the moment `end`."""

    end: float
    seconds: float | None = None

    @property
    def start(self) -> float:
        """Return the beginning of the span."""
        return self.end - (self.seconds or 0.0)

    @classmethod
    def until(cls, now: datetime, seconds: float | None) -> Span:
        """Return the span that ends now."""
        return cls(now.timestamp(), seconds)


class MetricSource(Protocol):
    """One place that answers queries; it never raises for what the other side does."""

    def read(self, spec: MetricSpec, span: Span) -> Answer:
        """Return what the source holds for a metric over a span."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def label_text(labels: Mapping[str, str]) -> str:
    """Return labels as one text that is the same for the same labels."""
    return json.dumps(dict(sorted(labels.items())), ensure_ascii=False, separators=(",", ":"))


def build_frame(samples: Iterable[Sample]) -> Frame:
    """Return a tidy frame in the order of series and time; nothing is dropped, merged or filled."""
    pd = import_extra("pandas", "gates")
    rows = sorted(
        ((label_text(one.labels), one.time, one.value, one.unit, one.n) for one in samples),
        key=lambda row: (row[0], float("-inf") if row[1] is None else row[1]),
    )
    labels, times, values, units, counts = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    # Whole microseconds, as datetime has them.
    moments = [None if time is None else round(time * 1_000_000) for time in times]
    return pd.DataFrame(
        {
            "time": pd.to_datetime(pd.array(moments, dtype="Int64"), unit="us", utc=True),
            "labels": pd.Series(labels, dtype="object"),
            "value": pd.Series(values, dtype="float64"),
            "unit": pd.Series(units, dtype="object"),
            "n": pd.array(counts, dtype="Int64"),
        },
        columns=list(COLUMNS),
    )
