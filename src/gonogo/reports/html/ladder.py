"""The plan of a bundle as people read it: stages, ways back, triggers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gonogo.reports.html.loose import as_line, as_lines, as_map, as_maps
from gonogo.reports.html.page import OptionRow, StageRow, TriggerRow


def build_ladder(plan: Mapping[str, Any], current: str) -> tuple[StageRow, ...]:
    """Return the stages of a plan in their order."""
    return tuple(_stage(stage, current) for stage in as_maps(plan.get("stages")))


def _stage(stage: Mapping[str, Any], current: str) -> StageRow:
    name = as_line(stage.get("id"))
    asked = [f"{as_line(one.get('people', 1))} × {as_line(one.get('role'))}" for one in as_maps(stage.get("approvals"))]
    soak = as_map(stage.get("soak"))
    words = [f"{as_line(soak[key])} {what}" for key, what in _SOAK if soak.get(key) is not None]
    return StageRow(
        name,
        as_line(stage.get("name")),
        as_line(stage.get("purpose")),
        _automation(stage),
        ", ".join(as_lines(stage.get("channels"))),
        as_lines(stage.get("templates")),
        ", ".join(asked),
        ", ".join(words),
        name == current,
    )


_SOAK = (("minimum", "at least"), ("recommended", "recommended"))


def _automation(stage: Mapping[str, Any]) -> str:
    if stage.get("safe_mode") is True or stage.get("automation_enabled") is False:
        switches = [f"{name}={as_line(stage.get(name))}" for name in ("safe_mode", "automation_enabled")]
        return f"no reply goes out ({', '.join(switches)})"
    return "replies go out" if stage.get("automation_enabled") is True else "not told"


def build_options(plan: Mapping[str, Any], decision: Mapping[str, Any]) -> tuple[OptionRow, ...]:
    """Return the ways back of a plan, each with the command that begins it."""
    options = as_map(as_map(plan.get("rollback")).get("options"))
    system, environment = as_line(decision.get("system")), as_line(decision.get("environment"))
    return tuple(
        OptionRow(
            as_line(name),
            as_line(option.get("name")),
            f"gonogo rollback {system} --option {as_line(name)} --env {environment}",
            tuple((as_line(flag), as_line(value)) for flag, value in as_map(option.get("flags")).items()),
            as_lines(option.get("commands")),
            as_line(option.get("destroys")),
            as_line(option.get("note")),
        )
        for name, option in options.items()
        if isinstance(option, Mapping)
    )


def build_triggers(plan: Mapping[str, Any], states: list[Mapping[str, Any]]) -> tuple[TriggerRow, ...]:
    """Return the triggers of a plan with what they came to; a state that the plan does not know stands last."""
    seen = {as_line(one.get("id")): one for one in states}
    planned = {as_line(one.get("id")): one for one in as_maps(plan.get("triggers"))}
    return tuple(_trigger(name, planned.get(name, {}), seen.get(name)) for name in dict.fromkeys((*planned, *seen)))


def _trigger(name: str, planned: Mapping[str, Any], state: Mapping[str, Any] | None) -> TriggerRow:
    told = state or {}
    fired = {True: "fired", False: "did not fire"}.get(told.get("fired"), "not told")  # type: ignore[arg-type]
    return TriggerRow(
        name,
        as_line(planned.get("name")),
        as_line(told.get("kind", planned.get("kind"))),
        as_line(told.get("option", planned.get("option"))),
        fired if state is not None else "not watched here",
        as_line(told.get("at")),
        as_lines(told.get("reasons")),
    )
