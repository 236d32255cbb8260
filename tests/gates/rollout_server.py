"""A rollout with two versions behind a router, as a server that knows nothing of what asks it."""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, dict[str, str], bytes]
Router = Callable[["Asked"], Reply]


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    number: int
    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: Any

    @property
    def request_id(self) -> str:
        return self.headers["x-request-id"]

    @property
    def user_id(self) -> str:
        user: str = self.body["customer"]["id"]
        return user


@dataclass
class Rollout:
    """The address of a running rollout, and what it was asked."""

    url: str
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def serve(router: Router) -> Iterator[Rollout]:
    """Run a rollout on a free port."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def log_message(self, *_: Any) -> None:
            pass

        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = json.loads(content) if content else None
            with lock:
                one = Asked(len(rollout.asked), time.monotonic(), self.command, self.path, headers, body)
                rollout.asked.append(one)
            status, extra, answer = router(one)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(answer)), **extra}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = _answer  # noqa: N815 - the names that the base class looks for

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    rollout = Rollout(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield rollout
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(version: object) -> Reply:
    """Return what a version answers; the cookie would hold whoever sends it back."""
    body = json.dumps({"intent": "refund", "meta": {"version": version}}).encode()
    return 200, {"Set-Cookie": f"held={version}; Path=/"}, body


def _hashed(text: str) -> Reply:
    return answer("v2" if hashlib.sha256(text.encode()).digest()[0] < 128 else "v1")


def by_request(asked: Asked) -> Reply:
    return _hashed(asked.request_id)


def by_user(asked: Asked) -> Reply:
    return _hashed(asked.user_id)


def by_chance(seed: int = 3) -> Router:
    rng = random.Random(seed)
    return lambda _: answer("v2" if rng.random() < 0.5 else "v1")


def always(version: object) -> Router:
    return lambda _: answer(version)


def sometimes(reply: Reply, else_: Router = by_request, every: int = 7) -> Router:
    """Return a router of which every n-th answer is another one."""
    return lambda asked: reply if asked.number % every == every - 1 else else_(asked)
