"""Who has which role in a release: assignments as signed records in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gonogo.errors import EvidenceError, RefusedError
from gonogo.evidence.dsse import Envelope
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.ledger import Entry, Kind, Ledger
from gonogo.evidence.records import format_time, open_record, sign_record
from gonogo.evidence.trust import Trust

KIND = Kind.ROLE.value
_FIELDS = ("system", "environment", "release", "assigned_role", "person")


@dataclass(frozen=True, slots=True)
class Assignment:
    """One person who has a role in a release to an environment, and who said so; `number` is that of the entry."""

    system: str
    environment: str
    release: str
    role: str
    person: str
    by: str
    at: str
    number: int

    @property
    def sentence(self) -> str:
        """Return the assignment in one line."""
        where = f"{self.system} {self.release} in {self.environment}"
        return f"{self.role} of {where}: {self.person}, assigned by {self.by} on {self.at}"


def render_assignment(
    system: str, environment: str, release: str, role: str, person: str, *, name: str, own_role: str, now: datetime
) -> str:
    """Return the words that are shown to the signer and signed with the record."""
    return (
        f"I, {name} ({own_role}), assign the role {role} to {person}\n"
        f"system       {system}\nenvironment  {environment}\nrelease      {release}\nsigned at    {format_time(now)}"
    )


def assign_role(
    ledger: Ledger, trust: Trust, key: SigningKey, now: datetime, *, own_role: str, statement: str, **fields: str
) -> Entry:
    """Sign an assignment and append it to the ledger; the last one for a role counts.

    `fields` are system, environment, release, assigned_role and person. Raises `RefusedError` where the person is not
    in the trust file, `EvidenceError` where the signer may not sign.
    """
    if trust.person_named(fields["person"]) is None:
        raise RefusedError(f"{fields['person']} is not in trust.yaml", "Nothing was signed.")
    owner = trust.owner_of(key.public)
    if owner is None:
        raise RefusedError(f"the key {key.public.keyid} is not in trust.yaml", "Nothing was signed.")
    payload = {
        "name": owner.identity.name,
        "role": own_role,
        "at": format_time(now),
        "statement": statement,
        **{name: fields[name] for name in _FIELDS},
    }
    envelope = sign_record(KIND, payload, key)
    open_record(envelope, trust, now, kind=KIND)
    shown = {name: fields[name] for name in ("environment", "release", "person")}
    entry = {"record": envelope.to_json(), "assigned_role": fields["assigned_role"], **shown}
    return ledger.append(KIND, entry, now)


def read_assignments(
    entries: Sequence[Entry], trust: Trust, now: datetime, *, system: str, environment: str, release: str
) -> tuple[dict[str, Assignment], list[str]]:
    """Return who has which role, the last assignment of each, and a sentence for every record that does not count."""
    found: dict[str, Assignment] = {}
    against: list[str] = []
    for entry in entries:
        if entry.kind != KIND:
            continue
        try:
            payload, signer = open_record(Envelope.from_json(entry.payload.get("record")), trust, now, kind=KIND)
            values = {name: str(payload[name]) for name in _FIELDS}
        except (EvidenceError, KeyError) as error:
            against.append(f"entry {entry.number}: {getattr(error, 'message', f'lacks {error}')}")
            continue
        if (values["system"], values["environment"], values["release"]) != (system, environment, release):
            continue
        person = trust.person_named(values["person"])
        if person is None:
            against.append(f"entry {entry.number}: {values['person']} is not in trust.yaml any more")
            found.pop(values["assigned_role"], None)
            continue
        found[values["assigned_role"]] = Assignment(
            system,
            environment,
            release,
            values["assigned_role"],
            person.name,
            signer.name,
            str(payload["at"]),
            entry.number,
        )
    return found, against
