"""What a CI found it may say itself, by its own key, for items that ask for its role, and for no others."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from people import CI, NOW, trust_of

from gonogo.errors import RefusedError
from gonogo.evidence.attestations import append_attestation, read_attestations
from gonogo.evidence.ledger import open_ledger
from gonogo.model.attestation import Attestation, Result, judge_attestation
from gonogo.model.binding import Binding, BoundItem, Manual
from gonogo.model.checklist import ChecklistItem, ItemKind
from gonogo.model.outcome import Outcome, Verdict
from gonogo.run.attesting import Answer, Place, record_answer
from gonogo.sources.project import Project

ITEM = ChecklistItem("C1", 3, ("C",), ItemKind.CHECK, "CI merge gates pass", stands_alone=True, digest="a" * 64)


def bound(role: str | None) -> BoundItem:
    return BoundItem("REL-C1", ITEM, "release.md", Binding(words="a" * 16, manual=Manual(role=role)))


def judge(tmp_path: Path, item: BoundItem, role: str) -> Verdict:
    ledger = open_ledger(str(tmp_path / "evidence"), "richpanel")
    one = Attestation(
        0, item.id, ITEM.digest, Result.PASSED, "ci", role, NOW, "r1", "r1", "staging", "run 4711", is_signed=True
    )
    append_attestation(ledger, item, one, CI, NOW)
    later = NOW + timedelta(hours=1)
    records = read_attestations(ledger.entries(), tmp_path, trust_of(), later)
    return judge_attestation(item, records, releases={"r1"}, environment="staging", needs_signature=True, now=later)


def test_a_machine_answers_an_item_of_its_role(tmp_path: Path) -> None:
    assert judge(tmp_path, bound("ci"), "ci").outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("role", "signed_as", "says"),
    [
        (None, "ci", "ci is a machine, and the item waits for a person"),
        ("qa_lead", "ci", "wanted: qa_lead"),
        ("qa_lead", "qa_lead", "ci does not have the role qa_lead"),
    ],
)
def test_it_answers_nothing_else(tmp_path: Path, role: str | None, signed_as: str, says: str) -> None:
    verdict = judge(tmp_path, bound(role), signed_as)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert says in verdict.reasons[0]


def test_what_could_not_count_is_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace
    from typing import cast

    from gonogo.sources.project import System

    monkeypatch.delenv("GONOGO_LEDGER", raising=False)
    with pytest.raises(RefusedError, match="is a machine, and the item waits for a person"):
        record_answer(
            Project(tmp_path, ()), cast(System, SimpleNamespace(name="richpanel")), bound(None),
            Answer(Result.PASSED, "ci", "ci", "run 4711"), Place("staging", "r1", "r1"), trust=trust_of(), key=CI,
            now=NOW,
        )  # fmt: skip
