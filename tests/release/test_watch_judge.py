"""Rules over the polls: what lasts, what is excused, what has no baseline, and how long silence may last."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from gonogo.model.gate import FlawKind, Measurement
from gonogo.model.outcome import CheckClass, Outcome, PlannedCheck, SourceRef
from gonogo.model.release_plan import Trigger
from gonogo.model.watch import Condition, WatchRule
from gonogo.release.soak import measure_soak
from gonogo.release.soak_sample import Health
from gonogo.release.watching.conclude import judge_checks, trigger_states
from gonogo.release.watching.judge import Level, RuleBook

T0 = 1_800_000_000.0


def rule(**more: Any) -> WatchRule:
    return WatchRule(**{"id": "W", "metric": "m", "comparison": "at_most", "limit": Decimal(10), **more})


def trigger(kind: str = "immediate", option: str = "A") -> Trigger:
    return Trigger(id="TRG", name="Trouble", kind=kind, option=option, rule="W")


class Watched:
    """A rule book that is fed one value a poll."""

    def __init__(self, *rules: WatchRule, triggers: tuple[Trigger, ...] = (trigger(),)) -> None:
        self.book = RuleBook(rules, triggers, T0)

    def poll(self, at: float, value: Any = None, **others: Any) -> Any:
        """Judge one poll; a value of None is a failed query."""
        measured = {
            key: Measurement.missing(key, FlawKind.QUERY_FAILED, "away") if one is None else Measurement(key, one, 100)
            for key, one in {"m": value, **others}.items()
        }
        return self.book.judge(measured, T0 + at)

    def level(self, at: float, value: Any = None, **others: Any) -> Level:
        return self.poll(at, value, **others).views[0].level


def test_a_breach_fires_at_once_and_once_and_clears() -> None:
    watched = Watched(rule(warn=Decimal(5)))
    assert [watched.level(0, 4), watched.level(30, 6), watched.level(60, 11)] == [Level.OK, Level.WARN, Level.RED]
    assert watched.book.firings["TRG"].at == T0 + 60
    later = watched.poll(90, 12)
    assert (later.fired, later.cleared, later.health) == ((), (), Health.RED)
    over = watched.poll(120, 1)
    assert [one.id for one in over.cleared] == ["TRG"]
    assert not watched.book.firings["TRG"].active
    again = watched.poll(150, 20)
    assert [one.id for one in again.fired] == ["TRG"]
    assert again.fired[0].at == T0 + 60


def test_what_has_to_last_counts_only_then_and_silence_does_not_end_it() -> None:
    watched = Watched(rule(lasting=100.0))
    assert watched.poll(0, 11).health is Health.RED
    assert not watched.book.firings
    assert watched.level(30) is Level.NO_DATA
    assert watched.level(60, 11) is Level.FAILING
    assert watched.level(90, 11) is Level.FAILING
    assert "failing for 1 min 30 s, counts after 1 min 40 s" in watched.poll(90, 11).views[0].sentence
    assert watched.level(100, 11) is Level.RED
    watched = Watched(rule(lasting=100.0))
    for at, value in ((0, 11), (60, 9), (90, 11), (150, 11)):
        watched.poll(at, value)
    assert not watched.book.firings


def test_a_condition_excuses_a_breach_only_where_it_is_seen_not_to_hold() -> None:
    storm = rule(when=Condition(metric="depth", comparison="above", limit=Decimal(50)))
    watched = Watched(storm)
    excused = watched.poll(0, 400, depth=3)
    assert excused.views[0].level is Level.WARN
    assert "no trigger while depth is well" in excused.views[0].sentence
    assert watched.level(30, 400, depth=51) is Level.RED
    assert Watched(storm).level(0, 400, depth=None) is Level.RED
    assert Watched(storm).level(0, 4, depth=900) is Level.OK


def test_a_first_deploy_has_no_baseline_and_its_absolute_limit_is_judged() -> None:
    spike = rule(scale="relative", baseline="before", limit=Decimal("1.5"), absolute=Decimal(100))
    watched = Watched(spike)
    first = watched.poll(0, 90, before=None).views[0]
    assert first.level is Level.OK
    assert "no baseline: the absolute limit alone is judged" in first.sentence
    assert watched.level(30, 101, before=None) is Level.RED
    # With one both are judged, and the worse counts.
    assert Watched(spike).level(0, 90, before=50) is Level.RED
    assert Watched(spike).level(0, 70, before=50) is Level.OK
    assert Watched(spike).level(0, 140, before=100) is Level.RED
    assert Watched(spike).level(0, 1, before=0) is Level.NO_DATA


def test_silence_holds_once_it_is_longer_than_the_patience_and_is_told_once() -> None:
    watched = Watched(rule(patience=60.0))
    assert watched.level(0, 1) is Level.OK
    assert watched.level(30) is Level.NO_DATA
    assert watched.level(60) is Level.NO_DATA
    starved = watched.poll(61)
    assert starved.views[0].level is Level.STARVED
    [hold] = starved.fired
    assert (hold.id, hold.kind.value, hold.trigger) == ("W.no-data", "evaluation", None)
    assert starved.health is Health.NO_DATA
    assert watched.poll(90).fired == ()
    assert [one.id for one in watched.poll(120, 1).cleared] == ["W.no-data"]


def test_patience_begins_with_the_watch_for_what_never_had_data_and_with_the_data_for_what_had() -> None:
    assert Watched(rule(patience=60.0)).level(61) is Level.STARVED
    watched = Watched(rule(patience=60.0))
    old = Measurement("m", 1, 1, at=datetime.fromtimestamp(T0 - 45, UTC))
    watched.book.judge({"m": old}, T0)
    # The data was 45 seconds old when it was seen; patience is about the data.
    assert watched.level(20) is Level.STARVED


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_what_is_no_number_is_never_well(value: Any) -> None:
    watched = Watched(rule())
    poll = watched.poll(0, value)
    assert poll.health is Health.NO_DATA
    assert poll.views[0].level is Level.NO_DATA


def test_nothing_to_watch_is_never_well() -> None:
    assert Watched().poll(0, 1).health is Health.NO_DATA
    advisory = Watched(rule(weight="recorded"))
    assert advisory.poll(0, 1).health is Health.NO_DATA
    # A recorded rule makes nothing red, and its silence holds nobody.
    both = Watched(rule(weight="recorded"), rule(id="V", metric="v"))
    assert both.poll(0, 99, v=1).health is Health.OK
    assert both.poll(999, None, v=1).fired == ()


def test_a_session_that_goes_on_knows_since_when_and_does_not_fire_anew() -> None:
    first = Watched(rule(lasting=100.0))
    first.poll(0, 11)
    record = {view.rule.id: view.to_json() for view in first.poll(30, 11).views}
    second = Watched(rule(lasting=100.0))
    second.book.restore(record, T0 + 30)
    assert second.level(60, 11) is Level.FAILING
    fired = second.poll(100, 11)
    assert [one.id for one in fired.fired] == ["TRG"]
    third = Watched(rule(lasting=100.0))
    third.book.restore({view.rule.id: view.to_json() for view in fired.views}, T0 + 100)
    assert third.poll(130, 11).fired == ()
    assert third.book.firings["TRG"].active
    fourth = Watched(rule(patience=60.0))
    fourth.book.restore({}, T0 + 1000)
    assert fourth.level(1050) is Level.NO_DATA
    assert fourth.level(1061) is Level.STARVED


@pytest.mark.parametrize(
    ("kind", "weight", "outcome"),
    [
        ("immediate", "required", Outcome.FAILED),
        ("evaluation", "required", Outcome.PENDING),
        # Safety and privacy fail whatever the plan asks people to judge.
        ("evaluation", "safety", Outcome.FAILED),
        ("evaluation", "privacy", Outcome.FAILED),
        (None, "required", Outcome.FAILED),
        (None, "recorded", Outcome.WARNED),
        (None, "soft", Outcome.WARNED),
    ],
)
def test_what_a_breach_comes_to_in_the_decision(kind: str | None, weight: str, outcome: Outcome) -> None:
    triggers = (trigger(kind),) if kind else ()
    watched = Watched(rule(weight=weight), triggers=triggers)
    views = watched.poll(0, 11).views
    planned = [PlannedCheck("W", "limit", watched.book.rules[0].check_class, SourceRef("watch.yaml", 3))]
    [result] = judge_checks(planned, views, measure_soak([], 60.0), {}, triggers)
    assert result.outcome is outcome
    assert result.expected == "≤ 10"
    assert result.observed == "11"
    assert result.reasons


@pytest.mark.parametrize("level", Level)
def test_every_level_has_an_outcome(level: Level) -> None:
    value = {Level.OK: 1, Level.WARN: 6, Level.RED: 11, Level.FAILING: 11}.get(level)
    watched = Watched(rule(warn=Decimal(5), lasting=90.0 if level is Level.FAILING else None, patience=60.0))
    watched.poll(0, 1)
    views = watched.poll(61 if level is Level.STARVED else 30, value).views
    assert views[0].level is level
    planned = [PlannedCheck("W", "limit", CheckClass.REQUIRED, SourceRef("watch.yaml", 3))]
    [result] = judge_checks(planned, views, measure_soak([], 60.0), {}, ())
    good = {Level.OK: Outcome.PASSED, Level.WARN: Outcome.WARNED}
    if level in good:
        assert result.outcome is good[level]
    else:
        assert result.outcome >= Outcome.INCONCLUSIVE


def test_triggers_of_the_plan_are_told_fired_or_not_and_silence_among_them() -> None:
    fired = {
        "TRG": {"id": "TRG", "at": T0, "reasons": ["W: 11 > 10"]},
        "W.no-data": {"id": "W.no-data", "at": T0, "reasons": ["W: no data for 2 min"]},
    }
    other = Trigger(id="OTHER", name="Other", kind="evaluation", option="B", rule="V")
    by_hand = Trigger(id="HAND", name="By hand", kind="immediate", option="A", manual=True)
    states = trigger_states((trigger(), other, by_hand), fired)
    assert [(one.id, one.kind, one.fired, one.option) for one in states] == [
        ("TRG", "immediate", True, "A"),
        ("OTHER", "evaluation", False, "B"),
        ("W.no-data", "evaluation", True, ""),
    ]
    assert states[0].at == "2027-01-15T08:00:00.000+00:00"
