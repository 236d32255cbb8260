"""What a check came to: one ordered enum, combined with max and never by overwriting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Outcome(IntEnum):
    """The outcome of a check, ordered from best to worst."""

    PASSED = 0
    WARNED = 1
    PENDING = 2
    INCONCLUSIVE = 3
    NOT_RUN = 4
    ERROR = 5
    FAILED = 6


class InconclusiveReason(StrEnum):
    """Why a check that ran says nothing."""

    NOT_OBSERVABLE = "not_observable"
    VACUOUS = "vacuous"
    NO_DATA = "no_data"
    TOO_FEW_SAMPLES = "too_few_samples"
    TARGET_CHANGED = "target_changed"
    STALE = "stale"


class CheckClass(StrEnum):
    """How much a check weighs in the decision, heaviest first."""

    SAFETY = "safety"
    PRIVACY = "privacy"
    REQUIRED = "required"
    ADVISORY = "advisory"


@dataclass(frozen=True, slots=True)
class SourceRef:
    """The place in a file that a check comes from; the file is relative to the project, lines count from 1."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class PlannedCheck:
    """One expectation of a case, written down before anything is sent.

    `part` names one of several observations that the check is made of (a flag state, say); every part must be seen.
    """

    case: str
    check: str
    cls: CheckClass
    source: SourceRef
    part: str = ""

    @property
    def id(self) -> str:
        """Return the id people see, such as `ST-021/template`."""
        return f"{self.case}/{self.check}"

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what makes this observation unique in a run."""
        return (self.case, self.check, self.part)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What judging one check came to, before it is tied to its case."""

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    expected: str = ""
    observed: str = ""

    @classmethod
    def inconclusive(cls, reason: InconclusiveReason, text: str, expected: str = "") -> Verdict:
        """Return an INCONCLUSIVE verdict whose first words are the reason's name."""
        return cls(Outcome.INCONCLUSIVE, (f"{reason.value}: {text}",), expected)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check with all its reasons, what was expected and what was observed."""

    case: str
    check: str
    outcome: Outcome
    cls: CheckClass
    source: SourceRef
    reasons: tuple[str, ...] = ()
    expected: str = ""
    observed: str = ""
    part: str = field(default="")

    @property
    def id(self) -> str:
        """Return the id people see, such as `ST-021/template`."""
        return f"{self.case}/{self.check}"

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what makes this observation unique in a run."""
        return (self.case, self.check, self.part)

    @classmethod
    def of(cls, planned: PlannedCheck, verdict: Verdict) -> CheckResult:
        """Return the result of a planned check."""
        return cls(
            planned.case,
            planned.check,
            verdict.outcome,
            planned.cls,
            planned.source,
            verdict.reasons,
            verdict.expected,
            verdict.observed,
            planned.part,
        )


_WEIGHT = {cls: weight for weight, cls in enumerate(CheckClass)}


def heavier(first: CheckClass, second: CheckClass) -> CheckClass:
    """Return the class that weighs more; sources may raise a class and never lower it."""
    return min(first, second, key=_WEIGHT.__getitem__)


def merge_results(results: Iterable[CheckResult]) -> list[CheckResult]:
    """Return one result per check id: outcomes combined with max, all reasons kept, in order of first sight."""
    merged: dict[str, CheckResult] = {}
    for result in results:
        seen = merged.get(result.id)
        merged[result.id] = result if seen is None else _combine(seen, result)
    return list(merged.values())


def _combine(first: CheckResult, second: CheckResult) -> CheckResult:
    worse = max(first, second, key=lambda result: result.outcome)
    return CheckResult(
        first.case,
        first.check,
        worse.outcome,
        heavier(first.cls, second.cls),
        first.source,
        tuple(dict.fromkeys((*first.reasons, *second.reasons))),
        worse.expected,
        worse.observed,
    )


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the worst outcome, or NOT_RUN for none at all: no outcome is never a success."""
    return max(outcomes, default=Outcome.NOT_RUN)
