"""`gonogo waive`: a named person takes responsibility for a required check that failed or warned."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def waive(
    bundle: Annotated[
        str, typer.Argument(help="Folder of a sealed bundle, SYSTEM#NUMBER of its ledger, or the id of its run.")
    ],
    check: Annotated[str, typer.Argument(help="The check, such as ST-021/template.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it may be so, in one line; shown everywhere.")],
    until: Annotated[str, typer.Option("--until", help="Last day, such as 2026-12-24, or a time with its zone.")],
    role: Annotated[
        str | None, typer.Option("--role", help="The role in which you sign [default: your only one].")
    ] = None,
    scope: Annotated[
        str, typer.Option("--scope", help="bundle: this one; release: every bundle of its release and stage.")
    ] = "bundle",
    by: Annotated[
        str | None,
        typer.Option("--by", "--key", help="Printed name, keyid or file of your key [default: the only one]."),
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
    """Sign off a required check although it failed or warned, until a date. It counts as WARNED in the next decision.

    Checks of safety and privacy cannot be waived, whatever their outcome, nor can what was not observed: INCONCLUSIVE,
    NOT_RUN, ERROR. The waiver is one of the bundle's records: approvals signed before it have to be signed again.

    Examples:

        gonogo waive richpanel#12 ST-021/template --reason "Wording is agreed." --until 2026-12-24

        gonogo waive richpanel#12 ST-021/tags --reason "Known." --until 2026-12-24 --scope release --role release_lead
    """
    from datetime import UTC, datetime

    from gonogo.cli.output import check_format
    from gonogo.cli.signing import (
        choose_role,
        confirm,
        find_project,
        find_subject,
        print_signed,
        require_key,
        require_trust,
    )
    from gonogo.errors import UsageError
    from gonogo.evidence.desk import prepare_waiver, sign_and_file
    from gonogo.model.trust import parse_end
    from gonogo.model.waiver import WaiverScope
    from gonogo.sources.suggest import suggest

    check_format(format_)
    if scope not in set(WaiverScope):
        raise UsageError(f"--scope is {scope!r}; {suggest(scope, set(WaiverScope))}")
    try:
        ends = parse_end(until).replace(microsecond=0)
    except ValueError as error:
        raise UsageError(f"--until is {until!r}; {error}") from error
    now, project = datetime.now(UTC), find_project()
    trusted = require_trust(trust, root, project, now)
    key = require_key(by)
    subject = find_subject(bundle, project, trusted, now)
    record = prepare_waiver(
        subject,
        trusted,
        key,
        check=check,
        role=choose_role(role, trusted, key),
        reason=reason,
        scope=WaiverScope(scope),
        until=ends,
        now=now,
    )
    confirm(record.statement, yes=yes)
    signed = sign_and_file(subject, record, key, datetime.now(UTC))
    print_signed(subject, signed, record.name, trusted, now, as_json=format_ == "json")
