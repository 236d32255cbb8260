"""What a trigger of the plan came to: data and its JSON record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

TriggerKind = Literal["immediate", "evaluation"]
KINDS: tuple[TriggerKind, ...] = ("immediate", "evaluation")


@dataclass(frozen=True, slots=True)
class TriggerState:
    """Whether a trigger fired, since when (ISO 8601 in UTC), why, and the rollback option that the plan names for it.

    An immediate one that fired makes NO-GO, one that asks for an evaluation holds.
    """

    id: str
    kind: TriggerKind
    fired: bool
    at: str | None = None
    reasons: tuple[str, ...] = ()
    option: str = ""

    @property
    def check(self) -> str:
        """Return the id under which it decides."""
        return f"{self.id}/fired"


def trigger_to_json(trigger: TriggerState) -> dict[str, Any]:
    """Return a trigger as it stands in triggers.json and decision.json."""
    return {
        "id": trigger.id,
        "kind": trigger.kind,
        "fired": trigger.fired,
        "at": trigger.at,
        "reasons": list(trigger.reasons),
        "option": trigger.option,
    }


def trigger_from_json(record: Mapping[str, Any]) -> TriggerState:
    """Return the trigger of a record; raises `KeyError`, `TypeError` or `ValueError` for one that is not whole."""
    kind, fired, at = record["kind"], record["fired"], record["at"]
    if kind not in KINDS or not isinstance(fired, bool) or not (at is None or isinstance(at, str)):
        raise ValueError("a trigger is immediate or evaluation, and fired or not")
    reasons = tuple(map(str, record["reasons"]))
    return TriggerState(str(record["id"]), kind, fired, at, reasons, str(record["option"]))
