"""What a preflight looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gonogo.model.environment import Environment
from gonogo.model.http_interface import HttpInterface
from gonogo.release.symptoms import Symptom
from gonogo.sources.project import Project, System


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at; `system` is None where its sources do not hold, `base_url` that of a started sandbox."""

    project: Project
    name: str
    environment_name: str
    environment: Environment
    interface: HttpInterface
    system: System | None
    now: datetime
    stage: str | None = None
    release: str | None = None
    base_url: str | None = None
    environments: Path | None = None
    key_name: str | None = None
    token_env: str | None = None

    @property
    def address(self) -> str | None:
        """Return where the target is; None for a sandbox that lives as long as a run."""
        return self.base_url or self.environment.base_url


Look = Callable[[Patient], Iterable[Symptom]]
