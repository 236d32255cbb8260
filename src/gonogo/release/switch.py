"""The way to the flags of one environment, with nothing of the project read but that environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from gonogo.errors import GonogoError, Problem, UsageError
from gonogo.evidence.canaries import canaries
from gonogo.model.environment import Caps, Environment, Probe
from gonogo.sources.lone_environment import read_lone_environment
from gonogo.targets.hosts import check_host
from gonogo.targets.http import HttpTarget, Secrets
from gonogo.targets.interface import Capability, Message, Target

# A kill switch is not kept waiting by what a run may spend; this only bounds the probes of one rollback.
_MOST_PROBES = 500


@dataclass
class Switch:
    """A target whose flags are to be changed, and what is known of its environment.

    `exchanges` are the calls that were made, without any content; `problems` are those of the file that were passed by.
    """

    target: Target
    environment: Environment
    base_url: str
    id: str
    case: str
    probe: Probe | None
    problems: tuple[Problem, ...] = ()
    exchanges: list[dict[str, Any]] = field(default_factory=list)

    def new_message(self, name: str, channel: str, text: str) -> Message:
        """Return a synthetic message in a conversation of its own."""
        ticket = f"gonogo-{self.id}-{self.case}-{name}"
        event = f"{ticket}-1-{canaries(self.id).word}"
        return Message(ticket, event, channel, text, f"{self.case}-{name}", self.id)


def open_switch(
    path: Path,
    name: str,
    environment_name: str,
    switch_id: str,
    case: str,
    *,
    base_url: str | None = None,
    token_env: str | None = None,
    exempt: bool = False,
) -> Switch:
    """Return the way to an environment's flags; `path` is the environments file, `name` what problems call it.

    `exempt`, for a rollback, sends probes whatever a run may send and spend there; the list of hosts holds.
    Raises `SourceError` where the file does not say how a flag is set there, `UsageError` for an environment that is
    unknown or has no address, `RefusedError` for a host that is not allowed, `TargetError` for a token that is not set.
    """
    lone = read_lone_environment(path, name, environment_name)
    planted = canaries(switch_id)
    environment = lone.environment.with_variables({"canary": planted.word, "canary_digits": planted.digits})
    if exempt:
        caps = Caps(messages=_MOST_PROBES, rate=environment.limits.rate, minutes=1440, spend=0)
        environment = environment.model_copy(update={"caps": caps, "cost_per_message": 0.0})
    address = base_url or environment.base_url
    if address is None:
        raise UsageError(
            f"environment {environment_name!r} has no address: its sandbox lives only as long as a run",
            "Name an environment that is deployed.",
        )
    check_host(environment, address)
    extra: dict[str, str] = {}
    token = lone.interface.token
    if token is not None and token_env is not None:
        extra[token.env] = os.environ.get(token_env, "")
    exchanges: list[dict[str, Any]] = []

    def record(exchange: Mapping[str, Any]) -> None:
        exchanges.append(dict(exchange))

    adapter = _find_adapter(environment.target)
    target = adapter(lone.interface, environment, address, Secrets.from_environ(extra), record)
    if not isinstance(target, Target):
        raise UsageError(f"entry point {environment.target!r} of gonogo.targets is no Target")
    probe = environment.probe if lone.can_probe else None
    return Switch(target, environment, address, switch_id, case, probe, lone.problems, exchanges)


def close_tickets(switch: Switch, tickets: Sequence[str]) -> str:
    """Close the tickets of probes where the environment asks for it; return a sentence about those that stay open."""
    if not switch.environment.closes_tickets or not tickets:
        return ""
    if Capability.CLOSE_TICKET not in switch.target.capabilities():
        return f"TICKETS LEFT: {len(tickets)} probe ticket(s) to be closed by hand: {', '.join(tickets[:20])}"
    left, why = [], ""
    for ticket in tickets:
        try:
            switch.target.close_ticket(ticket)
        except GonogoError as error:
            left.append(ticket)
            why = error.message
    return f"TICKETS LEFT: {', '.join(left[:20])} to be closed by hand ({why})" if left else ""


def _find_adapter(name: str) -> Any:
    if name == "http":
        # The one that ships with the package is not looked for among what is installed: that takes time.
        return HttpTarget
    found = {entry.name: entry for entry in entry_points(group="gonogo.targets")}
    if name not in found:
        raise UsageError(f"target {name!r} is not installed; known: {', '.join(sorted({*found, 'http'}))}")
    return found[name].load()
