"""`gonogo checklist` and `gonogo attest` as people use them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from gonogo.cli.main import main

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "docs" / "schemas"
PLACE = ("--env", "staging", "--release", "2026.11.2")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("smoke_cases", "features", "steps"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@dataclass(frozen=True)
class Finished:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


def gonogo(cwd: Path, *arguments: str, said: str = "") -> Finished:
    """Run gonogo in this process, as a person would in a folder."""
    out, err = io.StringIO(), io.StringIO()
    before = sys.argv, sys.stdin
    sys.argv, sys.stdin = ["gonogo", *arguments], io.StringIO(said)
    try:
        with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
            code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.argv, sys.stdin = before
    return Finished(code, out.getvalue(), err.getvalue())


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GONOGO_")]:
        monkeypatch.delenv(name)


def check_schema(name: str, text: str) -> dict[str, object]:
    data = json.loads(text)
    schema = json.loads((SCHEMAS / name).read_text("utf-8"))
    jsonschema_rs.validator_for(schema).validate(data)
    return dict(data)


@pytest.mark.parametrize("name", ["manual_qa.md", "go_no_go.md", "deploy_runbook.md"])
def test_show_prints_what_the_schema_says(name: str) -> None:
    done = gonogo(ROOT, "checklist", "show", f"smoke_cases/richpanel/{name}", "--format", "json")
    assert done.returncode == 0
    data = check_schema("checklist.schema.json", done.stdout)
    assert data["unplaced"] == []


def test_show_refuses_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "list.md").write_bytes(b"- a\n\0")
    done = gonogo(tmp_path, "checklist", "show", "list.md")
    assert done.returncode == 2
    assert "list.md:2: holds a NUL byte" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_answer_is_kept_and_shown(project: Path) -> None:
    (project / "board.png").write_bytes(b"\x89PNG")
    words = ("--by", "Bo Lind", "--role", "observer", "--evidence", "board.png", *PLACE)
    done = gonogo(project, "attest", "richpanel", "E4", "--result", "passed", *words, "--format", "json")
    assert done.returncode == 0, done.stderr
    kept: Any = check_schema("attestation.schema.json", done.stdout)
    assert (project / "evidence/richpanel/attachments" / kept["attachments"][0]["sha256"]).read_bytes() == b"\x89PNG"
    status = gonogo(project, "checklist", "status", "richpanel", "--stage", "0", *PLACE, "--format", "json")
    assert status.returncode == 3
    data = check_schema("checklist-status.schema.json", status.stdout)
    items = {item["id"]: item for one in data["lists"] for item in one["items"]}  # type: ignore[attr-defined]
    assert (items["QA-E4"]["state"], items["QA-E4"]["by"]) == ("passed", "Bo Lind")
    assert items["QA-A4"]["state"] == "pending"
    failed = gonogo(project, "attest", "richpanel", "E4", "--result", "failed", *words, "--note", "empty")
    assert failed.returncode == 0
    assert gonogo(project, "checklist", "status", "richpanel", "--stage", "0", *PLACE).returncode == 1


REFUSED = {
    "role": (["QA-A4", "--role", "qa_lead", "--note", "x"], "answered as qa_lead; wanted: support_ops"),
    "evidence": (["QA-A4", "--role", "support_ops"], "it comes without note"),
    "automated": (["QA-A1", "--role", "qa_lead", "--note", "x"], "a run answers for it"),
    "unknown": (["QA-A44", "--role", "qa_lead"], "Did you mean 'QA-A4'?"),
    "symlink": (["QA-E4", "--role", "observer", "--evidence", "link.png"], "is a symlink"),
    "local link": (["QA-E4", "--role", "observer", "--evidence", "file:///etc/passwd"], "no link that others can open"),
    "environment": (["QA-A4", "--role", "support_ops", "--note", "x", "--env", "stagin"], "Did you mean 'staging'?"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_count_is_refused_and_not_kept(name: str, project: Path) -> None:
    arguments, said = REFUSED[name]
    (project / "link.png").symlink_to("/etc/passwd")
    done = gonogo(project, "attest", "richpanel", "--result", "passed", "--by", "Bo Lind", *PLACE, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert not list((project / "evidence").rglob("0*.json")) if (project / "evidence").exists() else True


def test_a_walk_can_be_stopped_and_goes_on_where_it_was(project: Path) -> None:
    walk = ("attest", "richpanel", "--stage", "0", "--by", "Ana", "--role", "support_ops", *PLACE)
    first = gonogo(project, *walk, said="p\n\nnine of ten\n")
    assert first.returncode == 130
    assert "[1/" in first.stdout
    assert "expect: nine of ten belong there" in first.stdout
    second = gonogo(project, *walk, said="s\nq\n")
    assert second.returncode == 0
    assert "QA-A4" not in second.stdout


def test_a_walk_asks_again_after_a_refusal(project: Path) -> None:
    walk = ("attest", "richpanel", "--stage", "0", "--by", "Ana", "--role", "support_ops", *PLACE)
    done = gonogo(project, *walk, said="p\n\n\np\n\nnow with a note\nq\n")
    assert "it comes without note" in done.stdout
    assert "entry 1 of the ledger" in done.stdout


def test_edited_words_fail_compile_until_somebody_looked(project: Path) -> None:
    path = project / "smoke_cases/richpanel/manual_qa.md"
    path.write_text(
        path.read_text("utf-8").replace("Set `safe_mode=true` while", "Set `safe_mode=true` long while"), "utf-8"
    )
    done = gonogo(project, "compile", "richpanel", "--check")
    assert done.returncode == 2
    assert "smoke_cases/richpanel/manual_qa.md:43: B2: its words changed" in done.stderr
    assert gonogo(project, "compile", "richpanel").returncode == 2
    assert "@manual" in (project / "features/richpanel/manual_qa.feature").read_text("utf-8").split("[QA-B2]")[0][-60:]
    assert gonogo(project, "compile", "richpanel", "--check").returncode == 2, "compiling does not bind it again"


def test_bind_proposes_and_writes_nothing(project: Path) -> None:
    (project / "smoke_cases/richpanel/go_no_go.bindings.yaml").write_text("prefix: GNG-\n")
    before = sorted(path.stat().st_mtime_ns for path in project.rglob("*.yaml"))
    done = gonogo(project, "checklist", "bind", "richpanel", "--list", "go_no_go.md")
    assert done.returncode == 0, done.stderr
    assert "pack: smoke.csv" in done.stdout
    assert "refused as unauthorised" in done.stdout
    assert sorted(path.stat().st_mtime_ns for path in project.rglob("*.yaml")) == before
