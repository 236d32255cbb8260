"""The flag store with its history, and the worker's cached view of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from gonogo.sandbox.richpanel.catalog import DEFAULT_CHANNELS, TEMPLATES, suggest
from gonogo.sandbox.richpanel.faults import FaultSet

FlagValue = bool | list[str] | None
PREFIX = "template_enabled."
BOOL_FLAGS = frozenset({"safe_mode", "automation_enabled", *(PREFIX + template for template in TEMPLATES)})
LIST_FLAGS = frozenset({"automation_enabled_channels"})
NULLABLE_LIST_FLAGS = frozenset({"tier2_channels", "tier2_tags"})
FLAG_NAMES = BOOL_FLAGS | LIST_FLAGS | NULLABLE_LIST_FLAGS
SLOW_SECONDS = 600.0


class FlagError(ValueError):
    """A flag name is unknown or a value has the wrong type."""


@dataclass(frozen=True)
class FlagSnapshot:
    """The flags as the worker used them for one decision."""

    safe_mode: bool
    automation_enabled: bool
    channels: tuple[str, ...]
    templates: frozenset[str]
    tier2_channels: tuple[str, ...] | None
    tier2_tags: tuple[str, ...] | None

    def as_dict(self) -> dict[str, object]:
        """Return the snapshot in the shape of a decision's `flags`."""
        return {
            "safe_mode": self.safe_mode,
            "automation_enabled": self.automation_enabled,
            "automation_enabled_channels": list(self.channels),
            "templates_enabled": sorted(self.templates),
            "tier2_channels": None if self.tier2_channels is None else list(self.tier2_channels),
            "tier2_tags": None if self.tier2_tags is None else list(self.tier2_tags),
        }


def initial_flags() -> dict[str, FlagValue]:
    """Return the flags of a fresh deployment: route only, nothing whitelisted."""
    flags: dict[str, FlagValue] = {
        "safe_mode": True,
        "automation_enabled": False,
        "automation_enabled_channels": list(DEFAULT_CHANNELS),
    }
    flags.update({PREFIX + template: False for template in TEMPLATES})
    flags.update({"tier2_channels": None, "tier2_tags": None})
    return flags


def check_name(name: str) -> None:
    """Raise `FlagError` unless the flag exists."""
    if name not in FLAG_NAMES:
        raise FlagError(f"unknown flag '{name}'.{suggest(name, FLAG_NAMES)}")


def check_value(name: str, value: object) -> FlagValue:
    """Return the value with its type narrowed; raise `FlagError` for an unknown name or a wrong type."""
    check_name(name)
    if name in BOOL_FLAGS:
        if isinstance(value, bool):
            return value
        raise FlagError(f"flag '{name}' must be true or false, got {type(value).__name__}")
    if value is None and name in NULLABLE_LIST_FLAGS:
        return None
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return list(value)
    wanted = "a list of strings" + (" or null" if name in NULLABLE_LIST_FLAGS else "")
    raise FlagError(f"flag '{name}' must be {wanted}, got {type(value).__name__}")


class FlagStore:
    """The authoritative flags, with every earlier state and the time it was replaced."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.started = clock()
        self._history: list[tuple[float, dict[str, FlagValue]]] = [(self.started, initial_flags())]

    @property
    def current(self) -> dict[str, FlagValue]:
        """The flags as they read back now."""
        return dict(self._history[-1][1])

    def put(self, name: str, value: FlagValue) -> None:
        """Write one flag."""
        self._history.append((self.clock(), {**self.current, name: value}))

    def delete(self, name: str) -> None:
        """Remove one flag, which then counts as its safe value."""
        flags = self.current
        del flags[name]
        self._history.append((self.clock(), flags))

    def at(self, moment: float) -> dict[str, FlagValue]:
        """Return the flags as they were at a moment of the clock."""
        for since, flags in reversed(self._history):
            if since <= moment:
                return flags
        return self._history[0][1]


class FlagCache:
    """The worker's view of the store, refreshed on a grid of `ttl` seconds since the start."""

    def __init__(self, store: FlagStore, ttl: float, faults: FaultSet) -> None:
        self._store = store
        self._ttl = ttl
        self._faults = faults

    def snapshot(self) -> FlagSnapshot:
        """Return the flags that apply to a decision made now."""
        # The store's history makes a lazy read equal to a periodic refresh, so an idle worker is not more up to date.
        now = self._store.clock()
        moment = now
        if self._ttl > 0:
            moment = now - (now - self._store.started) % self._ttl
        if self._faults.active("flag_no_effect"):
            moment = self._store.started
        elif self._faults.active("flag_slow"):
            moment = now - SLOW_SECONDS
        return self._resolve(self._store.at(moment))

    def _resolve(self, flags: dict[str, FlagValue]) -> FlagSnapshot:
        # A flag nobody wrote must never switch automation on: each missing name takes its safe value.
        unsafe = self._faults.active("missing_flags_on")
        templates = {t for t in TEMPLATES if flags.get(PREFIX + t, unsafe) is True}
        return FlagSnapshot(
            safe_mode=flags.get("safe_mode", not unsafe) is True,
            automation_enabled=flags.get("automation_enabled", unsafe) is True,
            channels=_as_tuple(flags.get("automation_enabled_channels", list(DEFAULT_CHANNELS) if unsafe else []))
            or (),
            templates=frozenset(templates),
            tier2_channels=_as_tuple(flags.get("tier2_channels", None if unsafe else [])),
            tier2_tags=_as_tuple(flags.get("tier2_tags", None if unsafe else [])),
        )


def _as_tuple(value: FlagValue) -> tuple[str, ...] | None:
    return tuple(value) if isinstance(value, list) else None
