"""gates.yaml: read with every problem at once, each thing that a metric needs of its source among them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

from gonogo.errors import Problem, SourceError
from gonogo.model.gate import GateSpec, Scale
from gonogo.model.gate_pack import GatePack
from gonogo.model.metric import GatesFile, MetricSpec, Reduce, SourceKind, SourceSpec
from gonogo.sources.suggest import quote_value, suggest
from gonogo.sources.yaml_file import KeyPath, YamlFile, read_yaml
from gonogo.sources.yaml_model import parse_model

GATES_FILE = "gates.yaml"
_COMMON = ("source", "unit", "reduce", "across", "window", "stale_after", "divide_by", "counter")
_ROWS = ("column", "time_column", "n_column", "unit_column", "where", "matches")
# What a metric of each kind must say, and what else it may say.
_KEYS: Mapping[SourceKind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    SourceKind.PROMETHEUS: (("query",), ("n_query", "age_query", "step")),
    SourceKind.EXPOSITION: (("query",), ("labels", "quantile")),
    SourceKind.CLOUDWATCH: (("namespace", "name", "window"), ("dimensions", "stat", "step")),
    SourceKind.FILE: (("column",), (*_ROWS, "step")),
    SourceKind.RUN: (("query", "column"), ("n_column", "unit_column", "where", "matches")),
    SourceKind.LOCUST: (("column",), (*_ROWS, "step")),
}


def load_gates(path: Path, name: str, system: str | None = None) -> tuple[GatesFile | None, list[Problem]]:
    """Return a gates file, or None, with all problems of the file."""
    file, gates = _read(path, name, system)
    return gates, file.problems


def gate_lines_of(path: Path, name: str) -> dict[str, int]:
    """Return the line of every gate of a file that can be read, by id."""
    file, gates = _read(path, name, None)
    return {} if gates is None else {gate.id: file.line_of(("gates", at)) for at, gate in enumerate(gates.gates)}


def read_gate_pack(path: Path, name: str, system: str) -> tuple[GatePack | None, list[Problem]]:
    """Return a gates file with its digest and lines, or None, with all problems of the file."""
    file, gates = _read(path, name, system)
    if gates is None or file.problems:
        return None, file.problems
    lines = {gate.id: file.line_of(("gates", index)) for index, gate in enumerate(gates.gates)}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return GatePack(name, path.stem, digest, gates, lines), []


def require_gates(path: Path, name: str, system: str | None = None) -> GatesFile:
    """Return a gates file without problems; raises `SourceError` with all of them."""
    gates, problems = load_gates(path, name, system)
    if problems or gates is None:
        raise SourceError(problems, "Nothing was judged. Correct the lines above and run the command again.")
    return gates


def _read(path: Path, name: str, system: str | None) -> tuple[YamlFile, GatesFile | None]:
    file = read_yaml(path, name)
    gates = parse_model(file, GatesFile)
    if gates is not None:
        if system is not None and gates.system != system:
            file.report(("system",), f"is {gates.system!r}, but the system is {system!r}. Correct one of them.")
        for source, spec in gates.sources.items():
            check_source(file, ("sources", source), spec)
        for metric, figure in gates.metrics.items():
            check_metric(file, ("metrics", metric), metric, figure, gates)
        _check_gates(file, gates)
    return file, gates


def check_source(file: YamlFile, at: KeyPath, spec: SourceSpec) -> None:
    """Report what a source lacks for its kind, and what says nothing to it."""
    if spec.kind is SourceKind.EXPOSITION:
        if sum(place is not None for place in (spec.url, spec.url_env, spec.path)) != 1:
            file.report(at, "needs one of url, url_env and path (on the target itself). Name where it answers.")
        _refuse_keys(file, at, spec.model_fields_set, ("region",), spec.kind)
    elif spec.kind is SourceKind.PROMETHEUS:
        if (spec.url is None) == (spec.url_env is None):
            file.report(at, "needs either url or url_env, and not both. Name where it answers.")
        _refuse_keys(file, at, spec.model_fields_set, ("path", "region"), spec.kind)
    elif spec.kind is SourceKind.CLOUDWATCH:
        _refuse_keys(file, at, spec.model_fields_set, ("path", "url_env", "token_env"), spec.kind)
    else:
        if spec.path is None and spec.kind is not SourceKind.RUN:
            file.report(at, "key 'path' is missing. Add it; it may be overridden with --source.")
        _refuse_keys(file, at, spec.model_fields_set, ("url", "url_env", "token_env", "region"), spec.kind)


def _refuse_keys(
    file: YamlFile, at: KeyPath, seen: Collection[str], refused: Collection[str], kind: SourceKind
) -> None:
    for key in refused:
        if key in seen:
            file.report((*at, key), f"says nothing to a source of kind {kind.value}. Remove it.")


def check_metric(
    file: YamlFile, at: KeyPath, name: str, spec: MetricSpec, gates: GatesFile, *, watched: bool = False
) -> None:
    """Report what is wrong with a metric; a page of metrics has a window only where it is `watched` again and again."""
    source = gates.sources.get(spec.source)
    if source is None:
        file.report((*at, "source"), f"is {quote_value(spec.source)}; {suggest(spec.source, gates.sources)}")
        return
    needed, more = _KEYS[source.kind]
    seen = spec.model_fields_set
    for key in needed:
        if key not in seen:
            file.report(at, f"key {key!r} is missing; a source of kind {source.kind.value} needs it. Add it.")
    _refuse_keys(file, at, seen, sorted(seen - {*_COMMON, *needed, *more}), source.kind)
    if source.kind is SourceKind.EXPOSITION and spec.window is not None and not watched:
        file.report((*at, "window"), "a page of metrics shows one moment and has no window. Remove it.")
    if (spec.reduce is Reduce.INCREASE) != spec.counter:
        file.report(at, "reduce: increase and counter: true belong together: only a counter increases. Correct one.")
    if spec.step is not None and spec.step > (spec.window or spec.step):
        file.report((*at, "step"), "is longer than the window. Shorten it.")
    if source.kind is SourceKind.PROMETHEUS and spec.stale_after is not None:
        _check_age(file, at, spec)
    if spec.divide_by is not None:
        _check_divisor(file, (*at, "divide_by"), name, spec, gates)


def _check_age(file: YamlFile, at: KeyPath, spec: MetricSpec) -> None:
    """Refuse a staleness limit that Prometheus could never exceed: it stamps what it computes with the asking time."""
    if spec.age_query is None and any(sign in (spec.query or "") for sign in "()[]+-*/"):
        text = (
            "cannot be seen for a computed query: its answer carries the time of the question. "
            "Add age_query, such as 'time() - max(timestamp(up))'."
        )
        file.report((*at, "stale_after"), text)


def _check_divisor(file: YamlFile, at: KeyPath, name: str, spec: MetricSpec, gates: GatesFile) -> None:
    other = gates.metrics.get(spec.divide_by or "")
    if other is None or spec.divide_by == name:
        known = [metric for metric in gates.metrics if metric != name]
        file.report(at, f"is {quote_value(spec.divide_by)}; {suggest(str(spec.divide_by), known)}")
    elif other.divide_by is not None:
        file.report(at, f"{spec.divide_by} is itself a share; a share of a share is not read. Name a plain metric.")


def _check_gates(file: YamlFile, gates: GatesFile) -> None:
    first: dict[str, int] = {}
    for index, gate in enumerate(gates.gates):
        at: KeyPath = ("gates", index)
        other = first.setdefault(gate.id.casefold(), index)
        if other != index:
            line = file.line_of(("gates", other, "id"))
            file.report((*at, "id"), f"gate {gate.id!r} stands in line {line} already. Give it another id.")
        check_gate(file, at, gate, gates)


def check_gate(file: YamlFile, at: KeyPath, gate: GateSpec, gates: GatesFile, *, watched: bool = False) -> None:
    """Report what is wrong with a threshold beside the metric that it is laid on."""
    for key, metric in (("metric", gate.metric), ("baseline", gate.baseline)):
        if metric is not None and metric not in gates.metrics:
            file.report((*at, key), f"is {quote_value(metric)}; {suggest(metric, gates.metrics)}")
    if gate.baseline is not None and not gate.needs_baseline:
        text = "is never looked at: direction value on an absolute scale compares with the limit alone. Remove it."
        file.report((*at, "baseline"), text)
    spec = gates.metrics.get(gate.metric)
    if spec is None:
        return
    if gate.unit and spec.unit and gate.unit != spec.unit and gate.scale is Scale.ABSOLUTE:
        file.report((*at, "unit"), f"is {gate.unit!r}, but metric {gate.metric!r} is in {spec.unit!r}. Use one unit.")
    source = gates.sources.get(spec.source)
    momentary = (SourceKind.RUN,) if watched else (SourceKind.EXPOSITION, SourceKind.RUN)
    if gate.window is not None and source is not None and source.kind in momentary:
        file.report((*at, "window"), f"says nothing to a source of kind {source.kind.value}. Remove it.")
