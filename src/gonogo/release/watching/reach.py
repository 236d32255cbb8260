"""The way of a watch to its target: read, and sent a few probes; flags are never changed, except of its own sandbox."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any

from gonogo.errors import UsageError
from gonogo.evidence.canaries import canaries
from gonogo.model.environment import Environment
from gonogo.model.watch import ProbePolicy
from gonogo.release.watching.probes import ProbeRunner
from gonogo.release.watching.setting import Setting
from gonogo.run.setup import plant_canaries
from gonogo.targets.http import HttpTarget, Secrets
from gonogo.targets.interface import Message, Target

_CASE = "WATCH"


def open_watched(setting: Setting) -> Target:
    """Return the target of a watch; its calls leave no record beyond what the watch itself writes down.

    A call is retried for no longer than a part of the interval: a broken way must not cost the polls that follow.
    """
    environment = plant_canaries(_impatient(setting.environment, setting.request.every), setting.activity.id)
    interface = setting.system.environments.interfaces[environment.interface]
    extra: dict[str, str] = {}
    token_env = setting.activity.token_env
    if interface.token is not None and token_env is not None:
        extra[interface.token.env] = os.environ.get(token_env, "")
    adapter = _find_adapter(environment.target)
    target = adapter(interface, environment, setting.base_url, Secrets.from_environ(extra), _forget)
    if not isinstance(target, Target):
        raise UsageError(f"entry point {environment.target!r} of gonogo.targets is no Target")
    return target


def enter_stage(setting: Setting, target: Target) -> None:
    """Put a sandbox that the watch started by itself into its stage; nothing else is ever changed."""
    if setting.embedded:
        for name, value in setting.stage.flag_state(setting.system.vocabulary).items():
            target.set_flag(name, value)


def _impatient(environment: Environment, every: float) -> Environment:
    limits, timing = environment.limits, environment.timing
    return environment.model_copy(
        update={
            "limits": limits.model_copy(update={"retry_cap": min(limits.retry_cap, every / 4)}),
            "timing": timing.model_copy(update={"request_timeout": min(timing.request_timeout, max(every, 1.0))}),
        }
    )


def _forget(exchange: Mapping[str, Any]) -> None:
    del exchange


def _find_adapter(name: str) -> Any:
    if name == "http":
        return HttpTarget
    found = {entry.name: entry for entry in entry_points(group="gonogo.targets")}
    if name not in found:
        raise UsageError(f"target {name!r} is not installed; known: {', '.join(sorted({*found, 'http'}))}")
    return found[name].load()


def make_prober(setting: Setting, target: Target, session: str, tell: Callable[[str], None]) -> ProbeRunner | None:
    """Return what sends the watch's probes, None where none may be sent or no rule asks for one."""
    policy = setting.rules.probes or ProbePolicy()
    probe = setting.environment.probe
    if not any(rule.needs_probe for rule in setting.rules.rules) and setting.rules.probes is None:
        return None
    refused = setting.probes_refused
    if refused or probe is None:
        tell(f"No probes are sent: {refused}")
        return None
    word = canaries(setting.activity.id).word

    def new_message(name: str, channel: str, text: str) -> Message:
        ticket = f"gonogo-{session}-{_CASE}-{name}"
        return Message(ticket, f"{ticket}-1-{word}", channel, text, f"{_CASE}-{name}", setting.activity.id)

    deadline = policy.deadline or setting.environment.timing.decision_deadline
    # A single look has no later poll that could see what became of its probe.
    return ProbeRunner(target, probe, new_message, policy.every, deadline, waits=setting.request.once)
