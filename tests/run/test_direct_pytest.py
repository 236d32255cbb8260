"""The same scenarios under pytest's own habits, with the same guard."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from harness import SmallProject


def run_pytest(project: SmallProject, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=project.root, capture_output=True, text=True, timeout=120, check=False)


def test_features_run_under_plain_pytest(shared_project: SmallProject) -> None:
    done = run_pytest(
        shared_project, "features/richpanel", "--stage", "1", "--env", "sandbox", "-k", "ST-001 or ST-020"
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    outcomes = (shared_project.runs[-1] / "outcomes.jsonl").read_text("utf-8").splitlines()
    assert {json.loads(line)["case"] for line in outcomes} >= {"ST-001", "ST-020"}
    assert not (shared_project.runs[-1] / "decision.json").exists(), "a direct run decides nothing"


def test_a_scenario_is_chosen_by_its_id(shared_project: SmallProject) -> None:
    done = run_pytest(shared_project, "features/richpanel/smoke.feature::ST-020", "--stage", "1", "--env", "sandbox")
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout


def test_marks_are_tags(shared_project: SmallProject) -> None:
    done = run_pytest(shared_project, "features/richpanel", "--stage", "1", "--env", "sandbox", "-m", "tier0_safety")
    assert "2 passed" in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["features/richpanel"], "need a stage and an environment"),
        (["features/richpanel", "--stage", "1", "--env", "production"], "[direct-run]"),
        (["features/richpanel", "--stage", "7", "--env", "sandbox"], "stage '7' is not in the plan"),
        (["features/richpanel", "--stage", "1", "--env", "sandbox", "-n", "2"], "runs in one process"),
        (["features/richpanel/smoke.feature::ST-070", "--stage", "1", "--env", "sandbox"], "ST-070 is not admitted"),
        (["features/richpanel", "--stage", "1", "--env", "sandbox", "-k", "ST-075"], "ST-075 is not admitted"),
    ],
)
def test_the_guard_is_the_same(shared_project: SmallProject, arguments: list[str], says: str) -> None:
    done = run_pytest(shared_project, *arguments)
    assert done.returncode == 4, done.stdout
    assert says in done.stderr


def test_allure_pytest_shows_the_gherkin_steps(shared_project: SmallProject) -> None:
    folder = shared_project.root / "allure"
    run_pytest(
        *(shared_project, "features/richpanel", "--stage", "1", "--env", "sandbox", "-k", "ST-020"),
        f"--alluredir={folder}",
    )
    results = [json.loads(path.read_bytes()) for path in folder.glob("*-result.json")]
    assert len(results) == 1
    names = [step["name"] for step in results[0]["steps"]]
    assert "Then the message leads to one decision" in names
    assert {step["status"] for step in results[0]["steps"]} == {"passed"}
    assert "[ST-020]" in results[0]["name"]


def test_a_failing_check_is_red_and_hides_no_other(shared_project: SmallProject) -> None:
    done = shared_project.run(1, "--fault", "message_altered", "--fault", "tag_missing")
    failed = {
        check["check"] for check in done.record["checks"] if check["case"] == "ST-020" and check["outcome"] == "FAILED"
    }
    assert {"message", "tags"} <= failed
    results = [
        json.loads(path.read_bytes()) for path in (shared_project.runs[-1] / "allure-results").glob("*-result.json")
    ]
    entry = next(one for one in results if "[ST-020]" in one["name"])
    status = {step["name"]: step["status"] for step in entry["steps"]}
    assert status["And the message arrives unaltered"] == "failed"
    assert status['And the ticket carries the tag "mw-intent-order-status"'] == "failed"
    assert status["Then the message leads to one decision"] == "passed"
    assert {label["name"]: label["value"] for label in entry["labels"]}["stage"] == "1"
    assert entry["links"][0]["name"].startswith("smoke_cases/richpanel/smoke.csv:")
