"""vocabulary.yaml and environments.yaml of one system, checked alone and against each other."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from gonogo.errors import Problem
from gonogo.model.environment import Environments
from gonogo.model.vocabulary import Vocabulary
from gonogo.sources.plan_file import load_plan
from gonogo.sources.suggest import quote_value
from gonogo.sources.word_rules import check_twice, check_word
from gonogo.sources.yaml_file import KeyPath, YamlFile, read_yaml
from gonogo.sources.yaml_model import parse_model

__all__ = ["load_environments", "load_plan", "load_vocabulary"]

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
        check_twice(file, (key,), words)
    for name, intent in vocabulary.intents.items():
        at = ("intents", name)
        check_word(file, (*at, "team"), intent.team, vocabulary.teams)
        templates = [("reply", intent.reply)] if intent.reply else []
        templates += [("verified", template) for template in intent.verified]
        for key, template in templates:
            check_word(file, (*at, key), template, vocabulary.templates)
            if intent.tier == 0:
                file.report((*at, key), f"{name} is tier 0 and is never answered. Remove the template.")
            elif template in vocabulary.templates and vocabulary.tier_of(template) != (2 if key == "verified" else 1):
                tier = vocabulary.tier_of(template)
                file.report((*at, key), f"is {template!r} of tier {tier}; reply holds tier 1, verified tier 2.")
        check_twice(file, (*at, "tags"), intent.tags)
        check_twice(file, (*at, "verified"), intent.verified)
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
        check_word(file, (*at, "interface"), environment.interface, environments.interfaces)
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
            check_word(file, (*at, "controls", channel), channel, vocabulary.channels)
        if environment.probe is not None:
            check_word(file, (*at, "probe", "channel"), environment.probe.channel, vocabulary.channels)
        orders = {template.order for template in vocabulary.templates.values() if template.order}
        for order in environment.orders:
            check_word(file, (*at, "orders", order), order, orders)
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
