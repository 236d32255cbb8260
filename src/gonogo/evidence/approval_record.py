"""Approvals, reviews, rejections and waivers as records that are bound to one sealed bundle."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, ValidationError

from gonogo.errors import EvidenceError
from gonogo.evidence.dsse import Envelope
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.records import SignedRecord, format_time, parse_time, read_record, sign_record
from gonogo.model.vocabulary import Frozen
from gonogo.model.waiver import WaiverScope

APPROVAL = "approval"
WAIVER = "waiver"
NO_RECORD = ""
MAX_RECORD_BYTES = 200_000
_FILE = re.compile(r"(?:approvals/)?([0-9]{4})-(approval|review|rejection|waiver)\.dsse\.json")


class Meaning(StrEnum):
    """What a signature says."""

    APPROVAL = "approval"
    REVIEW = "review"
    REJECTION = "rejection"


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return parse_time(value)
    except EvidenceError as error:
        raise ValueError(error.message) from error


def _one_line(value: str) -> str:
    """Return a text that shows on one line what it holds: no control characters, no characters that turn the line."""
    if not value.isprintable():
        raise ValueError("allowed: one line of printable characters")
    return value


def _statement(value: str) -> str:
    if not all(line.isprintable() for line in value.split("\n")):
        raise ValueError("allowed: lines of printable characters")
    return value


Moment = Annotated[datetime, BeforeValidator(_moment), PlainSerializer(format_time)]
Line = Annotated[str, Field(max_length=2000), AfterValidator(_one_line)]
Filled = Annotated[Line, Field(min_length=1)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BoundRecord(Frozen):
    """What binds a record to one bundle, one policy and the record before it; `previous` is empty for the first."""

    name: Filled
    role: Filled
    at: Moment
    bundle: Filled
    system: Filled
    stage: Filled
    environment: Filled
    release: Line
    manifest_sha256: Digest
    policy_sha256: Digest
    previous: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
    statement: Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(_statement)]


class ApprovalRecord(BoundRecord):
    """An approval, a review or a rejection; `waivers` are the digests of the waivers that the signer was shown."""

    meaning: Meaning
    comment: Line
    decision: Literal["GO", "HOLD", "NO_GO"]
    expires: Moment | None
    waivers: tuple[Digest, ...]


class WaiverRecord(BoundRecord):
    """A required check that its owner signs off although it failed or warned."""

    check: Filled
    outcome: Literal["WARNED", "FAILED"]
    reason: Filled
    scope: WaiverScope
    expires: Moment


@dataclass(frozen=True, slots=True)
class RecordFile:
    """One file beside a bundle: its record with the signature checked by its own key, or why there is none."""

    name: str
    number: int
    kind: str
    record: ApprovalRecord | WaiverRecord | None = None
    signed: SignedRecord | None = None
    fault: str = ""

    @property
    def digest(self) -> str:
        """Return the hex SHA-256 of the record's envelope, empty where it cannot be read."""
        return self.signed.digest if self.signed else ""


def render_statement(record: ApprovalRecord | WaiverRecord) -> str:
    """Return the words that are shown to the signer and signed with the record."""
    if isinstance(record, WaiverRecord):
        what = f"waive the check {record.check} ({record.outcome}) because: {record.reason}"
        more = [f"scope        {record.scope.value}"]
    else:
        verbs = {Meaning.APPROVAL: "approve", Meaning.REVIEW: "have reviewed", Meaning.REJECTION: "reject"}
        what = f"{verbs[record.meaning]} this release at this stage"
        more = [f"decision     {record.decision}", f"waivers      {', '.join(record.waivers) or 'none'}"]
        more += [f"comment      {record.comment}"] if record.comment else []
    lines = [
        f"I, {record.name} ({record.role}), {what}",
        f"system       {record.system}",
        f"stage        {record.stage}",
        f"environment  {record.environment}",
        f"release      {record.release or 'not named'}",
        f"bundle       {record.bundle}",
        f"manifest     sha256:{record.manifest_sha256}",
        *more,
        f"trust file   sha256:{record.policy_sha256}",
        f"after        {f'record sha256:{record.previous}' if record.previous else 'no earlier record'}",
        f"signed at    {format_time(record.at)}",
        f"valid until  {format_time(record.expires) if record.expires else 'always'}",
    ]
    return "\n".join(lines)


def with_statement(fields: dict[str, Any]) -> ApprovalRecord | WaiverRecord:
    """Return the record of its fields, with the words that it is shown by; raises `EvidenceError` for a bad field."""
    kind = WaiverRecord if "check" in fields else ApprovalRecord
    try:
        draft = kind.model_validate({**fields, "statement": "-"})
        return draft.model_copy(update={"statement": render_statement(draft)})
    except ValidationError as error:
        raise EvidenceError(f"the record cannot be written: {_first_problem(error)}") from error


def sign_bound_record(record: ApprovalRecord | WaiverRecord, key: SigningKey) -> Envelope:
    """Return the signed envelope of a record."""
    return sign_record(_payload_kind(record_kind(record)), record.model_dump(mode="json"), key)


def record_kind(record: ApprovalRecord | WaiverRecord) -> str:
    """Return the word by which files and ledger entries of a record are named."""
    return WAIVER if isinstance(record, WaiverRecord) else record.meaning.value


def file_name(number: int, kind: str) -> str:
    """Return the name of a record's file in the folder of the approvals."""
    return f"{number:04d}-{kind}.dsse.json"


def parse_record_file(name: str, data: bytes) -> RecordFile:
    """Return what a file beside a bundle holds; a file that is no record carries its fault."""
    match = _FILE.fullmatch(name)
    if match is None:
        return RecordFile(name, 0, "", fault="is not named like 0001-approval.dsse.json")
    number, kind = int(match[1]), match[2]
    if len(data) > MAX_RECORD_BYTES:
        return RecordFile(
            name, number, kind, fault=f"has {len(data):,} bytes; a record has at most {MAX_RECORD_BYTES:,}"
        )
    try:
        envelope = Envelope.from_bytes(data)
        if envelope.to_bytes() != data:
            raise EvidenceError("the envelope is not in its canonical form")
        signed = read_record(envelope, _payload_kind(kind))
        record = _parse_record(signed)
        if record_kind(record) != kind:
            raise EvidenceError(f"the file is named {kind}, and the record is a {record_kind(record)}")
        if render_statement(record) != record.statement:
            raise EvidenceError("the statement that was signed says something else than the record's fields")
    except EvidenceError as error:
        return RecordFile(name, number, kind, fault=error.message)
    return RecordFile(name, number, kind, record, signed)


def _payload_kind(kind: str) -> str:
    return WAIVER if kind == WAIVER else APPROVAL


def _parse_record(signed: SignedRecord) -> ApprovalRecord | WaiverRecord:
    try:
        text = json.dumps(signed.payload)
        if signed.kind == WAIVER:
            return WaiverRecord.model_validate_json(text)
        return ApprovalRecord.model_validate_json(text)
    except ValidationError as error:
        raise EvidenceError(f"the record is not whole: {_first_problem(error)}") from error


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'record'}: {str(first['msg']).removeprefix('Value error, ')}"


def waiver_digests(files: Sequence[RecordFile]) -> tuple[str, ...]:
    """Return the digests of the waivers among records, in their order."""
    return tuple(file.digest for file in files if isinstance(file.record, WaiverRecord))
