"""A waiver: a named person takes responsibility for a required check that failed, for a while."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from gonogo.model.outcome import CheckClass, CheckResult, Outcome, merge_results

WAIVABLE = (Outcome.WARNED, Outcome.FAILED)


class WaiverScope(StrEnum):
    """How far a waiver reaches: one bundle, or every bundle of the same system, stage, environment and release."""

    BUNDLE = "bundle"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class WaiverPlace:
    """Where a decision is made: what a waiver's scope is compared with."""

    system: str
    stage: str
    environment: str
    release: str
    manifests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiver:
    """One required check that is signed off although it failed or warned.

    `outcome` is what the owner saw: a waiver of a warning never covers a failure. `digest` is the signed record's.
    """

    check: str
    outcome: Outcome
    owner: str
    role: str
    reason: str
    scope: WaiverScope
    system: str
    stage: str
    environment: str
    release: str
    manifest_sha256: str
    signed_at: datetime
    expires: datetime
    digest: str = ""

    @property
    def sentence(self) -> str:
        """Return what every output shows of the waiver."""
        until = self.expires.isoformat(timespec="minutes")
        return f"{self.outcome.name} is waived by {self.owner} ({self.role}) until {until}: {self.reason}"


def in_force(waivers: Iterable[Waiver], place: WaiverPlace, now: datetime) -> tuple[Waiver, ...]:
    """Return the waivers whose scope covers a place and that have begun and not expired."""
    return tuple(
        one
        for one in waivers
        if one.signed_at <= now < one.expires
        and (one.system, one.stage, one.environment) == (place.system, place.stage, place.environment)
        and (
            one.manifest_sha256 in place.manifests
            if one.scope is WaiverScope.BUNDLE
            # Without a name two unnamed releases would be one.
            else bool(one.release) and one.release == place.release
        )
    )


def waivable(result: CheckResult) -> bool:
    """Return whether a check may be waived at all: required, and failed or warned."""
    return result.cls is CheckClass.REQUIRED and result.outcome in WAIVABLE


def find_waiver(result: CheckResult, waivers: Sequence[Waiver]) -> Waiver | None:
    """Return the waiver that signs a check off, if one does; of several the one that holds longest."""
    fitting = [one for one in waivers if one.check == result.id and one.outcome >= result.outcome]
    if not waivable(result):
        return None
    return max(fitting, key=lambda one: (one.outcome, one.expires, one.digest), default=None)


def apply_waivers(results: Sequence[CheckResult], waivers: Sequence[Waiver]) -> list[CheckResult]:
    """Return the results with every waived failure as a warning that says who waived it.

    A check's class is the heaviest of its parts, so a part that guards safety keeps the whole check from being waived;
    an error or a gap in another part stays one.
    """
    if not waivers:
        return list(results)
    classes = {result.id: result.cls for result in merge_results(results)}
    changed = []
    for result in results:
        waiver = find_waiver(replace(result, cls=classes[result.id]), waivers)
        if waiver is not None:
            reasons = tuple(dict.fromkeys((*result.reasons, waiver.sentence)))
            result = replace(result, outcome=Outcome.WARNED, reasons=reasons)
        changed.append(result)
    return changed
