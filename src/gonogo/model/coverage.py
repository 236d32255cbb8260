"""What a set of cases tries at a stage, and what no case tries: intent × channel × template."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gonogo.model.case import Case
from gonogo.model.expectation import derive_expectation
from gonogo.model.plan import Stage
from gonogo.model.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Cell:
    """The admitted cases of one intent on one channel that expect the same template at a stage, None for no reply."""

    intent: str
    channel: str
    template: str | None
    cases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hole:
    """Something that the stage allows and no case tries."""

    kind: str
    name: str
    channels: tuple[str, ...]

    def __str__(self) -> str:
        """Return the hole in words."""
        where = f" by {', '.join(self.channels)}" if self.channels else ""
        what = {"intent": "no case", "template": "no case expects this reply", "channel": "no case"}[self.kind]
        return f"{self.kind} {self.name}{where}: {what}"


@dataclass(frozen=True, slots=True)
class Coverage:
    """The coverage of one stage; a hole without channels is one on every channel."""

    stage: str
    cells: tuple[Cell, ...]
    holes: tuple[Hole, ...]


def measure_coverage(cases: Iterable[Case], stage: Stage, vocabulary: Vocabulary) -> Coverage:
    """Return what the cases try at a stage and what they leave out.

    An intent is tried where an admitted case has it; a template where an admitted case expects it to be sent, on each
    channel that the stage enables for it.
    """
    found: dict[tuple[str, str, str | None], list[str]] = {}
    for case in cases:
        expectation = derive_expectation(case, stage, vocabulary)
        if expectation.admitted:
            found.setdefault((case.intent, case.channel, expectation.reply.template), []).append(case.id)
    cells = tuple(Cell(*key, tuple(ids)) for key, ids in sorted(found.items(), key=lambda item: str(item[0])))
    holes = [*_intent_holes(cells, vocabulary), *_template_holes(cells, stage, vocabulary)]
    tried = {cell.channel for cell in cells}
    holes += [Hole("channel", channel, ()) for channel in vocabulary.channels if channel not in tried]
    return Coverage(stage.id, cells, tuple(holes))


def _intent_holes(cells: Iterable[Cell], vocabulary: Vocabulary) -> Iterable[Hole]:
    tried: dict[str, set[str]] = {}
    for cell in cells:
        tried.setdefault(cell.intent, set()).add(cell.channel)
    for intent in vocabulary.intents:
        missing = tuple(channel for channel in vocabulary.channels if channel not in tried.get(intent, set()))
        if missing:
            yield Hole("intent", intent, missing if intent in tried else ())


def _template_holes(cells: Iterable[Cell], stage: Stage, vocabulary: Vocabulary) -> Iterable[Hole]:
    if not stage.automation_on:
        return
    tried: dict[str, set[str]] = {}
    for cell in cells:
        if cell.template is not None:
            tried.setdefault(cell.template, set()).add(cell.channel)
    for template in stage.templates:
        open_to = stage.channels
        if vocabulary.tier_of(template) >= 2 and stage.tier2.channels is not None:
            open_to = tuple(channel for channel in stage.channels if channel in stage.tier2.channels)
        missing = tuple(channel for channel in open_to if channel not in tried.get(template, set()))
        if missing:
            yield Hole("template", template, missing if template in tried else ())
