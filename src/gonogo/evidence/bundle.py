"""A bundle on disk: the closed set of its files, what stands beside it, and the facts that approvals bind to."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import rfc8785

from gonogo.errors import EvidenceError

MANIFEST = "manifest.json"
STATEMENT = "statement.dsse.json"
APPROVALS = "approvals"
PLAN = "plan.yaml"
PLANNED = "planned.json"
PLANNED_STATEMENT = "planned.dsse.json"
OUTCOMES = "outcomes.jsonl"
DECISION = "decision.json"
TRIGGERS = "triggers.json"
JUNIT = "junit.xml"
ALLURE = "allure-results"
# Without these there is nothing to sign: an empty folder is no evidence.
REQUIRED = (PLAN, PLANNED, OUTCOMES, DECISION, JUNIT)
SCHEMA = "gonogo/manifest/v1"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the closed set: its path with slashes, size in bytes, SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class BundleFacts:
    """What an approval binds to, from the signed statement and the decision; `decision` is GO, HOLD or NO_GO as sealed.

    `runners` and `deployers` are printed names or keyids of who ran and who deployed the release.
    """

    bundle_id: str
    system: str
    release: str
    environment: str
    kind: str
    stage: str
    decision: str
    manifest_sha256: str
    decided_at: datetime
    runners: tuple[str, ...]
    deployers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in a bundle's folder: regular files of the closed set and of the approvals, and whatever else does."""

    closed: tuple[str, ...]
    approvals: tuple[str, ...]
    strange: tuple[tuple[str, str], ...]


def list_bundle(folder: Path) -> Listing:
    """Return what lies in a folder, without following a link; `strange` pairs a path with what is wrong with it."""
    closed, approvals, strange = [], [], []
    for path, problem in _walk(folder, folder):
        name = path.relative_to(folder).as_posix()
        if problem:
            strange.append((name, problem))
        elif name.startswith(f"{APPROVALS}/"):
            approvals.append(name)
        elif name not in (MANIFEST, STATEMENT):
            closed.append(name)
    return Listing(tuple(sorted(closed)), tuple(sorted(approvals)), tuple(sorted(strange)))


def _walk(folder: Path, root: Path) -> Iterator[tuple[Path, str]]:
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = Path(entry.path)
        problem = name_problem(path.relative_to(root).as_posix())
        if problem:
            yield path, problem
        elif entry.is_symlink():
            yield path, "is a symbolic link; a bundle holds files only"
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk(path, root)
        elif entry.is_file(follow_symlinks=False):
            yield path, ""
        else:
            yield path, "is neither a file nor a folder"


def name_problem(name: str) -> str:
    """Return what is wrong with the name of a file of a bundle, or nothing."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return "has a name that is no text"
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or PurePosixPath(name).as_posix() != name:
        return "has a name that leads elsewhere"
    if any(unicodedata.category(char).startswith("C") for char in name):
        return "has control characters in its name"
    return ""


def find_collisions(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return pairs of names that are one file where case or Unicode form is not told apart."""
    seen: dict[str, str] = {}
    pairs = []
    for name in names:
        folded = unicodedata.normalize("NFKC", name).casefold()
        if folded in seen and seen[folded] != name:
            pairs.append((seen[folded], name))
        seen.setdefault(folded, name)
    return pairs


def digest_file(path: Path) -> tuple[int, str]:
    """Return a regular file's size in bytes and SHA-256 in hex; raises `OSError`, also for a link."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path.name} is no regular file")
        digest, size, buffer = hashlib.sha256(), 0, bytearray(_CHUNK)
        view = memoryview(buffer)
        while count := file.readinto(buffer):
            digest.update(view[:count])
            size += count
    return size, digest.hexdigest()


def digest_files(folder: Path, names: Iterable[str]) -> list[FileEntry]:
    """Return the entries of the files of a closed set, in the order of their paths."""
    return [FileEntry(name, *digest_file(folder / name)) for name in sorted(names)]


def manifest_bytes(entries: Iterable[FileEntry]) -> bytes:
    """Return the manifest of a closed set as RFC 8785 JSON."""
    files = [{"path": one.path, "size": one.size, "sha256": one.sha256} for one in entries]
    return canonical_json({"schema": SCHEMA, "files": sorted(files, key=lambda one: str(one["path"]))})


def parse_manifest(data: bytes) -> list[FileEntry]:
    """Return the entries of a manifest; raises `EvidenceError` for one that this program would not have written."""
    try:
        parsed = strict_json(data)
        entries = [FileEntry(one["path"], one["size"], one["sha256"]) for one in parsed["files"]]
        canonical = manifest_bytes(entries)
    except (ValueError, KeyError, TypeError, RecursionError, rfc8785.CanonicalizationError) as error:
        raise EvidenceError(f"the manifest cannot be read: {type(error).__name__}") from error
    if canonical != data:
        raise EvidenceError("the manifest is not in its canonical form")
    names = [entry.path for entry in entries]
    bad = [name for name in names if name_problem(name) or name in (MANIFEST, STATEMENT) or in_approvals(name)]
    if bad or len(set(names)) != len(names):
        raise EvidenceError(f"the manifest lists what cannot be in a closed set: {sorted(set(bad)) or 'a path twice'}")
    return entries


def in_approvals(name: str) -> bool:
    """Return whether a path lies beside the closed set, in the folder of the approvals."""
    return name.startswith(f"{APPROVALS}/")


def canonical_json(value: Any) -> bytes:
    """Return RFC 8785 JSON; raises `rfc8785.CanonicalizationError` for what it cannot hold."""
    return rfc8785.dumps(value)


def strict_json(data: bytes | str) -> Any:
    """Return parsed JSON; raises `ValueError` for a key that stands twice, NaN and Infinity, and what is not UTF-8."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            raise ValueError("a key stands twice")
        return found

    def constant(name: str) -> Any:
        raise ValueError(f"{name} is no JSON")

    text = data.decode("utf-8") if isinstance(data, bytes) else data
    return json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
