"""A case: one thing to verify about how a support message is handled."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gonogo.model.outcome import SourceRef


class Mode(StrEnum):
    """What a row needs around its message: flags, an order, a second delivery."""

    ROUTE_ONLY = "route_only"
    TIER0_SAFETY = "tier0_safety"
    TIER1_AUTOMATION = "tier1_automation"
    TIER2_NO_MATCH = "tier2_verified_no_match"
    TIER2_MATCH = "tier2_verified_match"
    MULTI_INTENT = "multi_intent"
    DUPLICATE = "idempotency_duplicate_webhook"
    KILL_AUTOMATION = "kill_switch_automation_disabled"
    KILL_SAFE_MODE = "kill_switch_safe_mode"

    @property
    def is_kill_switch(self) -> bool:
        """Return whether the row throws a kill switch."""
        return self in (Mode.KILL_AUTOMATION, Mode.KILL_SAFE_MODE)

    @property
    def is_tier2(self) -> bool:
        """Return whether the row is about verified replies."""
        return self in (Mode.TIER2_MATCH, Mode.TIER2_NO_MATCH)


class Action(StrEnum):
    """What a row expects the middleware to do."""

    ROUTE_ONLY = "route_only"
    AUTO_REPLY_TIER1 = "auto_reply_tier1"
    AUTO_REPLY_TIER2 = "auto_reply_tier2"
    NO_DUPLICATE_REPLY = "no_duplicate_reply"


@dataclass(frozen=True, slots=True)
class Case:
    """One row of a smoke pack; `template` is None where the row says that nothing is sent."""

    id: str
    mode: Mode
    channel: str
    message: str
    intent: str
    team: str
    tags: tuple[str, ...]
    template: str | None
    action: Action
    notes: str
    source: SourceRef


@dataclass(frozen=True, slots=True)
class Pack:
    """The cases of one source file; `digest` is the SHA-256 of its bytes."""

    name: str
    file: str
    digest: str
    cases: tuple[Case, ...]
