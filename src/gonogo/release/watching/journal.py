"""What a watch writes down as it goes: every sample durable before the next poll, and the sessions that came before."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from gonogo.evidence.bundle import DECISION, MANIFEST
from gonogo.model.gate import Measurement, number_json
from gonogo.release.soak_sample import SAMPLES, SoakSample
from gonogo.release.watching.judge import Level, Round
from gonogo.release.watching.observe import Observation
from gonogo.run.conclude import write_json

WATCH = "watch.json"
SCHEMA = "gonogo/watch/1"
_SAME_TIME = 0.001


@dataclass(frozen=True, slots=True)
class Session:
    """One process that watched; `every` is the interval that it kept, in seconds."""

    id: str
    host: str
    started: str
    every: float
    once: bool
    by: str | None
    boot: str = ""
    taken_over: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the session as it stands in samples.jsonl and watch.json."""
        return {"kind": "session", **asdict(self)}


class SampleLog:
    """Appends records to a file of JSON lines; each is on disk when the call returns."""

    def __init__(self, path: Path) -> None:
        _cut_half_line(path)
        self._file: BinaryIO = path.open("ab")

    def __enter__(self) -> SampleLog:
        """Return the log itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one record."""
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        # One call, so that a kill leaves a whole line or its beginning, and never two mixed.
        self._file.write(line.encode("utf-8", "replace") + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _cut_half_line(path: Path) -> None:
    """Take away a last line that a kill cut off: it was never wholly written, and nothing is joined to it."""
    if not path.is_file():
        return
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        keep = size
        while keep > 0:
            start = max(0, keep - 65_536)
            file.seek(start)
            found = file.read(keep - start).rfind(b"\n")
            if found >= 0:
                keep = start + found + 1
                break
            keep = start
        if keep < size:
            file.truncate(keep)


def sample_record(sample: SoakSample, observed: Observation, judged: Round) -> dict[str, Any]:
    """Return what samples.jsonl keeps of one poll: every figure with its source and time, every rule, every trigger."""
    return {
        "kind": "sample",
        "at": round(sample.at, 3),
        "health": sample.health.value,
        "reasons": list(sample.reasons),
        "build": sample.build,
        "flags": sample.flags,
        "session": sample.session,
        "every": sample.every,
        "host": sample.host,
        "boot": sample.boot,
        "elapsed": None if sample.elapsed is None else round(sample.elapsed, 3),
        "offset": sample.offset,
        **({"backfilled": True} if sample.backfilled else {}),
        # What is well is told by its figure alone: a record may be a week long.
        "rules": {view.rule.id: view.to_json() for view in judged.views if view.level is not Level.OK},
        "fired": [one.id for one in judged.fired],
        "cleared": [one.id for one in judged.cleared],
        "measured": {key: _measured(one, sample.at) for key, one in observed.measured.items()},
        "points": {source: _points(rows, sample.at) for source, rows in observed.points.items()},
        "notes": list(observed.notes),
    }


def _measured(one: Measurement, sampled: float) -> dict[str, Any]:
    """Return a figure with its source, and its own time where that is not the sample's."""
    record: dict[str, Any] = {"value": number_json(one.value), "source": one.source}
    if one.at is not None and abs(one.at.timestamp() - sampled) >= _SAME_TIME:
        record["at"] = round(one.at.timestamp(), 3)
    if one.n is not None:
        record["n"] = one.n
    if one.problems:
        record["problems"] = [flaw.kind.value for flaw in one.problems]
    return record


def _points(rows: Mapping[str, Any], sampled: float) -> dict[str, Any]:
    return {
        name: [
            [dict(labels), None if abs(time - sampled) < _SAME_TIME else round(time, 3), number_json(value)]
            for labels, time, value in series
        ]
        for name, series in rows.items()
    }


@dataclass(frozen=True, slots=True)
class WatchFolder:
    """The folder of a watch, by its watch.json; `sealed` says whether somebody concluded and sealed it."""

    folder: Path
    record: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Return the id of the watch."""
        return str(self.record["watch"])

    @property
    def sealed(self) -> bool:
        """Return whether the folder is a sealed bundle."""
        return (self.folder / MANIFEST).is_file()

    @property
    def concluded(self) -> bool:
        """Return whether a decision was made over it, sealed or not."""
        return (self.folder / DECISION).is_file()

    @property
    def serves_once(self) -> bool:
        """Return whether single looks of a scheduler are gathered here."""
        return self.record.get("once") is True

    def sessions(self) -> Iterator[Session]:
        """Yield the sessions that wrote samples here."""
        for record in read_lines(self.folder / SAMPLES):
            if record.get("kind") == "session":
                yield Session(
                    str(record["id"]),
                    str(record["host"]),
                    str(record["started"]),
                    float(record["every"]),
                    record["once"] is True,
                    record["by"],
                    str(record.get("boot", "")),
                    record.get("taken_over") is True,
                )

    def last_sample(self) -> dict[str, Any] | None:
        """Return the last whole sample, None where there is none."""
        last = None
        for record in read_lines(self.folder / SAMPLES):
            if record.get("kind") == "sample":
                last = record
        return last


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a file of JSON lines, one at a time; a half or broken line is left out."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                record = json.loads(line) if line.endswith(b"\n") else None
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                yield record


def find_watches(evidence: Path, environment: str, stage: str, release: str | None) -> list[WatchFolder]:
    """Return the folders of all watches of a stage, an environment and a release, oldest first."""
    found = []
    for path in sorted(evidence.glob(f"*/{WATCH}")):
        try:
            record = json.loads(path.read_bytes())
            same = record["environment"] == environment and record["stage"] == stage and record["release"] == release
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
        if same and record.get("schema") == SCHEMA and isinstance(record.get("watch"), str):
            found.append(WatchFolder(path.parent, record))
    return found


def write_watch(folder: Path, record: Mapping[str, Any]) -> None:
    """Write watch.json as a whole file."""
    write_json(folder / WATCH, {"schema": SCHEMA, **record})


def take_over(log: SampleLog, earlier: WatchFolder, not_before: float | None, known: set[str]) -> int:
    """Copy the records of a watch that was never concluded; return how many samples were taken.

    Records from before `not_before` (seconds since 1970) stay where they are: they count for nothing any more. So do
    those of `known` sessions, which stand elsewhere; what is copied is added to them.
    """
    samples = 0
    found: set[str] = set()
    for record in read_lines(earlier.folder / SAMPLES):
        session = str(record.get("id" if record.get("kind") == "session" else "session", ""))
        found.add(session)
        if session in known:
            continue
        if record.get("kind") == "session":
            log.write({**record, "taken_over": True, "from": earlier.id})
        elif not_before is None or record.get("at", 0.0) >= not_before:
            samples += record.get("kind") == "sample"
            log.write(record)
    known |= found
    return samples
