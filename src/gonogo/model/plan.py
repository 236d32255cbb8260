"""A system's release as data: the stages of its ladder and what each allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from gonogo.model.flags import AUTOMATION, CHANNELS, SAFE_MODE, TIER2_CHANNELS, TIER2_TAGS, FlagValue, template_flag
from gonogo.model.vocabulary import Frozen, Vocabulary, Word


def _stage_id(value: object) -> object:
    """Return a stage id as text: people write `id: 1` and `--stage 1`."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


StageId = Annotated[Word, BeforeValidator(_stage_id)]


class Tier2(Frozen):
    """The subset of tickets that verified replies are open to; an absent list means no restriction."""

    channels: tuple[Word, ...] | None = None
    tags: tuple[Word, ...] | None = None


class Stage(Frozen):
    """One step of the ladder: its switches, what may be sent, to whom, and which packs run."""

    id: StageId
    name: Word
    purpose: str = ""
    safe_mode: bool
    automation_enabled: bool
    channels: tuple[Word, ...]
    templates: tuple[Word, ...]
    tier2: Tier2 = Tier2()
    instead: dict[Word, Word] = Field(default_factory=dict)
    packs: tuple[Word, ...] = Field(min_length=1)
    gates: tuple[Word, ...] = ()
    checklists: tuple[Word, ...] = ()

    @property
    def automation_on(self) -> bool:
        """Return whether this stage lets any reply out."""
        return self.automation_enabled and not self.safe_mode

    def flag_state(self, vocabulary: Vocabulary) -> dict[str, FlagValue]:
        """Return the value of every flag in this stage, in the order in which they are applied."""
        state: dict[str, FlagValue] = {
            CHANNELS: self.channels,
            TIER2_CHANNELS: self.tier2.channels,
            TIER2_TAGS: self.tier2.tags,
        }
        state.update({template_flag(name): name in self.templates for name in sorted(vocabulary.templates)})
        # The switches come last: nothing goes out before everything that limits it is in place.
        state[SAFE_MODE] = self.safe_mode
        state[AUTOMATION] = self.automation_enabled
        return state


class Plan(Frozen):
    """The ladder of one system."""

    system: Word
    stages: tuple[Stage, ...] = Field(min_length=1)

    @property
    def by_id(self) -> Mapping[str, Stage]:
        """Return the stages by their id."""
        return {stage.id: stage for stage in self.stages}

    @property
    def gates(self) -> tuple[str, ...]:
        """Return the file names of all gates files, each once, in the order of the ladder."""
        return tuple(dict.fromkeys(file for stage in self.stages for file in stage.gates))

    @property
    def checklists(self) -> tuple[str, ...]:
        """Return the file names of all checklists, each once, in the order of the ladder."""
        return tuple(dict.fromkeys(file for stage in self.stages for file in stage.checklists))

    @property
    def packs(self) -> tuple[str, ...]:
        """Return the file names of all packs, each once, in the order of the ladder."""
        return tuple(dict.fromkeys(pack for stage in self.stages for pack in stage.packs))
