"""Soak time: a table of what adds and what does not, and the property that it is never more than was observed."""

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gonogo.release.lengths import show_seconds
from gonogo.release.soak import MOST_EVERY, SoakMeter, feed_samples, measure_soak, soak_of
from gonogo.release.soak_sample import Health, SoakSample

T0 = 1_800_000_000.0
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def look(
    at,
    health=Health.OK,
    *,
    every=30.0,
    session="s1",
    host="h1",
    build="b1",
    flags="f1",
    elapsed=0.0,
    offset=0.0,
    boot="",
):
    """Return a sample `at` seconds after T0; `elapsed` is when its session began, None leaves that out."""
    shown = None if elapsed is None else at - elapsed
    return SoakSample(T0 + at, health, build, flags, session, every, host, shown, offset, boot=boot)


def looks(start, end, step=30.0, **more):
    """Return good samples from `start` to `end`, both among them."""
    count = round((end - start) / step)
    return [look(start + index * step, **{"every": step, "elapsed": start, **more}) for index in range(count + 1)]


RED, NO_DATA = Health.RED, Health.NO_DATA
TABLE = {
    "nothing at all": ([], 0),
    "one sample shows a moment": ([look(0)], 0),
    "an hour in one session": (looks(0, HOUR), HOUR),
    "a sample that is missing is covered by the next": ([*looks(0, 300), *looks(360, 600, elapsed=0.0)], 600),
    "two that are missing are a gap": ([*looks(0, 300), *looks(390, 600, elapsed=0.0)], 300 + 210),
    "a gap of an hour adds nothing": ([*looks(0, 300), *looks(300 + HOUR, 600 + HOUR, elapsed=0.0)], 600),
    "a poll that is late by a tenth is no gap, and adds no more than two intervals": (
        [look(0, elapsed=0.0), look(62, elapsed=0.0)],
        60,
    ),
    "a sample without data adds nothing and takes nothing": (
        [*looks(0, 300), look(330, NO_DATA, elapsed=0.0), *looks(360, 600, elapsed=0.0)],
        600,
    ),
    "no data for long is a gap": (
        [*looks(0, 300), *looks(330, 900, health=NO_DATA), *looks(930, 1200, elapsed=0.0)],
        300 + 270,
    ),
    "nothing but samples without data": (looks(0, HOUR, health=NO_DATA), 0),
    "a red sample begins it again": ([*looks(0, 600), look(630, RED, elapsed=0.0), *looks(660, 900, elapsed=0.0)], 240),
    "a red sample at the end leaves nothing": ([*looks(0, HOUR), look(HOUR + 30, RED, elapsed=0.0)], 0),
    "another build begins it again": ([*looks(0, 600), *looks(630, 900, build="b2", elapsed=0.0)], 270),
    "and back again is a change as well": (
        [*looks(0, 600), look(630, build="b2"), *looks(660, 900, elapsed=0.0)],
        240,
    ),
    "other flags begin it again": ([*looks(0, 600), *looks(630, 900, flags="f2", elapsed=0.0)], 270),
    "a build that could not be read once is no change": (
        [*looks(0, 300), look(330, build=None, elapsed=0.0), *looks(360, 600, elapsed=0.0)],
        600,
    ),
    "other flags behind a build that could not be read are one": (
        [*looks(0, 300), look(330, flags=None), *looks(360, 600, flags="f2", elapsed=0.0)],
        240,
    ),
    "a second session goes on": ([*looks(0, 600), *looks(HOUR, HOUR + 600, session="s2")], 1200),
    "a restart within two intervals loses nothing": ([*looks(0, 600), *looks(640, 1200 + 10, session="s2")], 1210),
    "two sessions at the same time count once": ([*looks(0, 600), *looks(10, 610, session="s2")], 610),
    "and so does one sample in two bundles": ([*looks(0, 600), *looks(0, 600)], 600),
    "a slow session's samples show their time between a fast one's": (
        [*looks(0, HOUR, 600, session="slow"), *looks(60, 360, 30, session="fast")],
        HOUR,
    ),
    "a slow sample says nothing of the gap of a fast session": (
        [*looks(0, 300, 30, session="fast"), look(1000, session="slow", every=600.0)],
        300,
    ),
    "two machines, one after the other, less the doubt of their clocks": (
        [*looks(0, HOUR), *looks(HOUR + 60, 2 * HOUR + 60, session="s2", host="h2")],
        2 * HOUR - 6,
    ),
    "two machines at the same time count once": (
        [*looks(0, HOUR), *looks(5, HOUR - 25, session="s2", host="h2")],
        HOUR,
    ),
    "a clock that is an hour ahead shows no second hour": (
        [*looks(0, HOUR), *looks(HOUR, 2 * HOUR, session="s2", host="h2", offset=HOUR)],
        HOUR,
    ),
    "a clock that nobody compared adds nothing beside another machine's": (
        [*looks(0, HOUR), *looks(HOUR, 2 * HOUR - 60, session="s2", host="h2", offset=None)],
        HOUR,
    ),
    "a clock that is set forward shows no more than passed": (
        [look(0, elapsed=0.0), replace(look(55, elapsed=0.0), elapsed=30.0)],
        30,
    ),
    "a clock that is set forward between two sessions of one machine shows no more than passed": (
        [look(0, session="s1", boot="m", elapsed=0.0), replace(look(55, session="s2", boot="m"), elapsed=30.0)],
        30,
    ),
    "a clock that is set back mixes two times of one session: less than was seen, never more": (
        [*looks(0, 600), *(replace(one, at=one.at - 300, elapsed=one.elapsed) for one in looks(630, 900, elapsed=0.0))],
        330,
    ),
    "who looks every ten minutes for seven days": (
        [look(at * 600.0, every=600.0, session=f"once-{at}", elapsed=at * 600.0) for at in range(7 * 144 + 1)],
        7 * DAY,
    ),
    "and misses a night": (
        [
            look(at * 600.0, every=600.0, session=f"once-{at}", elapsed=at * 600.0)
            for at in range(7 * 144 + 1)
            if not 100 <= at < 160
        ],
        7 * DAY - 61 * 600,
    ),
    "who looks once a week has not watched": (
        [look(at * 7 * DAY, every=7 * DAY, session=f"once-{at}") for at in range(3)],
        0,
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_soak(name: str) -> None:
    samples, seconds = TABLE[name]
    assert measure_soak(samples, HOUR).seconds == pytest.approx(seconds, abs=1e-3)
    # The order in which samples are read says nothing.
    shuffled = list(samples)
    random.Random(1).shuffle(shuffled)
    assert measure_soak(shuffled, HOUR).seconds == pytest.approx(seconds, abs=1e-3)


def test_nothing_required_is_never_complete() -> None:
    samples = looks(0, HOUR)
    assert measure_soak(samples, HOUR).complete
    assert not measure_soak(samples, HOUR + 1).complete
    assert not measure_soak(samples, None).complete
    assert not measure_soak([], 0.1).complete


def test_a_red_sample_ends_what_its_session_saw_before_it_whatever_the_clock_says() -> None:
    before, red = looks(0, HOUR), replace(look(HOUR + 30, RED, elapsed=0.0), at=T0 + 100)
    assert measure_soak([*before, red], HOUR).seconds == 0


def test_what_lies_before_a_rollback_counts_for_nothing() -> None:
    samples = looks(0, HOUR)
    assert soak_of(samples, HOUR, not_before=T0 + HOUR / 2).seconds == pytest.approx(HOUR / 2)
    none = soak_of(samples, HOUR, not_before=T0 + 2 * HOUR)
    assert none.seconds == 0
    assert any("changed on record" in reason for reason in none.reasons)


def test_what_was_read_later_is_told_apart() -> None:
    filled = [replace(one, backfilled=True) for one in looks(630, 1200, elapsed=0.0)]
    result = measure_soak([*looks(0, 600), *filled, *looks(1230, 1800, elapsed=0.0)], HOUR)
    assert result.seconds == pytest.approx(1800)
    assert result.backfilled == pytest.approx(630)
    assert any("read later" in reason for reason in result.reasons)


def test_the_reasons_say_why_it_began_again_and_what_is_missing() -> None:
    red = replace(look(630, RED, elapsed=0.0), reasons=("W-QUEUE-AGE: 400 s ≥ 300 s",))
    result = measure_soak([*looks(0, 600), red, *looks(660, 900, elapsed=0.0), *looks(2000, 2060, elapsed=0.0)], HOUR)
    assert any("red sample" in one and "W-QUEUE-AGE" in one for one in result.reasons)
    assert any("1 gaps" in one for one in result.reasons)
    assert result.reasons[-1] == "observed 5 min of 1 h 00 min"


def test_a_record_that_was_cut_off_is_read_up_to_there(tmp_path) -> None:
    lines = [
        json.dumps(
            {"kind": "sample", "at": one.at, "health": "ok", "build": "b", "flags": "f", "session": "s", "every": 30.0}
        )
        for one in looks(0, 600)
    ]
    (tmp_path / "samples.jsonl").write_text("\n".join([*lines, '{"kind":"sample","at":1'[:20]]))
    result = soak_of([tmp_path], HOUR)
    assert result.seconds == pytest.approx(600)
    (tmp_path / "samples.jsonl").write_text("\n".join([*lines, "nonsense", ""]))
    assert any("cannot be read" in reason for reason in soak_of([tmp_path], HOUR).reasons)
    assert soak_of([tmp_path / "missing"], HOUR).seconds == 0


def test_the_meter_of_a_running_watch_agrees_with_the_record() -> None:
    samples = [*looks(0, 600), look(700, RED, elapsed=0.0), *looks(730, 1900, elapsed=0.0)]
    meter = SoakMeter(HOUR)
    for one in samples:
        meter.add(one)
    assert (
        meter.result().seconds
        == measure_soak(samples, HOUR).seconds
        == feed_samples(SoakMeter(), samples).result().seconds
    )


@st.composite
def watched(draw):
    """Return samples of machines with clocks of their own, and for each the true time that a sample shows a span up to.

    A machine's clock is off by a number of seconds, which its samples tell to half a second, or do not tell at all.
    """
    samples, truth, reds = [], [], []
    for host in range(draw(st.integers(1, 3))):
        skew = draw(st.sampled_from([0.0, 0.5, -40.0, 3600.0, -7200.0]))
        known = draw(st.booleans())
        for number in range(draw(st.integers(0, 2))):
            begin, every = draw(st.integers(0, 4000)), draw(st.sampled_from([10.0, 30.0, 600.0]))
            true, seen, name = float(begin), [], f"{host}.{number}"
            for _ in range(draw(st.integers(0, 12))):
                health = draw(st.sampled_from([Health.OK] * 5 + [Health.NO_DATA, Health.RED]))
                error = draw(st.sampled_from([-0.5, 0.0, 1.5]))
                offset = skew + error if known else None
                name = f"{host}.{number}"
                samples.append(
                    SoakSample(T0 + true + skew, health, "b", "f", name, every, f"h{host}", true - begin, offset)
                )
                if health is Health.RED:
                    reds.append((name, true))
                if health is Health.OK:
                    seen.append(true)
                true += every * draw(st.sampled_from([1.0, 1.0, 1.02, 2.0, 2.5, 20.0]))
            truth.append((name, begin, every, seen))
    return samples, truth, reds


def real_length(spans):
    total, end = 0.0, float("-inf")
    for low, high in sorted(spans):
        total += max(0.0, high - max(low, end))
        end = max(end, high)
    return total


@settings(max_examples=300, deadline=None)
@given(watched())
def test_never_more_than_was_observed(case) -> None:
    samples, truth, reds = case
    # At most what all sessions saw: the time between any two of their good looks that lie close enough, in true time.
    every = {name: step for name, _, step, _ in truth}
    good = sorted((at, name) for name, _, _, seen in truth for at in seen)
    spans = [
        (first, second)
        for index, (second, name) in enumerate(good)
        for first, other in good[:index]
        if second - first <= 2.1 * min(every[name], every[other], MOST_EVERY)
    ]
    result = measure_soak(samples, HOUR)
    assert result.seconds <= real_length(spans) + 1e-6
    walls = [true for _, _, _, seen in truth for true in seen]
    assert result.seconds <= (max(walls) - min(walls) if walls else 0.0) + 1e-6
    # A single machine with a true clock: nothing from before its last breach.
    if len({one.host for one in samples}) == 1 and reds and samples[0].offset is not None:
        since = max(at for _, at in reds)
        assert result.seconds <= real_length([span for span in spans if span[0] > since]) + 1e-6


def test_lengths_are_rounded_down() -> None:
    assert [show_seconds(one) for one in (0, 9.96, 59.9, 60, 3599.9, 3600, 3660, 2 * DAY + 3599, 7 * DAY)] == [
        "0 s",
        "9.9 s",
        "59 s",
        "1 min",
        "59 min 59 s",
        "1 h 00 min",
        "1 h 01 min",
        "2 d 00 h",
        "7 d 00 h",
    ]
