"""Gates: thresholds over measurements, as data, and what evaluating one came to."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import Enum, StrEnum
from fractions import Fraction
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema

from gonogo.model.outcome import CheckClass, Outcome
from gonogo.model.vocabulary import Frozen, Name, Word

Number: TypeAlias = Decimal | Fraction | float | int


class Comparison(StrEnum):
    """How the compared quantity must stand to the limit for the gate to pass."""

    BELOW = "below"
    AT_MOST = "at_most"
    ABOVE = "above"
    AT_LEAST = "at_least"
    EQUAL = "equal"
    NOT_EQUAL = "not_equal"


class Direction(StrEnum):
    """Which quantity is compared: the value itself, or how far it moved from the baseline."""

    VALUE = "value"
    RISE = "rise"
    DROP = "drop"
    CHANGE = "change"


class Scale(StrEnum):
    """Whether the quantity is in the metric's own unit or a share of the baseline (a value alone: their ratio)."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"


class Weight(StrEnum):
    """What a breach does: soft waits for a sign-off, recorded only shows that it would have blocked."""

    SAFETY = "safety"
    PRIVACY = "privacy"
    REQUIRED = "required"
    SOFT = "soft"
    RECORDED = "recorded"

    @property
    def cls(self) -> CheckClass:
        """Return the class of the gate's check."""
        if self is Weight.RECORDED:
            return CheckClass.ADVISORY
        return CheckClass.REQUIRED if self is Weight.SOFT else CheckClass(self.value)


class Severity(StrEnum):
    """How bad a breach is for the people who are told of it."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class NoDataPolicy(StrEnum):
    """What no data means; neither of them is a pass."""

    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"


class FlawKind(StrEnum):
    """What is wrong with the data behind a measurement."""

    NO_DATA = "no_data"
    QUERY_FAILED = "query_failed"
    STALE = "stale"
    NOT_A_NUMBER = "not_a_number"
    INFINITE = "infinite"
    GAP = "gap"
    DUPLICATE = "duplicate"
    COUNTER_RESET = "counter_reset"
    UNIT_MISMATCH = "unit_mismatch"


_DURATION = re.compile(r"^([1-9][0-9]{0,6})(ms|s|m|h|d)$")


def parse_duration(value: object) -> object:
    """Return a duration such as `90s`, `5m`, `2h` or `7d` in seconds; anything else than text as it is."""
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value)
    if match is None:
        raise ValueError("not a duration; allowed: a whole number with ms, s, m, h or d, such as 90s or 5m")
    return int(match[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}[match[2]]


def parse_decimal(value: object) -> object:
    """Return a number of a file as the decimal that its writer saw; anything else as it is."""
    if not isinstance(value, int | float | str):
        return value
    try:
        if isinstance(value, bool):
            raise InvalidOperation
        return Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation as error:
        raise ValueError("not a number; allowed: a number such as 0.05") from error


def word_of(kind: type[Enum]) -> Callable[[object], object]:
    """Return a validator that takes the words of an enum as a file has them."""
    known: dict[object, Enum] = {member.value: member for member in kind}
    return lambda value: known.get(value, value) if isinstance(value, str) else value


Duration = Annotated[
    float,
    Field(gt=0, le=366 * 86_400, allow_inf_nan=False),
    BeforeValidator(parse_duration),
    # Editors see what people write: text with a unit, or seconds.
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": _DURATION.pattern}, {"type": "number", "exclusiveMinimum": 0}]}
    ),
]
Limit = Annotated[Decimal, Field(ge=-(10**15), le=10**15, allow_inf_nan=False), BeforeValidator(parse_decimal)]
_TOLERABLE = (FlawKind.GAP, FlawKind.DUPLICATE, FlawKind.COUNTER_RESET, FlawKind.NOT_A_NUMBER, FlawKind.INFINITE)


def _tolerable(value: object) -> object:
    kind = word_of(FlawKind)(value)
    if isinstance(kind, FlawKind) and kind not in _TOLERABLE:
        raise ValueError(f"never tolerated; allowed: {', '.join(sorted(_TOLERABLE))}")
    return kind


Tolerable = Annotated[FlawKind, BeforeValidator(_tolerable)]


class GateSpec(Frozen):
    """One threshold over one metric.

    `window` is in seconds; `baseline` names the metric to compare with, where it is not the metric's own past.
    `min_samples` is the least n that is judged; a count that must be zero fails on the first
    one whatever n is. `tolerate` lists flaws of the data that are only told. With `whole_interval` a gate passes only
    where its whole interval does; where the value passes and its interval does not, there are too few samples.
    """

    id: Name
    metric: Word
    title: Word | None = None
    direction: Annotated[Direction, BeforeValidator(word_of(Direction))] = Direction.VALUE
    scale: Annotated[Scale, BeforeValidator(word_of(Scale))] = Scale.ABSOLUTE
    comparison: Annotated[Comparison, BeforeValidator(word_of(Comparison))]
    limit: Limit
    unit: Word | None = None
    window: Duration | None = None
    baseline: Word | None = None
    min_samples: int = Field(default=1, ge=1, le=10**9)
    weight: Annotated[Weight, BeforeValidator(word_of(Weight))] = Weight.REQUIRED
    severity: Annotated[Severity, BeforeValidator(word_of(Severity))] = Severity.HIGH
    no_data: Annotated[NoDataPolicy, BeforeValidator(word_of(NoDataPolicy))] = NoDataPolicy.INCONCLUSIVE
    tolerate: tuple[Tolerable, ...] = ()
    whole_interval: bool = False

    @property
    def reads(self) -> str:
        """Return the key of the measurement that the gate judges: its metric, and its window where it names one."""
        return measurement_key(self.metric, self.window)

    @property
    def needs_baseline(self) -> bool:
        """Return whether the gate compares with a baseline."""
        return self.direction is not Direction.VALUE or self.scale is Scale.RELATIVE

    @property
    def is_zero_tolerance(self) -> bool:
        """Return whether a single occurrence is a breach: a value that may not exceed zero."""
        plain = not self.needs_baseline and self.limit == 0
        return plain and self.comparison in (Comparison.AT_MOST, Comparison.EQUAL)


def measurement_key(metric: str, window: float | None) -> str:
    """Return the key that a metric measured over a window (seconds) is filed under."""
    return metric if window is None else f"{metric}[{window:g}s]"


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval at a confidence level such as 0.95, with the name of its method."""

    low: float
    high: float
    level: float = 0.95
    method: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the interval as JSON data."""
        return {"low": self.low, "high": self.high, "level": self.level, "method": self.method}


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing wrong with the data behind a measurement."""

    kind: FlawKind
    text: str

    def __str__(self) -> str:
        """Return the flaw as `kind: text`."""
        return f"{self.kind.value}: {self.text}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure with what is known about it; `value` None is no data, `n` None an unknown number of samples."""

    metric: str
    value: Number | None
    n: int | None = None
    interval: Interval | None = None
    unit: str | None = None
    at: datetime | None = None
    source: str = ""
    problems: tuple[Flaw, ...] = ()

    @classmethod
    def missing(cls, metric: str, kind: FlawKind, text: str, source: str = "") -> Measurement:
        """Return a measurement without a value, with the reason why."""
        return cls(metric, None, source=source, problems=(Flaw(kind, text),))


@dataclass(frozen=True, slots=True)
class GateResult:
    """What one gate came to; `compared` is the quantity that was held against the limit, in the limit's terms.

    `would_block` tells of a recorded gate whether it would have blocked if it were required.
    """

    id: str
    outcome: Outcome
    cls: CheckClass
    weight: Weight
    severity: Severity
    value: Number | None
    compared: Number | None
    limit: Decimal
    comparison: Comparison
    n: int | None
    interval: Interval | None
    baseline: Number | None
    unit: str | None
    sentence: str
    reasons: tuple[str, ...] = ()
    would_block: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the result as it stands in `{gates: […]}`."""
        return {
            "id": self.id,
            "outcome": self.outcome.name,
            "class": self.cls.value,
            "weight": self.weight.value,
            "severity": self.severity.value,
            "value": number_json(self.value),
            "compared": number_json(self.compared),
            "limit": number_json(self.limit),
            "comparison": self.comparison.value,
            "n": self.n,
            "interval": self.interval.to_json() if self.interval else None,
            "baseline": number_json(self.baseline),
            "unit": self.unit,
            "sentence": self.sentence,
            "reasons": list(self.reasons),
            "would_block": self.would_block,
        }


def number_json(value: Number | None) -> int | float | str | None:
    """Return a number as JSON has it; what JSON cannot write (NaN, Inf) as text."""
    if value is None or isinstance(value, int):
        return value
    try:
        shown = float(value)
    except (OverflowError, ValueError):
        return str(value)
    if shown != shown or shown in (float("inf"), float("-inf")):
        return repr(shown)
    return int(shown) if shown.is_integer() and abs(shown) < 2**53 else shown
