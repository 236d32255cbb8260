"""The page of a bundle: its files read as they lie there, rendered, and written before sealing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gonogo.errors import EvidenceError
from gonogo.evidence.approval_folder import read_record_files
from gonogo.evidence.approval_record import ApprovalRecord, RecordFile
from gonogo.evidence.bundle import DECISION, MANIFEST, PLAN, PLANNED, digest_file, list_bundle, parse_manifest
from gonogo.evidence.records import format_time
from gonogo.evidence.verify.closed_set import check_closed_set
from gonogo.evidence.verify.faults import Fault
from gonogo.evidence.verify.signature import check_planned, check_statement, check_statement_agrees
from gonogo.evidence.verify.story import read_story
from gonogo.reports.html.build import build_page
from gonogo.reports.html.files import BundleFiles
from gonogo.reports.html.page import Page, RecordRow, SealState, build_summary
from gonogo.reports.html.render import render_page
from gonogo.reports.visible import show_line, show_text
from gonogo.sources.yaml_file import read_yaml

PAGE = "report.html"
SUMMARY = "summary.json"
# What other activities leave beside the decision; a file that is not there has no section.
DOCUMENTS = (
    "gates.json",
    "triggers.json",
    "load.json",
    "watch.json",
    "rollback.json",
    "drill.json",
    "gathered.json",
    "canary.json",
    "metrics.json",
)
_LARGEST = 256 << 20
_UNREADABLE = (OSError, ValueError, RecursionError)


def write_pages(folder: Path) -> None:
    """Write the page of a bundle that is about to be sealed, and the figures that the page counts itself.

    Raises `EvidenceError` where the decision or the planned set cannot be read.
    """
    page = build_page(read_files(folder))
    summary = json.dumps(build_summary(page), ensure_ascii=False, indent=1) + "\n"
    (folder / SUMMARY).write_text(summary, "utf-8")
    (folder / PAGE).write_bytes(render_page(page).encode("utf-8"))


def read_page(folder: Path) -> Page:
    """Return the data of a sealed bundle's page, with its digests, its approvals and whether its files hold.

    Raises `EvidenceError` where the decision or the planned set cannot be read.
    """
    return build_page(read_files(folder, check_seal(folder)))


def read_files(folder: Path, seal: SealState | None = None) -> BundleFiles:
    """Return the parsed files of a bundle; raises `EvidenceError` where decision or planned set cannot be read."""
    unread: list[str] = []
    documents = {name: data for name in DOCUMENTS if (data := _read_document(folder / name, unread)) is not None}
    return BundleFiles(
        _require(folder, DECISION),
        _require(folder, PLANNED),
        _read_plan(folder, unread),
        documents,
        _read_pictures(folder, unread),
        _read_next_command(folder),
        tuple(unread),
        seal,
    )


def _require(folder: Path, name: str) -> Mapping[str, Any]:
    try:
        data = _read_json(folder / name)
    except _UNREADABLE as error:
        raise EvidenceError(
            f"{folder} has no {name} that can be read ({type(error).__name__}), so there is nothing to show",
            "'gonogo verify' names every fault.",
        ) from error
    if not isinstance(data, dict):
        raise EvidenceError(f"{folder / name} is no JSON object, so there is nothing to show")
    return data


def _read_json(path: Path) -> Any:
    if path.is_symlink() or path.stat().st_size > _LARGEST:
        raise ValueError("no regular file of a size that can be shown")
    return json.loads(path.read_bytes())


def _read_document(path: Path, unread: list[str]) -> Mapping[str, Any] | None:
    if not path.exists() and not path.is_symlink():
        return None
    try:
        data = _read_json(path)
    except _UNREADABLE as error:
        unread.append(f"{path.name} cannot be read: {type(error).__name__}")
        return None
    if isinstance(data, dict):
        return data
    unread.append(f"{path.name} is no JSON object")
    return None


def _read_plan(folder: Path, unread: list[str]) -> Mapping[str, Any]:
    if not (folder / PLAN).is_file():
        unread.append(f"{PLAN} is not there")
        return {}
    file = read_yaml(folder / PLAN, PLAN)
    if file.problems or not isinstance(file.data, dict):
        unread.append(f"{PLAN} cannot be read: {file.problems[0] if file.problems else 'it is no mapping'}")
    return file.data if isinstance(file.data, dict) else {}


def _read_pictures(folder: Path, unread: list[str]) -> dict[str, str]:
    found = {}
    for path in sorted([*folder.glob("*.svg"), *folder.glob("*/*.svg")]):
        name = path.relative_to(folder).as_posix()
        try:
            if path.is_symlink() or path.stat().st_size > _LARGEST:
                raise ValueError("no regular file of a size that can be shown")
            found[name] = path.read_text("utf-8")
        except _UNREADABLE as error:
            unread.append(f"{show_line(name)} cannot be read: {type(error).__name__}")
    return found


def _read_next_command(folder: Path) -> str:
    """Return the command of the decision page: bundles of before kept it nowhere else."""
    try:
        text = (folder / "decision.md").read_text("utf-8", "replace")
    except OSError:
        return ""
    found = re.search(r"(?m)^## Next\n\n {4}(.+)$", text)
    return found[1] if found else ""


def check_seal(folder: Path) -> SealState:
    """Return what holds of a bundle as it lies there: closed set, signatures, one story. It asks no clock.

    Whether the evidence is fresh, its signer trusted and its approvals enough is for `gonogo verify`.
    """
    listing = list_bundle(folder)
    entries = []
    faults: list[Fault] = []
    try:
        entries = parse_manifest((folder / MANIFEST).read_bytes())
        faults += check_closed_set(folder, listing, entries)
    except OSError:
        faults.append(Fault("closed-set/missing", MANIFEST, "is not there: the bundle was never sealed."))
    except EvidenceError as error:
        faults.append(Fault("closed-set/manifest", MANIFEST, f"{error.message}."))
    signed, found = check_statement(folder)
    faults += [one for one in found if one.rule != "signature/unsigned"]
    story, found = read_story(folder)
    faults += found
    if signed is not None:
        faults += check_planned(folder, signed)
        faults += check_statement_agrees(signed, story.record) if story is not None else []
    records = read_record_files(folder)
    signer = signed.key.keyid if signed is not None else "UNSIGNED"
    sentence = _describe(faults, signer)
    digest = signed.facts.manifest_sha256 if signed is not None and not faults else _digest(folder)
    shown = tuple(show_line(str(f"{one.rule}  {one.file}: {one.detail}")) for one in sorted(set(faults)))
    files = tuple((one.path, one.size, one.sha256) for one in entries)
    return SealState(sentence, not faults, shown, signer, digest, files, tuple(map(_record, records)))


def _describe(faults: list[Fault], signer: str) -> str:
    if faults:
        return "This bundle does not verify; nothing below can be relied on."
    if signer == "UNSIGNED":
        return "Every file is as the manifest lists it; nobody has signed it."
    return "Every file is as it was sealed and signed."


def _digest(folder: Path) -> str:
    try:
        return digest_file(folder / MANIFEST)[1]
    except OSError:
        return ""


def _record(file: RecordFile) -> RecordRow:
    record = file.record
    if record is None:
        return RecordRow(show_line(file.name), file.kind, fault=show_line(file.fault))
    if isinstance(record, ApprovalRecord):
        meaning, decision, comment = record.meaning.value, record.decision.replace("_", "-"), record.comment
    else:
        meaning, decision, comment = f"waiver of {record.check} ({record.outcome})", "", record.reason
    return RecordRow(
        file.name,
        file.kind,
        show_line(record.name),
        show_line(record.role),
        format_time(record.at),
        show_line(meaning),
        decision,
        show_line(comment),
        format_time(record.expires) if record.expires else "",
        show_text(record.statement),
        file.signed.key.keyid if file.signed else "",
    )
