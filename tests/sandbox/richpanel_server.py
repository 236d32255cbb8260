"""A middleware process under test, and the calls that the tests make on it."""

from __future__ import annotations

import json
import os
import re
import select
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

import gonogo.sandbox

T = TypeVar("T")
SOURCE = Path(next(iter(gonogo.sandbox.__path__))).parents[1]
COMMAND = (sys.executable, "-m", "gonogo.sandbox.richpanel")
START_SECONDS = 30.0
DEADLINE_SECONDS = 10.0
TOKEN = "token-of-the-tests-4711"
TIER1_STAGE2 = ("t_order_status_ask_order_number", "t_delivered_not_received_intake", "t_missing_items_intake")


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a child process that finds the package."""
    return {**os.environ, "PYTHONPATH": str(SOURCE), "GONOGO_SANDBOX_TOKEN": TOKEN, **more}


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], env=environment(), capture_output=True, text=True, timeout=START_SECONDS, check=False
    )


def read_ready(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return the line that a process prints when it serves."""
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if readable else ""
    assert line, f"no ready line, exit code {process.poll()}"
    ready: dict[str, Any] = json.loads(line)
    return ready


def poll(probe: Callable[[], T], *, seconds: float = DEADLINE_SECONDS) -> T:
    """Return the first truthy answer of a probe, or the last answer when the time is up."""
    deadline = time.monotonic() + seconds
    while not (answer := probe()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return answer


class Server:
    """A running middleware; leaving the context ends the process."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "--exit-with-parent", *arguments], env=environment(), stdout=subprocess.PIPE, text=True
        )
        try:
            self.ready = read_ready(self.process)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self.client = httpx.Client(
            base_url=self.ready["url"], headers={"X-Middleware-Token": TOKEN}, timeout=DEADLINE_SECONDS
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.process.terminate()
        try:
            self.process.wait(DEADLINE_SECONDS)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()

    def get(self, path: str, **query: str) -> Any:
        """Return the JSON of a read endpoint."""
        response = self.client.get(path, params=query)
        assert response.status_code == 200, f"{path}: {response.status_code}"
        return response.json()

    def post(self, **request: Any) -> httpx.Response:
        """Post to the webhook, again while the rate limit refuses."""
        while (response := self.client.post("/webhook", **request)).status_code == 429:
            time.sleep(0.05)
        return response

    def burst(self, count: int) -> list[int]:
        """Deliver many events at once and return the statuses in order."""
        # All requests are on the wire before the first answer is read: a client on a busy machine could not be fast
        # enough. Events that a person wrote are accepted without a decision, so they cost next to nothing.
        body = json.dumps({"ticket_id": "t-burst", "event_type": "message.created", "author": "human"})
        head = f"POST /webhook HTTP/1.1\r\nHost: x\r\nX-Middleware-Token: {TOKEN}\r\nContent-Length: {len(body)}\r\n"
        host, port = self.ready["url"].removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=DEADLINE_SECONDS) as connection:
            connection.sendall(f"{head}\r\n{body}".encode() * (count - 1))
            connection.sendall(f"{head}Connection: close\r\n\r\n{body}".encode())
            answers = b"".join(iter(lambda: connection.recv(65536), b""))
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", answers)]

    def send(self, text: str, **fields: Any) -> str:
        """Deliver a message on a new ticket, unless one is given, and return the ticket's id."""
        body = {
            "ticket_id": f"t-{uuid.uuid4().hex}",
            "event_type": "message.created",
            "event_id": f"e-{uuid.uuid4().hex}",
            "channel": "email",
            "message": {"text": text, "attachments": fields.pop("attachments", [])},
            "customer": {"id": fields.pop("customer", "cust-nobody"), "email": "ada@mail.example"},
            **fields,
        }
        response = self.post(json=body)
        assert response.status_code == 202, response.text
        return str(body["ticket_id"])

    def decisions(self, ticket: str, count: int = 1, *, seconds: float = DEADLINE_SECONDS) -> list[dict[str, Any]]:
        """Return the complete decisions of a ticket, once there are as many as expected or the time is up."""

        def probe() -> list[dict[str, Any]]:
            found = [decision for decision in self.get(f"/tickets/{ticket}/decisions") if decision["complete"]]
            return found if len(found) >= count else []

        return poll(probe, seconds=seconds)

    def decide(self, text: str, **fields: Any) -> dict[str, Any]:
        """Deliver a message and return its complete decision."""
        decisions = self.decisions(self.send(text, **fields))
        assert decisions, f"no complete decision for {text!r}"
        return decisions[0]

    def replies(self, ticket: str) -> list[dict[str, Any]]:
        """Return the replies of a ticket."""
        replies: list[dict[str, Any]] = self.get(f"/tickets/{ticket}/replies")
        return replies

    def events(self, ticket: str) -> list[str]:
        """Return the names of a ticket's events."""
        return [event["event"] for event in self.get("/events", ticket_id=ticket)]

    def settle(self) -> None:
        """Wait until nothing is queued or in work."""
        idle = poll(lambda: (queue := self.get("/queue"))["depth"] == 0 and queue["in_flight"] == 0)
        assert idle, "the queue did not drain"

    def put_flag(self, name: str, value: object) -> None:
        """Write one flag."""
        response = self.client.put(f"/flags/{name}", json={"value": value})
        assert response.status_code == 200, response.text

    def set_flags(self, *, all_on: bool = False, stage2: bool = False, **flags: object) -> None:
        """Write the flags of a stage, then single ones; a `__` in a name stands for the point."""
        on = all_on or stage2
        wanted: dict[str, object] = {
            "safe_mode": not on,
            "automation_enabled": on,
            "automation_enabled_channels": ["livechat", "email"],
            "tier2_channels": None,
            "tier2_tags": None,
        }
        current: dict[str, object] = self.get("/flags")["flags"]
        for name in current:
            if name.startswith("template_enabled."):
                wanted[name] = all_on or (stage2 and name.removeprefix("template_enabled.") in TIER1_STAGE2)
        wanted.update({name.replace("__", "."): value for name, value in flags.items()})
        for name, value in wanted.items():
            if name not in current or current[name] != value:
                self.put_flag(name, value)
