"""A target in a thread of the tests: it answers as it is told and keeps what it was sent."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

Answer = Callable[[int], "bytes | None"]
OK = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok"


def always(_: int) -> bytes:
    """Acknowledge everything."""
    return OK


class LoadTarget:
    """Serves on a free port; `answer` gets the number of the request and returns bytes, or None to hang up.

    The server stands still once, `freeze` seconds long, with the first request that comes `freeze_at` seconds after
    the first of all.
    """

    def __init__(
        self,
        answer: Answer = always,
        *,
        freeze_at: float | None = None,
        freeze: float = 0.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.answer = answer
        self.freeze_at, self.freeze, self.tls = freeze_at, freeze, tls
        self.requests: list[bytes] = []
        self.connections = 0
        self.open = 0
        self.frozen: tuple[float, float] | None = None
        self._first = 0.0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, ssl=self.tls, backlog=2000)
        )
        self.port = int(server.sockets[0].getsockname()[1])
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def take(self, request: bytes) -> bytes | None:
        """Keep a request and return what to answer."""
        now = time.time()
        self._first = self._first or now
        self.requests.append(request)
        if self.freeze_at is not None and self.frozen is None and now - self._first >= self.freeze_at:
            time.sleep(self.freeze)
            self.frozen = (now, time.time())
        return self.answer(len(self.requests) - 1)


class _Connection(asyncio.Protocol):
    def __init__(self, target: LoadTarget) -> None:
        self._target = target
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._target.connections += 1
        self._target.open += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._target.open -= 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in head else 0
            if len(self._buffer) < end + 4 + length:
                return
            request, self._buffer = self._buffer[: end + 4 + length], self._buffer[end + 4 + length :]
            answer = self._target.take(request)
            if answer is None:
                self._transport.abort()
                return
            self._transport.write(answer)
