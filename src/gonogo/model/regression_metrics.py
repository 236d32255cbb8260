"""What metrics.json holds: the figures of one judgement, exact as counts, so that a later one can compare with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from gonogo.model.vocabulary import Frozen, Word

Count = Annotated[int, Field(ge=0, le=2**53)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Figure = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Between(Frozen):
    """An interval with its level and the name of its method."""

    low: Figure
    high: Figure
    level: Share
    method: Word


class ShareFigure(Frozen):
    """A share of n with its interval; null where there is no data."""

    value: Share | None
    n: Count
    interval: Between | None


class ZeroCount(Frozen):
    """Occurrences that must be none among n; `bound` is the rate that n without one rule out at 95 %, else null."""

    count: Count
    n: Count
    bound: Share | None


class IntentMetrics(Frozen):
    """The figures of one intent."""

    support: Count
    predicted: Count
    hits: Count
    recall: ShareFigure
    precision: ShareFigure
    f1: Share


class SetMetrics(Frozen):
    """The figures of one set of labels."""

    n: Count
    hits: Count
    accuracy: ShareFigure
    macro_f1: Share | None


class LabelsMetrics(Frozen):
    """Which labels were judged; `sha256` is of the file."""

    sha256: Sha256
    n: Count
    sets: dict[Word, Count]
    intents: dict[Word, Count]


class OutputsMetrics(Frozen):
    """Which outputs were judged, and how many of them broke which rule."""

    sha256: Sha256
    n: Count
    invalid: Count
    invalid_rate: ShareFigure
    rules: dict[str, Count]
    without_action: Count


class TokenMetrics(Frozen):
    """Tokens read and written over all decisions, and their mean with its interval."""

    n: Count
    total: Count
    per_decision: Figure
    interval: Between | None


class CostMetrics(Frozen):
    """What 1,000 decisions cost, with its interval and the digest of the prices."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    prices_sha256: Sha256
    per_1000: Figure
    interval: Between | None


class TopError(Frozen):
    """One kind of error: which intent was taken for which, how often, and a few ids."""

    true: Word
    predicted: Word
    count: Count
    tier0: bool
    examples: tuple[Word, ...]


class Statistics(Frozen):
    """What the intervals were made with."""

    seed: int
    resamples: Count
    level: Share


class MetricsFile(Frozen):
    """Everything that metrics.json holds; `confusion` is by set, labelled and predicted intent."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    schema_name: Annotated[Literal["gonogo/regression-metrics/1"], Field(alias="schema")] = (
        "gonogo/regression-metrics/1"
    )
    system: Word
    decision_schema_sha256: Sha256 | None
    labels: LabelsMetrics
    outputs: OutputsMetrics
    accuracy: ShareFigure
    macro_f1: Share | None
    macro_f1_interval: Between | None
    intents: dict[Word, IntentMetrics]
    sets: dict[Word, SetMetrics]
    confusion: dict[Word, dict[Word, dict[Word, Count]]]
    tier0_false_negatives: ZeroCount
    tier0_replies: ZeroCount
    tier0_confused: Count
    tier2_actions: Count
    tier2_violations: ZeroCount
    tier3_violations: ZeroCount
    unknown_other: ShareFigure
    unknown_count: Count
    routing: dict[str, Count]
    tokens: TokenMetrics | None
    cost: CostMetrics | None
    top_errors: tuple[TopError, ...]
    statistics: Statistics

    def matrix(self, name: str | None = None) -> Mapping[tuple[str, str], int]:
        """Return the confusion of one set, or of all together, by labelled and predicted intent."""
        summed: dict[tuple[str, str], int] = {}
        for each, rows in self.confusion.items():
            if name is None or each == name:
                for true, columns in rows.items():
                    for predicted, count in columns.items():
                        summed[true, predicted] = summed.get((true, predicted), 0) + count
        return summed
