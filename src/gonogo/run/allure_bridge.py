"""Gherkin steps in Allure results, each red or green by the outcome of its check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from gonogo.model.outcome import CheckResult, Outcome
from gonogo.reports.severity import severity_of

if TYPE_CHECKING:
    from gonogo.run.scene import Scene
    from gonogo.run.setup import RunSetup


class CheckFailed(AssertionError):
    """Shown as failed."""


class CheckUnproven(Exception):
    """Shown as broken: nothing but PASSED and WARNED is ever green."""


class AllureBridge:
    """Translates pytest-bdd's step hooks into Allure steps; allure-pytest alone shows none."""

    def __init__(self, setup: RunSetup) -> None:
        self._setup = setup
        self._scene: Scene | None = None
        self._open = ""
        self._judged = 0

    @classmethod
    def for_config(cls, config: pytest.Config, setup: RunSetup) -> AllureBridge | None:
        """Return a bridge where allure-pytest writes results, else nothing."""
        return cls(setup) if config.getoption("allure_report_dir", None) else None

    @pytest.hookimpl
    def pytest_bdd_before_scenario(self, request: pytest.FixtureRequest) -> None:
        """Begin a scenario: its labels, its link to the source line, what the stage makes of it."""
        import allure

        scene: Scene = request.node.scene
        self._scene, self._judged = scene, 0
        planned, setup = scene.planned, self._setup
        allure.dynamic.title(planned.name)
        allure.dynamic.epic(setup.system.name)
        allure.dynamic.feature(planned.feature.rsplit("/", 1)[-1])
        allure.dynamic.story(planned.case.mode.value if planned.case else planned.id)
        allure.dynamic.severity(severity_of(check.cls for check in planned.checks))
        allure.dynamic.label("stage", setup.stage.id)
        allure.dynamic.label("environment", setup.request.environment)
        if planned.case is not None:
            allure.dynamic.label("tier", str(setup.system.vocabulary.intents[planned.case.intent].tier))
        source = f"{planned.source.file}:{planned.source.line}"
        allure.dynamic.link(f"{planned.source.file}#L{planned.source.line}", name=source)
        if planned.expectation is not None:
            allure.dynamic.parameter("expected at this stage", str(planned.expectation.reply), excluded=True)

    @pytest.hookimpl
    def pytest_bdd_before_step(self, step: Any) -> None:
        """Open an Allure step."""
        import allure_commons

        self._open = uuid4().hex
        allure_commons.plugin_manager.hook.start_step(
            uuid=self._open, title=f"{step.keyword.strip()} {step.name}", params={}
        )

    @pytest.hookimpl
    def pytest_bdd_after_step(self) -> None:
        """Close the step with the outcome of the check that it judged, if it judged one."""
        results = self._scene.results if self._scene else []
        result = results[-1] if len(results) > self._judged else None
        self._judged = len(results)
        self._close(result)

    @pytest.hookimpl
    def pytest_bdd_step_error(self, exception: BaseException) -> None:
        """Close a step that broke outside of its judge."""
        self._stop(exception)

    def _close(self, result: CheckResult | None) -> None:
        if result is None or result.outcome <= Outcome.WARNED:
            self._stop(None)
            return
        text = f"{result.outcome.name}: {'; '.join(result.reasons)}"
        text += f"\nexpected: {result.expected}\nobserved: {result.observed}"
        self._stop(CheckFailed(text) if result.outcome is Outcome.FAILED else CheckUnproven(text))

    def _stop(self, error: BaseException | None) -> None:
        import allure_commons

        kind = type(error) if error is not None else None
        allure_commons.plugin_manager.hook.stop_step(uuid=self._open, exc_type=kind, exc_val=error, exc_tb=None)
