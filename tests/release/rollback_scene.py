"""A small project against a deployed sandbox with automation on, customers' traffic, and a way there that can break."""

from __future__ import annotations

import base64
import json
import os
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
from harness import RunningSandbox, SmallProject, deploy

TEMPLATE = "t_order_status_ask_order_number"
ON: dict[str, Any] = {
    "template_enabled." + TEMPLATE: True,
    "template_enabled.t_missing_items_intake": True,
    "safe_mode": False,
    "automation_enabled": True,
}
TOKEN = "RICHPANEL_WEBHOOK_TOKEN"
KEY = base64.b64encode(bytes(range(32))).decode()
TIMING = "timing: {propagation_deadline: 1.5, decision_deadline: 4, quiet_period: 0.25, poll_interval: 0.05}"


@dataclass
class Deployed:
    """A project, a sandbox, and the environments file by which the one reaches the other."""

    project: SmallProject
    sandbox: RunningSandbox
    environments: str

    @property
    def url(self) -> str:
        return self.sandbox.url

    def set_flags(self, flags: dict[str, Any]) -> None:
        """Write flags, and wait until the worker's cache has them."""
        with httpx.Client(base_url=self.url, headers=self.headers, timeout=5, verify=False) as client:
            for name, value in flags.items():
                answer = client.put(f"/flags/{name}", json={"value": value})
                assert answer.status_code == 200, answer.text
        time.sleep(0.12)

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Middleware-Token": self.sandbox.token}

    @property
    def flags(self) -> dict[str, Any]:
        return dict(httpx.get(f"{self.url}/flags", timeout=5).json()["flags"])

    def rollback(self, *arguments: str, **more: Any) -> Any:
        return self.project.gonogo(
            *("rollback", "richpanel", "--env", "deployed", "--environments", self.environments, "--format", "json"),
            *arguments,
            env={TOKEN: self.sandbox.token, "GONOGO_SIGNING_KEY": KEY},
            **more,
        )

    def folder(self, record: dict[str, Any]) -> Path:
        return self.project.root / "evidence" / "richpanel" / str(record["id"])


def make_deployed(
    project: SmallProject, sandbox: RunningSandbox, url: str = "", kind: str = "staging", name: str = "deployed.yaml"
) -> Deployed:
    """Deploy a sandbox, perhaps behind another address, with deadlines that waste no time."""
    path = project.root / deploy(project, url or sandbox.url, kind)
    text, count = re.subn(r"timing: \{propagation_deadline: 6, .*\}", TIMING, path.read_text("utf-8"))
    assert count == 1
    if kind == "production":
        host = (url or sandbox.url).removeprefix("http://")
        text = text.replace("    kind: production\n", f"    kind: production\n    hosts: [{host}]\n", 1)
    path.unlink()
    (project.root / name).write_text(text, "utf-8")
    os.environ[TOKEN] = sandbox.token
    return Deployed(project, sandbox, name)


def break_everything_but_environments(project: SmallProject) -> None:
    """Make every file unreadable that a kill switch has no need of."""
    for path in project.sources.iterdir():
        if path.is_file() and path.name != "environments.yaml":
            path.write_text(": [broken\n\t", "utf-8")
    (project.root / "pyproject.toml").write_text("[tool.gonogo\nledger = ", "utf-8")
    for path in project.features.glob("*.feature"):
        path.write_text("broken\n", "utf-8")


@dataclass
class Customer:
    """One message of a customer: its ticket, and when it was sent and acknowledged."""

    ticket: str
    sent: float
    status: int


class Traffic:
    """Customers' messages at a steady rate, each in a conversation of its own, in a thread."""

    def __init__(self, deployed: Deployed, rate: float = 15.0) -> None:
        self.customers: list[Customer] = []
        self._deployed = deployed
        self._rate = rate
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._send_all, daemon=True)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _send_all(self) -> None:
        started = time.monotonic()
        with httpx.Client(base_url=self._deployed.url, headers=self._deployed.headers, timeout=10) as client:
            number = 0
            while not self._end.wait(max(0.0, started + number / self._rate - time.monotonic())):
                ticket = f"customer-{id(self)}-{number}"
                body = {
                    "ticket_id": ticket,
                    "event_type": "message.created",
                    "event_id": f"{ticket}-1",
                    "channel": "livechat",
                    "author": "customer",
                    "message": {"text": "Where is my order?", "attachments": []},
                    "customer": {"id": f"cust-{number}", "name": "A", "email": "a@example.com"},
                }
                at = time.time()
                status = client.post("/webhook", json=body).status_code
                self.customers.append(Customer(ticket, at, status))
                number += 1

    def read(self, what: str) -> dict[str, Any]:
        """Return what the system shows of every customer's ticket: decisions, replies, or the ticket itself."""
        with httpx.Client(base_url=self._deployed.url, timeout=10) as client:
            tail = f"/{what}" if what != "ticket" else ""
            return {one.ticket: client.get(f"/tickets/{one.ticket}{tail}").json() for one in self.customers}


def seconds_of(text: str) -> float:
    """Return an ISO time as seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()


@dataclass
class FlagProxy:
    """A way to a sandbox on which writes of flags can be refused, swallowed, or left hanging, each by its flag."""

    target: str
    refused: set[str] = field(default_factory=set)
    swallowed: set[str] = field(default_factory=set)
    hanging: set[str] = field(default_factory=set)
    writes: list[tuple[float, str]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        proxy = self
        self._client = httpx.Client(base_url=self.target, timeout=10)
        self._released = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _handle(self) -> None:
                proxy.requests.append(f"{self.command} {self.path}")
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, content = proxy.answer(self.command, self.path, dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815 - the names that http.server calls

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        flag = path.removeprefix("/flags/") if method == "PUT" and path.startswith("/flags/") else ""
        if flag:
            self.writes.append((time.time(), flag))
        if flag in self.refused:
            return 500, b'{"error": "no"}'
        if flag in self.hanging:
            self._released.wait(5)
            return 504, b"{}"
        if flag in self.swallowed:
            return 200, json.dumps({"name": flag}).encode()
        kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "content-length")}
        answer = self._client.request(method, path, headers=kept, content=body)
        return answer.status_code, answer.content

    def heal(self) -> None:
        """Let every write through again."""
        for broken in (self.refused, self.swallowed, self.hanging):
            broken.clear()
        self.writes.clear()
        self.requests.clear()

    def stop(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._client.close()
