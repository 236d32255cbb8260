"""What is no run of pytest is planned, decided, written and sealed like one."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from harness import SmallProject

from gonogo.errors import UsageError
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.ledger import open_ledger
from gonogo.evidence.seal import ScanTerms, SealError, seal_folder
from gonogo.evidence.verify.result import Terms, verify_bundle
from gonogo.model.outcome import CheckClass, CheckResult, Outcome, PlannedCheck, SourceRef, Verdict
from gonogo.model.trigger import TriggerState
from gonogo.run.activity import Activity, begin_activity, conclude_activity
from gonogo.run.sealing import Sealer
from gonogo.sources.project import Project

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
AUDITOR = Path(__file__).parents[2] / "docs" / "auditors" / "verify_bundle.py"
PLANNED = [
    PlannedCheck("W-QUEUE-AGE", "limit", CheckClass.REQUIRED, SourceRef("smoke_cases/richpanel/watch.yaml", 3)),
    PlannedCheck("SOAK-1", "minimum", CheckClass.REQUIRED, SourceRef("smoke_cases/richpanel/plan.yaml", 9)),
]
PASSED = [CheckResult.of(check, Verdict(Outcome.PASSED, ("as wanted",))) for check in PLANNED]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    small = SmallProject(tmp_path_factory.mktemp("activity"), ["ST-001"])
    return Project.from_path(small.root)


@pytest.fixture
def activity(project: Project, tmp_path: Path) -> Activity:
    system = project.load_system("richpanel")
    environment = system.environments.environments["sandbox"]
    stage = system.plan.by_id["1"]
    return Activity("watch", "w-1", project, system, stage, "sandbox", environment, tmp_path / "w-1", "r1", "Ann")


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    return Sealer(SigningKey.generate("Ann"), open_ledger(str(tmp_path / "ledger"), "richpanel"))


def conclude(activity: Activity, sealer: Sealer, results: list[CheckResult], triggers: list[TriggerState]):
    begin_activity(activity, PLANNED, sealer)
    build = {"before": "b1", "after": "b1"}
    flags = {"before": None, "after": None}
    return conclude_activity(
        activity, PLANNED, results, sealer, started=NOW, build=build, flags=flags, triggers=triggers
    )


def fired(kind: str) -> TriggerState:
    return TriggerState("TRG-QUEUE", kind, True, NOW.isoformat(), ("age 301 s > 300 s (limit)",), "A")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("triggers", "verb"),
    [
        ([], "GO"),
        ([replace(fired("immediate"), fired=False)], "GO"),
        ([fired("evaluation")], "HOLD"),
        ([fired("immediate")], "NO_GO"),
    ],
)
def test_an_activity_is_sealed_and_both_verifiers_agree(
    activity: Activity, sealer: Sealer, triggers: list[TriggerState], verb: str
) -> None:
    report = conclude(activity, sealer, PASSED, triggers)
    assert report.seal_error is None
    assert report.record["decision"] == verb
    assert report.record["activity"] == "watch"
    verification = verify_bundle(activity.folder, Terms(datetime.now(UTC)))
    assert [str(fault) for fault in verification.faults] == []
    done = subprocess.run([sys.executable, str(AUDITOR), str(activity.folder)], capture_output=True, text=True)
    assert done.stdout.startswith(f"{verb} by the outcomes; 0 fault(s)")
    [entry] = sealer.ledger.entries()
    assert (entry.kind, entry.payload["activity"], entry.payload["build"]) == ("seal", "watch", "b1")


def test_a_trigger_that_is_taken_out_of_the_bundle_is_a_fault(activity: Activity, sealer: Sealer) -> None:
    conclude(activity, sealer, PASSED, [fired("immediate")])
    (activity.folder / "triggers.json").write_text(json.dumps({"triggers": []}))
    rules = {fault.rule for fault in verify_bundle(activity.folder, Terms(datetime.now(UTC))).faults}
    assert "decision/triggers" in rules
    assert "decision/verb" in rules


def test_what_was_planned_and_has_no_result_holds(activity: Activity, sealer: Sealer) -> None:
    report = conclude(activity, sealer, PASSED[:1], [])
    assert report.record["decision"] == "HOLD"
    assert report.record["deciding"] == ["SOAK-1/minimum"]


def test_a_result_that_was_not_planned_holds(activity: Activity, sealer: Sealer) -> None:
    stranger = replace(PASSED[0], case="W-OTHER")
    assert conclude(activity, sealer, [*PASSED, stranger], []).record["deciding"] == ["RUN/planned-set"]


def test_an_empty_or_double_plan_is_refused(activity: Activity, sealer: Sealer) -> None:
    with pytest.raises(UsageError, match="plans no check"):
        begin_activity(activity, [], sealer)
    with pytest.raises(UsageError, match="twice"):
        begin_activity(activity, [PLANNED[0], PLANNED[0]], sealer)
    with pytest.raises(UsageError, match="kind"):
        begin_activity(replace(activity, kind="walk"), PLANNED, sealer)


def test_a_bundle_that_the_ledger_knows_as_sealed_is_packed_without_a_key(activity: Activity, sealer: Sealer) -> None:
    sealed = conclude(activity, sealer, PASSED, []).seal
    assert sealed is not None
    again = seal_folder(activity.folder, None, ScanTerms(), ledger=sealer.ledger, now=NOW)
    assert (again.signer, again.manifest_sha256) == (sealed.signer, sealed.manifest_sha256)
    assert len(sealer.ledger.entries()) == 1
    with pytest.raises(SealError, match="no key is configured"):
        seal_folder(activity.folder, None, ScanTerms(), ledger=None, now=NOW)
