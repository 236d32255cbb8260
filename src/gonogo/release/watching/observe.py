"""What one poll of a watch sees: measurements, the target's health, build and flags, and its own probes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from gonogo.errors import TargetError
from gonogo.extras import import_extra
from gonogo.metrics.exposition import ExpositionSource
from gonogo.metrics.history import PageHistory
from gonogo.metrics.interface import MetricSource, Span
from gonogo.model.flags import ABSENT, SAFE_MODE, FlagState, describe_value, is_automation_on
from gonogo.model.gate import Flaw, FlawKind, Measurement, measurement_key
from gonogo.model.metric import GatesFile, MetricSpec, Reduce, SourceKind
from gonogo.model.watch import OwnMetric, WatchFile
from gonogo.release.watching.probes import ProbeRunner
from gonogo.run.flagjournal import flag_json
from gonogo.run.measure import measure_gates, open_sources
from gonogo.targets.interface import NotAvailable, Target

_OWN_SOURCE = "watch"
_SHOWN = 3
# After this part of a rule's patience its data counts as stale: patience ends when the data is that old.
_FRESH_PART = 0.5


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at everything; `flags` is a digest, `offset` how far our clock is ahead of the target's in seconds.

    `elsewhere` says how the flags differ from those of the stage, and is empty where they do not or cannot be read.
    `automation_off` says whether the flags in the store stop every reply, None where they could not be read.
    """

    measured: Mapping[str, Measurement]
    build: str | None
    flags: str | None
    offset: float | None
    notes: tuple[str, ...] = ()
    points: Mapping[str, Any] = field(default_factory=dict)
    automation_off: bool | None = None
    elsewhere: str = ""


class Observer(Protocol):
    """Looks at a stage once; never raises for what the other side does."""

    def observe(self, now: datetime, elapsed: float) -> Observation:
        """Return what there is to see at `now`, `elapsed` seconds after the session began."""

    def restore(self, points: Mapping[str, Any], at: float, oldest: float) -> None:
        """Take up what an earlier session scraped at `at`; nothing from before `oldest` and its window."""

    def close(self) -> None:
        """Let go of connections."""


@dataclass
class LiveObserver:
    """Observes a deployed target and the sources of a watch file."""

    rules: WatchFile
    target: Target
    sources: Mapping[str, MetricSource]
    gates: GatesFile
    probes: ProbeRunner | None
    expected: FlagState = field(default_factory=dict)
    _hearts: dict[str, tuple[float | None, float]] = field(default_factory=dict)
    _offset: float | None = None

    @classmethod
    def of(
        cls,
        rules: WatchFile,
        target: Target,
        base_url: str,
        root: Path,
        environ: Mapping[str, str],
        probes: ProbeRunner | None,
        expected: FlagState | None = None,
    ) -> LiveObserver:
        """Return an observer whose pages lie on the target at `base_url`; `expected` are the flags of the stage."""
        # Now, and not while the first poll waits for it.
        import_extra("pandas", "gates")
        import_extra("prometheus_client.parser", "gates")
        gates = _fresh(rules)
        places = {
            name: f"{base_url.rstrip('/')}/{spec.path.lstrip('/')}"
            for name, spec in rules.sources.items()
            if spec.kind is SourceKind.EXPOSITION and spec.path is not None
        }
        opened = open_sources(gates, root, environ, places)
        sources: dict[str, MetricSource] = {
            name: _with_history(name, source, rules) if isinstance(source, ExpositionSource) else source
            for name, source in opened.items()
        }
        return cls(rules, target, sources, gates, probes, expected or {})

    def close(self) -> None:
        """Close every source; the target belongs to whoever opened it."""
        for source in self.sources.values():
            source.close()

    def observe(self, now: datetime, elapsed: float) -> Observation:
        """Return one look at everything, each source asked once for each thing that it is asked."""
        notes: list[str] = []
        measured = measure_gates(self.gates, self.sources, now)
        self._drop_short_baselines(measured, now)
        self._check_hearts(measured, now, elapsed)
        measured[OwnMetric.HEALTH] = self._measure_health(now)
        if self.probes is not None:
            measured |= self.probes.measure(now, elapsed)
            notes += self.probes.notes()
        build, (flags, off, elsewhere) = self._read_build(notes), self._read_flags(notes)
        for source in self.sources.values():
            if isinstance(source, PageHistory) and source.clock_offset is not None:
                self._offset = round(source.clock_offset, 1)
        return Observation(measured, build, flags, self._offset, tuple(notes), self._points(), off, elsewhere)

    def restore(self, points: Mapping[str, Any], at: float, oldest: float) -> None:
        """Take up what an earlier session scraped at `at`, so that counters have a past at the first poll.

        What was scraped before `oldest`, and before its window, says nothing about now.
        """
        for name, kept in points.items():
            source = self.sources.get(name)
            if isinstance(source, PageHistory):
                for metric, rows in kept.items():
                    for labels, time, value in rows:
                        source.restore(metric, labels, at if time is None else float(time), float(value), oldest=oldest)

    def _points(self) -> dict[str, Any]:
        return {name: source.points() for name, source in self.sources.items() if isinstance(source, PageHistory)}

    def _drop_short_baselines(self, measured: dict[str, Measurement], now: datetime) -> None:
        """Take away a baseline that the page was not scraped for long enough: half a window is no baseline."""
        for rule in self.rules.rules:
            if rule.baseline is None:
                continue
            spec = self.rules.metrics[rule.baseline]
            source, seconds = self.sources[spec.source], rule.window or spec.window
            if isinstance(source, PageHistory) and seconds and not source.reaches(Span.until(now, seconds)):
                key = measurement_key(rule.baseline, rule.window)
                why = "the page was not scraped for the whole window yet"
                measured[key] = Measurement.missing(rule.baseline, FlawKind.NO_DATA, why, spec.source)

    def _check_hearts(self, measured: dict[str, Measurement], now: datetime, elapsed: float) -> None:
        """Date everything of a source back to the last beat of its heart, as stale once half a patience has passed."""
        patience = self.rules.stale_after()
        for source, heart in self.rules.heartbeats.items():
            beat = measured[heart].value
            value = None if beat is None or beat != beat else float(beat)
            last, since = self._hearts.setdefault(source, (value, elapsed))
            if value is not None and value != last:
                self._hearts[source] = (value, elapsed)
                continue
            still = elapsed - since
            flaw = Flaw(FlawKind.STALE, f"{heart} has stood still for {still:,.0f} s: {source} tells of the past")
            for key, one in measured.items():
                metric = self.rules.metrics.get(one.metric)
                if metric is None or metric.source != source:
                    continue
                stale = still > patience.get(one.metric, 0.0) * _FRESH_PART
                problems = (*one.problems, flaw) if stale else one.problems
                at = now - timedelta(seconds=still)
                measured[key] = replace(one, at=min(one.at, at) if one.at else at, problems=problems)

    def _measure_health(self, now: datetime) -> Measurement:
        try:
            health = self.target.check_health()
        except TargetError:
            # Who cannot be reached is not healthy, whatever the reason.
            return Measurement(OwnMetric.HEALTH, 0, None, at=now, source=_OWN_SOURCE)
        if isinstance(health, NotAvailable):
            if health.broken:
                return Measurement(OwnMetric.HEALTH, 0, None, at=now, source=_OWN_SOURCE)
            return Measurement.missing(OwnMetric.HEALTH, FlawKind.NO_DATA, health.reason, _OWN_SOURCE)
        return Measurement(OwnMetric.HEALTH, 1 if health.value else 0, None, at=now, source=_OWN_SOURCE)

    def _read_build(self, notes: list[str]) -> str | None:
        try:
            identity = self.target.read_identity()
        except TargetError:
            notes.append("the build could not be read")
            return None
        return None if isinstance(identity, NotAvailable) else identity.value.build

    def _read_flags(self, notes: list[str]) -> tuple[str | None, bool | None, str]:
        try:
            flags = self.target.read_flags()
        except TargetError:
            notes.append("the flags could not be read")
            return None, None, ""
        if isinstance(flags, NotAvailable):
            return None, None, ""
        text = json.dumps({name: flag_json(value) for name, value in flags.value.items()}, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return digest, not is_automation_on(flags.value), _differ(flags.value, self.expected)


def _differ(flags: FlagState, expected: FlagState) -> str:
    """Return how flags differ from those of a stage, in words; a flag that is missing works as its safe value."""
    wrong = []
    for name, wanted in expected.items():
        seen = flags.get(name, ABSENT)
        if seen is ABSENT:
            seen = name == SAFE_MODE if isinstance(wanted, bool) else wanted
        alike = set(seen) == set(wanted) if isinstance(seen, tuple) and isinstance(wanted, tuple) else seen == wanted
        if not alike:
            wrong.append(f"{name} is {describe_value(seen)} and not {describe_value(wanted)}")
    more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return f"the flags are not those of the stage: {', '.join(wrong[:_SHOWN])}{more}" if wrong else ""


def _fresh(rules: WatchFile) -> GatesFile:
    """Return the rules' gates with a limit of age on every metric whose source can show one."""
    gates, patience = rules.as_gates(), rules.stale_after()
    metrics: dict[str, MetricSpec] = {}
    for name, spec in gates.metrics.items():
        kind = gates.sources[spec.source].kind
        allowed: float | None = patience[name] * _FRESH_PART if name in patience else None
        if kind is SourceKind.CLOUDWATCH or (kind.is_file and spec.time_column):
            # A point tells of a period that is over before it can be read.
            allowed = (allowed or 0.0) + (spec.window or 0.0) or None
        elif kind.is_file:
            allowed = None
        known = spec.stale_after if spec.stale_after is not None else allowed
        metrics[name] = spec.model_copy(update={"stale_after": known})
    return gates.model_copy(update={"metrics": metrics})


def _with_history(name: str, source: ExpositionSource, rules: WatchFile) -> PageHistory:
    """Return a page that remembers as much as the rules look back."""
    windows: dict[str, float] = {}
    counters: set[str] = set()
    labels: set[str] = set()
    asked = [(rule.metric, rule.window) for rule in rules.rules]
    asked += [(rule.baseline, rule.window) for rule in rules.rules if rule.baseline is not None]
    asked += [(rule.when.metric, rule.when.window) for rule in rules.rules if rule.when is not None]
    asked += [(rules.metrics[metric].divide_by or "", window) for metric, window in asked if metric in rules.metrics]
    for metric, window in asked:
        spec = rules.metrics.get(metric)
        length = window or (spec.window if spec else None)
        if spec is None or spec.source != name or spec.query is None or length is None:
            continue
        windows[spec.query] = max(length, windows.get(spec.query, 0.0))
        labels |= set(spec.labels)
        if spec.reduce is Reduce.INCREASE:
            counters.add(spec.query)
    return PageHistory(source.fetch, source.close, windows, frozenset(counters), frozenset(labels))
