"""What a watch is asked for, and everything it needs: read and checked before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gonogo.errors import UsageError
from gonogo.model.environment import Environment, Kind
from gonogo.model.outcome import PlannedCheck, SourceRef
from gonogo.model.plan import Stage
from gonogo.model.watch import SOAK_CASE, WatchFile, WatchPack
from gonogo.release.soak import MOST_EVERY
from gonogo.release.watching.conclude import plan_checks
from gonogo.release.watching.journal import WatchFolder, find_watches
from gonogo.run.activity import Activity
from gonogo.run.embedded import EmbeddedSandbox, start_sandbox
from gonogo.run.orchestrate import new_run_id
from gonogo.run.sealing import Sealer, prepare_sealer
from gonogo.sources.project import Project, System
from gonogo.sources.suggest import suggest
from gonogo.sources.watch_file import load_watch, merge_rules
from gonogo.targets.hosts import check_host

_LEAST_EVERY = 0.05
_DEFAULT_LENGTH = 3600.0


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """What to watch, how often and for how long (seconds), and what may be done on a trigger.

    `backfill` says how far back a gap since the last sample is filled in, in seconds. `conclude` has a single look
    (`once`) end the watch that its scheduler began. `sandbox_options` go to an embedded sandbox; `base_url` and
    `token_env` name a sandbox that somebody else started.
    """

    project_root: Path
    system: str
    stage: str
    environment: str
    every: float = 30.0
    length: float | None = None
    once: bool = False
    conclude: bool = False
    auto_rollback: bool = False
    notify: str | None = None
    release: str | None = None
    run_by: str | None = None
    deployed_by: tuple[str, ...] = ()
    confirm: str | None = None
    probes: bool = True
    backfill: float | None = None
    environments: Path | None = None
    key_name: str | None = None
    sandbox_options: tuple[str, ...] = ()
    base_url: str | None = None
    token_env: str | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """The checked sources of a watch, where its target is, and the bundle that it writes.

    `earlier` are the watches of the same stage, environment and release; `reopened` says that single looks go on in a
    folder that they began before.
    """

    request: WatchRequest
    project: Project
    system: System
    stage: Stage
    environment: Environment
    packs: tuple[WatchPack, ...]
    rules: WatchFile
    sealer: Sealer
    planned: tuple[PlannedCheck, ...]
    activity: Activity
    earlier: tuple[WatchFolder, ...]
    reopened: bool
    base_url: str
    embedded: bool

    @property
    def folder(self) -> Path:
        """Return the folder that the session writes to."""
        return self.activity.folder

    @property
    def length(self) -> float:
        """Return how long this session is to watch, in seconds."""
        if self.request.length is not None:
            return self.request.length
        return self.stage.soak.minimum if self.stage.soak is not None else _DEFAULT_LENGTH

    @property
    def required(self) -> float:
        """Return how long the stage must be observed, in seconds: what the plan says, else what was asked for."""
        return self.stage.soak.minimum if self.stage.soak is not None else self.length

    @property
    def probes_refused(self) -> str:
        """Return why no probe may be sent, or an empty text."""
        if self.environment.probe is None:
            return "environments.yaml names no probe"
        if not self.request.probes:
            return "probes are switched off"
        wanted = f"{self.request.environment}/{self.request.release}"
        if self.environment.kind is Kind.PRODUCTION and (not self.request.release or self.request.confirm != wanted):
            return f"production wants --confirm {self.request.environment}/RELEASE before anything is sent"
        return ""


@contextmanager
def prepare_watch(request: WatchRequest) -> Iterator[Setting]:
    """Yield the setting of a watch, with its sandbox running where the environment embeds one.

    Raises `SourceError` with every problem, `UsageError`, `RefusedError` or `LedgerError` before anything is sent.
    """
    _check_request(request)
    project = Project.from_path(request.project_root)
    system = project.load_system(request.system, environments=request.environments)
    stage = system.plan.by_id.get(request.stage)
    if stage is None:
        known = [one.id for one in system.plan.stages]
        raise UsageError(f"stage {request.stage!r} is not in the plan; {suggest(request.stage, known)}")
    environment = system.environments.environments.get(request.environment)
    if environment is None:
        known = list(system.environments.environments)
        raise UsageError(f"environment {request.environment!r} is not here; {suggest(request.environment, known)}")
    sources = project.sources_of(system.name)
    packs = load_watch(sources, project.relative(sources), stage, system.name)
    sealer = prepare_sealer(project, system.name, request.key_name)
    sandbox = _start_sandbox(environment, request)
    try:
        yield _gather(request, project, system, stage, environment, packs, sealer, sandbox)
    finally:
        if sandbox is not None:
            sandbox.stop()


def _check_request(request: WatchRequest) -> None:
    if not _LEAST_EVERY <= request.every <= MOST_EVERY:
        raise UsageError(
            f"--every is {request.every:g} s; allowed: {_LEAST_EVERY:g} s to {MOST_EVERY / 3600:g} h",
            "Who looks more seldom has not watched.",
        )
    if request.conclude and not request.once:
        raise UsageError("--conclude ends what single looks began; it needs --once")


def _start_sandbox(environment: Environment, request: WatchRequest) -> EmbeddedSandbox | None:
    if environment.embedded is not None and request.base_url is None:
        if request.once:
            raise UsageError("an embedded sandbox ends with each look; --once needs a deployed environment")
        return start_sandbox(environment.embedded, request.sandbox_options)
    if request.sandbox_options:
        raise UsageError(f"environment {request.environment!r} is not embedded; --fault works there only")
    return None


def _gather(
    request: WatchRequest,
    project: Project,
    system: System,
    stage: Stage,
    environment: Environment,
    packs: tuple[WatchPack, ...],
    sealer: Sealer,
    sandbox: EmbeddedSandbox | None,
) -> Setting:
    address = sandbox.url if sandbox else request.base_url or environment.base_url
    if address is None:
        raise UsageError(f"environment {request.environment!r} has no address", "Name one that is deployed.")
    check_host(environment, address)
    evidence = project.root / "evidence" / system.name
    # An embedded sandbox is another system each time: what was seen of an earlier one says nothing of it.
    earlier = [] if sandbox else find_watches(evidence, request.environment, stage.id, request.release)
    open_looks = [one for one in earlier if one.serves_once and not one.concluded] if request.once else []
    watch_id = open_looks[-1].id if open_looks else new_run_id()
    folder = open_looks[-1].folder if open_looks else evidence / watch_id
    token_env = environment.embedded.token_env if sandbox and environment.embedded else request.token_env
    activity = Activity(
        "watch",
        watch_id,
        project,
        system,
        stage,
        request.environment,
        environment,
        folder,
        request.release,
        request.run_by,
        request.deployed_by,
        titles={rule.id: rule.name for pack in packs for rule in pack.rules} | {SOAK_CASE: "observed time"},
        token_env=token_env,
    )
    plan_file = SourceRef(project.relative(project.sources_of(system.name) / "plan.yaml"), 1)
    return Setting(
        request,
        project,
        system,
        stage,
        environment,
        packs,
        merge_rules(packs),
        sealer,
        tuple(plan_checks(packs, plan_file)),
        activity,
        tuple(one for one in earlier if one.folder != folder),
        bool(open_looks),
        address,
        sandbox is not None,
    )


@contextmanager
def keep_alone(setting: Setting) -> Iterator[None]:
    """Keep two single looks of one scheduler from writing into one watch at the same time; raises `UsageError`."""
    if not setting.request.once:
        yield
        return
    import fcntl

    folder = setting.folder.parent
    folder.mkdir(parents=True, exist_ok=True)
    name = f".watch-{setting.request.environment}-{setting.stage.id}.lock"
    with (folder / name).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError("another single look is at work here", "Let the scheduler look less often.") from error
        yield
