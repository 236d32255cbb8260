"""The places where the harness leans on other packages' insides."""

from __future__ import annotations

import inspect
import sys

import pytest_bdd  # noqa: F401
from pytest_bdd import parsers
from pytest_bdd.steps import StepFunctionContext

from gonogo.model.outcome import Outcome, Verdict
from gonogo.run.definitions import StepDefinition, StepRegistry

SCENARIO = sys.modules["pytest_bdd.scenario"]


def test_pytest_bdd_looks_a_step_up_where_it_is_replaced() -> None:
    """`_execute_scenario` calls the module's own `get_step_function(request=, step=)` for every step."""
    source = inspect.getsource(SCENARIO._execute_scenario)
    assert "get_step_function(request=request, step=step)" in source
    assert list(inspect.signature(SCENARIO.get_step_function).parameters) == ["request", "step"]
    assert list(inspect.signature(SCENARIO._execute_scenario).parameters) == ["feature", "scenario", "request"]


def _registry(count: int) -> StepRegistry:
    registry = StepRegistry()
    for number in range(count):
        pattern = f'the thing {number} is "{{value}}"'
        context = StepFunctionContext("then", lambda: None, parsers.parse(pattern))
        registry.add(
            StepDefinition("then", pattern, context, judge=lambda scene: Verdict(Outcome.PASSED), check=str(number))
        )
    return registry


def test_a_step_is_found_among_many() -> None:
    registry = _registry(1000)
    found = registry.find("then", 'the thing 777 is "x"')
    assert found is not None
    assert (found[0].check, found[1]) == ("777", {"value": "x"})
    assert registry.find("given", 'the thing 777 is "x"') is None
    assert registry.find("then", "the thing") is None


def test_a_lookup_asks_few_definitions_however_many_there_are() -> None:
    """Counted, not timed: a lookup among a thousand definitions tries as many patterns as among ten."""

    def tried(count: int) -> int:
        registry = _registry(count)
        asked: list[str] = []
        for filed in registry._by_prefix.values():
            for definition in filed:
                parser = definition.context.parser
                original = parser.is_matching

                def counting(text: str, original=original) -> bool:
                    asked.append(text)
                    return original(text)

                parser.is_matching = counting  # type: ignore[method-assign]
        registry.find("then", 'the thing 7 is "x"')
        return len(asked)

    assert tried(10) == tried(1000) == 1
