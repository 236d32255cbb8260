"""What a preflight finds: one line a symptom, with what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

OK, WARN, FAIL = "ok", "warn", "fail"
_LEVELS = (OK, WARN, FAIL)


@dataclass(frozen=True, slots=True)
class Symptom:
    """One finding: what was looked at, how bad it is (`ok`, `warn`, `fail`), what was seen, and the next action."""

    topic: str
    level: str
    finding: str
    action: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return asdict(self)


def worst_of(symptoms: Iterable[Symptom]) -> str:
    """Return the worst level; no finding at all is a failure."""
    return max((one.level for one in symptoms), key=_LEVELS.index, default=FAIL)
