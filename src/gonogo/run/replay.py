"""Past evidence read again: stored measurements, and those that a run's own records still hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.errors import Problem, SourceError, UsageError
from gonogo.metrics.files import DATASETS
from gonogo.model.gate import FlawKind, Measurement
from gonogo.model.measurements import FILE, read_measurements
from gonogo.model.metric import GatesFile, SourceKind
from gonogo.run.measure import ClosedSource, measure_gates, open_sources

_RESULTS = "gates.json"


def measure_bundle(bundle: Path, gates: GatesFile) -> dict[str, Measurement]:
    """Return what a bundle holds of the measurements that gates read; whatever it does not hold is no data.

    Raises `UsageError` where there is no such folder, `SourceError` where its measurements are not whole.
    """
    if not bundle.is_dir():
        raise UsageError(f"{bundle} is no folder", "Name the folder of a run, or of gonogo gate eval --out.")
    stored = load_measurements(bundle) if (bundle / FILE).is_file() else {}
    has_records = any((bundle / f"{dataset}.jsonl").is_file() for dataset in DATASETS)
    runs = {name: str(bundle) for name, spec in gates.sources.items() if spec.kind is SourceKind.RUN and has_records}
    only_runs = gates.model_copy(update={"sources": {name: gates.sources[name] for name in runs}})
    sources = dict(open_sources(only_runs, bundle, {}, runs))
    others = {name: ClosedSource("not in the bundle") for name in gates.sources if name not in runs}
    now = _last_moment(stored)
    measured = measure_gates(gates, {**sources, **others}, now)
    known = ", ".join(sorted(stored)[:8]) or "none"
    for key, fresh in list(measured.items()):
        if _reads_run(gates, fresh.metric, runs):
            continue
        why = f"the bundle does not hold it; its measurements: {known}"
        measured[key] = stored.get(key, Measurement.missing(fresh.metric, FlawKind.NO_DATA, why))
    return measured


def _reads_run(gates: GatesFile, metric: str, runs: dict[str, str]) -> bool:
    """Return whether a metric, and what it is a share of, come from the run's records."""
    spec = gates.metrics[metric]
    return spec.source in runs and (spec.divide_by is None or gates.metrics[spec.divide_by].source in runs)


def _last_moment(stored: dict[str, Measurement]) -> datetime:
    return max((one.at for one in stored.values() if one.at is not None), default=datetime.fromtimestamp(0, UTC))


def load_measurements(path: Path) -> dict[str, Measurement]:
    """Return the measurements of a file or of a folder; raises `SourceError` where they are missing or not whole."""
    file = path / FILE if path.is_dir() else path
    try:
        return read_measurements(_read_json(file))
    except ValueError as error:
        raise SourceError([Problem(str(file), 0, "", f"{error}.")], "Nothing was judged.") from error


def past_outcomes(bundle: Path) -> dict[str, str]:
    """Return the outcome of every gate that a bundle's gates.json holds, by id; none where there is no such file."""
    file = bundle / _RESULTS
    if not file.is_file():
        return {}
    try:
        return {str(gate["id"]): str(gate["outcome"]) for gate in _read_json(file)["gates"]}
    except (ValueError, KeyError, TypeError) as error:
        text = f"not the results of gates ({type(error).__name__}: {error})."
        raise SourceError([Problem(str(file), 0, "", text)], "Nothing was judged.") from error


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
