"""`gonogo follow-up`: what is owed after a release or a rollback, and the record that it was done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gonogo.release.duties import Duty


def follow_up(
    system: Annotated[str, typer.Argument(help="The system, such as richpanel.")],
    item: Annotated[
        str | None, typer.Argument(help="Id of a follow-up or of an item of the monitoring list; without it, all open.")
    ] = None,
    env: Annotated[str, typer.Option("--env", envvar="GONOGO_ENV", help="Environment of environments.yaml.")] = "",
    release: Annotated[
        str | None, typer.Option("--release", envvar="GONOGO_RELEASE", help="The release, for what comes after one.")
    ] = None,
    note: Annotated[str, typer.Option("--note", help="What was done and where it is written, in one line.")] = "",
    by: Annotated[
        str | None, typer.Option("--by", help="Printed name of who did it [default: the owner of the key].")
    ] = None,
    role: Annotated[str | None, typer.Option("--role", help="The role in which you sign [default: your only one].")] = (
        None
    ),
    event: Annotated[
        int | None, typer.Option("--event", help="Ledger entry that it comes after [default: the earliest open one].")
    ] = None,
    environments: Annotated[Path | None, typer.Option("--environments", help="Another environments.yaml.")] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Printed name, keyid or file of your key [default: the only one].")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Record that a follow-up or an item of the monitoring list was done, signed once there is a trust file.

    Without an id, lists what is open; 3 where something is overdue.

    Examples:

        gonogo follow-up richpanel --env production

        gonogo follow-up richpanel FUP-1 --env production --note "Incident note 2026-11-21 in the wiki."

        gonogo follow-up richpanel MON-4 --env production --release 2026.11.2 --by "Ana Ferreira" --note "Looked, calm."
    """
    import json
    import os
    from datetime import UTC, datetime

    from gonogo.cli.output import check_format, print_line
    from gonogo.cli.signing import choose_role, require_key
    from gonogo.errors import EXIT_HOLD, UsageError
    from gonogo.evidence.ledger import ledger_location, open_ledger
    from gonogo.release.doings import record_doing
    from gonogo.release.ladder import read_ladder
    from gonogo.run.attested import project_trust
    from gonogo.sources.project import Project

    check_format(format_)
    if not env:
        raise UsageError("a follow-up is of one environment", "Name it with --env.")
    now, project = datetime.now(UTC), Project.from_path(Path.cwd())
    path = environments.resolve() if environments else None
    loaded = project.load_system(system, environments=path, with_packs=False)
    trust = project_trust(project, now)
    ladder = read_ladder(project, loaded, env, release, now, trust=trust)
    if item is None:
        waiting = [one for one in ladder.duties if not one.done or one.is_overdue(now)]
        if format_ == "json":
            shown = {"schema": "gonogo/duties/1", "duties": [one.to_json(now) for one in waiting]}
            print_line(json.dumps(shown, ensure_ascii=False, indent=1))
        for one in waiting if format_ == "text" else []:
            print_line(f"{one.sentence}{', OVERDUE' if one.is_overdue(now) else ''}\n  {one.command}")
        if not waiting and format_ == "text":
            print_line("Nothing is open.")
        raise typer.Exit(EXIT_HOLD if any(one.is_overdue(now) for one in waiting) else 0)
    duty = _find(ladder.duties, item, event)
    if not note.strip():
        raise UsageError("what was done?", "Say it with --note, in one line.")
    signer = require_key(key) if trust is not None else None
    name, own = by or "", role or duty.role or "-"
    if trust is not None and signer is not None:
        owner = trust.owner_of(signer.public)
        name, own = owner.identity.name if owner else "", choose_role(role, trust, signer)
    if not name:
        raise UsageError("who did it?", "Name them with --by.")
    ledger = open_ledger(ledger_location(project.root, os.environ, project.ledger), system)
    entry = record_doing(
        ledger,
        duty,
        system=system,
        environment=env,
        name=name,
        role=own,
        note=" ".join(note.split()),
        trust=trust,
        key=signer,
        crew=ladder.players,
        now=datetime.now(UTC),
    )
    if format_ == "json":
        recorded = {"schema": "gonogo/duties/1", "done": duty.id, "event": duty.event.entry, "entry": entry.number}
        print_line(json.dumps(recorded))
        return
    print_line(f"Recorded: {duty.id} {duty.name}, by {name}; ledger {system}#{entry.number}")


def _find(duties: tuple[Duty, ...], item: str, event: int | None) -> Duty:
    """Return the duty of an id, of several the earliest open one; raises `UsageError` where there is none."""
    from gonogo.errors import UsageError
    from gonogo.sources.suggest import suggest

    found = [one for one in duties if one.id == item and event in (None, one.event.entry)]
    if not found:
        known = sorted({one.id for one in duties})
        raise UsageError(f"{item!r} is not asked for here now; {suggest(item, known) if known else 'nothing is'}")
    return next((one for one in found if not one.done), found[-1])
