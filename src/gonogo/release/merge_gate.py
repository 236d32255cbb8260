"""Which gates a change has to pass, by whose thresholds, and what they came to."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pathspec import GitIgnoreSpec

from gonogo.errors import EXIT_GO, EXIT_HOLD, EXIT_NO_GO, UsageError
from gonogo.evidence.ledger.location import VARIABLE, ledger_location
from gonogo.model.ci import GOVERNED, MergeGate, MergeGates
from gonogo.release.changes import Change, list_files, list_files_at, read_change, read_file_at
from gonogo.run.orchestrate import new_run_id
from gonogo.sources.ci_file import CI_FILE, require_merge_gates
from gonogo.sources.project import Project
from gonogo.sources.suggest import suggest

SCHEMA = "gonogo/ci/1"
DRIFT = "CI-FEATURES"
_VERBS = {EXIT_GO: "GO", EXIT_NO_GO: "NO_GO", EXIT_HOLD: "HOLD"}


@dataclass(frozen=True, slots=True)
class Pick:
    """A gate with the reasons for which it runs; none of them means that it does not."""

    gate: MergeGate
    why: tuple[str, ...]


def pick_gates(gates: MergeGates, change: Change) -> list[Pick]:
    """Return every gate with why it runs; pure.

    All run where the change is not known, where nothing differs, and for a file that neither a gate nor `ignore` names:
    what nobody thought of is no reason to verify less.
    """
    if change.base is None:
        return [Pick(gate, (change.why,)) for gate in gates.gates]
    if not change.files:
        return [Pick(gate, ("no file differs from the base, which says nothing",)) for gate in gates.gates]
    matchers = {gate.id: GitIgnoreSpec.from_lines(gate.on) for gate in gates.gates}
    ignored = GitIgnoreSpec.from_lines(gates.ignore)
    known = {name for name in change.files if any(one.match_file(name) for one in matchers.values())}
    unknown = [name for name in change.files if name not in known and not ignored.match_file(name)]
    picks = []
    for gate in gates.gates:
        touched = [name for name in change.files if matchers[gate.id].match_file(name)]
        why = [*touched, *(f"{name} (no gate names it)" for name in unknown)]
        picks.append(Pick(gate, tuple(why)))
    return picks


def governed_of(gates: MergeGates, names: Sequence[str]) -> list[str]:
    """Return the files among `names` that say what is judged or who may say so; pure."""
    matcher = GitIgnoreSpec.from_lines([*GOVERNED, *gates.governed])
    return [name for name in names if matcher.match_file(name)]


def digest_governed(root: Path, names: Sequence[str]) -> str:
    """Return the SHA-256 over the governed files as they are now: what a sign-off is for."""
    digest = hashlib.sha256()
    for name in sorted(names):
        path = root / name
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "removed"
        digest.update(f"{name}\0{content}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class GateRun:
    """What a gate came to: the exit code of its command, its decision where it has one, and where its files lie."""

    id: str
    command: str
    exit_code: int
    seconds: float
    why: tuple[str, ...]
    folder: str = ""
    record: dict[str, Any] | None = None
    problem: str = ""

    @property
    def decision(self) -> str:
        """Return GO, NO_GO or HOLD, or ERROR where the command could not decide."""
        return _VERBS.get(self.exit_code, "ERROR")

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON data."""
        return {
            "id": self.id,
            "decision": self.decision,
            "exit_code": self.exit_code,
            "command": self.command,
            "why": list(self.why),
            "folder": self.folder,
            "deciding": list((self.record or {}).get("deciding", [])),
            "problem": self.problem,
        }


def combine_codes(codes: Sequence[int]) -> int:
    """Return the exit code of all gates: NO-GO before what could not decide, that before HOLD; pure."""
    if EXIT_NO_GO in codes:
        return EXIT_NO_GO
    broken = [code for code in codes if code not in _VERBS]
    if broken or not codes:
        return broken[0] if broken else EXIT_HOLD
    return EXIT_HOLD if EXIT_HOLD in codes else EXIT_GO


def run_gates(
    project: Project, system: str, picks: Sequence[Pick], out: Path, tree: Path, tell: Callable[[str], None]
) -> list[GateRun]:
    """Run the picked gates in `tree`, and the comparison of features with their sources in the project itself."""
    drift = ("everything that is merged",)
    runs = [_run(project.root, project, DRIFT, ["compile", system, "--check"], drift, None, tell)]
    for pick in picks:
        if not pick.why:
            continue
        folder = out / pick.gate.id
        words = _words(pick.gate, system, folder)
        runs.append(_run(tree, project, pick.gate.id, words, pick.why, folder, tell))
    return runs


def _words(gate: MergeGate, system: str, folder: Path) -> list[str]:
    if gate.run == "smoke":
        words = ["run", system, "--stage", gate.stage or "", "--env", gate.env]
    else:
        words = ["gate", "regression", "--system", system, "--env", gate.env]
    return [*words, "--out", str(folder), "--format", "json"]


def _run(
    tree: Path,
    project: Project,
    name: str,
    words: Sequence[str],
    why: tuple[str, ...],
    folder: Path | None,
    tell: Callable[[str], None],
) -> GateRun:
    shown = " ".join(["gonogo", *(word for word in words if word != str(folder))]).replace(" --out", "")
    tell(f"{name}: {shown}")
    started = time.monotonic()
    environ = {**os.environ, VARIABLE: ledger_location(project.root, os.environ, project.ledger)}
    # The gates inside tell the job nothing of their own; what they found is told once, at the end.
    environ.pop("GITHUB_ACTIONS", None)
    command = [sys.executable, "-m", "gonogo.cli.main", *words]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False, env=environ)
    seconds = time.monotonic() - started
    record = _read_object(done.stdout) if folder is not None else None
    code = done.returncode
    if code == EXIT_GO and folder is not None and (record or {}).get("decision") != "GO":
        # A command that ends well and shows no GO has shown nothing.
        code = EXIT_HOLD
    problem = "" if code == EXIT_GO else done.stderr.strip()[-1500:]
    tell(f"{name}: {_VERBS.get(code, f'ended with {code}')} after {seconds:.0f} s")
    where = project.relative(folder) if folder is not None else ""
    return GateRun(name, shown, code, seconds, why, where, record, problem)


def _read_object(text: str) -> dict[str, Any] | None:
    try:
        data = json.loads(text)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


@contextmanager
def tree_judged_by(project: Project, system: str, gates: MergeGates, base: str) -> Iterator[Path]:
    """Yield a copy of the project in which every governed file is as it was in the base, features compiled from it."""
    root = project.root
    with tempfile.TemporaryDirectory(prefix="gonogo-ci-") as temporary:
        tree = Path(temporary) / root.name
        now, before = list_files(root), list_files_at(root, base)
        kept = set(governed_of(gates, before))
        for name in now:
            if name not in kept and not governed_of(gates, [name]):
                _copy((root / name).read_bytes(), tree / name)
        for name in kept:
            content = read_file_at(root, base, name)
            if content is not None:
                _copy(content, tree / name)
        command = [sys.executable, "-m", "gonogo.cli.main", "compile", system]
        # What does not compile is told by the gates themselves, in their own words.
        subprocess.run(command, cwd=tree, capture_output=True, check=False)
        yield tree


def _copy(content: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def judge_change(
    project: Project,
    system: str,
    revision: str,
    *,
    signed_off: str | None,
    out: Path | None,
    only_pick: bool,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Return what a change since `revision` came to, as JSON data with its `exit_code`.

    Raises `SourceError` for a ci.yaml with problems, `UsageError` where there is none or the project is not in Git.
    """
    change = read_change(project.root, revision)
    gates = _read_gates(project, system, change, signed=False)
    governed = governed_of(gates, change.files)
    digest = digest_governed(project.root, governed) if governed else ""
    accepted = bool(governed) and signed_off == digest
    if accepted:
        gates = _read_gates(project, system, change, signed=True)
    picks = pick_gates(gates, change)
    runs: list[GateRun] = []
    if not only_pick:
        folder = out or project.root / "evidence" / system / f"ci-{new_run_id()}"
        if governed and not accepted and change.base is not None:
            with tree_judged_by(project, system, gates, change.base) as tree:
                runs = run_gates(project, system, picks, folder, tree, tell)
        else:
            runs = run_gates(project, system, picks, folder, project.root, tell)
    waits = bool(governed) and not accepted
    codes = [run.exit_code for run in runs] + ([EXIT_HOLD] if waits else [])
    code = EXIT_GO if only_pick else combine_codes(codes)
    return {
        "schema": SCHEMA,
        "system": system,
        "base": change.base,
        "why_all": change.why,
        "changed": list(change.files),
        "picked": [{"id": pick.gate.id, "why": list(pick.why)} for pick in picks if pick.why],
        "skipped": [pick.gate.id for pick in picks if not pick.why],
        "judged_by": "base" if waits else "change",
        "sign_off": {"open": waits, "files": governed, "digest": digest},
        "gates": [{**run.to_json(), "record": run.record} for run in runs],
        "decision": "PICKED" if only_pick else _VERBS.get(code, "ERROR"),
        "exit_code": code,
    }


def _read_gates(project: Project, system: str, change: Change, *, signed: bool) -> MergeGates:
    """Return the merge gates: the base's where the change has its own, unless a person accepted those."""
    if system not in project.systems:
        raise UsageError(f"system {system!r} is not here; {suggest(system, project.systems)}")
    path = project.sources_of(system) / CI_FILE
    name = project.relative(path)
    loaded = project.load_system(system, with_packs=False)
    stages, environments = list(loaded.plan.by_id), list(loaded.environments.environments)
    before = read_file_at(project.root, change.base, name) if change.base is not None and not signed else None
    if before is None:
        if not path.is_file():
            raise UsageError(f"{name} is not there", "Write which files ask for which gate; see docs/ci.md.")
        return require_merge_gates(path, name, system=system, stages=stages, environments=environments)
    with tempfile.TemporaryDirectory(prefix="gonogo-ci-") as folder:
        copy = Path(folder) / CI_FILE
        copy.write_bytes(before)
        return require_merge_gates(copy, name, system=system, stages=stages, environments=environments)
