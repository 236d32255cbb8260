"""`gonogo restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def restore(
    system: Annotated[str, typer.Argument(help="System under smoke_cases/.")],
    env: Annotated[str, typer.Option("--env", help="Environment of environments.yaml.")],
    confirm: Annotated[bool, typer.Option("--confirm", help="Write; without it nothing is written.")] = False,
    run_by: Annotated[str | None, typer.Option("--run-by", help="Printed name of who restores.")] = None,
    environments: Annotated[Path | None, typer.Option("--environments", help="Another environments.yaml.")] = None,
    format_: Annotated[str, typer.Option("--format", help="text or json")] = "text",
) -> None:
    """Write back the flags that a run changed and did not return, also away from safe.

    Examples:

        gonogo restore richpanel --env staging

        gonogo restore richpanel --env staging --confirm

    Without --confirm it shows what it would write, and exits with 3 where there is anything. A flag is written only
    where it still holds what the run wrote; what was kept by an advance or made void by a rollback is never touched.
    Ends with 3 where a flag could not be written or its effect was not seen.
    """
    import json
    import sys

    from gonogo.cli.output import check_format, print_line
    from gonogo.release.restore import RestoreRequest
    from gonogo.release.restore import restore as restore_flags
    from gonogo.sources.project import Project

    check_format(format_)
    root = Project.from_path(Path.cwd()).root
    path = environments.resolve() if environments else None
    request = RestoreRequest(root, system, env, confirm=confirm, run_by=run_by, environments=path)
    report = restore_flags(request, show=lambda text: print(text, file=sys.stderr, flush=True))
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
