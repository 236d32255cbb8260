"""metrics.json and prices.yaml: read with the line of every problem, written the same for the same figures."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from gonogo.errors import Problem
from gonogo.model.regression import INVALID_NAME, Prices, Taxonomy
from gonogo.model.regression_metrics import MetricsFile
from gonogo.sources.suggest import quote_value, suggest
from gonogo.sources.yaml_file import YamlFile, read_yaml
from gonogo.sources.yaml_model import parse_model


def render_metrics(metrics: MetricsFile) -> str:
    """Return the text of metrics.json: sorted keys, one figure a line, the same for the same figures."""
    data = metrics.model_dump(mode="json", by_alias=True)
    return json.dumps(data, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def digest_file(path: Path) -> str | None:
    """Return the SHA-256 of a small file in hex, None where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def read_metrics(path: Path, name: str, taxonomy: Taxonomy | None) -> tuple[MetricsFile | None, YamlFile]:
    """Return a baseline's metrics with the file that its problems belong to; None where there are any.

    Counts that do not agree with one another are problems: a figure changed by hand is no baseline.
    """
    file = read_yaml(path, name)  # JSON is YAML, and this reader knows the line of every key
    metrics = parse_model(file, MetricsFile)
    if metrics is None or file.problems:
        return None, file
    _check_counts(metrics, file)
    if taxonomy is not None:
        _check_words(metrics, taxonomy, file)
    return (None if file.problems else metrics), file


def read_prices(path: Path, name: str) -> tuple[Prices | None, list[Problem]]:
    """Return the prices, or None with every problem of the file."""
    file = read_yaml(path, name)
    prices = parse_model(file, Prices)
    return (None if file.problems else prices), file.problems


def _check_counts(metrics: MetricsFile, file: YamlFile) -> None:
    matrix = metrics.matrix()
    total, hits = sum(matrix.values()), sum(count for (true, guess), count in matrix.items() if true == guess)
    if total != metrics.labels.n or metrics.outputs.n != metrics.labels.n:
        text = f"counts {total:,} messages, labels.n is {metrics.labels.n:,}, outputs.n {metrics.outputs.n:,}"
        file.report(("confusion",), f"{text}: changed by hand. Name the metrics.json as it was written.")
    elif metrics.accuracy.value is None or abs(metrics.accuracy.value - hits / max(total, 1)) > 1e-12:
        text = f"is {metrics.accuracy.value}, while the confusion counts {hits:,} hits in {total:,}"
        file.report(("accuracy", "value"), f"{text}: changed by hand. Name the metrics.json as it was written.")
    for name, count in metrics.labels.intents.items():
        seen = sum(n for (true, _), n in matrix.items() if true == name)
        if seen != count:
            text = f"is {count:,}, while the confusion counts {seen:,}: changed by hand. Correct it."
            file.report(("labels", "intents", name), text)


def _check_words(metrics: MetricsFile, taxonomy: Taxonomy, file: YamlFile) -> None:
    if metrics.system != taxonomy.system:
        file.report(
            ("system",), f"is {quote_value(metrics.system)}; allowed: {taxonomy.system}. Name its own baseline."
        )
    for place, rows in metrics.confusion.items():
        for true, columns in rows.items():
            for word in (true, *columns):
                if word not in taxonomy.intents and (word != INVALID_NAME or word == true):
                    text = f"{quote_value(word)} is not in the vocabulary; {suggest(word, taxonomy.intents)}"
                    file.report(("confusion", place, true), text)
    for name in metrics.intents:
        if name not in taxonomy.intents:
            file.report(("intents", name), f"is not in the vocabulary; {suggest(name, taxonomy.intents)}")
