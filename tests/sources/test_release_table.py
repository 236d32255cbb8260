"""docs/richpanel_release.md names only what is there, and leaves out nothing that the plan holds."""

from __future__ import annotations

import re
from typing import Any

import pytest
from richpanel_texts import SOURCES

from gonogo.sources.plan_references import read_profile_names, read_rule_ids, read_scenario_ids
from gonogo.sources.project import Project
from gonogo.sources.yaml_file import read_yaml

ROOT = SOURCES.parents[1]
TEXT = (ROOT / "docs" / "richpanel_release.md").read_text("utf-8")
HOWS = ("run", "watch", "plan", "person", "not automated")
ROWS = [
    (number, *(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]))
    for number, line in enumerate(TEXT.split("\n"), start=1)
    if line.startswith("| ")
]
LINES = [row for row in ROWS if len(row) == 4 and row[1] != "line"]
PLAN: dict[str, Any] = read_yaml(SOURCES / "plan.yaml", "plan.yaml").data
SYSTEM = Project.from_path(ROOT).load_system("richpanel")
PREFIXES = ("ST-", "INV-", "CFG-", "QA-", "GNG-", "RUN-", "REL-", "GATE-", "W-")


def named(row: tuple[Any, ...]) -> list[str]:
    """Return the ids in the last cell of a row; other words in backquotes are words."""
    found = re.findall(r"`([^`]+)`", row[3])
    return [one for one in found if one.startswith((*PREFIXES, "plan:", "load:"))]


def known_ids() -> set[str]:
    ids = {case.id for pack in SYSTEM.packs.values() for case in pack.cases}
    ids |= {gate.id for pack in SYSTEM.gates.values() for gate in pack.gates}
    ids |= {item.id for found in SYSTEM.checklists.values() for item in found.items}
    ids |= {rule for name in SYSTEM.plan.watch for rule in read_rule_ids(SOURCES / name)}
    ids |= {f"load:{name}" for name in read_profile_names(SOURCES / "load.yaml")}
    return ids | read_scenario_ids(ROOT / "features" / "richpanel")


KNOWN = known_ids()


def entry(path: str) -> Any:
    """Return what stands at a path of the plan; items of lists go by their id. Raises `KeyError` where nothing does."""
    data: Any = PLAN
    for part in path.split("."):
        if isinstance(data, tuple):
            data = {str(item["id"]): item for item in data}
        data = data[part]
    return data


@pytest.mark.parametrize("row", LINES, ids=lambda row: f"line{row[0]}")
def test_every_line_is_answered_by_what_is_there(row: tuple[Any, ...]) -> None:
    number, line, how, answer = row
    assert line
    assert how in HOWS, f"{number}: {how}"
    assert named(row), f"docs/richpanel_release.md:{number}: nothing answers it: {answer}"
    for one in named(row):
        if one.startswith("plan:"):
            assert entry(one.removeprefix("plan:")) is not None, f"docs/richpanel_release.md:{number}: {one}"
        else:
            assert one in KNOWN, f"docs/richpanel_release.md:{number}: {one} is not there"


def test_the_table_leaves_out_nothing_of_the_plan() -> None:
    told = {one for row in LINES for one in named(row)}
    for key in ("triggers", "monitoring", "follow_ups"):
        missing = [item["id"] for item in PLAN[key] if f"plan:{key}.{item['id']}" not in told]
        assert not missing, f"{key} that answer no line: {missing}"
    assert all(f"`plan:roles.{role}`" in TEXT for role in PLAN["roles"])
    assert {f"plan:rollback.options.{option}" for option in PLAN["rollback"]["options"]} <= told
    conditions = {item.id for item in SYSTEM.checklists["release_conditions.md"].items if item.item.stands_alone}
    assert conditions <= told, conditions - told
    gates = {gate.id for pack in SYSTEM.gates.values() for gate in pack.gates}
    assert gates <= told, gates - told
    rules = {rule for name in SYSTEM.plan.watch for rule in read_rule_ids(SOURCES / name)}
    assert rules <= told, rules - told


def test_the_table_covers_both_documents() -> None:
    parts = TEXT.split("\n## ")
    titles = {part.split("\n")[0]: len(re.findall(r"^\| (?!line|-|written)", part, re.MULTILINE)) for part in parts[1:]}
    assert titles["Release and Rollback Plan"] >= 47
    assert titles["First Production Deploy Runbook"] >= 70
    assert titles["What cannot be automated, and why"] >= 8


def test_a_wrong_path_of_the_plan_is_noticed() -> None:
    for path in ("stages.9", "stages.1.sok", "triggers.TRG-NONE", "rollback.options.D"):
        with pytest.raises(KeyError):
            entry(path)
