"""What the running system says about itself: build, release and environment."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from gonogo.sandbox.richpanel.faults import FaultSet

CHANGE_AFTER_DECISIONS = 10
CHANGE_AFTER_SECONDS = 5.0


@dataclass
class BuildIdentity:
    """The build that answers; constant unless the fault `build_changes` swaps it under way."""

    build: str
    env: str
    faults: FaultSet
    decision_count: Callable[[], int]
    started: float = field(default_factory=time.monotonic)

    def current(self) -> str:
        """Return the build that serves now."""
        if self.faults.active("build_changes") and (
            self.decision_count() >= CHANGE_AFTER_DECISIONS or time.monotonic() - self.started >= CHANGE_AFTER_SECONDS
        ):
            return f"{self.build}-next"
        return self.build
