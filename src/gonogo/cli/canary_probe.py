"""Sending the probe of a canary plan: its secret, its file of observations, its progress."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gonogo.errors import UsageError
from gonogo.metrics.canary_probe import (
    Observation,
    check_base_url,
    pair_observations,
    plan_sendings,
    send_probes,
    sum_up_probe,
)
from gonogo.model.canary import CanaryPlan
from gonogo.model.canary_probe import CanaryProbe, ProbeSight

_EVERY = 2.0


@dataclass(frozen=True, slots=True)
class Probed:
    """What was seen: pairs of id and version for the looks, the sight for the gates, the record for readers."""

    pairs: list[tuple[str, bool]]
    sight: ProbeSight
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Probing:
    """A probe that is ready to be sent; nothing about it is left to go wrong but the answers."""

    plan: CanaryPlan
    probe: CanaryProbe
    url: str
    phase: int
    seed: int
    token: str | None
    out: Path | None

    def send(self) -> Probed:
        """Send every id twice, telling of it on stderr; raises `UsageError` where the file cannot be written."""
        sendings = plan_sendings(self.plan, self.probe, self.phase, self.seed)
        seconds = len(sendings) / self.probe.rate
        _tell(f"probing {self.url}: {len(sendings):,} requests, at least {seconds:.0f} s")
        progress = _Progress(len(sendings))
        with ExitStack() as stack:
            file = stack.enter_context(_create(self.out)) if self.out is not None else None

            def observe(one: Observation) -> None:
                progress.step(failed=bool(one.fault))
                if file is not None:
                    file.write(json.dumps(one.to_json(), ensure_ascii=False) + "\n")

            seen = send_probes(self.plan, self.probe, self.url, sendings, token=self.token, observe=observe)
        sight = sum_up_probe(self.plan, sendings, seen)
        record = {
            "url": self.url,
            "seed": self.seed,
            "ids": self.probe.ids,
            "requests": sight.planned,
            "answered": sight.answered,
            "faults": dict(sorted(sight.faults.items())),
        }
        return Probed(pair_observations(self.plan, self.plan.key, seen), sight, record)


def prepare_probe(
    plan: CanaryPlan, url: str, *, phase: int, seed: int, out: Path | None, environ: Mapping[str, str] = os.environ
) -> Probing:
    """Return the plan's probe ready to be sent; raises `UsageError` for a bad URL, file or secret, or no probe."""
    if plan.probe is None:
        raise UsageError("--probe-url needs a plan that says how to send", "Add a probe section to the plan.")
    base = check_base_url(url)
    if out is not None and out.exists():
        raise UsageError(f"--out is {str(out)!r}, which is there already", "Name a new file.")
    return Probing(plan, plan.probe, base, phase, seed, _read_secret(plan.probe, environ), out)


def _read_secret(probe: CanaryProbe, environ: Mapping[str, str]) -> str | None:
    """Return the header's whole value, or None where the plan names no secret; no message shows any of it."""
    if probe.secret is None:
        return None
    name = probe.secret.env
    value = environ.get(name, "")
    if not value:
        raise UsageError(f"environment variable {name} is not set", f"Set {name} to the secret that the probe sends.")
    if not value.isascii() or not value.isprintable() or value != value.strip():
        raise UsageError(
            f"environment variable {name} holds what no header can carry",
            f"Set {name} to printable ASCII without spaces or a line end around it.",
        )
    return probe.secret.prefix + value


def _create(path: Path) -> Any:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("x", encoding="utf-8", buffering=1)
    except OSError as error:
        raise UsageError(f"--out is {str(path)!r}, which cannot be written: {error.strerror}") from error


class _Progress:
    """A line on stderr every two seconds."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._failed = total, 0, 0
        self._began = self._told = time.monotonic()

    def step(self, *, failed: bool) -> None:
        """Count one request, and tell of it where it is time."""
        self._done += 1
        self._failed += failed
        now = time.monotonic()
        if now - self._told >= _EVERY:
            self._told = now
            without = f", {self._failed:,} without a version" if self._failed else ""
            _tell(f"{now - self._began:6.1f} s  {self._done:,} of {self._total:,} requests{without}")


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
