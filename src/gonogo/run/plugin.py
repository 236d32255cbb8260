"""The pytest plugin: collects features, runs their scenarios state by state, records one outcome a check."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pytest_bdd.parser import Feature, ScenarioTemplate
from pytest_bdd.steps import StepFunctionContext

from gonogo.errors import GonogoError, SourceError
from gonogo.evidence.record import Recorder, Stream
from gonogo.model.outcome import CheckResult, Outcome, worst
from gonogo.model.results import result_to_json
from gonogo.run.allure_bridge import AllureBridge
from gonogo.run.attested import AttestationBoard
from gonogo.run.definitions import REGISTRY
from gonogo.run.embedded import EmbeddedSandbox, start_embedded
from gonogo.run.gateboard import GateBoard
from gonogo.run.output import OutputGuard
from gonogo.run.planning import PlannedScenario
from gonogo.run.redaction import build_redactor
from gonogo.run.report_guard import ReportGuard, guard_allure, refuse_raw_files
from gonogo.run.runplan import FlagGroup
from gonogo.run.scene import Scene
from gonogo.run.session import RunSession
from gonogo.run.setup import RunRequest, RunSetup, load_setup, refuse_named
from gonogo.run.targets import open_target
from gonogo.run.tenure import ChildTenure, undisturbed

# `import pytest_bdd.scenario` would give the function of that name and not the module.
_bdd: Any = sys.modules["pytest_bdd.scenario"]
_find_step_elsewhere = _bdd.get_step_function


def _get_step_function(request: Any, step: Any) -> StepFunctionContext | None:
    """Return a step's definition from our registry; pytest-bdd would ask every fixture of the session."""
    found = REGISTRY.find(step.type, step.name)
    if found is not None:
        return found[0].context
    return _find_step_elsewhere(request, step)  # type: ignore[no-any-return]


class ScenarioFailed(AssertionError):
    """A check of the scenario failed."""


class ScenarioUnproven(Exception):
    """No check failed, and not all passed: an error, a check that says nothing, or one that did not run."""


class GonogoPlugin:
    """One per pytest session; holds the run."""

    def __init__(
        self, config: pytest.Config, setup: RunSetup, sandbox: EmbeddedSandbox | None, tenure: ChildTenure
    ) -> None:
        self.config = config
        self.tenure = tenure
        self.setup = setup
        self.sandbox = sandbox
        self.redactor = build_redactor(setup)
        self.recorder = Recorder(setup.folder, self.redactor)
        self.target = open_target(setup, self.recorder, self.redactor)
        self.planned = {scenario.id: scenario for scenario in setup.plan.scenarios}
        self.group_of = {one.id: group for group in setup.plan.groups for one in group.scenarios}
        self.entered: set[str] = set()
        self.items: list[ScenarioItem] = []
        self.allure = AllureBridge.for_config(config, setup)
        self.interrupted = False
        self.started = False
        self.session = RunSession(
            setup.plan,
            self.target,
            setup.environment,
            setup.system.vocabulary,
            self.recorder,
            run_id=setup.request.run_id,
            release=setup.request.release,
            may_change_flags=setup.request.may_change_flags,
            emit=self._emit,
            gates=self._gate_board(),
            journal=tenure.journal,
        )

        self.session.observations.defaults = setup.system.defaults
        attested = AttestationBoard(setup.project, setup.system, setup.request.environment, self.session.running)
        self.session.observations.attest = attested.judge

    def _gate_board(self) -> GateBoard:
        setup = self.setup
        return GateBoard(
            [setup.system.gates[file] for file in setup.stage.gates],
            root=setup.project.root,
            folder=setup.folder,
            base_url=setup.request.base_url or setup.environment.base_url or "",
            clean=self.redactor.value,
            flush=self.recorder.flush,
        )

    def _emit(self, result: CheckResult) -> None:
        self.recorder.record(Stream.OUTCOMES, result_to_json(result))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Order the scenarios by flag state; what is no scenario of the plan runs before."""
        order = {one.id: index for index, one in enumerate(s for g in self.setup.plan.groups for s in g.scenarios)}
        items.sort(key=lambda item: order.get(item.planned.id, -1) if isinstance(item, ScenarioItem) else -1)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note which scenarios were selected; only their messages are sent."""
        self.items = [item for item in session.items if isinstance(item, ScenarioItem)]

    def enter_group(self, group: FlagGroup) -> None:
        """Enter every state up to a scenario's own; the messages of scenarios that were not selected stay unsent."""
        if not self.started:
            self.started = True
            self.session.start()
        for one in self.setup.plan.groups:
            if one.name not in self.entered:
                self.entered.add(one.name)
                self.session.enter(self._selected(one))
            if one.name == group.name:
                return

    def _selected(self, group: FlagGroup) -> FlagGroup:
        chosen = {item.planned.id for item in self.items}
        return FlagGroup(
            group.name,
            group.overlay,
            tuple(pair for pair in group.messages if pair[0].id in chosen),
            tuple(one for one in group.scenarios if one.id in chosen),
        )

    def pytest_keyboard_interrupt(self) -> None:
        """Note that somebody stopped the run."""
        self.interrupted = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Leave the target as it was found."""
        try:
            if self.started:
                with undisturbed() if self.interrupted else nullcontext():
                    self.session.finish(interrupted=self.interrupted)
                if not self.interrupted:
                    self.session.tickets.close_all()
        finally:
            self.target.close()
            self.recorder.close()
            if self.tenure.end() and session.exitstatus == 0:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            if self.sandbox is not None:
                self.sandbox.stop()

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Tell what a run without an orchestrator left behind."""
        for line in self.tenure.told:
            terminalreporter.write_line(line)


class ScenarioItem(pytest.Function):
    """A scenario as a pytest item; its name is its id."""

    planned: PlannedScenario
    scene: Scene | None = None

    def runtest(self) -> None:
        """Run the steps and raise the worst of what their checks came to."""
        __tracebackhide__ = True
        super().runtest()
        if self.scene is not None:
            _raise_worst(self.scene)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the scenario stands."""
        return self.path, self.planned.line - 1, self.planned.name


class FeatureModule(pytest.Module):
    """A feature file as a pytest module."""

    def _getobj(self) -> ModuleType:
        return ModuleType(f"gonogo_feature_{self.path.stem}")

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item for every scenario that the stage admits."""
        plugin = self.config.stash[PLUGIN]
        feature = plugin.setup.features.get(self.path)
        if feature is None:
            return
        for template in feature.scenarios.values():
            planned = plugin.planned[template.name[1:].split("]", 1)[0]]
            if planned.admitted:
                yield _make_item(self, feature, template, planned)


def _make_item(
    module: FeatureModule, feature: Feature, template: ScenarioTemplate, planned: PlannedScenario
) -> ScenarioItem:
    def run_scenario(request: pytest.FixtureRequest, scene: Scene) -> None:  # noqa: ARG001 - entering the scene
        __tracebackhide__ = True
        _bdd._execute_scenario(feature, template.render({}), request)

    run_scenario.__doc__ = planned.name
    item: ScenarioItem = ScenarioItem.from_parent(module, name=planned.id, callobj=run_scenario)
    item.planned = planned
    for tag in planned.tags:
        # Tags of generated features are ids and modes; registering each as a mark would say nothing.
        item.add_marker(pytest.MarkDecorator(pytest.Mark(tag, (), {}, _ispytest=True), _ispytest=True))
    return item


def _raise_worst(scene: Scene) -> None:
    __tracebackhide__ = True
    if scene.results and worst(result.outcome for result in scene.results) <= Outcome.WARNED:
        return
    bad = [result for result in scene.results if result.outcome > Outcome.WARNED]
    lines = [f"{one.id} {one.outcome.name}: {'; '.join(one.reasons)}" for one in bad] or ["no check was judged"]
    failed = any(result.outcome is Outcome.FAILED for result in bad)
    raise (ScenarioFailed if failed else ScenarioUnproven)("\n".join(lines))


PLUGIN: pytest.StashKey[GonogoPlugin] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of direct use and the one that the orchestrator passes."""
    group = parser.getgroup("gonogo", "gonogo: run features against a deployed system")
    group.addoption("--gonogo-run", metavar="FILE", help="run request that 'gonogo run' wrote; not for people")
    group.addoption("--stage", metavar="S", help="stage of the plan; with --env, features under features/ are run")
    group.addoption("--env", metavar="E", help="environment of environments.yaml")
    group.addoption("--environments", metavar="FILE", help="another environments.yaml")
    group.addoption("--allow-flag-changes", action="store_true", help="agree to flags being borrowed and returned")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Set the run up where this session is one."""
    named = [Path(str(arg).split("::")[0]) for arg in config.args]
    features = [path for path in named if path.suffix == ".feature" or "features" in path.parts]
    if config.getoption("--gonogo-run") is None and not config.getoption("--stage") and not features:
        return
    if config.getoption("numprocesses", None):
        raise pytest.UsageError("gonogo runs in one process; send-ahead is the parallelism. Leave -n out.")
    try:
        setup, sandbox = _load(config, features)
        refuse_named(setup.plan, map(str, config.invocation_params.args))
        refuse_raw_files(config)
        plugin = GonogoPlugin(config, setup, sandbox, ChildTenure.begin(setup))
    except SourceError as error:
        listed = "\n".join(str(problem) for problem in error.problems)
        raise pytest.UsageError(f"{error.message}\n{listed}\n{error.hint}") from error
    except GonogoError as error:
        raise pytest.UsageError(f"{error.message} {error.hint}") from error
    ids = set(plugin.planned)
    for tag in sorted({tag for scenario in plugin.planned.values() for tag in scenario.tags} - ids):
        config.addinivalue_line("markers", f"{tag}: a tag of the features")
    config.stash[PLUGIN] = plugin
    config.pluginmanager.register(plugin, "gonogo-run")
    config.pluginmanager.register(ReportGuard(plugin.redactor), "gonogo-reports")
    if OutputGuard.current is not None:
        OutputGuard.current.use(plugin.redactor)
    if plugin.allure is not None:
        config.pluginmanager.register(plugin.allure, "gonogo-allure")
        guard_allure(plugin.redactor)
    _bdd.get_step_function = _get_step_function
    # Whoever stops a run may signal every process of it; pytest itself would end at once and return nothing.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if config.getoption("--gonogo-run") is not None:
        _watch_parent()


def _load(config: pytest.Config, features: list[Path]) -> tuple[RunSetup, EmbeddedSandbox | None]:
    request_file = config.getoption("--gonogo-run")
    if request_file is not None:
        return load_setup(RunRequest.from_json(Path(request_file).read_text("utf-8"))), None
    stage, environment = config.getoption("--stage"), config.getoption("--env")
    if not stage or not environment:
        raise pytest.UsageError("features need a stage and an environment: pytest features/SYSTEM --stage S --env E")
    return start_embedded(_direct_request(config, features, stage, environment))


def _direct_request(config: pytest.Config, features: list[Path], stage: str, environment: str) -> RunRequest:
    """Return the request of a direct run: the same guard and the same checks, and it never counts for a stage."""
    from gonogo.run.orchestrate import new_run_id

    names = {path.resolve().parent.name if path.suffix == ".feature" else path.resolve().name for path in features}
    if len(names) != 1:
        raise pytest.UsageError("name the features of one system: pytest features/SYSTEM --stage S --env E")
    system, run_id = names.pop(), new_run_id()
    folder = config.rootpath / "evidence" / system / run_id
    folder.mkdir(parents=True)
    return RunRequest(
        system,
        stage,
        environment,
        str(config.rootpath),
        run_id,
        str(folder),
        environments=config.getoption("--environments"),
        may_change_flags=bool(config.getoption("--allow-flag-changes")),
        counts=False,
        direct=True,
    )


def _watch_parent() -> None:
    """Stop when the orchestrator dies: nobody would reconcile, and flags would stay borrowed."""
    parent = os.getppid()

    def watch() -> None:
        import _thread
        import time

        while os.getppid() == parent:
            time.sleep(0.5)
        _thread.interrupt_main()

    threading.Thread(target=watch, daemon=True).start()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect feature files where this session is a run."""
    if file_path.suffix == ".feature" and PLUGIN in parent.config.stash:
        return FeatureModule.from_parent(parent, path=file_path)
    return None


@pytest.fixture
def scene(request: pytest.FixtureRequest) -> Scene:
    """Give the steps of a scenario what they judge; enters the scenario's flag state first."""
    item = request.node
    plugin = request.config.stash[PLUGIN]
    plugin.enter_group(plugin.group_of[item.planned.id])
    item.scene = plugin.session.scene(item.planned)
    return item.scene  # type: ignore[no-any-return]
