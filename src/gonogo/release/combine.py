"""Many bundles of one build → one result for each check; pure.

Failures are data: one that was seen once stays, whatever a later run shows. Of everything else the latest counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gonogo.model.outcome import CheckClass, CheckResult, Outcome, SourceRef, heavier
from gonogo.model.trigger import TriggerState
from gonogo.release.gather import Gathered

# How a run tells that arguments of pytest left a check out while everything else ran to its end.
_LEFT_OUT = "pytest ran to its end (arguments: "


@dataclass(frozen=True, slots=True)
class Told:
    """What one bundle says of a check."""

    bundle: Gathered
    result: CheckResult

    @property
    def is_left_out(self) -> bool:
        """Return whether somebody chose other cases for this run, so that it says nothing of this one."""
        told = self.result
        return told.outcome is Outcome.NOT_RUN and any(_LEFT_OUT in reason for reason in told.reasons)


def combine_results(bundles: Sequence[Gathered], skip: Iterable[str] = ()) -> list[CheckResult]:
    """Return one result for each check of the bundles, in order of first sight; `skip` are cases judged elsewhere.

    `bundles` are those of one build, oldest first. One that does not count brings its failures only.
    """
    left = set(skip)
    told: dict[str, dict[str, list[Told]]] = {}
    for bundle in bundles:
        if bundle.fault or not (bundle.counts or bundle.keeps_failures):
            continue
        for result in bundle.results:
            if result.case in left or not (bundle.counts or result.outcome is Outcome.FAILED):
                continue
            told.setdefault(result.id, {}).setdefault(bundle.series, []).append(Told(bundle, result))
    return [_combine_check([_combine_series(one) for one in series.values()]) for series in told.values()]


def _combine_series(told: Sequence[Told]) -> CheckResult:
    """Return what the bundles of one kind come to for a check: any failure, else what the latest says."""
    cls = told[0].result.cls
    for one in told[1:]:
        cls = heavier(cls, one.result.cls)
    failed = [one for one in told if one.result.outcome is Outcome.FAILED]
    if failed:
        reasons = [f"{one.bundle.run}: {text}" for one in failed for text in one.result.reasons or ("failed",)]
        last = told[-1]
        if last.result.outcome is not Outcome.FAILED:
            reasons.append(f"that {last.bundle.run} shows {last.result.outcome.name} does not take it back")
        return replace(failed[-1].result, cls=cls, reasons=tuple(dict.fromkeys(reasons)), part="")
    ran = [one for one in told if not one.is_left_out]
    last = (ran or list(told))[-1]
    reasons = [f"{last.bundle.run}: {text}" for text in last.result.reasons]
    return replace(last.result, cls=cls, reasons=tuple(reasons), part="")


def _combine_check(results: Sequence[CheckResult]) -> CheckResult:
    """Return the worst of what different kinds of evidence say of a check, with all reasons."""
    found = max(results, key=lambda one: one.outcome)
    cls = found.cls
    for one in results:
        cls = heavier(cls, one.cls)
    reasons = tuple(dict.fromkeys(text for one in results for text in one.reasons))
    return replace(found, cls=cls, reasons=reasons)


def combine_triggers(bundles: Sequence[Gathered]) -> tuple[TriggerState, ...]:
    """Return one state for each trigger: an immediate one that fired stays fired, of the others the latest counts."""
    latest: dict[str, TriggerState] = {}
    for bundle in bundles:
        if bundle.fault or not (bundle.counts or bundle.keeps_failures):
            continue
        for state in bundle.triggers:
            before = latest.get(state.id)
            stays = before is not None and before.fired and before.kind == "immediate"
            if not stays and (bundle.counts or (state.fired and state.kind == "immediate")):
                latest[state.id] = state
    return tuple(latest.values())


def judge_bundles(bundles: Sequence[Gathered], source: SourceRef) -> list[CheckResult]:
    """Return a check for each bundle that was gathered: whether it verifies and is here."""
    return [
        CheckResult(
            f"BUNDLE-{one.run}",
            "verifies",
            Outcome.ERROR if one.fault else Outcome.PASSED,
            CheckClass.REQUIRED,
            source,
            (f"{one.recorded.activity} {one.run}: {one.fault}",) if one.fault else (),
            "the bundle is here and verifies",
            one.fault or f"entry {one.recorded.entry} of the ledger, {one.recorded.decision.replace('_', '-')}",
        )
        for one in bundles
    ]


def override(results: Sequence[CheckResult], judged: Sequence[CheckResult]) -> list[CheckResult]:
    """Return results in which what was judged for the stage as a whole takes the place of what single runs said."""
    classes: Mapping[str, CheckClass] = {one.id: one.cls for one in results}
    anew = {one.id: replace(one, cls=heavier(one.cls, classes.get(one.id, one.cls))) for one in judged}
    return [*(one for one in results if one.id not in anew), *anew.values()]
