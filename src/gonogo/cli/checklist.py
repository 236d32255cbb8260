"""`gonogo checklist`: what a checklist holds, what answers its items, and how far people have come."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gonogo.cli.output import check_format, print_line

checklist_app = typer.Typer(
    help="Read checklists that people write as Markdown, bind their items, and see what is open.", no_args_is_help=True
)
_FORMAT = typer.Option("--format", help="text or json.")


@checklist_app.command("show")
def show(
    file: Annotated[Path, typer.Argument(help="Any Markdown file.")],
    format_: Annotated[str, _FORMAT] = "text",
) -> None:
    """Show every item of a Markdown file with its id, line, kind and expectations, and what is part of no item.

    Examples:

        gonogo checklist show smoke_cases/richpanel/manual_qa.md

        gonogo checklist show RUNBOOK.md --format json
    """
    import json

    from gonogo.errors import SourceError
    from gonogo.reports.checklist_record import build_checklist_record, render_checklist
    from gonogo.sources.checklist.reader import read_checklist

    check_format(format_)
    checklist, problems = read_checklist(file, str(file))
    if checklist is None:
        raise SourceError(problems)
    if format_ == "json":
        print_line(json.dumps(build_checklist_record(checklist), ensure_ascii=False, indent=1))
        return
    for line in render_checklist(checklist):
        print_line(line)


@checklist_app.command("status")
def status(
    system: Annotated[str, typer.Argument(help="The system, such as richpanel.")],
    stage: Annotated[str, typer.Option("--stage", help="Stage of the plan, such as 1.")],
    env: Annotated[
        str | None, typer.Option("--env", envvar="GONOGO_ENV", help="Environment [default: of the last run].")
    ] = None,
    release: Annotated[
        str | None, typer.Option("--release", envvar="GONOGO_RELEASE", help="Release [default: of the last run].")
    ] = None,
    environments: Annotated[Path | None, typer.Option("--environments", help="Another environments.yaml.")] = None,
    format_: Annotated[str, _FORMAT] = "text",
) -> None:
    """Show how far the lists of a stage have come: what passed, failed, waits or went stale, and who answered.

    Ends with 0 where everything passed, 1 where something failed, 3 where anything is open.

    Examples:

        gonogo checklist status richpanel --stage 1 --env staging --release 2026.11.2

        gonogo checklist status richpanel --stage 0 --format json
    """
    import json
    from datetime import UTC, datetime

    from gonogo.errors import EXIT_HOLD, EXIT_NO_GO, UsageError
    from gonogo.reports.checklist_status import build_status_record, render_status
    from gonogo.run.attested import project_trust
    from gonogo.run.attesting import find_place
    from gonogo.run.checklist_status import read_status
    from gonogo.sources.project import Project

    check_format(format_)
    project = Project.from_path(Path.cwd())
    loaded = project.load_system(system, environments=environments)
    now = datetime.now(UTC)
    place = find_place(project, loaded, env, release, None)
    lists = read_status(project, loaded, place, stage, project_trust(project, now), now)
    if not lists:
        raise UsageError(f"stage {stage} names no checklists", "Add 'checklists: [FILE.md]' to it in plan.yaml.")
    rows = [
        (
            one.checklist.file,
            [
                (each.item.id, each.item.item.text, each.item.is_automated, each.state, each.by, each.verdict.reasons)
                for each in one.items
            ],
        )
        for one in lists
    ]
    record = build_status_record(system, stage, place.environment, place.release, rows)
    if format_ == "json":
        print_line(json.dumps(record, ensure_ascii=False, indent=1))
    else:
        for line in render_status(record):
            print_line(line)
    states = {each["state"] for one in record["lists"] for each in one["items"]}
    if "failed" in states:
        raise typer.Exit(EXIT_NO_GO)
    if states - {"passed", "not asked"}:
        raise typer.Exit(EXIT_HOLD)


@checklist_app.command("bind")
def bind(
    system: Annotated[str, typer.Argument(help="The system, such as richpanel.")],
    file: Annotated[str | None, typer.Option("--list", help="Only this list, such as manual_qa.md.")] = None,
    format_: Annotated[str, _FORMAT] = "text",
) -> None:
    """Propose bindings for items that have none, from the step vocabulary and the cases; for a person to accept.

    Nothing is written: copy what is right into LIST.bindings.yaml, beside the list.

    Examples:

        gonogo checklist bind richpanel

        gonogo checklist bind richpanel --list go_no_go.md
    """
    import json

    from gonogo.errors import UsageError
    from gonogo.run.definitions import REGISTRY
    from gonogo.run.propose import propose_bindings, render_proposals
    from gonogo.run.setup import load_step_modules
    from gonogo.sources.project import Project
    from gonogo.sources.suggest import suggest

    check_format(format_)
    project = Project.from_path(Path.cwd())
    loaded = project.load_system(system)
    load_step_modules(project)
    if file is not None and file not in loaded.checklists:
        raise UsageError(f"list {file!r} is not in the plan; {suggest(file, loaded.checklists)}")
    lists = [one for name, one in loaded.checklists.items() if file in (None, name)]
    if not lists:
        raise UsageError("the plan names no checklists", "Add 'checklists: [FILE.md]' to a stage in plan.yaml.")
    cases = [case for pack in loaded.packs.values() for case in pack.cases]
    proposals = propose_bindings(lists, REGISTRY.patterns("then"), cases, sorted(loaded.packs))
    if format_ == "json":
        data = [
            {
                "list": one.file,
                "item": one.item,
                "line": one.line,
                "words": one.words,
                "propose": one.answer,
                "steps": list(one.steps),
                "cases": list(one.cases),
            }
            for one in proposals
        ]
        print_line(json.dumps({"system": system, "proposals": data}, ensure_ascii=False, indent=1))
        return
    for line in render_proposals(proposals, lists):
        print_line(line)
