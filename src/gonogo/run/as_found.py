"""A run over a few cases with the flags as they are: what is expected follows from them, and none is changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from gonogo.model.flags import AUTOMATION, CHANNELS, SAFE_MODE, TEMPLATE_PREFIX, TIER2_CHANNELS, TIER2_TAGS, FlagValue
from gonogo.model.plan import Stage, Tier2
from gonogo.run.flagjournal import flag_from_json
from gonogo.run.planning import PlannedScenario


def stage_as_found(stage: Stage, flags: Mapping[str, Any]) -> Stage:
    """Return a stage with the flags that a store shows, as JSON values, in the place of its own.

    A flag that is missing there counts as its safe value: automation off, safe mode on, no channel, no template.
    """
    found = {name: flag_from_json(value) for name, value in flags.items()}
    templates = sorted(
        name.removeprefix(TEMPLATE_PREFIX)
        for name, value in found.items()
        if name.startswith(TEMPLATE_PREFIX) and value is True
    )
    return stage.model_copy(
        update={
            "safe_mode": found.get(SAFE_MODE) is not False,
            "automation_enabled": found.get(AUTOMATION) is True,
            "channels": _words(found.get(CHANNELS)) or (),
            "templates": tuple(templates),
            "tier2": Tier2(channels=_limit(found, TIER2_CHANNELS), tags=_limit(found, TIER2_TAGS)),
            "instead": {},
        }
    )


def keep_only(planned: Iterable[PlannedScenario], cases: Collection[str]) -> list[PlannedScenario]:
    """Return the scenarios with every one that is not among the cases as not tested."""
    text = "the run was asked for other cases only"
    return [one if one.id in cases else replace(one, refused=one.refused or text) for one in planned]


def _limit(found: Mapping[str, FlagValue], name: str) -> tuple[str, ...] | None:
    return _words(found[name]) if name in found else ()


def _words(value: FlagValue) -> tuple[str, ...] | None:
    return value if isinstance(value, tuple) else None
