"""What a named person answered for an item, and whether it counts; pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import PurePosixPath

from gonogo.model.binding import BoundItem, EvidenceKind
from gonogo.model.outcome import InconclusiveReason, Outcome, Verdict

# Two clocks that are set by the network differ by less.
CLOCK_TOLERANCE = timedelta(minutes=2)
_IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".gif")


class Result(StrEnum):
    """What somebody found."""

    PASSED = "passed"
    FAILED = "failed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A copied file: its name as it was given, its size in bytes and the SHA-256 by which the copy is called."""

    name: str
    sha256: str
    size: int

    @property
    def kind(self) -> EvidenceKind:
        """Return what it shows: a picture is a screenshot, any other file a log."""
        is_image = PurePosixPath(self.name).suffix.lower() in _IMAGES
        return EvidenceKind.SCREENSHOT if is_image else EvidenceKind.LOG


@dataclass(frozen=True, slots=True)
class Attestation:
    """One record; `number` is its entry in the ledger, `against` what speaks against its signature and its copies.

    A machine (`by_machine`) such as the CI answers only items whose role is one of its own.
    """

    number: int
    item: str
    words: str
    result: Result
    name: str
    role: str
    at: datetime
    release: str
    build: str
    environment: str
    note: str = ""
    links: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    is_signed: bool = False
    against: tuple[str, ...] = ()
    by_machine: bool = False

    @property
    def shows(self) -> frozenset[EvidenceKind]:
        """Return the kinds of evidence that it comes with."""
        kinds = {one.kind for one in self.attachments}
        kinds |= {EvidenceKind.LINK} if self.links else set()
        kinds |= {EvidenceKind.NOTE} if self.note.strip() else set()
        return frozenset(kinds)

    def __str__(self) -> str:
        """Return who found what, when and where."""
        said = f": {self.note}" if self.note else ""
        return f"{self.result.value} by {self.name} ({self.role}) on {self.release}, {self.at:%Y-%m-%d %H:%M} UTC{said}"


def judge_attestation(
    item: BoundItem,
    records: Sequence[Attestation],
    *,
    releases: Collection[str],
    environment: str,
    needs_signature: bool,
    now: datetime,
) -> Verdict:
    """Return what the attestations of an item come to for the release that runs in an environment.

    `releases` holds the names of the release and build that run. A failed one stands until a newer one on a newer
    build.
    """
    expected = _expected(item)
    own = [record for record in records if record.item == item.id]
    faults = {
        record.number: explain_refusal(
            item,
            record,
            releases=releases,
            environment=environment,
            needs_signature=needs_signature,
            now=now,
        )
        for record in own
    }
    counted = [record for record in own if not faults[record.number]]
    standing = _standing_failure(item, own, counted, environment)
    if standing is not None:
        reasons = [str(standing)]
        if any(one.result is Result.PASSED and one.number > standing.number for one in counted):
            reasons.append("a newer one on the same build does not take it back; answer for it on a newer build")
        return Verdict(Outcome.FAILED, tuple(reasons), expected, str(standing))
    if counted:
        last = counted[-1]
        if last.result is Result.PASSED:
            return Verdict(Outcome.PASSED, (), expected, str(last))
        return Verdict(Outcome.PENDING, (f"{last}; somebody has to look again",), expected, str(last))
    if own:
        last = own[-1]
        text = f"{last}, which does not count: {'; '.join(faults[last.number])}"
        return Verdict.inconclusive(InconclusiveReason.STALE, text, expected)
    return Verdict(Outcome.PENDING, ("nobody has answered for it yet",), expected)


def explain_refusal(
    item: BoundItem,
    record: Attestation,
    *,
    releases: Collection[str],
    environment: str,
    needs_signature: bool,
    now: datetime,
) -> tuple[str, ...]:
    """Return every reason why a record does not count, in words that a QA person understands."""
    manual, reasons = item.manual, list(record.against)
    if record.words != item.item.digest:
        reasons.append("the words of the item changed since; read it again and answer for it anew")
    if record.environment != environment:
        reasons.append(f"it was given for {record.environment}, and this is {environment}")
    if not releases:
        reasons.append("the release that runs here is not known; name it with --release")
    elif record.release not in releases and record.build not in releases:
        reasons.append(f"it was given for release {record.release}, and {' / '.join(sorted(releases))} runs here")
    if record.at > now + CLOCK_TOLERANCE:
        reasons.append(f"it is dated in the future ({record.at:%Y-%m-%d %H:%M} UTC); check the clock of that machine")
    if needs_signature and not record.is_signed:
        reasons.append("it is not signed, and trust.yaml says whose signature counts")
    if manual is None:
        return tuple(reasons)
    if record.by_machine and manual.role is None:
        reasons.append(f"{record.name} is a machine, and the item waits for a person")
    if manual.role is not None and record.role != manual.role:
        reasons.append(f"{record.name} answered as {record.role}; wanted: {manual.role}")
    if manual.max_age is not None and now - record.at > manual.max_age:
        reasons.append(f"it is {_age(now - record.at)} old; at most {_age(manual.max_age)} counts")
    missing = [kind.value for kind in manual.evidence if kind not in record.shows]
    if missing and record.result is Result.PASSED:
        reasons.append(f"it comes without {', '.join(missing)}")
    return tuple(reasons)


def _standing_failure(
    item: BoundItem, own: Sequence[Attestation], counted: Sequence[Attestation], environment: str
) -> Attestation | None:
    failed = [
        one
        for one in own
        if one.result is Result.FAILED and one.environment == environment and one.words == item.item.digest
    ]
    if not failed:
        return None
    last = failed[-1]
    for one in counted:
        if one.result is Result.PASSED and one.number > last.number and one.build != last.build:
            return None
    return last


def _expected(item: BoundItem) -> str:
    manual = item.manual
    role = f" as {manual.role}" if manual is not None and manual.role else ""
    return f"a person answers for it{role}"


def _age(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours"
