"""`gonogo decide`: a stage's decision over everything that is recorded for one build."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gonogo.release.decide import StageReport
    from gonogo.sources.project import Project


def decide(
    system: Annotated[str, typer.Argument(help="The system, such as richpanel.")],
    stage: Annotated[str, typer.Option("--stage", help="Stage of the plan, such as 1.")],
    env: Annotated[str, typer.Option("--env", envvar="GONOGO_ENV", help="Environment of environments.yaml.")],
    release: Annotated[str, typer.Option("--release", envvar="GONOGO_RELEASE", help="The release.")],
    environments: Annotated[Path | None, typer.Option("--environments", help="Another environments.yaml.")] = None,
    bundles: Annotated[
        list[Path] | None,
        typer.Option("--bundles", help="Folder in which bundles lie that are not under evidence/; repeatable."),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Name or file of the key that signs [default: the configured one].")
    ] = None,
    run_by: Annotated[
        str | None, typer.Option("--run-by", envvar="GONOGO_RUN_BY", help="Printed name of who decides this.")
    ] = None,
    deployed_by: Annotated[
        list[str] | None,
        typer.Option("--deployed-by", envvar="GONOGO_DEPLOYED_BY", help="Who deployed the release; repeatable."),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="text or json: one object on stdout, the same as decision.json.")
    ] = "text",
) -> None:
    """Gather what is recorded of a stage for one build and decide: GO (0), NO-GO (1) or HOLD (3). Sends nothing.

    Runs, watches, loads and drills of the newest build of the release, the answers of people, roles and waivers. A
    failure of any run of that build stays unless it is waived, whatever a later run shows; of everything else the
    latest counts. What the plan asks for and nobody brought is NOT_RUN; a bundle that does not verify or is not here
    holds the decision by its name. The decision is a sealed bundle of its own: what people approve.

    Examples:

        gonogo decide richpanel --stage 1 --env production --release 2026.11.2

        gonogo decide richpanel --stage 0 --env staging --release 2026.11.2 --bundles /mnt/ci/bundles --format json
    """
    from gonogo.cli.output import check_format
    from gonogo.errors import EXIT_GO, EXIT_HOLD, EXIT_NO_GO, EXIT_UNVERIFIED
    from gonogo.model.decision import Verb
    from gonogo.release.decide import DecideRequest, decide_stage
    from gonogo.sources.project import Project

    check_format(format_)
    project = Project.from_path(Path.cwd())
    request = DecideRequest(
        system,
        stage,
        env,
        release,
        environments.resolve() if environments else None,
        tuple(path.resolve() for path in bundles or ()),
        run_by,
        tuple(deployed_by or ()),
        key,
    )
    done = decide_stage(project, request)
    _print(done, project, as_json=format_ == "json")
    if done.report.seal_error is not None:
        raise typer.Exit(EXIT_UNVERIFIED)
    codes = {Verb.GO: EXIT_GO, Verb.HOLD: EXIT_HOLD, Verb.NO_GO: EXIT_NO_GO}
    raise typer.Exit(codes[done.decision.verb])


def _print(done: StageReport, project: Project, *, as_json: bool) -> None:
    import json

    from gonogo.cli.output import print_line
    from gonogo.cli.seal_line import describe_seal
    from gonogo.reports.markdown import WORDS

    report, record = done.report, done.report.record
    if as_json:
        print_line(json.dumps(record, ensure_ascii=False, indent=1))
        return
    where = f"{record['system']} stage {record['stage']} {record['environment']}, release {record['release']}"
    print_line(f"{WORDS[done.decision.verb.value]}  {where}")
    if done.decision.verb is not report.decision.verb:
        print_line(f"  sealed as {WORDS[report.decision.verb.value]}; the waivers in force make it so")
    build = done.gathering.build or "not shown by the target"
    counting = len(done.gathering.counting)
    print_line(f"  {counting} of {len(done.gathering.bundles)} bundles of build {build} count")
    print_line("  " + ", ".join(f"{count} {name}" for name, count in record["counts"].items()))
    for note in record["notes"]:
        print_line(f"  {note}")
    reasons = done.decision.reasons
    for reason in reasons[:12]:
        print_line(f"  - {reason}")
    if len(reasons) > 12:
        print_line(f"  - and {len(reasons) - 12} more in decision.md")
    print_line(f"  Bundle   {project.relative(report.folder)}")
    print_line(f"  {describe_seal(record['system'], report.seal, report.seal_error).plain}")
    print_line(f"  Next     {done.next_command}")
