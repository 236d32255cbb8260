"""The settings of one process, as given on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gonogo.sandbox.richpanel.faults import FaultSet


@dataclass(frozen=True)
class Settings:
    """Everything that shapes one middleware process; times are in seconds, rates are shares of 0 to 1."""

    token: str
    latency_low: float = 0.1
    latency_high: float = 0.4
    workers: int = 8
    flag_ttl: float = 1.0
    vendor_429: float = 0.0
    vendor_5xx: float = 0.0
    seed: int | None = None
    shuffle: bool = False
    admitted_rate: float = 20.0
    admitted_burst: float = 50.0
    labels: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)
    build: str = "richpanel-sandbox-1"
    env: str = "sandbox"
    faults: FaultSet = field(default_factory=FaultSet)
