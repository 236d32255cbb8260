"""Locust as child processes: one, or a master with workers; followed while they work, stopped when asked."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gonogo.errors import TargetError, UsageError
from gonogo.evidence.keys import without_keys
from gonogo.loadtest.order import Order
from gonogo.loadtest.records import parse_records

_ORDER_FILE, _FOLDER_VARIABLE = "order.json", "GONOGO_LOAD_FOLDER"
_GRACE = 20.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the load is made: `workers` processes here, or `master` as host:port that waits for them from elsewhere."""

    workers: int = 1
    master: str | None = None

    @property
    def is_distributed(self) -> bool:
        """Return whether a master hands the load to workers."""
        return self.workers > 1 or self.master is not None


class Generation:
    """The processes of one load; `folder` is private and holds the order and what is recorded."""

    def __init__(self, order: Order, folder: Path, place: Place, locustfile: Path) -> None:
        self.order, self.folder, self.place = order, folder, place
        self._locustfile = locustfile
        self._children: list[subprocess.Popen[bytes]] = []
        self._read: dict[Path, int] = {}
        self.began = 0.0

    def start(self) -> None:
        """Write the order down and start the processes."""
        path = self.folder / _ORDER_FILE
        path.touch(mode=0o600)
        path.write_text(self.order.to_json(), "utf-8")
        if not self.place.is_distributed:
            self._spawn("single")
            return
        host, port = _address(self.place.master)
        self._spawn("master", "--master", "--master-bind-host", host, "--master-bind-port", str(port),
                    "--expect-workers", str(self.order.workers), "--expect-workers-max-wait", "60")  # fmt: skip
        if self.place.master is None:
            for index in range(self.order.workers):
                self._spawn(f"worker-{index}", "--worker", "--master-host", host, "--master-port", str(port))

    def _spawn(self, name: str, *options: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            child = subprocess.Popen(
                locust_command(self._locustfile, *options),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                env=locust_environ(self.folder),
                start_new_session=True,
            )
        self._children.append(child)

    @property
    def pids(self) -> tuple[int, ...]:
        """Return the ids of the processes, the one that others depend on first."""
        return tuple(child.pid for child in self._children)

    @property
    def is_running(self) -> bool:
        """Return whether the process that leads is still there."""
        return bool(self._children) and self._children[0].poll() is None

    def read_new(self) -> Any:
        """Return the rows that were recorded since the last call."""
        data = b""
        for path in sorted(self.folder.glob("records-*.bin")):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                fresh = file.read()
            whole = len(fresh) - len(fresh) % 16
            self._read[path] = self._read.get(path, 0) + whole
            data += fresh[:whole]
        return parse_records(data)

    def stop(self) -> None:
        """Ask for an early end: nothing more is sent, and what is on its way may still be answered."""
        if self.is_running:
            self._children[0].send_signal(signal.SIGUSR1)

    def wait(self, deadline: float) -> None:
        """Wait for the processes until a moment of the monotonic clock, then end them."""
        for child in self._children:
            try:
                child.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def close(self) -> None:
        """End every process that is still there."""
        self.wait(time.monotonic() + (5.0 if not self.is_running else 0.0))

    def explain(self) -> str:
        """Return the last words of the process that leads, for a person who wants to know why nothing was sent."""
        name = "master.log" if self.place.is_distributed else "single.log"
        try:
            lines = (self.folder / name).read_text("utf-8", "replace").strip().splitlines()
        except OSError:
            return ""
        return " ".join(lines[-3:])[-400:]


def locust_command(locustfile: Path, *options: str) -> list[str]:
    """Return the command of a Locust process without its web pages and its own statistics."""
    return [
        sys.executable,
        "-m",
        "locust",
        "-f",
        str(locustfile),
        "--headless",
        "--only-summary",
        "--skip-log-setup",
        "--stop-timeout",
        "1",
        *options,
    ]


def locust_environ(folder: Path) -> dict[str, str]:
    """Return the environment of a Locust process: no settings of Locust from elsewhere, no signing keys."""
    kept = {name: value for name, value in without_keys(os.environ).items() if not name.startswith("LOCUST_")}
    # Settings are read from the home folder too.
    return {**kept, _FOLDER_VARIABLE: str(folder), "HOME": str(folder), "PYTHONUNBUFFERED": "1"}


def find_locustfile(root: Path) -> Path:
    """Return the project's own locustfile, or that of the package where it has none."""
    own = root / "load" / "locustfile.py"
    return own if own.is_file() else Path(__file__).parent / "generator" / "entry.py"


def _address(master: str | None) -> tuple[str, int]:
    """Return where a master listens; without an address a free port of this machine."""
    if master is not None:
        return parse_address(master)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "127.0.0.1", int(probe.getsockname()[1])


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of `host:port`; raises `UsageError`."""
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise UsageError(f"{text!r} is no address; allowed: HOST:PORT, such as 10.0.0.5:5557")
    return host, int(port)


def follow(
    generation: Generation, tick: Callable[[Any], str | None], is_stopped: Callable[[], bool], *, deadline: float
) -> str | None:
    """Follow a load to its end; `tick` gets the new rows twice a second and may name a reason to stop early.

    Returns that reason. `deadline` is of the monotonic clock: a generator that does not end by then is ended.
    """
    reason: str | None = None
    asked = 0.0
    while generation.is_running:
        time.sleep(0.25)
        found = tick(generation.read_new())
        reason = reason or found
        if (reason or is_stopped()) and not asked:
            asked = time.monotonic()
            generation.stop()
        now = time.monotonic()
        if (asked and now > asked + generation.order.timeout + _GRACE) or now > deadline:
            break
    generation.wait(time.monotonic() + 3.0)
    found = tick(generation.read_new())
    return reason or found


def require_started(generation: Generation, recorded: int) -> None:
    """Raise `TargetError` where the generator ended without sending anything."""
    if recorded == 0 and not list(generation.folder.glob("worker-*.json")):
        raise TargetError(f"the load generator sent nothing: {generation.explain()}", _INSTALL)


_INSTALL = "Install its parts: pip install 'gonogo[load]'."
