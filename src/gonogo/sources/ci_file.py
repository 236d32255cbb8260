"""ci.yaml of one system, with every problem at once."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pathspec import GitIgnoreSpec

from gonogo.errors import SourceError
from gonogo.model.ci import MergeGates
from gonogo.sources.suggest import suggest
from gonogo.sources.yaml_file import YamlFile, read_yaml
from gonogo.sources.yaml_model import parse_model

CI_FILE = "ci.yaml"


def require_merge_gates(
    path: Path, name: str, *, system: str, stages: Collection[str], environments: Collection[str]
) -> MergeGates:
    """Return the merge gates of a system; raises `SourceError` with all problems of the file."""
    file = read_yaml(path, name)
    gates = parse_model(file, MergeGates)
    if gates is not None:
        _check(file, gates, system, stages, environments)
    if file.problems or gates is None:
        raise SourceError(file.problems, "No gate was run. Correct the lines above and run the command again.")
    return gates


def _check(
    file: YamlFile, gates: MergeGates, system: str, stages: Collection[str], environments: Collection[str]
) -> None:
    if gates.system != system:
        file.report(("system",), f"is {gates.system!r}, but the folder is {system!r}. Correct it.")
    seen: dict[str, int] = {}
    for index, gate in enumerate(gates.gates):
        first = seen.setdefault(gate.id, index)
        if first != index:
            line = file.line_of(("gates", first, "id"))
            file.report(("gates", index, "id"), f"{gate.id!r} stands in line {line} already. Give it another id.")
        if gate.env not in environments:
            file.report(("gates", index, "env"), f"{gate.env!r} is not here; {suggest(gate.env, environments)}")
        if gate.run == "smoke" and gate.stage is None:
            file.report(("gates", index), "a smoke gate needs a stage. Write 'stage: 0'.")
        if gate.run == "regression" and gate.stage is not None:
            file.report(("gates", index, "stage"), "a regression gate has no stage. Remove it.")
        if gate.stage is not None and gate.stage not in stages:
            file.report(("gates", index, "stage"), f"{gate.stage!r} is not in the plan; {suggest(gate.stage, stages)}")
        _check_patterns(file, ("gates", index, "on"), gate.on)
    _check_patterns(file, ("ignore",), gates.ignore)
    _check_patterns(file, ("governed",), gates.governed)


def _check_patterns(file: YamlFile, at: tuple[str | int, ...], patterns: Collection[str]) -> None:
    for number, pattern in enumerate(patterns):
        try:
            GitIgnoreSpec.from_lines([pattern])
        except ValueError as error:
            file.report((*at, number), f"{pattern!r} is no pattern of .gitignore: {error}. Correct it.")
        if pattern.startswith("!"):
            file.report((*at, number), f"{pattern!r} takes files out again, which is not supported. Name what counts.")
