"""Allure shows what was decided: totals, categories, history; what it would drop is caught by us."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from harness import ROOT, SmallProject

from gonogo.errors import EvidenceError, UsageError
from gonogo.evidence.ledger import open_ledger
from gonogo.model.outcome import CheckClass, CheckResult, InconclusiveReason, Outcome, PlannedCheck, SourceRef, Verdict
from gonogo.run.activity import Activity, begin_activity, conclude_activity
from gonogo.run.allure_render import Rendered, Renderer, find_renderer, render_allure, strip_analytics
from gonogo.run.sealing import Sealer
from gonogo.sources.project import Project

NODE = ROOT / ".venv" / "node"
SOURCE = SourceRef("smoke_cases/richpanel/smoke.csv", 2)
STATUS = {Outcome.PASSED: "passed", Outcome.WARNED: "passed", Outcome.FAILED: "failed"}
STATES: dict[str, list[Outcome | None]] = {
    "green": [Outcome.PASSED, Outcome.WARNED],
    "failures": [Outcome.FAILED, Outcome.PASSED],
    "not-run": [None, Outcome.PASSED],
    "inconclusive": [Outcome.INCONCLUSIVE, Outcome.PASSED],
    "pending": [Outcome.PENDING, Outcome.PASSED],
    "errors": [Outcome.ERROR, Outcome.PASSED],
    "mixed": [Outcome.FAILED, Outcome.ERROR, None, Outcome.PENDING, Outcome.INCONCLUSIVE, Outcome.PASSED],
}


def status_of(outcome: Outcome | None) -> str:
    return "broken" if outcome is None else STATUS.get(outcome, "broken")


@pytest.fixture(scope="module", autouse=True)
def _node(request: pytest.FixtureRequest) -> Iterator[None]:
    """Put the node of the virtual environment on the PATH, where Allure's program looks for it."""
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{before}"
    yield
    os.environ["PATH"] = before


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    program = NODE / "node_modules" / ".bin" / "allure"
    assert program.exists(), "Allure is not installed here: sh scripts/get_browser.sh .venv"
    return find_renderer(NODE, {**os.environ, "GONOGO_ALLURE": str(program)})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project.from_path(SmallProject(tmp_path_factory.mktemp("allure"), ["ST-001"]).root)


def verdict(outcome: Outcome) -> Verdict:
    if outcome is Outcome.INCONCLUSIVE:
        return Verdict.inconclusive(InconclusiveReason.VACUOUS, "it could not have failed", "a reply")
    return Verdict(outcome, (f"{outcome.name.lower()} <b>as made</b>",), "a reply", "none")


def make_bundle(project: Project, folder: Path, name: str, outcomes: list[Outcome | None]) -> Path:
    system = project.load_system("richpanel")
    environment = system.environments.environments["sandbox"]
    place = (system, system.plan.by_id["1"], "sandbox", environment)
    activity = Activity("watch", name, project, *place, folder / name)
    planned = [
        PlannedCheck(f"W-{number}", "limit", CheckClass.REQUIRED, SOURCE) for number, _ in enumerate(outcomes, 1)
    ]
    pairs = zip(planned, outcomes, strict=True)
    results = [CheckResult.of(check, verdict(outcome)) for check, outcome in pairs if outcome is not None]
    sealer = Sealer(None, open_ledger(str(folder / "ledger"), "richpanel"))
    begin_activity(activity, planned, sealer)
    seen: Mapping[str, Any] = {"before": "b1", "after": "b1"}
    report = conclude_activity(activity, planned, results, sealer, started=datetime.now(UTC), build=seen, flags=seen)
    assert report.seal_error is None
    return folder / name


@pytest.fixture(scope="module")
def rendered(
    project: Project, renderer: Renderer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, Rendered]]:
    made = {}
    for name, outcomes in STATES.items():
        folder = tmp_path_factory.mktemp(name)
        bundle = make_bundle(project, folder, name, outcomes)
        made[name] = bundle, render_allure(bundle, folder / "out", renderer, single_file=False)
    return made


@pytest.mark.parametrize("state", STATES)
def test_the_rendered_totals_are_those_of_the_outcomes(rendered: dict[str, tuple[Path, Rendered]], state: str) -> None:
    _, report = rendered[state]
    wanted = Counter(status_of(outcome) for outcome in STATES[state])
    assert report.totals == dict(wanted)
    shown = json.loads((report.page.parent / "test-results.json").read_bytes())["byId"].values()
    assert {one["name"]: one["status"] for one in shown} == {
        f"W-{number}": status_of(outcome) for number, outcome in enumerate(STATES[state], 1)
    }


def test_every_reason_has_a_category(rendered: dict[str, tuple[Path, Rendered]]) -> None:
    categories = json.loads((rendered["mixed"][1].page.parent / "widgets" / "categories.json").read_bytes())
    counted = {
        node["name"]: node["statistic"]["total"] for node in categories["nodes"].values() if node["type"] == "category"
    }
    assert counted == {
        "Product failure": 1,
        "Harness error": 1,
        "Not run": 1,
        "Vacuous: could not have failed": 1,
        "Pending: waits for a person": 1,
    }


def test_the_report_calls_no_other_host(rendered: dict[str, tuple[Path, Rendered]]) -> None:
    for _, report in rendered.values():
        page = report.page.read_text("utf-8")
        assert not re.findall(r"(?:src|href)=[\"']?https?:", page)
        assert "gtag" not in page


def test_analytics_are_taken_out_and_nothing_else() -> None:
    page = (
        b'<script src="app.js"></script><script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>'
        b"<script>\n window.dataLayer = [];\n function gtag(){dataLayer.push(arguments);}\n</script>"
        b"<script>window.allure = {}</script>"
    )
    assert strip_analytics(page) == b'<script src="app.js"></script><script>window.allure = {}</script>'


def test_a_single_file_holds_everything(project: Project, renderer: Renderer, tmp_path: Path) -> None:
    bundle = make_bundle(project, tmp_path, "one", STATES["mixed"])
    report = render_allure(bundle, tmp_path / "out", renderer, single_file=True)
    assert "gtag" not in report.page.read_text("utf-8")
    assert report.totals == {"broken": 4, "failed": 1, "passed": 1}


def test_history_is_that_of_the_same_stage_and_environment(
    project: Project, renderer: Renderer, tmp_path: Path
) -> None:
    for name, outcomes in (("first", STATES["failures"]), ("other", STATES["green"]), ("second", STATES["green"])):
        make_bundle(project, tmp_path, name, outcomes)
    # The one before is of another stage: its history is another.
    path = tmp_path / "other" / "decision.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "stage": "3"}))
    earlier = datetime.now(UTC) - timedelta(days=1)
    path = tmp_path / "first" / "decision.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "finished": earlier.isoformat()}))

    report = render_allure(tmp_path / "second", tmp_path / "out", renderer, single_file=False)

    assert report.earlier == 1
    results = [json.loads(one.read_bytes()) for one in (tmp_path / "out" / "data" / "test-results").glob("*.json")]
    history = {one["name"]: [past["status"] for past in one["history"]] for one in results}
    assert history == {"W-1": ["failed"], "W-2": ["passed"]}


def change_result(bundle: Path, **changes: Any) -> Path:
    path = min((bundle / "allure-results").glob("*-result.json"))
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))
    return path


@pytest.mark.parametrize("harm", ["corrupt", "missing", "greened", "twice"])
def test_what_a_renderer_would_drop_or_hide_is_refused(
    project: Project, renderer: Renderer, tmp_path: Path, harm: str
) -> None:
    bundle = make_bundle(project, tmp_path, "bundle", STATES["mixed"])
    path = min((bundle / "allure-results").glob("*-result.json"))
    if harm == "corrupt":
        path.write_text('{"name": "cut off')
    elif harm == "missing":
        path.unlink()
    elif harm == "greened":
        for one in (bundle / "allure-results").glob("*-result.json"):
            one.write_text(json.dumps({**json.loads(one.read_bytes()), "status": "passed"}))
    else:
        path.with_name("0-result.json").write_bytes(path.read_bytes())
    with pytest.raises(EvidenceError, match="not those of the outcomes"):
        render_allure(bundle, tmp_path / "out", renderer, single_file=False)
    assert not (tmp_path / "out").exists()


def test_a_report_with_other_totals_is_not_shown(project: Project, renderer: Renderer, tmp_path: Path) -> None:
    """A renderer that loses a result and ends well, as both do with one that they cannot read."""
    program = tmp_path / "allure"
    program.write_text(
        "#!/bin/sh\n"
        'case "$1" in awesome) rm -f "$(ls "$2"/*-result.json | head -1)";; esac\n'
        f'exec {renderer.program} "$@"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    bundle = make_bundle(project, tmp_path, "bundle", STATES["green"])
    with pytest.raises(EvidenceError, match=r"Allure shows 1 passed; the bundle holds 2 passed"):
        render_allure(bundle, tmp_path / "out", replace(renderer, program=str(program)), single_file=False)
    assert not (tmp_path / "out").exists()


def test_without_allure_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no Allure here") as told:
        find_renderer(tmp_path, {"PATH": str(tmp_path)})
    assert "npm install -g allure" in told.value.hint
    assert "Java" in told.value.hint
    broken = tmp_path / "allure"
    broken.write_text("#!/bin/sh\necho 'java: not found' >&2\nexit 127\n")
    broken.chmod(0o755)
    with pytest.raises(UsageError, match="java: not found"):
        find_renderer(tmp_path, {"PATH": str(tmp_path)})


def test_results_say_where_and_what_was_tested(rendered: dict[str, tuple[Path, Rendered]]) -> None:
    bundle, _ = rendered["mixed"]
    folder = bundle / "allure-results"
    setting = dict(line.split("=", 1) for line in (folder / "environment.properties").read_text().splitlines())
    assert setting == {
        "system": "richpanel",
        "stage": "1",
        "environment": "sandbox",
        "decision": "NO_GO",
        "build": "b1",
        "signer": "UNSIGNED",
    }
    assert json.loads((folder / "executor.json").read_bytes())["buildName"] == "mixed"
    failed = next(
        entry
        for entry in (json.loads(one.read_bytes()) for one in folder.glob("*-result.json"))
        if entry["status"] == "failed"
    )
    [attachment] = failed["attachments"]
    text = (folder / attachment["source"]).read_text("utf-8")
    assert text.startswith(
        "W-1/limit  FAILED, required\n  failed <b>as made</b>\n  expected: a reply\n  observed: none"
    )
    assert "smoke.csv:2" in text


def test_no_process_is_left_behind(rendered: dict[str, tuple[Path, Rendered]]) -> None:
    assert rendered
    assert [one.name() for one in psutil.Process().children(recursive=True)] == []


def test_the_command_renders_a_bundle(project: Project, renderer: Renderer, tmp_path: Path) -> None:
    bundle = make_bundle(project, tmp_path, "bundle", STATES["mixed"])
    environ = {**os.environ, "GONOGO_ALLURE": renderer.program}
    command = [sys.executable, "-m", "gonogo.cli.main", "report", str(bundle), "--format", "allure"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == "bundle-allure/index.html  Allure 3: 4 broken, 1 failed, 1 passed"
    assert (tmp_path / "bundle-allure" / "index.html").is_file()
    inside = subprocess.run([*command, "--out", "report"], cwd=bundle, env=environ, capture_output=True, text=True)
    assert inside.returncode == 2
    assert "closed set" in inside.stderr
