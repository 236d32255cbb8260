"""What was asked of a load, and everything that it needs: read, checked and guarded before anything is sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from gonogo.errors import RefusedError, UsageError
from gonogo.loadtest.generation import Place
from gonogo.loadtest.messages import Mix, mix_cases
from gonogo.loadtest.schedule import Schedule, build_schedule
from gonogo.model.environment import Environment, Kind
from gonogo.model.http_interface import HttpInterface
from gonogo.model.load import LoadLimit, Profile
from gonogo.model.plan import Plan, Stage
from gonogo.run.guarding import list_production_hosts, tighten_caps
from gonogo.run.setup import plant_canaries
from gonogo.sources.load_file import LOAD_FILE, LoadPack, require_load_pack
from gonogo.sources.project import Project, System
from gonogo.sources.suggest import suggest
from gonogo.targets.guard import require_allowed
from gonogo.targets.undertaking import Undertaking

LOAD_NOT_NAMED, LOAD_TOO_FAST = "load-not-named", "load-too-fast"


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What was asked for; `duration` is in seconds, `faults` are options of an embedded sandbox."""

    system: str
    profile: str
    environment: str
    run_id: str
    folder: Path
    stage: str | None = None
    place: Place = field(default_factory=Place)
    duration: float | None = None
    time_scale: float = 1.0
    environments: Path | None = None
    release: str | None = None
    confirm: str | None = None
    run_by: str | None = None
    deployed_by: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def is_as_written(self) -> bool:
        """Return whether the profile is made as it stands in the file: neither shortened nor compressed."""
        return self.duration is None and self.time_scale == 1


@dataclass(frozen=True, slots=True)
class LoadSetup:
    """A load that may be made: its profile, what it sends when, and the limits that it is held against."""

    request: LoadRequest
    project: Project
    system: System
    pack: LoadPack
    profile: Profile
    stage: Stage
    environment: Environment
    interface: HttpInterface
    mix: Mix
    schedule: Schedule
    limits: tuple[LoadLimit, ...]
    not_tested: tuple[tuple[str, str], ...]

    @property
    def case(self) -> str:
        """Return the id of the load's case."""
        return f"LOAD-{self.request.profile}"

    @property
    def counts(self) -> bool:
        """Return whether the load counts for a stage; what was shortened or compressed counts in kind sandbox only."""
        return self.environment.kind is Kind.SANDBOX or self.request.is_as_written

    @property
    def window(self) -> float:
        """Return how long the target may take to recover, in seconds; a shortened load does not wait for hours."""
        window = self.profile.recovery / self.request.time_scale
        return window if self.request.duration is None else min(window, max(self.schedule.seconds, 30.0))

    @property
    def late_after(self) -> float:
        """Return how long a decision may take, in seconds."""
        return self.profile.late_after / self.request.time_scale


def load_load(request: LoadRequest, project: Project) -> LoadSetup:
    """Return a checked load; raises `SourceError` with every problem, `RefusedError` where a guard says no."""
    system = project.load_system(request.system, environments=request.environments)
    pack = read_load(project, system)
    profile = pack.load.profiles.get(request.profile)
    if profile is None:
        raise UsageError(f"profile {request.profile!r} is not in {pack.file}; {suggest(request.profile, pack.lines)}")
    environment = system.environments.environments.get(request.environment)
    if environment is None:
        known = list(system.environments.environments)
        raise UsageError(f"environment {request.environment!r} is not here; {suggest(request.environment, known)}")
    if environment.target != "http":
        raise UsageError(f"a load is made over HTTP, and target {environment.target!r} speaks otherwise")
    stage = choose_stage(system.plan, request.stage, request.profile)
    environment = tighten_caps(plant_canaries(environment, request.run_id), stage.allows)
    cases = [case for name in stage.packs for case in system.packs[name].cases]
    tier0 = environment.kind is not Kind.PRODUCTION or stage.allows.tier0_cases
    mix = mix_cases(cases, stage, system.vocabulary, environment, pack.load.mix, tier0=tier0)
    schedule = build_schedule(profile.arrivals, duration=request.duration, time_scale=request.time_scale)
    limits, untested = _tell_untestable(pack.load.limits_of(request.profile), mix, schedule)
    interface = system.environments.interfaces[environment.interface]
    setup = LoadSetup(
        request,
        project,
        system,
        pack,
        profile,
        stage,
        environment,
        interface,
        mix,
        schedule,
        limits,
        (*untested, *mix.left_out),
    )
    guard_load(setup, signed=None)
    return setup


def read_load(project: Project, system: System) -> LoadPack:
    """Return a system's load file; raises `UsageError` where it has none."""
    path = project.sources_of(system.name) / LOAD_FILE
    if not path.is_file():
        raise UsageError(f"{project.relative(path)} is not here", "Write its profiles; docs/load.md shows how.")
    return require_load_pack(path, project.relative(path), system.name, system.vocabulary)


def choose_stage(plan: Plan, stage_id: str | None, profile: str) -> Stage:
    """Return the stage that was named, or else the first one that names the profile, or else the first of the plan."""
    if stage_id is not None:
        if stage_id not in plan.by_id:
            raise UsageError(f"stage {stage_id!r} is not in the plan; {suggest(stage_id, list(plan.by_id))}")
        return plan.by_id[stage_id]
    return next((stage for stage in plan.stages if profile in stage.load), plan.stages[0])


def _tell_untestable(
    limits: tuple[LoadLimit, ...], mix: Mix, schedule: Schedule
) -> tuple[tuple[LoadLimit, ...], tuple[tuple[str, str], ...]]:
    """Return the limits that this load is held against, and those about which none of its messages says anything."""
    seen = Counter[str]()
    for event in range(schedule.events):
        item = mix.case_of(event)
        seen["tier0_replies"] += item.tier0
        seen["forbidden_replies"] += item.reply.template is None and not item.reply.at_most_one
    why = {
        "tier0_replies": "no message of this load is an escalation",
        "forbidden_replies": "every message of this load may be answered",
    }
    kept = tuple(one for one in limits if one.metric not in why or seen[one.metric])
    return kept, tuple((one.id, why[one.metric]) for one in limits if one not in kept)


def guard_load(setup: LoadSetup, *, signed: bool | None, address: str | None = None) -> None:
    """Raise `RefusedError` unless the guard allows this load; before its key is known, `signed` is None.

    On production its stage must name the profile, and the busiest second stays under the cap.
    """
    request, stage, environment = setup.request, setup.stage, setup.environment
    shortened = () if request.duration is None else (f"--duration {request.duration:g}",)
    undertaking = Undertaking(
        environment_name=request.environment,
        environment=environment,
        interface=setup.interface,
        address=address or environment.base_url,
        run_id=request.run_id,
        stage=stage.id,
        other_sends=len(setup.schedule) + 20,
        seconds=setup.schedule.seconds + setup.window,
        stage_environment=stage.environment,
        allows_flag_changes=stage.allows.flag_changes,
        allows_tier0=stage.allows.tier0_cases,
        confirm=request.confirm,
        release=request.release,
        signed=signed,
        forced=(*request.faults, *shortened),
        compression=request.time_scale,
        production_hosts=list_production_hosts(setup.project, setup.system, request.environments),
    )
    if environment.kind is Kind.PRODUCTION:
        _guard_production(setup)
    require_allowed(undertaking, final=signed is not None)


def _guard_production(setup: LoadSetup) -> None:
    request, stage = setup.request, setup.stage
    if request.profile not in stage.load:
        raise RefusedError(
            f"[{LOAD_NOT_NAMED}] stage {stage.id} does not name the load {request.profile!r}, and on production only "
            "what its stage names is made",
            "Nothing was sent. Name the profile under the stage's load, or run it in staging.",
        )
    fastest, caps = busiest_second(setup.schedule), setup.environment.caps
    if caps is not None and fastest > caps.rate:
        text = f"{fastest} messages in one second are more than the cap of {caps.rate:g}"
        raise RefusedError(f"[{LOAD_TOO_FAST}] {text}", "Nothing was sent. Spread the arrivals of the profile.")


def busiest_second(schedule: Schedule) -> int:
    """Return the most arrivals within any one second, wherever it begins."""
    most = first = 0
    for last, offset in enumerate(schedule.offsets):
        while schedule.offsets[first] <= offset - 1:
            first += 1
        most = max(most, last - first + 1)
    return most
