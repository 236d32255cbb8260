"""`gonogo run`: one stage against one environment, ending in a decision."""

from __future__ import annotations

import gc
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer


def run(
    context: typer.Context,
    system: Annotated[str, typer.Argument(help="The system to verify, such as richpanel.")],
    stage: Annotated[str, typer.Option("--stage", help="Stage of the plan, such as 1.")],
    env: Annotated[str, typer.Option("--env", envvar="GONOGO_ENV", help="Environment of environments.yaml.")],
    cases: Annotated[
        Path | None, typer.Option("--cases", help="Another CSV of the same header, in place of the packs.")
    ] = None,
    environments: Annotated[Path | None, typer.Option("--environments", help="Another environments.yaml.")] = None,
    release: Annotated[
        str | None, typer.Option("--release", envvar="GONOGO_RELEASE", help="The release that must be deployed.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the run's files [default: evidence/SYSTEM/RUN-ID].")
    ] = None,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="Fault of the embedded sandbox; repeatable.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="CSV by whose intents the embedded sandbox classifies.")
    ] = None,
    allow_flag_changes: Annotated[
        bool, typer.Option("--allow-flag-changes", help="Agree to flags being borrowed and returned.")
    ] = False,
    confirm: Annotated[
        str | None, typer.Option("--confirm", help="ENV/RELEASE, spelt out: what you are about to touch on production.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show messages, flag changes, duration and spend; send nothing.")
    ] = False,
    key: Annotated[
        str | None, typer.Option("--key", help="Name or file of the key that signs [default: the configured one].")
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option("--role", help='Who plays a part of the plan, such as observer="Ana Ferreira"; repeatable.'),
    ] = None,
    run_by: Annotated[
        str | None, typer.Option("--run-by", envvar="GONOGO_RUN_BY", help="Printed name of who runs this.")
    ] = None,
    deployed_by: Annotated[
        list[str] | None,
        typer.Option("--deployed-by", envvar="GONOGO_DEPLOYED_BY", help="Who deployed the release; repeatable."),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="text or json: one object on stdout, the same as decision.json.")
    ] = "text",
) -> None:
    """Run the cases that a stage admits, observe what comes of them, and decide: GO (0), NO-GO (1) or HOLD (3).

    What stands after `--` goes to pytest; what it leaves out is NOT_RUN and holds the decision.

    Examples:

        gonogo run richpanel --stage 1 --env sandbox

        gonogo run richpanel --stage 2 --env sandbox --fault duplicate_reply

        gonogo run richpanel --stage 2 --env staging --allow-flag-changes --release 2026.11.2

        gonogo run richpanel --stage 2 --env sandbox --cases my_pack.csv --labels my_pack.csv

        gonogo run richpanel --stage 2 --env sandbox -- -k ST-021

        gonogo run richpanel --stage 1 --env production --release 2026.11.2 --confirm production/2026.11.2 --dry-run

    With a signing key (`gonogo keys`) the evidence is sealed for `gonogo verify`; without one it is UNSIGNED.
    Evidence that cannot be sealed ends the command with 4. A dry run ends with 0, or with 2 where the guard refuses.
    """
    from gonogo.cli.display import make_display, print_report
    from gonogo.cli.dry_run import print_dry_run
    from gonogo.cli.github import tell_github
    from gonogo.cli.output import check_format
    from gonogo.errors import EXIT_GO, EXIT_HOLD, EXIT_INTERRUPTED, EXIT_NO_GO, EXIT_UNVERIFIED, EXIT_USAGE
    from gonogo.model.decision import Verb
    from gonogo.release.readiness import require_ready_stage
    from gonogo.run.dryrun import plan_dry_run
    from gonogo.run.orchestrate import execute_run, new_run_id
    from gonogo.run.setup import RunRequest
    from gonogo.sources.project import Project

    check_format(format_)
    # As in the child: what a large pack holds is no garbage.
    gc.set_threshold(100_000, 50, 50)
    project = Project.from_path(Path.cwd())
    run_id = new_run_id()
    folder = (out or project.root / "evidence" / system / run_id).resolve()
    _refuse_used_folder(folder)
    request = RunRequest(
        system,
        stage,
        env,
        str(project.root),
        run_id,
        str(folder),
        cases=str(cases.resolve()) if cases else None,
        environments=str(environments.resolve()) if environments else None,
        release=release,
        may_change_flags=allow_flag_changes,
        # Other rows than the plan's say nothing about what the plan asks.
        counts=cases is None,
        run_by=run_by,
        deployed_by=tuple(deployed_by or ()),
        confirm=confirm,
    )
    options = [word for name in fault or () for word in ("--fault", name)]
    if labels is not None:
        options += ["--labels", str(labels.resolve())]
    if dry_run:
        dry = plan_dry_run(
            request,
            sandbox_options=options,
            pytest_args=context.args,
            key_name=key,
            require_ready=partial(require_ready_stage, given=role or (), write=False),
            now=datetime.now(UTC),
        )
        print_dry_run(dry, as_json=format_ == "json")
        raise typer.Exit(EXIT_GO if dry.allowed else EXIT_USAGE)
    with make_display(sys.stderr, f"{system}, stage {stage}, {env}") as watch:
        report = execute_run(
            request,
            sandbox_options=options,
            pytest_args=context.args,
            watch=watch,
            key_name=key,
            require_ready=partial(require_ready_stage, given=role or (), key_name=key),
        )
    print_report(report, project, as_json=format_ == "json")
    tell_github(report.record, report.next_command)
    if report.troubled:
        for note in report.record["notes"]:
            sys.stderr.write(f"{note}\n")
    if report.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if report.seal_error is not None:
        raise typer.Exit(EXIT_UNVERIFIED)
    codes = {Verb.GO: EXIT_HOLD if report.troubled else EXIT_GO, Verb.HOLD: EXIT_HOLD, Verb.NO_GO: EXIT_NO_GO}
    raise typer.Exit(codes[report.decision.verb])


def _refuse_used_folder(folder: Path) -> None:
    """Refuse a folder that holds something: what an earlier run left must not be taken for this one's."""
    from gonogo.errors import UsageError

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"--out {folder} is not empty", "Name a new folder; every run has its own.")
