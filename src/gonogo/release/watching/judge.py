"""Rules and triggers over the polls of a watch: what each shows now, since when, and what fired; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gonogo.gates.evaluate import evaluate_gate
from gonogo.model.gate import FlawKind, GateResult, Measurement, Number, number_json
from gonogo.model.outcome import CheckClass, Outcome
from gonogo.model.release_plan import Trigger, TriggerKind
from gonogo.model.watch import Part, WatchRule, baseline_key
from gonogo.release.lengths import show_seconds
from gonogo.release.soak_sample import Health

TREND = 16
NO_DATA_TRIGGER = "no-data"
_BAD = (Outcome.INCONCLUSIVE, Outcome.NOT_RUN, Outcome.ERROR, Outcome.PENDING)


class Level(StrEnum):
    """What a rule shows now, from best to worst; failing is a breach that has not lasted long enough to count."""

    OK = "ok"
    WARN = "warn"
    NO_DATA = "no data"
    STARVED = "no data too long"
    FAILING = "failing"
    RED = "red"

    @property
    def is_blind(self) -> bool:
        """Return whether the rule shows nothing at all."""
        return self in (Level.NO_DATA, Level.STARVED)


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule as it stands: its level since when (seconds since 1970), the sentence, and its last values."""

    rule: WatchRule
    level: Level
    since: float
    sentence: str
    value: Number | None
    n: int | None
    result: GateResult
    trend: tuple[float | None, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what a sample's record keeps of the rule."""
        record: dict[str, Any] = {
            "level": self.level.value,
            "value": number_json(self.value),
            "since": round(self.since, 3),
        }
        if self.n is not None:
            record["n"] = self.n
        if self.level is not Level.OK:
            record["sentence"] = self.sentence
        return record


@dataclass(frozen=True, slots=True)
class Firing:
    """One trigger that fired: first when, with which reasons, and whether it still does.

    `trigger` is None where a rule had no data for longer than its patience: that holds, whatever the plan says.
    """

    id: str
    name: str
    kind: TriggerKind
    option: str
    rule: str
    at: float
    reasons: tuple[str, ...]
    active: bool = True
    trigger: Trigger | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """What one poll came to: every rule, what newly fired, what no longer does, and the health of the sample."""

    at: float
    views: tuple[RuleView, ...]
    fired: tuple[Firing, ...]
    cleared: tuple[Firing, ...]
    health: Health
    reasons: tuple[str, ...]


@dataclass
class _RuleState:
    """What is remembered of a rule between polls."""

    level: Level | None = None
    since: float = 0.0
    breach_since: float | None = None
    data_at: float = 0.0
    had_data: bool = False
    trend: deque[float | None] = field(default_factory=lambda: deque(maxlen=TREND))


class RuleBook:
    """Judges every rule at every poll; what it remembers is bounded by the number of rules.

    `started` (seconds since 1970) is when patience begins for a rule that never had data.
    """

    def __init__(self, rules: Sequence[WatchRule], triggers: Sequence[Trigger], started: float) -> None:
        self.rules = tuple(rules)
        self._gates = {rule.id: rule.gates() for rule in self.rules}
        self._triggers = [one for one in triggers if one.rule is not None]
        self._states = {rule.id: _RuleState(since=started, data_at=started) for rule in self.rules}
        self.firings: dict[str, Firing] = {}

    def judge(self, measured: Mapping[str, Measurement], now: float) -> Round:
        """Return what the rules show for the measurements of one poll, and what fired with it."""
        views = tuple(self._judge_rule(rule, measured, now) for rule in self.rules)
        fired, cleared = self._update_firings(views, now)
        health, reasons = judge_health(views)
        return Round(now, views, tuple(fired), tuple(cleared), health, reasons)

    def restore(self, records: Mapping[str, Mapping[str, Any]], at: float) -> None:
        """Take up what an earlier session's last sample, seen at `at`, says of the rules."""
        for rule in self.rules:
            record, state = records.get(rule.id), self._states[rule.id]
            state.data_at = at
            if record is None:
                continue
            state.level, state.since = Level(record["level"]), float(record["since"])
            if state.level in (Level.RED, Level.FAILING):
                # A breach is red once it has lasted.
                lasted = rule.lasting or 0.0 if state.level is Level.RED else 0.0
                state.breach_since = state.since - lasted
            state.data_at = state.since if state.level.is_blind else at
            if state.level is Level.RED:
                # It fired when it turned red, and was told then.
                self._restore_firings(rule, str(record.get("sentence", "")), state.since)

    def _restore_firings(self, rule: WatchRule, sentence: str, since: float) -> None:
        for trigger in self._triggers:
            if trigger.rule == rule.id:
                self.firings[trigger.id] = _of_trigger(trigger, rule, sentence, since)

    def _judge_rule(self, rule: WatchRule, measured: Mapping[str, Measurement], now: float) -> RuleView:
        current = measured.get(rule.reads)
        if current is None:
            current = Measurement.missing(rule.metric, FlawKind.NO_DATA, "it was not measured")
        key = baseline_key(rule)
        baseline = measured.get(key) if key is not None else None
        result, warned, note = self._evaluate(rule, current, baseline)
        excused = self._is_excused(rule, measured)
        state = self._states[rule.id]
        seen = now if current.at is None else min(now, current.at.timestamp())
        level = self._level(rule, state, result, warned, now, seen)
        if excused and level in (Level.RED, Level.FAILING):
            level, state.breach_since = Level.WARN, None
            note += f"; no trigger while {rule.when.metric if rule.when else ''} is well"
        if level is not state.level:
            state.level, state.since = level, now
        state.trend.append(_figure(result))
        told = warned if level is Level.WARN and warned is not None and not excused else result
        sentence = told.sentence
        if level is Level.STARVED:
            sentence = f"no data for {show_seconds(now - state.data_at)}: {result.sentence}"
        elif level is Level.FAILING and state.breach_since is not None and rule.lasting is not None:
            lasted = show_seconds(now - state.breach_since)
            sentence += f"; failing for {lasted}, counts after {show_seconds(rule.lasting)}"
        return RuleView(rule, level, state.since, sentence + note, result.value, result.n, result, tuple(state.trend))

    def _is_excused(self, rule: WatchRule, measured: Mapping[str, Measurement]) -> bool:
        """Return whether a breach does not count since what must be so as well was seen not to be."""
        gate = self._gates[rule.id].get(Part.WHEN)
        other = measured.get(gate.reads) if gate is not None else None
        return gate is not None and other is not None and evaluate_gate(gate, other).outcome is Outcome.FAILED

    def _evaluate(
        self, rule: WatchRule, current: Measurement, baseline: Measurement | None
    ) -> tuple[GateResult, GateResult | None, str]:
        """Return the worst of the rule's limits, its warning, and what has to be told beside them."""
        gates = self._gates[rule.id]
        judged = [gates[Part.ABSOLUTE]] if Part.ABSOLUTE in gates else []
        note = ""
        first_deploy = rule.needs_baseline and (baseline is None or baseline.value is None) and bool(judged)
        if first_deploy:
            note = "; no baseline: the absolute limit alone is judged"
        else:
            judged.insert(0, gates[Part.LIMIT])
        results = [evaluate_gate(gate, current, baseline) for gate in judged]
        worst = max(results, key=lambda one: one.outcome)
        warning = gates.get(Part.WARNING)
        if warning is None or first_deploy:
            return worst, None, note
        return worst, evaluate_gate(warning, current, baseline), note

    @staticmethod
    def _level(
        rule: WatchRule, state: _RuleState, result: GateResult, warned: GateResult | None, now: float, seen: float
    ) -> Level:
        if result.outcome in _BAD:
            # A breach is not over because nobody could look.
            return Level.STARVED if now - state.data_at > rule.patience else Level.NO_DATA
        state.data_at = seen if not state.had_data else max(state.data_at, seen)
        state.had_data = True
        if result.outcome is Outcome.FAILED:
            state.breach_since = now if state.breach_since is None else state.breach_since
            if rule.lasting is not None and now - state.breach_since < rule.lasting:
                return Level.FAILING
            return Level.RED
        state.breach_since = None
        if result.outcome is Outcome.WARNED or (warned is not None and warned.outcome is not Outcome.PASSED):
            return Level.WARN
        return Level.OK

    def _update_firings(self, views: Iterable[RuleView], now: float) -> tuple[list[Firing], list[Firing]]:
        fired: list[Firing] = []
        cleared: list[Firing] = []
        for view in views:
            firing = view.level is Level.RED
            for trigger in self._triggers:
                if trigger.rule == view.rule.id:
                    self._note(_of_trigger(trigger, view.rule, view.sentence, now), firing, fired, cleared)
            if view.rule.check_class is not CheckClass.ADVISORY:
                self._note(_of_silence(view, now), view.level is Level.STARVED, fired, cleared)
        return fired, cleared

    def _note(self, firing: Firing, active: bool, fired: list[Firing], cleared: list[Firing]) -> None:
        known = self.firings.get(firing.id)
        if active and (known is None or not known.active):
            first = firing if known is None else Firing(**{**_fields(known), "active": True})
            self.firings[firing.id] = first
            fired.append(first)
        elif not active and known is not None and known.active:
            self.firings[firing.id] = Firing(**{**_fields(known), "active": False})
            cleared.append(self.firings[firing.id])


def _fields(firing: Firing) -> dict[str, Any]:
    return {name: getattr(firing, name) for name in Firing.__dataclass_fields__}


def _of_trigger(trigger: Trigger, rule: WatchRule, sentence: str, now: float) -> Firing:
    reasons = (f"{rule.id}: {sentence}",)
    return Firing(
        trigger.id,
        trigger.name,
        trigger.kind,
        trigger.option,
        rule.id,
        now,
        reasons,
        trigger=trigger,
        subject=rule.subject,
    )


def _of_silence(view: RuleView, now: float) -> Firing:
    reasons = (f"{view.rule.id}: {view.sentence}",)
    name = f"{view.rule.name}: no data"
    return Firing(f"{view.rule.id}.{NO_DATA_TRIGGER}", name, TriggerKind.EVALUATION, "A", view.rule.id, now, reasons)


def judge_health(views: Sequence[RuleView]) -> tuple[Health, tuple[str, ...]]:
    """Return what all rules together make of a sample; an advisory rule makes none red, and no rule at all no data."""
    binding = [view for view in views if view.rule.check_class is not CheckClass.ADVISORY]
    red = [view for view in binding if view.level in (Level.RED, Level.FAILING)]
    if red:
        return Health.RED, tuple(f"{view.rule.id}: {view.sentence}" for view in red)
    blind = [view for view in binding if view.level.is_blind]
    if blind or not binding:
        return Health.NO_DATA, tuple(f"{view.rule.id}: {view.sentence}" for view in blind)
    return Health.OK, ()


def _figure(result: GateResult) -> float | None:
    """Return the judged quantity for a trend, None where there is none."""
    shown = result.compared if result.compared is not None else result.value
    if shown is None:
        return None
    figure = float(shown)
    return figure if figure == figure and abs(figure) != float("inf") else None
