"""The plots of a load: SVG, the same bytes for the same seconds and latencies; they read without colour.

They are drawn from the files that lie beside them, so anyone can draw them again.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from gonogo.extras import import_extra

_SALT = "gonogo"
# More points than pixels make a file large and show nothing more.
_MOST_POINTS = 600
_PERCENTILES = (50.0, 90.0, 99.0, 99.9, 99.99, 99.999)
PLOTS = ("load-latency.svg", "load-percentiles.svg", "load-queue.svg", "load-rate.svg")


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit that is drawn as a line: in milliseconds for latencies, in seconds for ages."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class PlotData:
    """What plots are drawn from: columns of seconds.csv by name, and value and count of latencies.csv in µs."""

    title: str
    seconds: Mapping[str, Sequence[float | None]]
    latencies: Sequence[tuple[int, int]]
    latency_bounds: Sequence[Bound] = ()
    age_bounds: Sequence[Bound] = ()


def read_plot_data(
    folder: Path,
    title: str,
    seconds_name: str,
    latencies_name: str,
    latency_bounds: Sequence[Bound] = (),
    age_bounds: Sequence[Bound] = (),
) -> PlotData:
    """Return what the two files of a load hold."""
    with (folder / seconds_name).open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
        names = list(reader.fieldnames or ())
    columns = {name: [float(row[name]) if row[name] else None for row in rows] for name in names}
    with (folder / latencies_name).open(newline="", encoding="utf-8") as file:
        pairs = [(int(row["latency_us"]), int(row["count"])) for row in csv.DictReader(file)]
    return PlotData(title, columns, pairs, latency_bounds, age_bounds)


def write_plots(folder: Path, data: PlotData) -> tuple[str, ...]:
    """Write the plots of a load beside its files and return their names; one without any data is left out."""
    drawn = {
        PLOTS[0]: _draw_latency(data),
        PLOTS[1]: _draw_percentiles(data),
        PLOTS[2]: _draw_queue(data),
        PLOTS[3]: _draw_rate(data),
    }
    for name, text in drawn.items():
        if text is not None:
            (folder / name).write_text(text, "utf-8")
    return tuple(name for name, text in drawn.items() if text is not None)


def thin(values: Sequence[float | None], how: str) -> tuple[list[float], list[float]]:
    """Return moments and values of at most so many points: the `highest` of a stretch, or its `mean`."""
    step = max(1, -(-len(values) // _MOST_POINTS))
    moments, kept = [], []
    for start in range(0, len(values), step):
        here = [value for value in values[start : start + step] if value is not None]
        if here:
            moments.append(float(start))
            kept.append(max(here) if how == "highest" else sum(here) / len(here))
    return moments, kept


def percentile_curve(pairs: Sequence[tuple[int, int]]) -> tuple[list[float], list[float]]:
    """Return 1/(1-p) and the latency in ms at p, from p = 0 to the last p that is below the highest latency."""
    total = sum(count for _, count in pairs)
    below, across, latencies = 0, [], []
    for value, count in pairs:
        across.append(total / (total - below))
        latencies.append(value / 1000)
        below += count
    step = max(1, len(across) // _MOST_POINTS)
    # The tail is where few are: thinned from the front, the last ones are all kept.
    tail = max(0, len(across) - _MOST_POINTS)
    kept = [*range(0, tail, step), *range(tail, len(across))]
    return [across[index] for index in kept], [latencies[index] for index in kept]


def _draw_latency(data: PlotData) -> str | None:
    lines = [("p50", "p50_us", ":"), ("p95", "p95_us", "--"), ("p99", "p99_us", "-"), ("highest", "max_us", "-.")]
    series = [(label, *thin(data.seconds.get(column, ()), "highest"), style) for label, column, style in lines]
    if not any(moments for _, moments, _, _ in series):
        return None

    def draw(axes: Any) -> None:
        for label, moments, values, style in series:
            axes.plot(moments, [value / 1000 for value in values], style, color="black", linewidth=0.9, label=label)
        axes.set_yscale("log")
        axes.set_xlabel("second of the load in which the request was due")
        axes.set_ylabel("acknowledgement, ms")
        _draw_bounds(axes, data.latency_bounds, "ms")

    return _render(f"{data.title}: latency over time", draw)


def _draw_percentiles(data: PlotData) -> str | None:
    if not data.latencies:
        return None
    across, latencies = percentile_curve(data.latencies)
    count = sum(one for _, one in data.latencies)

    def draw(axes: Any) -> None:
        axes.plot(across, latencies, "-", color="black", linewidth=1.1, drawstyle="steps-post", label=f"n={count:,}")
        axes.set_xscale("log")
        axes.set_yscale("log")
        ticks = [one for one in _PERCENTILES if 100 / (100 - one) <= max(across[-1], 2.0) * 1.01]
        axes.set_xticks([100 / (100 - one) for one in ticks], [f"p{one:g}" for one in ticks])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("percentile")
        axes.set_ylabel("acknowledgement, ms")
        _draw_bounds(axes, data.latency_bounds, "ms")

    return _render(f"{data.title}: latency by percentile", draw)


def _draw_queue(data: PlotData) -> str | None:
    ages = thin(data.seconds.get("queue_age_s", ()), "highest")
    depths = thin(data.seconds.get("queue_depth", ()), "highest")
    if not ages[0] and not depths[0]:
        return None

    def draw(axes: Any) -> None:
        if ages[0]:
            axes.plot(*ages, "-", color="black", linewidth=1.1, label="age of the oldest message, s")
        axes.set_xlabel("second of the load")
        axes.set_ylabel("age of the oldest message, s")
        highest = max(ages[1], default=0.0)
        # A limit far above everything would press the line to the ground.
        _draw_bounds(axes, [one for one in data.age_bounds if one.value <= 3 * max(highest, 0.1)], "s")
        # After the limits: from here on the axis no longer grows.
        axes.set_ylim(bottom=0)
        if depths[0]:
            other = axes.twinx()
            other.plot(*depths, ":", color="black", linewidth=0.9, label="depth of the queue")
            other.set_ylabel("depth of the queue")
            other.set_ylim(bottom=0)
            other.legend(loc="upper right", fontsize=7, edgecolor="none")

    return _render(f"{data.title}: queue", draw, twin=True)


def _draw_rate(data: PlotData) -> str | None:
    asked, made = (thin(data.seconds.get(name, ()), "mean") for name in ("asked", "started"))
    if not asked[0]:
        return None

    def draw(axes: Any) -> None:
        axes.plot(*asked, "-", color="0.6", linewidth=2.2, label="asked")
        axes.plot(*made, "-", color="black", linewidth=0.8, label="achieved")
        axes.set_xlabel("second of the load")
        axes.set_ylabel("requests a second")
        axes.set_ylim(bottom=0)

    return _render(f"{data.title}: asked and achieved rate", draw)


def _draw_bounds(axes: Any, bounds: Sequence[Bound], unit: str) -> None:
    for bound in bounds:
        axes.axhline(bound.value, color="black", linewidth=0.6, linestyle=(0, (6, 3)))
        text = f"{bound.name}: {bound.value:g} {unit}"
        label = axes.annotate(text, (0.01, bound.value), xycoords=("axes fraction", "data"), fontsize=6, va="bottom")
        label.set_in_layout(False)


def _render(title: str, draw: Callable[[Any], None], *, twin: bool = False) -> str:
    """Return a figure as SVG without date and version; `twin` says that the right side has an axis of its own."""
    matplotlib = import_extra("matplotlib", "load")
    figure_module = import_extra("matplotlib.figure", "load")
    settings = {"svg.hashsalt": _SALT, "svg.fonttype": "none", "font.family": "sans-serif", "path.simplify": False}
    with matplotlib.rc_context(settings):
        figure = figure_module.Figure(figsize=(8.0, 3.4), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        axes.set_title(title, fontsize=9)
        axes.tick_params(labelsize=7)
        if axes.get_legend_handles_labels()[0]:
            # Names of limits stand on the left; a line that passes behind must not strike the legend through.
            axes.legend(loc="upper right" if not twin else "upper left", ncols=4, fontsize=7, edgecolor="none")
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()
