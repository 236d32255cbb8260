"""The one recording function: everything that a run writes down goes through `Recorder.record`."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO


class Stream(StrEnum):
    """A file of JSON lines in the run's folder."""

    OUTCOMES = "outcomes.jsonl"
    EXCHANGES = "exchanges.jsonl"
    FLAGS = "flags.jsonl"
    PROGRESS = "progress.jsonl"


_DURABLE = frozenset({Stream.OUTCOMES, Stream.FLAGS})


class Recorder:
    """Appends records to the run's folder as they happen; safe to call from several threads.

    Only what a caller lists is written: exchanges carry method, route, status, sizes and times, never bodies.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[Stream, TextIO] = {}
        self._lock = threading.Lock()

    def record(self, stream: Stream, payload: Mapping[str, Any]) -> None:
        """Append one record; flag changes are on disk before the call returns, outcomes with the operating system."""
        line = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        with self._lock:
            file = self._files.get(stream)
            if file is None:
                file = self._files[stream] = (self._folder / stream.value).open("a", encoding="utf-8", errors="replace")
            file.write(line + "\n")
            if stream in _DURABLE or stream is Stream.PROGRESS:
                file.flush()
            if stream is Stream.FLAGS:
                # Journal first: after a kill -9 somebody must be able to read the old value.
                os.fsync(file.fileno())

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            for file in self._files.values():
                file.close()
            self._files.clear()


def read_records(path: Path) -> list[dict[str, Any]]:
    """Return the records of a file; a last line that a crash cut off is left out.

    Any other line that cannot be read becomes an empty record: what was written there is unknown, and not nothing.
    """
    if not path.is_file():
        return []
    records: list[dict[str, Any]] = []
    *lines, _ = path.read_bytes().split(b"\n")
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = {}
        records.append(record if isinstance(record, dict) else {})
    return records
