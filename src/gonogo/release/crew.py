"""Who plays which part in a release: read from the ledger, and written into it before a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gonogo.errors import EvidenceError, RefusedError, UsageError
from gonogo.evidence.dsse import Envelope
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.ledger import Entry, Ledger
from gonogo.evidence.records import format_time, open_record, read_record
from gonogo.evidence.roles import KIND, assign_role, render_assignment
from gonogo.evidence.trust import Trust
from gonogo.model.release_plan import Role
from gonogo.model.trust import fold_name
from gonogo.sources.suggest import suggest

_FIELDS = ("system", "environment", "release", "assigned_role", "person")


def read_crew(
    entries: Sequence[Entry],
    roles: Mapping[str, Role],
    trust: Trust | None,
    now: datetime,
    *,
    system: str,
    environment: str,
    release: str | None,
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return who plays each part of a release, and a sentence for every record that does not count.

    The last assignments of a role count, as many as the plan wants people. Once there is a trust file only signed ones
    do, and only of people who are in it.
    """
    found: dict[str, list[str]] = {}
    against: list[str] = []
    for entry in entries:
        if entry.kind != KIND:
            continue
        try:
            said = _open(entry, trust, now)
        except EvidenceError as error:
            against.append(f"role of entry {entry.number}: {error.message}")
            continue
        if (said["system"], said["environment"], said["release"]) != (system, environment, release):
            continue
        role, person = said["assigned_role"], said["person"]
        if trust is not None and trust.person_named(person) is None:
            against.append(f"role of entry {entry.number}: {person} is not in trust.yaml any more")
            continue
        names = [one for one in found.get(role, []) if fold_name(one) != fold_name(person)]
        wanted = roles[role].people if role in roles else 1
        found[role] = [*names, person][-wanted:]
    return {role: tuple(names) for role, names in found.items()}, against


def ever_assigned(
    entries: Sequence[Entry], trust: Trust | None, now: datetime, *, system: str, environment: str
) -> dict[str, tuple[str, ...]]:
    """Return everybody who was assigned to each role in an environment, in any release, by records that count."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        if entry.kind != KIND:
            continue
        try:
            said = _open(entry, trust, now)
        except EvidenceError:
            continue
        if (said["system"], said["environment"]) == (system, environment):
            found[said["assigned_role"]] = (*found.get(said["assigned_role"], ()), said["person"])
    return found


def _open(entry: Entry, trust: Trust | None, now: datetime) -> dict[str, str]:
    """Return what an assignment says; raises `EvidenceError` with what speaks against it."""
    content: Any = entry.payload.get("record")
    if entry.payload.get("signed") is False:
        if trust is not None:
            raise EvidenceError("it is not signed, and trust.yaml says whose signature counts")
    else:
        envelope = Envelope.from_json(content)
        content = (
            open_record(envelope, trust, now, kind=KIND)[0] if trust else dict(read_record(envelope, KIND).payload)
        )
    if not isinstance(content, dict) or any(not isinstance(content.get(name), str) for name in _FIELDS):
        raise EvidenceError("it holds no assignment")
    return {name: content[name] for name in _FIELDS}


def find_missing(roles: Mapping[str, Role], crew: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the roles of a plan that fewer people have than it wants, in the order of the plan."""
    return tuple(name for name, role in roles.items() if len(crew.get(name, ())) < role.people)


def parse_assignments(texts: Sequence[str], roles: Mapping[str, Role]) -> dict[str, tuple[str, ...]]:
    """Return the people of roles written like `observer=Ana Ferreira`; raises `UsageError` naming every bad one."""
    found: dict[str, tuple[str, ...]] = {}
    wrong = []
    for text in texts:
        role, separator, person = text.partition("=")
        role, person = role.strip(), " ".join(person.split())
        if not separator or not person:
            wrong.append(f'--role {text!r} is not written like observer="Ana Ferreira"')
        elif role not in roles:
            wrong.append(f"--role {role!r} is no role of the plan; {suggest(role, roles)}")
        else:
            found[role] = (*found.get(role, ()), person)
    if wrong:
        raise UsageError("; ".join(wrong))
    return found


def write_crew(
    ledger: Ledger,
    crew: Mapping[str, Sequence[str]],
    trust: Trust | None,
    key: SigningKey | None,
    now: datetime,
    *,
    system: str,
    environment: str,
    release: str,
) -> None:
    """Enter who plays which part: signed where there is a trust file, by the key of whoever runs.

    Raises `RefusedError` where there is no key to sign with, or a person is not in the trust file.
    """
    for role, people in crew.items():
        for person in people:
            fields = {
                "system": system,
                "environment": environment,
                "release": release,
                "assigned_role": role,
                "person": person,
            }
            if trust is None:
                ledger.append(KIND, {"signed": False, "record": {**fields, "at": format_time(now)}}, now)
            else:
                _sign(ledger, trust, key, fields, now)


def _sign(ledger: Ledger, trust: Trust, key: SigningKey | None, fields: dict[str, str], now: datetime) -> None:
    owner = trust.owner_of(key.public) if key is not None else None
    if key is None or owner is None:
        what = "no key signs" if key is None else f"the key {key.public.keyid} is not in trust.yaml"
        hint = f"Assign the roles with 'gonogo assign {fields['system']} ROLE NAME', signed."
        raise RefusedError(f"[roles-missing] roles are signed here, and {what}", hint)
    roles = owner.identity.roles
    own = "release_driver" if "release_driver" in roles else roles[0]
    words = [fields[name] for name in ("system", "environment", "release", "assigned_role", "person")]
    statement = render_assignment(*words, name=owner.identity.name, own_role=own, now=now)
    assign_role(ledger, trust, key, now, own_role=own, statement=statement, **fields)
