"""A person answers for an item: what is asked of them, what is refused, and the record that is kept."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gonogo.errors import RefusedError, UsageError
from gonogo.evidence.attachments import attachments_folder, store_attachment
from gonogo.evidence.attestations import append_attestation
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.ledger import Entry, ledger_location, open_ledger
from gonogo.evidence.trust import Trust
from gonogo.model.attestation import Attestation, Result, explain_refusal
from gonogo.model.binding import BoundItem
from gonogo.model.trust import fold_name
from gonogo.sources.project import Project, System
from gonogo.sources.suggest import suggest


@dataclass(frozen=True, slots=True)
class Place:
    """What an answer holds for: an environment, a release, and the build of it."""

    environment: str
    release: str
    build: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody says about one item; `evidence` holds files, and links that begin with http:// or https://."""

    result: Result
    name: str
    role: str
    note: str = ""
    evidence: Sequence[str] = field(default_factory=tuple)


def find_item(system: System, text: str) -> BoundItem:
    """Return the item of an id, with or without the prefix of its list; raises `UsageError` where it is not one."""
    items = [item for one in system.checklists.values() for item in one.items]
    found = [item for item in items if item.id == text] or [item for item in items if item.item.id == text]
    if len(found) > 1:
        raise UsageError(f"{text!r} is {' and '.join(item.id for item in found)}", "Name one of them in full.")
    if not found:
        raise UsageError(f"item {text!r} is in no list of the plan; {suggest(text, [item.id for item in items])}")
    return found[0]


def find_place(
    project: Project, system: System, environment: str | None, release: str | None, build: str | None
) -> Place:
    """Return what an answer holds for; what was not named comes from the last run here."""
    runs = read_decisions(project, system.name) if environment is None or release is None else iter(())
    last = next((one for one in runs if environment in (None, one.get("environment"))), {})
    environment = environment or str(last.get("environment") or "")
    if not environment:
        raise UsageError("for which environment is this?", "Name it with --env.")
    if environment not in system.environments.environments:
        known = suggest(environment, system.environments.environments)
        raise UsageError(f"environment {environment!r} is not here; {known}")
    if release is None:
        build_seen = last.get("build")
        release = str(last.get("release") or (build_seen or {}).get("before") or "")
    if not release:
        raise UsageError("for which release is this?", "Name it with --release.")
    return Place(environment, release, build or release)


def read_decisions(project: Project, system: str) -> Iterator[dict[str, Any]]:
    """Yield the decisions of the runs that lie here, newest first; files that cannot be read are passed over."""
    folder = project.root / "evidence" / system
    for path in sorted(folder.glob("*/decision.json"), reverse=True) if folder.is_dir() else []:
        try:
            found = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def explain_person(trust: Trust | None, key: SigningKey | None, answer: Answer) -> None:
    """Raise `RefusedError` where the trust file does not let this person answer in this role by this key."""
    if trust is None:
        return
    owner = trust.owner_of(key.public) if key is not None else None
    if owner is None:
        raise RefusedError("trust.yaml does not know the key that would sign", "Nothing was recorded.")
    if fold_name(owner.identity.name) != fold_name(answer.name):
        what = f"the key is {owner.identity.name}'s, and you answer as {answer.name}"
        raise RefusedError(what, "Everybody answers in their own name.")
    if answer.role not in owner.identity.roles:
        roles = ", ".join(owner.identity.roles)
        raise RefusedError(f"{answer.name} does not have the role {answer.role} in trust.yaml; roles: {roles}")


def record_answer(
    project: Project,
    system: System,
    item: BoundItem,
    answer: Answer,
    place: Place,
    *,
    trust: Trust | None,
    key: SigningKey | None,
    now: datetime,
) -> tuple[Attestation, Entry]:
    """Copy the evidence, sign the answer once there is a trust file, and append it to the ledger.

    Raises `RefusedError` with every reason why it could not count, before anything is kept but copies of files.
    """
    if item.manual is None:
        who = item.not_asked or "a run answers for it"
        raise RefusedError(f"{item.id} is not for a person: {who}", "Run the stage: gonogo run.")
    if not answer.name.strip() or not answer.role.strip():
        raise UsageError("an answer needs a printed name and a role", "Name them with --by and --role.")
    if answer.result is not Result.PASSED and not answer.note.strip():
        raise UsageError(f"an item that is {answer.result.value} needs a note: what did you see?")
    explain_person(trust, key, answer)
    links = [text for text in answer.evidence if "://" in text]
    for link in links:
        _check_link(link)
    folder = attachments_folder(project.root, system.name)
    files = tuple(store_attachment(Path(text), folder) for text in answer.evidence if "://" not in text)
    attestation = Attestation(
        0,
        item.id,
        item.item.digest,
        answer.result,
        answer.name.strip(),
        answer.role,
        now.replace(microsecond=0),
        place.release,
        place.build,
        place.environment,
        answer.note.strip(),
        tuple(links),
        files,
        trust is not None,
    )
    owner = trust.owner_of(key.public) if trust is not None and key is not None else None
    against = explain_refusal(
        item,
        replace(attestation, by_machine=owner is not None and owner.is_machine),
        releases={place.release},
        environment=place.environment,
        needs_signature=trust is not None,
        now=now,
    )
    if against:
        raise RefusedError(f"{item.id}: {'; '.join(against)}", "Nothing was recorded.")
    ledger = open_ledger(ledger_location(project.root, os.environ, project.ledger), system.name)
    return attestation, append_attestation(ledger, item, attestation, key if trust is not None else None, now)


def _check_link(link: str) -> None:
    """Raise `UsageError` for a link that leads to a file of this machine, or nowhere."""
    try:
        parts = urlsplit(link)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and link.isprintable() and " " not in link
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(f"{link!r} is no link that others can open; allowed: http://…, https://…", "Attach the file.")
