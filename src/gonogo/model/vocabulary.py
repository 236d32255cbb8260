"""The words of one system: intents, teams, tags, templates by tier, channels."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\"\x00-\x1f\x7f]+$")]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Frozen(BaseModel):
    """A file's data, read once and never changed; unknown keys and loose types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Template(Frozen):
    """A reply template; `order` names the order fixture that its verified reply needs."""

    tier: int = Field(ge=1, le=3)
    order: Word | None = None


class Intent(Frozen):
    """Where an intent goes, the tags it gets, and the tier-1 reply that it may get without an order match."""

    tier: int = Field(ge=0, le=3)
    priority: int = Field(ge=0, le=9)
    team: Word
    tags: tuple[Word, ...] = Field(min_length=1)
    reply: Word | None = None
    verified: tuple[Word, ...] = ()


class Vocabulary(Frozen):
    """All words that the packs of a system may use; whatever is not listed here is an error in a pack."""

    system: Name
    channels: tuple[Name, ...] = Field(min_length=1)
    teams: tuple[Word, ...] = Field(min_length=1)
    neutral_tags: tuple[Word, ...] = ()
    templates: dict[Word, Template]
    intents: dict[Word, Intent] = Field(min_length=1)

    @property
    def known_tags(self) -> frozenset[str]:
        """Return every tag that a ticket may carry."""
        return frozenset(self.neutral_tags).union(*(intent.tags for intent in self.intents.values()))

    def tier_of(self, template: str) -> int:
        """Return the tier of a template."""
        return self.templates[template].tier
