"""vocabulary.yaml, plan.yaml and environments.yaml of one system, checked alone and against each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from gonogo.errors import Problem
from gonogo.model.environment import Environments
from gonogo.model.plan import Plan
from gonogo.model.vocabulary import Vocabulary
from gonogo.sources.suggest import quote_value, suggest
from gonogo.sources.yaml_file import KeyPath, YamlFile, read_yaml
from gonogo.sources.yaml_model import parse_model

_NO_TEMPLATE = ("none", "null")


def load_vocabulary(path: Path, name: str) -> tuple[Vocabulary | None, list[Problem]]:
    """Return a system's vocabulary, or None, with all problems of the file."""
    file = read_yaml(path, name)
    vocabulary = parse_model(file, Vocabulary)
    if vocabulary is not None:
        _check_vocabulary(file, vocabulary)
    return vocabulary, file.problems


def _check_vocabulary(file: YamlFile, vocabulary: Vocabulary) -> None:
    for key, words in (("channels", vocabulary.channels), ("teams", vocabulary.teams)):
        _check_twice(file, (key,), words)
    for name, intent in vocabulary.intents.items():
        at = ("intents", name)
        _check_word(file, (*at, "team"), intent.team, vocabulary.teams)
        templates = [("reply", intent.reply)] if intent.reply else []
        templates += [("verified", template) for template in intent.verified]
        for key, template in templates:
            _check_word(file, (*at, key), template, vocabulary.templates)
            if intent.tier == 0:
                file.report((*at, key), f"{name} is tier 0 and is never answered. Remove the template.")
            elif template in vocabulary.templates and vocabulary.tier_of(template) != (2 if key == "verified" else 1):
                tier = vocabulary.tier_of(template)
                file.report((*at, key), f"is {template!r} of tier {tier}; reply holds tier 1, verified tier 2.")
        _check_twice(file, (*at, "tags"), intent.tags)
        _check_twice(file, (*at, "verified"), intent.verified)
        for tag in intent.tags:
            if tag in vocabulary.neutral_tags:
                file.report((*at, "tags"), f"tag {tag!r} stands among neutral_tags too. Remove it from one of them.")
    for name, data in vocabulary.templates.items():
        if name.casefold() in _NO_TEMPLATE:
            text = f"a template cannot be called {name!r}: rows write None where nothing is sent. Rename it."
            file.report(("templates", name), text)
        if (data.order is not None) != (data.tier == 2):
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
        at: KeyPath = ("stages", index)
        first = seen.setdefault(stage.id, index)
        if first != index:
            line = file.line_of(("stages", first, "id"))
            file.report((*at, "id"), f"stage {stage.id!r} stands in line {line} already. Give it another id.")
        for number, pack in enumerate(stage.packs):
            _check_pack(file, (*at, "packs", number), pack, folder)
        for number, checklist in enumerate(stage.checklists):
            _check_checklist_file(file, (*at, "checklists", number), checklist, folder)
        for number, gates in enumerate(stage.gates):
            _check_gates_file(file, (*at, "gates", number), gates, folder)
        for key, words in (
            ("channels", stage.channels),
            ("templates", stage.templates),
            ("packs", stage.packs),
            ("gates", stage.gates),
            ("checklists", stage.checklists),
        ):
            _check_twice(file, (*at, key), words)
        if vocabulary is None:
            continue
        _check_words(file, (*at, "channels"), stage.channels, vocabulary.channels)
        _check_words(file, (*at, "templates"), stage.templates, vocabulary.templates)
        _check_words(file, (*at, "tier2", "channels"), stage.tier2.channels or (), vocabulary.channels)
        _check_words(file, (*at, "tier2", "tags"), stage.tier2.tags or (), vocabulary.known_tags)
        _check_actions_off(file, (*at, "templates"), stage.templates, vocabulary)
        _check_instead(file, (*at, "instead"), stage.instead, stage.templates, vocabulary)
    if vocabulary is not None and plan.system != vocabulary.system:
        file.report(
            ("system",), f"is {plan.system!r}, but vocabulary.yaml says {vocabulary.system!r}. Correct one of them."
        )


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


def _check_actions_off(file: YamlFile, at: KeyPath, templates: Sequence[str], vocabulary: Vocabulary) -> None:
    for index, template in enumerate(templates):
        if template in vocabulary.templates and vocabulary.tier_of(template) == 3:
            file.report((*at, index), f"{template} is of tier 3, an action; no stage may enable it. Remove it.")


def _check_instead(
    file: YamlFile, at: KeyPath, instead: dict[str, str], templates: Collection[str], vocabulary: Vocabulary
) -> None:
    for withheld, sent in instead.items():
        here = (*at, withheld)
        _check_word(file, here, withheld, vocabulary.templates)
        _check_word(file, here, sent, vocabulary.templates)
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
        if environment.base_url is not None:
            _check_url(file, (*at, "base_url"), environment.base_url)
        if environment.embedded is not None and environment.kind.value != "sandbox":
            file.report(
                (*at, "embedded"), f"is for kind sandbox only, and this is {environment.kind.value}. Remove it."
            )
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
        text = f"is {environments.system!r}, but vocabulary.yaml says {vocabulary.system!r}. Correct one of them."
        file.report(("system",), text)


def _check_url(file: YamlFile, at: KeyPath, url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        file.report(at, f"is not a URL: {error}. Correct it.")
        return
    if not host:
        file.report(at, f"is {quote_value(url)}, which names no host. Correct it.")


def _check_twice(file: YamlFile, at: KeyPath, words: Sequence[str]) -> None:
    for index, word in enumerate(words):
        if word in words[:index]:
            file.report((*at, index), f"{quote_value(word)} stands twice. Remove one.")


def _check_words(file: YamlFile, path: KeyPath, words: Collection[str], allowed: Collection[str]) -> None:
    for index, word in enumerate(words):
        _check_word(file, (*path, index), word, allowed)


def _check_word(file: YamlFile, path: KeyPath, word: str, allowed: Collection[str]) -> None:
    if word not in allowed:
        file.report(path, f"is {quote_value(word)}; {suggest(word, allowed)}")
