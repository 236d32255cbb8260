"""A stage's decision: what is gathered counts by what it is, and nothing is silently left out."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from release_place import RELEASE, SYSTEM, ReleasePlace, key_of

from gonogo.errors import UsageError
from gonogo.evidence.approval_record import sign_bound_record, with_statement
from gonogo.evidence.desk import load_subject, prepare_waiver
from gonogo.evidence.verify.result import Terms, verify_bundle
from gonogo.model.outcome import CheckClass
from gonogo.model.waiver import WaiverScope

AUDITOR = Path(__file__).parents[2] / "docs" / "auditors" / "verify_bundle.py"
GOOD = {"ST-001/template": "PASSED", "ST-020/template": "PASSED"}


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which one run of stage 0 is recorded."""
    with pytest.MonkeyPatch.context() as patch:
        made = ReleasePlace(tmp_path_factory.mktemp("begun"), patch)
        made.assign("staging", observer="Ana Ferreira")
        made.record("run", "0", GOOD)
        return made.root


@pytest.fixture
def ran(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReleasePlace:
    return ReleasePlace(tmp_path, monkeypatch, copy_of=begun)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReleasePlace:
    made = ReleasePlace(tmp_path, monkeypatch)
    made.assign("staging", observer="Ana Ferreira")
    return made


def test_one_run_of_a_stage_that_asks_for_no_more_is_a_go_that_verifies(ran: ReleasePlace) -> None:
    done = ran.decide("0", "staging")
    checks = ran.checks(done)
    assert done.report.decision.verb.value == "GO", done.report.decision.reasons
    assert checks["STAGE-0/run"] == checks["STAGE-0/pack-smoke.csv"] == checks["STAGE-0/roles"] == "PASSED"
    assert checks["BUNDLE-run-001/verifies"] == checks["ST-001/template"] == "PASSED"
    assert done.next_command == f"gonogo approve {done.report.record['bundle']}"
    folder = done.report.folder
    assert [str(one) for one in verify_bundle(folder, Terms(datetime.now(UTC), trust=ran.trust)).faults] == []
    auditor = [sys.executable, str(AUDITOR), str(folder), "--key", key_of("Rita Runner").public.keyid]
    shown = subprocess.run(auditor, capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stdout[:2]) == (0, "GO"), shown.stdout
    gathered = json.loads((folder / "gathered.json").read_text())
    [one] = gathered["bundles"]
    entry = ran.ledger.entries()[one["entry"] - 1]
    assert one["manifest_sha256"] == entry.payload["manifest_sha256"]
    assert (one["run"], one["decision"], one["counts"]) == ("run-001", "GO", True)
    assert done.report.record["runs"] == ["run-001"]
    assert done.report.record["activity"] == "stage"


def test_nothing_recorded_is_no_decision(place: ReleasePlace) -> None:
    with pytest.raises(UsageError, match="nothing is recorded of stage 0"):
        place.decide("0", "staging")


def test_a_failure_stays_whatever_a_later_run_shows(place: ReleasePlace) -> None:
    place.record("run", "0", {**GOOD, "ST-020/template": "FAILED"})
    place.record("run", "0", GOOD)
    done = place.decide("0", "staging")
    assert done.report.decision.verb.value == "NO_GO"
    assert done.report.record["deciding"] == ["ST-020/template"]
    [check] = [one for one in done.report.checks if one.id == "ST-020/template"]
    assert check.reasons == ("run-001: seen", "that run-002 shows PASSED does not take it back")


def test_a_failure_of_another_build_or_release_says_nothing_about_this_one(place: ReleasePlace) -> None:
    place.record("run", "0", {**GOOD, "ST-020/template": "FAILED"}, build="b-0")
    place.record("run", "0", {**GOOD, "ST-020/template": "FAILED"}, release="2026.11.1")
    place.record("run", "0", GOOD)
    done = place.decide("0", "staging")
    assert done.report.decision.verb.value == "GO"
    assert "1 bundles of build b-0 are not of this build" in done.report.record["notes"]


def test_a_bundle_that_is_not_here_holds_by_its_name(ran: ReleasePlace, tmp_path: Path) -> None:
    ran.record("run", "0", GOOD)
    away = tmp_path / "away"
    shutil.move(ran.folder / "run-001", away / "run-001")
    done = ran.decide("0", "staging")
    assert done.report.decision.verb.value == "HOLD"
    assert done.report.record["deciding"] == ["BUNDLE-run-001/verifies"]
    assert "its files are not here" in done.report.decision.reasons[0]
    assert ran.decide("0", "staging", elsewhere=(away,)).report.decision.verb.value == "GO"


def test_a_bundle_that_does_not_verify_holds_by_its_name(ran: ReleasePlace) -> None:
    ran.record("run", "0", GOOD)
    path = ran.folder / "run-001" / "outcomes.jsonl"
    path.write_text(path.read_text().replace("seen", "sewn"))
    (ran.folder / "run-001" / "junit.xml").write_text("<x/>")
    done = ran.decide("0", "staging")
    assert done.report.record["deciding"] == ["BUNDLE-run-001/verifies"]
    assert "does not verify: junit.xml" in done.report.decision.reasons[0]


def test_a_bundle_of_somebody_unknown_holds(place: ReleasePlace) -> None:
    place.record("run", "0", GOOD, signed_by="Nobody Known")
    done = place.decide("0", "staging")
    assert "BUNDLE-run-001/verifies" in done.report.record["deciding"]


def test_another_bundle_in_its_place_is_not_the_one_of_the_ledger(place: ReleasePlace) -> None:
    place.record("run", "0", {**GOOD, "ST-020/template": "FAILED"})
    place.record("run", "0", GOOD)
    shutil.rmtree(place.folder / "run-001")
    shutil.copytree(place.folder / "run-002", place.folder / "run-001")
    done = place.decide("0", "staging")
    assert "is not the bundle that entry 2 of the ledger names" in done.report.decision.reasons[0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"signed_by": None}, "is UNSIGNED, which never counts here"),
        ({"counts": False}, "was made not to count"),
        ({"age": timedelta(days=3)}, "is 3 days old; evidence counts for 2 days"),
        ({"build": None}, "does not say of which build it is"),
    ],
)
def test_what_does_not_count_is_named_and_not_used(place: ReleasePlace, change: dict, says: str) -> None:
    place.record("run", "0", GOOD, **change)
    place.record("watch", "0", {"W-1/limit": "PASSED"})
    done = place.decide("0", "staging")
    assert done.report.record["deciding"] == ["STAGE-0/run", "STAGE-0/pack-smoke.csv"]
    assert any(f"run run-001 (GO) does not count: it {says}" in note for note in done.report.record["notes"])
    assert "ST-001/template" not in place.checks(done)


def test_a_failure_that_no_longer_counts_stays_one(place: ReleasePlace) -> None:
    place.record("run", "0", {**GOOD, "ST-020/template": "FAILED"}, signed_by=None)
    place.record("run", "0", {**GOOD, "ST-001/template": "FAILED"}, counts=False)
    place.record("run", "0", GOOD)
    assert place.decide("0", "staging").report.record["deciding"] == ["ST-020/template"]


def test_a_rollback_makes_what_was_before_it_not_count(ran: ReleasePlace) -> None:
    ran.ledger.append("rollback", {"environment": "production", "rollback": "r-1"}, datetime.now(UTC))
    assert ran.decide("0", "staging").report.decision.verb.value == "GO"
    ran.ledger.append("rollback", {"environment": "staging", "rollback": "r-2"}, datetime.now(UTC))
    done = ran.decide("0", "staging")
    assert done.report.record["deciding"] == ["STAGE-0/run", "STAGE-0/pack-smoke.csv"]
    assert "made before the rollback of entry" in done.report.record["notes"][0]


def test_a_run_under_other_switches_does_not_count(ran: ReleasePlace) -> None:
    path = ran.root / "smoke_cases" / SYSTEM / "plan.yaml"
    path.write_text(path.read_text().replace("channels: [livechat, email]", "channels: [livechat]", 1))
    done = ran.decide("0", "staging")
    assert "was made under another plan: channels of stage 0 differ" in done.report.record["notes"][0]
    assert "STAGE-0/run" in done.report.record["deciding"]


def test_a_row_that_came_since_has_not_run(place: ReleasePlace) -> None:
    place.record("run", "0", {"ST-001/template": "PASSED"}, cases=())
    done = place.decide("0", "staging")
    assert done.report.record["deciding"] == ["STAGE-0/pack-smoke.csv"]
    assert "no run that counts planned ST-020" in done.report.decision.reasons[0]


def test_stage_one_wants_people_and_a_soak(place: ReleasePlace) -> None:
    place.record("run", "1", GOOD, env="production")
    done = place.decide("1", "production")
    checks = place.checks(done)
    assert checks["STAGE-1/soak"] == checks["STAGE-1/roles"] == "NOT_RUN"
    assert checks["M1/attested"] == "PENDING"
    assert checks["STAGE-1/checklist-team.md"] == "NOT_RUN"
    assert done.report.decision.verb.value == "HOLD"
    assert done.next_command.startswith("gonogo run richpanel --stage 1")

    place.record("run", "1", {**GOOD, "M1/attested": "PENDING"}, env="production", cases=("ST-001", "ST-020", "M1"))
    place.assign("production", observer="Ana Ferreira")
    place.watched("1", 40, env="production")
    attest(place, "M1")
    done = place.decide("1", "production")
    assert done.report.record["deciding"] == ["STAGE-1/soak"]
    assert "observed" in done.report.decision.reasons[0]

    place.watched("1", 90, env="production")
    done = place.decide("1", "production")
    assert done.report.decision.verb.value == "GO", done.report.decision.reasons
    assert place.checks(done)["M1/attested"] == "PASSED"
    people = done.report.record["deployed_by"]
    assert {"Rita Runner", key_of("ci").public.keyid} <= set(people)


def attest(place: ReleasePlace, item: str, *, name: str = "Ana Ferreira", result: str = "passed") -> None:
    from gonogo.model.attestation import Result
    from gonogo.run.attesting import Answer, Place, find_item, record_answer

    system = place.project.load_system(SYSTEM)
    record_answer(
        place.project, system, find_item(system, item), Answer(Result(result), name, "qa_lead", "they nodded"),
        Place("production", RELEASE, RELEASE), trust=place.trust, key=key_of(name), now=datetime.now(UTC),
    )  # fmt: skip


def test_a_sandbox_decides_over_unsigned_runs_without_people(place: ReleasePlace) -> None:
    place.record("run", "1", GOOD, env="sandbox", signed_by=None)
    done = place.decide("1", "sandbox", by=None)
    checks = place.checks(done)
    # Its list was planned in no run here; that is all that it asks for.
    assert [name for name, outcome in checks.items() if outcome != "PASSED"] == ["STAGE-1/checklist-team.md"]
    place.record("run", "1", GOOD, env="sandbox", signed_by=None, cases=("ST-001", "ST-020", "M1"))
    assert place.decide("1", "sandbox", by=None).report.decision.verb.value == "GO"


def test_whoever_ran_it_does_not_approve_what_was_decided_over_it(place: ReleasePlace) -> None:
    from gonogo.errors import RefusedError

    place.record("run", "0", GOOD, run_by="Ana Ferreira")
    done = place.decide("0", "staging")
    with pytest.raises(RefusedError, match="never signs it off"):
        place.approve(done.report.folder)
    place.approve(done.report.folder, "Bob Okafor")


@pytest.mark.parametrize("scope", list(WaiverScope))
def test_a_waiver_of_the_run_is_carried_into_the_decision(place: ReleasePlace, scope: WaiverScope) -> None:
    first = place.record("run", "0", {**GOOD, "ST-020/template": "FAILED"})
    assert place.decide("0", "staging").decision.verb.value == "NO_GO"
    place.waive(first.folder, "ST-020/template", scope)
    done = place.decide("0", "staging")
    assert (done.report.decision.verb.value, done.decision.verb.value) == ("NO_GO", "GO")
    assert any(
        note.startswith("carried: Bob Okafor (release_manager) waived ST-020") for note in done.report.record["notes"]
    )
    result = verify_bundle(done.report.folder, Terms(datetime.now(UTC), trust=place.trust))
    assert result.valid
    assert [one.check for one in result.waivers] == ["ST-020/template"]
    place.approve(done.report.folder)
    assert place.ladder().by_id["0"].state == "GO, approved"
    # Without the trust file nobody may waive anything; a day later it is over.
    later = verify_bundle(done.report.folder, Terms(datetime.now(UTC) + timedelta(days=1), trust=place.trust))
    assert later.decision is not None
    assert later.decision.verb.value == "NO_GO"


def test_a_waiver_of_one_run_does_not_cover_the_failure_of_another(place: ReleasePlace) -> None:
    first = place.record("run", "0", {**GOOD, "ST-020/template": "FAILED"})
    second = place.record("run", "0", {**GOOD, "ST-020/template": "FAILED"})
    place.waive(first.folder, "ST-020/template")
    assert place.decide("0", "staging").decision.verb.value == "NO_GO"
    place.waive(second.folder, "ST-020/template")
    assert place.decide("0", "staging").decision.verb.value == "GO"


def test_a_safety_failure_stays_whoever_waives_its_check(place: ReleasePlace) -> None:
    first = place.record("run", "0", {**GOOD, "ST-020/template": "FAILED"})
    place.record("watch", "0", {"ST-020/template": "FAILED"}, cls=CheckClass.SAFETY)
    place.waive(first.folder, "ST-020/template", WaiverScope.RELEASE)
    assert place.decide("0", "staging").decision.verb.value == "NO_GO"


@pytest.mark.parametrize(
    ("change", "signer"),
    [
        ({"name": "Ana Ferreira", "role": "qa_lead"}, "Ana Ferreira"),
        ({}, "Nobody Known"),
        ({"release": "2026.11.1"}, "Bob Okafor"),
        ({"policy_sha256": "0" * 64}, "Bob Okafor"),
        ({"expires": datetime(2026, 1, 2, tzinfo=UTC)}, "Bob Okafor"),
        ({}, "Bob Okafor"),
    ],
)
def test_only_a_waiver_of_somebody_who_may_is_taken(place: ReleasePlace, change: dict, signer: str) -> None:
    first = place.record("run", "0", {**GOOD, "ST-020/template": "FAILED"})
    now, trust = datetime.now(UTC), place.trust
    subject = load_subject(first.folder, place.ledger, trust, now)
    record = prepare_waiver(
        subject, trust, key_of("Bob Okafor"), check="ST-020/template", role="release_manager", reason="Agreed.",
        scope=WaiverScope.RELEASE, until=now + timedelta(days=1), now=now,
    )  # fmt: skip
    fields = {name: getattr(record, name) for name in type(record).model_fields if name != "statement"}
    envelope = sign_bound_record(with_statement({**fields, **change}), key_of(signer))
    manifest = subject.facts.manifest_sha256
    place.ledger.append("waiver", {"record": envelope.to_json(), "manifest_sha256": manifest}, now)
    may = not change and signer == "Bob Okafor"
    assert place.decide("0", "staging").decision.verb.value == ("GO" if may else "NO_GO")
