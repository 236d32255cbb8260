"""A small project with a ladder of its own and sandboxes that its environments file calls deployed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from harness import RunningSandbox, SmallProject, deploy

from gonogo.evidence.ledger.book import Ledger, open_ledger
from gonogo.evidence.ledger.journal import FlagChange, Journal
from gonogo.evidence.ledger.lock import acquire_lock
from gonogo.release.advance import AdvanceReport, AdvanceRequest, advance

TIER1 = ("t_order_status_ask_order_number", "t_delivered_not_received_intake", "t_missing_items_intake")
_OFF = "safe_mode: true\n    automation_enabled: false\n    channels: [livechat, email]\n    templates: []"
_ON = "safe_mode: false\n    automation_enabled: true\n    channels: [livechat, email]\n    templates: "
_ON += f"[{', '.join(TIER1)}]"
PLAN = f"""system: richpanel
stages:
  - id: 1
    name: Routing only
    {_OFF}
    packs: [smoke.csv]
  - id: 2
    name: Tier 1
    {_ON}
    after: []
    flag_order: [safe_mode, automation_enabled, template_enabled]
    packs: [smoke.csv]
  - id: 3
    name: Social instead of mail
    {_ON.replace("email", "social")}
    after: []
    packs: [smoke.csv]
  - id: 4
    name: After two
    {_ON}
    after: ["2"]
    packs: [smoke.csv]
"""


class StagePlace:
    """A project in which `environment` is a sandbox process, called staging unless told otherwise."""

    environment = "deployed"

    def __init__(self, root: Path, *options: str, kind: str = "staging", propagation: float = 6) -> None:
        self.project = SmallProject(root, ["ST-020", "ST-070", "ST-075"])
        (self.project.sources / "plan.yaml").write_text(PLAN, "utf-8")
        done = self.project.gonogo("compile")
        assert done.code == 0, done.stderr
        self.sandbox = RunningSandbox("--flag-ttl", "0.1", "--latency", "0.02", *options)
        self.environ = {"RICHPANEL_WEBHOOK_TOKEN": self.sandbox.token}
        self.call_it(kind, propagation)
        self.ledger: Ledger = open_ledger(str(root / "evidence"), "richpanel")

    def call_it(self, kind: str, propagation: float = 6) -> None:
        """Write the environments file anew, with another kind or deadline."""
        self.file = self.project.root / deploy(self.project, self.sandbox.url, kind=kind)
        text = self.file.read_text("utf-8")
        deadlines = f"propagation_deadline: {propagation:g}, decision_deadline: 3"
        text, count = re.subn(r"propagation_deadline: \S+, decision_deadline: \d+", deadlines, text)
        assert count
        text = text.replace("in_flight: 8}", "in_flight: 8, retry_cap: 0.5}")
        self.file.write_text(text, "utf-8")

    @property
    def arguments(self) -> list[str]:
        return ["richpanel", "--env", self.environment, "--environments", self.file.name]

    @property
    def flags(self) -> dict[str, Any]:
        return dict(httpx.get(f"{self.sandbox.url}/flags").json()["flags"])

    @property
    def on(self) -> set[str]:
        """Return what lets replies out: the switches that are open, and the templates that are on."""
        flags = self.flags
        names = {name.removeprefix("template_enabled.") for name, value in flags.items() if value is True}
        return names - {"safe_mode"} | ({"no safe_mode"} if flags["safe_mode"] is False else set())

    def set_flags(self, **wanted: Any) -> None:
        headers = {"X-Middleware-Token": self.sandbox.token}
        for name, value in wanted.items():
            httpx.put(f"{self.sandbox.url}/flags/{name}", json={"value": value}, headers=headers).raise_for_status()

    def reset(self) -> None:
        """Put the store into the state of a fresh deployment and forget what the journal holds."""
        flags = self.flags
        off = {name: False for name in flags if name.startswith("template_enabled.") and flags[name] is not False}
        lists = {"automation_enabled_channels": ["livechat", "email"], "tier2_channels": None, "tier2_tags": None}
        self.set_flags(safe_mode=True, automation_enabled=False, **lists, **off)
        self.end_lease()
        if self.open_changes:
            Journal(self.ledger.storage, self.environment).void("reset", "test", datetime.now(UTC))

    def end_lease(self) -> None:
        """Do what time does to the lock of a process that died."""
        now = datetime.now(UTC)
        acquire_lock(self.ledger.storage, self.environment, "the end of the lease", 1, now, preempt=True).release(now)

    @property
    def events(self) -> list[Any]:
        return list(httpx.get(f"{self.sandbox.url}/events").json())

    @property
    def open_changes(self) -> tuple[FlagChange, ...]:
        return Journal(self.ledger.storage, self.environment).open_changes()

    def entries(self, kind: str) -> list[dict[str, Any]]:
        return [dict(entry.payload) for entry in self.ledger.entries() if entry.kind == kind]

    def request(self, stage: str, **more: Any) -> AdvanceRequest:
        options = {"may_change_flags": True, "environments": self.file, **more}
        return AdvanceRequest(self.project.root, "richpanel", stage, self.environment, **options)

    def advance(self, stage: str, **more: Any) -> AdvanceReport:
        return advance(self.request(stage, **more))

    def stop(self) -> None:
        self.sandbox.stop()
