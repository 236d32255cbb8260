"""The ladder of a release, read from the ledger: what was decided, approved, is fresh, and what is owed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gonogo.errors import UsageError
from gonogo.evidence.bundle import DECISION, MANIFEST, digest_file
from gonogo.evidence.ledger import Entry, Ledger, ledger_location, open_ledger
from gonogo.evidence.ledger.journal import Journal
from gonogo.evidence.trust import Trust
from gonogo.model.attestation import judge_attestation
from gonogo.model.binding import BoundItem
from gonogo.model.environment import Kind
from gonogo.model.outcome import Outcome
from gonogo.model.plan import Stage
from gonogo.model.release_plan import MonitoringItem
from gonogo.release.climb import Ladder, require_ready
from gonogo.release.crew import ever_assigned, find_missing, read_crew
from gonogo.release.decided import Material, judge_material, read_material
from gonogo.release.doings import read_doings
from gonogo.release.duties import Doing, Duty, Event, find_duties
from gonogo.release.recorded import (
    STAGE,
    Recorded,
    describe_rollback,
    entries_into,
    entry_time,
    read_events,
    read_recorded,
    rollbacks,
)
from gonogo.release.standing import Decided, Place, StageRecord, Standing, judge_stage, wanted_activities
from gonogo.run.attested import project_trust
from gonogo.run.checklist_status import applies
from gonogo.sources.project import Project, System
from gonogo.sources.suggest import suggest

__all__ = ["Ladder", "Standing", "counts_on_ladder", "environment_of", "read_ladder", "require_ready"]


def environment_of(stage: Stage, environment: str, kind: Kind) -> str:
    """Return where a stage counts: its own environment, or the one asked for; a sandbox is a ladder of its own."""
    return environment if kind is Kind.SANDBOX or stage.environment is None else stage.environment


def counts_on_ladder(stage: Stage, environment: str, kind: Kind) -> bool:
    """Return whether what is done at a stage in an environment can count for the ladder at all."""
    return environment_of(stage, environment, kind) == environment


def fresh_limit(system: str, stage: Stage, environment: str, trust: Trust | None) -> timedelta | None:
    """Return how old evidence of a stage may be: the shorter of what the plan and the trust file say; None is any."""
    rule = trust.rule_for(system, stage.id, environment) if trust is not None else None
    limits = [rule.fresh_for.evidence] if rule is not None else []
    limits += [timedelta(seconds=stage.fresh_for)] if stage.fresh_for is not None else []
    return min(limits, default=None)


def read_ladder(
    project: Project,
    system: System,
    environment: str,
    release: str | None,
    now: datetime,
    *,
    trust: Trust | None = None,
    ledger: Ledger | None = None,
    build: str | None = None,
    assumed: Mapping[str, Sequence[str]] | None = None,
) -> Ladder:
    """Return the ladder of a release as it stands in an environment and in those of the stages elsewhere.

    `build` is the build that runs there, where somebody looked; `assumed` are people who are about to be assigned to
    roles. Without `trust`, the project's trust file is read; the
    ledger too. Raises `UsageError` for an environment that is not here, `EvidenceError` where ledger or trust file do
    not hold.
    """
    found = system.environments.environments.get(environment)
    if found is None:
        known = suggest(environment, system.environments.environments)
        raise UsageError(f"environment {environment!r} is not here; {known}")
    trust = trust if trust is not None else project_trust(project, now)
    if ledger is None:
        location = ledger_location(project.root, os.environ, project.ledger)
        ledger = open_ledger(location, system.name, for_reading=True)
    place = Place(system.name, environment, found.kind, release, build)
    reader = _Reader(project, system, place, ledger, ledger.entries(), trust, now, assumed or {})
    return reader.read()


@dataclass
class _Reader:
    """Everything that is read once for a ladder."""

    project: Project
    system: System
    place: Place
    ledger: Ledger
    entries: Sequence[Entry]
    trust: Trust | None
    now: datetime
    assumed: Mapping[str, Sequence[str]]

    def read(self) -> Ladder:
        plan, place = self.system.plan, self.place
        bundles = read_recorded(self.entries)
        materials: dict[str, Material] = {}
        standings = []
        for stage in self._in_order():
            where = environment_of(stage, place.environment, place.kind)
            own = [one for one in bundles if (one.stage, one.environment) == (stage.id, where)]
            standings.append(self._standing(stage, where, own, materials))
        by_id = {one.stage.id: one for one in standings}
        crew, notes = read_crew(
            self.entries,
            plan.roles,
            self.trust,
            self.now,
            system=place.system,
            environment=place.environment,
            release=place.release,
        )
        players = ever_assigned(self.entries, self.trust, self.now, system=place.system, environment=place.environment)
        duties, against = self._duties(bundles, players)
        roles = {**crew, **{role: tuple(people) for role, people in self.assumed.items()}}
        back = rollbacks(self.entries, place.environment)
        return Ladder(
            place,
            plan,
            self.now,
            tuple(by_id[stage.id] for stage in plan.stages),
            roles,
            crew,
            players,
            find_missing(plan.roles, roles) if place.needs_people else (),
            self._attested(by_id),
            duties,
            self._leftovers(),
            describe_rollback(back[-1]) if back else "",
            (*notes, *against),
        )

    def _in_order(self) -> list[Stage]:
        """Return the stages so that each comes after those before it on the ladder."""
        plan, ordered = self.system.plan, list[Stage]()
        waiting = list(plan.stages)
        while waiting:
            done = {stage.id for stage in ordered}
            ready = [stage for stage in waiting if set(plan.predecessors(stage.id)) <= done] or waiting[:1]
            ordered += ready
            waiting = [stage for stage in waiting if stage not in ready]
        return ordered

    def _standing(self, stage: Stage, where: str, own: Sequence[Recorded], materials: dict[str, Material]) -> Standing:
        environment = self.system.environments.environments.get(where)
        kind = environment.kind if environment is not None else Kind.PRODUCTION
        back = rollbacks(self.entries, where)
        last_back = back[-1].number if back else 0
        mine = [one for one in own if one.is_of(self.place.release)]
        current = [one for one in mine if one.entry > last_back and one.activity != STAGE]
        decisions = [one for one in mine if one.activity == STAGE]
        decided: Decided | None = None
        if decisions:
            material = self._material(decisions[-1], [one for one in mine if one.activity != STAGE])
            materials[stage.id] = material
            decided = judge_material(
                material, stage, self.trust, self.now, earlier=self._earlier_approved(stage, material, materials)
            )
        entered = [
            one for one in entries_into(self.entries, where, self.place.release, stage.id) if one.number > last_back
        ]
        others = [one for one in own if one.activity == STAGE and not one.is_of(self.place.release)]
        record = StageRecord(
            stage,
            where,
            kind,
            entry_time(entered[-1]) if entered else None,
            decided,
            tuple(dict.fromkeys(one.activity for one in current)),
            wanted_activities(self.system.plan, stage, kind),
            _tell_other(others),
            last_back,
            fresh_limit(self.system.name, stage, where, self.trust),
        )
        return judge_stage(record, self.place, self.now)

    def _material(self, recorded: Recorded, evidence: Sequence[Recorded]) -> Material:
        root = self.project.root / "evidence" / self.system.name
        before = [one.at for one in evidence if one.entry < recorded.entry and one.build == recorded.build]
        return read_material(root, recorded, self.entries, self.trust, self.now, min(before, default=recorded.at))

    def _earlier_approved(self, stage: Stage, material: Material, materials: Mapping[str, Material]) -> bool | None:
        """Return whether the stages before were approved when this one was decided; None where nobody is asked."""
        before = self.system.plan.predecessors(stage.id)
        if not self.place.needs_people or not before:
            return None
        at = material.decided.at
        for name in before:
            earlier = materials.get(name)
            state = earlier.approval(self.trust, at, None) if earlier is not None else None
            if state is None or not state.approved:
                return False
        return True

    def _attested(self, standings: Mapping[str, Standing]) -> dict[str, str]:
        """Return what people answered so far for the manual items that stages wait for, as `STAGE/ITEM`."""
        wanted: list[tuple[Stage, BoundItem]] = []
        for standing in standings.values():
            stage = standing.stage
            lists = [self.system.checklists[name] for name in stage.checklists if name in self.system.checklists]
            items = {item.id: item for one in lists for item in one.items}
            for name in stage.preconditions:
                item = items.get(name)
                if item is not None and item.manual is not None and applies(item, stage.id, standing.record.kind):
                    wanted.append((stage, item))
        if not wanted:
            return {}
        from gonogo.evidence.attachments import attachments_folder
        from gonogo.evidence.attestations import read_attestations

        folder = attachments_folder(self.project.root, self.system.name)
        records = read_attestations(self.entries, folder, self.trust, self.now)
        releases = {name for name in (self.place.release, self.place.build) if name}
        told = {}
        for stage, item in wanted:
            verdict = judge_attestation(
                item,
                records,
                releases=releases,
                environment=standings[stage.id].record.environment,
                needs_signature=self.trust is not None,
                now=self.now,
            )
            told[f"{stage.id}/{item.id}"] = verdict.outcome.name
        return told

    def _duties(
        self, bundles: Sequence[Recorded], players: Mapping[str, Sequence[str]]
    ) -> tuple[tuple[Duty, ...], list[str]]:
        plan, where = self.system.plan, self.place.environment
        events = read_events(self.entries, where, self.place.release, {one.id for one in plan.triggers})
        doings, against = read_doings(
            self.entries, plan, self.trust, self.now, system=self.system.name, environment=where, crew=players
        )
        doings = [*doings, *self._watched(bundles, events)]
        return find_duties(plan, where, events, sorted(doings, key=lambda one: one.at)), against

    def _watched(self, bundles: Sequence[Recorded], events: Sequence[Event]) -> list[Doing]:
        """Return the items of the monitoring list that a watch answered for: its rule was looked at and passed."""
        items = [one for one in self.system.plan.monitoring if one.rule]
        watches = [one for one in bundles if (one.activity, one.environment) == ("watch", self.place.environment)]
        doings = []
        for watch in watches if items and events else []:
            passed = _passed_cases(self.project.root / "evidence" / self.system.name / watch.folder, watch)
            doings += [
                Doing(item.id, event.entry, watch.at, f"watch {watch.run}")
                for item in items
                for event in events
                if item.rule in passed and event.entry < watch.entry and _after(item, event)
            ]
        return doings

    def _leftovers(self) -> tuple[str, ...]:
        """Return what was changed in the flags of these environments and neither kept nor returned."""
        stages = self.system.plan.stages
        places = [environment_of(stage, self.place.environment, self.place.kind) for stage in stages]
        told = []
        for where in dict.fromkeys([self.place.environment, *places]):
            for change in Journal(self.ledger.storage, where).open_changes():
                old, new = json.dumps(change.old), json.dumps(change.new)
                text = f"{change.flag} in {where}: {old} before, {new} written by {change.run} at {change.at}"
                told.append(f"{text}; gonogo restore {self.system.name} --env {where}")
        return tuple(told)


def _after(item: MonitoringItem, event: Event) -> bool:
    return event.occasion is item.after


def _tell_other(others: Sequence[Recorded]) -> str:
    if not others:
        return ""
    last = others[-1]
    build = f" (build {last.build})" if last.build and last.build != last.release else ""
    return f"release {last.release or 'without a name'}{build}"


def _passed_cases(folder: Path, recorded: Recorded) -> set[str]:
    """Return the cases of a bundle that all passed; none where its files are not those of the ledger."""
    try:
        if not recorded.folder or digest_file(folder / MANIFEST)[1] != recorded.manifest_sha256:
            return set()
        record: Any = json.loads((folder / DECISION).read_bytes())
        outcomes = [(str(one["case"]), str(one["outcome"])) for one in record["checks"]]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    bad = {case for case, outcome in outcomes if outcome != Outcome.PASSED.name}
    return {case for case, _ in outcomes} - bad
