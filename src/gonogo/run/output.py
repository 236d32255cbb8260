"""What the processes of a run print, redacted before it leaves the child and once more before it is written down."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import select
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import IO

from gonogo.evidence.redact import Redactor, Terms

_BLOCK = 1 << 16
_IDLE = 0.3
_HEAD = 1 << 20
_TAIL = 1 << 18
_DRAIN = 5.0


class OutputGuard:
    """Stands between a process and its own standard output and error, whoever writes to them and however.

    Nothing passes before the redactor is there; without one, only what looks like personal data is taken out.
    """

    current: OutputGuard | None = None

    def __init__(self) -> None:
        self._redactor: Redactor | None = None
        self._ready = threading.Event()
        self._out = os.dup(1)
        self._read, write = os.pipe()
        os.dup2(write, 1)
        os.dup2(write, 2)
        os.close(write)
        # A crash of the interpreter itself has no time for a thread; it tells files, lines and functions only.
        faulthandler.enable(file=self._out)
        self._thread = threading.Thread(target=self._pump, name="gonogo-output", daemon=True)
        self._thread.start()
        OutputGuard.current = self

    def use(self, redactor: Redactor) -> None:
        """Let the output pass through a redactor from now on, what was held back included."""
        self._redactor = redactor
        self._ready.set()

    def close(self) -> None:
        """Pass on what is left, and give the process its streams back."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os.dup2(self._out, 1)
        os.dup2(self._out, 2)
        self._ready.set()
        # Somebody else's process may keep the other end open.
        self._thread.join(_DRAIN)

    def _pump(self) -> None:
        pending = b""
        while True:
            idle = not select.select([self._read], [], [], _IDLE)[0]
            chunk = b"" if idle else os.read(self._read, _BLOCK)
            ended = not idle and not chunk
            pending += chunk
            if not (ended or idle or len(pending) >= _BLOCK):
                continue
            if not (self._ready.is_set() or ended):
                continue
            cut = len(pending) if ended or idle else (pending.rfind(b"\n") + 1 or len(pending))
            self._pass(pending[:cut])
            pending = pending[cut:]
            if ended:
                return

    def _pass(self, data: bytes) -> None:
        if not data:
            return
        redactor = self._redactor or Redactor(Terms())
        shown = redactor.text(data.decode("utf-8", "replace")).encode("utf-8", "replace")
        while shown:
            shown = shown[os.write(self._out, shown) :]


class OutputLog:
    """Writes what a child printed to a file, line by line through the redactor, its beginning and its end."""

    def __init__(self, stream: IO[bytes], path: Path, redactor: Redactor) -> None:
        self._stream = stream
        self._redactor = redactor
        self._file = path.open("wb")
        self._lock = threading.Lock()
        self._read_at = time.monotonic()
        self._written = self._left_out = self._kept = 0
        self._tail: deque[bytes] = deque()
        self._thread = threading.Thread(target=self._copy, name="gonogo-log", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for the end of the output and write it; a process that the child left behind is not waited for.

        Nothing is written afterwards.
        """
        self._read_at = time.monotonic()
        while self._thread.is_alive() and time.monotonic() < self._read_at + _DRAIN:
            self._thread.join(0.1)
        with self._lock:
            if self._left_out:
                self._file.write(f"\n[{self._left_out} bytes left out]\n".encode())
            self._file.writelines(self._tail)
            self._file.close()

    def _copy(self) -> None:
        with self._stream:
            while line := self._stream.readline(_BLOCK):
                self._read_at = time.monotonic()
                shown = self._redactor.text(line.decode("utf-8", "replace")).encode("utf-8", "replace")
                with self._lock:
                    if self._file.closed:
                        return
                    self._write(shown)

    def _write(self, shown: bytes) -> None:
        if not self._tail and self._written + len(shown) <= _HEAD:
            self._file.write(shown)
            self._file.flush()
            self._written += len(shown)
            return
        self._tail.append(shown)
        self._kept += len(shown)
        while self._kept > _TAIL:
            gone = len(self._tail.popleft())
            self._kept -= gone
            self._left_out += gone
