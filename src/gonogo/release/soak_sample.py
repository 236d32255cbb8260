"""The samples that a soak is added up from, as a watch records them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

SAMPLES = "samples.jsonl"


class Health(StrEnum):
    """What one sample showed of all rules together."""

    OK = "ok"
    RED = "red"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True)
class SoakSample:
    """One look at a stage; times are in seconds since 1970 by the clock of the machine that looked.

    `every` is the interval that the session meant to keep. `elapsed` is the machine's monotonic time, the same for all
    sessions since its start, which `boot` names; without `boot` it is the session's own. `offset` is how far the
    machine's clock is ahead of the target's, None where nobody knows. A sample that was read later out of a source's
    past is `backfilled`.
    """

    at: float
    health: Health
    build: str | None
    flags: str | None
    session: str
    every: float
    host: str = ""
    elapsed: float | None = None
    offset: float | None = None
    backfilled: bool = False
    reasons: tuple[str, ...] = ()
    boot: str = ""

    @property
    def monotonic(self) -> str:
        """Return what tells monotonic times apart that cannot be compared."""
        return self.boot or self.session

    @property
    def order(self) -> tuple[float, str, float, str]:
        """Return what sorts samples by the clocks of their own machines, the same whatever order they came in."""
        return (self.at, self.session, self.elapsed or 0.0, self.health.value)


def read_samples(path: Path) -> tuple[list[SoakSample], list[str]]:
    """Return the samples of a watch's record and a sentence for what of it cannot be read; a cut last line is left out.

    Reads line by line: a record may be days long.
    """
    if not path.is_file():
        return [], [f"{path.parent.name}: holds no {path.name}"]
    samples: list[SoakSample] = []
    broken = 0
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if not line.endswith("\n"):
                break
            try:
                record = json.loads(line)
                if record.get("kind", "sample") == "sample":
                    samples.append(parse_sample(record))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                broken += 1
    return samples, [f"{path.parent.name}: {broken} lines cannot be read and add nothing"] if broken else []


def parse_sample(record: dict[str, Any]) -> SoakSample:
    """Return the sample that a record of samples.jsonl holds; raises `KeyError`, `TypeError` or `ValueError`."""
    elapsed, offset = record.get("elapsed"), record.get("offset")
    return SoakSample(
        float(record["at"]),
        Health(record["health"]),
        record.get("build"),
        record.get("flags"),
        str(record["session"]),
        float(record["every"]),
        str(record.get("host", "")),
        None if elapsed is None else float(elapsed),
        None if offset is None else float(offset),
        bool(record.get("backfilled", False)),
        tuple(str(text) for text in record.get("reasons", ())),
        str(record.get("boot", "")),
    )
