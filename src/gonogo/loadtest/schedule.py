"""When each message of a load is sent, and which: computed before anything is sent, the same for every worker."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from gonogo.errors import UsageError
from gonogo.model.load import Arrivals, Spacing

_BLOCK = 1000


@dataclass(frozen=True, slots=True)
class Schedule:
    """Arrivals in the order of their time: `offsets` in seconds after the start, `messages` which event is delivered.

    An event that is delivered again keeps its number; `events` is how many different ones there are. `seconds` is how
    long the load lasts.
    """

    offsets: array[float]
    messages: array[int]
    events: int
    seconds: float

    def __len__(self) -> int:
        """Return how many arrivals there are."""
        return len(self.offsets)


def build_schedule(arrivals: Arrivals, *, duration: float | None = None, time_scale: float = 1.0) -> Schedule:
    """Return the arrivals of a profile; the same profile gives the same schedule on every machine.

    Poisson arrivals are uniform times in order: that is the process, given how many come in its time (Ross, Stochastic
    Processes, 2nd ed., 1996, theorem 2.3.1), so the count is exact. `duration` (seconds) ends the profile early at its
    true rate, `time_scale` compresses what is left. Raises `UsageError` where no arrival is left.
    """
    rng = random.Random(arrivals.seed)
    offsets = array("d")
    start = 0.0
    for segment in arrivals.segments:
        for _ in range(segment.times):
            offsets.extend(_place(segment.count, start, segment.over, arrivals.spacing, rng))
            start += segment.over
    seconds = arrivals.seconds
    if duration is not None and duration < seconds:
        seconds = duration
        offsets = array("d", (one for one in offsets if one < duration))
    if not offsets:
        raise UsageError(f"no message arrives within {seconds:g} s", "Give a longer --duration.")
    if time_scale != 1:
        seconds /= time_scale
        offsets = array("d", (one / time_scale for one in offsets))
    messages, events = number_events(len(offsets), arrivals.redeliver)
    return Schedule(offsets, messages, events, seconds)


def _place(count: int, start: float, over: float, spacing: Spacing, rng: random.Random) -> list[float]:
    if spacing is Spacing.EVEN:
        return [start + index * over / count for index in range(count)]
    return sorted(start + rng.random() * over for _ in range(count))


def number_events(count: int, share: float) -> tuple[array[int], int]:
    """Return which event each arrival delivers, and how many events there are; `share` deliver the one before again."""
    messages = array("I", bytes(array("I").itemsize * count))
    events = 0
    for index in range(count):
        # A billionth, since ten times 0.1 added up is a little less than one.
        again = int((index + 1) * share + 1e-9) > int(index * share + 1e-9)
        if again and events:
            messages[index] = events - 1
        else:
            messages[index] = events
            events += 1
    return messages, events


def weave(weights: Sequence[float], length: int = _BLOCK) -> list[int]:
    """Return indexes so that every stretch of them holds each in proportion to its weight, as nearly as can be.

    Each step takes the index that is furthest behind its share. Raises `UsageError` where no weight is above zero.
    """
    total = sum(weights)
    if not total > 0:
        raise UsageError("no case has a weight above 0, so there is nothing to send")
    shares = [weight / total for weight in weights]
    owed = [0.0] * len(shares)
    chosen = []
    for _ in range(length):
        owed = [have + share for have, share in zip(owed, shares, strict=True)]
        best = max(range(len(owed)), key=owed.__getitem__)
        owed[best] -= 1
        chosen.append(best)
    return chosen


def asked_per_second(offsets: Sequence[float], seconds: float) -> list[int]:
    """Return how many arrivals each second of a load has; the last one may be shorter."""
    counts = [0] * (int(seconds) + 1)
    for one in offsets:
        counts[min(int(one), len(counts) - 1)] += 1
    return counts if counts[-1] or len(counts) == 1 else counts[:-1]
