"""The plots of a load: every figure in them, the same bytes for the same data."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.loadtest.plots import PLOTS, Bound, percentile_curve, read_plot_data, thin, write_plots
from gonogo.loadtest.report import SECONDS_HEADER

LINES = [
    f"{second},{20 + second % 3},20,20,0,0,0,900,4000,{9000 + second},12000,0.{second % 10},1" for second in range(40)
]
BOUNDS = [Bound("ack-p95", 500.0)], [Bound("queue-age", 0.8)]


def draw(folder: Path, lines: list[str], pairs: str = "900,9000\n4000,900\n9000,10\n") -> tuple[str, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "s.csv").write_text("\n".join([SECONDS_HEADER, *lines]) + "\n", "utf-8")
    (folder / "l.csv").write_text(f"latency_us,count\n{pairs}", "utf-8")
    return write_plots(folder, read_plot_data(folder, "LOAD-x, sandbox, time x60", "s.csv", "l.csv", *BOUNDS))


def test_the_same_data_give_the_same_bytes_and_other_data_others(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert draw(tmp_path / name, LINES) == PLOTS
    draw(tmp_path / "c", [line.replace(",900,", ",950,") for line in LINES])
    for plot in PLOTS:
        assert (tmp_path / "a" / plot).read_bytes() == (tmp_path / "b" / plot).read_bytes()
    assert (tmp_path / "a" / PLOTS[0]).read_bytes() != (tmp_path / "c" / PLOTS[0]).read_bytes()


def test_plots_name_their_figures_their_limits_and_compressed_time_and_ask_no_network(tmp_path: Path) -> None:
    draw(tmp_path, LINES)
    texts = {plot: (tmp_path / plot).read_text("utf-8") for plot in PLOTS}
    for text in texts.values():
        assert "time x60" in text
        assert "<dc:date>" not in text
        links = {found.split("/")[2] for found in re.findall(r"https?://[^\"<> ]+", text)}
        # Names of vocabularies, which nothing fetches.
        assert links <= {"www.w3.org", "purl.org", "creativecommons.org", "matplotlib.org"}
    for words in ("p50", "p95", "p99", "highest", "ack-p95: 500 ms"):
        assert words in texts[PLOTS[0]]
    for words in ("p90", "p99", "n=9,910"):
        assert words in texts[PLOTS[1]]
    for words in ("age of the oldest message, s", "depth of the queue", "queue-age: 0.8 s"):
        assert words in texts[PLOTS[2]]
    for words in ("asked", "achieved", "requests a second"):
        assert words in texts[PLOTS[3]]


def test_a_limit_far_above_what_was_seen_leaves_room_for_what_was(tmp_path: Path) -> None:
    aged = [f"{one},20,20,20,0,0,0,900,4000,9000,12000,{one * 4},{one * 30}" for one in range(40)]
    (tmp_path / "s.csv").write_text("\n".join([SECONDS_HEADER, *aged]) + "\n", "utf-8")
    (tmp_path / "l.csv").write_text("latency_us,count\n900,10\n", "utf-8")
    bounds = [Bound("ack-p99", 15_000_000.0)], [Bound("queue-age", 360.0), Bound("queue-age-warning", 180.0)]
    data = read_plot_data(tmp_path, "LOAD-x", "s.csv", "l.csv", *bounds)
    # Every warning is an error here: a picture without room for its axes warns.
    assert write_plots(tmp_path, data) == PLOTS


def test_what_was_never_seen_is_not_drawn(tmp_path: Path) -> None:
    blind = [line.rpartition(",")[0].rpartition(",")[0] + ",," for line in LINES]
    assert draw(tmp_path / "queue", blind) == (PLOTS[0], PLOTS[1], PLOTS[3])
    assert draw(tmp_path / "nothing", [], "") == ()


@given(st.lists(st.none() | st.floats(0, 1e6), max_size=3000), st.sampled_from(["highest", "mean"]))
def test_thinning_keeps_the_order_and_the_highest(values: list[float | None], how: str) -> None:
    moments, kept = thin(values, how)
    assert len(kept) <= 600
    assert moments == sorted(moments)
    seen = [value for value in values if value is not None]
    assert bool(seen) == bool(kept)
    if seen and how == "highest":
        assert max(kept) == max(seen)


@given(st.dictionaries(st.integers(1, 10**7), st.integers(1, 50), min_size=1, max_size=2000))
def test_the_curve_of_percentiles_rises_to_the_highest_latency(counts: dict[int, int]) -> None:
    pairs = sorted(counts.items())
    across, latencies = percentile_curve(pairs)
    assert all(a <= b for a, b in pairwise(across))
    assert all(a <= b for a, b in pairwise(latencies))
    assert latencies[-1] == pytest.approx(pairs[-1][0] / 1000)
    # The last point stands where only the highest latencies are left.
    assert across[-1] == pytest.approx(sum(counts.values()) / pairs[-1][1])
