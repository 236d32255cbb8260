"""`gonogo status`: the ladder of a release: what is decided, approved and fresh, what is owed, and the next command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from gonogo.release.ladder import Ladder, Standing

_STYLES = {"GO": "green", "HOLD": "yellow", "NO-GO": "red", "does not verify": "red"}


def status(
    system: Annotated[str, typer.Argument(help="The system, such as richpanel.")],
    env: Annotated[
        str | None,
        typer.Option("--env", envvar="GONOGO_ENV", help="Environment of environments.yaml [default: the last one]."),
    ] = None,
    release: Annotated[
        str | None,
        typer.Option("--release", envvar="GONOGO_RELEASE", help="The release [default: the last one recorded there]."),
    ] = None,
    environments: Annotated[Path | None, typer.Option("--environments", help="Another environments.yaml.")] = None,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Show the ladder: for each stage its last decision, approvals, freshness and what is missing; then what to do.

    Sends nothing and changes nothing. Stages that count in another environment are looked up there. Below the ladder
    stand the roles, open follow-ups, what of the monitoring list is overdue, flags that a run left behind, and the last
    rollback.

    Examples:

        gonogo status richpanel

        gonogo status richpanel --env production --release 2026.11.2

        gonogo status richpanel --env production --format json
    """
    import json
    from datetime import UTC, datetime

    from gonogo.cli.output import check_format, print_line
    from gonogo.release.ladder import read_ladder
    from gonogo.sources.project import Project

    check_format(format_)
    project = Project.from_path(Path.cwd())
    path = environments.resolve() if environments else None
    loaded = project.load_system(system, environments=path, with_packs=False)
    where, what = _find_place(project, system, env, release)
    ladder = read_ladder(project, loaded, where, what, datetime.now(UTC))
    if format_ == "json":
        print_line(json.dumps(to_json(ladder), ensure_ascii=False, indent=1))
        return
    _print(ladder)


def _find_place(project: Any, system: str, env: str | None, release: str | None) -> tuple[str, str | None]:
    """Return the environment and release that were named, else those of the last bundle in the ledger."""
    import os

    from gonogo.errors import UsageError
    from gonogo.evidence.ledger import ledger_location, open_ledger
    from gonogo.release.recorded import read_recorded

    if env is not None and release is not None:
        return env, release
    ledger = open_ledger(ledger_location(project.root, os.environ, project.ledger), system, for_reading=True)
    found = [one for one in read_recorded(ledger.entries()) if env in (None, one.environment)]
    found = [one for one in found if release is None or one.is_of(release)]
    if env is None and not found:
        raise UsageError(f"nothing is recorded of {system} yet; for which environment is this?", "Name it with --env.")
    last = found[-1] if found else None
    where = env or (last.environment if last else "")
    return where, release or ((last.release or last.build) if last else None)


def to_json(ladder: Ladder) -> dict[str, Any]:
    """Return the ladder as the object that `gonogo status --format json` prints."""
    place = ladder.place
    return {
        "schema": "gonogo/status/1",
        "system": place.system,
        "environment": place.environment,
        "kind": place.kind.value,
        "release": place.release,
        "stages": [_stage_json(one, ladder) for one in ladder.stages],
        "roles": {role: list(ladder.roles.get(role, ())) for role in ladder.plan.roles},
        "missing_roles": list(ladder.missing_roles),
        "follow_ups": [one.to_json(ladder.now) for one in ladder.duties if one.is_follow_up],
        "monitoring": [one.to_json(ladder.now) for one in ladder.duties if not one.is_follow_up],
        "flags_left": list(ladder.leftovers),
        "last_rollback": ladder.rollback or None,
        "notes": list(ladder.notes),
        "next": ladder.next_command,
    }


def _stage_json(one: Standing, ladder: Ladder) -> dict[str, Any]:
    from gonogo.release.climb import explain_stage

    record, decided = one.record, one.record.decided
    until = one.fresh_until
    return {
        "id": one.stage.id,
        "name": one.stage.name,
        "environment": record.environment,
        "state": one.state,
        "counts": one.counts,
        "entered": record.entered.isoformat() if record.entered else None,
        "decision": decided.verb if decided else None,
        "bundle": decided.run if decided else None,
        "decided": decided.at.isoformat() if decided else None,
        "build": decided.build if decided else None,
        "approved": decided.approved if decided and ladder.place.needs_people else None,
        "approved_by": list(decided.approved_by) if decided else [],
        "evidence_from": decided.since.isoformat() if decided else None,
        "fresh_until": until.isoformat() if until else None,
        "recorded": list(record.recorded),
        "missing": list(one.missing),
        "refused": [
            {"rule": refusal.rule.value, "text": refusal.text} for refusal in explain_stage(ladder, one.stage.id)
        ],
        "next": one.next_command,
    }


def _print(ladder: Ladder) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    place = ladder.place
    title = f"{place.system}, release {place.release or 'not named'}, {place.environment} ({place.kind.value})"
    console.print(Text(title, style="bold"))
    names = min(max(len(one.stage.name) for one in ladder.stages), 28)
    places = min(max(len(one.record.environment) for one in ladder.stages), 12)
    for one in ladder.stages:
        line = Text(f"  {one.stage.id:<3}{_cut(one.stage.name, names)}  {_cut(one.record.environment, places)}  ")
        line.append(f"{one.state:<18}", style=_style(one.state))
        line.append(_age(one, ladder))
        line.rstrip()
        console.print(line, no_wrap=True, overflow="ellipsis")
        if one.record.decided is not None and one.record.decided.approved_by:
            _print_indented(console, f"signed by {', '.join(one.record.decided.approved_by)}", 7)
        # What is not begun lacks everything; only the one to begin next is worth the line.
        if one.missing and (one.record.decided or one.record.recorded or one is ladder.next_stage):
            _print_indented(console, f"lacks {'; '.join(one.missing)}", 7)
    for heading, lines in _sections(ladder):
        console.print(Text(heading, style="bold"))
        for text in lines:
            _print_indented(console, text, 2)
    # A command is copied: it stays on one line.
    console.print(Text(f"Next  {ladder.next_command}", style="bold"), soft_wrap=True)


def _print_indented(console: Console, text: str, indent: int) -> None:
    import textwrap

    blank = " " * indent
    width = max(console.width, 40)
    for line in textwrap.wrap(
        text, width, initial_indent=blank, subsequent_indent=blank + "  ", break_on_hyphens=False
    ):
        console.print(line, markup=False, soft_wrap=True)


def _cut(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"


def _style(state: str) -> str:
    return next((style for word, style in _STYLES.items() if state.startswith(word)), "")


def _age(one: Standing, ladder: Ladder) -> str:
    from gonogo.release.standing import show_age

    decided = one.record.decided
    if decided is None:
        return ""
    age = show_age(max(ladder.now - decided.since, ladder.now - ladder.now))
    return f"{age} of {show_age(one.record.fresh_for)}" if one.record.fresh_for else f"{age} old"


def _sections(ladder: Ladder) -> list[tuple[str, list[str]]]:
    """Return what stands below the ladder: headings with their lines, those that have any."""
    crew = [f"{role}: {', '.join(ladder.roles.get(role, ())) or 'nobody'}" for role in ladder.plan.roles]
    overdue = set(ladder.overdue)
    follow_ups = [
        f"{one.sentence}{', OVERDUE' if one in overdue else ''}{', blocks the next stage' if one.blocks else ''}"
        for one in ladder.open_follow_ups
    ]
    late = [one.sentence for one in ladder.overdue if not one.is_follow_up]
    target = ladder.next_stage
    found = [
        ("Roles", crew if ladder.place.needs_people else []),
        (f"Stage {target.stage.id} may not begin" if target else "", [str(one) for one in ladder.blocking]),
        ("Open follow-ups", follow_ups),
        ("Monitoring overdue", late),
        ("FLAGS LEFT BEHIND", list(ladder.leftovers)),
        ("Last rollback", [ladder.rollback] if ladder.rollback else []),
        ("Does not count", list(ladder.notes)),
    ]
    return [(heading, lines) for heading, lines in found if lines]
