"""Serving on an own socket: a ready callback, a clean stop on signals, and a stop when the parent is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

PARENT_POLL_SECONDS = 0.2


class _Server(uvicorn.Server):
    """A server that reports when it accepts requests and leaves the signals to `serve`."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The inherited one raises the signal again after the shutdown, which would turn a clean stop into a failure.
        yield


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address; port 0 takes a free one. Raises `OSError` when that is impossible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named; with it every answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def serve(app: Starlette, listener: socket.socket, on_ready: Callable[[], None], *, parent: int | None = None) -> bool:
    """Serve until SIGTERM, SIGINT or the death of the process `parent`; return whether the start succeeded."""
    config = uvicorn.Config(
        app, access_log=False, log_level="error", lifespan="on", timeout_graceful_shutdown=1, ws="none"
    )
    server = _Server(config, on_ready)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _stop, server)
        watch = None if parent is None else asyncio.create_task(_watch_parent(server, parent))
        try:
            await server.serve([listener])
        finally:
            if watch is not None:
                watch.cancel()

    asyncio.run(run())
    return server.started


def _stop(server: uvicorn.Server) -> None:
    server.should_exit = True


async def _watch_parent(server: uvicorn.Server, parent: int) -> None:
    while os.getppid() == parent:
        await asyncio.sleep(PARENT_POLL_SECONDS)
    _stop(server)
