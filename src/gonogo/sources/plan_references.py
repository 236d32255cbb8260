"""What a plan names in other files: cases, items, gates, environments, watch rules, load profiles, roles that sign."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gonogo.model.plan import Plan, Stage
from gonogo.model.trust import StageRule, TrustFile
from gonogo.sources.plan_file import PlanFile
from gonogo.sources.release_rules import role_ids
from gonogo.sources.suggest import quote_value, suggest
from gonogo.sources.word_rules import check_word
from gonogo.sources.yaml_file import KeyPath, YamlFile, read_yaml

LOAD_FILE = "load.yaml"
_SCENARIO = re.compile(r"^[ \t]*Scenario:[ \t]*\[([^\]\s]+)\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Known:
    """The ids of a system by what holds them: the name of a pack, a gates file or a checklist.

    `scenarios` are those of all features, the hand-written ones among them. Where `cases` is None, not all ids could be
    read, and nothing is said about ids; so too with environments.
    """

    cases: Mapping[str, Collection[str]] | None
    gates: Mapping[str, Collection[str]]
    items: Mapping[str, Collection[str]]
    scenarios: Collection[str] = ()
    environments: Collection[str] | None = None
    trust: TrustFile | None = None


def check_references(found: PlanFile, folder: Path, known: Known) -> None:
    """Report everything that the plan names and that is not where it should be; `folder` holds the plan."""
    plan, file = found.mended, found.file
    if plan is None:
        return
    _check_environments(file, plan, known.environments)
    _check_watch(file, plan, folder)
    _check_load(file, plan, folder)
    _check_approvals(file, plan, known.trust)
    if known.cases is not None:
        for index, stage in enumerate(plan.stages):
            _check_preconditions(file, ("stages", index, "preconditions"), stage, plan, known)
        verify = plan.rollback.verify if plan.rollback is not None else ()
        every = {one for held in (known.cases, known.items, known.gates) for ids in held.values() for one in ids}
        for number, case in enumerate(verify):
            check_word(file, ("rollback", "verify", number), case, every | set(known.scenarios))
    file.problems.sort()


def read_rule_ids(path: Path) -> list[str]:
    """Return the ids of a file of watch rules, those that can be read."""
    rules = _items(path, "rules")
    if isinstance(rules, dict):
        return [str(name) for name in rules]
    return [str(rule["id"]) for rule in rules if isinstance(rule, dict) and "id" in rule]


def read_profile_names(path: Path) -> list[str]:
    """Return the names of the profiles of a load file, those that can be read."""
    profiles = _items(path, "profiles")
    if isinstance(profiles, dict):
        return [str(name) for name in profiles]
    return [str(one["name"]) for one in profiles if isinstance(one, dict) and "name" in one]


def read_scenario_ids(folder: Path) -> frozenset[str]:
    """Return the ids of all scenarios of a folder of features."""
    texts = (path.read_text("utf-8", "replace") for path in sorted(folder.glob("*.feature")) if path.is_file())
    return frozenset(name for text in texts for name in _SCENARIO.findall(text))


def _items(path: Path, key: str) -> Any:
    """Return the list or mapping below a key of a YAML file; empty where the file tells no such thing."""
    data = read_yaml(path, path.name).data if path.is_file() else None
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict | tuple) else ()


def _check_environments(file: YamlFile, plan: Plan, known: Collection[str] | None) -> None:
    for index, stage in enumerate(plan.stages):
        if known is not None and stage.environment is not None:
            check_word(file, ("stages", index, "environment"), stage.environment, known)


def _check_watch(file: YamlFile, plan: Plan, folder: Path) -> None:
    """Report watch files that are not there, and rules that no watch file of the plan has."""
    here = [path.name for path in folder.glob("*watch*.yaml")]
    for index, stage in enumerate(plan.stages):
        for number, name in enumerate(stage.watch):
            if Path(name).name != name or not name.endswith(".yaml") or not (folder / name).is_file():
                text = f"is {quote_value(name)}, and watch rules lie beside the plan; {suggest(name, here)}"
                file.report(("stages", index, "watch", number), text)
    rules = [rule for name in plan.watch if Path(name).name == name for rule in read_rule_ids(folder / name)]
    for key, items in (
        ("triggers", [trigger.rule for trigger in plan.triggers]),
        ("monitoring", [item.rule for item in plan.monitoring]),
    ):
        for index, rule in enumerate(items):
            if rule is not None and rule not in rules:
                text = f"is {quote_value(rule)}, and no watch file of a stage has this rule; {suggest(rule, rules)}"
                file.report((key, index, "rule"), text)


def _check_load(file: YamlFile, plan: Plan, folder: Path) -> None:
    if not any(stage.load for stage in plan.stages):
        return
    profiles = read_profile_names(folder / LOAD_FILE)
    for index, stage in enumerate(plan.stages):
        for number, name in enumerate(stage.load):
            if name not in profiles:
                text = f"is {quote_value(name)}, and {LOAD_FILE} has no such profile; {suggest(name, profiles)}"
                file.report(("stages", index, "load", number), text)


def _check_preconditions(file: YamlFile, at: KeyPath, stage: Stage, plan: Plan, known: Known) -> None:
    """Report ids that nothing has, and those that only show at a stage that does not come before."""
    before = [one for one in plan.stages if one.id in _all_before(plan, stage.id)]
    in_time = _ids_of(before, known) | _held(stage.checklists, known.items)
    if before:
        in_time |= set(known.scenarios)
    everywhere = _ids_of(plan.stages, known) | set(known.scenarios)
    for number, name in enumerate(stage.preconditions):
        if name not in everywhere:
            text = f"is {quote_value(name)}, no case, item or gate of this system; {suggest(name, in_time)}"
            file.report((*at, number), text)
        elif name not in in_time and _is_ordered(plan):
            text = f"{quote_value(name)} is answered only at this stage or later, so it cannot come before."
            file.report((*at, number), f"{text} Remove it, or name the stage that answers it in 'after'.")


def _is_ordered(plan: Plan) -> bool:
    """Return whether every stage is one, and those before it are known: else nobody can say what comes in time."""
    ids = [stage.id for stage in plan.stages]
    named = {name for stage in plan.stages for name in stage.after or ()}
    return len(ids) == len(set(ids)) and named <= set(ids)


def _all_before(plan: Plan, stage: str) -> set[str]:
    """Return the ids of all stages that come before a stage, whichever way."""
    found: set[str] = set()
    waiting = [stage]
    while waiting:
        fresh = [one for name in waiting if name in plan.by_id for one in plan.predecessors(name) if one not in found]
        found |= set(fresh)
        waiting = fresh
    return found - {stage}


def _ids_of(stages: Iterable[Stage], known: Known) -> set[str]:
    found: set[str] = set()
    for stage in stages:
        found |= _held(stage.packs, known.cases or {}) | _held(stage.gates, known.gates)
        found |= _held(stage.checklists, known.items)
    return found


def _held(files: Sequence[str], ids: Mapping[str, Collection[str]]) -> set[str]:
    return {one for name in files for one in ids.get(name, ())}


def _check_approvals(file: YamlFile, plan: Plan, trust: TrustFile | None) -> None:
    """Report roles that nobody can hold, and approvals that differ from what the trust file asks for."""
    roles = {role for person in trust.people for role in person.roles} if trust is not None else set()
    roles |= set(role_ids(file))
    for index, stage in enumerate(plan.stages):
        for number, approval in enumerate(stage.approvals):
            check_word(file, ("stages", index, "approvals", number, "role"), approval.role, roles)
        if trust is None or not stage.approvals:
            continue
        rules = trust.systems.get(plan.system, ())
        for rule in rules:
            environments = rule.environments if stage.environment is None else (stage.environment,)
            if stage.id in rule.stages and set(environments) & set(rule.environments):
                _compare_approvals(file, ("stages", index, "approvals"), stage, rule)


def _compare_approvals(file: YamlFile, at: KeyPath, stage: Stage, rule: StageRule) -> None:
    asked = {role for one in rule.approvals for role in one.roles}
    where = ", ".join(rule.environments)
    for number, approval in enumerate(stage.approvals):
        if approval.role not in asked:
            text = f"is {quote_value(approval.role)}, but trust.yaml does not ask for it in {where};"
            file.report((*at, number, "role"), f"{text} {suggest(approval.role, asked)}")
    for requirement in rule.approvals:
        named = sum(approval.people for approval in stage.approvals if approval.role in requirement.roles)
        if named != requirement.count:
            wanted = f"{requirement.count} of {' or '.join(requirement.roles)}"
            file.report(at, f"name {named}, but trust.yaml asks for {wanted} in {where}. Correct one of them.")
