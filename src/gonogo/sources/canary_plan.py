"""A canary plan's YAML → the plan, with every problem by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gonogo.errors import Problem
from gonogo.model.canary import CanaryPlan, Statistic, StickyKey
from gonogo.model.canary_probe import ID_MARK, CanaryProbe, IdPlace, fill_id, merge_bodies
from gonogo.model.gate import Direction
from gonogo.sources.yaml_file import KeyPath, YamlFile, read_yaml
from gonogo.sources.yaml_model import parse_model


def load_canary_plan(path: Path, name: str) -> tuple[CanaryPlan | None, list[Problem]]:
    """Return the plan, or None with every problem of the file."""
    file = read_yaml(path, name)
    plan = parse_model(file, CanaryPlan)
    if plan is not None:
        _check_ladder(plan, file)
        _check_criteria(plan, file)
        if plan.probe is not None:
            _check_promise(plan, plan.probe, file)
            _check_places(plan.probe, file)
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


def _check_promise(plan: CanaryPlan, probe: CanaryProbe, file: YamlFile) -> None:
    if plan.key is StickyKey.NONE:
        file.report(("key",), "is none, so that a probe has nothing to show. Name request_id or user_id.")
    elif getattr(probe, plan.key.value) is None:
        text = f"key {plan.key.value!r} is missing, and the plan promises its stickiness. Say where it goes."
        file.report(("probe",), text)


def _check_places(probe: CanaryProbe, file: YamlFile) -> None:
    """Report ids without one place, and places that two of the request's parts would write to."""
    taken = {("header", "content-type")} if probe.method == "POST" else set()
    for name in probe.headers:
        _take(taken, "header", name, ("probe", "headers", name), file)
    if probe.secret is not None:
        _take(taken, "header", probe.secret.header, ("probe", "secret", "header"), file)
    if probe.body is not None and probe.method == "GET":
        file.report(("probe", "body"), "stands with GET, which sends none. Write method: POST.")
    body = probe.body or {}
    for key in ("request_id", "user_id"):
        place: IdPlace | None = getattr(probe, key)
        if place is None:
            continue
        here: KeyPath = ("probe", key)
        if len(place.model_fields_set) != 1:
            file.report(here, "allowed: exactly one of body, header, query. Name one.")
            continue
        if place.header is not None:
            _take(taken, "header", place.header, (*here, "header"), file)
        if place.query is not None:
            _take(taken, "query", place.query, (*here, "query"), file)
        if place.body is not None:
            body = _check_body(probe, place.body, body, (*here, "body"), file)


def _take(taken: set[tuple[str, str]], kind: str, name: str, here: KeyPath, file: YamlFile) -> None:
    # Names of headers know no case, those of parameters do.
    entry = (kind, name.lower() if kind == "header" else name)
    if entry in taken:
        file.report(here, f"is {name!r}, which another part of the request holds already. Name another.")
    taken.add(entry)


def _check_body(
    probe: CanaryProbe, template: dict[str, Any], body: dict[str, Any], here: KeyPath, file: YamlFile
) -> dict[str, Any]:
    """Return the body with a template merged in, after reporting what is wrong with it."""
    if probe.method == "GET":
        file.report(here, "stands with GET, which sends no body. Write method: POST, or name a header or query.")
    if fill_id(template, "") == fill_id(template, "x"):
        file.report(here, f"has no {ID_MARK}, so that the id is nowhere. Write it, such as {{user: '{ID_MARK}'}}.")
    try:
        return merge_bodies(body, template)
    except ValueError as error:
        text = f"{error.args[0]!r} is written by another part of the body already. Write it in one of them."
        file.report(here, text)
        return body
