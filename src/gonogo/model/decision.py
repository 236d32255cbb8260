"""The decision: pure, total and deterministic, with the deciding checks named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gonogo.model.outcome import CheckClass, CheckResult, Outcome, merge_results

_GRAVE = frozenset({CheckClass.SAFETY, CheckClass.PRIVACY})


class Verb(StrEnum):
    """What the release may do next."""

    GO = "GO"
    HOLD = "HOLD"
    NO_GO = "NO_GO"


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision over a set of checks; `deciding` holds ids of checks, heaviest first, and is empty for GO."""

    verb: Verb
    deciding: tuple[str, ...]
    reasons: tuple[str, ...]
    counts: dict[str, int]


def decide(results: Sequence[CheckResult]) -> Decision:
    """Return GO, HOLD or NO_GO for the results of every planned check.

    A failed check that is not advisory makes NO_GO. Any check that is not advisory and not passed makes HOLD, and so
    does a set in which no required check passed at all: nothing observed is never a GO. A warning needs a sign-off,
    which is not part of the results, so it holds.
    """
    merged = merge_results(results)
    counts = Counter(result.outcome.name for result in merged)
    ordered = {outcome.name: counts[outcome.name] for outcome in Outcome if counts[outcome.name]}
    binding = [result for result in merged if result.cls is not CheckClass.ADVISORY]
    failed = [result for result in binding if result.outcome is Outcome.FAILED]
    if failed:
        return Decision(Verb.NO_GO, _ids(failed), _reasons(failed), ordered)
    open_checks = [result for result in binding if result.outcome is not Outcome.PASSED]
    if open_checks:
        return Decision(Verb.HOLD, _ids(open_checks), _reasons(open_checks), ordered)
    if not any(result.cls is CheckClass.REQUIRED for result in binding):
        return Decision(Verb.HOLD, (), ("no required check passed: nothing that was observed allows a GO",), ordered)
    return Decision(Verb.GO, (), (), ordered)


def _ids(results: Sequence[CheckResult]) -> tuple[str, ...]:
    return tuple(result.id for result in _by_weight(results))


def _reasons(results: Sequence[CheckResult]) -> tuple[str, ...]:
    return tuple(f"{result.id}: {'; '.join(result.reasons) or result.outcome.name}" for result in _by_weight(results))


def _by_weight(results: Sequence[CheckResult]) -> list[CheckResult]:
    """Return the results, safety and privacy first, worst first, else in the order of the plan."""
    return sorted(results, key=lambda result: (result.cls not in _GRAVE, -result.outcome))
