"""evidence.yaml of one system: what of its answers may be shown."""

from __future__ import annotations

from pathlib import Path

from gonogo.errors import Problem
from gonogo.model.evidence_policy import EvidencePolicy
from gonogo.sources.suggest import quote_value
from gonogo.sources.yaml_file import read_yaml
from gonogo.sources.yaml_model import parse_model


def load_evidence_policy(path: Path, name: str, system: str) -> tuple[EvidencePolicy | None, list[Problem]]:
    """Return a system's policy, or None, with all problems of the file; without a file nothing is shown."""
    if not path.exists():
        return EvidencePolicy(system=system), []
    file = read_yaml(path, name)
    policy = parse_model(file, EvidencePolicy)
    if policy is None:
        return None, file.problems
    if policy.system != system:
        file.report(("system",), f"is {policy.system!r}, but the folder is {system!r}. Correct one of them.")
    for key, words in (
        ("fields", policy.fields),
        ("headers", policy.headers),
        ("patterns", policy.patterns),
        ("masks", policy.masks),
    ):
        for index, word in enumerate(words):
            if word in words[:index]:
                file.report((key, index), f"{quote_value(word)} stands twice. Remove one.")
    return policy, file.problems
