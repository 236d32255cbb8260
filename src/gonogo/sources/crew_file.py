"""roles.yaml of one system: who plays which part of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gonogo.errors import Problem, SourceError
from gonogo.model.crew import CrewFile
from gonogo.model.trust import fold_name
from gonogo.sources.suggest import quote_value, suggest
from gonogo.sources.yaml_file import read_yaml
from gonogo.sources.yaml_model import parse_model

CREW_FILE = "roles.yaml"


def load_crew(
    path: Path, name: str, system: str, known: Mapping[str, object]
) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """Return the people of each role of a file, with all its problems; `known` are the roles of the plan."""
    file = read_yaml(path, name)
    crew = parse_model(file, CrewFile)
    if crew is None:
        return {}, file.problems
    if crew.system != system:
        file.report(("system",), f"is {crew.system!r}, but the folder is {system!r}. Correct one of them.")
    for role, people in crew.roles.items():
        if role not in known:
            file.report(("roles", role), f"is no role of plan.yaml; {suggest(role, known)}")
        folded = [fold_name(person) for person in people]
        for index, person in enumerate(people):
            if folded[index] in folded[:index]:
                file.report(("roles", role, index), f"{quote_value(person)} stands twice. Remove one.")
    return dict(crew.roles), file.problems


def require_crew(path: Path, name: str, system: str, known: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """Return the people of each role of a file; raises `SourceError` with every problem of it."""
    crew, problems = load_crew(path, name, system, known)
    if problems:
        raise SourceError(problems, "Nothing was sent. Correct the lines above and run the command again.")
    return crew
