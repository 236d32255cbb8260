"""A project on disk: where the systems, their sources and their features lie."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gonogo.errors import Problem, SourceError, UsageError
from gonogo.model.case import Pack
from gonogo.model.environment import Environments
from gonogo.model.plan import Plan
from gonogo.model.vocabulary import Vocabulary
from gonogo.sources.smoke_csv import read_pack
from gonogo.sources.suggest import suggest
from gonogo.sources.system_files import load_environments, load_plan, load_vocabulary


@dataclass(frozen=True, slots=True)
class System:
    """Everything that a system's files say, checked; the packs are by file name."""

    name: str
    vocabulary: Vocabulary
    plan: Plan
    environments: Environments
    packs: dict[str, Pack]


@dataclass(frozen=True, slots=True)
class Project:
    """The folder that holds smoke_cases/, features/ and pyproject.toml; `step_modules` come from `[tool.gonogo]`."""

    root: Path
    step_modules: tuple[str, ...]

    @classmethod
    def from_path(cls, start: Path) -> Project:
        """Return the project that a folder lies in; raises `UsageError` where none is found above it."""
        start = start.resolve()
        for folder in (start, *start.parents):
            if (folder / "smoke_cases").is_dir():
                return cls(folder, _step_modules(folder / "pyproject.toml"))
        raise UsageError(
            f"no smoke_cases/ folder here or above: {start}",
            "Run gonogo inside a project, or create smoke_cases/<system>/.",
        )

    def sources_of(self, system: str) -> Path:
        """Return the folder of a system's sources."""
        return self.root / "smoke_cases" / system

    def features_of(self, system: str) -> Path:
        """Return the folder of a system's features."""
        return self.root / "features" / system

    @property
    def systems(self) -> tuple[str, ...]:
        """Return the names of all systems, sorted."""
        return tuple(
            sorted(
                path.name
                for path in (self.root / "smoke_cases").iterdir()
                if path.is_dir() and path.name[0] not in "._"
            )
        )

    def relative(self, path: Path) -> str:
        """Return a path as people see it: relative to the project where it lies inside."""
        resolved = path.resolve()
        return resolved.relative_to(self.root).as_posix() if resolved.is_relative_to(self.root) else str(path)

    def load_system(
        self, name: str, *, cases: Path | None = None, environments: Path | None = None, with_packs: bool = True
    ) -> System:
        """Return a checked system; raises `SourceError` with every problem of every file at once.

        `cases` is read in the place of the plan's packs, `environments` in the place of the system's own file.
        """
        if name not in self.systems:
            raise UsageError(f"system {name!r} is not here; {suggest(name, self.systems)}")
        folder = self.sources_of(name)
        problems: list[Problem] = []
        vocabulary_path, plan_path = folder / "vocabulary.yaml", folder / "plan.yaml"
        environments_path = environments or folder / "environments.yaml"
        vocabulary, found = load_vocabulary(vocabulary_path, self.relative(vocabulary_path))
        problems += found
        plan, found = load_plan(plan_path, self.relative(plan_path), vocabulary)
        problems += found
        known, found = load_environments(environments_path, self.relative(environments_path), vocabulary)
        problems += found
        packs: dict[str, Pack] = {}
        if vocabulary is not None and with_packs:
            for path in [cases] if cases else _pack_files(folder, plan):
                packs[path.name], found = read_pack(path, self.relative(path), vocabulary)
                problems += found
            problems += _shared_ids(packs)
        if problems:
            raise SourceError(problems, "Nothing was sent. Correct the lines above and run the command again.")
        if vocabulary is None or plan is None or known is None:
            raise AssertionError("a file without problems has its data")
        return System(name, vocabulary, plan, known, packs)


def _pack_files(folder: Path, plan: Plan | None) -> list[Path]:
    """Return the packs of a plan that are there; the plan's own problems name the others."""
    here = {path.name: path for path in sorted(folder.glob("*.csv")) if path.is_file()}
    return list(here.values()) if plan is None else [here[pack] for pack in plan.packs if pack in here]


def _shared_ids(packs: dict[str, Pack]) -> list[Problem]:
    """Return a problem for every id that stands in two packs: ids name cases across a system."""
    first: dict[str, str] = {}
    problems = []
    for pack in packs.values():
        for case in pack.cases:
            other = first.setdefault(case.id.casefold(), pack.file)
            if other != pack.file:
                text = f"is {case.id!r}, which stands in {other} already. Give it another id."
                problems.append(Problem(pack.file, case.source.line, "test_id", text))
    return problems


def _step_modules(pyproject: Path) -> tuple[str, ...]:
    if not pyproject.is_file():
        return ()
    try:
        table: Any = tomllib.loads(pyproject.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourceError([Problem("pyproject.toml", 0, "", f"not TOML: {error}. Correct the syntax.")]) from error
    for key in ("tool", "gonogo"):
        table = table.get(key, {}) if isinstance(table, dict) else {}
    steps = table.get("steps", []) if isinstance(table, dict) else None
    if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
        text = 'is not a list of module names. Write steps = ["steps.tickets"].'
        raise SourceError([Problem("pyproject.toml", 0, "tool.gonogo.steps", text)])
    return tuple(steps)
