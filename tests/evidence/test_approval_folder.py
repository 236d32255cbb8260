"""Records on disk and in the ledger: whole or not at all, each number once, both places in step."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from bundles import FINISHED, KEY, RUN, write_bundle
from people import (
    ANA,
    BOB,
    CARA,
    NOW,
    ROOT,
    approval,
    envelopes,
    facts_of_bundle,
    files_of_records,
    public,
    trust_data,
    trust_of,
    waiver,
    write_trust,
)

from gonogo.errors import EvidenceError, GonogoError, LockError, RefusedError
from gonogo.evidence.approval_folder import level_with_ledger, read_record_files, records_in_ledger, write_record_file
from gonogo.evidence.approval_record import Meaning
from gonogo.evidence.desk import Subject, load_subject, prepare_approval, prepare_waiver, sign_and_file
from gonogo.evidence.ledger import Ledger, open_ledger
from gonogo.evidence.ledger.lock import acquire_lock
from gonogo.evidence.trust import Trust, load_trust, sign_trust
from gonogo.evidence.waiver import valid_waivers
from gonogo.model.outcome import Outcome
from gonogo.model.waiver import WaiverScope

SIGNED = envelopes([approval(ANA), approval(BOB, "release_manager")])


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return open_ledger(str(tmp_path / "place"), "richpanel")


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("sealed") / RUN)


@pytest.fixture
def bundle(sealed: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(sealed, tmp_path / RUN))


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    data = trust_data()
    data["people"][3]["keys"] = [public(KEY)]
    path = write_trust(tmp_path / "trust.yaml", data)
    sign_trust(path, ROOT)
    return load_trust(path, now=NOW, root=ROOT.public.keyid)


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    for number, (name, envelope) in enumerate(SIGNED, 1):
        path = write_record_file(tmp_path, number, "approval", envelope)
        assert (path.name, path.read_bytes()) == (name, envelope.to_bytes())

    files = read_record_files(tmp_path)
    assert [(one.number, one.kind, one.fault) for one in files] == [(1, "approval", ""), (2, "approval", "")]
    assert files[0].digest == hashlib.sha256(SIGNED[0][1].to_bytes()).hexdigest()


@pytest.mark.parametrize("kind", ["approval", "rejection"])
def test_a_number_is_taken_once_whatever_the_kind(tmp_path: Path, kind: str) -> None:
    path = write_record_file(tmp_path, 1, "approval", SIGNED[0][1])
    before = path.read_bytes()

    with pytest.raises(RefusedError, match="another record took number 0001"):
        write_record_file(tmp_path, 1, kind, SIGNED[1][1])

    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == before


def test_of_many_writers_of_one_number_one_wins(tmp_path: Path) -> None:
    won: list[Path] = []
    start = threading.Barrier(8)

    def write() -> None:
        start.wait()
        try:
            won.append(write_record_file(tmp_path, 1, "approval", SIGNED[0][1]))
        except RefusedError:
            return

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1
    assert [one.name for one in (tmp_path / "approvals").iterdir()] == ["0001-approval.dsse.json"]


def test_a_writer_that_is_stopped_half_way_leaves_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    for step in ("fsync", "link"):
        with monkeypatch.context() as patch:
            patch.setattr(os, step, stop)
            with pytest.raises(KeyboardInterrupt):
                write_record_file(tmp_path, 1, "approval", SIGNED[0][1])
        assert all(one.record is None for one in read_record_files(tmp_path))


def link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


STRANGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "0001-approval.dsse.json": (link, "is not a regular file"),
    "notes.txt": (lambda path: path.write_text("x"), "is not named like"),
    "0001-Approval.dsse.json": (lambda path: path.write_text("x"), "is not named like"),
    ".0001-approval.dsse.json.7.half": (lambda path: path.write_text("x"), "what an interrupted signing left"),
    "0002-review.dsse.json": (lambda path: path.mkdir(), "is not a regular file"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_whatever_else_lies_there_is_a_fault(tmp_path: Path, name: str) -> None:
    make, said = STRANGE[name]
    (tmp_path / "approvals").mkdir()
    make(tmp_path / "approvals" / name)

    [file] = read_record_files(tmp_path)

    assert said in file.fault
    with pytest.raises(EvidenceError, match="Nothing is signed|" + said):
        level_with_ledger(tmp_path, facts_of_bundle(), None, NOW)


def test_a_folder_of_approvals_that_is_a_link_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "approvals").symlink_to(tmp_path)

    assert read_record_files(tmp_path)[0].fault == "is not a folder"


@pytest.mark.parametrize("here", [0, 1, 2])
@pytest.mark.parametrize("there", [0, 1, 2])
def test_what_one_place_lacks_is_taken_from_the_other(tmp_path: Path, ledger: Ledger, here: int, there: int) -> None:
    from gonogo.evidence.approval_folder import enter_record

    facts = facts_of_bundle()
    for number, (_, envelope) in enumerate(SIGNED[:here], 1):
        write_record_file(tmp_path, number, "approval", envelope)
    for _, envelope in SIGNED[:there]:
        enter_record(ledger, "approval", envelope, facts, NOW)

    files = level_with_ledger(tmp_path, facts, ledger, NOW)

    assert len(files) == max(here, there)
    assert [envelope for _, envelope in records_in_ledger(ledger, facts)] == [
        one for _, one in SIGNED[: max(here, there)]
    ]
    assert records_in_ledger(ledger, facts_of_bundle(manifest_sha256="c" * 64)) == []


def load(bundle: Path, ledger: Ledger | None, trust: Trust) -> Subject:
    return load_subject(bundle, ledger, trust, NOW)


def approve(subject: Subject, trust: Trust, key=ANA, role: str = "qa_lead") -> Path | None:  # type: ignore[no-untyped-def]
    record = prepare_approval(
        subject, trust, key, meaning=Meaning.APPROVAL, role=role, comment="", now=NOW + timedelta(minutes=1)
    )
    return sign_and_file(subject, record, key, NOW + timedelta(minutes=1)).file


def test_two_who_read_the_same_state_do_not_both_sign_after_it(bundle: Path, ledger: Ledger, trust: Trust) -> None:
    first, second = load(bundle, ledger, trust), load(bundle, ledger, trust)
    approve(first, trust)

    with pytest.raises(RefusedError, match="somebody signed meanwhile"):
        approve(second, trust, BOB, "release_manager")

    approve(load(bundle, ledger, trust), trust, BOB, "release_manager")
    assert [one.fault for one in read_record_files(bundle)] == ["", ""]
    assert len(ledger.entries()) == 2


def test_while_somebody_signs_nobody_else_does(bundle: Path, ledger: Ledger, trust: Trust) -> None:
    subject = load(bundle, ledger, trust)
    name = f"records-{subject.facts.manifest_sha256[:16]}"
    lock = acquire_lock(ledger.storage, name, "Cara Lindt", 60, NOW)
    with pytest.raises(LockError, match="locked by Cara Lindt"):
        approve(subject, trust)
    lock.release(NOW)
    assert approve(subject, trust) is not None


def test_a_ledger_that_fails_after_the_file_is_made_good_by_the_next(
    bundle: Path, ledger: Ledger, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "append", lambda *_: (_ for _ in ()).throw(GonogoError("away")))
        with pytest.raises(GonogoError, match="away"):
            approve(load(bundle, ledger, trust), trust)
    assert ledger.entries() == []

    approve(load(bundle, ledger, trust), trust, BOB, "release_manager")

    assert len(ledger.entries()) == len(read_record_files(bundle)) == 2


def test_without_a_ledger_the_record_lies_beside_the_bundle_only(bundle: Path, trust: Trust) -> None:
    assert approve(load(bundle, None, trust), trust) == bundle / "approvals" / "0001-approval.dsse.json"


def test_an_approval_ends_with_the_policy_and_a_rejection_never(bundle: Path, trust: Trust) -> None:
    subject = load(bundle, None, trust)
    approved = prepare_approval(subject, trust, ANA, meaning=Meaning.APPROVAL, role="qa_lead", comment="", now=NOW)
    assert approved.expires == NOW + timedelta(hours=24)
    rejected = prepare_approval(subject, trust, ANA, meaning=Meaning.REJECTION, role="qa_lead", comment="No", now=NOW)
    assert rejected.expires is None


def test_every_reason_against_signing_is_told_at_once(bundle: Path, trust: Trust) -> None:
    with pytest.raises(RefusedError) as caught:
        approve(load(bundle, None, trust), trust, KEY, "security")
    for said in ("does not have the role 'security'", "ran this release", "the role security approves nothing here"):
        assert said in caught.value.message


def failing(tmp_path: Path) -> Path:
    from bundles import GREEN, result

    return write_bundle(tmp_path / "failing", [*GREEN, result("ST-003", "template", Outcome.FAILED)])


def test_a_waiver_reaches_the_decision_and_shows_there(tmp_path: Path, trust: Trust) -> None:
    bundle = failing(tmp_path)
    subject = load(bundle, None, trust)
    assert subject.facts.decision == "NO_GO"
    record = prepare_waiver(
        subject,
        trust,
        BOB,
        check="ST-003/template",
        role="release_manager",
        reason="Wording is agreed.",
        scope=WaiverScope.BUNDLE,
        until=NOW + timedelta(days=1),
        now=NOW,
    )
    sign_and_file(subject, record, BOB, NOW)

    assert load(bundle, None, trust).facts.decision == "GO"
    later = load_subject(bundle, None, trust, NOW + timedelta(days=1))
    assert later.facts.decision == "NO_GO", "a waiver that ended waives nothing"


@pytest.mark.parametrize(
    ("drafts", "counts"),
    [
        ([waiver(BOB)], 1),
        ([waiver(BOB), waiver(BOB, check="ST-003/tags")], 2),
        ([waiver(ANA, "qa_lead")], 0),
        ([waiver(BOB, expires=NOW)], 0),
        ([waiver(BOB, policy_sha256="c" * 64)], 0),
        ([waiver(BOB, stage="1")], 0),
        ([waiver(BOB, at=FINISHED - timedelta(seconds=1))], 0),
        ([waiver(BOB), approval(CARA, "security", stage="1")], 0),
    ],
)
def test_only_waivers_that_count_reach_a_decision(drafts: list, counts: int) -> None:  # type: ignore[type-arg]
    files = files_of_records(*drafts)

    assert len(valid_waivers(files, facts_of_bundle(), trust_of(), NOW)) == counts
    assert valid_waivers(files, facts_of_bundle(), None, NOW) == ()
    assert valid_waivers(files, facts_of_bundle(runners=("Bob Okafor",)), trust_of(), NOW) == ()
