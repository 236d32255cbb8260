"""A stage's decision: everything that is recorded for one build, gathered into one bundle. Sends nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.errors import EvidenceError, UsageError
from gonogo.evidence.approval_record import WaiverRecord
from gonogo.evidence.attachments import attachments_folder
from gonogo.evidence.attestations import read_attestations
from gonogo.evidence.bundle import PLAN
from gonogo.evidence.carried import GATHERED, carry_waivers
from gonogo.evidence.dsse import Envelope
from gonogo.evidence.ledger import Entry, ledger_location, open_ledger
from gonogo.evidence.ledger.entries import Kind as EntryKind
from gonogo.evidence.seal import UNSIGNED
from gonogo.evidence.verify.result import Terms, verify_bundle
from gonogo.model.decision import Decision
from gonogo.model.environment import Environment, Kind
from gonogo.model.outcome import CheckClass, CheckResult, Outcome, PlannedCheck, SourceRef
from gonogo.model.plan import Stage
from gonogo.model.trigger import TriggerState
from gonogo.model.watch import SOAK_CASE
from gonogo.release.combine import combine_results, combine_triggers, judge_bundles, override
from gonogo.release.crew import find_missing, read_crew
from gonogo.release.gather import Gathering, Question, gather_bundles
from gonogo.release.ladder import counts_on_ladder, fresh_limit
from gonogo.release.recorded import STAGE, read_recorded
from gonogo.release.required import Asked, judge_manual, judge_required
from gonogo.release.standing import Place
from gonogo.run.activity import Activity, ActivityReport, begin_activity, conclude_activity
from gonogo.run.attested import project_trust
from gonogo.run.conclude import write_json
from gonogo.run.orchestrate import new_run_id
from gonogo.run.sealing import prepare_sealer
from gonogo.sources.project import Project, System
from gonogo.sources.suggest import suggest
from gonogo.sources.yaml_file import read_yaml

SCHEMA = "gonogo/gathered/1"


@dataclass(frozen=True, slots=True)
class DecideRequest:
    """What is to be decided, by whom, and where bundles lie that are not under evidence/."""

    system: str
    stage: str
    environment: str
    release: str
    environments: Path | None = None
    elsewhere: tuple[Path, ...] = ()
    run_by: str | None = None
    deployed_by: tuple[str, ...] = ()
    key_name: str | None = None


@dataclass(frozen=True, slots=True)
class StageReport:
    """What deciding came to: the sealed report, what was gathered, and what a person does next.

    `decision` takes the waivers in force, which the sealed one does not.
    """

    report: ActivityReport
    decision: Decision
    gathering: Gathering
    missing: tuple[str, ...]
    next_command: str


@dataclass(frozen=True, slots=True)
class Judged:
    """Everything that a stage's decision rests on, before it is written down."""

    gathering: Gathering
    results: tuple[CheckResult, ...]
    triggers: tuple[TriggerState, ...]
    asked: tuple[Asked, ...]
    notes: tuple[str, ...] = ()
    attested: tuple[int, ...] = ()
    crew: dict[str, tuple[str, ...]] = field(default_factory=dict)
    waivers: tuple[Envelope, ...] = ()


def decide_stage(project: Project, request: DecideRequest) -> StageReport:
    """Decide a stage over what is recorded of it, seal the decision, and enter it in the ledger.

    Raises `UsageError` for a stage or environment that is not here and where nothing at all is recorded,
    `EvidenceError` where the ledger or the trust file does not hold.
    """
    started = datetime.now(UTC)
    system = project.load_system(request.system, environments=request.environments)
    stage, environment = _find(system, request)
    # The key and the ledger are looked at before anything is written.
    sealer = prepare_sealer(project, request.system, request.key_name)
    judged = judge_stage_evidence(project, system, stage, environment, request, started)
    gathering, run_id = judged.gathering, new_run_id()
    activity = Activity(
        kind="stage",
        id=run_id,
        project=project,
        system=system,
        stage=stage,
        environment_name=request.environment,
        environment=environment,
        folder=project.root / "evidence" / request.system / run_id,
        release=request.release,
        run_by=request.run_by,
        # Nobody who ran or deployed any of it signs it off.
        deployed_by=_people(gathering, request),
        counts=counts_on_ladder(stage, request.environment, environment.kind),
        titles=_titles(stage, gathering),
    )
    planned = [PlannedCheck(one.case, one.check, one.cls, one.source) for one in judged.results]
    begin_activity(activity, planned, sealer)
    write_json(activity.folder / GATHERED, _gathered_json(judged, request))
    carried = carry_waivers(activity.folder, judged.waivers)
    verb_command = _next_command(judged, request, environment.kind, run_id)
    report = conclude_activity(
        activity,
        planned,
        judged.results,
        sealer,
        started=started,
        build={"before": gathering.build, "after": gathering.build},
        flags={"before": None, "after": None},
        triggers=judged.triggers,
        notes=[*_off_ladder(stage, request, activity.counts), *judged.notes, *(_tell_waiver(one) for one in carried)],
        gathered=[one.run for one in gathering.bundles],
        not_tested=_not_tested(gathering),
        next_command=verb_command,
    )
    missing = tuple(one.name for one in judged.asked if one.verdict.outcome is not Outcome.PASSED)
    return StageReport(report, _in_force(project, report), gathering, missing, verb_command)


def _off_ladder(stage: Stage, request: DecideRequest, counts: bool) -> list[str]:
    if counts:
        return []
    return [f"stage {stage.id} counts in {stage.environment}; what is decided in {request.environment} never does"]


def _tell_waiver(waiver: WaiverRecord) -> str:
    until = f"{waiver.expires:%Y-%m-%d %H:%M} UTC"
    return f"carried: {waiver.name} ({waiver.role}) waived {waiver.check} until {until}: {waiver.reason}"


def _in_force(project: Project, report: ActivityReport) -> Decision:
    """Return the decision with the waivers in force: what `gonogo verify` says of the bundle now."""
    if report.seal is None or report.seal.signer == UNSIGNED:
        return report.decision
    now = datetime.now(UTC)
    found = verify_bundle(report.folder, Terms(now, trust=project_trust(project, now)))
    return found.decision if found.valid and found.decision is not None else report.decision


def _find(system: System, request: DecideRequest) -> tuple[Stage, Environment]:
    stage = system.plan.by_id.get(request.stage)
    if stage is None:
        raise UsageError(f"stage {request.stage!r} is not in the plan; {suggest(request.stage, system.plan.by_id)}")
    environment = system.environments.environments.get(request.environment)
    if environment is None:
        known = suggest(request.environment, system.environments.environments)
        raise UsageError(f"environment {request.environment!r} is not here; {known}")
    return stage, environment


def judge_stage_evidence(
    project: Project, system: System, stage: Stage, environment: Environment, request: DecideRequest, now: datetime
) -> Judged:
    """Return what everything recorded of a stage comes to: a result for every check that it asks for."""
    trust = project_trust(project, now)
    ledger = open_ledger(ledger_location(project.root, os.environ, project.ledger), system.name, for_reading=True)
    entries = ledger.entries()
    question = Question(
        project.root,
        project.sources_of(system.name),
        system.name,
        stage,
        request.environment,
        environment.kind,
        request.release,
        system.vocabulary,
        trust,
        now,
        fresh_limit(system.name, stage, request.environment, trust),
        request.elsewhere,
    )
    gathering = gather_bundles(entries, question)
    if not gathering.bundles:
        place = Place(system.name, request.environment, environment.kind, request.release)
        text = f"nothing is recorded of stage {stage.id} for release {request.release} in {request.environment}"
        raise UsageError(text, f"Run it first: {place.command('run', stage.id, request.environment)}")
    crew, notes = read_crew(
        entries,
        system.plan.roles,
        trust,
        now,
        system=system.name,
        environment=request.environment,
        release=request.release,
    )
    place = Place(system.name, request.environment, environment.kind, request.release)
    asked = judge_required(
        system.plan,
        system,
        question,
        gathering,
        find_missing(system.plan.roles, crew),
        lambda verb, *options: place.command(
            verb, stage.id, request.environment, *options, *place.confirm(environment.kind, request.environment)
        ),
    )
    triggers = combine_triggers(gathering.bundles)
    attestations = read_attestations(entries, attachments_folder(project.root, system.name), trust, now)
    lists = [system.checklists[name] for name in stage.checklists if name in system.checklists]
    manual = judge_manual(lists, question, attestations, triggers, gathering.build)
    source = _source_of(project, system, stage)
    own = [*(one.to_result(stage, source) for one in asked), *judge_bundles(gathering.bundles, source)]
    combined = combine_results(gathering.bundles, skip={SOAK_CASE})
    items = {one.case for one in manual}
    return Judged(
        gathering,
        (*override(combined, manual), *own),
        triggers,
        tuple(asked),
        (*_notes(gathering), *notes),
        tuple(one.number for one in attestations if one.item in items and one.environment == request.environment),
        crew,
        tuple(_find_waivers(entries, gathering, request)),
    )


def _find_waivers(entries: Sequence[Entry], gathering: Gathering, request: DecideRequest) -> list[Envelope]:
    """Return the signed waivers of the gathered bundles, and those of the whole release at this stage."""
    manifests = {one.recorded.manifest_sha256 for one in gathering.bundles}
    manifests |= {
        one.manifest_sha256
        for one in read_recorded(entries)
        if (one.activity, one.stage, one.environment, one.release)
        == (STAGE, request.stage, request.environment, request.release)
    }
    found = []
    for entry in entries:
        if entry.kind == EntryKind.WAIVER.value and entry.payload.get("manifest_sha256") in manifests:
            # What is no record vouches for nothing, and `gonogo verify` tells of it where it lies.
            with suppress(EvidenceError):
                found.append(Envelope.from_json(entry.payload.get("record")))
    return found


def _source_of(project: Project, system: System, stage: Stage) -> SourceRef:
    """Return the place of a stage in the plan."""
    path = project.sources_of(system.name) / PLAN
    index = [one.id for one in system.plan.stages].index(stage.id)
    return SourceRef(project.relative(path), read_yaml(path, PLAN).line_of(("stages", index)))


def _people(gathering: Gathering, request: DecideRequest) -> tuple[str, ...]:
    people = [*request.deployed_by, *(name for one in gathering.bundles for name in one.people)]
    return tuple(dict.fromkeys(people))


def _titles(stage: Stage, gathering: Gathering) -> dict[str, str]:
    titles = {f"BUNDLE-{one.run}": f"the {one.recorded.activity} is here and verifies" for one in gathering.bundles}
    return {**titles, f"STAGE-{stage.id}": f"what {stage.name} asks for is there"}


def _notes(gathering: Gathering) -> list[str]:
    """Return a sentence for every bundle that was found and does not count: none is silently left out."""
    notes = [
        f"{one.recorded.activity} {one.run} ({one.recorded.decision.replace('_', '-')}) does not count: it {one.reason}"
        for one in gathering.bundles
        if one.reason
    ]
    builds = dict.fromkeys(one.build for one in gathering.others)
    notes += [
        f"{sum(one.build == build for one in gathering.others)} bundles of build {build} are not of this build"
        for build in builds
    ]
    return notes


def _not_tested(gathering: Gathering) -> list[dict[str, str]]:
    """Return what the last run of the stage did not try, with its reasons."""
    runs = [one for one in gathering.counting if one.recorded.activity == "run"]
    told: Sequence[Any] = runs[-1].record.get("not_tested", []) if runs else []
    return [{"case": str(one["case"]), "why": str(one["why"])} for one in told]


def _gathered_json(judged: Judged, request: DecideRequest) -> dict[str, Any]:
    gathering = judged.gathering
    since = gathering.since
    return {
        "schema": SCHEMA,
        "system": request.system,
        "stage": request.stage,
        "environment": request.environment,
        "release": request.release,
        "build": gathering.build,
        "evidence_from": since.isoformat() if since is not None else None,
        "bundles": [one.to_json() for one in gathering.bundles],
        "other_builds": [{"run": one.run, "entry": one.entry, "build": one.build} for one in gathering.others],
        "attestations": list(judged.attested),
        "roles": {role: list(people) for role, people in judged.crew.items()},
    }


def _next_command(judged: Judged, request: DecideRequest, kind: Kind, run_id: str) -> str:
    """Return the command that brings what is missing, or the one that follows a GO."""
    if any(one.outcome is Outcome.FAILED and one.cls is not CheckClass.ADVISORY for one in judged.results):
        # Another run would not take it back: somebody has to look.
        return f"less evidence/{request.system}/{run_id}/decision.md"
    for one in judged.asked:
        if one.verdict.outcome is not Outcome.PASSED and one.command:
            return one.command
    waiting = [one for one in judged.results if one.check == "attested" and one.outcome is not Outcome.PASSED]
    if waiting:
        where = f"--env {request.environment} --release {request.release}"
        return f'gonogo attest {request.system} {waiting[0].case} --result passed --by "Printed Name" {where}'
    bad = [one for one in judged.results if one.outcome > Outcome.WARNED]
    if bad or kind is Kind.SANDBOX:
        return f"gonogo status {request.system} --env {request.environment} --release {request.release}"
    return f"gonogo approve {run_id}"
