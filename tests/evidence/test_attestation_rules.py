"""Whether an attestation counts: every refusal has its sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gonogo.model.attestation import Attachment, Attestation, Result, judge_attestation
from gonogo.model.binding import Binding, BoundItem, EvidenceKind, Manual
from gonogo.model.checklist import ChecklistItem, ItemKind
from gonogo.model.outcome import Outcome, Verdict

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ITEM = ChecklistItem("E4", 3, ("E",), ItemKind.CHECK, "Dashboards", stands_alone=True, digest="a" * 64)
MANUAL = Manual(role="observer", evidence=(EvidenceKind.SCREENSHOT,), max_age=timedelta(days=1))
BOUND = BoundItem("QA-E4", ITEM, "manual_qa.md", Binding(words="a" * 16, manual=MANUAL))
PICTURE = Attachment("board.png", "b" * 64, 4)
GOOD = Attestation(
    1,
    "QA-E4",
    "a" * 64,
    Result.PASSED,
    "Bo Lind",
    "observer",
    NOW - timedelta(hours=1),
    "2026.11.2",
    "2026.11.2",
    "staging",
    attachments=(PICTURE,),
)


def judge(*records: Attestation, signed: bool = False, releases: tuple[str, ...] = ("2026.11.2",)) -> Verdict:
    return judge_attestation(BOUND, records, releases=releases, environment="staging", needs_signature=signed, now=NOW)


def test_a_good_one_passes_and_names_the_person() -> None:
    verdict = judge(GOOD)
    assert verdict.outcome is Outcome.PASSED
    assert "Bo Lind (observer)" in verdict.observed


def test_nobody_yet_is_pending() -> None:
    assert judge().outcome is Outcome.PENDING
    assert judge(replace(GOOD, item="QA-E3")).outcome is Outcome.PENDING


REFUSED = {
    "wrong role": (replace(GOOD, role="qa_lead"), "Bo Lind answered as qa_lead; wanted: observer"),
    "other release": (replace(GOOD, release="1", build="1"), "for release 1, and 2026.11.2 runs here"),
    "other environment": (replace(GOOD, environment="production"), "for production, and this is staging"),
    "edited item": (replace(GOOD, words="c" * 64), "the words of the item changed since"),
    "too old": (replace(GOOD, at=NOW - timedelta(hours=30)), "30.0 hours old; at most 24.0 hours counts"),
    "future": (replace(GOOD, at=NOW + timedelta(hours=3)), "dated in the future"),
    "changed attachment": (
        replace(GOOD, against=("the attachment board.png was changed since",)),
        "the attachment board.png was changed since",
    ),
    "missing evidence": (replace(GOOD, attachments=()), "comes without screenshot"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_each_refusal_is_stale_with_a_sentence(name: str) -> None:
    record, sentence = REFUSED[name]
    verdict = judge(record)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons[0].startswith("stale: ")
    assert sentence in verdict.reasons[0]


def test_unsigned_counts_only_without_a_trust_file() -> None:
    assert "it is not signed" in judge(GOOD, signed=True).reasons[0]
    assert judge(replace(GOOD, is_signed=True), signed=True).outcome is Outcome.PASSED


def test_an_unknown_release_lets_nothing_count() -> None:
    verdict = judge(GOOD, releases=())
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "the release that runs here is not known" in verdict.reasons[0]


def test_a_clock_may_differ_a_little() -> None:
    assert judge(replace(GOOD, at=NOW + timedelta(seconds=90))).outcome is Outcome.PASSED


FAILED = replace(GOOD, number=2, result=Result.FAILED, note="empty board")


def test_a_failed_one_stands_against_an_older_pass() -> None:
    verdict = judge(GOOD, FAILED)
    assert verdict.outcome is Outcome.FAILED
    assert "empty board" in verdict.reasons[0]


def test_a_failed_one_stands_until_a_newer_pass_on_a_newer_build() -> None:
    same = replace(GOOD, number=3)
    assert judge(FAILED, same).outcome is Outcome.FAILED
    assert "newer build" in judge(FAILED, same).reasons[1]
    newer = replace(same, build="2026.11.2-b2")
    assert judge(FAILED, newer).outcome is Outcome.PASSED
    assert judge(replace(newer, number=1), FAILED).outcome is Outcome.FAILED


def test_a_failed_one_of_the_release_before_stands_until_somebody_looks_again() -> None:
    old = replace(FAILED, release="2026.11.1", build="2026.11.1")
    assert judge(old).outcome is Outcome.FAILED
    assert judge(old, replace(GOOD, number=3)).outcome is Outcome.PASSED


def test_a_pass_that_does_not_count_takes_no_failure_back() -> None:
    newer = replace(GOOD, number=3, build="other", role="qa_lead")
    assert judge(FAILED, newer).outcome is Outcome.FAILED


def test_blocked_is_pending_with_its_note() -> None:
    verdict = judge(GOOD, replace(GOOD, number=2, result=Result.BLOCKED, note="no access"))
    assert verdict.outcome is Outcome.PENDING
    assert "no access" in verdict.reasons[0]


def test_nothing_but_a_counted_pass_passes() -> None:
    records = [record for record, _ in REFUSED.values()]
    assert judge(*records).outcome is not Outcome.PASSED
