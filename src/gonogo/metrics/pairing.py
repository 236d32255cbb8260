"""Records of several files matched by id, in memory that does not grow with the files.

Rows are spread over buckets by a checksum of their id; buckets beyond a bound lie in temporary files. One bucket of
each side is looked at at a time, so that order does not matter and every duplicate, gap and stranger is found.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import orjson

BYTES_A_BUCKET = 16_000_000
MAX_BUCKETS = 512
MAX_HELD_BYTES = 16_000_000

Row = list[Any]


class Matched(NamedTuple):
    """The rows of one side by id, and each further row of an id with the first one."""

    rows: dict[str, Row]
    again: list[tuple[Row, Row]]


class Buckets:
    """The rows of one file by bucket; a row is a JSON list that begins with id and line."""

    def __init__(self, count: int, folder: Path, name: str) -> None:
        self._held = [bytearray() for _ in range(count)]
        self._bytes = 0
        self._folder = folder
        self._name = name
        self._spilled = False

    def add(self, name: str, row: bytes) -> None:
        """Put the JSON of a row into the bucket of its id."""
        held = self._held[zlib.crc32(name.encode()) % len(self._held)]
        held += row
        held += b","
        self._bytes += len(row) + 1
        if self._bytes > MAX_HELD_BYTES:
            self._spill()

    def rows(self, bucket: int) -> Matched:
        """Return the rows of a bucket by id."""
        path = self._path(bucket)
        data = path.read_bytes() if self._spilled and path.exists() else b""
        rows = orjson.loads(b"[" + (data + self._held[bucket]).rstrip(b",") + b"]")
        matched = Matched({}, [])
        for row in rows:
            first = matched.rows.setdefault(row[0], row)
            if first is not row:
                matched.again.append((row, first))
        return matched

    def _spill(self) -> None:
        self._spilled = True
        for bucket, held in enumerate(self._held):
            if held:
                with self._path(bucket).open("ab") as file:
                    file.write(held)
                held.clear()
        self._bytes = 0

    def _path(self, bucket: int) -> Path:
        return self._folder / f"{self._name}-{bucket}"


class Pairing:
    """The buckets of several files that are matched with one another; leaving the context removes what was spilled."""

    def __init__(self, paths: dict[str, Path]) -> None:
        size = sum(path.stat().st_size for path in paths.values() if path.exists())
        self.count = max(1, min(MAX_BUCKETS, -(-size // BYTES_A_BUCKET)))
        self._names = tuple(paths)

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="gonogo-pairing-")
        self.sides = {name: Buckets(self.count, Path(self._folder.name), name) for name in self._names}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def groups(self) -> Iterator[dict[str, Matched]]:
        """Yield for each bucket the rows of every side by id."""
        for bucket in range(self.count):
            yield {name: side.rows(bucket) for name, side in self.sides.items()}
