"""Which flags an option turns, and to what: never away from safe, whatever a plan says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gonogo.errors import SourceError, UsageError
from gonogo.model.flags import ABSENT, AUTOMATION, SAFE_MODE, FlagValue, describe_value, is_towards_safe, template_flag
from gonogo.model.release_plan import RollbackOption
from gonogo.release.rollback_request import RollbackRequest
from gonogo.sources.suggest import suggest
from gonogo.sources.yaml_file import read_yaml

# What stops every reply of a middleware, where no plan can be read.
KILL_SWITCH: Mapping[str, FlagValue] = {AUTOMATION: False, SAFE_MODE: True}


@dataclass(frozen=True, slots=True)
class ChosenFlags:
    """The flags to write, the option's name, and what was passed by."""

    wanted: Mapping[str, FlagValue]
    name: str
    notes: tuple[str, ...] = ()


def choose_flags(request: RollbackRequest, options: Mapping[str, RollbackOption]) -> ChosenFlags:
    """Return what option A or B of a plan writes; option A has an answer without any plan.

    Raises `UsageError` for option B without a template or an intent, or with one that the vocabulary does not know.
    """
    option = options.get(request.option)
    if request.option == "B":
        templates, notes = _find_templates(request)
        wanted: dict[str, FlagValue] = {template_flag(name): False for name in templates}
        return ChosenFlags(wanted, option.name if option else "Template kill", notes)
    if option is None:
        return ChosenFlags(KILL_SWITCH, "Kill switch", ("plan.yaml names no option A: the built-in switches are used",))
    unsafe = {name: value for name, value in option.flag_values.items() if not is_towards_safe(name, ABSENT, value)}
    if unsafe:
        shown = ", ".join(f"{name}={describe_value(value)}" for name, value in unsafe.items())
        text = f"plan.yaml has option A write {shown}, which is not towards safe: the built-in switches are used"
        return ChosenFlags(KILL_SWITCH, option.name, (text,))
    return ChosenFlags(option.flag_values or KILL_SWITCH, option.name)


def _find_templates(request: RollbackRequest) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if (request.template is None) == (request.intent is None):
        raise UsageError(
            "option B turns off one template or the templates of one intent",
            "Name it: --template ID or --intent ID. To stop all of it: --option A.",
        )
    path = request.sources / "vocabulary.yaml"
    file = read_yaml(path, request.shown(path))
    known = _mapping(file.data, "templates")
    if request.template is not None:
        if known and request.template not in known:
            meant = suggest(request.template, known)
            raise UsageError(f"template {request.template!r} is not in the vocabulary; {meant}")
        note = f"vocabulary.yaml could not be read, so nobody checked that {request.template} is a template"
        return (request.template,), () if known else (note,)
    intents = _mapping(file.data, "intents")
    if not intents:
        raise SourceError(file.problems, "Name the template itself: --template ID. Or stop all of it: --option A.")
    asked = str(request.intent)
    if asked not in intents:
        raise UsageError(f"intent {asked!r} is not in the vocabulary; {suggest(asked, intents)}")
    intent = intents[asked]
    reply, verified = (intent.get("reply"), intent.get("verified")) if isinstance(intent, dict) else (None, None)
    names = [reply, *(verified if isinstance(verified, tuple) else ())]
    templates = tuple(dict.fromkeys(name for name in names if isinstance(name, str)))
    if not templates:
        raise UsageError(f"{request.intent} has no template: nothing is ever sent for it", "Use --option A.")
    return templates, ()


def _mapping(data: Any, key: str) -> Mapping[str, Any]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}
