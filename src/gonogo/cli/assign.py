"""`gonogo assign`: who has which role in a release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gonogo.evidence.ledger import Ledger
    from gonogo.sources.project import Project


def assign(
    system: Annotated[str, typer.Argument(help="The system, such as richpanel.")],
    role: Annotated[str | None, typer.Argument(help="The role to assign; without it, who has which is shown.")] = None,
    person: Annotated[str | None, typer.Argument(help="Printed name of a person of trust.yaml.")] = None,
    env: Annotated[str, typer.Option("--env", envvar="GONOGO_ENV", help="Environment of environments.yaml.")] = "",
    release: Annotated[str, typer.Option("--release", envvar="GONOGO_RELEASE", help="The release.")] = "",
    own_role: Annotated[
        str | None, typer.Option("--as", help="The role in which you sign [default: your only one].")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Printed name, keyid or file of your key [default: the only one].")
    ] = None,
    trust: Annotated[
        Path | None, typer.Option("--trust", envvar="GONOGO_TRUST", help="trust.yaml [default: the project's].")
    ] = None,
    root: Annotated[
        str | None, typer.Option("--root", help="Keyid of the key that signs trust.yaml, given to you out of band.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Sign without being asked; the statement is shown all the same.")
    ] = False,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Assign a role of a release to a person, in the ledger and signed; the last assignment of a role counts.

    Only where there is no trust file nothing is signed.

    Examples:

        gonogo assign richpanel observer "Ana Ferreira" --env production --release 2026.11.2

        gonogo assign richpanel --env production --release 2026.11.2
    """
    import json
    import os
    from dataclasses import asdict
    from datetime import UTC, datetime

    from gonogo.cli.output import check_format, print_line
    from gonogo.cli.signing import choose_role, confirm, find_project, require_key, require_trust
    from gonogo.errors import UsageError
    from gonogo.evidence.ledger import ledger_location, open_ledger
    from gonogo.evidence.roles import assign_role, read_assignments, render_assignment
    from gonogo.sources.suggest import suggest

    check_format(format_)
    if not env or not release:
        raise UsageError("an assignment is for one release in one environment", "Give --env and --release.")
    if (role is None) != (person is None):
        raise UsageError("a role is assigned to a person", 'Such as: gonogo assign richpanel observer "Ana Ferreira"')
    now, project = datetime.now(UTC), find_project()
    if project is None or system not in project.systems:
        raise UsageError(f"system {system!r} is not here; {suggest(system, project.systems if project else ())}")
    ledger = open_ledger(ledger_location(project.root, os.environ, project.ledger), system, for_reading=role is None)
    if trust is None and not (project.root / "trust.yaml").is_file():
        _assign_unsigned(ledger, project, system, role, person, env, release, format_)
        return
    trusted = require_trust(trust, root, project, now)
    if role is not None and person is not None:
        signer = require_key(key)
        own = choose_role(own_role, trusted, signer)
        owner = trusted.owner_of(signer.public)
        name = owner.identity.name if owner else ""
        statement = render_assignment(system, env, release, role, person, name=name, own_role=own, now=now)
        confirm(statement, yes=yes)
        fields = {"system": system, "environment": env, "release": release, "assigned_role": role, "person": person}
        assign_role(ledger, trusted, signer, now, own_role=own, statement=statement, **fields)
    found, against = read_assignments(
        ledger.entries(), trusted, datetime.now(UTC), system=system, environment=env, release=release
    )
    if format_ == "json":
        shown = {"schema": "gonogo/roles/v1", "roles": [asdict(one) for one in found.values()], "against": against}
        print_line(json.dumps(shown, indent=1, ensure_ascii=False))
        return
    for one in found.values():
        print_line(one.sentence)
    for text in against:
        print_line(f"does not count: {text}")
    if not found:
        print_line(f"Nobody has a role in {system} {release} in {env}.")


def _assign_unsigned(
    ledger: Ledger,
    project: Project,
    system: str,
    role: str | None,
    person: str | None,
    env: str,
    release: str,
    format_: str,
) -> None:
    """Enter an assignment where there is no trust file, and show who has which role."""
    import json
    from datetime import UTC, datetime

    from gonogo.cli.output import print_line
    from gonogo.release.crew import parse_assignments, read_crew, write_crew

    now, roles = datetime.now(UTC), project.load_system(system, with_packs=False).plan.roles
    place = {"system": system, "environment": env, "release": release}
    if role is not None and person is not None:
        write_crew(ledger, parse_assignments([f"{role}={person}"], roles), None, None, now, **place)
    crew, against = read_crew(ledger.entries(), roles, None, now, system=system, environment=env, release=release)
    if format_ == "json":
        found = [{**place, "role": name, "person": one} for name, people in crew.items() for one in people]
        print_line(json.dumps({"schema": "gonogo/roles/v1", "roles": found, "against": against}, indent=1))
        return
    for name, people in crew.items():
        print_line(f"{name} of {system} {release} in {env}: {', '.join(people)}, UNSIGNED: there is no trust.yaml")
    if not crew:
        print_line(f"Nobody has a role in {system} {release} in {env}.")
