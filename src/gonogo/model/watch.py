"""Watch rules: gates that are judged again and again while a stage soaks, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from gonogo.model.gate import Comparison, Duration, GateSpec, Limit, Weight, measurement_key, word_of
from gonogo.model.metric import GatesFile, MetricSpec, SourceSpec
from gonogo.model.outcome import CheckClass, SourceRef
from gonogo.model.vocabulary import Frozen, Name, Word

CHECK = "limit"
SOAK_CASE = "SOAK"
SOAK_CHECK = "observed"


class OwnMetric(StrEnum):
    """What the watch measures by itself, without a source: the target's health, and its own probes."""

    HEALTH = "target.health"
    PROBE_SECONDS = "probe.seconds"
    PROBE_LOST = "probe.lost"
    PROBE_REPLIES = "probe.replies"
    PROBE_REFUSED = "probe.refused"

    @property
    def needs_probe(self) -> bool:
        """Return whether only synthetic messages can show it."""
        return self.value.startswith("probe.")


class Part(StrEnum):
    """Which threshold of a rule a gate stands for."""

    LIMIT = "limit"
    ABSOLUTE = "absolute"
    WARNING = "warning"
    WHEN = "when"


class Condition(Frozen):
    """What must be so as well before a breach counts: a metric that stands so to its limit."""

    metric: Word
    comparison: Annotated[Comparison, BeforeValidator(word_of(Comparison))]
    limit: Limit
    window: Duration | None = None

    def as_gate(self, rule: str) -> GateSpec:
        """Return the condition as a gate that passes where it holds."""
        return GateSpec(
            id=f"{rule}-when", metric=self.metric, comparison=self.comparison, limit=self.limit, window=self.window
        )


class WatchRule(GateSpec):
    """One gate that is judged at every poll.

    `warn` is a second limit of the same quantity whose breach is told and never a trigger. `absolute` stands beside a
    limit that needs a baseline, and is all that is judged where there is none yet. A breach counts once it has lasted
    `lasting` seconds; with `when` only while that holds too, and where that cannot be seen it counts. No data for
    longer than `patience` seconds holds the release. `subject` names the template or intent that option B of a rollback
    switches off.
    """

    warn: Limit | None = None
    absolute: Limit | None = None
    patience: Duration = 120.0
    lasting: Duration | None = None
    when: Condition | None = None
    subject: Word | None = None

    @property
    def name(self) -> str:
        """Return what people call the rule."""
        return self.title or self.metric

    @property
    def needs_probe(self) -> bool:
        """Return whether the rule needs synthetic messages."""
        return self.metric in set(OwnMetric) and OwnMetric(self.metric).needs_probe

    @property
    def check_class(self) -> CheckClass:
        """Return the class of the rule's check."""
        return self.weight.cls

    def gates(self) -> dict[Part, GateSpec]:
        """Return the gates that the rule is made of, each with an id of its own."""
        plain = {name: getattr(self, name) for name in GateSpec.model_fields}
        gates = {Part.LIMIT: GateSpec(**plain)}
        if self.absolute is not None:
            value = {**plain, "direction": "value", "scale": "absolute", "baseline": None, "limit": self.absolute}
            gates[Part.ABSOLUTE] = GateSpec(**{**value, "id": f"{self.id}-absolute"})
        if self.warn is not None:
            soft = {**plain, "limit": self.warn, "weight": Weight.SOFT, "id": f"{self.id}-warning"}
            gates[Part.WARNING] = GateSpec(**soft)
        if self.when is not None:
            gates[Part.WHEN] = self.when.as_gate(self.id)
        return gates


class ProbePolicy(Frozen):
    """How often a synthetic message is sent, and how long its decision may take, in seconds."""

    every: Duration = 300.0
    deadline: Duration | None = None


class WatchFile(Frozen):
    """A file of watch rules: sources, what is read from them, and the rules.

    `heartbeats` names for a source a metric whose value always moves while the source is alive, such as its clock: a
    page that answers with what it held an hour ago is known by a heart that stands still.
    """

    system: Name
    sources: dict[Name, SourceSpec] = Field(default_factory=dict)
    metrics: dict[Word, MetricSpec] = Field(default_factory=dict)
    heartbeats: dict[Name, Word] = Field(default_factory=dict)
    probes: ProbePolicy | None = None
    rules: Annotated[tuple[WatchRule, ...], Field(min_length=1)]

    def as_gates(self) -> GatesFile:
        """Return the rules that read a source, and the heartbeats, as a gates file."""
        rules = tuple(rule for rule in self.rules if rule.metric not in set(OwnMetric))
        hearts = tuple(
            GateSpec(id=f"heartbeat-{source}", metric=metric, comparison=Comparison.ABOVE, limit=Decimal(0))
            for source, metric in self.heartbeats.items()
        )
        gates = tuple(gate for rule in rules for gate in rule.gates().values())
        return GatesFile.model_construct(
            system=self.system, sources=self.sources, metrics=self.metrics, gates=(*gates, *hearts)
        )

    def stale_after(self) -> dict[str, float]:
        """Return for every metric the shortest patience of the rules that read it, in seconds."""
        patience: dict[str, float] = {}
        for rule in self.rules:
            for metric in (rule.metric, rule.baseline):
                spec = self.metrics.get(metric or "")
                for name in (metric, spec.divide_by if spec else None, rule.when.metric if rule.when else None):
                    if name is not None:
                        patience[name] = min(patience.get(name, rule.patience), rule.patience)
        return patience


@dataclass(frozen=True, slots=True)
class WatchPack:
    """A file of watch rules as a watch sees it: its place, the digest of its bytes, and the line of each rule."""

    file: str
    digest: str
    content: WatchFile
    lines: Mapping[str, int]

    @property
    def rules(self) -> tuple[WatchRule, ...]:
        """Return the rules in the order of the file."""
        return self.content.rules

    def source_of(self, rule: str) -> SourceRef:
        """Return the place of a rule."""
        return SourceRef(self.file, self.lines[rule])


def baseline_key(rule: GateSpec) -> str | None:
    """Return the key of the measurement that a rule is compared with, None where it needs none."""
    if not rule.needs_baseline or rule.baseline is None:
        return None
    return measurement_key(rule.baseline, rule.window)


def needs_absolute(rule: WatchRule) -> bool:
    """Return whether a rule lacks the absolute limit that it needs: a first deploy has no baseline."""
    return rule.needs_baseline and rule.absolute is None
