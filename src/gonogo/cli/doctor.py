"""`gonogo doctor`: what a run needs, looked at before it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer


def doctor(
    system: Annotated[str, typer.Argument(help="The system, such as richpanel.")],
    env: Annotated[str, typer.Option("--env", envvar="GONOGO_ENV", help="Environment of environments.yaml.")],
    stage: Annotated[str | None, typer.Option("--stage", help="Stage of the plan: its flags and rules too.")] = None,
    release: Annotated[
        str | None, typer.Option("--release", envvar="GONOGO_RELEASE", help="The release that must be deployed.")
    ] = None,
    environments: Annotated[Path | None, typer.Option("--environments", help="Another environments.yaml.")] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Name or file of the key that signs [default: the configured one].")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Look at everything that a run needs, without changing anything there; each line says what to do next.

    Files, variables, hosts, credentials, clocks, capabilities, build, flags that were not returned, lock, ledger, key,
    trust file, disk and browser. Ends with 0 where nothing failed (warnings are told), 5 where the target cannot be
    reached, else 2.

    Examples:

        gonogo doctor richpanel --env staging

        gonogo doctor richpanel --env production --stage 1 --release 2026.11.2

        gonogo doctor richpanel --env sandbox --format json
    """
    import json

    from gonogo.cli.output import check_format, print_line
    from gonogo.release.doctor import examine
    from gonogo.sources.project import Project

    check_format(format_)
    found = examine(
        Project.from_path(Path.cwd()),
        system,
        env,
        datetime.now(UTC),
        stage=stage,
        release=release,
        environments=environments.resolve() if environments else None,
        key_name=key,
    )
    if format_ == "json":
        print_line(json.dumps(found.to_json(), ensure_ascii=False, indent=1))
    else:
        for one in found.symptoms:
            print_line(f"{one.level:<4}  {one.topic:<12}  {one.finding}")
            if one.action:
                print_line(f"{'':<4}  {'':<12}  → {one.action}")
    raise typer.Exit(found.exit_code)
