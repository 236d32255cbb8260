"""A system's release as data: the stages of its ladder and what each allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from gonogo.model.flags import AUTOMATION, CHANNELS, SAFE_MODE, TIER2_CHANNELS, TIER2_TAGS, FlagValue, template_flag
from gonogo.model.gate import Duration
from gonogo.model.release_plan import (
    Allows,
    FollowUp,
    Forbids,
    MonitoringItem,
    Role,
    Rollback,
    Soak,
    StageApproval,
    Trigger,
)
from gonogo.model.vocabulary import Frozen, Name, Vocabulary, Word


def _stage_id(value: object) -> object:
    """Return a stage id as text: people write `id: 1` and `--stage 1`."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


StageId = Annotated[
    Word,
    BeforeValidator(_stage_id),
    WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1, "maxLength": 200}, {"type": "integer"}]}),
]


class Tier2(Frozen):
    """The subset of tickets that verified replies are open to; an absent list means no restriction."""

    channels: tuple[Word, ...] | None = None
    tags: tuple[Word, ...] | None = None


class Stage(Frozen):
    """One step of the ladder: its switches, what may be sent, to whom, what must be shown, and who approves.

    `environment` is where the stage counts on the ladder, None anywhere; `after` None means the stage before it in the
    file; `flag_order` names flags or groups of them; `fresh_for` is how old evidence may be to count, in seconds.
    """

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
    environment: Word | None = None
    after: tuple[StageId, ...] | None = None
    preconditions: tuple[Word, ...] = ()
    flag_order: tuple[Word, ...] = ()
    allows: Allows = Allows()
    forbids: tuple[Forbids, ...] = ()
    load: tuple[Word, ...] = ()
    soak: Soak | None = None
    watch: tuple[Word, ...] = ()
    fresh_for: Duration | None = None
    approvals: tuple[StageApproval, ...] = ()

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
    """The release of one system: its ladder, who plays which part, what leads back, and what follows."""

    system: Word
    roles: dict[Name, Role] = Field(default_factory=dict)
    stages: tuple[Stage, ...] = Field(min_length=1)
    rollback: Rollback | None = None
    triggers: tuple[Trigger, ...] = ()
    monitoring: tuple[MonitoringItem, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()

    def predecessors(self, stage_id: str) -> tuple[str, ...]:
        """Return the ids of the stages that come before a stage; raises `KeyError` for a stage that is not here."""
        ids = [stage.id for stage in self.stages]
        if stage_id not in ids:
            raise KeyError(stage_id)
        stage = self.by_id[stage_id]
        place = ids.index(stage_id)
        return stage.after if stage.after is not None else tuple(ids[place - 1 : place] if place else ())

    def trigger(self, trigger_id: str) -> Trigger:
        """Return a trigger; raises `KeyError` for one that is not here."""
        found = {trigger.id: trigger for trigger in self.triggers}
        return found[trigger_id]

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
    def watch(self) -> tuple[str, ...]:
        """Return the file names of all files of watch rules, each once, in the order of the ladder."""
        return tuple(dict.fromkeys(file for stage in self.stages for file in stage.watch))

    @property
    def packs(self) -> tuple[str, ...]:
        """Return the file names of all packs, each once, in the order of the ladder."""
        return tuple(dict.fromkeys(pack for stage in self.stages for pack in stage.packs))
