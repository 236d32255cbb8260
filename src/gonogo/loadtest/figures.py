"""The figures of a load, each with the samples behind it and an interval where its kind has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from gonogo.extras import import_extra
from gonogo.gates.statistics import exact_binomial_interval
from gonogo.loadtest.readback import ReadBack
from gonogo.loadtest.reconcile import Reconciliation
from gonogo.loadtest.records import Array, Records, quantile
from gonogo.loadtest.sampling import QUEUE_AGE, QUEUE_DEPTH, Samples
from gonogo.model.gate import FlawKind, Interval, Measurement, number_json
from gonogo.model.load import FIGURES, FigureKind

_LEVEL = 0.95
_SOURCE = "load"


@dataclass(frozen=True, slots=True)
class Recovery:
    """How many seconds the queue took to empty after the last arrival; not `done` where its window was too short."""

    seconds: float
    done: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was observed of a load: `accepted` are the statuses that acknowledge a message.

    `replies_shown` is empty where the path of replies was shown to work, else it says why nothing can be told of
    replies that did not come. `recovery` None: the target shows no queue.
    """

    records: Records
    accepted: tuple[int, ...]
    samples: Samples
    read: ReadBack
    reconciled: Reconciliation
    recovery: Recovery | None
    replies_shown: str = ""


def measure_load(evidence: Evidence) -> dict[str, Measurement]:
    """Return every figure of a load by its name, those of the metrics page among them."""
    found = _measure_answers(evidence)
    found |= _measure_waits(evidence.reconciled)
    found |= _measure_messages(evidence)
    found |= _measure_queue(evidence)
    for name in evidence.samples.series:
        found[name] = _series(evidence.samples, name, name)
    return found


def ack_latencies(records: Records, accepted: Sequence[int]) -> Array:
    """Return the latencies in µs of what was acknowledged, and of what was never answered: that took as long at least.

    A quick refusal is no acknowledgement, and would make the figure look better than it is.
    """
    np = import_extra("numpy", "load")
    rows = records.rows
    return rows["latency"][np.isin(rows["status"], accepted) | (rows["status"] == 0)]


def _measure_answers(evidence: Evidence) -> dict[str, Measurement]:
    np = import_extra("numpy", "load")
    status = evidence.records.rows["status"]
    latencies = ack_latencies(evidence.records, evidence.accepted) / 1e6
    found = {name: _latency(name, latencies) for name in FIGURES if name.startswith("ack_p")}
    failed = (status >= 500) & (status <= 599)
    refused = (status > 0) & ~failed & ~np.isin(status, evidence.accepted)
    for name, mask in (("server_errors", failed), ("refused", refused), ("unanswered", status == 0)):
        found[name] = _share(name, int(mask.sum()), len(status))
    return found


def _measure_waits(reconciled: Reconciliation) -> dict[str, Measurement]:
    np = import_extra("numpy", "load")
    waits = np.asarray(reconciled.waits, dtype=float)
    names = [name for name in FIGURES if name.startswith("end_to_end_p")]
    if len(waits) == 0 and reconciled.decided:
        text = "decisions do not show when they were complete"
        return {name: Measurement.missing(name, FlawKind.NO_DATA, text, _SOURCE) for name in names}
    return {name: _latency(name, waits) for name in names}


def _measure_messages(evidence: Evidence) -> dict[str, Measurement]:
    reconciled, read = evidence.reconciled, evidence.read
    found: dict[str, Measurement] = {}
    for name, n in (
        ("lost", reconciled.acknowledged),
        ("late", len(reconciled.waits) + reconciled.queued),
        ("wrong", reconciled.decided),
        ("duplicate_decisions", reconciled.decided),
    ):
        found[name] = Measurement(name, reconciled.counts[name], n, source=_SOURCE)
        if read.decisions_broken:
            found[name] = Measurement.missing(name, FlawKind.QUERY_FAILED, read.decisions_broken, _SOURCE)
    if not read.decisions_broken and reconciled.acknowledged and not reconciled.decided and not reconciled.queued:
        text = "no decision of any message was shown: the way there may be broken"
        found["lost"] = Measurement.missing("lost", FlawKind.QUERY_FAILED, text, _SOURCE)
    for name, n in (
        ("duplicates", reconciled.events),
        ("tier0_replies", reconciled.escalations),
        ("forbidden_replies", reconciled.silent),
    ):
        found[name] = Measurement(name, reconciled.counts[name], n, source=_SOURCE)
        if read.replies_broken:
            found[name] = Measurement.missing(name, FlawKind.QUERY_FAILED, read.replies_broken, _SOURCE)
        elif evidence.replies_shown and not reconciled.counts[name]:
            text = f"nothing shows that replies can be seen: {evidence.replies_shown}"
            found[name] = Measurement.missing(name, FlawKind.NO_DATA, text, _SOURCE)
    return found


def _measure_queue(evidence: Evidence) -> dict[str, Measurement]:
    found = {
        "queue_age_max": _series(evidence.samples, QUEUE_AGE, "queue_age_max", "s"),
        "queue_depth_max": _series(evidence.samples, QUEUE_DEPTH, "queue_depth_max"),
    }
    recovery = evidence.recovery
    if recovery is None:
        text = "the metrics page shows no queue"
        found["recovery"] = Measurement.missing("recovery", FlawKind.NO_DATA, text, _SOURCE)
    else:
        found["recovery"] = Measurement("recovery", recovery.seconds, 1, unit="s", source=_SOURCE)
    return found


def _series(samples: Samples, series: str, name: str, unit: str | None = None) -> Measurement:
    figure = samples.figure(series) if series in samples.series else None
    if figure is None:
        why = samples.failures[-1] if samples.failures else f"the metrics page shows no {series}"
        return Measurement.missing(name, FlawKind.NO_DATA, why, _SOURCE)
    return Measurement(name, figure[0], figure[1], unit=unit, source=_SOURCE)


def _latency(name: str, seconds: Array) -> Measurement:
    share = FIGURES[name].quantile
    if share is None or len(seconds) == 0:
        return Measurement.missing(name, FlawKind.NO_DATA, "nothing was measured", _SOURCE)
    value = round(quantile(seconds, share), 6)
    return Measurement(name, value, len(seconds), _quantile_interval(seconds, share), "s", source=_SOURCE)


def _quantile_interval(values: Array, share: float) -> Interval | None:
    """Return the interval of a quantile between two observed values (Conover, 1999, section 3.2), None for too few."""
    np = import_extra("numpy", "load")
    binom = import_extra("scipy.stats", "gates").binom
    n = len(values)
    low, high = int(binom.ppf((1 - _LEVEL) / 2, n, share)), int(binom.ppf((1 + _LEVEL) / 2, n, share)) + 1
    if low < 1 or high > n:
        return None
    ranked = np.partition(values, (low - 1, high - 1))
    return Interval(float(ranked[low - 1]), float(ranked[high - 1]), _LEVEL, "order statistics")


def _share(name: str, count: int, n: int) -> Measurement:
    if n == 0:
        return Measurement.missing(name, FlawKind.NO_DATA, "nothing was sent", _SOURCE)
    return Measurement(name, Fraction(count, n), n, exact_binomial_interval(count, n), source=_SOURCE)


def breach_is_certain(name: str, limit: float, evidence: Evidence) -> bool:
    """Return whether so few samples already rule out that a limit on a quantile or a share holds (at 95 %)."""
    np = import_extra("numpy", "load")
    figure = FIGURES.get(name)
    if figure is None:
        return False
    if figure.quantile is not None:
        own = name.startswith("ack_p")
        values = ack_latencies(evidence.records, evidence.accepted) / 1e6 if own else evidence.reconciled.waits
        n = len(values)
        above = int((np.asarray(values) > limit).sum()) if n else 0
        return n > 0 and exact_binomial_interval(above, n).low > 1 - figure.quantile
    if figure.kind is FigureKind.SHARE:
        measured = _measure_answers(evidence)[name]
        return measured.interval is not None and measured.interval.low > limit
    return False


def figure_rows(found: Mapping[str, Measurement]) -> list[dict[str, Any]]:
    """Return every figure as JSON data: value, n and interval."""
    return [
        {
            "figure": name,
            "title": FIGURES[name].title if name in FIGURES else name,
            "value": number_json(one.value),
            "n": one.n,
            "unit": one.unit,
            "interval": one.interval.to_json() if one.interval else None,
            "problems": [str(flaw) for flaw in one.problems],
        }
        for name, one in found.items()
    ]
