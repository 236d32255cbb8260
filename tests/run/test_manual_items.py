"""Items that need a person: sandboxes don't wait for them, staging does, and only a valid answer counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from harness import Finished, RunningSandbox, SmallProject, deploy

ROWS = ["ST-001", "ST-020"]
RELEASE = "2026.11.2"
LIST = """# Team

### M1) The desk knows
- Ask them.
- Expect: they nod

### M2) The pack is green
- Expect: all passed
"""
ENVIRON = {"GONOGO_SANDBOX_TOKEN": "test-token", "RICHPANEL_WEBHOOK_TOKEN": "test-token"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A project whose stage 1 names one list: an item for a person, and one that the pack answers."""
    project = SmallProject(tmp_path_factory.mktemp("manual") / "project", ROWS)
    plan = project.sources / "plan.yaml"
    first, rest = plan.read_text("utf-8").split("  - id: 1\n")
    stage, later = rest.split("  - id: 2\n")
    lines = [line for line in stage.split("\n") if "checklists:" not in line and "gates:" not in line]
    changed = "\n".join(lines).replace("    packs: [smoke.csv]", "    packs: [smoke.csv]\n    checklists: [team.md]")
    plan.write_text(f"{first}  - id: 1\n{changed}  - id: 2\n{later}", "utf-8")
    write_list(project, LIST)
    sandbox = RunningSandbox("--flag-ttl", "0.2")
    try:
        yield project, deploy(project, sandbox.url), deploy_name(project)
    finally:
        sandbox.stop()


def deploy_name(project: SmallProject) -> list[str]:
    return ["--environments", str(project.root / "deployed.yaml"), "--env", "deployed"]


def write_list(project: SmallProject, text: str) -> None:
    from gonogo.sources.checklist.reader import parse_checklist

    (project.sources / "team.md").write_text(text, "utf-8")
    items = parse_checklist(text, "team.md", "").by_id
    (project.sources / "team.bindings.yaml").write_text(
        f'items:\n  M1:\n    words: "{items["M1"].digest[:16]}"\n    manual: {{role: desk, evidence: [note]}}\n'
        f'  M2:\n    words: "{items["M2"].digest[:16]}"\n    pack: smoke.csv\n',
        "utf-8",
    )
    done = project.gonogo("compile")
    assert done.code == 0, done.stderr


def run(place: Any, *arguments: str) -> Finished:
    project, _, where = place
    options = ["--allow-flag-changes", "--format", "json", *where, *arguments]
    return project.gonogo("run", "richpanel", "--stage", "1", *options, env=ENVIRON)


def attest(place: Any, result: str, *arguments: str) -> Finished:
    project, _, where = place
    words = ["--by", "Dana Desk", "--role", "desk", "--note", "they nodded", "--release", RELEASE, *where, *arguments]
    return project.gonogo("attest", "richpanel", "M1", "--result", result, *words, env=ENVIRON)


def test_staging_waits_for_a_person_and_only_for_words_that_were_read(place: Any) -> None:
    project = place[0]
    waiting = run(place)
    assert waiting.code == 3, waiting.stderr
    assert waiting.outcome("M1/attested") == "PENDING"
    assert waiting.outcome("M2/pack") == "PASSED"
    assert waiting.record["deciding"] == ["M1/attested"]

    release = waiting.record["build"]["before"]
    assert attest(place, "passed", "--release", release).code == 0
    passed = run(place)
    assert (passed.code, passed.outcome("M1/attested")) == (0, "PASSED"), passed.stderr

    write_list(project, LIST.replace("they nod", "they nod twice"))
    edited = run(place)
    assert edited.code == 3
    assert edited.outcome("M1/attested") == "INCONCLUSIVE"
    assert "the words of the item changed since" in str(edited.record["reasons"])
    write_list(project, LIST)


def test_a_sandbox_does_not_wait_and_says_so(place: Any) -> None:
    project = place[0]
    done = project.run(1)
    assert done.code == 0, done.stderr
    left_out = {one["case"]: one["why"] for one in done.record["not_tested"]}
    assert left_out["M1"] == "needs a person; kind sandbox does not wait"
    assert "M2" not in left_out


def test_words_that_nobody_bound_again_stop_the_run(place: Any) -> None:
    project = place[0]
    path = project.sources / "team.md"
    path.write_text(LIST.replace("all passed", "most passed"), "utf-8")
    try:
        done = project.run(1)
        assert done.code == 2
        assert "smoke_cases/richpanel/team.md:7: M2: its words changed" in done.stderr
    finally:
        write_list(project, LIST)


def test_a_run_with_other_cases_leaves_the_lists_out_and_says_so(place: Any) -> None:
    project = place[0]
    done = project.run(1, "--cases", str(project.sources / "smoke.csv"))
    left_out = {one["case"]: one["why"] for one in done.record["not_tested"]}
    assert left_out["M2"] == "checklists are left out of a run with --cases"
