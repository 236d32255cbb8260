"""One thing that a bundle claims and does not hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """A rule that the bundle breaks, the file that breaks it, and a sentence for a person."""

    rule: str
    file: str
    detail: str

    def to_json(self) -> dict[str, str]:
        """Return the fault as `gonogo verify --format json` prints it."""
        return {"rule": self.rule, "file": self.file, "detail": self.detail}
