"""What the entries of a ledger tell about a release, typed; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gonogo.evidence.ledger.entries import Entry, Kind
from gonogo.model.release_plan import Occasion
from gonogo.release.duties import Event

_BUNDLES = (Kind.RUN.value, Kind.SEAL.value)
STAGE = "stage"
# What is rehearsed changes nothing for good, so nothing is to be done anew after it.
_REHEARSED = ("rehearsed", "rehearse", "rehearsal", "drill", "dry_run")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A bundle as its ledger entry tells of it; `signed` says whether somebody signed it."""

    entry: int
    at: datetime
    run: str
    activity: str
    stage: str
    environment: str
    release: str | None
    build: str | None
    decision: str
    manifest_sha256: str
    folder: str
    signed: bool

    def is_of(self, release: str | None) -> bool:
        """Return whether it is about a release; one that was not named is what the target showed as its build."""
        return self.release == release if self.release is not None else release in (None, self.build)


def read_recorded(entries: Iterable[Entry]) -> list[Recorded]:
    """Return every bundle that a ledger holds, oldest first."""
    return [_recorded(entry) for entry in entries if entry.kind in _BUNDLES]


def _recorded(entry: Entry) -> Recorded:
    told = entry.payload
    return Recorded(
        entry.number,
        entry_time(entry),
        _text(told, "run") or f"entry {entry.number}",
        _text(told, "activity") or "run",
        _text(told, "stage"),
        _text(told, "environment"),
        _text(told, "release") or None,
        _text(told, "build") or None,
        _text(told, "decision"),
        _text(told, "manifest_sha256"),
        _text(told, "folder"),
        entry.kind == Kind.SEAL.value,
    )


def _text(told: Any, name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""


def entry_time(entry: Entry) -> datetime:
    """Return when an entry was written."""
    return datetime.fromisoformat(entry.at)


def rollbacks(entries: Iterable[Entry], environment: str) -> list[Entry]:
    """Return the entries of rollbacks of an environment, oldest first; those that were rehearsed are none.

    A rollback writes an entry as it begins and one as it ends; one that was killed has the first only.
    """
    return [
        entry
        for entry in entries
        if entry.kind == Kind.ROLLBACK.value
        and _text(entry.payload, "environment") == environment
        and not is_rehearsed(entry)
    ]


def is_rehearsed(entry: Entry) -> bool:
    """Return whether an entry says that it was only tried."""
    return any(entry.payload.get(name) is True for name in _REHEARSED)


def describe_rollback(entry: Entry) -> str:
    """Return a rollback in one line; what its record says of people was not verified."""
    told = entry.payload
    words = [f"option {told['option']}"] if isinstance(told.get("option"), str) else []
    words += [_text(told, name) for name in ("template", "intent") if _text(told, name)]
    words += [f"by {_text(told, 'who')}"] if _text(told, "who") else []
    words += [f"because: {_text(told, 'why')}"] if _text(told, "why") else []
    words += [f"effect {_text(told, 'effect').replace('_', ' ')}"] if _text(told, "effect") else []
    return f"entry {entry.number}, {entry_time(entry):%Y-%m-%d %H:%M} UTC: {', '.join(words) or 'no details'}"


def entries_into(entries: Iterable[Entry], environment: str, release: str | None, stage: str | None) -> list[Entry]:
    """Return the entries by which a stage of a release was entered for good, oldest first; None is any stage."""
    return [
        entry
        for entry in entries
        if entry.kind == Kind.ADVANCE.value
        and _text(entry.payload, "environment") == environment
        and (_text(entry.payload, "release") or None) == release
        and stage in (None, _text(entry.payload, "stage"))
        and not is_rehearsed(entry)
        and entry.payload.get("counts") is not False
    ]


def read_events(
    entries: Sequence[Entry], environment: str, release: str | None, triggers: Collection[str]
) -> list[Event]:
    """Return what happened in an environment and asks people for something, in the order of the ledger.

    A rollback stays whatever release comes next, and so does a near miss: one of the plan's `triggers` that fired and
    that no later rollback names. The release begins when its first stage is entered.
    """
    begun: dict[str, int] = {}
    answered: dict[str, int] = {}
    for entry in rollbacks(entries, environment):
        begun.setdefault(_text(entry.payload, "rollback") or str(entry.number), entry.number)
        answered[_text(entry.payload, "trigger")] = entry.number
    kinds = {
        entry.number: Occasion.NEAR_MISS
        for entry in entries
        if entry.kind == Kind.TRIGGER.value
        and _text(entry.payload, "environment") == environment
        and _text(entry.payload, "trigger") in triggers
        and not is_rehearsed(entry)
        and entry.payload.get("fired") is not False
        and answered.get(_text(entry.payload, "trigger"), 0) < entry.number
    }
    kinds |= dict.fromkeys(begun.values(), Occasion.ROLLBACK)
    kinds |= {entry.number: Occasion.RELEASE for entry in entries_into(entries, environment, release, None)[:1]}
    return [Event(kinds[entry.number], entry.number, entry_time(entry)) for entry in entries if entry.number in kinds]
