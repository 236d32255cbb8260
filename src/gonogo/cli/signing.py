"""What the signing commands share: which bundle, which trust file, which key, and the question before signing."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gonogo.errors import EvidenceError, RefusedError, SigningKeyError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from gonogo.evidence.desk import Signed, Subject
    from gonogo.evidence.keys import SigningKey
    from gonogo.evidence.ledger import Entry, Ledger
    from gonogo.evidence.trust import Trust
    from gonogo.sources.project import Project

_NUMBERED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)#([1-9][0-9]{0,8})")


def find_project() -> Project | None:
    """Return the project that the working directory lies in, or None: bundles can be signed anywhere."""
    from gonogo.sources.project import Project

    try:
        return Project.from_path(Path.cwd())
    except UsageError:
        return None


def require_trust(path: Path | None, root: str | None, project: Project | None, now: datetime) -> Trust:
    """Return the trust file that was named, or the project's; raises `UsageError` where there is none."""
    from gonogo.evidence.trust import find_root, load_trust

    if path is None:
        path = project.root / "trust.yaml" if project else Path("trust.yaml")
        if not path.is_file():
            raise UsageError("there is no trust.yaml to say who may sign", "Name it with --trust, or write one.")
    return load_trust(path, now=now, root=find_root(root, os.environ, project.trust_root if project else None))


def require_key(name: str | None) -> SigningKey:
    """Return the key that signs; raises `SigningKeyError` where none is configured."""
    from gonogo.evidence.keys import find_signing_key

    key = find_signing_key(name, os.environ)
    if key is None:
        raise SigningKeyError("there is no key to sign with", 'Make one: gonogo keys new --name "Printed Name"')
    return key


def choose_role(role: str | None, trust: Trust, key: SigningKey) -> str:
    """Return the role that was named, or the signer's only one; raises `UsageError` where there are several."""
    if role is not None:
        return role
    owner = trust.owner_of(key.public)
    if owner is None:
        raise RefusedError(f"the key {key.public.keyid} is not in trust.yaml", "Nothing was signed.")
    if len(owner.identity.roles) != 1:
        raise UsageError(f"name a role with --role: {', '.join(owner.identity.roles)}")
    return owner.identity.roles[0]


def find_subject(text: str, project: Project | None, trust: Trust, now: datetime) -> Subject:
    """Return the bundle of a folder, of SYSTEM#NUMBER, or of a run's id, verified."""
    from gonogo.evidence.bundle import MANIFEST
    from gonogo.evidence.desk import load_ledger_subject, load_subject
    from gonogo.evidence.statement import read_facts

    path = Path(text)
    if path.is_dir():
        ledger = _open_ledger(project, read_facts(path).system)
        if ledger is None:
            sys.stderr.write("There is no ledger here; the record will lie beside the bundle only.\n")
        return load_subject(path, ledger, trust, now)
    if path.suffix == ".zip" or path.is_file():
        raise UsageError(f"{text} is a file; a record is written beside the files of a bundle", "Unpack it first.")
    if project is None:
        raise UsageError(f"{text!r} is no folder here", "Inside a project, SYSTEM#NUMBER and run ids are looked up.")
    ledger, entry = _find_entry(text, project)
    folder = project.root / "evidence" / ledger.system / Path(str(entry.payload.get("folder", "-"))).name
    if (folder / MANIFEST).is_file():
        subject = load_subject(folder, ledger, trust, now)
        if subject.facts.manifest_sha256 != entry.payload.get("manifest_sha256"):
            raise EvidenceError(f"{folder} was sealed anew since entry {entry.number} of the ledger")
        return subject
    sys.stderr.write(f"The files are not here ({folder}); you sign what the ledger's signed statement says.\n")
    return load_ledger_subject(entry, ledger, trust, now)


def _open_ledger(project: Project | None, system: str) -> Ledger | None:
    from gonogo.evidence.ledger import ledger_location, open_ledger

    if project is None and "GONOGO_LEDGER" not in os.environ:
        return None
    root = project.root if project else Path.cwd()
    return open_ledger(ledger_location(root, os.environ, project.ledger if project else None), system)


def _find_entry(text: str, project: Project) -> tuple[Ledger, Entry]:
    """Return the ledger and the entry by which a bundle was sealed."""
    from gonogo.sources.suggest import suggest

    match = _NUMBERED.fullmatch(text)
    if match and match[1] not in project.systems:
        raise UsageError(f"system {match[1]!r} is not here; {suggest(match[1], project.systems)}")
    for system in [match[1]] if match else project.systems:
        ledger = _open_ledger(project, system)
        entries = ledger.entries() if ledger else []
        if ledger is None:
            continue
        key, wanted = "run", text
        if match:
            if int(match[2]) > len(entries):
                raise UsageError(f"the ledger of {system} ends with entry {len(entries)}")
            key, wanted = "manifest_sha256", str(entries[int(match[2]) - 1].payload.get("manifest_sha256"))
        sealed = [one for one in entries if one.kind == "seal" and one.payload.get(key) == wanted]
        if sealed:
            return ledger, sealed[-1]
        if match:
            raise UsageError(f"entry {text} is of no sealed bundle", "'gonogo history' lists what is.")
    raise UsageError(f"{text!r} is no folder here and no run of a ledger", "'gonogo history SYSTEM' lists the runs.")


def confirm(statement: str, *, yes: bool) -> None:
    """Show exactly what will be signed and ask; raises `RefusedError` for anything but a typed yes."""
    sys.stderr.write(f"{statement}\n\n")
    if yes:
        return
    if not sys.stdin.isatty():
        raise RefusedError("nobody is there to be asked", "Read the statement, then give --yes.")
    sys.stderr.write("Type yes to sign this: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "yes":
        raise RefusedError("nothing was signed")


def print_signed(subject: Subject, signed: Signed, name: str, trust: Trust, now: datetime, *, as_json: bool) -> None:
    """Print where a record went and what its bundle still lacks to be approved."""
    import json
    from dataclasses import replace

    from gonogo.cli.output import print_line
    from gonogo.evidence.approval import judge_approvals
    from gonogo.evidence.verify.result import Terms, verify_bundle

    facts = subject.facts
    if subject.folder is not None:
        result = verify_bundle(subject.folder, Terms(now, trust=trust))
        decision = result.decision.verb.value if result.decision else facts.decision
        state = result.approvals or judge_approvals([], facts, trust, now)
    else:
        decision = facts.decision
        state = judge_approvals([*subject.files, signed.parsed], replace(facts, decision=decision), trust, now)
    entry = f"{facts.system}#{signed.entry}" if signed.entry else None
    if as_json:
        shown = {
            "schema": "gonogo/signed/v1",
            "kind": signed.kind,
            "name": name,
            "digest": signed.parsed.digest,
            "file": str(signed.file) if signed.file else None,
            "entry": entry,
            "decision": decision,
            "approved": state.approved,
            "missing": list(state.reasons),
        }
        print_line(json.dumps(shown, ensure_ascii=False, indent=1))
        return
    places = [place for place in (str(signed.file) if signed.file else "", f"ledger {entry}" if entry else "") if place]
    print_line(f"Signed: {signed.kind} of {name}; {', '.join(places)}")
    print_line(f"{decision}: {'approved' if state.approved else 'not approved'}")
    for reason in state.reasons:
        print_line(f"  {reason}")
