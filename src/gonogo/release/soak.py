"""How long a stage was really observed to be well: pure arithmetic over samples, which never gives more than was seen.

Two good samples show the time between them where no more than two intervals lie there. What lies farther apart is a
gap and adds nothing; a red sample, another build or other flags start the soak again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gonogo.release.lengths import show_seconds, show_time
from gonogo.release.soak_sample import SAMPLES, Health, SoakSample, read_samples

__all__ = ["MOST_EVERY", "SoakMeter", "SoakResult", "feed_samples", "measure_soak", "soak_of"]

COVERED_INTERVALS = 2.0
# Whatever a session says that it meant to keep: who looks once a week has not watched for a week.
MOST_EVERY = 3600.0
# A poll is never exactly on time: so much of an interval more is no gap, and adds nothing either.
_LATE = 0.1
# The target tells whole seconds, and keeps what it tells for one: two comparisons that differ by less show one clock.
_COMPARED_TO = 2.5
# Two machines whose clocks were compared through the same server may still be apart by so many seconds.
CLOCK_DOUBT = 3.0
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class SoakResult:
    """What a soak came to: the seconds that were observed, since when, and why it began anew or is less than wanted.

    `backfilled` seconds are among `seconds` and were read later out of a source's past.
    """

    seconds: float
    since: float | None
    reasons: tuple[str, ...]
    required: float | None = None
    backfilled: float = 0.0
    samples: int = 0
    sessions: int = 0

    @property
    def complete(self) -> bool:
        """Return whether as much as was required was observed; nothing required is never complete."""
        return self.required is not None and self.seconds >= self.required

    def to_json(self) -> dict[str, Any]:
        """Return the result as it stands in watch.json."""
        return {
            "seconds": round(self.seconds, 3),
            "required": self.required,
            "complete": self.complete,
            "since": None if self.since is None else show_time(self.since),
            "backfilled_seconds": round(self.backfilled, 3),
            "samples": self.samples,
            "sessions": self.sessions,
            "reasons": list(self.reasons),
        }


def soak_of(
    source: Sequence[Path] | Sequence[SoakSample], required: float | None, *, not_before: float | None = None
) -> SoakResult:
    """Return the soak that samples show, or the samples of bundles' folders; `required` is in seconds.

    A sample that stands in several bundles counts once. What was seen before `not_before` (seconds since 1970), such as
    the last rollback, counts for nothing.
    """
    samples: list[SoakSample] = []
    unread: list[str] = []
    for one in source:
        if isinstance(one, SoakSample):
            samples.append(one)
            continue
        found, wrong = read_samples(one / SAMPLES)
        samples += found
        unread += wrong
    return measure_soak(samples, required, unread, not_before=not_before)


def measure_soak(
    samples: Iterable[SoakSample],
    required: float | None,
    notes: Sequence[str] = (),
    *,
    not_before: float | None = None,
) -> SoakResult:
    """Return the soak of samples in any order; total, deterministic, and never more than was observed."""
    every = list(samples)
    meter = feed_samples(SoakMeter(required), every, not_before=not_before)
    told = list(notes)
    if not_before is not None and any(one.at - (one.offset or 0.0) < not_before for one in every):
        told.append(f"what was seen before {show_time(not_before)}, when flags were changed on record, does not count")
    return meter.result(told)


def feed_samples(meter: SoakMeter, samples: Iterable[SoakSample], *, not_before: float | None = None) -> SoakMeter:
    """Add samples in any order to a meter and return it; each once, and none from before `not_before`."""
    recent = (one for one in samples if not_before is None or one.at - (one.offset or 0.0) >= not_before)
    unique = {(one.session, one.at, one.elapsed, one.health, one.build, one.flags): one for one in recent}
    barriers: dict[str, float] = {}
    for one in unique.values():
        if one.health is Health.RED and one.elapsed is not None:
            barriers[one.monotonic] = max(one.elapsed, barriers.get(one.monotonic, one.elapsed))
    placed = [(*meter.place(one), one) for one in sorted(unique.values(), key=lambda one: one.order)]
    for _, _, one in sorted(placed, key=lambda row: (row[1], row[2].order)):
        # A clock that was set back shows what came before a red sample as if it came after.
        before_red = one.elapsed is not None and one.elapsed < barriers.get(one.monotonic, -1.0)
        if one.health is Health.RED or not before_red:
            meter.add(one)
    return meter


class SoakMeter:
    """Adds up a soak sample by sample, in the order of their times; what it remembers grows with gaps, not with time.

    `required` is in seconds.
    """

    def __init__(self, required: float | None = None) -> None:
        self.required = required
        self._why = ""
        self._build: str | None = None
        self._flags: str | None = None
        self._any = False
        self._newest = float("-inf")
        self._clocks: dict[str, list[float]] = defaultdict(list)
        self._restart()

    def place(self, one: SoakSample) -> tuple[str, float]:
        """Return the clock that a sample was dated by, and its time by the target's clock as far as that is known.

        A machine whose clock was set has two: what they date is laid beside each other like that of two machines. One
        comparison differs a little from the next, and means no other clock.
        """
        if one.offset is None:
            return f"{one.host}?", one.at
        clocks = self._clocks[one.host]
        known = next((index for index, clock in enumerate(clocks) if abs(one.offset - clock) <= _COMPARED_TO), None)
        if known is None:
            known = len(clocks)
            clocks.append(one.offset)
        return f"{one.host}#{known}", one.at - clocks[known]

    def begin_again(self, why: str) -> None:
        """Forget what was observed so far, for a reason that no sample tells."""
        self._restart()
        self._why = f"began again: {why}"

    def _restart(self) -> None:
        self._all: dict[str, _Observed] = defaultdict(_Observed)
        self._live: dict[str, _Observed] = defaultdict(_Observed)
        self._since: float | None = None
        self._samples = 0
        self._sessions: set[str] = set()

    def add(self, one: SoakSample) -> None:
        """Take a sample; one that lies before the newest, by a clock that was set back, adds nothing."""
        self._any = True
        for what, before, now in (("build", self._build, one.build), ("flags", self._flags, one.flags)):
            if before is not None and now is not None and before != now:
                self._restart()
                self._why = f"began again with other {what} at {show_time(one.at)}"
        self._build, self._flags = one.build or self._build, one.flags or self._flags
        if one.health is Health.RED:
            self._restart()
            self._why = f"began again after a red sample at {show_time(one.at)}"
            self._why += f": {one.reasons[0]}" if one.reasons else ""
        clock, time = self.place(one)
        late, self._newest = time < self._newest, max(time, self._newest)
        if one.health is Health.RED or late:
            return
        self._samples += 1
        self._sessions.add(one.session)
        if one.health is Health.OK:
            self._since = one.at if self._since is None else self._since
            self._all[clock].add(one, time)
            if not one.backfilled:
                self._live[clock].add(one, time)

    def result(self, notes: Sequence[str] = ()) -> SoakResult:
        """Return what was observed up to now."""
        reasons = [*notes, *([self._why] if self._why else [])]
        if not self._any:
            reasons.append("no sample that counts")
        observed = _combine(self._all, reasons)
        seconds, live = _length(observed), _length(_combine(self._live, []))
        if seconds > live:
            reasons.append(f"{show_seconds(seconds - live)} of it were read later out of the sources' past")
        gaps = _gaps(observed)
        if gaps:
            together = show_seconds(_length(gaps))
            reasons.append(f"{len(gaps)} gaps without observation, {together} together: they add nothing")
        if self.required is not None and seconds < self.required:
            reasons.append(f"observed {show_seconds(seconds)} of {show_seconds(self.required)}")
        backfilled = max(0.0, seconds - live)
        sessions = len(self._sessions)
        return SoakResult(seconds, self._since, tuple(reasons), self.required, backfilled, self._samples, sessions)


@dataclass
class _Observed:
    """What was seen by one clock: disjoint spans in the order of time, and the last good sample for every interval."""

    spans: list[Span] = field(default_factory=list)
    last: dict[float, tuple[SoakSample, float]] = field(default_factory=dict)
    compared: bool = True

    def add(self, one: SoakSample, time: float) -> None:
        """Take a good sample that lies after all before it.

        One before of *each* interval counts: a slow session's samples still show their time when a fast one's come
        between.
        """
        self.compared = one.offset is not None
        for before, earlier in self.last.values():
            length = _length_between(before, one, time - earlier)
            if length is None:
                continue
            low = time - length
            while self.spans and self.spans[-1][1] >= low:
                low = min(low, self.spans.pop()[0])
            self.spans.append((low, time))
        self.last[one.every] = (one, time)


def _length_between(before: SoakSample, one: SoakSample, between: float) -> float | None:
    """Return how long before a good sample the time was seen to be well, None where the one before is too far."""
    if before.monotonic == one.monotonic and one.elapsed is not None and before.elapsed is not None:
        # A clock that was set forward shows more time than passed.
        between = min(between, one.elapsed - before.elapsed)
    every = min(one.every, before.every, MOST_EVERY)
    longest = COVERED_INTERVALS * every
    return min(between, longest) if 0 < between <= longest + _LATE * every else None


def _combine(clocks: Mapping[str, _Observed], reasons: list[str]) -> list[Span]:
    """Return the spans that were seen by all clocks together.

    Two clocks can be laid beside each other only through the target's, and not to the second: of every further one each
    span is cut at its ends by what the comparison may be wrong.
    """
    if len(clocks) < 2:
        return [span for one in clocks.values() for span in one.spans]
    first = max(clocks, key=lambda name: (_length(clocks[name].spans), name))
    total = list(clocks[first].spans)
    for name, one in sorted(clocks.items()):
        if name == first:
            continue
        if not (one.compared and clocks[first].compared):
            host = name.rstrip("?#0123456789") or name
            reasons.append(
                f"{host}: its clock was not always compared with the target's, so what it saw then is left out"
            )
            continue
        cut = [(low + CLOCK_DOUBT, high - CLOCK_DOUBT) for low, high in one.spans]
        total += [(low, high) for low, high in cut if low < high]
    return _union(total)


def _union(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def _length(spans: Iterable[Span]) -> float:
    return sum(high - low for low, high in spans)


def _gaps(spans: Sequence[Span]) -> list[Span]:
    holes = zip((high for _, high in spans), (low for low, _ in spans[1:]), strict=False)
    return [(low, high) for low, high in holes if high - low > 1.0]
