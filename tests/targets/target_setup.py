"""Targets from a file of environments, as a run opens them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gonogo.model.environment import Environment, Environments
from gonogo.model.http_interface import HttpInterface
from gonogo.sources.system_files import load_environments
from gonogo.targets.http import HttpTarget, Secrets
from gonogo.targets.interface import Message

ROOT = Path(__file__).parents[2]
OTHER_TEAM = Path(__file__).with_name("other_team.yaml")
SANDBOX = ROOT / "smoke_cases" / "richpanel" / "environments.yaml"


def read_environments(path: Path) -> Environments:
    environments, problems = load_environments(path, path.name, None)
    assert [str(problem) for problem in problems] == []
    assert environments is not None
    return environments


@dataclass
class Opened:
    """A target with everything that it recorded."""

    target: HttpTarget
    exchanges: list[dict[str, Any]] = field(default_factory=list)


OPENED: list[Opened] = []


def open_target(
    interface: dict[str, Any] | HttpInterface,
    base_url: str,
    secrets: dict[str, str] | None = None,
    environment: Environment | None = None,
    **limits: float,
) -> Opened:
    """Return a target; `limits` may hold `timeout`, `rate`, `burst`, `in_flight` and `retry_cap`."""
    if isinstance(interface, dict):
        send = {"request": "POST /in", "body": {"text": "{message}"}}
        interface = HttpInterface.model_validate_json(json.dumps({"send": send, **interface}))
    if environment is None:
        timing = {"propagation_deadline": 1.0, "decision_deadline": 1.0, "quiet_period": 0.0}
        timing["request_timeout"] = float(limits.pop("timeout", 6.0))
        bounds = {"rate": 1000.0, "burst": 1000, "in_flight": 8, "retry_cap": 0.0, **limits}
        environment = Environment.model_validate(
            {"kind": "staging", "interface": "i", "timing": timing, "limits": bounds, "variables": {"who": "me"}}
        )
    exchanges: list[dict[str, Any]] = []
    target = HttpTarget(
        interface, environment, base_url, Secrets(secrets or {}), lambda one: exchanges.append(dict(one))
    )
    OPENED.append(Opened(target, exchanges))
    return OPENED[-1]


def message(text: str = "Where is my order?", ticket: str = "T-1", **more: Any) -> Message:
    return Message(ticket, f"{ticket}-e", "livechat", text, "ST-021", "run-1", **more)
