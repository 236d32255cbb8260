"""Waivers that a stage's decision carries from the bundles that it gathered, inside its closed set."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from gonogo.evidence.approval import explain_own, keyids_of
from gonogo.evidence.approval_record import RecordFile, WaiverRecord, file_name, parse_record_file
from gonogo.evidence.bundle import BundleFacts, strict_json
from gonogo.evidence.dsse import Envelope
from gonogo.evidence.records import judge_signer
from gonogo.evidence.trust import Trust
from gonogo.evidence.waiver import waiver_of
from gonogo.model.waiver import Waiver, WaiverPlace, WaiverScope, in_force

GATHERED = "gathered.json"
FOLDER = "waivers"


def carry_waivers(folder: Path, envelopes: Iterable[Envelope]) -> list[WaiverRecord]:
    """Write the waivers among signed records into a bundle that is not sealed yet, each once; returns them."""
    carried: dict[str, tuple[WaiverRecord, bytes]] = {}
    for envelope in envelopes:
        data = envelope.to_bytes()
        file = parse_record_file(file_name(1, "waiver"), data)
        if isinstance(file.record, WaiverRecord):
            carried.setdefault(file.digest, (file.record, data))
    for number, (_, data) in enumerate(carried.values(), 1):
        (folder / FOLDER).mkdir(exist_ok=True)
        (folder / FOLDER / file_name(number, "waiver")).write_bytes(data)
    return [record for record, _ in carried.values()]


def carried_waivers(folder: Path, facts: BundleFacts, trust: Trust | None, now: datetime) -> tuple[Waiver, ...]:
    """Return the waivers in a stage's bundle that are in force for its decision.

    One that was signed for a single bundle counts only where every gathered bundle in which the check failed or warned
    is waived so. Who may waive, and for how long, is judged as for one beside the bundle.
    """
    beside = folder / FOLDER
    if trust is None or not beside.is_dir():
        return ()
    failed = _failed_in(folder)
    files = [parse_record_file(path.name, path.read_bytes()) for path in sorted(beside.iterdir())]
    waivers = [
        waiver_of(file.record, file.digest)
        for file in files
        if isinstance(file.record, WaiverRecord) and not _explain(file, file.record, facts, trust, now)
    ]
    manifests = tuple({manifest for bundles in failed.values() for manifest in bundles})
    place = WaiverPlace(facts.system, facts.stage, facts.environment, facts.release, manifests)
    counting = in_force(waivers, place, now)
    covered: dict[str, set[str]] = {}
    for one in counting:
        covered.setdefault(one.check, set()).add(one.manifest_sha256)
    return tuple(
        one
        for one in counting
        if one.scope is WaiverScope.RELEASE or failed.get(one.check, set()) <= covered[one.check]
    )


def _failed_in(folder: Path) -> dict[str, set[str]]:
    """Return for each check the manifests of the gathered bundles in which it failed or warned."""
    found: dict[str, set[str]] = {}
    try:
        told: Any = strict_json((folder / GATHERED).read_bytes())
        for bundle in told["bundles"]:
            for check in bundle["failed"]:
                found.setdefault(str(check), set()).add(str(bundle["manifest_sha256"]))
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found


def _explain(file: RecordFile, record: WaiverRecord, facts: BundleFacts, trust: Trust, now: datetime) -> list[str]:
    """Return what speaks against a carried waiver."""
    if file.signed is None:
        return ["it is not signed"]
    ours = (facts.system, facts.stage, facts.environment, facts.release)
    signer = judge_signer(file.signed, trust, now)
    rule = trust.rule_for(facts.system, facts.stage, facts.environment)
    own = explain_own(record.name, [file.signed.key.keyid, *keyids_of(signer.person)], facts)
    against = [*signer.faults, *signer.reasons, *([own] if own else [])]
    if (record.system, record.stage, record.environment, record.release) != ours:
        against.append("it is of another release, stage or environment")
    if record.policy_sha256 != trust.sha256:
        against.append("it was signed under another trust file")
    if rule is None or record.role not in rule.waivers:
        against.append(f"the role {record.role} may not waive here")
    return against
