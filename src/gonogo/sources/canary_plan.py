"""A canary plan's YAML → the plan, with every problem by line."""

from __future__ import annotations

from pathlib import Path

from gonogo.errors import Problem
from gonogo.model.canary import CanaryPlan, Statistic
from gonogo.model.gate import Direction
from gonogo.sources.yaml_file import YamlFile, read_yaml
from gonogo.sources.yaml_model import parse_model


def load_canary_plan(path: Path, name: str) -> tuple[CanaryPlan | None, list[Problem]]:
    """Return the plan, or None with every problem of the file."""
    file = read_yaml(path, name)
    plan = parse_model(file, CanaryPlan)
    if plan is not None:
        _check_ladder(plan, file)
        _check_criteria(plan, file)
    return (None if file.problems else plan), file.problems


def _check_ladder(plan: CanaryPlan, file: YamlFile) -> None:
    if plan.old == plan.new:
        file.report(("new",), f"is {plan.new!r}, the same as old: nothing would be compared. Name two versions.")
    for place, (before, after) in enumerate(zip(plan.phases, plan.phases[1:], strict=False), 1):
        if after.share <= before.share:
            text = f"is {after.share:g} after {before.share:g}; a ladder only rises. Correct the order."
            file.report(("phases", place, "share"), text)
    if not plan.judged_phases:
        file.report(
            ("phases",), "no phase keeps traffic on the old version: nothing would be compared. Add one below 1."
        )


def _check_criteria(plan: CanaryPlan, file: YamlFile) -> None:
    ids = [criterion.id for criterion in plan.criteria]
    kinds: dict[str, bool] = {}
    for place, criterion in enumerate(plan.criteria):
        here = ("criteria", place)
        if ids.index(criterion.id) != place:
            file.report((*here, "id"), f"is {criterion.id!r}, which stands above already. Give it another id.")
        if criterion.direction not in (Direction.RISE, Direction.DROP):
            file.report((*here, "direction"), f"is {criterion.direction.value!r}; allowed: drop, rise.")
        if criterion.limit <= 0:
            file.report(
                (*here, "limit"), f"is {criterion.limit}; allowed: more than 0. A limit of 0 needs endless data."
            )
        share = criterion.statistic is Statistic.SHARE
        if kinds.setdefault(criterion.field, share) is not share:
            text = f"{criterion.field!r} is a share in one criterion and a number in another. Use two fields."
            file.report((*here, "field"), text)
