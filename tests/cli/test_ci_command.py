"""Merge gates: what a change asks for, by whose thresholds it is judged, and what a job is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "run"))
from harness import SmallProject

from gonogo.model.ci import MergeGate, MergeGates
from gonogo.release.changes import Change, read_change
from gonogo.release.merge_gate import combine_codes, governed_of, pick_gates
from gonogo.reports.github import render_annotations, render_summary

GATES = MergeGates(
    system="richpanel",
    gates=(
        MergeGate(id="SMOKE", run="smoke", env="sandbox", stage="1", on=("smoke_cases/", "routing/")),
        MergeGate(id="REGRESSION", run="regression", env="sandbox", on=("prompts/", "schemas/**")),
    ),
    ignore=("*.md", "docs/"),
)
CI_YAML = """system: richpanel
gates:
  - {id: CI-SMOKE, run: smoke, stage: 1, env: sandbox, on: [smoke_cases/, features/]}
  - {id: CI-REGRESSION, run: regression, env: sandbox, on: [prompts/]}
ignore: ["*.md"]
"""


def picked(*files: str, base: str | None = "b" * 40) -> set[str]:
    return {pick.gate.id for pick in pick_gates(GATES, Change(base, files, "unknown")) if pick.why}


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (["prompts/classify.txt"], {"REGRESSION"}),
        (["schemas/v1/decision.json"], {"REGRESSION"}),
        (["routing/teams.yaml"], {"SMOKE"}),
        (["smoke_cases/richpanel/smoke.csv"], {"SMOKE"}),
        (["smoke_cases/richpanel/manual_qa.md"], {"SMOKE"}),
        (["README.md", "docs/gates.md"], set()),
        (["prompts/a.txt", "routing/b.yaml"], {"SMOKE", "REGRESSION"}),
        (["deploy/new_thing.tf"], {"SMOKE", "REGRESSION"}),
        (["README.md", "new_thing.tf"], {"SMOKE", "REGRESSION"}),
        ([], {"SMOKE", "REGRESSION"}),
    ],
)
def test_a_change_picks_the_gates_that_it_touches(files: list[str], wanted: set[str]) -> None:
    assert picked(*files) == wanted


def test_a_revision_that_cannot_be_resolved_picks_all() -> None:
    assert picked("README.md", base=None) == {"SMOKE", "REGRESSION"}


@pytest.mark.parametrize(
    ("codes", "wanted"),
    [([0, 0], 0), ([0, 3], 3), ([3, 1], 1), ([0, 5, 3], 5), ([5, 1], 1), ([], 3), ([70], 70)],
)
def test_the_worst_gate_is_the_exit_code(codes: list[int], wanted: int) -> None:
    assert combine_codes(codes) == wanted


@pytest.mark.parametrize(
    ("name", "governed"),
    [
        ("smoke_cases/richpanel/plan.yaml", True),
        ("smoke_cases/richpanel/gates.yaml", True),
        ("smoke_cases/q2q/tier2_gates.yaml", True),
        ("smoke_cases/richpanel/ci.yaml", True),
        ("trust.yaml", True),
        ("trust.yaml.dsse.json", True),
        ("ops/trust.yaml", True),
        ("smoke_cases/richpanel/smoke.csv", False),
        ("docs/gates.yaml", False),
    ],
)
def test_what_says_how_a_change_is_judged_is_governed(name: str, *, governed: bool) -> None:
    assert governed_of(GATES, [name]) == ([name] if governed else [])


def git(root: Path, *arguments: str) -> str:
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, env=environ).stdout.strip()


@pytest.fixture
def cloned(tmp_path: Path) -> SmallProject:
    """Return a project in Git whose last commit is the base."""
    small = SmallProject(tmp_path / "clone", ["ST-001"])
    (small.sources / "ci.yaml").write_text(CI_YAML)
    (small.root / ".gitignore").write_text("/evidence/\n__pycache__/\n")
    git(small.root, "init", "-q", "-b", "main")
    git(small.root, "add", "-A")
    git(small.root, "commit", "-qm", "base")
    return small


def judge(small: SmallProject, *arguments: str) -> tuple[int, dict[str, Any], str]:
    done = small.gonogo("ci", "richpanel", *arguments, "--format", "json")
    return done.code, done.record if done.stdout else {}, done.stderr


def test_files_of_a_change_are_those_since_the_branch_left(cloned: SmallProject) -> None:
    base = git(cloned.root, "rev-parse", "HEAD")
    git(cloned.root, "checkout", "-qb", "change")
    (cloned.root / "prompts").mkdir()
    (cloned.root / "prompts" / "größe.txt").write_text("x")
    git(cloned.root, "add", "-A")
    git(cloned.root, "commit", "-qm", "a prompt")
    (cloned.root / "conftest.py").unlink()
    (cloned.root / "new file.txt").write_text("y")
    git(cloned.root, "checkout", "-q", "main", "--", "pyproject.toml")

    change = read_change(cloned.root, "main")

    assert change.base == base
    assert change.files == ("conftest.py", "new file.txt", "prompts/größe.txt")
    assert read_change(cloned.root, "nowhere").base is None
    assert read_change(cloned.root, "0" * 40).base is None
    assert read_change(cloned.root, "--output=x").base is None


def test_a_row_that_changes_runs_its_gate_and_no_other(cloned: SmallProject) -> None:
    csv = cloned.sources / "smoke.csv"
    csv.write_text(csv.read_text("utf-8").replace(",Sales", ",Returns", 1) + "", "utf-8")
    feature = next(cloned.features.glob("*.feature"))
    feature.write_text(feature.read_text("utf-8") + "\n", "utf-8")

    code, result, _ = judge(cloned, "--changed-since", "main", "--dry-run")

    assert code == 0
    assert [pick["id"] for pick in result["picked"]] == ["CI-SMOKE"]
    assert result["skipped"] == ["CI-REGRESSION"]
    assert result["decision"] == "PICKED"


def test_a_change_of_the_plan_is_judged_by_the_base_until_a_person_accepts_it(cloned: SmallProject) -> None:
    plan = cloned.sources / "plan.yaml"
    before = plan.read_text("utf-8")
    plan.write_text(before.replace("name: Deploy, routing only", "name: Deploy as I like it"), "utf-8")
    # The change would rather not be judged at all.
    (cloned.sources / "ci.yaml").write_text(CI_YAML.replace("smoke_cases/, features/", "nothing/"))

    code, result, _ = judge(cloned, "--changed-since", "HEAD")

    assert code == 3
    assert result["judged_by"] == "base"
    assert result["sign_off"]["files"] == ["smoke_cases/richpanel/ci.yaml", "smoke_cases/richpanel/plan.yaml"]
    decisions = {run["id"]: run["decision"] for run in result["gates"]}
    assert decisions == {"CI-FEATURES": "GO", "CI-SMOKE": "GO"}
    smoke = next(run for run in result["gates"] if run["id"] == "CI-SMOKE")
    assert (cloned.root / smoke["folder"] / "plan.yaml").read_text("utf-8") == before

    digest = result["sign_off"]["digest"]
    assert judge(cloned, "--changed-since", "HEAD", "--signed-off", "0" * 64, "--dry-run")[1]["sign_off"]["open"]
    code, accepted, _ = judge(cloned, "--changed-since", "HEAD", "--signed-off", digest, "--dry-run")
    assert (code, accepted["judged_by"], accepted["sign_off"]["open"]) == (0, "change", False)
    # What the person accepted names no gate for the plan, so that file is one that nobody thought of: all run.
    assert [pick["id"] for pick in accepted["picked"]] == ["CI-SMOKE", "CI-REGRESSION"]


def test_features_that_drifted_stop_a_change_that_touches_no_gate(cloned: SmallProject) -> None:
    git(cloned.root, "checkout", "-qb", "change")
    feature = cloned.features / "smoke.feature"
    feature.write_text(feature.read_text("utf-8").replace("Scenario: [ST-001]", "Scenario: [ST-001] x", 1), "utf-8")
    git(cloned.root, "commit", "-qam", "drift")
    (cloned.root / "NOTES.md").write_text("notes")

    code, result, _ = judge(cloned, "--changed-since", "HEAD")

    assert code == 2
    assert [(run["id"], run["decision"]) for run in result["gates"]] == [("CI-FEATURES", "ERROR")]
    assert "ST-001" in result["gates"][0]["problem"]


def test_a_bad_file_is_told_with_every_line(cloned: SmallProject) -> None:
    (cloned.sources / "ci.yaml").write_text(
        "system: richpanle\ngates:\n"
        "  - {id: A, run: smoke, env: sandbx, on: [a/]}\n"
        "  - {id: A, run: regression, stage: 9, env: sandbox, on: ['!b/']}\n"
        "  - {id: C, run: smoke, stage: 1, env: sandbox, on: []}\n"
    )
    git(cloned.root, "commit", "-qam", "bad")
    code, _, said = judge(cloned, "--changed-since", "HEAD")
    assert code == 2
    assert "ci.yaml:5" in said
    (cloned.sources / "ci.yaml").write_text((cloned.sources / "ci.yaml").read_text().replace("on: []", "on: [c/]"))
    git(cloned.root, "commit", "-qam", "still bad")
    code, _, said = judge(cloned, "--changed-since", "HEAD")
    assert code == 2
    for words in (
        "'richpanle', but",
        "'sandbx' is not here",
        "needs a stage",
        "stands in line 3",
        "has no stage",
        "!b/",
    ):
        assert words in said


RECORD: dict[str, Any] = {
    "decision": "NO_GO",
    "system": "richpanel",
    "stage": "1",
    "environment": "sandbox",
    "signer": "UNSIGNED",
    "counts": {"PASSED": 3, "FAILED": 1},
    "deciding": ["ST-001/reply", "GATE-1/limit"],
    "reasons": ["ST-001/reply: a reply | went out", "GATE-1/limit: no_data: nothing"],
    "checks": [
        {"case": "GATE-1", "check": "limit", "outcome": "INCONCLUSIVE", "reasons": ["no_data: nothing"]}
        | {"expected": "", "observed": "", "source": {"file": "", "line": 0}},
        {"case": "ST-001", "check": "reply", "outcome": "FAILED", "reasons": ["100% wrong\n::error::x", "\x1b[31m"]}
        | {"expected": "no reply", "observed": "t_a", "source": {"file": "smoke,cases:x.csv", "line": 7}},
    ],
    "not_tested": [{"case": "ST-070", "why": "not admitted"}],
}


def test_annotations_stand_at_the_row_and_carry_no_command_of_others() -> None:
    first, second = render_annotations(RECORD)
    assert first == (
        "::error file=smoke%2Ccases%3Ax.csv,line=7,title=ST-001/reply FAILED::"
        "100%25 wrong%0A::error::x; \N{REPLACEMENT CHARACTER}[31m; expected: no reply; observed: t_a"
    )
    assert second == "::warning title=GATE-1/limit INCONCLUSIVE::no_data: nothing"


def test_the_summary_says_what_decided() -> None:
    text = render_summary(RECORD, "gonogo run richpanel")
    assert text.startswith("## NO-GO: richpanel, stage 1, sandbox")
    assert "| ST-001/reply | a reply \\| went out |" in text
    assert "Not tested: ST-070." in text


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    return lambda: summary.read_text("utf-8") if summary.exists() else ""


def test_a_job_is_told_by_a_run(tmp_path: Path, job: Callable[[], str]) -> None:
    small = SmallProject(tmp_path / "project", ["ST-001"])
    arguments = ("run", "richpanel", "--stage", "1", "--env", "sandbox", "--fault", "tag_missing", "--format", "json")
    done = small.gonogo(*arguments)
    assert done.code == 1
    line = next(one["source"]["line"] for one in done.record["checks"] if one["case"] == "ST-001")
    assert f"::error file=smoke_cases/richpanel/smoke.csv,line={line},title=ST-001/tags FAILED::" in done.stderr
    assert json.loads(done.stdout)["decision"] == "NO_GO"
    assert "## NO-GO: richpanel, stage 1, sandbox" in job()
