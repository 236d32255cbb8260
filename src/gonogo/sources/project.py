"""A project on disk: where the systems, their sources and their features lie."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gonogo.errors import Problem, SourceError, UsageError
from gonogo.model.binding import BoundChecklist
from gonogo.model.case import Pack
from gonogo.model.environment import Environments
from gonogo.model.evidence_policy import EvidencePolicy
from gonogo.model.gate_pack import GatePack
from gonogo.model.parameter_defaults import ParameterDefaults
from gonogo.model.plan import Plan
from gonogo.model.vocabulary import Vocabulary
from gonogo.sources.checklist.bindings import load_bound_checklist
from gonogo.sources.defaults_file import DEFAULTS_FILE, load_defaults
from gonogo.sources.evidence_file import load_evidence_policy
from gonogo.sources.gates_file import GATES_FILE, read_gate_pack
from gonogo.sources.plan_file import read_plan
from gonogo.sources.plan_references import Known, check_references, read_scenario_ids
from gonogo.sources.smoke_csv import read_pack
from gonogo.sources.suggest import quote_value, suggest
from gonogo.sources.system_files import load_environments, load_vocabulary
from gonogo.sources.trust_file import load_trust_file

_KEYID = re.compile(r"[0-9a-f]{64}")
_SETTINGS = ("steps", "ledger", "trust_root")


@dataclass(frozen=True, slots=True)
class System:
    """Everything that a system's files say, checked; the packs are by file name."""

    name: str
    vocabulary: Vocabulary
    plan: Plan
    environments: Environments
    packs: dict[str, Pack]
    evidence: EvidencePolicy
    gates: Mapping[str, GatePack] = field(default_factory=dict)
    checklists: Mapping[str, BoundChecklist] = field(default_factory=dict)
    defaults: ParameterDefaults | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """The folder that holds smoke_cases/, features/ and pyproject.toml; the rest comes from its `[tool.gonogo]`."""

    root: Path
    step_modules: tuple[str, ...]
    ledger: str | None = None
    trust_root: str | None = None

    @classmethod
    def from_path(cls, start: Path) -> Project:
        """Return the project that a folder lies in; raises `UsageError` where none is found above it."""
        start = start.resolve()
        for folder in (start, *start.parents):
            if (folder / "smoke_cases").is_dir():
                return cls(folder, **_settings(folder / "pyproject.toml"))
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
        plan_file = read_plan(plan_path, self.relative(plan_path), vocabulary)
        plan = plan_file.plan
        known, found = load_environments(environments_path, self.relative(environments_path), vocabulary)
        problems += found
        evidence_path = folder / "evidence.yaml"
        evidence, found = load_evidence_policy(evidence_path, self.relative(evidence_path), name)
        problems += found
        defaults_path = folder / DEFAULTS_FILE
        defaults, found = load_defaults(defaults_path, self.relative(defaults_path), name)
        problems += found
        packs: dict[str, Pack] = {}
        before = len(problems)
        # What a faulty plan names is read too: the problems of all files come at once.
        named = plan_file.mended
        if vocabulary is not None and with_packs:
            for path in [cases] if cases else _pack_files(folder, named):
                packs[path.name], found = read_pack(path, self.relative(path), vocabulary)
                problems += found
            problems += _shared_ids(packs)
        gates, found = _read_gates(self, folder, name, named)
        problems += found
        checklists, found = _read_checklists(self, folder, named, packs, gates)
        problems += found
        ids = _known_ids(self, name, packs, gates, checklists)
        incomplete = cases or not with_packs or not packs or not self.features_of(name).is_dir()
        if incomplete or len(problems) > before:
            ids = replace(ids, cases=None)
        if known is not None and environments is None:
            ids = replace(ids, environments=known.environments)
        check_references(plan_file, folder, ids)
        problems += plan_file.problems
        if problems:
            raise SourceError(problems, "Nothing was sent. Correct the lines above and run the command again.")
        if vocabulary is None or plan is None or known is None or evidence is None:
            raise AssertionError("a file without problems has its data")
        return System(name, vocabulary, plan, known, packs, evidence, gates, checklists, defaults)


def _known_ids(
    project: Project,
    system: str,
    packs: Mapping[str, Pack],
    gates: Mapping[str, GatePack],
    checklists: Mapping[str, BoundChecklist],
) -> Known:
    """Return the ids that the plan may name."""
    trust_path = project.root / "trust.yaml"
    # What is wrong in the trust file is told where it is used; the plan only has to agree with it.
    trust = load_trust_file(trust_path, trust_path.name)[0] if trust_path.is_file() else None
    return Known(
        {name: {case.id for case in pack.cases} for name, pack in packs.items()},
        {name: {gate.id for gate in pack.gates} for name, pack in gates.items()},
        {name: {item.id for item in found.items} for name, found in checklists.items()},
        read_scenario_ids(project.features_of(system)),
        trust=trust,
    )


def _read_checklists(
    project: Project,
    folder: Path,
    plan: Plan | None,
    packs: Mapping[str, Pack],
    gates: Mapping[str, GatePack],
) -> tuple[dict[str, BoundChecklist], list[Problem]]:
    """Return the checklists that the plan names, those that are there, each with its bindings."""
    lists: dict[str, BoundChecklist] = {}
    problems: list[Problem] = []
    first = {case.id.casefold(): pack.file for pack in packs.values() for case in pack.cases}
    first |= {gate.id.casefold(): pack.file for pack in gates.values() for gate in pack.gates}
    for path in (folder / name for name in (plan.checklists if plan else ()) if (folder / name).is_file()):
        found, wrong = load_bound_checklist(path, project.relative(path))
        problems += wrong
        if found is None:
            continue
        lists[path.name] = found
        for item in found.items:
            other = first.setdefault(item.id.casefold(), found.file)
            if other != found.file:
                text = f"id {item.id!r} stands in {other} already. Give the list a prefix in its bindings."
                problems.append(Problem(found.file, item.item.line, "", text))
    return lists, problems


def _read_gates(
    project: Project, folder: Path, system: str, plan: Plan | None
) -> tuple[dict[str, GatePack], list[Problem]]:
    """Return gates.yaml and every other gates file that the plan names, those that are there."""
    names = dict.fromkeys((GATES_FILE, *(plan.gates if plan else ())))
    packs: dict[str, GatePack] = {}
    problems: list[Problem] = []
    first: dict[str, str] = {}
    for path in (folder / name for name in names if (folder / name).is_file()):
        pack, found = read_gate_pack(path, project.relative(path), system)
        problems += found
        if pack is None:
            continue
        packs[path.name] = pack
        for gate in pack.gates:
            other = first.setdefault(gate.id.casefold(), pack.file)
            if other != pack.file:
                text = f"gate {gate.id!r} stands in {other} already. Give it another id."
                problems.append(Problem(pack.file, pack.lines[gate.id], "gates", text))
    return packs, problems


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


def _settings(pyproject: Path) -> dict[str, Any]:
    """Return what `[tool.gonogo]` says, by the names of a project's fields; raises `SourceError` with every problem."""
    if not pyproject.is_file():
        return {"step_modules": ()}
    try:
        table: Any = tomllib.loads(pyproject.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourceError([Problem("pyproject.toml", 0, "", f"not TOML: {error}. Correct the syntax.")]) from error
    for key in ("tool", "gonogo"):
        table = table.get(key, {}) if isinstance(table, dict) else {}
    if not isinstance(table, dict):
        text = 'is not a table. Write [tool.gonogo] and below it steps = ["steps.tickets"].'
        raise SourceError([Problem("pyproject.toml", 0, "tool.gonogo", text)])
    texts = {key: f"is not known; {suggest(key, _SETTINGS)}" for key in table if key not in _SETTINGS}
    steps, ledger, root = table.get("steps", []), table.get("ledger"), table.get("trust_root")
    if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
        texts["steps"] = 'is not a list of module names. Write steps = ["steps.tickets"].'
    if ledger is not None and not _is_place(ledger):
        texts["ledger"] = f"is {quote_value(ledger)}; allowed: a folder, s3://bucket/prefix. Or leave it out."
    if root is not None and not (isinstance(root, str) and _KEYID.fullmatch(root)):
        texts["trust_root"] = f"is {quote_value(root)}; allowed: a keyid of 64 small hex digits. Or leave it out."
    if texts:
        raise SourceError([Problem("pyproject.toml", 0, f"tool.gonogo.{key}", text) for key, text in texts.items()])
    return {"step_modules": tuple(steps), "ledger": ledger, "trust_root": root}


def _is_place(ledger: object) -> bool:
    if not isinstance(ledger, str) or not ledger.strip():
        return False
    scheme, separator, rest = ledger.partition("://")
    return not separator or (scheme in ("file", "s3", "s3a") and bool(rest))
