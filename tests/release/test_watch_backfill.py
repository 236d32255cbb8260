"""A gap that is filled in out of the past: judged like the present, declared as filled in, and firing nothing."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from watch_scene import RULES, read_pack_of

from gonogo.metrics.interface import Answer, QueryFailed, Reading, Sample, Span, build_frame
from gonogo.model.metric import MetricSpec
from gonogo.release.soak import measure_soak
from gonogo.release.soak_sample import Health, SoakSample, parse_sample
from gonogo.release.watching import backfill
from gonogo.release.watching.backfill import fill_gap, find_obstacle
from gonogo.release.watching.journal import Session, sample_record

T0 = 1_800_000_000.0
TEXT = """system: richpanel
sources: {prom: {kind: prometheus, url: "http://127.0.0.1:1"}}
metrics: {age: {source: prom, query: age_seconds, unit: s}}
rules: [{id: W-AGE, metric: age, comparison: below, limit: 300}]
"""
SESSION = Session("s2", "h1", "", 30.0, False, None)


class Past:
    """What a Prometheus kept: an age at each time, or nothing."""

    def __init__(self, breached: tuple[float, float] | None = None, away: tuple[float, float] | None = None) -> None:
        self.breached, self.away = breached, away
        self.asked: list[float] = []

    def read(self, spec: MetricSpec, span: Span) -> Answer:
        at = span.end - T0
        self.asked.append(at)
        if self.away is not None and self.away[0] <= at < self.away[1]:
            return QueryFailed("no answer")
        value = 400.0 if self.breached is not None and self.breached[0] <= at < self.breached[1] else 5.0
        return Reading(build_frame([Sample(span.end, {}, value, "s")]))

    def close(self) -> None:
        """Do nothing."""


def looks(start: float, end: float, session: str, **more) -> list[SoakSample]:
    return [
        SoakSample(T0 + at, Health.OK, more.get("build", "b"), "f", session, 30.0, "h1", at - start)
        for at in range(int(start), int(end) + 1, 30)
    ]


def fill(tmp_path: Path, past: Past, last: float, now: float, reach: float = 86_400.0) -> list[SoakSample]:
    rules = read_pack_of(tmp_path, TEXT)
    filled = []
    for sample, observed, judged in fill_gap(
        rules, rules.as_gates(), {"prom": past}, SESSION, T0 + last, T0 + now, reach
    ):
        # As it stands in the record, and as it is read from there.
        filled.append(parse_sample(sample_record(sample, observed, judged)))
    return filled


def test_a_gap_is_filled_in_and_says_so(tmp_path: Path) -> None:
    filled = fill(tmp_path, Past(), 600, 1800)
    assert [one.at - T0 for one in filled] == [float(at) for at in range(630, 1800, 30)]
    assert all(one.backfilled and one.build is None and one.flags is None for one in filled)
    result = measure_soak([*looks(0, 600, "s1"), *filled, *looks(1800, 2400, "s2")], 3600.0)
    assert result.seconds == 2400
    assert result.backfilled == 1200
    assert any("20 min of it were read later" in reason for reason in result.reasons)


def test_a_breach_in_the_past_begins_the_soak_again(tmp_path: Path) -> None:
    filled = fill(tmp_path, Past(breached=(900, 960)), 600, 1800)
    result = measure_soak([*looks(0, 600, "s1"), *filled, *looks(1800, 2400, "s2")], 3600.0)
    assert result.seconds == 2400 - 960
    assert any("W-AGE" in reason for reason in result.reasons)


def test_what_nobody_kept_stays_a_gap(tmp_path: Path) -> None:
    filled = fill(tmp_path, Past(away=(900, 1200)), 600, 1800)
    result = measure_soak([*looks(0, 600, "s1"), *filled, *looks(1800, 2400, "s2")], 3600.0)
    assert result.seconds == 2400 - (1200 - 870)


def test_another_build_behind_the_gap_begins_the_soak_again(tmp_path: Path) -> None:
    filled = fill(tmp_path, Past(), 600, 1800)
    result = measure_soak([*looks(0, 600, "s1"), *filled, *looks(1800, 2400, "s2", build="b2")], 3600.0)
    assert result.seconds == 600


def test_nothing_is_filled_in_farther_back_than_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.at - T0 for one in fill(tmp_path, Past(), 0, 86_400, reach=90)] == [86_340.0, 86_370.0]
    assert fill(tmp_path, Past(), 100, 120) == []
    monkeypatch.setattr(backfill, "_MOST", 3)
    assert len(fill(tmp_path, Past(), 0, 90_000)) == 2


def test_only_prometheus_can_be_asked_about_the_past(tmp_path: Path) -> None:
    assert find_obstacle(read_pack_of(tmp_path, TEXT)) == ""
    assert "W-LOOP does not read Prometheus" in find_obstacle(RULES)
    health = TEXT.replace(
        "metric: age, comparison: below, limit: 300", "metric: target.health, comparison: equal, limit: 1"
    )
    assert "W-AGE" in find_obstacle(read_pack_of(tmp_path, health))
    assert datetime.fromtimestamp(T0).year == 2027
