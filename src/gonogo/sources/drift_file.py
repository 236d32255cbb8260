"""drift.yaml and frozen bins: what a comparison of distributions is judged by."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from gonogo.errors import SourceError
from gonogo.model.drift_file import DriftFile, DriftThresholds
from gonogo.sources.yaml_file import KeyPath, YamlFile, read_yaml
from gonogo.sources.yaml_model import parse_model


def require_drift_file(path: Path, name: str) -> DriftFile:
    """Return drift thresholds without problems; raises `SourceError` with all of them."""
    file = read_yaml(path, name)
    thresholds = parse_model(file, DriftFile)
    if thresholds is not None:
        named: list[tuple[KeyPath, DriftThresholds]] = [(("default",), thresholds.default)]
        named += [(("tenants", tenant), limits) for tenant, limits in thresholds.tenants.items()]
        for at, limits in named:
            for key, levels in (("psi", limits.psi), ("js", limits.js)):
                _check_order(file, (*at, key), levels.model_dump())
    if file.problems or thresholds is None:
        raise SourceError(file.problems, "Nothing was judged. Correct the lines above and run the command again.")
    return thresholds


def _check_order(file: YamlFile, at: KeyPath, levels: dict[str, object]) -> None:
    for worse, milder in pairwise(levels):
        if not levels[worse] > levels[milder]:  # type: ignore[operator]
            file.report((*at, worse), f"is not above {milder}; severities must grow. Correct one of them.")
