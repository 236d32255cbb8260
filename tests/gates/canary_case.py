"""Looks at two versions, drawn with a seed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gonogo.model.canary import CanaryPlan, Look, Side, StickyKey

PLAN = CanaryPlan(system="q2q", old="v1", new="v2")
WINDOW = 3600.0
GOOD = {"accuracy": 0.9, "p95": 600.0, "cost": 0.002, "errors": 0.01}


def draw_side(rng: Any, n: int, start: float, name: str, **truth: float) -> Side:
    """Return n requests of a version within one window."""
    real = {**GOOD, **truth}
    return Side(
        np.sort(start + rng.random(n) * WINDOW),
        {
            "correct": (rng.random(n) < real["accuracy"]).astype(float),
            "latency_ms": np.exp(rng.normal(math.log(real["p95"]) - 1.645 * 0.4, 0.4, n)),
            "cost": np.exp(rng.normal(math.log(real["cost"]) - 0.125, 0.5, n)),
            "error": (rng.random(n) < real["errors"]).astype(float),
        },
        frozenset(f"{name}-{start}-{place}" for place in range(n)),
    )


def join(first: Side, second: Side) -> Side:
    """Return two windows of one version together."""
    return Side(
        np.concatenate([first.times, second.times]),
        {name: np.concatenate([first.values[name], second.values[name]]) for name in first.values},
        first.keys | second.keys,
    )


def make_looks(
    seed: int, n: int, *, share: float = 0.1, windows: int = 3, plan: CanaryPlan = PLAN, **truth: float
) -> list[Look]:
    """Return the cumulated looks of a phase; n is the new version's requests a window, `truth` how it really is."""
    rng = np.random.default_rng(seed)
    looks: list[Look] = []
    new = old = None
    for number in range(1, windows + 1):
        start = (number - 1) * WINDOW
        here = draw_side(rng, n, start, "new", **truth)
        there = draw_side(rng, round(n * (1 - share) / share), start, "old")
        new, old = (here, there) if new is None or old is None else (join(new, here), join(old, there))
        repeated = 0 if plan.key is StickyKey.NONE else 20
        looks.append(Look(number, start, start + WINDOW, new, old, repeated, 0))
    return looks
