"""Writing back what a run left, in whichever direction, because a person says so."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.errors import EXIT_GO, EXIT_HOLD, RefusedError, TargetError
from gonogo.evidence.ledger.book import Ledger, open_ledger
from gonogo.evidence.ledger.entries import Kind, format_time
from gonogo.evidence.ledger.journal import Journal
from gonogo.evidence.ledger.location import ledger_location
from gonogo.evidence.record import Stream
from gonogo.model.flags import FlagState, FlagValue, describe_value, flag_group, is_towards_safe
from gonogo.model.outcome import Outcome, Verdict
from gonogo.release.stored_flags import flags_json
from gonogo.release.switch import Switch, open_switch
from gonogo.run.flagboard import FlagBoard
from gonogo.run.flagjournal import flag_json
from gonogo.run.hold import describe_owner, hold_environment
from gonogo.run.orchestrate import new_run_id
from gonogo.run.recovery import Return, Settlement, leftover_lines, plan_returns, return_command, settle_changes
from gonogo.run.tenure import interrupted_by_term, undisturbed
from gonogo.sources.lone_environment import read_lone_environment
from gonogo.sources.project import Project
from gonogo.sources.suggest import suggest
from gonogo.targets.interface import NotAvailable, Target

SCHEMA = "gonogo/restore/v1"


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """What was asked for; without `confirm` nothing is written."""

    project_root: Path
    system: str
    environment: str
    confirm: bool = False
    run_by: str | None = None
    environments: Path | None = None


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was done, or would be; `entry` is the ledger's number, None where nothing was written."""

    record: dict[str, Any]
    entry: int | None
    exit_code: int
    lines: tuple[str, ...]
    banner: tuple[str, ...] = ()


@dataclass
class _Work:
    """One restoring: the way to the flags, the ledger, and what was written."""

    request: RestoreRequest
    id: str
    ledger: Ledger
    switch: Switch
    written: list[dict[str, Any]] = field(default_factory=list)

    def note(self, entry: Mapping[str, Any]) -> None:
        self.written.append({**entry, "at": format_time(datetime.now(UTC))})

    def record(self, stream: Stream, payload: Mapping[str, Any]) -> None:
        """Stand in for a run's records: a restoring keeps its own in the ledger."""

    @property
    def command(self) -> str:
        path = self.request.environments
        return return_command(self.request.system, self.request.environment, str(path) if path else None)


def restore(request: RestoreRequest, *, show: Callable[[str], None] = lambda _: None) -> RestoreReport:
    """Return what is open in an environment's flag journal, or without `confirm` tell what that would write.

    Each flag is written by compare-and-swap, what narrows before what widens. Raises `LockError` where a run holds the
    environment, `LedgerError` where its journal cannot be read, `TargetError` where its flags cannot.
    """
    project = Project.from_path(request.project_root)
    if request.system not in project.systems:
        raise RefusedError(f"system {request.system!r} is not here; {suggest(request.system, project.systems)}")
    path = request.environments or project.sources_of(request.system) / "environments.yaml"
    name = project.relative(path)
    # An environment that is not there must not pass for one with nothing to restore.
    read_lone_environment(path, name, request.environment)
    location = ledger_location(project.root, os.environ, project.ledger)
    ledger = open_ledger(location, request.system, for_reading=not request.confirm)
    if not Journal(ledger.storage, request.environment).open_changes():
        text = f"nothing to restore in {request.environment}: every change of a flag was returned, kept or made void"
        return RestoreReport(_record(request, "", [], Settlement()), None, EXIT_GO, (text,))
    restore_id = new_run_id()
    work = _Work(request, restore_id, ledger, open_switch(path, name, request.environment, restore_id, "restore"))
    try:
        return _restore(work, show) if request.confirm else _preview(work)
    finally:
        work.switch.target.close()


def _record(request: RestoreRequest, restore_id: str, written: Sequence[Any], settled: Settlement) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "run": restore_id,
        "system": request.system,
        "environment": request.environment,
        "confirmed": request.confirm,
        "run_by": request.run_by,
        "at": format_time(datetime.now(UTC)),
        "written": list(written),
        "told": list(settled.told),
        "left": [str(one) for one in settled.left],
    }


def _preview(work: _Work) -> RestoreReport:
    journal = Journal(work.ledger.storage, work.request.environment)
    returns = plan_returns(journal.open_changes(), _read(work.switch.target), only_towards_safe=False)
    lines = [f"Restoring {work.request.environment} would write:"]
    lines += [f"  {text}" for one in returns for text in _describe(one)]
    lines += ["Look first whether that is right: a person may have meant the present value.", f"Then: {work.command}"]
    would = [{"flag": one.flag, "old": flag_json(one.now), "new": flag_json(one.back)} for one in returns]
    return RestoreReport(_record(work.request, "", would, Settlement()), None, EXIT_HOLD, tuple(lines))


def _describe(one: Return) -> list[str]:
    changes = [*one.ended, *one.foreign]
    runs = ", ".join(dict.fromkeys(change.run for change in changes))
    told = []
    if one.back != one.now:
        direction = "towards safe" if is_towards_safe(one.flag, one.now, one.back) else "AWAY FROM SAFE"
        text = f"{one.flag}: {describe_value(one.now)} → {describe_value(one.back)}  {direction}"
        told.append(f"{text} (as before {runs})")
    elif not one.foreign:
        told.append(f"{one.flag}: nothing, it is {describe_value(one.now)} again (as before {runs})")
    if one.foreign:
        text = f"{one.flag}: nothing further, it is {describe_value(one.back)} and {runs} did not write that"
        told.append(f"{text}: somebody changed it since")
    return told


def _restore(work: _Work, show: Callable[[str], None]) -> RestoreReport:
    request, target = work.request, work.switch.target
    owner = describe_owner("restore", work.id)
    with interrupted_by_term(), hold_environment(work.ledger, request.environment, owner) as hold:
        before = _read(target)
        with undisturbed():
            settled = settle_changes(target, hold, work.note, only_towards_safe=False)
        after = _read(target)
        for text in settled.told:
            show(text)
        proofs = _prove(work, after)
        record = _record(request, work.id, work.written, settled)
        record["flags"] = {"before": flags_json(before), "after": flags_json(after)}
        record["proofs"] = [
            {"flag": group, "outcome": one.outcome.name, "reasons": list(one.reasons), "observed": one.observed}
            for group, one in proofs.items()
        ]
        entry = work.ledger.append(Kind.RESTORE.value, record, datetime.now(UTC)).number
    unproven = [f"{group}: {'; '.join(one.reasons)}" for group, one in proofs.items() if one.outcome > Outcome.PASSED]
    lines = [*settled.told, *(f"proven  {name}" for name, one in proofs.items() if one.outcome is Outcome.PASSED)]
    banner = [*leftover_lines(settled.left, work.command), *(f"NOT PROVEN: {text}" for text in unproven)]
    return RestoreReport(record, entry, EXIT_HOLD if banner else EXIT_GO, tuple(lines), tuple(banner))


def _read(target: Target) -> dict[str, FlagValue]:
    flags = target.read_flags()
    if isinstance(flags, NotAvailable):
        raise TargetError(f"the flags cannot be read: {flags.reason}")
    return dict(flags.value)


def _prove(work: _Work, state: FlagState) -> dict[str, Verdict]:
    """Prove by a probe that the worker uses what was written back."""
    groups = tuple(dict.fromkeys(flag_group(str(one["flag"])) for one in work.written if one["state"] == "recovered"))
    if not groups:
        return {}
    recorder: Any = work
    environment = work.switch.environment.model_copy(update={"probe": work.switch.probe})
    board = FlagBoard(work.switch.target, environment, recorder, work.switch.new_message, may_change=False)
    return board.prove(state, groups)
