"""The last decision of a stage as it counts now: its bundle verified, its approvals judged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gonogo.errors import EvidenceError
from gonogo.evidence.approval import ApprovalState, judge_approvals
from gonogo.evidence.approval_folder import KINDS, read_record_files
from gonogo.evidence.approval_record import Meaning, RecordFile, file_name, parse_record_file
from gonogo.evidence.bundle import DECISION, MANIFEST, BundleFacts, digest_file
from gonogo.evidence.carried import GATHERED
from gonogo.evidence.desk import read_statement
from gonogo.evidence.dsse import Envelope
from gonogo.evidence.ledger.entries import Entry
from gonogo.evidence.trust import Trust
from gonogo.evidence.verify.result import Terms, verify_bundle
from gonogo.model.outcome import Outcome, worst
from gonogo.model.plan import Stage
from gonogo.model.trust import Requirement, assign_people
from gonogo.release.recorded import Recorded
from gonogo.release.standing import Decided

# How old evidence may be is judged by what it rests on, not by when its files were decided over.
ANY_AGE = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class Material:
    """What is known of a stage's last decision before anybody judges whether it may count.

    `facts` are None where nothing signed says what it binds to.
    """

    decided: Decided
    facts: BundleFacts | None
    files: tuple[RecordFile, ...]

    def approval(self, trust: Trust | None, at: datetime, earlier: bool | None) -> ApprovalState | None:
        """Return whether it was approved at a time, None where there is nothing that could be."""
        if self.facts is None:
            return None
        return judge_approvals(self.files, self.facts, trust, at, earlier_approved=earlier)


def read_material(
    root: Path, recorded: Recorded, entries: Sequence[Entry], trust: Trust | None, now: datetime, oldest: datetime
) -> Material:
    """Return the decision that a stage bundle holds, from its folder where that is here, else from the ledger.

    `oldest` is the time of the oldest evidence before it, for a bundle whose files are not here.
    """
    folder = root / recorded.folder if recorded.folder else None
    decided = Decided(
        recorded.run,
        recorded.entry,
        recorded.at,
        oldest,
        recorded.decision,
        recorded.build,
        recorded.signed,
        outcomes={},
    )
    if folder is not None and (folder / MANIFEST).is_file():
        return _from_folder(folder, recorded, entries, trust, now, decided)
    return _from_ledger(recorded, entries, trust, now, decided)


def _from_folder(
    folder: Path, recorded: Recorded, entries: Sequence[Entry], trust: Trust | None, now: datetime, decided: Decided
) -> Material:
    result = verify_bundle(folder, Terms(now, trust=trust, max_age=ANY_AGE, allow_unsigned=not recorded.signed))
    faults = [f"{one.file}: {one.detail}" for one in result.faults]
    if digest_file(folder / MANIFEST)[1] != recorded.manifest_sha256:
        faults.append(f"{MANIFEST}: is not the one that entry {recorded.entry} of the ledger names.")
    record, more = _read_object(folder / DECISION), _read_object(folder / GATHERED)
    verb = result.decision.verb.value if result.decision else recorded.decision
    decided = replace(
        decided,
        at=_moment(record.get("finished")) or decided.at,
        since=_moment(more.get("evidence_from")) or decided.since,
        verb=verb,
        counts=record.get("counts_for_stage") is True,
        faults=tuple(faults),
        deciding=tuple(result.decision.deciding) if result.decision else (),
        outcomes=_worst_by_case((str(one["case"]), str(one["outcome"])) for one in record.get("checks", [])),
        folder=str(folder),
    )
    facts = replace(result.facts, decision=verb) if result.facts else None
    files = read_record_files(folder)
    there = _ledger_records(recorded, entries)
    # Records that were signed elsewhere are in the ledger before they are beside the files.
    return Material(decided, facts, tuple(there if len(there) > len(files) else files))


def _from_ledger(
    recorded: Recorded, entries: Sequence[Entry], trust: Trust | None, now: datetime, decided: Decided
) -> Material:
    entry = entries[recorded.entry - 1]
    if not recorded.signed or trust is None:
        return Material(replace(decided, faults=("its files are not here, and nothing signed tells of it",)), None, ())
    try:
        facts = read_statement(entry, trust, now)
        files = tuple(_ledger_records(recorded, entries))
    except EvidenceError as error:
        return Material(replace(decided, faults=(error.message,)), None, ())
    predicate = _statement(entry)
    outcomes = [(name, Outcome.PASSED.name) for name in predicate.get("passedTests", [])]
    outcomes += [(name, Outcome.WARNED.name) for name in predicate.get("warnedTests", [])]
    outcomes += [(name, Outcome.NOT_RUN.name) for name in predicate.get("failedTests", [])]
    decided = replace(
        decided,
        at=facts.decided_at,
        verb=facts.decision,
        counts=predicate.get("gonogo", {}).get("countsForStage") is True,
        outcomes=_worst_by_case((str(name).split("/", 1)[0], outcome) for name, outcome in outcomes),
    )
    return Material(decided, facts, files)


def _statement(entry: Entry) -> dict[str, Any]:
    """Return the predicate of an entry's statement, whose signature was checked before."""
    payload: Any = json.loads(Envelope.from_json(entry.payload.get("statement")).payload)
    return dict(payload["predicate"])


def _ledger_records(recorded: Recorded, entries: Sequence[Entry]) -> list[RecordFile]:
    """Return the records that the ledger holds of a bundle, in their order."""
    found: list[RecordFile] = []
    for entry in entries:
        if entry.kind in KINDS and entry.payload.get("manifest_sha256") == recorded.manifest_sha256:
            name = f"approvals/{file_name(len(found) + 1, entry.kind)}"
            try:
                found.append(parse_record_file(name, Envelope.from_json(entry.payload.get("record")).to_bytes()))
            except EvidenceError as error:
                found.append(RecordFile(name, len(found) + 1, entry.kind, fault=error.message))
    return found


def judge_material(
    material: Material, stage: Stage, trust: Trust | None, now: datetime, *, earlier: bool | None
) -> Decided:
    """Return a decision with who approved it and what keeps it from being approved."""
    state = material.approval(trust, now, earlier)
    if state is None:
        return replace(material.decided, wanting=("nothing signed can be approved",))
    people = [one for one in state.records if one.valid and one.kind == Meaning.APPROVAL.value]
    wanting = [*state.reasons, *_missing_by_plan(stage, [(one.person, one.role) for one in people])]
    names = tuple(dict.fromkeys(f"{one.name} ({one.role})" for one in people))
    return replace(material.decided, wanting=tuple(wanting), approved_by=names)


def _missing_by_plan(stage: Stage, people: Sequence[tuple[str, str]]) -> list[str]:
    """Return what the plan asks of approvals and nobody gave, whatever the trust file asks."""
    requirements = [Requirement(roles=(one.role,), count=one.people) for one in stage.approvals]
    roles: dict[str, set[str]] = {}
    for person, role in people:
        roles.setdefault(person, set()).add(role)
    met = assign_people(requirements, roles)
    return [
        f"the plan wants {one.count} of {one.roles[0]}; {one.count - len(names)} missing"
        for one, names in zip(requirements, met, strict=True)
        if len(names) < one.count
    ]


def _worst_by_case(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    cases: dict[str, list[Outcome]] = {}
    for case, outcome in pairs:
        cases.setdefault(case, []).append(Outcome[outcome] if outcome in Outcome.__members__ else Outcome.ERROR)
    return {case: worst(found).name for case, found in cases.items()}


def _read_object(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
