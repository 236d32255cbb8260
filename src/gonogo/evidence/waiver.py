"""The signed waivers of a bundle as values that a decision takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gonogo.evidence.approval import judge_approvals
from gonogo.evidence.approval_record import RecordFile, WaiverRecord
from gonogo.evidence.bundle import BundleFacts
from gonogo.evidence.trust import Trust
from gonogo.model.outcome import CheckClass, CheckResult, Outcome
from gonogo.model.waiver import Waiver, waivable


def valid_waivers(
    records: Sequence[RecordFile], facts: BundleFacts, trust: Trust | None, now: datetime
) -> tuple[Waiver, ...]:
    """Return the waivers beside a bundle that count now; none at all where any of its records has a fault.

    Whether their scope covers a decision is for `gonogo.model.waiver.in_force` to say.
    """
    state = judge_approvals(records, facts, trust, now)
    if state.faults:
        return ()
    counting = {one.file for one in state.records if one.valid}
    return tuple(
        waiver_of(file.record, file.digest)
        for file in sorted(records, key=lambda one: one.number)
        if isinstance(file.record, WaiverRecord) and file.name in counting
    )


def waiver_of(record: WaiverRecord, digest: str) -> Waiver:
    """Return the waiver that a record holds."""
    return Waiver(
        record.check,
        Outcome[record.outcome],
        record.name,
        record.role,
        record.reason,
        record.scope,
        record.system,
        record.stage,
        record.environment,
        record.release,
        record.manifest_sha256,
        record.at,
        record.expires,
        digest,
    )


def explain_unwaivable(check: str, results: Sequence[CheckResult]) -> str:
    """Return why a check cannot be waived, or nothing; the results are merged, one for each check."""
    found = next((one for one in results if one.id == check), None)
    if found is None:
        return f"there is no check {check!r} in this bundle"
    if found.cls in (CheckClass.SAFETY, CheckClass.PRIVACY):
        return f"{check} is of class {found.cls.value}; safety and privacy cannot be waived, whatever their outcome"
    if found.cls is CheckClass.ADVISORY:
        return f"{check} is advisory and holds nothing up; there is nothing to waive"
    if not waivable(found):
        what = "nothing to waive" if found.outcome is Outcome.PASSED else "what was not observed cannot be waived"
        return f"{check} is {found.outcome.name}; {what}"
    return ""
