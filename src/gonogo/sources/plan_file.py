"""plan.yaml: the ladder of a system, checked alone and against the words of the system."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gonogo.errors import Problem
from gonogo.model.flags import (
    AUTOMATION,
    CHANNELS,
    SAFE_MODE,
    TEMPLATE_PREFIX,
    TIER2_CHANNELS,
    TIER2_TAGS,
    flag_group,
    template_flag,
)
from gonogo.model.plan import Plan, Stage
from gonogo.model.release_plan import Forbidden
from gonogo.model.vocabulary import Vocabulary
from gonogo.sources.mended_model import MutedFile, parse_mended
from gonogo.sources.release_rules import check_flag, check_release
from gonogo.sources.suggest import quote_value, suggest
from gonogo.sources.word_rules import check_twice, check_word, check_words
from gonogo.sources.yaml_file import KeyPath, YamlFile, read_yaml

# What stands in for a required key that is missing or wrong: nothing that another key could contradict.
_STAND_INS: Mapping[str, Any] = {
    "id": "stand-in",
    "name": "stand-in",
    "safe_mode": True,
    "automation_enabled": False,
    "channels": [],
    "templates": [],
    "packs": ["stand-in.csv"],
    "what": Forbidden.ACTIONS.value,
    "minimum": 1.0,
    "due": 366 * 86_400.0,
    "after": "release",
    "kind": "evaluation",
    "option": "A",
    "role": "stand-in",
    "options": {"A": {"name": "stand-in"}},
    "system": "stand-in",
}


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan with the file that it was read from; `mended` holds stand-ins for what is wrong in it."""

    plan: Plan | None
    mended: Plan | None
    file: MutedFile

    @property
    def problems(self) -> list[Problem]:
        """Return all problems found up to now."""
        return self.file.problems


def load_plan(path: Path, name: str, vocabulary: Vocabulary | None) -> tuple[Plan | None, list[Problem]]:
    """Return a system's plan, or None, with all problems of the file."""
    found = read_plan(path, name, vocabulary)
    return found.plan, found.problems


def read_plan(path: Path, name: str, vocabulary: Vocabulary | None) -> PlanFile:
    """Return a system's plan with its file, checked by itself, against the vocabulary and against the packs there."""
    source = read_yaml(path, name)
    plan, mended, file = parse_mended(source, Plan, _STAND_INS)
    if mended is not None:
        flags = _known_flags(mended, vocabulary)
        _check_ladder(file, mended)
        for index, stage in enumerate(mended.stages):
            _check_files(file, ("stages", index), stage, path.parent)
            _check_lists(file, ("stages", index), stage)
            _check_words_of(file, ("stages", index), stage, vocabulary, flags)
            _check_switches(file, ("stages", index), stage, vocabulary)
        check_release(file, mended, flags)
        if vocabulary is not None and mended.system != vocabulary.system:
            text = f"is {mended.system!r}, but vocabulary.yaml says {vocabulary.system!r}. Correct one of them."
            file.report(("system",), text)
    file.problems.sort()
    return PlanFile(plan, mended, file)


def _known_flags(plan: Plan, vocabulary: Vocabulary | None) -> frozenset[str]:
    """Return every name that a flag of this system has."""
    if vocabulary is not None:
        templates = set(vocabulary.templates)
    else:
        templates = {template for stage in plan.stages for template in stage.templates}
    switches = {SAFE_MODE, AUTOMATION, CHANNELS, TIER2_CHANNELS, TIER2_TAGS}
    return frozenset(switches | {template_flag(template) for template in templates})


def _check_ladder(file: MutedFile, plan: Plan) -> None:
    """Report two stages of one id, unknown stages and stages that wait for each other."""
    seen: dict[str, int] = {}
    for index, stage in enumerate(plan.stages):
        first = seen.setdefault(stage.id, index)
        if first != index:
            line = file.line_of(("stages", first, "id"))
            text = f"stage {stage.id!r} stands in line {line} already. Give it another id."
            file.report(("stages", index, "id"), text)
    # A stage whose id could not be read may be the one that others name.
    known = not any(("stages", index, "id") in file.muted for index in range(len(plan.stages)))
    for index, stage in enumerate(plan.stages):
        at: KeyPath = ("stages", index, "after")
        check_twice(file, at, stage.after or ())
        for number, before in enumerate(stage.after or ()):
            if before == stage.id:
                file.report((*at, number), f"is {quote_value(before)}, the stage itself. Remove it.")
            elif known:
                check_word(file, (*at, number), before, seen)
    for circle in _circles(plan, seen):
        way = " after ".join(circle)
        text = f"stage {way}: they wait for each other, and none can be entered. Remove one of them."
        file.report(("stages", seen[circle[0]], "after"), text)


def _circles(plan: Plan, places: Mapping[str, int]) -> Iterator[list[str]]:
    """Return circles of stages, each as ids that end where they began; a stage after itself is none.

    `places` gives the stage that an id means where several have it.
    """
    before: dict[str, tuple[str, ...]] = {}
    for name, place in places.items():
        stage = plan.stages[place]
        default = (plan.stages[place - 1].id,) if place else ()
        before[name] = tuple(one for one in (default if stage.after is None else stage.after) if one != name)
    done: set[str] = set()
    for start in before:
        # Iterative, since a ladder of thousands of stages is no reason to end in a traceback.
        way: list[str] = []
        todo = [(start, 0)]
        while todo:
            name, depth = todo.pop()
            del way[depth:]
            if name in way:
                yield [*way[way.index(name) :], name]
            elif name not in done:
                done.add(name)
                way.append(name)
                todo += [(one, depth + 1) for one in reversed(before[name]) if one in before]


def _check_files(file: YamlFile, at: KeyPath, stage: Stage, folder: Path) -> None:
    kinds: tuple[tuple[str, Sequence[str], Callable[..., None]], ...] = (
        ("packs", stage.packs, _check_pack),
        ("checklists", stage.checklists, _check_checklist_file),
        ("gates", stage.gates, _check_gates_file),
    )
    for key, names, check in kinds:
        for number, name in enumerate(names):
            check(file, (*at, key, number), name, folder)


def _check_pack(file: YamlFile, at: KeyPath, pack: str, folder: Path) -> None:
    packs = [found.name for found in folder.glob("*.csv")]
    if Path(pack).name != pack:
        file.report(
            at, f"is {quote_value(pack)}, a path; packs lie beside the plan. {suggest(pack, packs).capitalize()}"
        )
    elif not pack.endswith(".csv"):
        file.report(at, f"is {quote_value(pack)}, which is no .csv file; {suggest(pack, packs)}")
    elif not (folder / pack).is_file():
        file.report(at, f"pack {quote_value(pack)} is not here; {suggest(pack, packs)}")


def _check_gates_file(file: YamlFile, at: KeyPath, name: str, folder: Path) -> None:
    known = [found.name for found in folder.glob("*gates*.yaml")]
    if Path(name).name != name or not name.endswith(".yaml") or not (folder / name).is_file():
        file.report(at, f"is {quote_value(name)}, and gates files lie beside the plan; {suggest(name, known)}")


def _check_checklist_file(file: YamlFile, at: KeyPath, name: str, folder: Path) -> None:
    known = [found.name for found in folder.glob("*.md")]
    if Path(name).name != name or not name.endswith(".md") or not (folder / name).is_file():
        file.report(at, f"is {quote_value(name)}; checklists lie beside the plan. {suggest(name, known).capitalize()}")


def _check_lists(file: YamlFile, at: KeyPath, stage: Stage) -> None:
    """Report what stands twice in the lists of a stage."""
    for key in ("channels", "templates", "packs", "gates", "checklists"):
        check_twice(file, (*at, key), getattr(stage, key))
    for key in ("preconditions", "flag_order", "load", "watch"):
        check_twice(file, (*at, key), getattr(stage, key))
    for key, words in (
        ("forbids", [forbidden.what.value for forbidden in stage.forbids]),
        ("approvals", [approval.role for approval in stage.approvals]),
    ):
        for index, word in enumerate(words):
            if word in words[:index]:
                place = (*at, key, index, "what" if key == "forbids" else "role")
                file.report(place, f"{quote_value(word)} stands twice. Remove one.")


def _check_words_of(
    file: YamlFile, at: KeyPath, stage: Stage, vocabulary: Vocabulary | None, flags: Collection[str]
) -> None:
    """Report channels, templates, tags and flags that are not known."""
    order = {flag_group(flag) for flag in flags} | set(flags)
    for number, name in enumerate(stage.flag_order):
        # Without the vocabulary nobody knows which templates there are.
        if vocabulary is not None or not name.startswith(TEMPLATE_PREFIX):
            check_flag(file, (*at, "flag_order", number), name, order)
    if vocabulary is None:
        return
    check_words(file, (*at, "channels"), stage.channels, vocabulary.channels)
    check_words(file, (*at, "templates"), stage.templates, vocabulary.templates)
    check_words(file, (*at, "tier2", "channels"), stage.tier2.channels or (), vocabulary.channels)
    check_words(file, (*at, "tier2", "tags"), stage.tier2.tags or (), vocabulary.known_tags)
    _check_actions_off(file, (*at, "templates"), stage.templates, vocabulary)
    _check_instead(file, (*at, "instead"), stage.instead, stage.templates, vocabulary)


def _check_actions_off(file: YamlFile, at: KeyPath, templates: Sequence[str], vocabulary: Vocabulary) -> None:
    for index, template in enumerate(templates):
        if template in vocabulary.templates and vocabulary.tier_of(template) == 3:
            file.report((*at, index), f"{template} is of tier 3, an action; no stage may enable it. Remove it.")


def _check_instead(
    file: YamlFile, at: KeyPath, instead: dict[str, str], templates: Collection[str], vocabulary: Vocabulary
) -> None:
    for withheld, sent in instead.items():
        here = (*at, withheld)
        check_word(file, here, withheld, vocabulary.templates)
        check_word(file, here, sent, vocabulary.templates)
        if withheld in templates and withheld in vocabulary.templates and vocabulary.tier_of(withheld) < 2:
            file.report(
                here, f"{withheld} is on this stage's whitelist, so nothing goes out instead. Remove one of them."
            )
        if sent in vocabulary.templates and sent not in templates:
            file.report(here, f"{sent} is not on this stage's whitelist, so it cannot be sent instead. Add it there.")
        if sent in vocabulary.templates and vocabulary.tier_of(sent) > 1:
            file.report(
                here, f"{sent} is of tier {vocabulary.tier_of(sent)}; only tier 1 may stand in. Choose another."
            )


def _check_switches(file: YamlFile, at: KeyPath, stage: Stage, vocabulary: Vocabulary | None) -> None:
    """Report what a stage forbids and does all the same, and a soak that is shorter than its least."""
    verified = [
        template
        for template in stage.templates
        if vocabulary is not None and template in vocabulary.templates and vocabulary.tier_of(template) == 2
    ]
    done = {
        Forbidden.REPLIES: "safe_mode is false and automation_enabled is true" if stage.automation_on else "",
        Forbidden.TIER2_REPLIES: f"{verified[0]} of tier 2 is on its whitelist" if verified else "",
        Forbidden.TIER0_REPLIES: "",
        Forbidden.ACTIONS: "",
        Forbidden.TEMPLATES_OUTSIDE_WHITELIST: "",
        Forbidden.FLAG_CHANGES: "allows.flag_changes is true" if stage.allows.flag_changes else "",
    }
    for index, forbidden in enumerate(stage.forbids):
        why = done[forbidden.what]
        if why:
            text = f"forbids {forbidden.what.value}, but {why} in this stage. Correct one of them."
            file.report((*at, "forbids", index), text)
    if stage.soak is not None and stage.soak.recommended is not None and stage.soak.minimum > stage.soak.recommended:
        here = (*at, "soak", "minimum")
        file.report(here, "is longer than the recommended soak. Correct one of them.")
