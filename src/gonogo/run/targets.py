"""Which class speaks to an environment's target."""

from __future__ import annotations

import os
from importlib.metadata import entry_points

from gonogo.errors import UsageError
from gonogo.evidence.record import Recorder, Stream
from gonogo.run.setup import RunSetup, guard_environment
from gonogo.sources.suggest import suggest
from gonogo.targets.http import Secrets
from gonogo.targets.interface import Target


def open_target(setup: RunSetup, recorder: Recorder) -> Target:
    """Return the target of a run; adapters are found by the entry point group `gonogo.targets`.

    The production guard stands here too, so that no way to a target leads around it.
    """
    guard_environment(setup.request.environment, setup.environment)
    found = {entry.name: entry for entry in entry_points(group="gonogo.targets")}
    name = setup.environment.target
    if name not in found:
        raise UsageError(f"target {name!r} is not installed; {suggest(name, found)}")
    base_url = setup.request.base_url or setup.environment.base_url
    if base_url is None:
        raise UsageError(f"environment {setup.request.environment!r} has no address; start its sandbox with the run")
    extra = {}
    token = setup.interface.token
    if token is not None and setup.request.token_env is not None:
        # An embedded sandbox made its own token; it stands in for the one that a deployed system has.
        extra[token.env] = os.environ[setup.request.token_env]
    target = found[name].load()(
        setup.interface,
        setup.environment,
        base_url,
        Secrets.from_environ(extra),
        lambda exchange: recorder.record(Stream.EXCHANGES, exchange),
    )
    if not isinstance(target, Target):
        raise UsageError(f"entry point {name!r} of gonogo.targets is no Target")
    return target
