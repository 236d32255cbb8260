"""Role assignments: signed by a person of the trust file, the last one counts, and nothing else does."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import people
import pytest
from people import ANA, BOB, CI, NOW, STRANGER

from gonogo.errors import EvidenceError, RefusedError
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.ledger import Entry, Ledger, open_ledger
from gonogo.evidence.roles import assign_role, read_assignments

PLACE = {"system": "richpanel", "environment": "production", "release": "2026.11.2"}
TRUST = people.trust_of()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return open_ledger(str(tmp_path), "richpanel")


def assign(ledger: Ledger, person: str, key: SigningKey = ANA, own_role: str = "qa_lead", **changes: str) -> Entry:
    fields = {**PLACE, "assigned_role": "observer", "person": person, **changes}
    return assign_role(ledger, TRUST, key, NOW, own_role=own_role, statement="I assign it.", **fields)


def test_the_last_assignment_of_a_role_counts(ledger: Ledger) -> None:
    assign(ledger, "Cara Lindt")
    assign(ledger, "Bob Okafor")
    assign(ledger, "Cara Lindt", assigned_role="rollback_owner")
    assign(ledger, "Ana Ferreira", release="2026.11.3")

    found, against = read_assignments(ledger.entries(), TRUST, NOW, **PLACE)

    assert {role: one.person for role, one in found.items()} == {
        "observer": "Bob Okafor",
        "rollback_owner": "Cara Lindt",
    }
    assert against == []
    assert found["observer"].by == "Ana Ferreira"
    assert [entry.kind for entry in ledger.entries()] == ["role"] * 4


@pytest.mark.parametrize(
    ("key", "own_role", "person", "error", "says"),
    [
        (STRANGER, "qa_lead", "Bob Okafor", RefusedError, "is not in trust.yaml"),
        (CI, "ci", "Bob Okafor", EvidenceError, "only people sign"),
        (ANA, "release_manager", "Bob Okafor", EvidenceError, "does not have the role"),
        (ANA, "qa_lead", "Nobody Known", RefusedError, "Nobody Known is not in trust.yaml"),
    ],
)
def test_what_does_not_count_is_not_signed(
    ledger: Ledger, key: SigningKey, own_role: str, person: str, error: type[EvidenceError], says: str
) -> None:
    with pytest.raises(error, match=says):
        assign(ledger, person, key, own_role)
    assert ledger.entries() == []


def test_an_edited_or_future_record_does_not_count(ledger: Ledger) -> None:
    entry = assign(ledger, "Bob Okafor", BOB, "release_manager")
    record = dict(entry.payload["record"])
    record["payload"] = record["payload"][:-4] + "AAA="
    edited = Entry(1, "role", entry.at, entry.previous, {"record": record}, entry.digest)

    for entries, now in (([edited], NOW), ([entry], NOW - timedelta(days=1))):
        found, against = read_assignments(entries, TRUST, now, **PLACE)
        assert found == {}
        assert against[0].startswith("entry 1: ")
