"""The preflight: everything that a run of an environment needs, looked at without changing anything there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gonogo.errors import EXIT_GO, EXIT_UNREACHABLE, EXIT_USAGE, GonogoError, SourceError, UsageError
from gonogo.release.doctor_metrics import LOOKS as METRICS
from gonogo.release.doctor_place import LOOKS as PLACE
from gonogo.release.doctor_target import LOOKS as TARGET
from gonogo.release.doctor_target import running
from gonogo.release.patient import Look, Patient
from gonogo.release.symptoms import FAIL, OK, Symptom, worst_of
from gonogo.sources.lone_environment import read_lone_environment
from gonogo.sources.project import Project, System
from gonogo.sources.suggest import suggest

SCHEMA = "gonogo/doctor/1"
UNREACHABLE = ("reachable", "health")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found, one symptom a line, in the order of looking."""

    system: str
    environment: str
    stage: str | None
    release: str | None
    symptoms: tuple[Symptom, ...]

    @property
    def exit_code(self) -> int:
        """Return 0 where nothing failed (warnings are told), 5 where the target cannot be reached, else 2."""
        failed = {one.topic for one in self.symptoms if one.level == FAIL}
        if not failed:
            return EXIT_GO
        return EXIT_UNREACHABLE if failed & set(UNREACHABLE) else EXIT_USAGE

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "schema": SCHEMA,
            "system": self.system,
            "environment": self.environment,
            "stage": self.stage,
            "release": self.release,
            "worst": worst_of(self.symptoms),
            "lines": [one.to_json() for one in self.symptoms],
        }


def examine(
    project: Project,
    system: str,
    environment_name: str,
    now: datetime,
    *,
    stage: str | None = None,
    release: str | None = None,
    environments: Path | None = None,
    key_name: str | None = None,
) -> Diagnosis:
    """Return what a preflight finds; every look is taken, whatever the others find.

    Raises `UsageError` for a system, an environment or a stage that is not there, `SourceError` where not even the
    environment by itself can be read.
    """
    if system not in project.systems:
        raise UsageError(f"system {system!r} is not here; {suggest(system, project.systems)}")
    loaded, symptoms = _load(project, system, environments)
    if loaded is not None and stage is not None and stage not in loaded.plan.by_id:
        raise UsageError(f"stage {stage!r} is not in the plan; {suggest(stage, list(loaded.plan.by_id))}")
    path = environments or project.sources_of(system) / "environments.yaml"
    lone = read_lone_environment(path, project.relative(path), environment_name)
    patient = Patient(
        project,
        system,
        environment_name,
        lone.environment,
        lone.interface,
        loaded,
        now,
        stage,
        release,
        environments=environments,
        key_name=key_name,
    )
    for look in PLACE:
        symptoms += _take(look, patient)
    with running(patient) as (here, told):
        symptoms += told
        for look in (*TARGET, *METRICS):
            symptoms += _take(look, here)
    return Diagnosis(system, environment_name, stage, release, tuple(symptoms))


def _load(project: Project, system: str, environments: Path | None) -> tuple[System | None, list[Symptom]]:
    try:
        loaded = project.load_system(system, environments=environments)
    except SourceError as error:
        problems = [Symptom("sources", FAIL, str(one), "Correct the file.") for one in error.problems]
        return None, problems
    cases = sum(len(pack.cases) for pack in loaded.packs.values())
    count = f"{cases} cases, {len(loaded.plan.stages)} stages, {len(loaded.environments.environments)} environments"
    return loaded, [Symptom("sources", OK, f"the files hold together: {count}")]


def _take(look: Look, patient: Patient) -> Iterator[Symptom]:
    """Yield what a look finds; one that cannot be taken is a finding and hides none of the others."""
    topic = look.__name__.removeprefix("look_at_").replace("_", " ")
    try:
        yield from list(look(patient))
    except SourceError as error:
        for problem in error.problems:
            yield Symptom(topic, FAIL, str(problem), error.hint)
    except GonogoError as error:
        yield Symptom(topic, FAIL, error.message, error.hint)
