"""Step definitions with two lives: they plan a scenario before anything is sent, and judge it afterwards.

Step modules use the decorators `given`, `when` and `then` of this module. A given or when step prepares: it tells the
draft which flags, messages and calls the scenario needs. A then step is one check: it looks at what was observed and
returns a verdict. pytest-bdd runs them: the plugin hands it each step's definition from the registry below.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pytest_bdd import parsers
from pytest_bdd.steps import StepFunctionContext

from gonogo.model.case import Case
from gonogo.model.outcome import CheckClass, Verdict

if TYPE_CHECKING:
    from gonogo.gherkin.scenario import Step
    from gonogo.run.scene import Scene

Kind: TypeAlias = Literal["given", "when", "then"]
Prepare: TypeAlias = Callable[..., None]
Judge: TypeAlias = Callable[..., Verdict]
ClassOf: TypeAlias = "CheckClass | Callable[[Case | None], CheckClass]"
RowOf: TypeAlias = Callable[[Mapping[str, str]], dict[str, Any]]


class StepDefinitionError(Exception):
    """A step definition that could never work, found when its module is loaded."""


@dataclass(frozen=True, slots=True)
class StepDefinition:
    """One step: its pattern, what it prepares or checks, and whether it wants the text that stands below it."""

    kind: str
    pattern: str
    context: StepFunctionContext
    prepare: Prepare | None = None
    judge: Judge | None = None
    check: str = ""
    cls: ClassOf = CheckClass.REQUIRED
    row: RowOf | None = None
    takes_docstring: bool = False

    def parse(self, text: str) -> dict[str, str] | None:
        """Return the arguments in a step's text, or None where it is another step."""
        if not self.context.parser.is_matching(text):
            return None
        return {name: str(value) for name, value in (self.context.parser.parse_arguments(text) or {}).items()}

    def class_for(self, case: Case | None) -> CheckClass:
        """Return the class of the check for a case."""
        return self.cls if isinstance(self.cls, CheckClass) else self.cls(case)


@dataclass
class StepRegistry:
    """All step definitions that were loaded, found by the words that a step starts with.

    Looking a step up costs the same with ten definitions and with a thousand: patterns are filed under the text before
    their first argument, and only the files whose text matches are opened.
    """

    _by_prefix: dict[tuple[str, str], list[StepDefinition]] = field(default_factory=dict)
    _lengths: tuple[int, ...] = ()
    _found: dict[tuple[str, str], tuple[StepDefinition, dict[str, str]] | None] = field(default_factory=dict)

    def add(self, definition: StepDefinition) -> None:
        """Add a definition; loading a module again replaces its own."""
        prefix = definition.pattern.split("{", 1)[0]
        filed = self._by_prefix.setdefault((definition.kind, prefix), [])
        filed[:] = [other for other in filed if other.pattern != definition.pattern]
        filed.append(definition)
        self._lengths = tuple(sorted({len(text) for _, text in self._by_prefix}, reverse=True))
        self._found.clear()

    def find(self, kind: str, text: str) -> tuple[StepDefinition, dict[str, str]] | None:
        """Return the definition of a step and its arguments, the one with the longest fixed beginning first."""
        key = (kind, text)
        if key not in self._found:
            self._found[key] = self._search(kind, text)
        return self._found[key]

    def _search(self, kind: str, text: str) -> tuple[StepDefinition, dict[str, str]] | None:
        for length in self._lengths:
            if length > len(text):
                continue
            for definition in self._by_prefix.get((kind, text[:length]), ()):
                arguments = definition.parse(text)
                if arguments is not None:
                    return definition, arguments
        return None

    def patterns(self, kind: str) -> list[str]:
        """Return all patterns of a kind, sorted."""
        return sorted(item.pattern for (filed, _), items in self._by_prefix.items() if filed == kind for item in items)


REGISTRY = StepRegistry()


def given(pattern: str, *, row: RowOf | None = None) -> Callable[[Prepare], Prepare]:
    """Register what must be so before a message is sent; the function takes the draft and the step's arguments."""
    return _register_preparation("given", pattern, row)


def when(pattern: str, *, row: RowOf | None = None) -> Callable[[Prepare], Prepare]:
    """Register what is sent; the function takes the draft, the step's arguments and, if it wants, the docstring."""
    return _register_preparation("when", pattern, row)


def _register_preparation(kind: Kind, pattern: str, row: RowOf | None) -> Callable[[Prepare], Prepare]:
    def decorate(prepare: Prepare) -> Prepare:
        _refuse_async(prepare, pattern)

        def step_func(scene: Scene) -> None:
            scene.pass_preparation()

        context = StepFunctionContext(kind, step_func, parsers.parse(pattern))
        wants = "docstring" in inspect.signature(prepare).parameters
        REGISTRY.add(StepDefinition(kind, pattern, context, prepare=prepare, row=row, takes_docstring=wants))
        return prepare

    return decorate


def then(
    pattern: str, *, check: str, cls: ClassOf = CheckClass.REQUIRED, row: RowOf | None = None
) -> Callable[[Judge], Judge]:
    """Register a check; the function takes the scene and the step's arguments, and returns a verdict."""

    def decorate(judge: Judge) -> Judge:
        _refuse_async(judge, pattern)
        names = [name for name in inspect.signature(judge).parameters if name != "scene"]

        def step_func(scene: Scene, **arguments: str) -> None:
            scene.judge(check, judge, arguments)

        # pytest-bdd passes the arguments that the signature names.
        parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in ("scene", *names)]
        step_func.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        context = StepFunctionContext("then", step_func, parsers.parse(pattern))
        REGISTRY.add(StepDefinition("then", pattern, context, judge=judge, check=check, cls=cls, row=row))
        return judge

    return decorate


def _refuse_async(function: Callable[..., object], pattern: str) -> None:
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise StepDefinitionError(
            f"step {pattern!r} is defined with 'async def', which pytest-bdd never awaits: it would always pass. "
            "Define it with 'def'."
        )


def find_step(step: Step) -> tuple[StepDefinition, dict[str, str]] | None:
    """Return the definition of a scenario's step and its arguments."""
    return REGISTRY.find(step.type, step.text)
