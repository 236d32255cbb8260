"""load.yaml: load profiles, read with every problem at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gonogo.errors import Problem, SourceError
from gonogo.model.gate import Weight
from gonogo.model.load import ALWAYS, FIGURES, MAX_MESSAGES, Arrivals, FigureKind, LoadFile, LoadLimit, SeriesKind
from gonogo.model.outcome import CheckClass, SourceRef
from gonogo.model.vocabulary import Vocabulary
from gonogo.sources.suggest import quote_value, suggest
from gonogo.sources.yaml_file import KeyPath, YamlFile, read_yaml
from gonogo.sources.yaml_model import parse_model

LOAD_FILE = "load.yaml"


@dataclass(frozen=True, slots=True)
class LoadPack:
    """A load file that was checked: its name in the project, its digest, and the line of every profile and limit.

    Lines of limits are by profile and id; those of the file have an empty profile.
    """

    file: str
    digest: str
    load: LoadFile
    lines: Mapping[str, int]
    limit_lines: Mapping[tuple[str, str], int]

    def source_of(self, profile: str, limit: str = "") -> SourceRef:
        """Return the place of a limit of a profile, or of the profile itself."""
        line = self.limit_lines.get((profile, limit)) or self.limit_lines.get(("", limit)) or self.lines[profile]
        return SourceRef(self.file, line)


def read_load_pack(
    path: Path, name: str, system: str, vocabulary: Vocabulary | None = None
) -> tuple[LoadPack | None, list[Problem]]:
    """Return a checked load file, or None, with all problems of the file."""
    file = read_yaml(path, name)
    load = parse_model(file, LoadFile)
    if load is None:
        return None, file.problems
    if load.system != system:
        file.report(("system",), f"is {quote_value(load.system)}, but the system is {system!r}. Correct one of them.")
    _check_mix(file, load, vocabulary)
    _check_series(file, load)
    _check_limits(file, ("limits",), load.limits, load)
    for profile_name, profile in load.profiles.items():
        at: KeyPath = ("profiles", profile_name)
        _check_arrivals(file, (*at, "arrivals"), profile.arrivals)
        _check_limits(file, (*at, "limits"), profile.limits, load)
        for figure in profile.shows:
            _check_figure(file, (*at, "shows", figure), figure, load)
        _check_always(file, at, load.limits_of(profile_name))
    if file.problems:
        return None, file.problems
    limits = {("", one.id): file.line_of(("limits", index)) for index, one in enumerate(load.limits)}
    for profile_name, profile in load.profiles.items():
        own = ("profiles", profile_name, "limits")
        limits |= {(profile_name, one.id): file.line_of((*own, index)) for index, one in enumerate(profile.limits)}
    lines = {profile: file.line_of(("profiles", profile)) for profile in load.profiles}
    return LoadPack(name, hashlib.sha256(path.read_bytes()).hexdigest(), load, lines, limits), []


def require_load_pack(path: Path, name: str, system: str, vocabulary: Vocabulary | None = None) -> LoadPack:
    """Return a load file without problems; raises `SourceError` with all of them."""
    pack, problems = read_load_pack(path, name, system, vocabulary)
    if problems or pack is None:
        raise SourceError(problems, "Nothing was sent. Correct the lines above and run the command again.")
    return pack


def _check_mix(file: YamlFile, load: LoadFile, vocabulary: Vocabulary | None) -> None:
    if vocabulary is not None:
        for intent in load.mix:
            if intent not in vocabulary.intents:
                text = f"is no intent of vocabulary.yaml; {suggest(intent, list(vocabulary.intents))}"
                file.report(("mix", intent), text)
    if load.mix and not any(load.mix.values()):
        file.report(("mix",), "gives every intent the weight 0: nothing would be sent. Give one of them a weight.")


def _check_series(file: YamlFile, load: LoadFile) -> None:
    for name in load.series:
        if name in FIGURES:
            file.report(("series", name), "is the name of a figure that every load has. Give the series another name.")
    for name in ("queue_age", "queue_depth"):
        found = load.series.get(name)
        if found is not None and found.kind is not SeriesKind.GAUGE:
            file.report(("series", name, "kind"), "is 'counter', and a queue rises and falls. Write gauge.")


def _check_arrivals(file: YamlFile, at: KeyPath, arrivals: Arrivals) -> None:
    if arrivals.count == 0:
        file.report((*at, "segments"), "hold no message at all; a load of nothing is never a success. Give a count.")
    if arrivals.count > MAX_MESSAGES:
        text = f"hold {arrivals.count:,} messages; at most {MAX_MESSAGES:,}. Lower a count."
        file.report((*at, "segments"), text)


def _check_limits(file: YamlFile, at: KeyPath, limits: tuple[LoadLimit, ...], load: LoadFile) -> None:
    first: dict[str, int] = {}
    for index, one in enumerate(limits):
        here = (*at, index)
        other = first.setdefault(one.id.casefold(), index)
        if other != index:
            line = file.line_of((*at, other, "id"))
            file.report((*here, "id"), f"limit {one.id!r} stands in line {line} already. Give it another id.")
        _check_figure(file, (*here, "metric"), one.metric, load)
        figure = FIGURES.get(one.metric)
        if figure is not None and figure.kind is FigureKind.SHARE and not 0 <= one.limit <= 1:
            file.report((*here, "limit"), f"is {one.limit}; {one.metric} is a share: allowed 0 to 1, such as 0.001.")
        if figure is not None and figure.cls is CheckClass.SAFETY and one.weight in (Weight.SOFT, Weight.RECORDED):
            text = f"is {one.weight.value}; {one.metric} is safety, which a file never lowers. Remove the weight."
            file.report((*here, "weight"), text)
        if one.aborts and (one.metric not in _LIVE and one.metric not in load.series):
            known = [*_LIVE, *load.series]
            text = f"is true, but {one.metric} is not seen while the load runs; {suggest(one.metric, known)}"
            file.report((*here, "aborts"), text)


_LIVE = ("server_errors", "unanswered", "queue_age_max", "queue_depth_max")


def _check_figure(file: YamlFile, at: KeyPath, name: str, load: LoadFile) -> None:
    if name not in FIGURES and name not in load.series:
        file.report(at, f"is {quote_value(name)}; {suggest(name, [*FIGURES, *load.series])}")


def _check_always(file: YamlFile, at: KeyPath, limits: tuple[LoadLimit, ...]) -> None:
    strict = {one.metric for one in limits if one.limit == 0 and one.comparison.value in ("at_most", "equal")}
    absent = [name for name in ALWAYS if name not in strict]
    if absent:
        text = f"has no limit of zero on {', '.join(absent)}; every load has them. Add them under limits."
        file.report(at, text)
