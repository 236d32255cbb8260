"""Flags as the store shows them, in a form that may stand in a record."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any

from gonogo.errors import GonogoError
from gonogo.model.flags import FlagValue
from gonogo.run.flagjournal import flag_json
from gonogo.targets.interface import NotAvailable, Target

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")


def read_store(target: Target) -> dict[str, FlagValue] | str:
    """Return the flags in the store, or a sentence why they are not known; never raises for what a target does."""
    try:
        flags = target.read_flags()
    except GonogoError as error:
        return error.message
    except Exception as error:  # noqa: BLE001 - an adapter that breaks must not stop a rollback
        return f"reading the flags broke: {type(error).__name__}"
    return flags.reason if isinstance(flags, NotAvailable) else dict(flags.value)


def flags_json(flags: Mapping[str, FlagValue] | str) -> dict[str, Any] | None:
    """Return flags for a record, without names and values that no flag has: a system may show anything."""
    if isinstance(flags, str):
        return None
    plain = {name: value for name, value in flags.items() if _NAME.fullmatch(name) and _is_plain(value)}
    return {name: flag_json(plain[name]) for name in sorted(plain)}


def _is_plain(value: FlagValue) -> bool:
    return not isinstance(value, tuple) or all(_NAME.fullmatch(word) for word in value)


class StoreReader:
    """The flags as they were, asked for in a thread of its own while they are being written."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._found: dict[str, FlagValue] | str = "the store did not answer"
        self._thread = threading.Thread(target=self._read, name="flags-before", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def wait(self, seconds: float) -> dict[str, FlagValue] | str:
        """Return the flags, or a sentence why they are not known; waits at most so long."""
        self._thread.join(seconds)
        return self._found

    def _read(self) -> None:
        self._found = read_store(self._target)
