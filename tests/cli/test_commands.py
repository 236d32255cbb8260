"""The command line: what it says, where, and with which exit code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gonogo.cli.main import app

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(str(command.name) for command in app.registered_commands)


def gonogo(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gonogo.cli.main", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    done = gonogo(command, "--help")
    assert done.returncode == 0
    assert f"gonogo {command} " in done.stdout.split("Examples:")[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_names_every_command(command: str) -> None:
    assert f"`gonogo {command} " in (ROOT / "README.md").read_text("utf-8")


def test_the_reference_is_what_the_commands_say() -> None:
    command = [sys.executable, "-m", "typer", "gonogo.cli.main", "utils", "docs", "--name", "gonogo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    written = (ROOT / "docs" / "reference.md").read_text("utf-8")
    assert written.strip() == done.stdout.strip(), "write it anew: make docs"


def test_the_readme_names_every_exit_code() -> None:
    import gonogo.errors

    used = {value for name, value in vars(gonogo.errors).items() if name.startswith("EXIT_")}
    section = (ROOT / "README.md").read_text("utf-8").split("## Exit codes")[1].split("##")[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) ", section, re.MULTILINE)} == used


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing"], "No such command"),
        (["run", "richpanel", "--stage", "1"], "--env"),
        (["run", "richpanel", "--stage", "1", "--env", "sandbx"], "Did you mean 'sandbox'?"),
        (["run", "richpanel", "--stage", "9", "--env", "sandbox"], "stage '9' is not in the plan"),
        (["run", "richpanl", "--stage", "1", "--env", "sandbox"], "Did you mean 'richpanel'?"),
        (["run", "richpanel", "--stage", "1", "--env", "production"], "[confirm-missing]"),
        (["run", "richpanel", "--stage", "1", "--env", "staging", "--fault", "tier0_reply"], "is not embedded"),
        (["run", "richpanel", "--stage", "1", "--env", "sandbox", "--cases", "nowhere.csv"], "nowhere.csv"),
        (["run", "richpanel", "--stage", "1", "--env", "sandbox", "--format", "xml"], "allowed: text, json"),
        (["run", "richpanel", "--stage", "1", "--env", "sandbox", "--out", "src"], "is not empty"),
        (["cases", "richpanel", "--stage", "9"], "stage '9' is not in the plan"),
        (["sandbox", "nothing"], "there is no sandbox for 'nothing'"),
    ],
)
def test_wrong_words_exit_with_2_and_say_what_is_allowed(arguments: list[str], says: str) -> None:
    done = gonogo(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_token_is_named(tmp_path: Path) -> None:
    done = gonogo("run", "richpanel", "--stage", "1", "--env", "staging", "--out", str(tmp_path / "out"))
    assert done.returncode == 5
    assert "RICHPANEL_WEBHOOK_TOKEN" in done.stderr


def test_outside_a_project_says_so(tmp_path: Path) -> None:
    done = gonogo("cases", "richpanel", cwd=tmp_path)
    assert done.returncode == 2
    assert "smoke_cases/" in done.stderr


def test_committed_features_agree_with_their_sources() -> None:
    done = gonogo("compile", "--check")
    assert done.returncode == 0, done.stderr
    assert "features agree with their sources" in done.stdout


def test_cases_show_what_a_stage_expects() -> None:
    done = gonogo("cases", "richpanel", "--stage", "1", "--format", "json")
    cases = {case["id"]: case for case in json.loads(done.stdout)["cases"]}
    assert cases["ST-020"]["expects"] == "no reply (stage 1 has safe_mode=true)"
    assert cases["ST-070"]["admitted"] is False


def test_coverage_names_the_holes() -> None:
    done = gonogo("cases", "richpanel", "--coverage", "--format", "json")
    stages = {stage["stage"]: stage for stage in json.loads(done.stdout)["stages"]}
    assert set(stages) == {"0", "1", "2", "3", "4"}
    holes = [hole["text"] for hole in stages["2"]["holes"]]
    assert "template t_missing_items_intake by livechat: no case expects this reply" in holes
    text = gonogo("cases", "richpanel", "--coverage", "--stage", "2").stdout
    assert all(hole in text for hole in holes)


def test_a_reader_that_goes_away_changes_no_exit_code() -> None:
    script = f"{sys.executable} -m gonogo.cli.main cases richpanel | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_internal_error_is_70(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from gonogo.cli import main
    from gonogo.sources.project import Project

    def break_down(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Project, "from_path", break_down)
    monkeypatch.setattr(sys, "argv", ["gonogo", "cases", "richpanel"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 70
    assert "internal error" in capsys.readouterr().err
