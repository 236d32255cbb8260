"""watch.yaml: read with every problem at once; its metrics and thresholds obey the rules of gates files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from gonogo.errors import Problem, SourceError, UsageError
from gonogo.model.gate import Comparison
from gonogo.model.metric import SourceKind
from gonogo.model.plan import Stage
from gonogo.model.watch import OwnMetric, WatchFile, WatchPack, WatchRule, needs_absolute
from gonogo.sources.gates_file import check_gate, check_metric, check_source
from gonogo.sources.suggest import quote_value, suggest
from gonogo.sources.yaml_file import KeyPath, YamlFile, read_yaml
from gonogo.sources.yaml_model import parse_model

WATCH_FILE = "watch.yaml"
_UPWARDS = (Comparison.BELOW, Comparison.AT_MOST)
_DOWNWARDS = (Comparison.ABOVE, Comparison.AT_LEAST)


def read_watch_pack(path: Path, name: str, system: str | None = None) -> tuple[WatchPack | None, list[Problem]]:
    """Return a file of watch rules with its digest and lines, or None, with all problems of the file."""
    file = read_yaml(path, name)
    content = parse_model(file, WatchFile)
    if content is None:
        return None, file.problems
    if system is not None and content.system != system:
        file.report(("system",), f"is {content.system!r}, but the system is {system!r}. Correct one of them.")
    _check_content(file, content)
    if file.problems:
        return None, file.problems
    lines = {rule.id: file.line_of(("rules", index)) for index, rule in enumerate(content.rules)}
    return WatchPack(name, hashlib.sha256(path.read_bytes()).hexdigest(), content, lines), []


def load_watch(folder: Path, shown: str, stage: Stage, system: str) -> tuple[WatchPack, ...]:
    """Return the files of watch rules that a stage names, from the folder of the plan.

    Raises `UsageError` for a stage that names none, `SourceError` with every problem of every file, an id that stands
    in two of them among those.
    """
    if not stage.watch:
        raise UsageError(
            f"stage {stage.id} names no watch rules, so watching it would show nothing",
            "Add watch: [watch.yaml] to the stage in plan.yaml.",
        )
    packs: list[WatchPack] = []
    problems: list[Problem] = []
    first: dict[str, str] = {}
    for name in stage.watch:
        pack, found = read_watch_pack(folder / name, f"{shown}/{name}", system)
        problems += found
        if pack is None:
            continue
        packs.append(pack)
        for rule in pack.rules:
            other = first.setdefault(rule.id.casefold(), pack.file)
            if other != pack.file:
                text = f"rule {rule.id!r} stands in {other} already. Give it another id."
                problems.append(Problem(pack.file, pack.lines[rule.id], "rules", text))
    problems += _conflicts(packs)
    if problems:
        raise SourceError(problems, "Nothing is watched. Correct the lines above and run the command again.")
    return tuple(packs)


def _conflicts(packs: Sequence[WatchPack]) -> list[Problem]:
    """Return a problem for every name that means one thing in a file and another in a later one."""
    problems = []
    known: dict[tuple[str, str], tuple[object, str]] = {}
    for pack in packs:
        parts: dict[str, Mapping[str, object]] = {
            "sources": pack.content.sources,
            "metrics": pack.content.metrics,
            "heartbeats": pack.content.heartbeats,
        }
        for part, names in parts.items():
            for name, spec in names.items():
                other, file = known.setdefault((part, name), (spec, pack.file))
                if other != spec:
                    text = f"{name!r} means something else in {file}. Give one of them another name."
                    problems.append(Problem(pack.file, 0, part, text))
    return problems


def merge_rules(packs: Sequence[WatchPack]) -> WatchFile:
    """Return the rules of several files as one, so that what they share is asked once."""
    first = packs[0].content
    probes = [pack.content.probes for pack in packs if pack.content.probes is not None]
    return WatchFile.model_construct(
        system=first.system,
        sources={name: spec for pack in packs for name, spec in pack.content.sources.items()},
        metrics={name: spec for pack in packs for name, spec in pack.content.metrics.items()},
        heartbeats={name: metric for pack in packs for name, metric in pack.content.heartbeats.items()},
        probes=min(probes, key=lambda one: one.every) if probes else None,
        rules=tuple(rule for pack in packs for rule in pack.rules),
    )


def _check_content(file: YamlFile, content: WatchFile) -> None:
    gates = content.as_gates()
    for source, spec in content.sources.items():
        check_source(file, ("sources", source), spec)
        if spec.kind in (SourceKind.RUN, SourceKind.LOCUST):
            text = f"is {spec.kind.value!r}, which tells of something that is over. Name a source that goes on."
            file.report(("sources", source, "kind"), text)
    for metric, figure in content.metrics.items():
        check_metric(file, ("metrics", metric), metric, figure, gates, watched=True)
        if metric in set(OwnMetric):
            file.report(("metrics", metric), "is what the watch measures by itself. Give the metric another name.")
    for source, metric in content.heartbeats.items():
        _check_heartbeat(file, content, source, metric)
    first: dict[str, int] = {}
    for index, rule in enumerate(content.rules):
        at: KeyPath = ("rules", index)
        other = first.setdefault(rule.id.casefold(), index)
        if other != index:
            line = file.line_of(("rules", other, "id"))
            file.report((*at, "id"), f"rule {rule.id!r} stands in line {line} already. Give it another id.")
        _check_rule(file, at, rule, content)


def _check_heartbeat(file: YamlFile, content: WatchFile, source: str, metric: str) -> None:
    at = ("heartbeats", source)
    if source not in content.sources:
        file.report(at, f"source {quote_value(source)} is not in this file; {suggest(source, content.sources)}")
    elif metric not in content.metrics:
        file.report(at, f"is {quote_value(metric)}; {suggest(metric, content.metrics)}")
    elif content.metrics[metric].source != source:
        other = content.metrics[metric].source
        file.report(at, f"{metric} is read from {other}, so it says nothing of {source}. Name a metric of {source}.")


def _check_rule(file: YamlFile, at: KeyPath, rule: WatchRule, content: WatchFile) -> None:
    if rule.metric in set(OwnMetric):
        if rule.window is not None:
            file.report((*at, "window"), "says nothing to what the watch measures by itself. Remove it.")
        if rule.needs_baseline:
            file.report(at, f"{rule.metric} has no baseline. Compare its value with a limit.")
    elif rule.metric not in content.metrics:
        known = [*content.metrics, *(one.value for one in OwnMetric)]
        file.report((*at, "metric"), f"is {quote_value(rule.metric)}; {suggest(rule.metric, known)}")
    else:
        check_gate(file, at, rule, content.as_gates(), watched=True)
    if rule.when is not None and rule.when.metric not in content.metrics:
        text = f"is {quote_value(rule.when.metric)}; {suggest(rule.when.metric, content.metrics)}"
        file.report((*at, "when", "metric"), text)
    if needs_absolute(rule):
        file.report(at, "key 'absolute' is missing: a first deploy has no baseline. Add the limit of the value itself.")
    elif rule.absolute is not None and not rule.needs_baseline:
        file.report((*at, "absolute"), "stands beside a limit that is absolute itself. Remove one of them.")
    _check_warning(file, at, rule)


def _check_warning(file: YamlFile, at: KeyPath, rule: WatchRule) -> None:
    """Refuse a warning that could not be seen before the limit is reached."""
    if rule.warn is None:
        return
    above = rule.comparison in _UPWARDS and rule.warn >= rule.limit
    below = rule.comparison in _DOWNWARDS and rule.warn <= rule.limit
    if above or below or rule.comparison not in (*_UPWARDS, *_DOWNWARDS):
        file.report((*at, "warn"), "is not on the good side of the limit, so nothing would warn before. Correct it.")
