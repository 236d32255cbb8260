"""The files of a load: load.json with every figure, the load second by second, and the exact histogram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gonogo.extras import import_extra
from gonogo.gates.report import gates_json
from gonogo.loadtest.figures import Evidence, ack_latencies, figure_rows
from gonogo.loadtest.generator.recording import ERRORS
from gonogo.loadtest.messages import ticket_of
from gonogo.loadtest.plots import Bound, read_plot_data, write_plots
from gonogo.loadtest.records import Records, histogram, quantile
from gonogo.loadtest.request import LoadSetup
from gonogo.loadtest.sampling import QUEUE_AGE, QUEUE_DEPTH, Samples
from gonogo.loadtest.schedule import asked_per_second
from gonogo.model.gate import GateResult, Measurement
from gonogo.model.load import LoadLimit, Proof, gate_of
from gonogo.model.outcome import CheckResult
from gonogo.run.conclude import write_json

LOAD, SECONDS, LATENCIES = "load.json", "seconds.csv", "latencies.csv"
SCHEMA = "gonogo/load/1"
SECONDS_HEADER = (
    "second,asked,started,acknowledged,refused,server_errors,unanswered,"
    "p50_us,p95_us,p99_us,max_us,queue_age_s,queue_depth"
)


def describe_load(
    setup: LoadSetup,
    evidence: Evidence,
    measurements: Mapping[str, Measurement],
    proofs: Sequence[Proof],
    gates: Sequence[GateResult],
    checks: Sequence[CheckResult],
    *,
    stopped: str,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Return load.json: what was asked, every figure with n and interval, the limits, and every fault found."""
    request, profile = setup.request, setup.profile
    reconciled = evidence.reconciled
    cost = setup.environment.cost_per_message
    scaled = f"time compressed x{request.time_scale:g}" if request.time_scale != 1 else ""
    return {
        "schema": SCHEMA,
        "run": request.run_id,
        "system": request.system,
        "profile": request.profile,
        "title": profile.title,
        "stage": setup.stage.id,
        "environment": request.environment,
        "counts_for_stage": setup.counts,
        "time_scale": request.time_scale,
        "duration": request.duration,
        "note": scaled,
        "condition": profile.condition,
        "stopped": stopped,
        "arrivals": {
            **profile.arrivals.model_dump(mode="json"),
            "asked": len(setup.schedule),
            "events": setup.schedule.events,
            "seconds": round(setup.schedule.seconds, 3),
        },
        "workers": [note_json(evidence.records, note.worker) for note in evidence.records.notes],
        "generator": generator_figures(evidence.records),
        "figures": [{**row, "note": scaled} for row in figure_rows(measurements)],
        "answers": answer_counts(evidence.records),
        "messages": {
            "sent": reconciled.events,
            "acknowledged": reconciled.acknowledged,
            "decided": reconciled.decided,
            "replied": reconciled.replied,
            "escalations": reconciled.escalations,
            "still_queued": reconciled.queued,
            **reconciled.counts,
        },
        "spend": None if cost is None else round(cost * len(evidence.records), 4),
        "faults": {
            kind: [{"ticket": ticket_of(request.run_id, one["event"]), **one} for one in found[:50]]
            for kind, found in reconciled.faults.items()
        },
        "proofs": [
            {"limit": one.limit.id, "needed": one.needed, "count": one.count, "provable": one.provable,
             "text": one.sentence}
            for one in proofs
        ],
        "gates": gates_json(gates)["gates"],
        "checks": [
            {"case": one.case, "check": one.check, "outcome": one.outcome.name, "class": one.cls.value,
             "reasons": list(one.reasons)}
            for one in checks
        ],
        "metrics": {"looks": len(evidence.samples.readings), "failures": len(evidence.samples.failures)},
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "not_tested": [{"what": what, "why": why} for what, why in setup.not_tested],
    }  # fmt: skip


def note_json(records: Records, worker: int) -> dict[str, Any]:
    """Return what a worker said at its end."""
    note = next(one for one in records.notes if one.worker == worker)
    return {
        "worker": note.worker,
        "planned": note.planned,
        "sent": note.sent,
        "records": note.records,
        "peak_memory": note.peak_memory,
        "processor_seconds": note.processor,
        "error": note.error,
    }


def generator_figures(records: Records) -> dict[str, Any]:
    """Return how late the generator itself was, in µs."""
    lags = records.rows["lag"]
    if not len(lags):
        return {"n": 0}
    return {"n": len(lags), **{f"lag_p{name}_us": int(quantile(lags, share)) for name, share in _SHARES.items()}}


_SHARES = {"50": 0.5, "95": 0.95, "99": 0.99, "99.9": 0.999}


def answer_counts(records: Records) -> dict[str, int]:
    """Return how many answers had each status, and how many requests each error."""
    statuses = {str(status): count for status, count in histogram(records.rows["status"]) if status}
    errors = {ERRORS.get(error, str(error)): count for error, count in histogram(records.rows["error"]) if error}
    return {**statuses, **errors}


def write_load(folder: Path, record: Mapping[str, Any], setup: LoadSetup, evidence: Evidence, began: float) -> None:
    """Write load.json, the two tables and the plots; `began` is the first moment of the load, monotonic seconds."""
    write_json(folder / LOAD, record)
    write_seconds(folder / SECONDS, setup, evidence, began)
    pairs = histogram(ack_latencies(evidence.records, evidence.accepted))
    lines = ["latency_us,count", *(f"{value},{count}" for value, count in pairs)]
    (folder / LATENCIES).write_text("\n".join(lines) + "\n", "utf-8")
    scale = setup.request.time_scale
    title = f"{setup.case}, {setup.request.environment}" + (f", time x{scale:g}" if scale != 1 else "")
    bounds = draw_bounds(setup.limits, scale)
    write_plots(folder, read_plot_data(folder, title, SECONDS, LATENCIES, *bounds))


def draw_bounds(limits: Sequence[LoadLimit], time_scale: float) -> tuple[list[Bound], list[Bound]]:
    """Return the limits that plots show: on acknowledgements in ms, and on the age of the oldest message in s."""
    gates = [(limit, float(gate_of(limit, time_scale).limit)) for limit in limits]
    latencies = [Bound(limit.id, bound * 1000) for limit, bound in gates if limit.metric.startswith("ack_p")]
    ages = [Bound(limit.id, bound) for limit, bound in gates if limit.metric == "queue_age_max"]
    return latencies, ages


def write_seconds(path: Path, setup: LoadSetup, evidence: Evidence, began: float) -> None:
    """Write a line a second, from the first arrival to the last look at the queue."""
    np = import_extra("numpy", "load")
    asked = asked_per_second(setup.schedule.offsets, setup.schedule.seconds)
    rows = evidence.records.rows
    offsets = np.asarray(setup.schedule.offsets)[rows["arrival"]] if len(rows) else np.empty(0)
    started = ((offsets + rows["lag"] / 1e6) // 1).astype(int)
    due = (offsets // 1).astype(int)
    queue = _per_second(evidence.samples, began)
    last = max(len(asked), int(started.max(initial=0)) + 1, max(queue, default=0) + 1)
    order = np.argsort(due, kind="stable")
    bounds = np.searchsorted(due[order], np.arange(last + 1))
    begun = np.bincount(started, minlength=last)
    lines = [SECONDS_HEADER]
    for second in range(last):
        here = rows[order[bounds[second] : bounds[second + 1]]]
        status, latency = here["status"], here["latency"]
        failed = int(((status >= 500) & (status <= 599)).sum())
        acknowledged = int(np.isin(status, evidence.accepted).sum())
        unanswered = int((status == 0).sum())
        figures = [int(quantile(latency, share)) for share in (0.5, 0.95, 0.99, 1.0)] if len(here) else ["", "", "", ""]
        counts = [acknowledged, len(here) - acknowledged - failed - unanswered, failed, unanswered]
        age, depth = queue.get(second, ("", ""))
        wanted = asked[second] if second < len(asked) else 0
        lines.append(",".join(map(str, (second, wanted, int(begun[second]), *counts, *figures, age, depth))))
    path.write_text("\n".join(lines) + "\n", "utf-8")


def _per_second(samples: Samples, began: float) -> dict[int, tuple[str, str]]:
    """Return age and depth of the queue by second; of several looks within one the highest."""
    found: dict[int, tuple[float | None, float | None]] = {}
    for one in samples.readings:
        second = int(one.at - began)
        if one.at < began:
            continue
        age, depth = found.get(second, (None, None))
        found[second] = (_most(age, one.values.get(QUEUE_AGE)), _most(depth, one.values.get(QUEUE_DEPTH)))
    return {second: (_show(age), _show(depth)) for second, (age, depth) in found.items()}


def _most(first: float | None, second: float | None) -> float | None:
    return second if first is None else first if second is None else max(first, second)


def _show(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")
