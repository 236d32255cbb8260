"""The drill: A, B and the way back, each shown and timed, and everything as it was afterwards."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import RunningSandbox, SmallProject
from rollback_scene import Deployed, make_deployed

from gonogo.errors import LockError, RefusedError, UsageError
from gonogo.evidence.ledger import open_ledger
from gonogo.release.drill import DrillReport, DrillRequest, run_drill
from gonogo.run.hold import hold_environment
from gonogo.sources.project import Project

CHECKS = (
    *("DRILL-STAGE/flags", "DRILL-STAGE/answered", "DRILL-A/effect", "DRILL-A/time_to_safe"),
    *("DRILL-B/effect", "DRILL-B/time_to_safe", "DRILL-B/rest"),
    *(f"DRILL-RESTORE/{check}" for check in ("flags", "effect", "answered", "time_to_restore")),
)


def outcomes(record: dict[str, Any]) -> dict[str, str]:
    return {f"{one['case']}/{one['check']}": one["outcome"] for one in record["checks"]}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    project = SmallProject(tmp_path_factory.mktemp("project") / "p", ["ST-001"])
    project.edit("smoke_cases/richpanel/environments.yaml", ("quiet_period: 0.7", "quiet_period: 0.25"))
    return project


def drill(project: SmallProject, environment: str, **more: Any) -> DrillReport:
    return run_drill(DrillRequest(project.root, "richpanel", environment, **more))


def test_a_drill_of_the_embedded_sandbox_is_go_and_sealed(project: SmallProject) -> None:
    done = project.gonogo("drill", "richpanel", "--env", "sandbox", "--run-by", "Ann", "--format", "json")
    assert done.code == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["decision"], record["activity"], record["stage"]) == ("GO", "drill", "0")
    assert outcomes(record) == dict.fromkeys(CHECKS, "PASSED")
    assert record["flags"]["before"] == record["flags"]["after"]
    folder = project.root / "evidence" / "richpanel" / record["bundle"]
    told = json.loads((folder / "drill.json").read_text("utf-8"))
    assert set(told["times"]) == {"DRILL-A", "DRILL-B", "DRILL-RESTORE after A", "DRILL-RESTORE after B"}
    assert all(0 < seconds <= told["limit"] for seconds in told["times"].values())
    assert (folder / "manifest.json").is_file()
    ledger = open_ledger(str(project.root / "evidence"), "richpanel", for_reading=True)
    told_of = [(one.kind, one.payload["activity"], one.payload["stage"]) for one in ledger.entries()]
    assert told_of == [("run", "drill", "0")]


@pytest.mark.parametrize(
    ("faults", "failed"),
    [
        (("kill_switch_ignored", "safe_mode_ignored", "whitelist_ignored"), {"DRILL-A/effect", "DRILL-B/effect"}),
        (("flag_write_lost",), {"DRILL-STAGE/flags"}),
    ],
)
def test_a_switch_that_does_not_work_is_no_go(project: SmallProject, tmp_path: Path, faults: Any, failed: Any) -> None:
    path = project.sources / "environments.yaml"
    text = path.read_text("utf-8")
    words = ", ".join(f'"--fault", {fault}' for fault in faults)
    changed = re.sub(r'options: \[--flag-ttl, "0.2"', f'options: [{words}, --flag-ttl, "0.2"', text)
    changed = changed.replace("propagation_deadline: 6", "propagation_deadline: 1.2", 1)
    assert changed != text
    file = tmp_path / "faulty.yaml"
    file.write_text(changed, "utf-8")
    report = drill(project, "sandbox", environments=file).report
    seen = outcomes(report.record)
    assert report.decision.verb.value == "NO_GO"
    assert failed <= {check for check, outcome in seen.items() if outcome == "FAILED"}
    if "flag_write_lost" in faults:
        # Nothing was answered before, so nothing was shown to have been stopped.
        assert {seen["DRILL-A/effect"], seen["DRILL-B/effect"]} == {"NOT_RUN"}


@pytest.fixture(scope="module")
def staging(project: SmallProject) -> Iterator[Deployed]:
    """A deployed system in the state of stage 0."""
    sandbox = RunningSandbox("--flag-ttl", "0.1", "--latency", "0.02-0.1")
    deployed = make_deployed(project, sandbox)
    system = Project.from_path(project.root).load_system("richpanel")
    state = system.plan.by_id["0"].flag_state(system.vocabulary)
    deployed.set_flags({name: list(value) if isinstance(value, tuple) else value for name, value in state.items()})
    yield deployed
    sandbox.stop()


def test_a_drill_in_staging_leaves_exactly_the_flags_before(staging: Deployed) -> None:
    before = staging.flags
    file = staging.project.root / staging.environments
    report = drill(staging.project, "deployed", environments=file, may_change_flags=True).report
    assert outcomes(report.record) == dict.fromkeys(CHECKS, "PASSED")
    assert staging.flags == before
    ledger = open_ledger(str(staging.project.root / "evidence"), "richpanel")
    with hold_environment(ledger, "deployed", "somebody else") as hold:
        assert hold.journal.open_changes() == ()


def test_a_drill_that_may_not_be_sends_nothing(staging: Deployed, tmp_path: Path) -> None:
    file = staging.project.root / staging.environments
    before = staging.flags
    with pytest.raises(RefusedError, match="flag-changes-not-agreed"):
        drill(staging.project, "deployed", environments=file)
    with pytest.raises(RefusedError, match="drill-on-production"):
        drill(staging.project, "production", may_change_flags=True)
    with pytest.raises(UsageError, match="sends nothing"):
        drill(staging.project, "deployed", environments=file, may_change_flags=True, stage="1")
    with pytest.raises(RefusedError, match="release-mismatch"):
        drill(staging.project, "deployed", environments=file, may_change_flags=True, release="other")
    ledger = open_ledger(str(staging.project.root / "evidence"), "richpanel")
    with hold_environment(ledger, "deployed", "run X"), pytest.raises(LockError, match="run X"):
        drill(staging.project, "deployed", environments=file, may_change_flags=True)
    staging.set_flags({"safe_mode": True})
    try:
        with pytest.raises(RefusedError, match="stage-not-entered"):
            drill(staging.project, "deployed", environments=file, may_change_flags=True)
    finally:
        staging.set_flags({"safe_mode": False})
    assert staging.flags == before


def test_a_drill_that_is_interrupted_goes_back_towards_safe_only(
    staging: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gonogo.release.effect import EffectWatch

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = staging.flags
    monkeypatch.setattr(EffectWatch, "watch", interrupt)
    file = staging.project.root / staging.environments
    done = drill(staging.project, "deployed", environments=file, may_change_flags=True)
    assert done.exit_code == 130
    assert (staging.flags["automation_enabled"], staging.flags["safe_mode"]) == (False, True)
    assert any("gonogo restore richpanel --env deployed" in line for line in done.lines)
    assert outcomes(done.report.record)["DRILL-A/effect"] == "NOT_RUN"
    staging.set_flags({name: before[name] for name in ("automation_enabled", "safe_mode")})
