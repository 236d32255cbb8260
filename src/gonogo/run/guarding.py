"""A run's setup as the facts that the production guard judges."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gonogo.errors import RefusedError, SourceError
from gonogo.model.environment import Caps, Environment, Environments, Kind
from gonogo.model.release_plan import Allows
from gonogo.run.estimate import estimate_run
from gonogo.sources.project import Project, System
from gonogo.sources.system_files import load_environments
from gonogo.targets.guard import RuleVerdict, judge_undertaking, require_allowed
from gonogo.targets.undertaking import Undertaking

if TYPE_CHECKING:
    from gonogo.run.setup import RunSetup

DRY_RUN = "dry-run"
_SURROUNDINGS = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")


def tighten_caps(environment: Environment, allows: Allows) -> Environment:
    """Return an environment of kind production with its caps lowered to what a stage allows."""
    caps = environment.caps
    if caps is None or environment.kind is not Kind.PRODUCTION:
        return environment
    limits = {"messages": allows.messages, "minutes": allows.minutes, "spend": allows.spend}
    lower = {name: min(value, getattr(caps, name)) for name, value in limits.items() if value is not None}
    return environment.model_copy(update={"caps": Caps.model_construct(**{**dict(caps), **lower})})


def guard_run(setup: RunSetup, *, final: bool) -> None:
    """Raise `RefusedError`, naming every rule broken, unless the guard allows what the setup is going to do.

    Not `final` is the guard's first look, when a key has not been asked for yet; nothing is opened before the last.
    """
    if setup.request.dry_run:
        if final:
            raise RefusedError(f"[{DRY_RUN}] a dry run opens no target", "Nothing was sent.")
        return
    require_allowed(describe_undertaking(setup), final=final)


def judge_run(setup: RunSetup) -> tuple[RuleVerdict, ...]:
    """Return what every rule of the guard says about a run."""
    return judge_undertaking(describe_undertaking(setup))


def describe_undertaking(setup: RunSetup) -> Undertaking:
    """Return what a run is going to do."""
    request, stage, environment = setup.request, setup.stage, setup.environment
    estimate = estimate_run(setup.plan, environment, setup.interface, setup.system.vocabulary)
    system = setup.system.environments.system
    address = request.base_url or environment.base_url
    given = Path(request.environments) if request.environments is not None else None
    return Undertaking(
        environment_name=request.environment,
        environment=environment,
        interface=setup.interface,
        address=address,
        run_id=request.run_id,
        stage=stage.id,
        messages=estimate.messages,
        other_sends=estimate.calls + estimate.probes,
        seconds=estimate.seconds,
        stage_environment=stage.environment,
        allows_flag_changes=stage.allows.flag_changes,
        allows_tier0=stage.allows.tier0_cases,
        may_change_flags=request.may_change_flags,
        confirm=request.confirm,
        release=request.release,
        signed=request.signed,
        direct=request.direct,
        forced=request.forced,
        foreign_pack=request.cases,
        foreign_environments=_outside(setup.project, request.environments),
        other_system=system if system != setup.system.name else None,
        arguments=request.pytest_args,
        surroundings=tuple(name for name in _SURROUNDINGS if os.environ.get(name)),
        production_hosts=list_production_hosts(setup.project, setup.system, given if address else None),
    )


def _outside(project: Project, path: str | None) -> str | None:
    """Return a file's path where it is none of the project's."""
    if path is None or Path(path).resolve().is_relative_to(project.root.resolve()):
        return None
    return path


def list_production_hosts(project: Project, system: System, environments: Path | None) -> tuple[str, ...]:
    """Return every host that the environments given, or the project's own, call production.

    Raises `SourceError` where the project's own cannot be read.
    """
    files = [system.environments]
    if environments is not None:
        path = project.sources_of(system.name) / "environments.yaml"
        if path.is_file():
            committed, problems = load_environments(path, project.relative(path), None)
            if committed is None:
                # What cannot be read may name this very host.
                raise SourceError(problems, "Nothing was sent.")
            files.append(committed)
    return tuple(sorted({host for one in files for host in _hosts(one)}))


def _hosts(environments: Environments) -> set[str]:
    production = [one for one in environments.environments.values() if one.kind is Kind.PRODUCTION]
    return {host for one in production for host in one.hosts}
