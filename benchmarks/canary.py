"""Simulated canary rollouts: how often a good version is aborted, and how often a bad one is found; fixed seeds.

    python benchmarks/canary.py [--rollouts 1000] [--per-window 1500] [--seed 1]

Each rollout goes through the judged phases of the default plan (10 and 50 %), up to three windows each. Beside it, on
the same samples: a plain rule that compares the first window's figures with the limits, and the rule of the canary
judges (Mann-Whitney on the figures of each minute, shift beyond 25 %). "Of these" are the aborts because no window
showed that the new version is good, not because one showed that it is worse. `--per-window` is the number of requests
of the *new* version in a window; the old one has nine times as many at 10 %, and as many at 50 %.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from gonogo.gates.canary import judge_phase
from gonogo.gates.comparison import compare_sides
from gonogo.model.canary import CanaryPlan, Criterion, Look, Result, Side, StickyKey

# Ids are left out: stickiness is not what is simulated.
PLAN = CanaryPlan(system="q2q", old="v1", new="v2", key=StickyKey.NONE)
RULES = ("ours", "late", "plain", "judges")
MINUTES = 60
WINDOW = 3600.0


@dataclass(frozen=True)
class Truth:
    """What a version is really like: shares, milliseconds, money."""

    accuracy: float = 0.90
    p95: float = 600.0
    cost: float = 0.002
    errors: float = 0.01


GOOD = Truth()
SCENARIOS = {
    "nothing changed": GOOD,
    "accuracy -0.10": Truth(accuracy=0.80),
    "p95 +40 %": Truth(p95=600 * 1.4),
    "cost +60 %": Truth(cost=0.002 * 1.6),
    "errors +2 points": Truth(errors=0.03),
    "all better": Truth(accuracy=0.93, p95=540, cost=0.0018, errors=0.008),
    "accuracy -0.025 (half the limit)": Truth(accuracy=0.875),
}
_SPREAD = 0.4
_Z95 = 1.6448536269514722


def draw(rng: np.random.Generator, truth: Truth, n: int, start: float) -> tuple[Any, dict[str, Any]]:
    """Return times and values of n requests of a version within one window."""
    times = np.sort(start + rng.random(n) * WINDOW)
    latency = np.exp(rng.normal(math.log(truth.p95) - _Z95 * _SPREAD, _SPREAD, n))
    cost = np.exp(rng.normal(math.log(truth.cost) - 0.5 * 0.5**2, 0.5, n))
    return times, {
        "correct": (rng.random(n) < truth.accuracy).astype(float),
        "latency_ms": latency,
        "cost": cost,
        "error": (rng.random(n) < truth.errors).astype(float),
    }


def make_looks(rng: np.random.Generator, truth: Truth, share: float, per_window: int) -> Iterator[Look]:
    """Yield the cumulated looks of one phase."""
    sides: list[tuple[list[Any], list[dict[str, Any]]]] = [([], []), ([], [])]
    for number in range(1, PLAN.windows + 1):
        start = (number - 1) * WINDOW
        total = rng.poisson(per_window / share)
        new = rng.binomial(total, share)
        for (times, values), version, n in zip(sides, (truth, GOOD), (new, total - new), strict=True):
            drawn = draw(rng, version, n, start)
            times.append(drawn[0])
            values.append(drawn[1])
        built = [
            Side(
                np.concatenate(times),
                {name: np.concatenate([one[name] for one in values]) for name in values[0]},
                frozenset(),
            )
            for times, values in sides
        ]
        yield Look(number, start, start + WINDOW, built[0], built[1])


def run_ours(rollout: list[tuple[Look, Iterator[Look]]]) -> tuple[Result, bool]:
    """Return the end of a rollout, judged window by window and phase by phase, and whether it ran out of windows."""
    for place, (first, following) in enumerate(rollout):
        looks: list[Look] = []
        for look in itertools.chain([first], following):
            looks.append(look)
            judged = judge_phase(PLAN, place, looks)
            if judged.result is Result.ABORT:
                return Result.ABORT, judged.looks[-1].result is not Result.ABORT
            if judged.result is Result.PROMOTE:
                break
    return Result.PROMOTE, False


def run_plain(rollout: list[tuple[Look, Iterator[Look]]]) -> Result:
    """Return what a rule does that compares the first window of each phase with the limits."""
    for look, _ in rollout:
        for criterion in PLAN.criteria:
            new, old = look.new.values[criterion.field], look.old.values[criterion.field]
            effect = compare_sides(new, old, criterion, test_level=0.05, bound_level=0.05, power=0.95).effect
            if effect is None or effect > float(criterion.limit):
                return Result.ABORT
    return Result.PROMOTE


def by_minute(side: Side, look: Look, criterion: Criterion) -> Any:
    """Return the figure of each minute of a look's window."""
    inside = (side.times >= look.start) & (side.times < look.end)
    minute = ((side.times[inside] - look.start) // (WINDOW / MINUTES)).astype(int)
    values = side.values[criterion.field][inside]
    figures = []
    for place in range(MINUTES):
        chosen = values[minute == place]
        if chosen.size:
            quantile = criterion.statistic.quantile
            figures.append(float(chosen.mean()) if quantile is None else float(np.quantile(chosen, quantile)))
    return np.array(figures)


def is_high(experiment: Any, control: Any, *, rises: bool) -> bool:
    """Return whether the judges' rule calls a metric worse: the 98 % interval of the shift lies beyond 25 %."""
    differences = np.sort(np.subtract.outer(experiment, control).ravel())
    estimate = float(np.median(differences))
    n, m = experiment.size, control.size
    reach = stats.norm.ppf(0.99) * math.sqrt(n * m * (n + m + 1) / 12)
    low = max(0, round(n * m / 2 - reach))
    lower, upper = differences[low], differences[n * m - 1 - low]
    bound = 0.25 * abs(estimate)
    return bool(lower > bound) if rises else bool(upper < -bound)


def run_judges(rollout: list[tuple[Look, Iterator[Look]]]) -> Result:
    """Return what the canary judges' rule does with the first window of each phase: any metric worse fails."""
    for look, _ in rollout:
        for criterion in PLAN.criteria:
            new, old = (by_minute(side, look, criterion) for side in (look.new, look.old))
            if is_high(new, old, rises=criterion.direction.value == "rise"):
                return Result.ABORT
    return Result.PROMOTE


def simulate(truth: Truth, rollouts: int, per_window: int, seed: int) -> dict[str, Counter[Result]]:
    """Return how many rollouts ended how, by rule."""
    ends: dict[str, Counter[Result]] = {rule: Counter() for rule in RULES}
    for number in range(rollouts):
        rng = np.random.default_rng([seed, number])
        phases = [make_looks(rng, truth, phase.share, per_window) for phase in PLAN.judged_phases]
        rollout = [(next(looks), looks) for looks in phases]
        ends["plain"][run_plain(rollout)] += 1
        ends["judges"][run_judges(rollout)] += 1
        result, is_late = run_ours(rollout)
        ends["ours"][result] += 1
        ends["late"][result] += is_late
    return ends


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=1000)
    parser.add_argument("--per-window", type=int, nargs="+", default=[1500])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", nargs="+", default=list(SCENARIOS), choices=list(SCENARIOS))
    chosen = parser.parse_args()
    print("aborted of all rollouts; limits: accuracy -0.05, p95 +20 %, cost +30 %, errors +1 point")
    print(f"{'requests':>8}  {'new version':<33} {'gonogo':>8} {'of these':>8} {'plain':>8} {'judges':>8}")
    for per_window in chosen.per_window:
        for name in chosen.scenario:
            began = time.perf_counter()
            ends = simulate(SCENARIOS[name], chosen.rollouts, per_window, chosen.seed)
            shares = [ends[rule][Result.ABORT] / chosen.rollouts for rule in RULES]
            row = " ".join(f"{share:8.1%}" for share in shares)
            print(f"{per_window:8,}  {name:<33} {row}   ({time.perf_counter() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
