"""The ladder as it is read from a ledger and the bundles that it names."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from release_place import RELEASE, SYSTEM, ReleasePlace, key_of
from typer.testing import CliRunner

from gonogo.cli.main import app
from gonogo.errors import RefusedError
from gonogo.evidence.records import format_time, sign_record
from gonogo.release.climb import Ladder, explain_stage, require_ready
from gonogo.release.doings import record_doing

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
GOOD = {"ST-001/template": "PASSED", "ST-020/template": "PASSED"}


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A project in which stage 0 is decided GO in staging and not yet approved, and the name of that bundle."""
    with pytest.MonkeyPatch.context() as patch:
        made = ReleasePlace(tmp_path_factory.mktemp("decided"), patch)
        made.assign("staging", observer="Ana Ferreira")
        made.assign("production", observer="Ana Ferreira")
        made.record("run", "0", GOOD)
        return made.root, made.decide("0", "staging").report.folder.name


@pytest.fixture
def place(decided: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReleasePlace:
    made = ReleasePlace(tmp_path, monkeypatch, copy_of=decided[0])
    made.bundle = made.folder / decided[1]  # type: ignore[attr-defined]
    return made


def rules(ladder: Ladder, stage: str) -> list[str]:
    return [one.rule.value for one in explain_stage(ladder, stage)]


def test_a_go_waits_for_approval_and_then_lets_the_next_stage_begin(place: Any) -> None:
    ladder = place.ladder()
    assert rules(ladder, "1") == ["previous-stage-not-approved"]
    assert ladder.next_command == f"gonogo approve {place.bundle.name}"
    assert (ladder.by_id["0"].state, ladder.by_id["1"].state) == ("GO, not approved", "not begun")

    place.approve(place.bundle)
    ladder = place.ladder()
    require_ready(ladder, "1")
    assert ladder.by_id["0"].state == "GO, approved"
    assert ladder.by_id["0"].record.decided.approved_by == ("Ana Ferreira (qa_lead)",)
    expected = f"gonogo advance {SYSTEM} --stage 1 --env production --release {RELEASE} --confirm production/{RELEASE}"
    assert ladder.next_command == f"{expected} --allow-flag-changes"
    # Skipping one is refused.
    assert rules(ladder, "2") == ["previous-stage-missing"]


def test_what_is_for_another_release_or_build_does_not_count(place: Any) -> None:
    place.approve(place.bundle)
    assert rules(place.ladder(release="2026.11.3"), "1")[0] == "previous-stage-other-build"
    assert rules(place.ladder(build="b-2"), "1") == ["previous-stage-other-build"]
    assert rules(place.ladder(build="b-1"), "1") == []


def test_evidence_ages_from_when_it_was_made_and_not_from_its_decision(place: Any) -> None:
    place.assign("staging", "2026.11.1", observer="Ana Ferreira")
    place.record("run", "0", GOOD, age=timedelta(hours=47), release="2026.11.1", build="b-0")
    bundle = place.decide("0", "staging", release="2026.11.1").report.folder
    place.approve(bundle)
    standing = place.ladder(release="2026.11.1").by_id["0"]
    assert standing.counts
    system, now = place.project.load_system(SYSTEM), datetime.now(UTC)
    from gonogo.release.ladder import read_ladder

    later = read_ladder(place.project, system, "production", "2026.11.1", now + timedelta(hours=2))
    assert [one.rule.value for one in later.by_id["0"].refusals] == ["previous-stage-expired"]


def test_a_changed_bundle_is_no_ground_to_go_on_from(place: Any) -> None:
    place.approve(place.bundle)
    path = place.bundle / "gathered.json"
    path.write_text(path.read_text().replace('"counts": true', '"counts": false'))
    [refusal] = explain_stage(place.ladder(), "1")
    assert refusal.rule.value == "previous-stage-not-go"
    assert "gathered.json" in refusal.text


def test_another_bundle_in_the_place_of_the_decision_is_not_taken_for_it(place: Any) -> None:
    place.record("run", "0", {**GOOD, "ST-020/template": "FAILED"})
    no_go = place.decide("0", "staging").report.folder
    place.approve(place.bundle)
    shutil.rmtree(no_go)
    shutil.copytree(place.bundle, no_go)
    [refusal] = explain_stage(place.ladder(), "1")
    assert refusal.rule.value == "previous-stage-not-go"
    assert "is not the one that entry" in refusal.text


def test_a_bundle_elsewhere_is_told_by_the_signed_statement_in_the_ledger(place: Any) -> None:
    place.approve(place.bundle)
    shutil.rmtree(place.bundle)
    ladder = place.ladder()
    assert rules(ladder, "1") == []
    assert ladder.by_id["0"].record.decided.outcomes["ST-001"] == "PASSED"


def test_an_unsigned_decision_never_counts(place: Any) -> None:
    place.decide("0", "staging", by=None)
    assert rules(place.ladder(), "1") == ["previous-stage-not-go"]


def test_a_rollback_asks_for_a_new_decision_there_and_only_there(place: Any) -> None:
    place.approve(place.bundle)
    place.ledger.append("rollback", {"environment": "staging", "rollback": "r-1", "phase": "begun"}, datetime.now(UTC))
    assert "previous-stage-expired" in rules(place.ladder(), "1")
    place.record("run", "0", GOOD)
    place.approve(place.decide("0", "staging").report.folder)
    assert rules(place.ladder(), "1") == []
    place.ledger.append("rollback", {"environment": "production", "rehearsed": True}, datetime.now(UTC))
    assert rules(place.ladder(), "1") == []


def test_follow_ups_of_a_rollback_block_until_somebody_signs_that_they_are_done(place: Any) -> None:
    place.approve(place.bundle)
    told = {"environment": "production", "rollback": "r-1", "option": "A", "who": "Rita Runner", "why": "loop"}
    place.ledger.append("rollback", {**told, "phase": "begun"}, datetime.now(UTC))
    place.ledger.append("rollback", {**told, "phase": "ended", "effect": "proven"}, datetime.now(UTC))
    ladder = place.ladder()
    assert rules(ladder, "1") == ["follow-up-open"]
    [duty] = ladder.open_follow_ups
    assert ladder.next_command == duty.command
    assert ladder.rollback.endswith("option A, by Rita Runner, because: loop, effect proven")
    signing = {
        "system": SYSTEM, "environment": "production", "role": "release_driver", "note": "In the wiki.",
        "trust": place.trust, "crew": ladder.players, "now": datetime.now(UTC),
    }  # fmt: skip
    with pytest.raises(RefusedError, match="is for observer, which Rita Runner is not"):
        record_doing(place.ledger, duty, name="", key=key_of("Rita Runner"), **signing)
    record_doing(place.ledger, duty, name="", key=key_of("Ana Ferreira"), **{**signing, "role": "qa_lead"})
    ladder = place.ladder()
    assert rules(ladder, "1") == []
    assert [one.done_by for one in ladder.duties] == ["Ana Ferreira"]


def test_a_follow_up_signed_by_somebody_else_is_still_open(place: Any) -> None:
    place.approve(place.bundle)
    place.ledger.append("rollback", {"environment": "production", "rollback": "r-1"}, datetime.now(UTC))
    [duty] = place.ladder().open_follow_ups
    said = {"name": "Rita Runner", "role": "release_driver", "at": format_time(datetime.now(UTC)), "system": SYSTEM}
    said |= {"environment": "production", "item": duty.id, "note": "done"}
    record = sign_record("follow_up", {**said, "event": duty.event.entry}, key_of("Rita Runner"))
    place.ledger.append("follow_up", {"record": record.to_json()}, datetime.now(UTC))
    ladder = place.ladder()
    assert rules(ladder, "1") == ["follow-up-open"]
    assert "Rita Runner does not have the role observer" in ladder.notes[0]


def test_a_follow_up_that_nobody_signed_is_still_open(place: Any) -> None:
    place.approve(place.bundle)
    place.ledger.append("rollback", {"environment": "production", "rollback": "r-1"}, datetime.now(UTC))
    [duty] = place.ladder().open_follow_ups
    unsigned = {"trust": None, "key": None, "crew": {}, "now": datetime.now(UTC), "note": "x", "role": "observer"}
    record_doing(place.ledger, duty, system=SYSTEM, environment="production", name="Ana Ferreira", **unsigned)
    ladder = place.ladder()
    assert rules(ladder, "1") == ["follow-up-open"]
    assert "it is not signed" in ladder.notes[0]


def test_roles_count_for_one_release_and_only_signed(place: Any) -> None:
    place.approve(place.bundle)
    assert place.ladder().roles == {"observer": ("Ana Ferreira",)}
    assert "roles-missing" in rules(place.ladder(release="2026.11.3"), "1")
    entry = {"signed": False, "record": {"system": SYSTEM, "environment": "production", "release": "2026.11.3"}}
    entry["record"] |= {"assigned_role": "observer", "person": "Ana Ferreira"}  # type: ignore[operator]
    place.ledger.append("role", entry, datetime.now(UTC))
    assert place.ladder(release="2026.11.3").missing_roles == ("observer",)


def test_an_earlier_stage_that_was_not_approved_keeps_the_next_from_being_approved(place: Any) -> None:
    place.record("run", "1", {**GOOD, "M1/attested": "PASSED"}, env="production", cases=("ST-001", "ST-020", "M1"))
    place.watched("1", 90, env="production")
    from test_decide_stage import attest

    attest(place, "M1")
    first = place.decide("1", "production")
    assert first.report.decision.verb.value == "GO", first.report.decision.reasons
    place.approve(first.report.folder)
    [refusal] = explain_stage(place.ladder(), "2")
    assert refusal.rule.value == "previous-stage-not-approved"
    assert "a stage before this one is not approved" in refusal.text


def test_entering_a_stage_shows_and_begins_the_monitoring_list(place: Any) -> None:
    place.approve(place.bundle)
    told = {"stage": "1", "environment": "production", "release": RELEASE}
    long_ago = datetime.now(UTC) - timedelta(hours=30)
    place.ledger.append("advance", {**told, "rehearsed": True, "counts": False}, datetime.now(UTC))
    assert place.ladder().by_id["1"].record.entered is None
    place.ledger.append("advance", {**told, "rehearsed": False, "counts": True}, long_ago)
    ladder = place.ladder()
    assert ladder.by_id["1"].state == "entered"
    assert ladder.next_command.startswith(f"gonogo run {SYSTEM} --stage 1 --env production")
    assert [one.id for one in ladder.overdue] == ["MON-1"]


def call(place: Any, *words: str) -> Any:
    place.patch.chdir(place.root)
    done = CliRunner().invoke(app, list(words))
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return done


def test_status_is_readable_in_eighty_columns_and_the_same_as_json(place: Any) -> None:
    place.approve(place.bundle)
    place.ledger.append("rollback", {"environment": "production", "rollback": "r-1", "option": "A"}, datetime.now(UTC))
    shown = call(place, "status", SYSTEM, "--env", "production", "--release", RELEASE).stdout
    lines = shown.splitlines()
    assert max(len(line) for line in lines if not line.startswith("Next")) <= 80
    assert "0  Before" in shown
    assert "GO, approved" in shown
    assert "Open follow-ups" in shown
    assert lines[-1].startswith(f"Next  gonogo follow-up {SYSTEM} FUP-1")
    asked = ["status", SYSTEM, "--env", "production", "--release", RELEASE, "--format", "json"]
    record = json.loads(call(place, *asked).stdout)
    for name, data in (("status", record), ("gathered", json.loads((place.bundle / "gathered.json").read_bytes()))):
        schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
        assert [str(fault) for fault in jsonschema_rs.validator_for(schema).iter_errors(data)] == []
    assert [one["state"] for one in record["stages"]] == ["GO, approved", "not begun", "not begun"]
    assert record["next"] in lines[-1]
    assert record["follow_ups"][0]["blocks_next_stage"] is True
    # Without a release, that of the last bundle there; none is named yet in production.
    assert json.loads(call(place, "status", SYSTEM, "--format", "json").stdout)["release"] == RELEASE


def test_a_follow_up_is_recorded_on_the_command_line(place: Any) -> None:
    place.ledger.append("rollback", {"environment": "production", "rollback": "r-1"}, datetime.now(UTC))
    listed = call(place, "follow-up", SYSTEM, "--env", "production", "--release", RELEASE)
    assert listed.exit_code == 0
    assert listed.stdout.startswith("FUP-1 Incident note (observer), due ")
    from release_place import as_person

    place.patch.setenv("GONOGO_SIGNING_KEY", as_person("Ana Ferreira")["GONOGO_SIGNING_KEY"])
    words = ["follow-up", SYSTEM, "FUP-1", "--env", "production", "--release", RELEASE]
    done = call(place, *words, "--note", "In the wiki.")
    assert (done.exit_code, done.stdout.split(";")[0]) == (0, "Recorded: FUP-1 Incident note, by Ana Ferreira")
    assert call(place, "follow-up", SYSTEM, "--env", "production").stdout == "Nothing is open.\n"


def test_flags_that_a_run_left_are_named_with_their_command(place: Any) -> None:
    from gonogo.evidence.ledger.journal import ChangeState, FlagChange, Journal

    journal = Journal(place.ledger.storage, "production")
    journal.note(FlagChange("safe_mode", True, False, "run-9", "2026-11-21T08:00:00Z", ChangeState.WRITTEN))
    [left] = place.ladder().leftovers
    assert left.startswith("safe_mode in production: true before, false written by run-9")
    assert left.endswith(f"gonogo restore {SYSTEM} --env production")
