"""`gonogo ci`: the gates that a change has to pass before it is merged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def ci(
    system: Annotated[str, typer.Argument(help="The system whose gates are picked, such as richpanel.")],
    changed_since: Annotated[
        str, typer.Option("--changed-since", metavar="REV", help="Revision that the change is compared with.")
    ],
    signed_off: Annotated[
        str | None,
        typer.Option(
            "--signed-off",
            envvar="GONOGO_SIGNED_OFF",
            help="Digest of the governed files that a person has accepted, from a place that the change cannot edit.",
        ),
    ] = None,
    only_pick: Annotated[bool, typer.Option("--dry-run", help="Show what would run and why; run nothing.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the evidence [default: evidence/SYSTEM/ci-ID].")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Pick the gates that a change touches, run them, and decide: GO (0), NO-GO (1) or HOLD (3).

    `smoke_cases/SYSTEM/ci.yaml` says which files ask for which gate. A revision that cannot be resolved, and a changed
    file that no gate names, ask for all of them. That features agree with their sources is checked always.

    A change of the plan, of gates or of trust files is judged by those of the base revision, and holds until a person
    has accepted the digest that is shown.

    Examples:

        gonogo ci richpanel --changed-since origin/main

        gonogo ci richpanel --changed-since "$BASE_SHA" --format json

        gonogo ci richpanel --changed-since HEAD~1 --dry-run
    """
    from gonogo.cli.ci_display import print_result
    from gonogo.cli.output import check_format
    from gonogo.release.merge_gate import judge_change
    from gonogo.sources.project import Project

    check_format(format_)
    project = Project.from_path(Path.cwd())
    result = judge_change(
        project,
        system,
        changed_since,
        signed_off=signed_off or None,
        out=out.resolve() if out else None,
        only_pick=only_pick,
        tell=lambda line: typer.echo(line, err=True),
    )
    print_result(result, as_json=format_ == "json")
    raise typer.Exit(result["exit_code"])
