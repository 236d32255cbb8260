"""Kills an appending process with SIGKILL at every call of the operating system that it makes, one after the other.

For each point a child is forked that counts its calls and kills itself before, in the middle of (a write) or after the
chosen one. Prints one JSON line a point: what the child was about to do, how it ended, and which entries and which
faults a fresh reader finds then, before and after it has appended one entry itself.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.evidence.ledger import open_ledger

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class KillPoint:
    """Counts calls, tells the reader of a pipe which one comes now, and ends the process at the chosen one."""

    def __init__(self, chosen: int, pipe: int) -> None:
        self.left = chosen
        self.pipe = pipe

    def reached(self, what: str) -> bool:
        self.left -= 1
        if self.left == 0:
            os.write(self.pipe, what.encode())
        return self.left == 0

    def kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if self.reached(f"before {name}"):
                self.kill()
            result = function(*arguments, **options)
            if self.reached(f"after {name}"):
                self.kill()
            return result

        return call

    def install(self) -> None:
        for name in ("mkdir", "link", "unlink", "fsync"):
            setattr(os, name, self.around(name, getattr(os, name)))
        open_path, point = Path.open, self

        class HalfWriter(io.FileIO):
            def write(self, data: Any) -> int:
                if point.reached("in the middle of write"):
                    super().write(bytes(data)[: len(data) // 2])
                    point.kill()
                return super().write(data)

        def open_counted(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            if mode != "xb":
                return open_path(path, mode, *arguments, **options)
            if point.reached("before open"):
                point.kill()
            return HalfWriter(str(path), "x")

        Path.open = open_counted  # type: ignore[method-assign]


def run_child(location: str, chosen: int) -> tuple[str, int]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        KillPoint(chosen, writer).install()
        open_ledger(location, "richpanel").append("run", {"run": "killed", "text": "x" * 5000}, NOW)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        what = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return what, status


def main() -> None:
    # Each point has a ledger of its own; an empty one shows the making of folders too.
    for earlier in (0, 2):
        for chosen in range(1, 200):
            with tempfile.TemporaryDirectory() as folder:
                location = f"{folder}/shared/evidence"
                if earlier:
                    ledger = open_ledger(location, "richpanel")
                    for index in range(earlier):
                        ledger.append("run", {"run": f"earlier-{index}"}, NOW)
                what, status = run_child(location, chosen)
                fresh = open_ledger(location, "richpanel")
                found = {"faults": fresh.faults(), "runs": [entry.payload["run"] for entry in fresh.entries()]}
                fresh.append("run", {"run": "later"}, NOW)
                after = [entry.payload["run"] for entry in fresh.entries()]
                line = {"earlier": earlier, "point": what, "signal": os.WTERMSIG(status), **found, "after": after}
                sys.stdout.write(json.dumps(line) + "\n")
                if not what:
                    break


if __name__ == "__main__":
    main()
