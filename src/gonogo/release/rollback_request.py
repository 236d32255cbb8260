"""What a rollback is asked for, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """Which option, where, by whom and why.

    `template` or `intent` name what option B turns off. For option C, `release` is what must be deployed afterwards
    (`verify` says that the commands were run), `values` fill further placeholders. `base_url` and `token_env` are those
    of an embedded sandbox.
    """

    project_root: Path
    system: str
    environment: str
    option: str
    who: str
    why: str
    template: str | None = None
    intent: str | None = None
    environments: Path | None = None
    base_url: str | None = None
    token_env: str | None = None
    automatic: bool = False
    trigger: str | None = None
    release: str | None = None
    previous_release: str | None = None
    verify: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    key_name: str | None = None

    @property
    def sources(self) -> Path:
        """Return the folder of the system's sources."""
        return self.project_root / "smoke_cases" / self.system

    @property
    def environments_file(self) -> Path:
        """Return the environments file, the system's own unless another was named."""
        return self.environments or self.sources / "environments.yaml"

    def shown(self, path: Path) -> str:
        """Return a path as problems call it: relative to the project where it lies inside."""
        root, resolved = self.project_root.resolve(), path.resolve()
        return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else str(path)


@dataclass(frozen=True, slots=True)
class RollbackReport:
    """What a rollback came to; `record` is rollback.json, `time_to_safe` in seconds from the first write.

    `effect` is proven, not_proven (performed, and the effect could not be observed), no_effect or failed; `sealed` says
    whether the folder is a sealed bundle, or why not.
    """

    record: dict[str, Any]
    effect: str
    time_to_safe: float | None
    folder: Path
    next_commands: tuple[str, ...]
    exit_code: int
    sealed: str = ""


def new_rollback_id() -> str:
    """Return an id that sorts by time among those of runs, and is unique."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{token_hex(3)}"
