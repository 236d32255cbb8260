"""Attestations once there is a trust file: signed by the person who answers, in a role that the file gives them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from people import ANA, BOB, CI, NOW, STRANGER, trust_of

from gonogo.errors import RefusedError
from gonogo.evidence.attachments import attachments_folder
from gonogo.evidence.attestations import read_attestations
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.ledger import open_ledger
from gonogo.model.attestation import Attestation, Result, judge_attestation
from gonogo.model.binding import Binding, BoundItem, Manual
from gonogo.model.checklist import ChecklistItem, ItemKind
from gonogo.model.outcome import Outcome, Verdict
from gonogo.run.attesting import Answer, Place, record_answer
from gonogo.sources.project import Project, System

ITEM = ChecklistItem("D4", 3, ("D",), ItemKind.CHECK, "Replies read like us", stands_alone=True, digest="a" * 64)
BOUND = BoundItem("QA-D4", ITEM, "manual_qa.md", Binding(words="a" * 16, manual=Manual(role="qa_lead")))
PLACE = Place("staging", "2026.11.2", "2026.11.2")


def answer(tmp_path: Path, key: SigningKey | None, name: str, role: str = "qa_lead", *, trusted: bool = True) -> None:
    record_answer(
        Project(tmp_path, ()),
        cast(System, SimpleNamespace(name="richpanel")),
        BOUND,
        Answer(Result.PASSED, name, role, "fine"),
        PLACE,
        trust=trust_of() if trusted else None,
        key=key,
        now=NOW,
    )


def read(tmp_path: Path) -> tuple[Attestation, ...]:
    ledger = open_ledger(str(tmp_path / "evidence"), "richpanel")
    folder = attachments_folder(tmp_path, "richpanel")
    return read_attestations(ledger.entries(), folder, trust_of(), NOW + timedelta(hours=1))


def judge(records: tuple[Attestation, ...]) -> Verdict:
    now = NOW + timedelta(hours=1)
    releases = {"2026.11.2"}
    return judge_attestation(BOUND, records, releases=releases, environment="staging", needs_signature=True, now=now)


@pytest.fixture(autouse=True)
def ledger_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GONOGO_LEDGER", raising=False)


def test_a_signed_answer_counts(tmp_path: Path) -> None:
    answer(tmp_path, ANA, "Ana Ferreira")
    (record,) = read(tmp_path)
    assert record.is_signed
    assert judge((record,)).outcome is Outcome.PASSED


def test_an_unsigned_one_from_before_the_trust_file_does_not(tmp_path: Path) -> None:
    answer(tmp_path, None, "Ana Ferreira", trusted=False)
    verdict = judge(read(tmp_path))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "it is not signed" in verdict.reasons[0]


REFUSED: dict[str, tuple[SigningKey, str, str, str]] = {
    "another's name": (BOB, "Ana Ferreira", "qa_lead", "the key is Bob Okafor's, and you answer as Ana Ferreira"),
    "a role not given": (ANA, "Ana Ferreira", "release_manager", "does not have the role release_manager"),
    "a stranger": (STRANGER, "Nobody Known", "qa_lead", "trust.yaml does not know the key"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_who_may_not_answer_is_refused(name: str, tmp_path: Path) -> None:
    key, person, role, said = REFUSED[name]
    with pytest.raises(RefusedError, match=said):
        answer(tmp_path, key, person, role)


@pytest.mark.parametrize(("key", "name"), [(STRANGER, "Ana Ferreira"), (BOB, "Ana Ferreira"), (CI, "ci")])
def test_a_record_by_the_wrong_key_does_not_count_even_if_it_got_into_the_ledger(
    key: SigningKey, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gonogo.run.attesting.explain_person", lambda *_: None)
    answer(tmp_path, key, name)
    assert judge(read(tmp_path)).outcome is Outcome.INCONCLUSIVE


def test_a_changed_record_is_found(tmp_path: Path) -> None:
    answer(tmp_path, ANA, "Ana Ferreira")
    ledger = open_ledger(str(tmp_path / "evidence"), "richpanel")
    (entry,) = ledger.entries()
    payload: Any = dict(entry.payload)
    envelope = dict(payload["record"])
    envelope["payload"] = envelope["payload"][:-8] + "AAAAAAA="
    ledger.append("attestation", {"signed": True, "record": envelope}, NOW)
    from gonogo.errors import EvidenceError

    with pytest.raises(EvidenceError, match="entry 2 of the ledger does not hold"):
        read(tmp_path)
