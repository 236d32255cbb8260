"""Which class speaks to an environment's target."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from gonogo.errors import UsageError
from gonogo.evidence.record import Recorder, Stream
from gonogo.evidence.redact import Redactor
from gonogo.run.guarding import guard_run
from gonogo.run.redaction import capture_of
from gonogo.run.setup import RunSetup
from gonogo.run.watched import WatchedTarget
from gonogo.sources.suggest import suggest
from gonogo.targets.caps import SendMeter
from gonogo.targets.http import HttpTarget, Secrets
from gonogo.targets.interface import Target


def open_target(setup: RunSetup, recorder: Recorder, redactor: Redactor) -> Target:
    """Return the target of a run; adapters are found by the entry point group `gonogo.targets`.

    The production guard stands here too, so that no way to a target leads around it; what holds for every request and
    every message, the target itself holds to.
    """
    guard_run(setup, final=True)
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
    adapter = found[name].load()
    by_http = isinstance(adapter, type) and issubclass(adapter, HttpTarget)
    target = adapter(
        setup.interface,
        setup.environment,
        base_url,
        Secrets.from_environ(extra),
        lambda exchange: recorder.record(Stream.EXCHANGES, exchange if by_http else _without_content(exchange)),
        *([capture_of(setup, redactor)] if by_http else []),
    )
    if not isinstance(target, Target):
        raise UsageError(f"entry point {name!r} of gonogo.targets is no Target")
    if by_http:
        return target
    return WatchedTarget(target, redactor, setup.system.evidence.fields, SendMeter(setup.environment))


def _without_content(exchange: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an adapter of another protocol says of an exchange; only our own capture describes content."""
    content = ("shape", "headers", "sent_hmac", "received_hmac")
    return {key: value for key, value in exchange.items() if key not in content}
