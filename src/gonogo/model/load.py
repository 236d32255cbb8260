"""Load profiles as data: when messages arrive, what they are, which limits hold, and what that many can prove."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from gonogo.model.gate import Comparison, Duration, GateSpec, Limit, Severity, Weight, word_of
from gonogo.model.outcome import CheckClass, heavier
from gonogo.model.vocabulary import Frozen, Name, Word

_LEVEL = 0.95
MAX_MESSAGES = 10_000_000


class Spacing(StrEnum):
    """How the arrivals of a segment lie in it: at equal distances, or as independent customers come."""

    EVEN = "even"
    POISSON = "poisson"


class SeriesKind(StrEnum):
    """What a series of the metrics page is: a level that rises and falls, or a count that only grows."""

    GAUGE = "gauge"
    COUNTER = "counter"


class Segment(Frozen):
    """So many arrivals over so many seconds, so many times one after the other; a count of 0 is a pause."""

    count: int = Field(ge=0, le=MAX_MESSAGES)
    over: Duration
    times: int = Field(default=1, ge=1, le=1000)


class Arrivals(Frozen):
    """The arrivals of a profile; `redeliver` is the share of them that deliver an earlier event once more."""

    segments: tuple[Segment, ...] = Field(min_length=1)
    spacing: Annotated[Spacing, BeforeValidator(word_of(Spacing))] = Spacing.POISSON
    seed: int = Field(default=1, ge=0, le=2**31)
    redeliver: Annotated[float, Field(ge=0, le=0.5, allow_inf_nan=False)] = 0.0

    @property
    def count(self) -> int:
        """Return how many arrivals there are."""
        return sum(one.count * one.times for one in self.segments)

    @property
    def seconds(self) -> float:
        """Return how long they take, in seconds."""
        return sum(one.over * one.times for one in self.segments)


class Series(Frozen):
    """One series of the target's metrics page; several that match are added up."""

    metric: Word
    labels: dict[Word, Word] = Field(default_factory=dict)
    kind: Annotated[SeriesKind, BeforeValidator(word_of(SeriesKind))] = SeriesKind.GAUGE


class Page(Frozen):
    """The target's own metrics page in Prometheus' text format, read every so many seconds during the load."""

    path: Annotated[str, Field(pattern=r"^/[\x21-\x7e]*$")] = "/metrics"
    every: Duration = 1.0


class LoadLimit(Frozen):
    """One limit on a figure; `min_samples` is derived from the figure and the limit where it is not given."""

    id: Name
    metric: Word
    title: Word | None = None
    comparison: Annotated[Comparison, BeforeValidator(word_of(Comparison))]
    limit: Limit
    min_samples: Annotated[int, Field(ge=1, le=10**9)] | None = None
    weight: Annotated[Weight, BeforeValidator(word_of(Weight))] = Weight.REQUIRED
    severity: Annotated[Severity, BeforeValidator(word_of(Severity))] = Severity.HIGH
    aborts: bool = False


class Generator(Frozen):
    """What the generator must keep, or the load proves nothing.

    `lag_p99` is how late, in seconds, a request may start; `rate_miss` the share of the asked rate that may be missing.
    """

    lag_p99: Duration = 0.1
    rate_miss: Annotated[float, Field(gt=0, le=0.5, allow_inf_nan=False)] = 0.02


class Profile(Frozen):
    """One load: its arrivals, the window to recover in (seconds), limits of its own and the condition it is made under.

    An event counts as late where its decision takes longer than `late_after` seconds. `embedded` are options for an
    embedded sandbox that bring the condition about; `shows` names the least value of figures that shows it was there.
    """

    title: Word
    arrivals: Arrivals
    recovery: Duration
    late_after: Duration = 300.0
    limits: tuple[LoadLimit, ...] = ()
    condition: str = ""
    embedded: tuple[str, ...] = ()
    shows: dict[Word, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(default_factory=dict)


class LoadFile(Frozen):
    """All load profiles of a system, with the limits that hold for each of them.

    `mix` gives intents another weight than the number of their cases.
    """

    system: Word
    page: Page = Page()
    series: dict[Name, Series] = Field(default_factory=dict)
    mix: dict[Word, Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]] = Field(default_factory=dict)
    generator: Generator = Generator()
    limits: tuple[LoadLimit, ...] = ()
    profiles: dict[Name, Profile] = Field(min_length=1)

    def limits_of(self, name: str) -> tuple[LoadLimit, ...]:
        """Return the limits of a profile: its own in the place of those of the file that have the same id."""
        own = {one.id: one for one in self.profiles[name].limits}
        shared = [own.pop(one.id, one) for one in self.limits]
        return (*shared, *own.values())


class FigureKind(StrEnum):
    """What a figure is, by which the samples that a limit needs are derived."""

    QUANTILE = "quantile"
    SHARE = "share"
    COUNT = "count"
    LEVEL = "level"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a load; `quantile` is that of a latency, `scales` says that it shrinks with compressed time."""

    kind: FigureKind
    title: str
    unit: str | None = None
    quantile: float | None = None
    cls: CheckClass = CheckClass.REQUIRED
    scales: bool = False


def _quantiles(name: str, title: str, *, scales: bool) -> dict[str, Figure]:
    return {
        f"{name}_p{number}": Figure(FigureKind.QUANTILE, f"{title} p{number}", "s", number / 100, scales=scales)
        for number in (50, 95, 99)
    }


_SAFETY = CheckClass.SAFETY
FIGURES: dict[str, Figure] = {
    **_quantiles("ack", "acknowledgement", scales=False),
    **_quantiles("end_to_end", "decision after the intended start", scales=True),
    "server_errors": Figure(FigureKind.SHARE, "answers 5xx"),
    "refused": Figure(FigureKind.SHARE, "answers that refuse the message"),
    "unanswered": Figure(FigureKind.SHARE, "requests without an answer"),
    "queue_age_max": Figure(FigureKind.LEVEL, "age of the oldest message", "s", scales=True),
    "queue_depth_max": Figure(FigureKind.LEVEL, "depth of the queue"),
    "recovery": Figure(FigureKind.LEVEL, "time until the queue is empty again", "s", scales=True),
    "lost": Figure(FigureKind.COUNT, "acknowledged messages without a decision"),
    "late": Figure(FigureKind.COUNT, "late decisions"),
    "wrong": Figure(FigureKind.COUNT, "wrong decisions"),
    "duplicates": Figure(FigureKind.COUNT, "events answered more than once", cls=_SAFETY),
    "duplicate_decisions": Figure(FigureKind.COUNT, "events decided more than once"),
    "tier0_replies": Figure(FigureKind.COUNT, "replies to escalations", cls=_SAFETY),
    "forbidden_replies": Figure(FigureKind.COUNT, "replies where none may be", cls=_SAFETY),
}
ALWAYS = ("lost", "duplicates", "tier0_replies", "forbidden_replies")


def figure_of(metric: str) -> Figure:
    """Return what is known of a figure; any other name is a series of the metrics page."""
    return FIGURES.get(metric, Figure(FigureKind.LEVEL, metric.replace("_", " ")))


def class_of(limit: LoadLimit) -> CheckClass:
    """Return the class of a limit's check: what it checks, or what the file raises it to."""
    return heavier(figure_of(limit.metric).cls, limit.weight.cls)


def samples_needed(limit: LoadLimit) -> int:
    """Return the least number of samples with which a limit says something at 95 %.

    A quantile needs so many that one of them lies above it (1 - q^n ≥ 0.95); a share below p so many that none of them
    failing rules p out (exact rule of three, Hanley and Lippman-Hand, JAMA 249, 1983). A count that must be zero is
    told of the messages of this load, each of them: one is enough.
    """
    if limit.min_samples is not None:
        return limit.min_samples
    figure, bound = figure_of(limit.metric), float(limit.limit)
    if figure.quantile is not None:
        return math.ceil(round(math.log(1 - _LEVEL) / math.log(figure.quantile), 9))
    if figure.kind is FigureKind.SHARE and 0 < bound < 1:
        return math.ceil(round(math.log(1 - _LEVEL) / math.log1p(-bound), 9))
    return 1


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether so many messages can prove a limit, and in words what they can or cannot."""

    limit: LoadLimit
    needed: int
    count: int
    provable: bool
    sentence: str


def prove_limit(limit: LoadLimit, count: int) -> Proof:
    """Return what a load of so many messages can say about a limit."""
    needed, figure = samples_needed(limit), figure_of(limit.metric)
    title = limit.title or figure.title
    if count < needed:
        return Proof(limit, needed, count, False, f"{title}: needs {needed:,} samples, this load has {count:,}")
    if figure.kind is FigureKind.COUNT and count:
        rate = -math.expm1(math.log1p(-_LEVEL) / count)
        return Proof(limit, needed, count, True, f"{title}: none among {count:,}; a share above {rate:.2%} would show")
    return Proof(limit, needed, count, True, f"{title}: {needed:,} samples are enough")


def prove_limits(limits: tuple[LoadLimit, ...], count: int) -> tuple[Proof, ...]:
    """Return for each limit what a load of so many messages can say about it."""
    return tuple(prove_limit(limit, count) for limit in limits)


def gate_of(limit: LoadLimit, time_scale: float = 1.0) -> GateSpec:
    """Return the gate of a limit; what is measured in compressed time is limited in compressed time."""
    figure = figure_of(limit.metric)
    bound = limit.limit
    if figure.scales and time_scale != 1:
        bound = bound / Decimal(repr(time_scale))
    title = limit.title or figure.title
    return GateSpec(
        id=limit.id,
        metric=limit.metric,
        title=f"{title} (time x{time_scale:g})" if figure.scales and time_scale != 1 else title,
        comparison=limit.comparison,
        limit=bound,
        unit=figure.unit,
        min_samples=samples_needed(limit),
        weight=limit.weight,
        severity=limit.severity,
    )
