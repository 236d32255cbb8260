"""What a release asks of people: roles, soaks, limits, triggers, rollback options, monitoring and follow-ups."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema

from gonogo.model.flags import FlagValue
from gonogo.model.gate import Duration, word_of
from gonogo.model.vocabulary import Frozen, Name, Word

OptionId: TypeAlias = Literal["A", "B", "C"]
_PLACEHOLDER = re.compile(
    r"\$?\{(?P<braces>[A-Za-z_][A-Za-z0-9_ .-]*)\}|<(?P<angles>[A-Za-z_][A-Za-z0-9_ .-]*)>"
    r"|\$(?P<dollar>[A-Za-z_][A-Za-z0-9_]*)|(?P<blank>_{3,})"
)


class Forbidden(StrEnum):
    """What a stage may be told not to do."""

    REPLIES = "replies"
    TIER2_REPLIES = "tier2_replies"
    TIER0_REPLIES = "tier0_replies"
    ACTIONS = "actions"
    TEMPLATES_OUTSIDE_WHITELIST = "templates_outside_whitelist"
    FLAG_CHANGES = "flag_changes"


class TriggerKind(StrEnum):
    """What a trigger asks for: rolling back at once, or looking closely whether to."""

    IMMEDIATE = "immediate"
    EVALUATION = "evaluation"


class Occasion(StrEnum):
    """What a follow-up or an item of the monitoring list comes after."""

    ROLLBACK = "rollback"
    NEAR_MISS = "near_miss"
    RELEASE = "release"


def parse_flag_value(value: object) -> object:
    """Return a flag's value as a file has it: true, false, a list of words, or nothing for no restriction."""
    if isinstance(value, list):
        value = tuple(value)
    if isinstance(value, tuple) and all(isinstance(word, str) for word in value):
        return value
    if value is None or isinstance(value, bool):
        return value
    raise ValueError("not a flag's value; allowed: true, false, a list of words, null for no restriction")


# Typed as it is read: the validator lets nothing else through.
PlannedValue = Annotated[
    Any,
    BeforeValidator(parse_flag_value),
    WithJsonSchema({"type": ["boolean", "array", "null"], "items": {"type": "string"}}),
]
People = Annotated[int, Field(ge=1, le=20)]


class Role(Frozen):
    """A part that people play in a release, with its duty and how many people must be named for it before a run.

    Of 0 people nobody is named: who approves in such a role is what the trust file says.
    """

    name: Word
    duty: str = ""
    people: Annotated[int, Field(ge=0, le=20)] = 1


class StageApproval(Frozen):
    """So many different people of one role approve a stage."""

    role: Word
    people: People = 1


class Allows(Frozen):
    """What a run may do where the environment is of kind production; a cap of None is the environment's own.

    `messages` counts messages, `minutes` is the longest duration, `spend` is in the currency of the environment.
    """

    flag_changes: bool = False
    tier0_cases: bool = False
    messages: Annotated[int, Field(ge=0, le=10**7)] | None = None
    minutes: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] | None = None
    spend: Annotated[float, Field(ge=0, le=10**7, allow_inf_nan=False)] | None = None


class Forbids(Frozen):
    """One thing that a stage must not do, with the reason."""

    what: Annotated[Forbidden, BeforeValidator(word_of(Forbidden))]
    why: str = ""


class Soak(Frozen):
    """How long a stage is watched before the next one may begin, in seconds."""

    minimum: Duration
    recommended: Duration | None = None


class RollbackOption(Frozen):
    """One way back: flags that are written, or commands that people run and that the harness only prints."""

    name: Word
    flags: dict[Word, PlannedValue] = Field(default_factory=dict)
    commands: tuple[Annotated[str, Field(min_length=1, max_length=2000)], ...] = ()
    placeholders: tuple[Name, ...] = ()
    destructive: bool = False
    destroys: Word | None = None
    note: str = ""

    @property
    def flag_values(self) -> dict[str, FlagValue]:
        """Return the flags that this option writes, in the order of the file."""
        return dict(self.flags)

    @property
    def is_destructive(self) -> bool:
        """Return whether running the commands destroys something."""
        return self.destructive or self.destroys is not None

    @property
    def asked_placeholders(self) -> tuple[str, ...]:
        """Return the placeholders that stand in the commands, each once."""
        return tuple(dict.fromkeys(name for command in self.commands for name in self.placeholders_of(command)))

    @staticmethod
    def placeholders_of(command: str) -> tuple[str, ...]:
        """Return the placeholders of one command, each once: `{name}`, `<name>`, `$NAME`, and a blank to fill in."""
        return tuple(dict.fromkeys(match[match.lastgroup or 0] for match in _PLACEHOLDER.finditer(command)))

    def fill_commands(self, values: dict[str, str]) -> tuple[str, ...]:
        """Return the commands with the values of their placeholders; one without a value stays as it is written."""

        def fill(match: re.Match[str]) -> str:
            return values.get(match[match.lastgroup or 0], match[0])

        return tuple(_PLACEHOLDER.sub(fill, command) for command in self.commands)


class Rollback(Frozen):
    """The ways back, least disruptive first, and the cases that show afterwards that the system is safe."""

    options: dict[OptionId, RollbackOption] = Field(min_length=1)
    verify: tuple[Word, ...] = ()


class Trigger(Frozen):
    """What leads to a rollback option: a watch rule that fires, or a person who says so."""

    id: Name
    name: Word
    kind: Annotated[TriggerKind, BeforeValidator(word_of(TriggerKind))]
    option: OptionId
    rule: Word | None = None
    manual: bool = False
    command: Word | None = None


class MonitoringItem(Frozen):
    """One line of the list of the first hours: answered by a watch rule, or by a person in a role.

    `due` is in seconds after the occasion; `every` how often a person looks again until then, in seconds.
    """

    id: Name
    name: Word
    after: Annotated[Occasion, BeforeValidator(word_of(Occasion))] = Occasion.RELEASE
    due: Duration
    every: Duration | None = None
    rule: Word | None = None
    role: Word | None = None


class FollowUp(Frozen):
    """Something that must be done after an occasion; `due` in seconds after it."""

    id: Name
    name: Word
    after: Annotated[Occasion, BeforeValidator(word_of(Occasion))]
    due: Duration
    role: Word
    blocks_next_stage: bool = False
