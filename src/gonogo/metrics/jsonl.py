"""Files of JSON lines, read as a stream: every line is a record or a problem with its number."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from gonogo.errors import Problem

MAX_LINE_BYTES = 1_000_000
MAX_PROBLEMS = 200
CHUNK_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")


class DuplicateKeyError(ValueError):
    """An object names a key twice."""


class ProblemList:
    """The problems of one file, the first of them in words and the rest as a number."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._problems: list[Problem] = []
        self._more = 0

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return bool(self._problems)

    def add(self, line: int, column: str, text: str) -> None:
        """Add a problem; line 0 is the whole file."""
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append(Problem(self.name, line, column, text))
        else:
            self._more += 1

    def add_more(self, count: int) -> None:
        """Count problems that are not told one by one."""
        self._more += count

    def all(self) -> list[Problem]:
        """Return the problems; where there were too many, the last one tells how many more."""
        if not self._more:
            return list(self._problems)
        return [
            *self._problems,
            Problem(self.name, 0, "", f"{self._more:,} more problems of this file are not listed."),
        ]


class JsonLines:
    """One pass over a file of JSON lines; `digest` is of the bytes read, complete once the pass has ended."""

    def __init__(self, path: Path, problems: ProblemList) -> None:
        self._path = path
        self._problems = problems
        self._hash = hashlib.sha256()
        self._is_cut = False

    @property
    def digest(self) -> str:
        """Return the SHA-256 of what was read, in hex."""
        return self._hash.hexdigest()

    def records(self) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
        """Yield number, bytes and object of every good line; all others become problems."""
        loads, number = orjson.loads, 0
        try:
            with self._path.open("rb") as file:
                for number, line in enumerate(self._read_lines(file), 1):
                    if len(line) > MAX_LINE_BYTES:
                        text = f"the line has more than {MAX_LINE_BYTES:,} bytes. Split or shorten it."
                        self._problems.add(number, "", text)
                        continue
                    try:
                        record = loads(line)
                    except orjson.JSONDecodeError as error:
                        text = _explain_syntax(line, error, is_cut=self._is_cut)
                        self._problems.add(number, "", text)
                        continue
                    if type(record) is dict:
                        yield number, line, record
                    else:
                        self._problems.add(number, "", 'the line is no JSON object. Write {"id": …, …}.')
        except OSError as error:
            self._problems.add(0, "", f"cannot be read: {error.strerror}. Create it or name another.")
            return
        if not number:
            self._problems.add(0, "", "the file is empty: nothing can be judged. Write one JSON object a line.")

    def _read_lines(self, file: Any) -> Iterator[bytes]:
        """Yield the lines without their ends; the last one may have none."""
        rest, first = b"", True
        while chunk := file.read(CHUNK_BYTES):
            self._hash.update(chunk)
            if first:
                chunk, first = chunk.removeprefix(_BOM), False
            lines = (rest + chunk).split(b"\n")
            # A line without end must not fill the memory: what is beyond the bound is left out, and refused below.
            rest = lines.pop()[: MAX_LINE_BYTES + 1]
            yield from lines
        if rest:
            self._is_cut = True
            yield rest


def _explain_syntax(line: bytes, error: orjson.JSONDecodeError, *, is_cut: bool) -> str:
    if not line.strip():
        return "the line is empty. Remove it."
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return f"byte 0x{line[wrong.start]:02x} at place {wrong.start + 1} is not UTF-8. Save the file as UTF-8."
    if is_cut and error.pos >= len(text) - 1:
        return f"the file ends inside this line, after {len(line):,} bytes: it was cut off. Write it again in full."
    return f"not JSON at place {error.pos + 1}: {error.msg.split(':')[0]}. Correct the line."


def require_unique_keys(text: bytes | str) -> None:
    """Raise `DuplicateKeyError` where an object of a JSON text names a key twice, at any depth."""
    json.loads(text, object_pairs_hook=_build_unique)


def _build_unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise DuplicateKeyError("a key stands twice")
    return built


def explain_id(value: object) -> str:
    """Return what is wrong with an id, or an empty text."""
    if isinstance(value, str) and _ID.fullmatch(value):
        return ""
    if value is None:
        return "is missing. Every line needs its id."
    if not isinstance(value, str):
        return "is no text. Put the id in quotes, the same in every file."
    # The id itself may hold anything, a customer's address included.
    return f"has {len(value)} characters, or others than letters, digits and . _ : / -; at most 128. Correct it."
