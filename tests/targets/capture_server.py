"""An HTTP server on a free port that keeps every request as it came over the wire."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Captured:
    """One request; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """An answer; `reset_after` cuts the connection after so many bytes of the body, `drip` waits before each byte."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    reset_after: int | None = None
    drip: float = 0.0
    delay: float = 0.0

    @classmethod
    def of(cls, data: Any, status: int = 200, **headers: str) -> Reply:
        return cls(status, json.dumps(data).encode(), {"Content-Type": "application/json", **headers})


Handler = Callable[[Captured], Reply]


class CaptureServer:
    """Serves `handler` until it is closed; `requests` holds what came, in order of arrival."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.requests: list[Captured] = []
        outer = self

        class Serve(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Captured(self.command, self.path, headers, body, time.monotonic())
                outer.requests.append(request)
                reply = outer.handler(request)
                with suppress(OSError):
                    self._answer(reply)

            def _answer(self, reply: Reply) -> None:
                time.sleep(reply.delay)
                if reply.reset_after == 0:
                    return self._reset()
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if reply.reset_after is not None:
                    self.wfile.write(reply.body[: reply.reset_after])
                    return self._reset()
                if not reply.drip:
                    self.wfile.write(reply.body)
                    return None
                for index in range(len(reply.body)):
                    time.sleep(reply.drip)
                    self.wfile.write(reply.body[index : index + 1])
                return None

            def _reset(self) -> None:
                self.wfile.flush()
                self.close_connection = True
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

            def log_message(self, *_: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_: object) -> None:
                return

        self._server = Server(("127.0.0.1", 0), Serve)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def __enter__(self) -> CaptureServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
