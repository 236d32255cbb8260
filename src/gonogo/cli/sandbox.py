"""`gonogo sandbox`: start a system under test of our own."""

from __future__ import annotations

import os
from typing import Annotated

import typer


def sandbox(
    context: typer.Context,
    system: Annotated[str, typer.Argument(help="The system to start, such as richpanel.")],
) -> None:
    """Start a sandbox: a small real system with switchable faults. It prints its address as one JSON line.

    Options after the system are the sandbox's own; `gonogo sandbox richpanel -- --help` lists them.

    Examples:

        gonogo sandbox richpanel --port 0

        gonogo sandbox richpanel --list-faults --format json

        gonogo sandbox richpanel --port 8080 --fault duplicate_reply --latency 1
    """
    from gonogo.run.embedded import sandbox_command

    command = sandbox_command(system, context.args)
    # The sandbox takes this process's place, so that signals reach it and nothing is left behind.
    os.execv(command[0], command)
