"""A rollback as it goes, shared by the modules that write, prove and record it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from gonogo.model.flags import FlagValue
from gonogo.release.effect import EffectReport
from gonogo.release.flag_writes import FlagWriter
from gonogo.release.preemption import Preemption
from gonogo.release.rollback_flags import ChosenFlags
from gonogo.release.rollback_request import RollbackRequest
from gonogo.release.stored_flags import StoreReader
from gonogo.release.switch import Switch
from gonogo.sources.lone_rollback import LoneRollback

Tell = Callable[[str], None]


@dataclass
class Course:
    """A rollback as it goes: what was asked, what was done, and when (seconds since the epoch)."""

    request: RollbackRequest
    id: str
    switch: Switch
    plan: LoneRollback
    chosen: ChosenFlags
    writer: FlagWriter
    before: StoreReader
    tell: Tell
    notes: list[str] = field(default_factory=list)
    timeline: list[tuple[float, str]] = field(default_factory=list)
    ledger: Preemption = field(default_factory=Preemption)
    effect: EffectReport | None = None
    interrupted: bool = False
    after: dict[str, FlagValue] | str = "the flags were not read"

    def mark(self, text: str, at: float | None = None) -> None:
        """Note an event of the timeline and tell it."""
        self.timeline.append((time.time() if at is None else at, text))
        self.tell(text)
