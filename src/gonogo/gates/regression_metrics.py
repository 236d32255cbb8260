"""Counts → the figures of metrics.json, each with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from gonogo.gates.classification import Classification, classify_matrix, macro_f1_interval, share_interval
from gonogo.gates.statistics import rule_of_three
from gonogo.model.gate import Interval
from gonogo.model.regression import SETS, Prices, Tally, Taxonomy, TokenSums
from gonogo.model.regression_metrics import (
    Between,
    CostMetrics,
    IntentMetrics,
    LabelsMetrics,
    MetricsFile,
    OutputsMetrics,
    SetMetrics,
    ShareFigure,
    Statistics,
    TokenMetrics,
    TopError,
    ZeroCount,
)

SEED = 20_240_611
RESAMPLES = 1000
LEVEL = 0.95
TOP_ERRORS = 10
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Inputs:
    """What was judged: digests of the files, and how many labels each set and intent has."""

    labels_sha256: str
    outputs_sha256: str
    schema_sha256: str | None
    prices_sha256: str | None
    per_set: Mapping[str, int]
    per_intent: Mapping[str, int]


def summarize_tally(
    tally: Tally, taxonomy: Taxonomy, inputs: Inputs, prices: Prices | None, *, seed: int = SEED
) -> MetricsFile:
    """Return the figures of a judgement; the same counts and seed give the same figures."""
    places = range(len(taxonomy.intents))
    matrix: dict[tuple[int, int], int] = {}
    for (_, true, guess), count in tally.confusion.items():
        matrix[true, guess] = matrix.get((true, guess), 0) + count
    overall = classify_matrix(matrix, places)
    tier0 = sum(overall.intents[place].support for place in places if taxonomy.intents[place] in taxonomy.tier0)
    acting = tally.outputs - tally.without_action
    return MetricsFile(
        system=taxonomy.system,
        decision_schema_sha256=inputs.schema_sha256,
        labels=LabelsMetrics(
            sha256=inputs.labels_sha256, n=overall.n, sets=dict(inputs.per_set), intents=dict(inputs.per_intent)
        ),
        outputs=OutputsMetrics(
            sha256=inputs.outputs_sha256,
            n=tally.outputs,
            invalid=tally.invalid,
            invalid_rate=_share(tally.invalid, tally.outputs),
            rules=dict(tally.invalid_rules),
            without_action=tally.without_action,
        ),
        accuracy=_share(overall.hits, overall.n),
        macro_f1=_number(overall.macro_f1),
        macro_f1_interval=_between(macro_f1_interval(matrix, places, seed=seed, resamples=RESAMPLES, level=LEVEL)),
        intents=_describe_intents(overall, taxonomy),
        sets=_describe_sets(tally, taxonomy),
        confusion=_name_confusion(tally, taxonomy),
        tier0_false_negatives=_zero(tally.tier0_missed.count, tier0),
        tier0_replies=_zero(tally.tier0_replies.count, tier0),
        tier0_confused=tally.tier0_confused.count,
        tier2_actions=tally.tier2_actions,
        tier2_violations=_zero(tally.tier2_violations.count, max(tally.without_match, tally.tier2_violations.count)),
        tier3_violations=_zero(tally.tier3_violations.count, acting),
        unknown_other=_share(tally.unknown, tally.outputs),
        unknown_count=tally.unknown,
        routing=dict(tally.routing),
        tokens=_describe_tokens(tally.tokens),
        cost=_describe_cost(tally.tokens, prices, inputs.prices_sha256),
        top_errors=list_top_errors(tally, taxonomy),
        statistics=Statistics(seed=seed, resamples=RESAMPLES, level=LEVEL),
    )


def list_top_errors(tally: Tally, taxonomy: Taxonomy) -> tuple[TopError, ...]:
    """Return the commonest kinds of error, most frequent first; missed escalations stand before others of a count."""
    kinds = []
    for (true, guess), cases in tally.wrong.items():
        name, told = taxonomy.intents[true], taxonomy.name_of(guess)
        missed = name in taxonomy.tier0 and told not in taxonomy.tier0
        examples = tuple(facts[0] for _, facts in cases.listed)
        kinds.append(TopError(true=name, predicted=told, count=cases.count, tier0=missed, examples=examples))
    kinds.sort(key=lambda kind: (-kind.count, not kind.tier0, kind.true, kind.predicted))
    return tuple(kinds[:TOP_ERRORS])


def _describe_intents(overall: Classification, taxonomy: Taxonomy) -> dict[str, IntentMetrics]:
    return {
        taxonomy.intents[place]: IntentMetrics(
            support=figures.support,
            predicted=figures.predicted,
            hits=figures.hits,
            recall=_share(figures.hits, figures.support),
            precision=_share(figures.hits, figures.predicted),
            f1=float(figures.f1),
        )
        for place, figures in overall.intents.items()
    }


def _describe_sets(tally: Tally, taxonomy: Taxonomy) -> dict[str, SetMetrics]:
    described = {}
    for place, name in enumerate(SETS):
        matrix = {(true, guess): n for (each, true, guess), n in tally.confusion.items() if each == place}
        if matrix:
            figures = classify_matrix(matrix, range(len(taxonomy.intents)))
            described[name] = SetMetrics(
                n=figures.n,
                hits=figures.hits,
                accuracy=_share(figures.hits, figures.n),
                macro_f1=_number(figures.macro_f1),
            )
    return described


def _name_confusion(tally: Tally, taxonomy: Taxonomy) -> dict[str, dict[str, dict[str, int]]]:
    named: dict[str, dict[str, dict[str, int]]] = {}
    for (place, true, guess), count in sorted(tally.confusion.items()):
        named.setdefault(SETS[place], {}).setdefault(taxonomy.intents[true], {})[taxonomy.name_of(guess)] = count
    return named


def _describe_tokens(models: Mapping[str, TokenSums]) -> TokenMetrics | None:
    n = sum(sums.n for sums in models.values())
    if not n:
        return None
    total = sum(sums.read + sums.written for sums in models.values())
    squares = sum(sums.read_squared + sums.written_squared + 2 * sums.product for sums in models.values())
    interval = _mean_interval(Fraction(total), Fraction(squares), n)
    return TokenMetrics(n=n, total=total, per_decision=float(Fraction(total, n)), interval=_between(interval))


def _describe_cost(models: Mapping[str, TokenSums], prices: Prices | None, sha256: str | None) -> CostMetrics | None:
    n = sum(sums.n for sums in models.values())
    if prices is None or sha256 is None or not n:
        return None
    total, squares = Fraction(0), Fraction(0)
    for model, sums in models.items():
        price = prices.models[model]
        # For a thousand decisions, from prices for a million tokens.
        read, written = (Fraction(repr(rate)) / 1000 for rate in (price.input_per_million, price.output_per_million))
        total += read * sums.read + written * sums.written
        squares += read * read * sums.read_squared + written * written * sums.written_squared
        squares += 2 * read * written * sums.product
    interval = _mean_interval(total, squares, n)
    mean = float(total / n)
    return CostMetrics(currency=prices.currency, prices_sha256=sha256, per_1000=mean, interval=_between(interval))


def _mean_interval(total: Fraction, squares: Fraction, n: int) -> Interval | None:
    """Return the normal interval of a mean from its sums, None for fewer than two values."""
    if n < 2:
        return None
    mean = total / n
    error = math.sqrt(max(Fraction(0), (squares - n * mean * mean) / (n - 1)) / n)
    return Interval(max(0.0, float(mean) - _Z * error), float(mean) + _Z * error, LEVEL, "normal")


def _share(hits: int, n: int) -> ShareFigure:
    value = float(Fraction(hits, n)) if n else None
    return ShareFigure(value=value, n=n, interval=_between(share_interval(hits, n)))


def _zero(count: int, n: int) -> ZeroCount:
    return ZeroCount(count=count, n=n, bound=rule_of_three(n) if n and not count else None)


def _between(interval: Interval | None) -> Between | None:
    if interval is None:
        return None
    return Between(low=interval.low, high=interval.high, level=interval.level, method=interval.method)


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
