"""trust.yaml: who may sign what, with every contradiction in it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

from gonogo.errors import Problem
from gonogo.model.trust import Identity, Requirement, TrustFile, assign_people, explain_key_bytes, fold_name
from gonogo.sources.suggest import quote_value, suggest
from gonogo.sources.yaml_file import KeyPath, YamlFile, read_yaml
from gonogo.sources.yaml_model import parse_model


def load_trust_file(path: Path, name: str) -> tuple[TrustFile | None, list[Problem]]:
    """Return the data of a trust file, or None, with all problems of the file; signatures are not looked at here."""
    file = read_yaml(path, name)
    data = parse_model(file, TrustFile)
    if data is not None:
        _check_identities(file, data)
        _check_rules(file, data)
    return data, file.problems


def _identities(data: TrustFile) -> Iterator[tuple[KeyPath, Identity]]:
    for key, listed in (("people", data.people), ("machines", data.machines)):
        for index, identity in enumerate(listed):
            yield (key, index), identity


def _check_identities(file: YamlFile, data: TrustFile) -> None:
    names: dict[str, KeyPath] = {}
    keys: dict[str, tuple[str, KeyPath]] = {data.root: ("the root", ("root",))}
    _check_key(file, ("root",), data.root)
    for at, identity in _identities(data):
        first = names.setdefault(fold_name(identity.name), at)
        if first != at:
            line = file.line_of((*first, "name"))
            file.report(
                (*at, "name"), f"is {quote_value(identity.name)}, who stands in line {line} already. Merge them."
            )
        for index, role in enumerate(identity.roles):
            if role in identity.roles[:index]:
                file.report((*at, "roles", index), f"{quote_value(role)} stands twice. Remove one.")
        _check_period(file, at, identity.valid_from, identity.valid_until)
        for index, key in enumerate(identity.keys):
            here = (*at, "keys", index)
            _check_key(file, (*here, "public"), key.public)
            _check_period(file, here, key.valid_from, key.valid_until)
            if (key.revoked_at is None) != (not key.reason.strip()):
                file.report(here, "revoked_at and reason belong together. Write both, or neither.")
            owner, other = keys.setdefault(key.public, (identity.name, here))
            if other != here:
                line = file.line_of((*other, "public") if other != ("root",) else other)
                text = f"is the key of {owner} in line {line} already; a key has one owner. Remove one."
                file.report((*here, "public"), text)


def _check_key(file: YamlFile, at: KeyPath, text: str) -> None:
    problem = explain_key_bytes(base64.b64decode(text))
    if problem:
        file.report(at, f"is {quote_value(text)}: {problem}. Replace it.")


def _check_period(file: YamlFile, at: KeyPath, start: object, end: object) -> None:
    if start is not None and end is not None and not start < end:  # type: ignore[operator]
        file.report((*at, "valid_until"), "is not later than valid_from. Correct one of them.")


def _check_rules(file: YamlFile, data: TrustFile) -> None:
    held: dict[str, set[str]] = {person.name: set(person.roles) for person in data.people}
    roles = set().union(*held.values())
    for system, rules in data.systems.items():
        seen: dict[tuple[str, str], int] = {}
        if not rules:
            file.report(("systems", system), "has no rules. Write one for each stage, or remove the system.")
        for index, rule in enumerate(rules):
            at: KeyPath = ("systems", system, index)
            for pair in ((stage, env) for stage in rule.stages for env in rule.environments):
                first = seen.setdefault(pair, index)
                if first != index:
                    line = file.line_of(("systems", system, first))
                    text = f"stage {pair[0]!r} in {pair[1]!r} has a rule in line {line} already. Keep one."
                    file.report((*at, "stages"), text)
            for key in ("stages", "environments"):
                words = getattr(rule, key)
                for number, word in enumerate(words):
                    if word in words[:number]:
                        file.report((*at, key, number), f"{quote_value(word)} stands twice. Remove one.")
            for number, role in enumerate(rule.waivers):
                if role not in roles:
                    file.report(
                        (*at, "waivers", number), f"is {quote_value(role)}, a role of nobody; {suggest(role, roles)}"
                    )
            _check_requirements(file, (*at, "approvals"), rule.approvals, held)


def _check_requirements(
    file: YamlFile, at: KeyPath, requirements: tuple[Requirement, ...], held: dict[str, set[str]]
) -> None:
    roles = set().union(*held.values())
    known = True
    for index, requirement in enumerate(requirements):
        for number, role in enumerate(requirement.roles):
            if role not in roles:
                known = False
                here = (*at, index, "roles", number)
                file.report(here, f"is {quote_value(role)}, a role of nobody; {suggest(role, roles)}")
    met = sum(map(len, assign_people(requirements, held)))
    asked = sum(requirement.count for requirement in requirements)
    if known and met < asked:
        text = f"asks for {asked} different people in these roles, and there are {met}. Add people, or ask for fewer."
        file.report(at, text)
