"""Bindings files: what answers each item of a list, checked against the list's words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from gonogo.errors import Problem
from gonogo.model.binding import Binding, Bindings, BoundChecklist, BoundItem
from gonogo.model.checklist import Checklist, ChecklistItem
from gonogo.sources.checklist.reader import read_checklist
from gonogo.sources.suggest import suggest
from gonogo.sources.yaml_file import YamlFile, read_yaml
from gonogo.sources.yaml_model import parse_model

SUFFIX = ".bindings.yaml"
_SCENARIO_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_STEP = re.compile(r"(Given|When|Then|And|But|\*) \S")


def bindings_path(path: Path) -> Path:
    """Return where the bindings of a list lie: beside it."""
    return path.with_name(path.stem + SUFFIX)


def load_bound_checklist(path: Path, name: str) -> tuple[BoundChecklist | None, list[Problem]]:
    """Return a list with its bindings and all problems of both files; `name` is what problems call the list.

    An item whose words changed since it was bound is no problem of the file: it is unbound, and listed as such.
    """
    checklist, problems = read_checklist(path, name)
    beside = bindings_path(path)
    shown = name[: -len(path.name)] + beside.name
    bindings = Bindings()
    raw = b""
    file: YamlFile | None = None
    if beside.is_file():
        file = read_yaml(beside, shown)
        bindings = parse_model(file, Bindings) or Bindings()
        raw = beside.read_bytes()
        for key, binding in bindings.items.items():
            _check_binding(file, key, binding)
    if checklist is None:
        return None, [*problems, *(file.problems if file else [])]
    if not checklist.standing:
        problems.append(Problem(name, 0, "", "asks for nothing: no item was found. Write some, or remove it."))
    unbound = _check_words(file, bindings, checklist) if file is not None else []
    if file is not None:
        problems += file.problems
    prefix = bindings.prefix or ""
    items = tuple(_bind(item, bindings, checklist, prefix) for item in checklist.items if _is_wanted(item, bindings))
    problems += _check_ids(items, name, shown)
    digest = hashlib.sha256(bytes.fromhex(checklist.digest) + raw).hexdigest()
    return BoundChecklist(path.stem, checklist, items, digest, tuple(unbound)), problems


def _is_wanted(item: ChecklistItem, bindings: Bindings) -> bool:
    return item.stands_alone or item.id in bindings.items


def _bind(item: ChecklistItem, bindings: Bindings, checklist: Checklist, prefix: str) -> BoundItem:
    binding = bindings.items.get(item.id)
    stale = binding is not None and not item.digest.startswith(binding.words)
    weight = binding.weight if binding is not None else None
    return BoundItem(prefix + item.id, item, checklist.file, None if stale else binding, stale, weight)


def _check_binding(file: YamlFile, key: str, binding: Binding) -> None:
    at = ("items", key)
    if len(binding.answers) != 1:
        seen = f"is answered by {', '.join(binding.answers)}" if binding.answers else "is answered by nothing"
        file.report(at, f"{seen}; allowed: one of steps, gate, pack, trigger, manual, not_asked. Write one.")
    if binding.steps is not None:
        wrong = _explain_steps(binding.steps)
        if wrong:
            file.report((*at, "steps"), wrong)


def _explain_steps(steps: str) -> str:
    """Return what is wrong with the steps of a binding, or an empty text."""
    in_text = False
    keywords = set()
    for line in filter(None, map(str.strip, steps.split("\n"))):
        if line.startswith('"""'):
            in_text = not in_text
        elif not in_text:
            match = _STEP.match(line)
            if match is None:
                return f"line {line[:60]!r} is no step; begin with Given, When, Then, And or But. Correct it."
            keywords.add(match[1])
    if in_text:
        return 'a text is never closed. Close it with """.'
    return "" if "Then" in keywords else "no Then step, so nothing is checked. Add one."


def _check_words(file: YamlFile, bindings: Bindings, checklist: Checklist) -> list[Problem]:
    """Report bindings of items that are not there, and return a problem for every item whose words changed."""
    items = checklist.by_id
    known = [item.id for item in checklist.items if item.stands_alone]
    unbound = []
    for key, binding in bindings.items.items():
        item, line = items.get(key), file.line_of(("items", key))
        if item is None:
            what = f"{key!r} is bound, but no item of {checklist.file} has this id: it was removed or its words changed"
            unbound.append(Problem(file.name, line, "items", f"{what}; {suggest(key, known)}"))
        elif not item.digest.startswith(binding.words):
            now = item.digest[: len(binding.words)]
            what = f"{key}: its words changed since {file.name}:{line} was written, so it is bound to nothing"
            fix = f"Look at both, then write 'words: {now}' there"
            unbound.append(Problem(checklist.file, item.line, "", f"{what}. {fix}."))
    return unbound


def _check_ids(items: Sequence[BoundItem], name: str, bindings: str) -> list[Problem]:
    problems = []
    first: dict[str, BoundItem] = {}
    for item in items:
        if not _SCENARIO_ID.fullmatch(item.id):
            text = f"id {item.id!r} is too long for a scenario; shorten the id, or the prefix in {bindings}."
            problems.append(Problem(name, item.item.line, "", text))
        other = first.setdefault(item.id.casefold(), item)
        if other is not item:
            text = f"id {item.id!r} stands in line {other.item.line} already. Give it another id."
            problems.append(Problem(name, item.item.line, "", text))
    return problems
