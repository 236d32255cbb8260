"""The decision: pure, total and deterministic, with the deciding checks named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gonogo.model.outcome import CheckClass, CheckResult, Outcome, merge_results
from gonogo.model.trigger import TriggerState
from gonogo.model.waiver import Waiver, apply_waivers, find_waiver

_GRAVE = frozenset({CheckClass.SAFETY, CheckClass.PRIVACY})


class Verb(StrEnum):
    """What the release may do next."""

    GO = "GO"
    HOLD = "HOLD"
    NO_GO = "NO_GO"


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision over a set of checks; `deciding` holds ids of checks, heaviest first, and is empty for GO.

    `reasons` has a sentence for each of them, and after those one for each waiver that took effect.
    """

    verb: Verb
    deciding: tuple[str, ...]
    reasons: tuple[str, ...]
    counts: dict[str, int]


def decide(
    results: Sequence[CheckResult], *, waivers: Sequence[Waiver] = (), triggers: Sequence[TriggerState] = ()
) -> Decision:
    """Return GO, HOLD or NO_GO for the results of every planned check.

    A failed check that is not advisory makes NO_GO, and so does an immediate trigger that fired. A trigger that asks
    for an evaluation holds; so does any check that is not advisory and not passed, and a set in which no required
    check passed at all: nothing observed is never a GO. A warning needs a sign-off, which is not part of the results,
    so it holds.
    `waivers` are those in force for these results: each turns a failed or warned required check into one that is signed
    off. They touch no safety or privacy check, and nothing that was not observed.
    """
    merged = merge_results(apply_waivers(results, waivers))
    signed_off = {result.id: waiver for result in merged if (waiver := find_waiver(result, waivers)) is not None}
    waived = tuple(f"{check}: {waiver.sentence}" for check, waiver in signed_off.items())
    counts = Counter(result.outcome.name for result in merged)
    ordered = {outcome.name: counts[outcome.name] for outcome in Outcome if counts[outcome.name]}
    binding = [result for result in merged if result.cls is not CheckClass.ADVISORY]
    failed = [result for result in binding if result.outcome is Outcome.FAILED]
    fired = [trigger for trigger in triggers if trigger.fired]
    at_once = [trigger for trigger in fired if trigger.kind == "immediate"]
    if failed or at_once:
        deciding = (*(one.check for one in at_once), *_ids(failed))
        return Decision(Verb.NO_GO, deciding, (*_why(at_once), *_reasons(failed), *waived), ordered)
    open_checks = [result for result in binding if result.outcome is not Outcome.PASSED and result.id not in signed_off]
    if open_checks or fired:
        deciding = (*(one.check for one in fired), *_ids(open_checks))
        return Decision(Verb.HOLD, deciding, (*_why(fired), *_reasons(open_checks), *waived), ordered)
    if not any(result.cls is CheckClass.REQUIRED and result.outcome is Outcome.PASSED for result in binding):
        nothing = "no required check passed: nothing that was observed allows a GO"
        return Decision(Verb.HOLD, (), (nothing, *waived), ordered)
    return Decision(Verb.GO, (), waived, ordered)


def _why(triggers: Sequence[TriggerState]) -> tuple[str, ...]:
    return tuple(f"{one.check}: {'; '.join(one.reasons) or 'no reason was recorded'}" for one in triggers)


def _ids(results: Sequence[CheckResult]) -> tuple[str, ...]:
    return tuple(result.id for result in _by_weight(results))


def _reasons(results: Sequence[CheckResult]) -> tuple[str, ...]:
    return tuple(f"{result.id}: {'; '.join(result.reasons) or result.outcome.name}" for result in _by_weight(results))


def _by_weight(results: Sequence[CheckResult]) -> list[CheckResult]:
    """Return the results, safety and privacy first, worst first, else in the order of the plan."""
    return sorted(results, key=lambda result: (result.cls not in _GRAVE, -result.outcome))
