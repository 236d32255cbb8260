"""A canary rollout as data: phases, windows, and what may get worse by how much against the old version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from gonogo.model.canary_probe import CanaryProbe
from gonogo.model.gate import Direction, Duration, Limit, Scale, word_of
from gonogo.model.vocabulary import Frozen, Name, Word


class Statistic(StrEnum):
    """What is compared of a field: the share of true values, the mean, or a percentile."""

    SHARE = "share"
    MEAN = "mean"
    P50 = "p50"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"

    @property
    def quantile(self) -> float | None:
        """Return the quantile of a percentile, None for the others."""
        return int(self.value[1:]) / 100 if self.value[0] == "p" else None


class StickyKey(StrEnum):
    """Which id always gets the same version: what the plan promises, and what is tested."""

    REQUEST = "request_id"
    USER = "user_id"
    NONE = "none"


class Result(StrEnum):
    """What becomes of the rollout."""

    PROMOTE = "promote"
    HOLD = "hold"
    ABORT = "abort"


class Criterion(Frozen):
    """One figure that may get worse by at most `limit`; the new version against the old one's concurrent traffic."""

    id: Name
    field: Word
    statistic: Annotated[Statistic, BeforeValidator(word_of(Statistic))]
    direction: Annotated[Direction, BeforeValidator(word_of(Direction))]
    scale: Annotated[Scale, BeforeValidator(word_of(Scale))] = Scale.ABSOLUTE
    limit: Limit
    min_samples: int = Field(default=50, ge=2, le=10**9)


class Phase(Frozen):
    """One phase: the new version's share of the traffic, and the length of a window in seconds."""

    share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
    window: Duration = 3600.0


DEFAULT_PHASES = (Phase(share=0.1), Phase(share=0.5), Phase(share=1.0))


def _criterion(name: str, field: str, statistic: str, direction: str, scale: str, limit: str) -> Criterion:
    return Criterion.model_validate(
        {"id": name, "field": field, "statistic": statistic, "direction": direction, "scale": scale, "limit": limit}
    )


DEFAULT_CRITERIA = (
    _criterion("accuracy", "correct", "share", "drop", "absolute", "0.05"),
    _criterion("p95", "latency_ms", "p95", "rise", "relative", "0.20"),
    _criterion("cost", "cost", "mean", "rise", "relative", "0.30"),
    _criterion("errors", "error", "share", "rise", "absolute", "0.01"),
)


class CanaryPlan(Frozen):
    """A rollout; `level` bounds the chance of aborting a good version, `windows` the looks of one phase.

    `coverage` is the share of a window that the samples of either version must span.
    """

    system: Name
    old: Word
    new: Word
    key: Annotated[StickyKey, BeforeValidator(word_of(StickyKey))] = StickyKey.REQUEST
    phases: tuple[Phase, ...] = Field(default=DEFAULT_PHASES, min_length=1)
    criteria: tuple[Criterion, ...] = Field(default=DEFAULT_CRITERIA, min_length=1)
    windows: int = Field(default=3, ge=1, le=100)
    level: Annotated[float, Field(gt=0, lt=0.5, allow_inf_nan=False)] = 0.05
    power: Annotated[float, Field(ge=0.5, lt=1, allow_inf_nan=False)] = 0.95
    coverage: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.8
    probe: CanaryProbe | None = None

    @property
    def judged_phases(self) -> tuple[Phase, ...]:
        """Return the phases with concurrent traffic of the old version; at a share of 1 there is none."""
        return tuple(phase for phase in self.phases if phase.share < 1)


@dataclass(frozen=True, slots=True)
class Side:
    """The samples of one version in the windows so far: times in seconds since the epoch, and values by field.

    `values` are arrays without what is missing; `keys` are the distinct ids of the plan's key.
    """

    times: Any
    values: Mapping[str, Any]
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Look:
    """Everything seen up to the end of one window; `start` and `end` are of that last window.

    `moved` counts keys that got both versions, `repeated` those that were seen at least twice.
    """

    number: int
    start: float
    end: float
    new: Side
    old: Side
    repeated: int = 0
    moved: int = 0
