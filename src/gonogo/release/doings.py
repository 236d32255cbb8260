"""Follow-ups and items of the monitoring list that people did: signed records in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gonogo.errors import EvidenceError, RefusedError
from gonogo.evidence.dsse import Envelope
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.ledger import Entry, Kind, Ledger
from gonogo.evidence.records import format_time, open_record, parse_time, read_record, sign_record
from gonogo.evidence.trust import Trust
from gonogo.model.plan import Plan
from gonogo.model.trust import Identity, fold_name
from gonogo.release.duties import Doing, Duty

KIND = Kind.FOLLOW_UP.value
_TEXTS = ("name", "role", "at", "system", "environment", "item", "note")


def read_doings(
    entries: Sequence[Entry],
    plan: Plan,
    trust: Trust | None,
    now: datetime,
    *,
    system: str,
    environment: str,
    crew: Mapping[str, Sequence[str]],
) -> tuple[list[Doing], list[str]]:
    """Return what was done in an environment, and a sentence for every record that does not count.

    Once there is a trust file only signed records do, of people who have the duty's role there or in this release.
    """
    roles = {one.id: one.role for one in plan.follow_ups} | {one.id: one.role or "" for one in plan.monitoring}
    found: list[Doing] = []
    against: list[str] = []
    for entry in entries:
        if entry.kind != KIND:
            continue
        try:
            said, person = _open(entry, trust, now)
            if (said["system"], said["environment"]) != (system, environment) or said["item"] not in roles:
                continue
            if person is not None and not may_do(roles[said["item"]], person, crew):
                raise EvidenceError(f"{person.name} does not have the role {roles[said['item']]}")
            found.append(Doing(said["item"], said["event"], parse_time(said["at"]), said["name"]))
        except EvidenceError as error:
            against.append(f"follow-up of entry {entry.number}: {error.message}")
    return found, against


def _open(entry: Entry, trust: Trust | None, now: datetime) -> tuple[dict[str, Any], Identity | None]:
    content: Any = entry.payload.get("record")
    person: Identity | None = None
    if entry.payload.get("signed") is False:
        if trust is not None:
            raise EvidenceError("it is not signed, and trust.yaml says whose signature counts")
    else:
        envelope = Envelope.from_json(content)
        content = dict(read_record(envelope, KIND).payload)
        if trust is not None:
            content, person = open_record(envelope, trust, now, kind=KIND)
    known = isinstance(content, dict) and all(isinstance(content.get(name), str) for name in _TEXTS)
    if not known or type(content.get("event")) is not int:
        raise EvidenceError("it holds no follow-up")
    return content, person


def may_do(role: str, person: Identity, crew: Mapping[str, Sequence[str]]) -> bool:
    """Return whether a person has the role of a duty: in the trust file, or in this release."""
    assigned = {fold_name(name) for name in crew.get(role, ())}
    return not role or role in person.roles or fold_name(person.name) in assigned


def record_doing(
    ledger: Ledger,
    duty: Duty,
    *,
    system: str,
    environment: str,
    name: str,
    role: str,
    note: str,
    trust: Trust | None,
    key: SigningKey | None,
    crew: Mapping[str, Sequence[str]],
    now: datetime,
) -> Entry:
    """Append a record that a duty was done, signed where there is a trust file, and return its entry.

    Raises `RefusedError` where the duty is done already, is answered by a watch rule, or is not this person's.
    """
    if duty.done and duty.every is None:
        raise RefusedError(f"{duty.id} was done by {duty.done_by}", "Nothing was recorded.")
    if duty.rule:
        raise RefusedError(f"{duty.id} is answered by the watch rule {duty.rule}", f"Run: {duty.command}")
    payload = {
        "name": name,
        "role": role,
        "at": format_time(now),
        "system": system,
        "environment": environment,
        "item": duty.id,
        "event": duty.event.entry,
        "note": note,
    }
    if trust is None:
        return ledger.append(KIND, {"signed": False, "record": payload}, now)
    owner = trust.owner_of(key.public) if key is not None else None
    if key is None or owner is None or owner.is_machine:
        raise RefusedError("follow-ups are signed here, by a key of a person of trust.yaml", "Nothing was recorded.")
    if not may_do(duty.role, owner.identity, crew):
        raise RefusedError(f"{duty.id} is for {duty.role}, which {owner.identity.name} is not", "Nothing was recorded.")
    envelope = sign_record(KIND, {**payload, "name": owner.identity.name}, key)
    open_record(envelope, trust, now, kind=KIND)
    return ledger.append(KIND, {"record": envelope.to_json(), "item": duty.id, "event": duty.event.entry}, now)
