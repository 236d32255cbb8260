"""Everything a run needs, read and checked before anything is sent.

The parent and its child build the same setup from the same files.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pytest_bdd.parser import Feature

from gonogo.errors import DriftError, Problem, RefusedError, SourceError, UsageError
from gonogo.evidence.canaries import canaries
from gonogo.gherkin.compile import compile_packs, is_generated
from gonogo.gherkin.reader import read_feature, scenarios_of
from gonogo.gherkin.render import render_scenario
from gonogo.gherkin.scenario import Scenario
from gonogo.model.environment import Environment
from gonogo.model.http_interface import HttpInterface
from gonogo.model.outcome import SourceRef
from gonogo.model.plan import Stage
from gonogo.run.as_found import keep_only, stage_as_found
from gonogo.run.definitions import StepDefinitionError
from gonogo.run.guarding import guard_run, tighten_caps
from gonogo.run.planning import PlannedScenario, Planner
from gonogo.run.runplan import RunPlan, build_run_plan
from gonogo.sources.project import Project, System
from gonogo.sources.suggest import suggest
from gonogo.targets.guard import CASE_NOT_ADMITTED

_GENERAL_STEPS = tuple(f"gonogo.steps.{name}" for name in ("webhook", "disclosure", "gates", "manual"))


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What was asked for: paths as text, so that a child process can be handed the same."""

    system: str
    stage: str
    environment: str
    project: str
    run_id: str
    folder: str
    cases: str | None = None
    environments: str | None = None
    release: str | None = None
    base_url: str | None = None
    token_env: str | None = None
    may_change_flags: bool = False
    counts: bool = True
    run_by: str | None = None
    deployed_by: tuple[str, ...] = ()
    held_by: str | None = None
    only: tuple[str, ...] = ()
    as_found: dict[str, Any] | None = None
    confirm: str | None = None
    dry_run: bool = False
    signed: bool | None = None
    direct: bool = False
    forced: tuple[str, ...] = ()
    pytest_args: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the request as JSON."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> RunRequest:
        """Return a request from its JSON."""
        data = json.loads(text)
        lists = {name: tuple(data[name]) for name in ("deployed_by", "only", "forced", "pytest_args")}
        return cls(**{**data, **lists})


@dataclass(frozen=True, slots=True)
class RunSetup:
    """The checked sources of a run and its plan; `features` are pytest-bdd's by path, None where not parsed."""

    request: RunRequest
    project: Project
    system: System
    stage: Stage
    environment: Environment
    interface: HttpInterface
    plan: RunPlan
    features: Mapping[Path, Feature | None]

    @property
    def folder(self) -> Path:
        """Return the folder that the run writes to."""
        return Path(self.request.folder)


def load_setup(request: RunRequest, *, parse: bool = True) -> RunSetup:
    """Return the setup of a run; raises `SourceError` with every problem, `RefusedError` where a guard says no.

    Without `parse`, generated features are planned from the cases that they were just compared with, byte for byte,
    and `features` holds only the hand-written ones: reading them once, in the process that runs them, is enough.
    """
    project = Project.from_path(Path(request.project))
    cases = Path(request.cases) if request.cases else None
    environments = Path(request.environments) if request.environments else None
    system = project.load_system(request.system, cases=cases, environments=environments)
    stage = system.plan.by_id.get(request.stage)
    if stage is None:
        known = [stage.id for stage in system.plan.stages]
        raise UsageError(f"stage {request.stage!r} is not in the plan; {suggest(request.stage, known)}")
    environment = system.environments.environments.get(request.environment)
    if environment is None:
        known = list(system.environments.environments)
        raise UsageError(f"environment {request.environment!r} is not here; {suggest(request.environment, known)}")
    if request.as_found is not None:
        stage = stage_as_found(stage, request.as_found)
    environment = tighten_caps(plant_canaries(environment, request.run_id), stage.allows)
    load_step_modules(project)
    folder, name = features_folder(project, system, request)
    features, plan = _plan_features(project, system, stage, environment, folder, name, request, parse=parse)
    interface = system.environments.interfaces[environment.interface]
    setup = RunSetup(request, project, system, stage, environment, interface, plan, features)
    guard_run(setup, final=False)
    return setup


def plant_canaries(environment: Environment, run_id: str) -> Environment:
    """Return an environment whose variables hold the run's canaries wherever they say `{canary}`."""
    planted = canaries(run_id)
    return environment.with_variables({"canary": planted.word, "canary_digits": planted.digits})


def refuse_named(plan: RunPlan, arguments: Iterable[str]) -> None:
    """Refuse pytest arguments that name a case which the stage does not admit."""
    words = {word for argument in arguments for word in re.split(r"[\s()=]+|::", argument)}
    for scenario in plan.not_admitted:
        if scenario.id in words:
            rule, why = CASE_NOT_ADMITTED, scenario.refused
            if why.startswith("["):
                rule, _, why = why[1:].partition("] ")
            raise RefusedError(f"[{rule}] {scenario.id} is not admitted: {why}", "Name it at a stage that admits it.")


def load_step_modules(project: Project) -> None:
    """Import the step modules that pyproject.toml names, and the general ones; raises `SourceError`."""
    root = str(project.root)
    if root not in sys.path:
        sys.path.insert(0, root)
    problems = []
    for module in (*_GENERAL_STEPS, *project.step_modules):
        try:
            importlib.import_module(module)
        except StepDefinitionError as error:
            problems.append(Problem("pyproject.toml", 0, "tool.gonogo.steps", f"{module}: {error}"))
        except Exception as error:  # noqa: BLE001 - a module of the project may fail in any way
            what = f"module {module!r} cannot be loaded: {type(error).__name__}: {error}. Correct it."
            problems.append(Problem("pyproject.toml", 0, "tool.gonogo.steps", what))
    if problems:
        raise SourceError(problems, "Nothing was sent.")


def features_folder(project: Project, system: System, request: RunRequest) -> tuple[Path, str]:
    """Return the folder of the features to run and what problems call it.

    Committed features must be what their sources compile to. `--cases` brings its own: they are compiled into the run's
    folder, next to the hand-written ones.
    """
    committed = project.features_of(system.name)
    compiled = compile_packs(
        list(system.packs.values()),
        system.vocabulary,
        list(system.gates.values()),
        list(system.checklists.values()),
    )
    if request.cases is None:
        name = project.relative(committed)
        drift = compiled.find_drift(committed, name)
        if drift:
            raise DriftError(drift, "Nothing was sent. Run 'gonogo compile', review the change, and run again.")
        return committed, name
    folder = Path(request.folder) / "features"
    if not folder.is_dir():
        _refuse_taken_name(compiled.files, committed)
        compiled.write(folder)
        for path in sorted(committed.glob("*.feature")):
            if not is_generated(path):
                (folder / path.name).write_bytes(path.read_bytes())
    return folder, "features"


def _refuse_taken_name(compiled: Mapping[str, str], committed: Path) -> None:
    """Refuse a file given by `--cases` whose feature would take the place of a hand-written one."""
    for name in compiled:
        path = committed / name
        if path.suffix == ".feature" and path.is_file() and not is_generated(path):
            stem = path.stem
            raise UsageError(f"--cases {stem}.csv: features/{committed.name}/{name} is hand-written. Rename the CSV.")


def _plan_features(
    project: Project,
    system: System,
    stage: Stage,
    environment: Environment,
    folder: Path,
    name: str,
    request: RunRequest,
    *,
    parse: bool,
) -> tuple[dict[Path, Feature | None], RunPlan]:
    wanted = {f"{Path(pack).stem}.feature" for pack in (*stage.packs, *stage.gates, *stage.checklists)}
    lists = {f"{one.name}.feature" for one in system.checklists.values()}
    thresholds = {f"{pack.name}.feature" for pack in system.gates.values()} | lists
    generated = {f"{pack.name}.feature" for pack in system.packs.values()} | thresholds
    lines = {case.id: case.source for pack in system.packs.values() for case in pack.cases}
    lines |= {gate.id: pack.source_of(gate.id) for pack in system.gates.values() for gate in pack.gates}
    lines |= {item.id: SourceRef(item.file, item.item.line) for one in system.checklists.values() for item in one.items}
    problems: list[Problem] = []
    features: dict[Path, Feature | None] = {}
    scenarios: list[Scenario] = []
    packs = {f"{pack.name}.feature": pack for pack in system.packs.values()}
    for path in sorted(folder.glob("*.feature")):
        chosen = request.cases is None or path.name in thresholds
        if chosen and path.name in generated and path.name not in wanted:
            continue
        shown = f"{name}/{path.name}"
        if not parse and path.name in packs:
            features[path] = None
            rendered = (render_scenario(case, system.vocabulary) for case in packs[path.name].cases)
            scenarios += (replace(scenario, file=shown) for scenario in rendered)
            continue
        feature, found = read_feature(path, shown)
        problems += found
        if feature is not None:
            features[path] = feature
            scenarios += scenarios_of(feature, shown)
    for path in sorted(set(folder.rglob("*.feature")) - set(folder.glob("*.feature"))):
        text = "lies in a subfolder, where features are not read. Move it up."
        problems.append(Problem(f"{name}/{path.relative_to(folder).as_posix()}", 0, "", text))
    planner = Planner(stage, system.vocabulary, lines, kind=environment.kind)
    planned = planner.plan_all(scenarios)
    if request.cases is not None:
        planned = [_leave_out_list(one, lists) for one in planned]
    if request.only:
        planned = keep_only(planned, request.only)
    problems += planner.problems
    if problems:
        raise SourceError(problems, "Nothing was sent. Correct the features or step definitions.")
    _refuse_empty(planned, stage)
    environments_file = request.environments or project.relative(project.sources_of(system.name) / "environments.yaml")
    interface = system.environments.interfaces[environment.interface]
    plan = build_run_plan(system.name, stage, interface, planned, environments_file)
    return features, plan


def _leave_out_list(scenario: PlannedScenario, lists: Collection[str]) -> PlannedScenario:
    """Return an item of a checklist as not tested: another pack may come with other answers of the target."""
    if scenario.feature.rsplit("/", 1)[-1] not in lists:
        return scenario
    return replace(scenario, refused=scenario.refused or "checklists are left out of a run with --cases")


def _refuse_empty(planned: list[Any], stage: Stage) -> None:
    rows = [scenario for scenario in planned if scenario.case is not None]
    if not any(scenario.admitted for scenario in rows):
        reasons = sorted({scenario.refused for scenario in rows})
        raise UsageError(
            f"stage {stage.id} admits none of the {len(rows)} rows; a run without cases is never a success",
            reasons[0] if reasons else "Add rows to a pack of this stage.",
        )
