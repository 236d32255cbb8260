"""A gates file as a run and its features see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gonogo.model.gate import GateSpec
from gonogo.model.metric import GatesFile
from gonogo.model.outcome import SourceRef


@dataclass(frozen=True, slots=True)
class GatePack:
    """The gates of one file: where it lies, the digest of its bytes, and the line of each gate by id."""

    file: str
    name: str
    digest: str
    content: GatesFile
    lines: Mapping[str, int]

    @property
    def gates(self) -> tuple[GateSpec, ...]:
        """Return the gates in the order of the file."""
        return self.content.gates

    def source_of(self, gate: str) -> SourceRef:
        """Return the place of a gate."""
        return SourceRef(self.file, self.lines[gate])
