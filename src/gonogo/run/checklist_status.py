"""How far a system's checklists have come: what runs answered, what people answered, and what is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gonogo.errors import UsageError
from gonogo.evidence.trust import Trust
from gonogo.model.attestation import Attestation, judge_attestation
from gonogo.model.binding import BoundChecklist, BoundItem
from gonogo.model.environment import Kind
from gonogo.model.outcome import InconclusiveReason, Outcome, Verdict, worst
from gonogo.run.attested import read_project_attestations
from gonogo.run.attesting import Place, read_decisions
from gonogo.sources.project import Project, System
from gonogo.sources.suggest import suggest


@dataclass(frozen=True, slots=True)
class ItemStatus:
    """Where one item stands; `state` is passed, failed, pending, stale, not run or not asked."""

    item: BoundItem
    state: str
    verdict: Verdict
    by: str = ""


@dataclass(frozen=True, slots=True)
class ListStatus:
    """Where one list stands."""

    checklist: BoundChecklist
    items: tuple[ItemStatus, ...]

    def count(self, state: str) -> int:
        """Return the number of items in a state."""
        return sum(one.state == state for one in self.items)

    @property
    def automated(self) -> int:
        """Return the number of items that a run answers for."""
        return sum(one.item.is_automated for one in self.items)

    @property
    def asked(self) -> int:
        """Return the number of items that somebody or something must answer for."""
        return len(self.items) - self.count("not asked")

    @property
    def by(self) -> tuple[str, ...]:
        """Return who answered, each once."""
        return tuple(dict.fromkeys(one.by for one in self.items if one.by))


def find_open(
    project: Project, system: System, place: Place, stage: str | None, trust: Trust | None, now: datetime
) -> list[tuple[BoundItem, tuple[str, ...]]]:
    """Return the items that wait for a person, each with its reasons, in the order of the lists."""
    records = read_project_attestations(project, system.name, trust, now)
    kind = system.environments.environments[place.environment].kind
    found = []
    for checklist in lists_of(system, stage):
        for item in checklist.items:
            if item.manual is None or not applies(item, stage, kind):
                continue
            verdict = _judge(item, records, place, trust, now)
            if verdict.outcome is not Outcome.PASSED:
                found.append((item, verdict.reasons))
    return found


def read_status(
    project: Project, system: System, place: Place, stage: str, trust: Trust | None, now: datetime
) -> list[ListStatus]:
    """Return where every list of a stage stands; what a run answers for comes from the stage's last run there."""
    records = read_project_attestations(project, system.name, trust, now)
    outcomes = _last_outcomes(project, system.name, stage, place.environment)
    kind = system.environments.environments[place.environment].kind
    return [
        ListStatus(
            checklist,
            tuple(_status(item, records, outcomes, place, (stage, kind), trust, now) for item in checklist.items),
        )
        for checklist in lists_of(system, stage)
    ]


def lists_of(system: System, stage: str | None) -> list[BoundChecklist]:
    """Return the lists that a stage names, or all of the plan."""
    if stage is None:
        return list(system.checklists.values())
    chosen = system.plan.by_id.get(stage)
    if chosen is None:
        raise UsageError(f"stage {stage!r} is not in the plan; {suggest(stage, system.plan.by_id)}")
    return [system.checklists[name] for name in chosen.checklists]


def applies(item: BoundItem, stage: str | None, kind: Kind) -> bool:
    """Return whether somebody is asked about an item at a stage, in an environment of a kind."""
    manual = item.manual
    if manual is None:
        return True
    at_stage = stage is None or not manual.applies or stage in manual.applies
    return at_stage and (not manual.kinds or kind in manual.kinds)


def _judge(
    item: BoundItem, records: tuple[Attestation, ...], place: Place, trust: Trust | None, now: datetime
) -> Verdict:
    return judge_attestation(
        item,
        records,
        releases={place.release, place.build},
        environment=place.environment,
        needs_signature=trust is not None,
        now=now,
    )


def _status(
    item: BoundItem,
    records: tuple[Attestation, ...],
    outcomes: Mapping[str, Outcome],
    place: Place,
    asked_at: tuple[str, Kind],
    trust: Trust | None,
    now: datetime,
) -> ItemStatus:
    if item.not_asked or not applies(item, *asked_at):
        return ItemStatus(item, "not asked", Verdict(Outcome.NOT_RUN, (item.not_asked or "not asked here",)))
    if item.is_automated:
        outcome = outcomes.get(item.id)
        if outcome is None:
            return ItemStatus(item, "not run", Verdict(Outcome.NOT_RUN, ("no run of this stage answered for it",)))
        state = {Outcome.PASSED: "passed", Outcome.FAILED: "failed"}.get(outcome, "pending")
        return ItemStatus(item, state, Verdict(outcome), "run")
    verdict = _judge(item, records, place, trust, now)
    by = next((one.name for one in reversed(records) if one.item == item.id), "")
    if verdict.outcome is Outcome.PASSED:
        return ItemStatus(item, "passed", verdict, by)
    if verdict.outcome is Outcome.FAILED:
        return ItemStatus(item, "failed", verdict, by)
    stale = any(reason.startswith(InconclusiveReason.STALE) for reason in verdict.reasons)
    return ItemStatus(item, "stale" if stale else "pending", verdict, by if stale else "")


def _last_outcomes(project: Project, system: str, stage: str, environment: str) -> dict[str, Outcome]:
    """Return the worst outcome of every case in the last run of a stage in an environment; empty without one."""
    for record in read_decisions(project, system):
        if record.get("stage") == stage and record.get("environment") == environment:
            cases: dict[str, list[Outcome]] = {}
            for check in record.get("checks", []):
                cases.setdefault(str(check["case"]), []).append(Outcome[check["outcome"]])
            return {case: worst(found) for case, found in cases.items()}
    return {}
