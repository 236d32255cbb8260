"""The one recording function: everything that a run writes down goes through `Recorder.record`."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

from gonogo.evidence.redact import Redactor


class Stream(StrEnum):
    """A file of JSON lines in the run's folder."""

    OUTCOMES = "outcomes.jsonl"
    EXCHANGES = "exchanges.jsonl"
    FLAGS = "flags.jsonl"
    PROGRESS = "progress.jsonl"


_DURABLE = frozenset({Stream.OUTCOMES, Stream.FLAGS})
# Names that the plan gave, numbers and words of the harness are its own; all else is text that may hold anything.
_LISTED: dict[Stream, dict[str, frozenset[str]]] = {
    Stream.OUTCOMES: {
        "own": frozenset({"case", "check", "part", "outcome", "class", "source"}),
        "text": frozenset({"reasons", "expected", "observed"}),
    },
    Stream.EXCHANGES: {
        "own": frozenset(
            {"at", "method", "status", "attempt", "ms", "sent_bytes", "received_bytes", "sent_hmac", "received_hmac"}
            | {"hmac_key", "shape"}
        ),
        "text": frozenset({"route", "error", "headers"}),
    },
    Stream.FLAGS: {
        "own": frozenset({"at", "seconds"}),
        "text": frozenset({"flag", "old", "new", "reason", "state", "before", "after"}),
    },
    Stream.PROGRESS: {
        "own": frozenset({"at", "phase", "sent", "decided", "total", "number"}),
        "text": frozenset({"state", "before", "after", "ticket", "became"}),
    },
}
_DIGESTS = frozenset({"sent_hmac", "received_hmac"})
_DIGEST = re.compile("[0-9a-f]{64}")


class Recorder:
    """Appends records to the run's folder as they happen; safe to call from several threads.

    Only the keys that are listed for a stream are written, and every text of them only as the redactor leaves it; how
    many others were dropped stands in the record.
    """

    def __init__(self, folder: Path, redactor: Redactor) -> None:
        self._folder = folder
        self._redactor = redactor
        self._files: dict[Stream, TextIO] = {}
        self._lock = threading.Lock()

    def record(self, stream: Stream, payload: Mapping[str, Any]) -> None:
        """Append one record; flag changes are on disk before the call returns, outcomes with the operating system."""
        line = json.dumps(self._allow(stream, payload), ensure_ascii=False, separators=(",", ":"))
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

    def _allow(self, stream: Stream, payload: Mapping[str, Any]) -> dict[str, Any]:
        own, text = _LISTED[stream]["own"], _LISTED[stream]["text"]
        record: dict[str, Any] = {}
        for key, value in payload.items():
            if key in _DIGESTS and isinstance(value, str) and _DIGEST.fullmatch(value):
                record[key] = value
            elif key in own:
                record[key] = self._redactor.own(value)
            elif key in text:
                record[key] = self._redactor.value(value)
        if len(record) < len(payload):
            record["dropped"] = len(payload) - len(record)
        return record

    def flush(self) -> None:
        """Hand every record to the operating system, so that another reader of the folder sees it."""
        with self._lock:
            for file in self._files.values():
                file.flush()

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
