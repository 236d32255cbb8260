"""The words and counts of a regression judgement: labels, outputs, and the confusion between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from typing import Annotated

from pydantic import Field

from gonogo.model.vocabulary import Frozen, Vocabulary, Word

SETS = ("fixed", "adversarial", "multi_intent")
INVALID = -1
INVALID_NAME = "(invalid)"
UNKNOWN_INTENT = "unknown_other"
LISTED_CASES = 1000
# What an action does by itself; every other word acts on an order or an account, which is tier 3.
ACTION_TIERS = {"route_only": 0, "no_reply": 0, "no_duplicate_reply": 0, "auto_reply_tier1": 1, "auto_reply_tier2": 2}
FORBIDDEN_TIER = 3
NO_ACTION = -1


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """The intents of a system in a fixed order, with what the judgement has to know of each."""

    system: str
    intents: tuple[str, ...]
    tier0: frozenset[str]
    teams: Mapping[str, str]
    known_teams: frozenset[str]
    template_tiers: Mapping[str, int]

    @classmethod
    def from_vocabulary(cls, vocabulary: Vocabulary) -> Taxonomy:
        """Return the taxonomy of a system's vocabulary."""
        return cls(
            vocabulary.system,
            tuple(vocabulary.intents),
            frozenset(name for name, intent in vocabulary.intents.items() if intent.tier == 0),
            {name: intent.team for name, intent in vocabulary.intents.items()},
            frozenset(vocabulary.teams),
            {name: template.tier for name, template in vocabulary.templates.items()},
        )

    def name_of(self, index: int) -> str:
        """Return the name of an intent by its place; `INVALID` has a name that no intent has."""
        return INVALID_NAME if index == INVALID else self.intents[index]


class Price(Frozen):
    """What a model costs, in the currency of its file, for a million tokens read and a million written."""

    input_per_million: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
    output_per_million: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class Prices(Frozen):
    """The prices of the models that outputs may come from."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    models: dict[Word, Price] = Field(min_length=1)


@dataclass(slots=True)
class TokenSums:
    """Sums over the outputs of one model; the squares give the spread without keeping the values."""

    n: int = 0
    read: int = 0
    written: int = 0
    read_squared: int = 0
    written_squared: int = 0
    product: int = 0

    def add(self, read: int, written: int) -> None:
        """Count one output."""
        self.n += 1
        self.read += read
        self.written += written
        self.read_squared += read * read
        self.written_squared += written * written
        self.product += read * written


@dataclass(slots=True)
class CaseList:
    """A count of cases, and the first of them by line; bounded, so that a bad file costs no memory."""

    keep: int = LISTED_CASES
    count: int = 0
    _first: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)

    def add(self, line: int, facts: tuple[str, ...]) -> None:
        """Count a case; `facts` holds its id first and never a word of content."""
        self.count += 1
        entry = (-line, facts)
        if len(self._first) < self.keep:
            heappush(self._first, entry)
        else:
            heappushpop(self._first, entry)

    @property
    def listed(self) -> list[tuple[int, tuple[str, ...]]]:
        """Return line and facts of the first cases in order of their line."""
        return sorted((-line, facts) for line, facts in self._first)


@dataclass(slots=True)
class PairCounts:
    """How each case fared under the baseline and now."""

    both_pass: int = 0
    both_fail: int = 0
    newly_failing: CaseList = field(default_factory=CaseList)
    newly_passing: CaseList = field(default_factory=CaseList)


@dataclass(slots=True)
class Tally:
    """Everything that is counted over labels and outputs; its size depends on the vocabulary and not on the files.

    `confusion` is by set, labelled intent and predicted intent, as places in `SETS` and the taxonomy.
    """

    confusion: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    outputs: int = 0
    invalid_rules: Counter[str] = field(default_factory=Counter)
    invalid: int = 0
    routing: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    tokens: dict[str, TokenSums] = field(default_factory=dict)
    tier0_missed: CaseList = field(default_factory=CaseList)
    tier0_replies: CaseList = field(default_factory=CaseList)
    tier0_confused: CaseList = field(default_factory=CaseList)
    without_match: int = 0
    tier2_actions: int = 0
    tier2_violations: CaseList = field(default_factory=CaseList)
    tier3_violations: CaseList = field(default_factory=CaseList)
    without_action: int = 0
    wrong: dict[tuple[int, int], CaseList] = field(default_factory=dict)
    pairs: PairCounts | None = None

    @property
    def labels(self) -> int:
        """Return how many labelled messages were counted."""
        return sum(self.confusion.values())
