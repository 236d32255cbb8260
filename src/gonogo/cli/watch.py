"""`gonogo watch`: a stage under observation, in a terminal for minutes or from a scheduler for days."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer


def watch(
    system: Annotated[str, typer.Argument(help="The system to watch, such as richpanel.")],
    stage: Annotated[str, typer.Option("--stage", help="Stage of the plan, such as 1.")],
    env: Annotated[str, typer.Option("--env", envvar="GONOGO_ENV", help="Environment of environments.yaml.")],
    length: Annotated[
        str | None, typer.Option("--for", help="How long, such as 60m [default: the stage's minimum soak, or 60m].")
    ] = None,
    every: Annotated[str, typer.Option("--every", help="How often, such as 30s; at most 60m.")] = "30s",
    once: Annotated[
        bool, typer.Option("--once", help="Look once and go on with what earlier looks saw: for schedulers.")
    ] = False,
    conclude: Annotated[
        bool, typer.Option("--conclude", help="With --once: end the watch, decide and seal, soaked or not.")
    ] = False,
    auto_rollback: Annotated[
        bool, typer.Option("--auto-rollback", help="Perform option A at once when an immediate trigger fires.")
    ] = False,
    notify: Annotated[
        str | None, typer.Option("--notify", envvar="GONOGO_NOTIFY", help="Webhook that is told of changes, as JSON.")
    ] = None,
    release: Annotated[
        str | None, typer.Option("--release", envvar="GONOGO_RELEASE", help="The release that is watched.")
    ] = None,
    confirm: Annotated[
        str | None, typer.Option("--confirm", help="ENV/RELEASE: agree to probes being sent to production.")
    ] = None,
    no_probes: Annotated[bool, typer.Option("--no-probes", help="Only read; send no synthetic message.")] = False,
    backfill: Annotated[
        str | None, typer.Option("--backfill", help="Fill in a gap of at most so long out of Prometheus, such as 2h.")
    ] = None,
    environments: Annotated[Path | None, typer.Option("--environments", help="Another environments.yaml.")] = None,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="Fault of the embedded sandbox, NAME@SECONDS for later.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Name or file of the key that signs [default: the configured one].")
    ] = None,
    run_by: Annotated[
        str | None, typer.Option("--run-by", envvar="GONOGO_RUN_BY", help="Printed name of who watches.")
    ] = None,
    deployed_by: Annotated[
        list[str] | None,
        typer.Option("--deployed-by", envvar="GONOGO_DEPLOYED_BY", help="Who deployed the release; repeatable."),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="text, or json: a line a change on stdout, the last one the decision.")
    ] = "text",
) -> None:
    """Watch a stage while it soaks: every trigger at every poll, and the command to run when one fires.

    Ends with GO (0) once the stage was observed to be well for as long as the plan asks, NO-GO (1) where an immediate
    trigger fired, HOLD (3) otherwise. Only what was observed counts: a gap adds nothing, a breach or another build or
    other flags begin the soak again, and a later session goes on where an earlier one ended.

    Examples:

        gonogo watch richpanel --stage 1 --env production --for 60m --release 2026.11.2

        gonogo watch richpanel --stage 2 --env production --for 2h --auto-rollback --notify https://hooks.example.com/x

        gonogo watch richpanel --stage 2 --env production --once --every 10m

        gonogo watch richpanel --stage 2 --env sandbox --for 20s --every 1s --fault signal_queue_stuck@8

    With --auto-rollback an immediate trigger performs option A, once however many watchers there are; a trigger that
    asks for an evaluation never does.
    """
    from gonogo.cli.output import check_format
    from gonogo.cli.watch_display import make_display
    from gonogo.release.watch import WatchRequest, watch_stage
    from gonogo.sources.project import Project

    check_format(format_)
    project = Project.from_path(Path.cwd())
    request = WatchRequest(
        project.root,
        system,
        stage,
        env,
        every=_seconds("--every", every),
        length=_seconds("--for", length) if length is not None else None,
        once=once,
        conclude=conclude,
        auto_rollback=auto_rollback,
        notify=notify,
        release=release,
        run_by=run_by,
        deployed_by=tuple(deployed_by or ()),
        confirm=confirm,
        probes=not no_probes,
        backfill=_seconds("--backfill", backfill) if backfill is not None else None,
        environments=environments.resolve() if environments else None,
        key_name=key,
        sandbox_options=tuple(word for name in fault or () for word in ("--fault", name)),
    )
    stop = _stop_on_signals()
    with make_display(sys.stderr, request, as_json=format_ == "json") as display:
        report = watch_stage(request, show=display.show, tell=display.tell, stop=stop)
    display.conclude(report, project)
    raise typer.Exit(report.exit_code)


def _seconds(option: str, text: str) -> float:
    from gonogo.errors import UsageError
    from gonogo.model.gate import parse_duration

    try:
        found = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option} is {text!r}; {error}") from error
    if not isinstance(found, int | float):
        raise UsageError(f"{option} is {text!r}; allowed: a duration such as 30s or 60m")
    return float(found)


def _stop_on_signals() -> Any:
    """Return an event that SIGINT and SIGTERM set: the watch ends after its poll, and what it saw is sealed."""
    import threading

    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    return stop
