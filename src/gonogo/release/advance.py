"""Entering a stage: its flags are applied in the plan's order, proven by their effect, and left in place."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.errors import RefusedError, TargetError, UsageError
from gonogo.evidence.keys import SigningKey, find_signing_key
from gonogo.evidence.ledger.book import Ledger, open_ledger
from gonogo.evidence.ledger.entries import Kind as EntryKind
from gonogo.evidence.ledger.location import ledger_location
from gonogo.evidence.records import format_time, sign_record
from gonogo.model.environment import Environment, Kind
from gonogo.model.http_interface import HttpInterface
from gonogo.model.plan import Stage
from gonogo.release.entering import Entering, Entry
from gonogo.release.ladder import counts_on_ladder
from gonogo.release.readiness import require_ready_stage
from gonogo.release.switch import Switch, open_switch
from gonogo.run.guarding import list_production_hosts
from gonogo.run.hold import describe_owner, hold_environment
from gonogo.run.orchestrate import new_run_id
from gonogo.run.readiness import require_release
from gonogo.run.recovery import return_command
from gonogo.run.runplan import RunPlan
from gonogo.run.setup import RunRequest, RunSetup
from gonogo.run.tenure import interrupted_by_term
from gonogo.sources.project import Project, System
from gonogo.sources.suggest import suggest
from gonogo.targets.guard import RELEASE_MISMATCH, require_allowed
from gonogo.targets.interface import NotAvailable
from gonogo.targets.undertaking import Undertaking

CONSENT = "flag-changes-not-agreed"
REHEARSAL = "rehearsal-on-production"
# The most probes that one proof sends, twice: after what narrows and at the end.
_PROBES_AT_MOST = 40
SCHEMA = "gonogo/advance/v1"


@dataclass(frozen=True, slots=True)
class AdvanceRequest:
    """What was asked for; `may_change_flags` and `confirm` are the driver's consent, `release` is what is deployed.

    `roles` are assignments such as `observer=Ana Ferreira`.
    """

    project_root: Path
    system: str
    stage: str
    environment: str
    release: str | None = None
    rehearse: bool = False
    run_by: str | None = None
    may_change_flags: bool = False
    confirm: str | None = None
    environments: Path | None = None
    key_name: str | None = None
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AdvanceReport:
    """What became of it; `record` is what stands in the ledger under `entry`."""

    record: dict[str, Any]
    entry: int | None
    exit_code: int
    lines: tuple[str, ...]
    banner: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Everything that is known before the environment is held."""

    request: AdvanceRequest
    id: str
    project: Project
    system: System
    stage: Stage
    environment: Environment
    interface: HttpInterface
    key: SigningKey | None
    ledger: Ledger


def advance(request: AdvanceRequest, *, show: Callable[[str], None] = lambda _: None) -> AdvanceReport:
    """Enter a stage and return what became of it; `show` is told each step as it is made.

    Raises `RefusedError` before anything is written where a rule says no, `LockError` where another holds the
    environment, `SourceError` for files that are wrong, `TargetError` where the target cannot be reached.
    """
    place = _prepare(request)
    # Before the first request: whoever is refused has sent nothing.
    _require_ready(place, None, write=False)
    switch = _open(place)
    try:
        build = _read_build(place, switch)
        _require_ready(place, build, write=True)
        owner = describe_owner("advance", place.id)
        with interrupted_by_term(), hold_environment(place.ledger, request.environment, owner) as hold:
            entering = Entering(
                place.stage,
                place.system.vocabulary,
                place.interface,
                switch,
                hold,
                place.id,
                return_command(request.system, request.environment, _given(request.environments)),
                show,
            )
            entry = entering.enter(lambda told: _record(place, told, build))
    finally:
        switch.target.close()
    return _report(place, entry)


def _given(path: Path | None) -> str | None:
    return str(path) if path is not None else None


def _prepare(request: AdvanceRequest) -> _Place:
    project = Project.from_path(request.project_root)
    system = project.load_system(request.system, environments=request.environments)
    stage = system.plan.by_id.get(request.stage)
    if stage is None:
        raise UsageError(f"stage {request.stage!r} is not in the plan; {suggest(request.stage, system.plan.by_id)}")
    environment = system.environments.environments.get(request.environment)
    if environment is None:
        known = suggest(request.environment, system.environments.environments)
        raise UsageError(f"environment {request.environment!r} is not here; {known}")
    if environment.embedded is not None:
        raise UsageError(
            f"environment {request.environment!r} is a sandbox that lives only as long as a run",
            "'gonogo run' enters the stage there by itself.",
        )
    key = find_signing_key(request.key_name, os.environ)
    ledger = open_ledger(ledger_location(project.root, os.environ, project.ledger), request.system)
    interface = system.environments.interfaces[environment.interface]
    place = _Place(request, new_run_id(), project, system, stage, environment, interface, key, ledger)
    _require_consent(place)
    require_allowed(_describe(place))
    return place


def _require_consent(place: _Place) -> None:
    request, kind = place.request, place.environment.kind
    if request.rehearse and kind is Kind.PRODUCTION:
        raise RefusedError(
            f"[{REHEARSAL}] {request.environment} is of kind production, where nothing is rehearsed",
            "Nothing was sent. Rehearse on kind sandbox or staging.",
        )
    if kind is not Kind.SANDBOX and not request.may_change_flags:
        raise RefusedError(
            f"[{CONSENT}] entering stage {request.stage} changes the flags of {request.environment}",
            "Nothing was sent. Agree with --allow-flag-changes.",
        )


def _describe(place: _Place) -> Undertaking:
    request, environment = place.request, place.environment
    path = request.environments
    outside = path is not None and not path.resolve().is_relative_to(place.project.root.resolve())
    listed = place.system.environments
    return Undertaking(
        environment_name=request.environment,
        environment=environment,
        interface=place.interface,
        address=environment.base_url,
        run_id=place.id,
        stage=place.stage.id,
        other_sends=_PROBES_AT_MOST if environment.probe is not None else 0,
        stage_environment=place.stage.environment,
        confirm=request.confirm,
        release=request.release,
        signed=place.key is not None,
        foreign_environments=str(path) if outside else None,
        other_system=listed.system if listed.system != place.system.name else None,
        rehearsal=request.rehearse,
        production_hosts=list_production_hosts(place.project, place.system, path),
    )


def _require_ready(place: _Place, build: str | None, *, write: bool) -> None:
    request = place.request
    if not request.rehearse:
        setup = _as_setup(place)
        require_ready_stage(setup, build, given=request.roles, key_name=request.key_name, write=write)


def _as_setup(place: _Place) -> RunSetup:
    """Return the setup of a run without any case, for the rules that judge runs."""
    request, path = place.request, place.request.environments
    asked = RunRequest(
        *(request.system, request.stage, request.environment, str(place.project.root), place.id, ""),
        environments=_given(path),
        release=request.release,
        confirm=request.confirm,
    )
    plan = RunPlan(request.system, place.stage, (), (), (), (), ())
    return RunSetup(asked, place.project, place.system, place.stage, place.environment, place.interface, plan, {})


def _open(place: _Place) -> Switch:
    path = place.request.environments or place.project.sources_of(place.system.name) / "environments.yaml"
    return open_switch(
        path, place.project.relative(path), place.request.environment, place.id, f"advance-{place.stage.id}"
    )


def _read_build(place: _Place, switch: Switch) -> str | None:
    """Return the build that runs there, None where it is not shown; a release that was named must be what is shown."""
    build = require_release(_as_setup(place), switch.target)
    release = place.request.release
    identity = switch.target.read_identity()
    if isinstance(identity, NotAvailable):
        if identity.broken:
            raise TargetError(f"the build cannot be read: {identity.reason}")
        return build
    shown = tuple(filter(None, (identity.value.build, identity.value.release)))
    if release is not None and release not in shown:
        raise RefusedError(
            f"[{RELEASE_MISMATCH}] {place.request.environment} runs {' / '.join(shown)}, not {release}",
            "Nothing was changed. Deploy the release, or name the one that is deployed.",
        )
    return identity.value.build


def _record(place: _Place, told: Mapping[str, Any], build: str | None) -> int:
    """Append the entry of an advance to the ledger and return its number."""
    request, now = place.request, datetime.now(UTC)
    on_ladder = counts_on_ladder(place.stage, request.environment, place.environment.kind)
    payload = {
        "schema": SCHEMA,
        "run": place.id,
        "system": place.system.name,
        "stage": place.stage.id,
        "environment": request.environment,
        "kind": place.environment.kind.value,
        "release": request.release,
        "build": build,
        "run_by": request.run_by,
        "at": format_time(now),
        "rehearsed": request.rehearse,
        "counts": bool(told["entered"]) and not request.rehearse and on_ladder,
        **told,
    }
    if place.key is not None:
        signed = {**payload, "name": request.run_by or "", "role": "release_driver"}
        payload["record"] = sign_record(EntryKind.ADVANCE.value, signed, place.key).to_json()
    return place.ledger.append(EntryKind.ADVANCE.value, payload, now).number


def _report(place: _Place, entry: Entry) -> AdvanceReport:
    where = f"stage {place.stage.id} ({place.stage.name}) in {place.request.environment}"
    head = f"ENTERED  {where}" if entry.entered else f"NOT ENTERED  {where}"
    if place.request.rehearse:
        head += "  REHEARSED: this never counts"
    record = {"schema": SCHEMA, "stage": place.stage.id, "environment": place.request.environment, "run": place.id}
    return AdvanceReport({**record, **entry.told}, entry.number, entry.exit_code, (head, *entry.lines), entry.banner)
