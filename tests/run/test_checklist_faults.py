"""Every automated item of the manual QA list turns red by a fault of the sandbox, and no other item hides it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import ROOT, SmallProject

# Faults that can be active together, by stage, and the checks of the list that each turns red.
RUNS = {
    "routing": (
        3,
        {
            "tier2_without_match": "QA-C1/match",
            "wrong_team": "QA-A2/departments",
            "tag_missing": "QA-A1/tags",
            "safe_mode_stops_routing": "QA-A3/team",
            "tier0_reply": "QA-A2/escalations",
            "no_correlation_id": "QA-E2/correlated",
            "body_in_events": "QA-E3/events",
            "attachment_crash": "QA-E1/present",
        },
    ),
    "safety": (
        2,
        {
            "kill_switch_ignored": "QA-B1/reply",
            "safe_mode_ignored": "QA-B2/reply",
            "whitelist_ignored": "QA-B3/disabled",
            "wrong_template": "QA-C2/reply",
            "injection_obeyed": "QA-D1/action",
            "attachment_answered": "QA-D2/reply",
            "duplicate_reply": "QA-D3/reply",
            "card_in_log": "QA-E3/logs",
        },
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    return SmallProject(
        tmp_path_factory.mktemp("faults") / "project", ["ST-001", "ST-010", "ST-020", "ST-050"], whole=True
    )


@pytest.mark.parametrize("name", RUNS)
def test_each_fault_turns_its_item_red(name: str, project: SmallProject) -> None:
    stage, faults = RUNS[name]
    done = project.run(stage, *(word for fault in faults for word in ("--fault", fault)))
    assert done.code == 1, done.stderr
    outcomes = {check: done.outcome(check) for check in faults.values()}
    assert outcomes == dict.fromkeys(faults.values(), "FAILED")


def test_every_automated_item_has_its_fault_and_they_are_seventy_percent() -> None:
    manifest = json.loads((ROOT / "features/richpanel/manifest.json").read_text("utf-8"))
    listed = next(one for one in manifest["checklists"] if one["file"].endswith("manual_qa.md"))["items"]
    text = (ROOT / "features/richpanel/manual_qa.feature").read_text("utf-8")
    automated = {item for item in listed if f"@{item} @check @manual" not in text}
    red = {check.split("/")[0] for _, faults in RUNS.values() for check in faults.values()}
    assert automated == red
    assert len(automated) >= 0.7 * len(listed)


def test_the_list_covers_all_five_parts() -> None:
    text = Path(ROOT / "smoke_cases/richpanel/manual_qa.md").read_text("utf-8")
    assert [line[3] for line in text.split("\n") if line.startswith("## ")] == ["A", "B", "C", "D", "E"]
