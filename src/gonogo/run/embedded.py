"""The sandbox that a run starts and stops by itself: a process of its own, told apart by nothing but its address."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gonogo.errors import TargetError, UsageError
from gonogo.evidence.keys import without_keys
from gonogo.model.environment import Embedded
from gonogo.run.setup import RunRequest, RunSetup, load_setup
from gonogo.sources.suggest import suggest

_START_DEADLINE = 30.0


@dataclass
class EmbeddedSandbox:
    """A running sandbox process."""

    process: subprocess.Popen[str]
    url: str

    def stop(self) -> None:
        """Stop the process and wait for it."""
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def sandbox_command(system: str, options: Sequence[str]) -> list[str]:
    """Return the command of a sandbox; raises `UsageError` where there is none for the system."""
    folder = Path(__file__).parent.parent / "sandbox"
    known = sorted(path.parent.name for path in folder.glob("*/__main__.py"))
    if system not in known:
        raise UsageError(f"there is no sandbox for {system!r}; {suggest(system, known)}")
    return [sys.executable, "-m", f"gonogo.sandbox.{system}", *options]


def list_faults(system: str) -> list[dict[str, Any]]:
    """Return the faults that a sandbox can be given."""
    command = sandbox_command(system, ["--list-faults", "--format", "json"])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UsageError(f"the sandbox of {system!r} does not start: {done.stderr.strip()[-300:]}", _INSTALL)
    return list(json.loads(done.stdout))


_INSTALL = "Install its parts: pip install 'gonogo[sandbox]'."


def start_embedded(
    request: RunRequest, options: Sequence[str] = (), *, parse: bool = True
) -> tuple[RunSetup, EmbeddedSandbox | None]:
    """Check the sources, then start the environment's sandbox if it has one; returns the setup with its address."""
    setup = load_setup(request, parse=parse)
    embedded = setup.environment.embedded
    if embedded is None:
        if options:
            raise UsageError(
                f"environment {request.environment!r} is not embedded; --fault and --labels work there only"
            )
        return setup, None
    sandbox = start_sandbox(embedded, options)
    started = replace(request, base_url=sandbox.url, token_env=embedded.token_env)
    return replace(setup, request=started), sandbox


def start_sandbox(embedded: Embedded, options: Sequence[str] = ()) -> EmbeddedSandbox:
    """Start a sandbox with a token of its own, which is left in the environment variable `embedded.token_env`."""
    os.environ[embedded.token_env] = secrets.token_urlsafe(24)
    command = sandbox_command(
        embedded.system,
        ["--port", "0", "--exit-with-parent", "--token-env", embedded.token_env, *embedded.options, *options],
    )
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=without_keys(os.environ),
    )
    # A sandbox that hangs while it starts must not hang the run.
    timer = threading.Timer(_START_DEADLINE, process.kill)
    timer.start()
    line = process.stdout.readline() if process.stdout else ""
    timer.cancel()
    try:
        url = json.loads(line)["url"]
    except (ValueError, KeyError) as error:
        process.kill()
        words = (process.stderr.read() if process.stderr else "").strip()
        process.wait()
        if process.returncode == 2:
            raise UsageError(f"the sandbox refuses its options: {words.removeprefix('error: ')}") from error
        raise TargetError(f"the sandbox did not start: {words[-500:]}", _INSTALL) from error
    return EmbeddedSandbox(process, url)
