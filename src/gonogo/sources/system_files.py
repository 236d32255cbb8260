"""vocabulary.yaml, plan.yaml and environments.yaml of one system, checked alone and against each other."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from gonogo.errors import Problem
from gonogo.model.environment import Environments
from gonogo.model.plan import Plan
from gonogo.model.vocabulary import Vocabulary
from gonogo.sources.suggest import quote_value, suggest
from gonogo.sources.yaml_file import Path_, YamlFile, parse_model, read_yaml


def load_vocabulary(path: Path, name: str) -> tuple[Vocabulary | None, list[Problem]]:
    """Return a system's vocabulary, or None, with all problems of the file."""
    file = read_yaml(path, name)
    vocabulary = parse_model(file, Vocabulary)
    if vocabulary is not None:
        _check_vocabulary(file, vocabulary)
    return vocabulary, file.problems


def _check_vocabulary(file: YamlFile, vocabulary: Vocabulary) -> None:
    for name, intent in vocabulary.intents.items():
        at = ("intents", name)
        _check_word(file, (*at, "team"), intent.team, vocabulary.teams)
        templates = [("reply", intent.reply)] if intent.reply else []
        templates += [("verified", template) for template in intent.verified]
        for key, template in templates:
            if intent.tier == 0:
                file.report((*at, key), f"{name} is tier 0 and is never answered. Remove the template.")
            _check_word(file, (*at, key), template, vocabulary.templates)
            if template in vocabulary.templates and (vocabulary.tier_of(template) >= 2) != (key == "verified"):
                tier = vocabulary.tier_of(template)
                file.report((*at, key), f"is {template!r} of tier {tier}; reply holds tier 1, verified tier 2.")
        for tag in intent.tags:
            if tag in vocabulary.neutral_tags:
                file.report((*at, "tags"), f"tag {tag!r} stands among neutral_tags too. Remove it from one of them.")
    for name, template in vocabulary.templates.items():
        if (template.order is not None) != (template.tier == 2):
            text = "tier 2 needs the name of an order fixture in 'order', other tiers have none. Correct it."
            file.report(("templates", name), text)


def load_plan(path: Path, name: str, vocabulary: Vocabulary | None) -> tuple[Plan | None, list[Problem]]:
    """Return a system's plan, or None, with all problems of the file."""
    file = read_yaml(path, name)
    plan = parse_model(file, Plan)
    if plan is not None:
        _check_plan(file, plan, path.parent, vocabulary)
    return plan, file.problems


def _check_plan(file: YamlFile, plan: Plan, folder: Path, vocabulary: Vocabulary | None) -> None:
    seen: dict[str, int] = {}
    for index, stage in enumerate(plan.stages):
        at: Path_ = ("stages", index)
        first = seen.setdefault(stage.id, index)
        if first != index:
            line = file.line_of(("stages", first, "id"))
            file.report((*at, "id"), f"stage {stage.id!r} stands in line {line} already. Give it another id.")
        for pack in stage.packs:
            if Path(pack).name != pack or not (folder / pack).is_file():
                packs = [found.name for found in folder.glob("*.csv")]
                file.report((*at, "packs"), f"pack {quote_value(pack)} is not here; {suggest(pack, packs)}")
        if vocabulary is None:
            continue
        _check_words(file, (*at, "channels"), stage.channels, vocabulary.channels)
        _check_words(file, (*at, "templates"), stage.templates, vocabulary.templates)
        _check_words(file, (*at, "tier2", "channels"), stage.tier2.channels or (), vocabulary.channels)
        _check_words(file, (*at, "tier2", "tags"), stage.tier2.tags or (), vocabulary.known_tags)
        _check_instead(file, (*at, "instead"), stage.instead, stage.templates, vocabulary)
    if vocabulary is not None and plan.system != vocabulary.system:
        file.report(("system",), f"is {plan.system!r}, but the vocabulary is {vocabulary.system!r}'s. Correct one.")


def _check_instead(
    file: YamlFile, at: Path_, instead: dict[str, str], templates: Collection[str], vocabulary: Vocabulary
) -> None:
    for withheld, sent in instead.items():
        here = (*at, withheld)
        _check_word(file, here, withheld, vocabulary.templates)
        _check_word(file, here, sent, vocabulary.templates)
        if sent in vocabulary.templates and sent not in templates:
            file.report(here, f"{sent} is not on this stage's whitelist, so it cannot be sent instead. Add it there.")
        if sent in vocabulary.templates and vocabulary.tier_of(sent) > 1:
            file.report(here, f"{sent} is of tier {vocabulary.tier_of(sent)}; only tier 1 may stand in. Choose another.")


def load_environments(
    path: Path, name: str, vocabulary: Vocabulary | None
) -> tuple[Environments | None, list[Problem]]:
    """Return a system's environments, or None, with all problems of the file."""
    file = read_yaml(path, name)
    environments = parse_model(file, Environments)
    if environments is not None:
        _check_environments(file, environments, vocabulary)
    return environments, file.problems


def _check_environments(file: YamlFile, environments: Environments, vocabulary: Vocabulary | None) -> None:
    for name, environment in environments.environments.items():
        at = ("environments", name)
        _check_word(file, (*at, "interface"), environment.interface, environments.interfaces)
        if (environment.base_url is None) == (environment.embedded is None):
            file.report(at, "needs either base_url or embedded, and not both. Name where the target is.")
        if environment.embedded is not None and environment.kind.value != "sandbox":
            file.report((*at, "embedded"), f"is for kind sandbox only, and this is {environment.kind.value}. Remove it.")
        if vocabulary is None:
            continue
        for channel in environment.controls:
            _check_word(file, (*at, "controls", channel), channel, vocabulary.channels)
        if environment.probe is not None:
            _check_word(file, (*at, "probe", "channel"), environment.probe.channel, vocabulary.channels)
        orders = {template.order for template in vocabulary.templates.values() if template.order}
        for order in environment.orders:
            _check_word(file, (*at, "orders", order), order, orders)
    if vocabulary is not None and environments.system != vocabulary.system:
        text = f"is {environments.system!r}, but the vocabulary is {vocabulary.system!r}'s. Correct one."
        file.report(("system",), text)


def _check_words(file: YamlFile, path: Path_, words: Collection[str], allowed: Collection[str]) -> None:
    for index, word in enumerate(words):
        _check_word(file, (*path, index), word, allowed)


def _check_word(file: YamlFile, path: Path_, word: str, allowed: Collection[str]) -> None:
    if word not in allowed:
        file.report(path, f"is {quote_value(word)}; {suggest(word, allowed)}")
