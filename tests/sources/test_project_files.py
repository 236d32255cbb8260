"""A system's files together: every problem of every file at once, and nothing loaded from half of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from richpanel_texts import GOOD, SOURCES, row, write_csv

from gonogo.errors import SourceError, UsageError
from gonogo.sources.project import Project
from gonogo.sources.suggest import closest, quote_value, suggest


@pytest.fixture
def project(tmp_path: Path) -> Project:
    shutil.copytree(SOURCES, tmp_path / "smoke_cases" / "richpanel")
    return Project.from_path(tmp_path)


def spoil(project: Project, name: str, old: str, new: str) -> None:
    path = project.sources_of("richpanel") / name
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new).encode())


def problems_of(project: Project, **options: Path) -> list[str]:
    with pytest.raises(SourceError) as caught:
        project.load_system("richpanel", **options)
    assert caught.value.exit_code == 2
    return [str(problem) for problem in caught.value.problems]


def test_sound_system_loads(project: Project) -> None:
    system = project.load_system("richpanel")
    assert set(system.packs) == {"smoke.csv"}
    assert system.plan.by_id["1"].safe_mode


def test_problems_of_all_files_come_at_once_with_relative_names(project: Project) -> None:
    spoil(project, "vocabulary.yaml", "  - Backend", "  - Backend\n  - Backend")
    spoil(project, "plan.yaml", "channels: [livechat, email]\n", "channels: [livechat, emial]\n")
    spoil(project, "environments.yaml", "kind: staging", "kind: stagging")
    spoil(project, "smoke.csv", "ST-020,tier1_automation", "ST-020,tier1_automaton")
    shown = problems_of(project)
    files = {text.split(":")[0] for text in shown}
    names = ("environments.yaml", "plan.yaml", "smoke.csv", "vocabulary.yaml")
    assert files == {f"smoke_cases/richpanel/{name}" for name in names}
    assert shown == sorted(shown, key=lambda text: (text.split(":")[0], int(text.split(":")[1])))


def test_broken_vocabulary_hides_no_problem_of_the_other_files(project: Project) -> None:
    spoil(project, "vocabulary.yaml", "channels: [", "chanels: [")
    spoil(project, "plan.yaml", "safe_mode: true\n", "safe_mode: yes\n")
    spoil(project, "environments.yaml", "kind: staging", "kind: stagging")
    files = [text.split(":")[0].rsplit("/", 1)[1] for text in problems_of(project)]
    assert files == ["environments.yaml", "plan.yaml", "vocabulary.yaml", "vocabulary.yaml"]


@pytest.mark.parametrize("name", ["vocabulary.yaml", "plan.yaml", "environments.yaml"])
@pytest.mark.parametrize("content", [None, "", "---\n", "~", "# nothing"])
def test_missing_or_empty_file_never_loads(project: Project, name: str, content: str | None) -> None:
    path = project.sources_of("richpanel") / name
    path.unlink() if content is None else path.write_text(content)
    assert [text for text in problems_of(project) if text.startswith(f"smoke_cases/richpanel/{name}")]


def test_pack_outside_the_folder_is_not_read(project: Project) -> None:
    (project.root / "smoke_cases" / "other.csv").write_text("not a pack")
    spoil(project, "plan.yaml", "[smoke.csv]", "[../other.csv]")
    assert all("packs lie beside the plan" in text for text in problems_of(project))


def test_ids_are_unique_over_packs(project: Project) -> None:
    spoil(project, "plan.yaml", "packs: [smoke.csv]", "packs: [smoke.csv, more.csv]")
    more = project.sources_of("richpanel") / "more.csv"
    more.write_text(write_csv([row(id_="st-021"), row(id_="MORE-1")]))
    (problem,) = problems_of(project)
    assert problem.startswith("smoke_cases/richpanel/more.csv:2: test_id: is 'st-021', which stands in smoke_cases/")
    assert problem.endswith("smoke.csv already. Give it another id.")


def test_other_cases_are_read_in_the_place_of_the_packs(project: Project, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text(write_csv([GOOD]))
    assert set(project.load_system("richpanel", cases=mine).packs) == {"mine.csv"}
    mine.write_text(write_csv([row(channel="fax")]))
    assert problems_of(project, cases=mine)[0].startswith("mine.csv:2: channel: is 'fax'; allowed: email, livechat")
    assert "cannot be read: No such file" in problems_of(project, cases=tmp_path / "none.csv")[0]


def test_unknown_system_and_no_project(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(UsageError, match="Did you mean 'richpanel'"):
        project.load_system("richpanle")
    with pytest.raises(UsageError, match="no smoke_cases/ folder"):
        Project.from_path(tmp_path_factory.mktemp("elsewhere"))


@pytest.mark.parametrize(
    "text", ["tool = 3", "[tool]\ngonogo = 3", "[tool.gonogo]\nsteps = 'x'", "[tool.gonogo]\nsteps = [1]", "[tool"]
)
def test_broken_pyproject_is_a_problem_or_names_no_steps(tmp_path: Path, text: str) -> None:
    (tmp_path / "smoke_cases").mkdir()
    (tmp_path / "pyproject.toml").write_text(text)
    if text == "tool = 3":
        assert Project.from_path(tmp_path).step_modules == ()
        return
    with pytest.raises(SourceError) as caught:
        Project.from_path(tmp_path)
    assert caught.value.problems[0].file == "pyproject.toml"


def test_folders_that_tools_leave_are_no_systems(project: Project) -> None:
    for name in (".ipynb_checkpoints", "__pycache__"):
        (project.root / "smoke_cases" / name).mkdir()
    assert project.systems == ("richpanel",)


@pytest.mark.parametrize(
    ("seen", "meant"),
    [("livechta", "livechat"), (" LiveChat ", "livechat"), ("fax", None), ("", None), ("x" * 10_000, None)],
)
def test_suggestion_is_the_word_that_was_meant(seen: str, meant: str | None) -> None:
    assert closest(seen, ["email", "livechat", "None"]) == meant
    assert ("Did you mean" in suggest(seen, ["email", "livechat", "None"])) == (meant is not None)


def test_quoted_values_are_one_short_line() -> None:
    for value in ("a\nb", "x" * 1_000_000, "\u2028\x00", "\ud800", 5, None, ("a",)):
        shown = quote_value(value)
        assert len(shown.splitlines()) == 1
        assert len(shown) < 400
        assert shown.encode()
    assert suggest("x", []) == "allowed: nothing."
    assert "(13 in all)" in suggest("x", [f"word{at}" for at in range(13)])
