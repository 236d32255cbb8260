"""The figures of metrics.json as measurements that gates can judge: exact, and typed where there is no data."""

from __future__ import annotations

from fractions import Fraction

from gonogo.gates.classification import classify_matrix
from gonogo.model.gate import Flaw, FlawKind, Interval, Measurement
from gonogo.model.regression_metrics import Between, MetricsFile, ShareFigure, TopError, ZeroCount

# One message taken for another intent than before happens by chance; two are a mode.
MODE_CASES = 2
ZERO_METRICS = ("tier0_false_negatives", "tier0_replies", "tier2_violations", "tier3_violations")


def measure_metrics(metrics: MetricsFile) -> dict[str, Measurement]:
    """Return every figure as a measurement; shares are exact, since they come from the counts."""
    figures = classify_matrix(*_as_matrix(metrics, None))
    measured = [
        _measure("accuracy", figures.accuracy, figures.n, metrics.accuracy.interval),
        _measure("macro_f1", figures.macro_f1, figures.n, metrics.macro_f1_interval),
        _measure_share("unknown_other_rate", metrics.unknown_count, metrics.unknown_other),
        _measure_invalid(metrics),
    ]
    for name, each in metrics.intents.items():
        measured.append(_measure_share(f"recall[{name}]", each.hits, each.recall, "no labelled message of it"))
        measured.append(_measure_share(f"precision[{name}]", each.hits, each.precision, "nothing was taken for it"))
    for name, by_set in metrics.sets.items():
        measured.append(_measure_share(f"accuracy[{name}]", by_set.hits, by_set.accuracy))
    for metric in ZERO_METRICS:
        measured.append(_measure_zero(metric, zero_of(metrics, metric), metrics))
    if metrics.tokens is not None:
        mean = Fraction(metrics.tokens.total, metrics.tokens.n) if metrics.tokens.n else None
        measured.append(_measure("tokens_per_decision", mean, metrics.tokens.n, metrics.tokens.interval))
    if metrics.cost is not None:
        cost = metrics.cost
        measured.append(_measure("cost_per_1000", cost.per_1000, metrics.outputs.n, cost.interval, cost.currency))
    return {measurement.metric: measurement for measurement in measured}


def find_new_modes(current: MetricsFile, baseline: MetricsFile) -> list[TopError]:
    """Return the top errors of a kind that the baseline has not made at all, each seen at least twice."""
    known = baseline.matrix()
    return [
        error
        for error in current.top_errors
        if error.count >= MODE_CASES and not known.get((error.true, error.predicted))
    ]


def zero_of(metrics: MetricsFile, metric: str) -> ZeroCount:
    """Return a count that must be zero by its name in metrics.json."""
    found: ZeroCount = getattr(metrics, metric)
    return found


def _measure_zero(metric: str, zero: ZeroCount, metrics: MetricsFile) -> Measurement:
    problems: tuple[Flaw, ...] = ()
    if metrics.outputs.without_action and metric != "tier0_false_negatives":
        text = f"{metrics.outputs.without_action:,} decisions name no action"
        problems = (Flaw(FlawKind.GAP, text),)
    if not zero.n:
        empty = {"tier2_violations": "no labelled message is without an order match", "tier3_violations": "no action"}
        return Measurement.missing(metric, FlawKind.NO_DATA, empty.get(metric, "no labelled message is of tier 0"))
    return Measurement(metric, zero.count, zero.n, problems=problems)


def _measure_invalid(metrics: MetricsFile) -> Measurement:
    outputs = metrics.outputs
    problems = (
        () if metrics.decision_schema_sha256 else (Flaw(FlawKind.GAP, "no decision schema was given (--schema)"),)
    )
    value = Fraction(outputs.invalid, outputs.n) if outputs.n else None
    return Measurement(
        "invalid_output_rate", value, outputs.n, _interval(outputs.invalid_rate.interval), problems=problems
    )


def _measure_share(metric: str, hits: int, figure: ShareFigure, empty: str = "no data") -> Measurement:
    if not figure.n:
        return Measurement.missing(metric, FlawKind.NO_DATA, empty)
    return _measure(metric, Fraction(hits, figure.n), figure.n, figure.interval)


def _measure(
    metric: str, value: Fraction | float | None, n: int, interval: Between | None, unit: str | None = None
) -> Measurement:
    return Measurement(metric, value, n, _interval(interval), unit)


def _interval(between: Between | None) -> Interval | None:
    return Interval(between.low, between.high, between.level, between.method) if between is not None else None


def _as_matrix(metrics: MetricsFile, name: str | None) -> tuple[dict[tuple[int, int], int], range]:
    """Return the confusion by places of the intents in sorted order; what is no intent is -1."""
    places = {intent: place for place, intent in enumerate(sorted(metrics.intents))}
    matrix: dict[tuple[int, int], int] = {}
    for (true, predicted), count in metrics.matrix(name).items():
        key = (places[true], places.get(predicted, -1))
        matrix[key] = matrix.get(key, 0) + count
    return matrix, range(len(places))
