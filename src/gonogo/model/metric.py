"""Metrics: where a figure comes from and how many samples become one, as data."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from gonogo.model.gate import Duration, GateSpec, word_of
from gonogo.model.vocabulary import Frozen, Name, Word


class SourceKind(StrEnum):
    """What answers a query."""

    PROMETHEUS = "prometheus"
    EXPOSITION = "exposition"
    CLOUDWATCH = "cloudwatch"
    FILE = "file"
    RUN = "run"
    LOCUST = "locust"

    @property
    def is_file(self) -> bool:
        """Return whether the source is read from files."""
        return self in (SourceKind.FILE, SourceKind.RUN, SourceKind.LOCUST)


class Reduce(StrEnum):
    """How the samples of one series become one figure; percentiles are observed values, never interpolated."""

    LAST = "last"
    MAX = "max"
    MIN = "min"
    MEAN = "mean"
    SUM = "sum"
    COUNT = "count"
    INCREASE = "increase"
    P50 = "p50"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"

    @property
    def quantile(self) -> float | None:
        """Return the share of samples at or below the figure, None for what is no percentile."""
        return int(self.value[1:]) / 100 if self.value.startswith("p") else None


class Across(StrEnum):
    """How the figures of several series become one; `only` refuses more than one."""

    ONLY = "only"
    SUM = "sum"
    MAX = "max"
    MIN = "min"


def _check_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return text


Query = Annotated[str, Field(min_length=1, max_length=4000)]
EnvName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")]


class SourceSpec(Frozen):
    """A place that metrics are read from; secrets appear only as names of environment variables.

    `path` is a file or a folder of the project; for an exposition it is a page of the target, such as `/metrics`.
    """

    kind: Annotated[SourceKind, BeforeValidator(word_of(SourceKind))]
    url: Url | None = None
    url_env: EnvName | None = None
    token_env: EnvName | None = None
    path: Word | None = None
    region: Word | None = None
    timeout: Duration = 10.0


class MetricSpec(Frozen):
    """One metric: what to ask its source, and how the samples become one figure.

    `query` is PromQL, the name of a series in an exposition, or `exchanges` or `outcomes` of a run's folder. `n_query`
    counts the samples behind the figure; without it n is the number of data points. `age_query` gives the seconds
    since the newest sample. `column`, `where` and `matches` choose cells of a file; a cell that `matches` counts 1,
    another 0. `divide_by` names a metric over the same window: the figure is a share of that.
    """

    source: Word
    unit: Word | None = None
    reduce: Annotated[Reduce, BeforeValidator(word_of(Reduce))] = Reduce.LAST
    across: Annotated[Across, BeforeValidator(word_of(Across))] = Across.ONLY
    window: Duration | None = None
    step: Duration | None = None
    stale_after: Duration | None = None
    counter: bool = False
    divide_by: Word | None = None
    query: Query | None = None
    n_query: Query | None = None
    age_query: Query | None = None
    labels: dict[Word, Word] = Field(default_factory=dict)
    quantile: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] | None = None
    namespace: Word | None = None
    name: Word | None = None
    dimensions: dict[Word, Word] = Field(default_factory=dict)
    stat: Word | None = None
    column: Word | None = None
    time_column: Word | None = None
    n_column: Word | None = None
    unit_column: Word | None = None
    where: dict[Word, Word] = Field(default_factory=dict)
    matches: Annotated[Word, AfterValidator(_check_pattern)] | None = None


class GatesFile(Frozen):
    """gates.yaml of a system: sources, what is read from them, and the thresholds."""

    system: Name
    sources: dict[Name, SourceSpec] = Field(default_factory=dict)
    metrics: dict[Word, MetricSpec] = Field(default_factory=dict)
    gates: tuple[GateSpec, ...] = Field(min_length=1)
