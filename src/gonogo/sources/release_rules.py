"""What the release part of a plan must hold by itself: rollback options, triggers, monitoring, follow-ups."""

from __future__ import annotations

from collections.abc import Collection

from gonogo.model.flags import ABSENT, TEMPLATE_PREFIX, describe_value, is_towards_safe
from gonogo.model.plan import Plan
from gonogo.model.release_plan import Rollback, RollbackOption
from gonogo.sources.suggest import quote_value, suggest
from gonogo.sources.word_rules import check_twice, check_word
from gonogo.sources.yaml_file import KeyPath, YamlFile


def check_release(file: YamlFile, plan: Plan, flags: Collection[str]) -> None:
    """Report everything in a plan's release part that contradicts the rest of the plan."""
    _check_ids(file, plan)
    if plan.rollback is not None:
        _check_rollback(file, plan.rollback, flags)
    _check_triggers(file, plan)
    roles = role_ids(file)
    for index, item in enumerate(plan.monitoring):
        at: KeyPath = ("monitoring", index)
        if (item.rule is None) == (item.role is None):
            file.report(at, "needs either rule or role, and not both. Say who or what watches it.")
        if item.role is not None:
            check_word(file, (*at, "role"), item.role, roles)
        if item.every is not None and item.every > item.due:
            file.report((*at, "every"), "is longer than due, so nobody would look. Correct one of them.")
    for index, task in enumerate(plan.follow_ups):
        check_word(file, ("follow_ups", index, "role"), task.role, roles)


def role_ids(file: YamlFile) -> list[str]:
    """Return the roles as they are written: a faulty one is still the one that others name."""
    roles = file.data.get("roles") if isinstance(file.data, dict) else None
    return [str(role) for role in roles] if isinstance(roles, dict) else []


def _check_ids(file: YamlFile, plan: Plan) -> None:
    """Report ids that stand twice: triggers, monitoring and follow-ups share the ids that records name."""
    seen: dict[str, KeyPath] = {}
    lists = {
        "triggers": [trigger.id for trigger in plan.triggers],
        "monitoring": [item.id for item in plan.monitoring],
        "follow_ups": [task.id for task in plan.follow_ups],
    }
    for key, ids in lists.items():
        for index, name in enumerate(ids):
            at: KeyPath = (key, index, "id")
            first = seen.setdefault(name.casefold(), at)
            if first != at:
                file.report(at, f"{name!r} stands in line {file.line_of(first)} already. Give it another id.")
    names: dict[str, str] = {}
    for role, data in plan.roles.items():
        first_role = names.setdefault(data.name.casefold(), role)
        if first_role != role:
            line = file.line_of(("roles", first_role, "name"))
            text = f"{quote_value(data.name)} is the name of {first_role!r} in line {line} already. Give it another."
            file.report(("roles", role, "name"), text)


def _check_rollback(file: YamlFile, rollback: Rollback, flags: Collection[str]) -> None:
    check_twice(file, ("rollback", "verify"), rollback.verify)
    for key, option in rollback.options.items():
        at: KeyPath = ("rollback", "options", key)
        if key == "A" and not option.flags:
            file.report(at, "writes no flags, so it would stop nothing. Name them below 'flags:'.")
        if key == "C" and not option.commands:
            file.report(at, "has no commands, so nobody is told what to do. Name them below 'commands:'.")
        if key != "C" and option.commands:
            file.report((*at, "commands"), f"commands are only printed, and option {key} acts. Move them to option C.")
        if key == "C" and option.flags:
            file.report((*at, "flags"), "option C writes no flags; A and B do. Move them there.")
        for flag, value in option.flag_values.items():
            here = (*at, "flags", flag)
            check_flag(file, here, flag, flags)
            if flag in flags and not is_towards_safe(flag, ABSENT, value):
                safe = "true" if flag == "safe_mode" else "false"
                safe = safe if flag in ("safe_mode", "automation_enabled") or flag.startswith(TEMPLATE_PREFIX) else "[]"
                text = f"is {describe_value(value)}, which is not towards safe; allowed: {safe}. A rollback only stops."
                file.report(here, text)
        _check_commands(file, at, option)


def check_flag(file: YamlFile, at: KeyPath, flag: str, flags: Collection[str]) -> None:
    """Report a flag that is not known; the templates are listed only to those who name one."""
    if flag not in flags:
        asked = flag.startswith(TEMPLATE_PREFIX)
        shown = [name for name in flags if name.startswith(TEMPLATE_PREFIX) == asked]
        file.report(at, f"is {quote_value(flag)}, no flag of this system; {suggest(flag, shown)}")


def _check_commands(file: YamlFile, at: KeyPath, option: RollbackOption) -> None:
    """Report placeholders that nobody would fill, and destruction that is not named."""
    check_twice(file, (*at, "placeholders"), option.placeholders)
    for number, command in enumerate(option.commands):
        for name in option.placeholders_of(command):
            if name not in option.placeholders:
                text = f"holds {name!r}, which nobody would fill; {suggest(name, option.placeholders)}"
                file.report((*at, "commands", number), f"{text} Declare it in 'placeholders', or write the value.")
    for number, name in enumerate(option.placeholders):
        if name not in option.asked_placeholders:
            file.report((*at, "placeholders", number), f"{name!r} stands in no command. Remove it, or use it.")
    if option.destructive and option.destroys is None:
        file.report((*at, "destructive"), "is true, and nothing says what is destroyed. Name it in 'destroys'.")


def _check_triggers(file: YamlFile, plan: Plan) -> None:
    options = plan.rollback.options if plan.rollback is not None else {}
    for index, trigger in enumerate(plan.triggers):
        at: KeyPath = ("triggers", index)
        if trigger.option not in options:
            text = f"is {trigger.option!r}, an option that the plan lacks; {suggest(trigger.option, options)}"
            file.report((*at, "option"), f"{text} Add it below 'rollback.options'.")
        if (trigger.rule is None) != trigger.manual:
            text = "needs either the rule that fires it, or manual: true, and not both. Say what notices it."
            file.report(at, text)
