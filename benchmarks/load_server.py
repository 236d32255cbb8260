"""Small HTTP servers that a load can be held against: what they do to every request is known.

    python benchmarks/load_server.py --mode instant|freeze|latency [--port 0] [--freeze-at 5] [--freeze 3]

The first line on stdout is JSON with the port. With `freeze` the whole process stands still once, so many seconds after
the first request; with `latency` each answer waits for a time drawn from a lognormal distribution with a long tail.
What really happened is appended to `--log`: the moments of the freeze, or every wait in microseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import time
from pathlib import Path
from typing import Any

ANSWER = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{"request_id":1}\n'


class Server:
    """What all connections share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.frozen = options.mode != "freeze"
        self.first: float | None = None
        self.rng = random.Random(options.seed)
        self.log = Path(options.log).open("a") if options.log else None  # noqa: SIM115

    def note(self, record: Any) -> None:
        """Write down what really happened."""
        if self.log is not None:
            self.log.write(json.dumps(record) + "\n")
            self.log.flush()

    def draw(self) -> float:
        """Return a wait in seconds: median 20 ms, one in a hundred above 200 ms."""
        return 0.02 * math.exp(self.rng.gauss(0.0, 1.0))

    def freeze_when_due(self) -> None:
        """Stand still once."""
        now = time.monotonic()
        self.first = self.first or now
        if not self.frozen and now - self.first >= self.options.freeze_at:
            self.frozen = True
            began = time.time()
            time.sleep(self.options.freeze)
            self.note({"began": began, "ended": time.time()})


class Connection(asyncio.Protocol):
    """Reads requests off a connection and answers them in order."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            self._answer()

    def _answer(self) -> None:
        server = self._server
        if server.options.mode == "latency":
            asyncio.get_running_loop().call_later(server.draw(), self._answer_late, time.perf_counter())
            return
        if not server.frozen:
            server.freeze_when_due()
        self._transport.write(ANSWER)

    def _answer_late(self, received: float) -> None:
        if self._server.log is not None:
            self._server.log.write(f"{int((time.perf_counter() - received) * 1e6)}\n")
        self._transport.write(ANSWER)


async def serve(options: argparse.Namespace) -> None:
    """Serve until the process is ended."""
    server = Server(options)
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: Connection(server), "127.0.0.1", options.port, backlog=16_384)
    print(json.dumps({"port": listener.sockets[0].getsockname()[1]}), flush=True)
    while True:
        await asyncio.sleep(0.5)
        if server.log is not None:
            server.log.flush()


def main() -> None:
    """Parse and serve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mode", choices=("instant", "freeze", "latency"), default="instant")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--freeze-at", type=float, default=5.0)
    parser.add_argument("--freeze", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", default="")
    import uvloop

    uvloop.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
