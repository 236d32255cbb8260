"""`gonogo compile`: packs → features."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gonogo.cli.output import print_line


def compile_features(
    system: Annotated[str | None, typer.Argument(help="The system to compile; all of them if left out.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where a feature differs.")] = False,
) -> None:
    """Compile packs into the features that are committed, or check that they still agree.

    Examples:

        gonogo compile

        gonogo compile richpanel --check
    """
    from gonogo.errors import DriftError, Problem, SourceError
    from gonogo.gherkin.compile import compile_packs
    from gonogo.sources.project import Project

    project = Project.from_path(Path.cwd())
    problems: list[Problem] = []
    drift: list[Problem] = []
    unbound: list[Problem] = []
    for name in [system] if system else project.systems:
        try:
            loaded = project.load_system(name)
        except SourceError as error:
            problems += error.problems
            continue
        checklists = list(loaded.checklists.values())
        compiled = compile_packs(
            list(loaded.packs.values()), loaded.vocabulary, list(loaded.gates.values()), checklists
        )
        folder = project.features_of(name)
        cases = sum(len(pack.cases) for pack in loaded.packs.values())
        if check:
            found = compiled.find_drift(folder, project.relative(folder))
            drift += found
            if not found:
                print_line(f"{name}: {cases} cases, features agree with their sources")
        else:
            changed = compiled.write(folder)
            listed = ", ".join(f"{project.relative(folder)}/{file}" for file in changed) or "nothing changed"
            print_line(f"{name}: {cases} cases; {listed}")
            unbound += compiled.unbound
    if problems:
        raise SourceError(problems, "Correct the lines above and compile again.")
    if unbound:
        raise DriftError(unbound, "The features were written; the items above wait for a person until they are bound.")
    if drift:
        raise DriftError(drift, "Run 'gonogo compile' and review the change.")
