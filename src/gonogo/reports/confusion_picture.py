"""The confusion matrix as a picture: SVG, the same bytes for the same counts."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

from gonogo.extras import import_extra
from gonogo.model.regression import INVALID_NAME
from gonogo.model.regression_metrics import MetricsFile

_SALT = "gonogo"


def render_confusion_svg(metrics: MetricsFile, intents: Sequence[str]) -> str:
    """Return the matrix as SVG: a row a labelled intent, a column a predicted one, shares of the row as shades.

    Counts are written into the cells, so that the picture reads without colour. Needs matplotlib.
    """
    matplotlib = import_extra("matplotlib", "gates")
    figure_module = import_extra("matplotlib.figure", "gates")
    matrix = metrics.matrix()
    columns = [*intents, INVALID_NAME] if any(guess == INVALID_NAME for _, guess in matrix) else list(intents)
    counts = [[matrix.get((true, guess), 0) for guess in columns] for true in intents]
    shares = [[count / max(sum(row), 1) for count in row] for row in counts]
    size = 2.5 + 0.42 * len(columns)
    with matplotlib.rc_context({"svg.hashsalt": _SALT, "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = figure_module.Figure(figsize=(size, size * 0.9), layout="constrained")
        axes = figure.subplots()
        axes.imshow(shares, cmap="Greys", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(columns)), columns, rotation=60, ha="right", fontsize=7)
        axes.set_yticks(range(len(intents)), intents, fontsize=7)
        axes.set_xlabel("predicted")
        axes.set_ylabel("labelled")
        axes.set_title(f"{metrics.system}: {metrics.labels.n:,} messages")
        for row, line in enumerate(counts):
            for column, count in enumerate(line):
                if count:
                    colour = "white" if shares[row][column] > 0.5 else "black"
                    axes.text(column, row, str(count), ha="center", va="center", fontsize=6, color=colour)
        text = StringIO()
        # Neither date nor version: the same counts give the same bytes.
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()
