"""`gonogo load`: a load profile against one environment, ending in a decision."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def load(
    system: Annotated[str, typer.Argument(help="The system to load, such as richpanel.")],
    profile: Annotated[str | None, typer.Option("--profile", help="Profile of load.yaml, such as spike.")] = None,
    env: Annotated[
        str | None, typer.Option("--env", envvar="GONOGO_ENV", help="Environment of environments.yaml.")
    ] = None,
    stage: Annotated[
        str | None, typer.Option("--stage", help="Stage of the plan [default: the first that names the profile].")
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="Show every profile, and what it can and cannot prove; send nothing.")
    ] = False,
    duration: Annotated[
        str | None, typer.Option("--duration", help="Shorten the profile to this, at its true rate: 30s, 5m.")
    ] = None,
    time_scale: Annotated[
        float, typer.Option("--time-scale", help="Compress time by this factor; limits are scaled with it.")
    ] = 1.0,
    workers: Annotated[int, typer.Option("--workers", help="Processes that make the load.")] = 1,
    master: Annotated[
        str | None, typer.Option("--master", help="Wait at HOST:PORT for --workers workers from other hosts.")
    ] = None,
    worker: Annotated[
        str | None, typer.Option("--worker", help="Be one of the workers of the master at HOST:PORT.")
    ] = None,
    environments: Annotated[Path | None, typer.Option("--environments", help="Another environments.yaml.")] = None,
    release: Annotated[
        str | None, typer.Option("--release", envvar="GONOGO_RELEASE", help="The release that must be deployed.")
    ] = None,
    confirm: Annotated[str | None, typer.Option("--confirm", help="ENVIRONMENT/RELEASE, on production.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the load's files [default: evidence/SYSTEM/RUN-ID].")
    ] = None,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="Fault of the embedded sandbox; repeatable.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Name or file of the key that signs [default: the configured one].")
    ] = None,
    run_by: Annotated[
        str | None, typer.Option("--run-by", envvar="GONOGO_RUN_BY", help="Printed name of who runs this.")
    ] = None,
    deployed_by: Annotated[
        list[str] | None,
        typer.Option("--deployed-by", envvar="GONOGO_DEPLOYED_BY", help="Who deployed the release; repeatable."),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="text or json: one object on stdout, the same as load.json.")
    ] = "text",
) -> None:
    """Make a load on schedule, reconcile every message with its decision, and decide: GO (0), NO-GO (1) or HOLD (3).

    Requests start when they are due, whatever the system does, and their latency counts from then.

    Examples:

        gonogo load richpanel --list

        gonogo load richpanel --profile spike --env sandbox --duration 20s

        gonogo load richpanel --profile soak --env sandbox --time-scale 48

        gonogo load richpanel --profile surge --env staging --release 2026.11.2 --workers 2

        gonogo load richpanel --worker 10.0.0.5:5557

    A load that was shortened or compressed counts for a stage in environments of kind sandbox only.
    """
    from gonogo.cli.load_display import make_load_display, print_load, print_profiles
    from gonogo.cli.output import check_format
    from gonogo.errors import EXIT_GO, EXIT_HOLD, EXIT_INTERRUPTED, EXIT_NO_GO, EXIT_UNVERIFIED, UsageError
    from gonogo.loadtest.generation import Place, parse_address
    from gonogo.loadtest.join import join_master
    from gonogo.loadtest.request import LoadRequest, read_load
    from gonogo.model.decision import Verb
    from gonogo.run.orchestrate import new_run_id
    from gonogo.sources.project import Project

    check_format(format_)
    project = Project.from_path(Path.cwd())
    if list_:
        loaded = project.load_system(system, environments=environments)
        print_profiles(read_load(project, loaded), loaded.plan, as_json=format_ == "json")
        return
    if worker is not None:
        raise typer.Exit(join_master(project, parse_address(worker)))
    if profile is None or env is None:
        raise UsageError("--profile and --env say what to make and where", f"See 'gonogo load {system} --list'.")
    if master is not None:
        parse_address(master)
    if not 1 <= workers <= 1000:
        raise UsageError(f"--workers is {workers}; allowed: 1 to 1000")
    if not 1 <= time_scale <= 10_000:
        raise UsageError(f"--time-scale is {time_scale:g}; allowed: 1 to 10000")
    run_id = new_run_id()
    folder = (out or project.root / "evidence" / system / run_id).resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"--out {folder} is not empty", "Name a new folder; every load has its own.")
    from functools import partial

    from gonogo.loadtest.run import execute_load
    from gonogo.release.readiness import require_ready_stage

    request = LoadRequest(
        system,
        profile,
        env,
        run_id,
        folder,
        stage=stage,
        place=Place(workers, master),
        duration=_parse_duration(duration),
        time_scale=time_scale,
        environments=environments.resolve() if environments else None,
        release=release,
        confirm=confirm,
        run_by=run_by,
        deployed_by=tuple(deployed_by or ()),
        faults=tuple(word for name in fault or () for word in ("--fault", name)),
    )
    with make_load_display(sys.stderr, f"{system}, {profile}, {env}") as watch:
        ready = partial(require_ready_stage, key_name=key, write=False)
        report = execute_load(request, project, key_name=key, watch=watch, require_ready=ready)
    print_load(report, project, as_json=format_ == "json")
    if report.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if report.activity.seal_error is not None:
        raise typer.Exit(EXIT_UNVERIFIED)
    codes = {Verb.GO: EXIT_GO, Verb.HOLD: EXIT_HOLD, Verb.NO_GO: EXIT_NO_GO}
    raise typer.Exit(codes[report.activity.decision.verb])


def _parse_duration(text: str | None) -> float | None:
    """Return seconds, or None; raises `UsageError`."""
    from gonogo.errors import UsageError
    from gonogo.model.gate import parse_duration

    if text is None:
        return None
    try:
        value = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--duration is {text!r}, {error}") from error
    return float(str(value))
