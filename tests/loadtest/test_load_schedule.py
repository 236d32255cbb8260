"""Arrivals: how many, when, which event, and who sends them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.errors import UsageError
from gonogo.loadtest.request import busiest_second
from gonogo.loadtest.schedule import asked_per_second, build_schedule, number_events, weave
from gonogo.model.load import Arrivals, Segment, Spacing

segments = st.lists(
    st.builds(
        Segment,
        count=st.integers(0, 200),
        over=st.floats(0.5, 500, allow_nan=False),
        times=st.integers(1, 3),
    ),
    min_size=1,
    max_size=4,
).filter(lambda found: any(one.count for one in found))
# Whether arrivals a second apart lie within one second is a matter of rounding.
ROOM = (-1e-9, 1e-9)
profiles = st.builds(
    Arrivals,
    segments=segments.map(tuple),
    spacing=st.sampled_from(Spacing),
    seed=st.integers(0, 1000),
    redeliver=st.floats(0, 0.5),
)


@given(profiles)
def test_every_segment_has_its_count_in_its_time_and_order(arrivals: Arrivals) -> None:
    schedule = build_schedule(arrivals)
    offsets = list(schedule.offsets)
    assert offsets == sorted(offsets)
    assert len(offsets) == arrivals.count
    start = 0.0
    for segment in arrivals.segments:
        for _ in range(segment.times):
            end = start + segment.over
            inside = sum(start <= one < end for one in offsets)
            # The last float before the end may round up to it.
            assert inside == segment.count or sum(start <= one <= end for one in offsets) >= segment.count
            start = end


@given(profiles)
def test_the_same_profile_gives_the_same_schedule(arrivals: Arrivals) -> None:
    assert build_schedule(arrivals) == build_schedule(arrivals)


@given(profiles, st.floats(0.1, 2000))
def test_a_shortened_profile_is_the_beginning_of_the_whole_one(arrivals: Arrivals, duration: float) -> None:
    whole = list(build_schedule(arrivals).offsets)
    wanted = [one for one in whole if one < duration] if duration < arrivals.seconds else whole
    if not wanted:
        with pytest.raises(UsageError):
            build_schedule(arrivals, duration=duration)
        return
    assert list(build_schedule(arrivals, duration=duration).offsets) == wanted


@given(profiles, st.floats(1, 1000))
def test_compressed_time_keeps_the_count_and_the_shape(arrivals: Arrivals, scale: float) -> None:
    whole, small = build_schedule(arrivals), build_schedule(arrivals, time_scale=scale)
    assert len(whole) == len(small)
    assert small.seconds == pytest.approx(whole.seconds / scale)
    assert list(small.offsets) == pytest.approx([one / scale for one in whole.offsets])


@given(profiles, st.integers(1, 7))
def test_the_workers_share_every_arrival_once(arrivals: Arrivals, workers: int) -> None:
    schedule = build_schedule(arrivals)
    mine = [list(range(worker, len(schedule), workers)) for worker in range(workers)]
    assert sorted(index for part in mine for index in part) == list(range(len(schedule)))
    assert max(map(len, mine)) - min(map(len, mine)) <= 1


def test_poisson_arrivals_are_no_even_ones() -> None:
    arrivals = Arrivals(segments=(Segment(count=10_000, over=1000.0),))
    offsets = build_schedule(arrivals).offsets
    gaps = [after - before for before, after in pairwise(offsets)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    # Of exponential gaps the standard deviation is the mean.
    assert spread == pytest.approx(mean, rel=0.05)


@given(st.integers(1, 2000), st.floats(0, 0.5))
def test_redeliveries_repeat_the_event_before_and_are_the_share_asked_for(count: int, share: float) -> None:
    messages, events = number_events(count, share)
    assert set(messages) == set(range(events))
    assert all(after - before in (0, 1) for before, after in pairwise(messages))
    assert abs((count - events) - share * count) <= 2


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=30))
def test_every_stretch_of_a_mix_holds_each_case_by_its_weight(weights: list[float]) -> None:
    pattern = weave(weights, 400)
    total = sum(weights)
    for length in (50, 200, 400):
        for index, weight in enumerate(weights):
            assert abs(pattern[:length].count(index) - length * weight / total) <= len(weights)


def test_a_mix_without_weight_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to send"):
        weave([0.0, 0.0])


@given(profiles)
def test_the_seconds_of_a_load_hold_all_its_arrivals(arrivals: Arrivals) -> None:
    schedule = build_schedule(arrivals)
    assert sum(asked_per_second(schedule.offsets, schedule.seconds)) == len(schedule)
    if len(schedule) <= 300:
        starts = list(schedule.offsets)
        least, most = (max(sum(0 <= one - start < 1 + room for one in starts) for start in starts) for room in ROOM)
        assert least <= busiest_second(schedule) <= most
