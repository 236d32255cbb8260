"""A small project whose environment of kind production is a server of the tests' own."""

from __future__ import annotations

import base64
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from harness import ROOT, SmallProject

sys.path.insert(0, str(Path(__file__).parents[1] / "targets"))

from capture_server import Captured, CaptureServer, Reply

RELEASE = "richpanel-sandbox-1"
TOKEN = "test-token"
ROWS = ("ST-001", "ST-010", "ST-020", "ST-021", "ST-040", "ST-060", "ST-070")
VARIABLES = {
    "GONOGO_SIGNING_KEY": base64.b64encode(bytes(range(32))).decode(),
    "RICHPANEL_WEBHOOK_TOKEN": TOKEN,
}
ROUTING_ONLY = """
    name: Routing only
    safe_mode: true
    automation_enabled: false
    channels: [livechat, email]
    templates: []
    packs: [smoke.csv]
"""
TIER1 = """
    name: Tier 1
    safe_mode: false
    automation_enabled: true
    channels: [livechat, email]
    templates: [t_order_status_ask_order_number, t_delivered_not_received_intake]
    packs: [smoke.csv]
"""
PLAN = f"""system: richpanel
stages:
  - id: 1{ROUTING_ONLY}    environment: production
    after: []
  - id: small{ROUTING_ONLY}    after: []
    allows: {{messages: 5}}
  - id: elsewhere{ROUTING_ONLY}    environment: staging
    after: []
  - id: next{ROUTING_ONLY}    after: ["1"]
  - id: 2{TIER1}    after: []
    allows: {{flag_changes: true, tier0_cases: true}}
  - id: careful{TIER1}    after: []
"""
CAPS = "caps: {messages: 200, rate: 30, minutes: 20, spend: 10}\n    cost_per_message: 0.01"


class ProductionProject(SmallProject):
    """A project whose environments.yaml calls the address that it is given production."""

    def __init__(self, folder: Path, url: str, rows: tuple[str, ...] = ROWS) -> None:
        super().__init__(folder, rows)
        (self.sources / "plan.yaml").write_text(PLAN, "utf-8")
        path = self.sources / "environments.yaml"
        text = path.read_text("utf-8")
        sandbox = text[text.index("  sandbox:\n") : text.index("  staging:\n")]
        before = text[: text.index("  production:\n")]
        production = text[text.index("  production:\n") :]
        own = re.search(r"    # The customer is marked.*\n    variables:\n(?:      .*\n)+", production)
        assert own is not None
        block = sandbox.replace("  sandbox:\n", "  production:\n", 1).replace("kind: sandbox", "kind: production", 1)
        block = re.sub(
            r"    embedded:\n.*\n.*\n", f"    base_url: {url}\n    hosts: [{host_of(url)}]\n    {CAPS}\n", block
        )
        block = block[: block.index("    variables:\n")] + own[0]
        path.write_text(before + block, "utf-8")

    def vary(self, *changes: tuple[str, str], name: str = "varied.yaml", folder: Path | None = None) -> str:
        """Write another environments file with text of its production replaced; returns its path."""
        text = (self.sources / "environments.yaml").read_text("utf-8")
        for old, new in changes:
            assert re.search(old, text), f"environments.yaml holds no {old!r}"
            at = text.rindex(re.findall(old, text)[-1])
            text = text[:at] + re.sub(old, new, text[at:], count=1)
        path = (folder or self.root) / name
        path.write_text(text, "utf-8")
        return str(path)

    def arguments(self, stage: str = "1", *more: str, **options: str | None) -> list[str]:
        """Return a run's arguments on production; `options` replace those of a run that is allowed, None leaves out."""
        given = {"env": "production", "release": RELEASE, "confirm": f"production/{RELEASE}", **options}
        words = [word for name, value in given.items() if value is not None for word in (f"--{name}", value)]
        return ["run", "richpanel", "--stage", stage, *words, "--format", "json", *more]


def host_of(url: str) -> str:
    return url.removeprefix("http://")


def invoke(project: SmallProject, arguments: list[str], variables: Mapping[str, str] = VARIABLES) -> Any:
    """Run the command line in this process, which is quick: what is refused starts no other."""
    from typer.testing import CliRunner

    from gonogo.cli.main import app

    here = Path.cwd()
    os.chdir(project.root)
    try:
        with patch.dict(os.environ, variables):
            return CliRunner().invoke(app, arguments)
    finally:
        os.chdir(here)


def stage_flags(**changed: Any) -> dict[str, Any]:
    """Return the flags of routing only, as the middleware's store holds them."""
    vocabulary = (ROOT / "smoke_cases" / "richpanel" / "vocabulary.yaml").read_text("utf-8")
    templates = {f"template_enabled.{name}": False for name in re.findall(r"(?m)^  (t_\w+):", vocabulary)}
    flags = {
        **templates,
        "safe_mode": True,
        "automation_enabled": False,
        "automation_enabled_channels": ["livechat", "email"],
    }
    return {**flags, **changed}


def middleware(**answers: Callable[[], Reply] | Any) -> Callable[[Captured], Reply]:
    """Return what a deployed middleware answers to reads; every message and every change is taken."""
    shown: dict[str, Any] = {
        "/health": {"ok": True},
        "/version": {"build": RELEASE, "release": RELEASE},
        "/flags": {"flags": stage_flags()},
        **{f"/{name}": value for name, value in answers.items()},
    }

    def answer(request: Captured) -> Reply:
        if request.method != "GET":
            return Reply.of({"request_id": "r"}, 202)
        found = shown.get(request.path.split("?")[0])
        if isinstance(found, Reply):
            return found
        return Reply.of({"error": "not_found"}, 404) if found is None else Reply.of(found)

    return answer


__all__ = [
    "RELEASE",
    "ROUTING_ONLY",
    "ROWS",
    "TOKEN",
    "VARIABLES",
    "CaptureServer",
    "Captured",
    "ProductionProject",
    "Reply",
    "invoke",
    "middleware",
    "stage_flags",
]
