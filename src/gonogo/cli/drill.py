"""`gonogo drill`: rehearse the kill switch before it is needed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def drill(
    system: Annotated[str, typer.Argument(help="The system to rehearse with, such as richpanel.")],
    env: Annotated[str, typer.Option("--env", envvar="GONOGO_ENV", help="Environment of kind sandbox or staging.")],
    stage: Annotated[
        str | None, typer.Option("--stage", help="Stage with automation on [default: the plan's first].")
    ] = None,
    release: Annotated[
        str | None, typer.Option("--release", envvar="GONOGO_RELEASE", help="The release that must be deployed.")
    ] = None,
    environments: Annotated[Path | None, typer.Option("--environments", help="Another environments.yaml.")] = None,
    allow_flag_changes: Annotated[
        bool, typer.Option("--allow-flag-changes", help="Agree to automation being stopped and started again.")
    ] = False,
    run_by: Annotated[
        str | None, typer.Option("--run-by", envvar="GONOGO_RUN_BY", help="Printed name of who rehearses.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Name or file of the key that signs [default: the configured one].")
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="text or json: one object on stdout, the same as decision.json.")
    ] = "text",
) -> None:
    """Rehearse rollback options A and B and the way back, and time each: GO (0), NO-GO (1) or HOLD (3).

    A probe must be answered first, or nothing could have been stopped. Then the kill switch is thrown and proven, the
    flags are returned exactly as they were and proven, and the same is done with one template. Each must take effect
    within the environment's propagation deadline. `gonogo decide` counts a drill for the first stage.

    Examples:

        gonogo drill richpanel --env sandbox

        gonogo drill richpanel --env staging --release 2026.11.2 --allow-flag-changes
    """
    import json

    from gonogo.cli.output import check_format, print_line
    from gonogo.errors import EXIT_GO, EXIT_HOLD, EXIT_NO_GO
    from gonogo.model.decision import Verb
    from gonogo.release.drill import DrillRequest, run_drill
    from gonogo.sources.project import Project

    check_format(format_)

    def tell(text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    project = Project.from_path(Path.cwd())
    done = run_drill(
        DrillRequest(
            project.root,
            system,
            env,
            stage=stage,
            release=release,
            run_by=run_by,
            may_change_flags=allow_flag_changes,
            environments=environments.resolve() if environments else None,
            key_name=key,
        ),
        tell=tell,
    )
    report = done.report
    if format_ == "json":
        print_line(json.dumps(report.record, ensure_ascii=False, indent=1))
    else:
        print_line(f"{report.decision.verb.value.replace('_', '-')}: drill of {system} on {env}")
        for name, seconds in done.times.items():
            print_line(f"  {name}: {'not measured' if seconds is None else f'{seconds:.1f} s'}")
        for reason in report.decision.reasons:
            print_line(f"  {reason}")
        for line in done.lines:
            print_line(f"  {line}")
        sealed = report.seal_error.message if report.seal_error is not None else f"sealed by {report.record['signer']}"
        print_line(f"  {project.relative(report.folder)} ({sealed})")
    codes = {Verb.GO: EXIT_GO, Verb.HOLD: EXIT_HOLD, Verb.NO_GO: EXIT_NO_GO}
    raise typer.Exit(done.exit_code if done.exit_code is not None else codes[report.decision.verb])
