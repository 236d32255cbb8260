"""The classifier: one primary intent for a message, by rules or by a label, and the suspicion of a prompt injection."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from gonogo.sandbox.richpanel.catalog import INTENTS, UNKNOWN
from gonogo.sandbox.richpanel.faults import FaultSet
from gonogo.sandbox.richpanel.injection import is_injection
from gonogo.sandbox.richpanel.normalize import normalize
from gonogo.sandbox.richpanel.rules import find_intents

# Longer texts are read in a thread, so that one long mail does not delay the acknowledgements.
INLINE_CHARACTERS = 1500


@dataclass(frozen=True)
class Reading:
    """What the classifier made of a message."""

    intent: str
    injection: bool


class Classifier:
    """Classifies messages; a message with exactly a labelled text gets its label, all others go by the rules."""

    def __init__(self, labels: Mapping[str, str], faults: FaultSet) -> None:
        self._labels = labels
        self._faults = faults

    async def read(self, text: str) -> Reading:
        """Return the reading of a text without blocking the event loop for long."""
        if len(text) <= INLINE_CHARACTERS:
            return self.classify(text)
        return await asyncio.to_thread(self.classify, text)

    def classify(self, text: str) -> Reading:
        """Return the reading of a text."""
        normalized = normalize(text)
        found = find_intents(normalized)
        label = self._labels.get(text)
        intent = label if label is not None else choose_primary(found)
        if self._faults.active("multi_intent_lowest"):
            intent = choose_lowest([*found, *([label] if label else [])])
        if intent == "technical_support" and self._faults.active("wrong_intent"):
            intent = "pre_purchase_question"
        return Reading(intent, is_injection(normalized))


def choose_primary(found: list[str]) -> str:
    """Return the intent with the highest priority, the more specific one within a level."""
    return min(found, key=_precedence, default=UNKNOWN)


def choose_lowest(found: list[str]) -> str:
    """Return the intent that should have come last."""
    return max(found, key=_precedence, default=UNKNOWN)


def _precedence(name: str) -> tuple[int, int]:
    return INTENTS[name].priority, INTENTS[name].rank
