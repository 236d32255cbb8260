"""`gonogo advance`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def advance(
    system: Annotated[str, typer.Argument(help="System under smoke_cases/.")],
    stage: Annotated[str, typer.Option("--stage", help="Stage of the plan to enter.")],
    env: Annotated[str, typer.Option("--env", help="Environment of environments.yaml.")],
    release: Annotated[str | None, typer.Option("--release", help="Release that is deployed there.")] = None,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Try it without the ladder, on sandbox and staging only; never counts.")
    ] = False,
    run_by: Annotated[str | None, typer.Option("--run-by", help="Printed name of the release driver.")] = None,
    role: Annotated[
        list[str] | None, typer.Option("--role", help='Who plays a part in this release: observer="Printed Name".')
    ] = None,
    allow_flag_changes: Annotated[
        bool, typer.Option("--allow-flag-changes", help="Agree to the stage's flags being set and left in place.")
    ] = False,
    confirm: Annotated[str | None, typer.Option("--confirm", help="ENV/RELEASE, asked for on production.")] = None,
    environments: Annotated[Path | None, typer.Option("--environments", help="Another environments.yaml.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="Name of the key that signs the record.")] = None,
    format_: Annotated[str, typer.Option("--format", help="text or json")] = "text",
) -> None:
    """Enter a stage: apply its flags in the plan's order, prove each by its effect, leave them in place.

    Examples:

        gonogo advance richpanel --stage 2 --env staging --allow-flag-changes

        gonogo advance richpanel --stage 2 --env live --release 7.2 --allow-flag-changes --confirm live/7.2

        gonogo advance richpanel --stage 3 --env staging --allow-flag-changes --rehearse

    Refused unless the stages before are GO, approved and fresh (staging and production). What narrows is written and
    proven first. A flag that cannot be proven has everything moved back towards safe: 1 where its effect was seen to be
    missing, 3 where nobody can tell. What only a person may return is named with its command.
    """
    import json
    import sys

    from gonogo.cli.output import check_format, print_line
    from gonogo.release.advance import AdvanceRequest
    from gonogo.release.advance import advance as enter_stage
    from gonogo.sources.project import Project

    check_format(format_)
    request = AdvanceRequest(
        Project.from_path(Path.cwd()).root,
        system,
        stage,
        env,
        release=release,
        rehearse=rehearse,
        run_by=run_by,
        may_change_flags=allow_flag_changes,
        confirm=confirm,
        environments=environments.resolve() if environments else None,
        key_name=key,
        roles=tuple(role or ()),
    )
    report = enter_stage(request, show=lambda text: print(text, file=sys.stderr, flush=True))
    for line in report.banner:
        sys.stderr.write(line + "\n")
    if format_ == "json":
        print_line(json.dumps({**report.record, "entry": report.entry}, ensure_ascii=False, indent=1))
    else:
        for line in report.lines:
            print_line(line)
        if report.entry is not None:
            print_line(f"Ledger   {system}#{report.entry}")
    raise typer.Exit(report.exit_code)
