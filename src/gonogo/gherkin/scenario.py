"""A scenario as data, whether rendered from a case or read from a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

SCENARIO_ID = re.compile(r"^\[([A-Za-z0-9][A-Za-z0-9._-]{0,63})\]\s+\S")


class Step(NamedTuple):
    """One step: `type` is given, when or then; `keyword` is what stands in the file."""

    keyword: str
    type: str
    text: str
    docstring: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario; `name` starts with its id in brackets."""

    name: str
    tags: tuple[str, ...]
    steps: tuple[Step, ...]
    file: str = ""
    line: int = 0
    comment: str = ""

    @property
    def id(self) -> str:
        """Return the id in the name, or an empty text."""
        match = SCENARIO_ID.match(self.name)
        return match[1] if match else ""
