"""One worker more for a master on another host, which tells it everything but the token: that is in its environment."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from gonogo.errors import EXIT_GO, EXIT_UNREACHABLE
from gonogo.loadtest.generation import find_locustfile, locust_command, locust_environ
from gonogo.loadtest.interrupts import Interrupts
from gonogo.sources.project import Project


def join_master(project: Project, address: tuple[str, int]) -> int:
    """Work for a master until it says that the load is over; returns the exit code of the command."""
    host, port = address
    with tempfile.TemporaryDirectory(prefix="gonogo-load-") as folder, Interrupts() as interrupts:
        command = locust_command(
            find_locustfile(project.root), "--worker", "--master-host", host, "--master-port", str(port)
        )
        child = subprocess.Popen(
            command, cwd=folder, env=locust_environ(Path(folder)), stdin=subprocess.DEVNULL, stdout=2
        )
        while True:
            try:
                code = child.wait(timeout=0.5)
                break
            except subprocess.TimeoutExpired:
                if interrupts.asked:
                    child.terminate()
    return EXIT_GO if code == 0 else EXIT_UNREACHABLE
