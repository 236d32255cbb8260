"""Connections of a generator: requests go out at once, answers come back through callbacks of the event loop.

No greenlet is made for a request: writing it is one system call in the dispatcher, reading its answer one in the
loop's callback. Greenlets open connections, and carry TLS.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import gevent
import gevent.socket
import gevent.ssl

from gonogo.loadtest.generator.answer import AnswerError, AnswerReader
from gonogo.loadtest.generator.recording import CLOSED, CONNECT, MALFORMED, TIMEOUT

_READ, _WRITE = 1, 2
# Servers close what is idle for a few seconds; a request must not meet the closing on its way.
_IDLE = 2.0


class Exchange:
    """One request on its way; times are of the monotonic clock, in seconds."""

    __slots__ = ("arrival", "connection", "content", "done", "due", "sent")

    def __init__(self, arrival: int, due: float, content: bytes) -> None:
        self.arrival = arrival
        self.due = due
        self.content = content
        self.sent = 0.0
        self.done = False
        self.connection: Connection | None = None


Finished = Callable[[Exchange, int, int], None]


class Connection:
    """A plain connection: its socket is watched for as long as it is open."""

    __slots__ = ("_exchange", "_pool", "_reader", "_rest", "_socket", "_watcher", "_writer", "idle_since", "is_open")

    def __init__(self, pool: Pool, socket: Any) -> None:
        self._pool = pool
        # The plain socket below gevent's: nothing here waits for it.
        self._socket = socket._sock if hasattr(socket, "_sock") else socket
        self._reader = AnswerReader()
        self._exchange: Exchange | None = None
        self._rest = b""
        self._writer: Any = None
        self.is_open = True
        self.idle_since = 0.0
        self._watcher = gevent.get_hub().loop.io(self._socket.fileno(), _READ)
        self._watcher.start(self._receive)

    def start(self, exchange: Exchange) -> None:
        """Send a request; what of it the socket does not take at once follows when it can."""
        self._exchange = exchange
        exchange.connection = self
        try:
            sent = self._socket.send(exchange.content)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._fail(CLOSED)
            return
        if sent < len(exchange.content):
            self._rest = exchange.content[sent:]
            self._writer = gevent.get_hub().loop.io(self._socket.fileno(), _WRITE)
            self._writer.start(self._send_rest)

    def _send_rest(self) -> None:
        try:
            sent = self._socket.send(self._rest)
        except BlockingIOError:
            return
        except OSError:
            self._fail(CLOSED)
            return
        self._rest = self._rest[sent:]
        if not self._rest:
            self._stop_writer()

    def _receive(self) -> None:
        try:
            data = self._socket.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        exchange = self._exchange
        if not data:
            if exchange is not None and self._reader.close():
                self._exchange = None
                self.close()
                self._pool.finish(exchange, self._reader.status)
                return
            self._fail(CLOSED)
            return
        try:
            whole = exchange is not None and self._reader.feed(data)
        except AnswerError:
            self._fail(MALFORMED)
            return
        if exchange is None:
            # Nobody asked: the connection says something that belongs to no request.
            self.close()
        elif whole:
            self._exchange = None
            exchange.connection = None
            if self._reader.keeps and not self._rest:
                self._pool.give_back(self)
            else:
                self.close()
            self._pool.finish(exchange, self._reader.status)

    def _fail(self, error: int) -> None:
        exchange, self._exchange = self._exchange, None
        self.close()
        if exchange is not None:
            self._pool.fail(exchange, error)

    def _stop_writer(self) -> None:
        if self._writer is not None:
            self._writer.stop()
            self._writer.close()
            self._writer = None

    def close(self) -> None:
        """Close the connection; a request on it is not told of."""
        if not self.is_open:
            return
        self.is_open = False
        self._exchange = None
        self._stop_writer()
        self._watcher.stop()
        self._watcher.close()
        self._socket.close()
        self._pool.forget(self)


class TlsConnection(Connection):
    """A connection with TLS: a greenlet a request, since a record may need several turns in either direction."""

    __slots__ = ("_tls",)

    def __init__(self, pool: Pool, socket: Any) -> None:
        self._pool = pool
        self._tls = socket
        self._reader = AnswerReader()
        self._exchange = None
        self.is_open = True
        self.idle_since = 0.0

    def start(self, exchange: Exchange) -> None:
        """Send a request and await its answer in a greenlet."""
        self._exchange = exchange
        exchange.connection = self
        gevent.spawn_raw(self._run, exchange)

    def _run(self, exchange: Exchange) -> None:
        error = CLOSED
        try:
            self._tls.sendall(exchange.content)
            while True:
                data = self._tls.recv(65_536)
                whole = self._reader.feed(data) if data else self._reader.close()
                if whole or not data:
                    break
        except AnswerError:
            whole, error = False, MALFORMED
        except (OSError, ValueError):
            whole = False
        if exchange.done:
            return
        self._exchange = None
        exchange.connection = None
        if whole and self._reader.keeps:
            self._pool.give_back(self)
        else:
            self.close()
        if whole:
            self._pool.finish(exchange, self._reader.status)
        else:
            self._pool.fail(exchange, error)

    def close(self) -> None:
        """Close the connection."""
        if self.is_open:
            self.is_open = False
            self._exchange = None
            self._tls.close()
            self._pool.forget(self)


class Pool:
    """All connections of a generator, at most `most` of them; a request beyond those waits for one to be free."""

    def __init__(self, host: str, port: int, *, tls: bool, timeout: float, most: int, finished: Finished) -> None:
        self._address = (host, port)
        self._timeout, self._most = timeout, most
        self._finished = finished
        self._context = gevent.ssl.create_default_context() if tls else None
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._opening = 0
        self._waiting: deque[Exchange] = deque()
        self._on_the_way: deque[Exchange] = deque()
        self._resolved: Any = None
        self.unfinished = 0
        self.most_open = 0

    def resolve(self) -> None:
        """Look the host up once; raises `OSError`."""
        host, port = self._address
        self._resolved = gevent.socket.getaddrinfo(host, port, type=gevent.socket.SOCK_STREAM)[0]

    def submit(self, exchange: Exchange) -> None:
        """Send a request on a connection that is free, or on a new one."""
        self.unfinished += 1
        self._on_the_way.append(exchange)
        self._place(exchange)

    def _place(self, exchange: Exchange) -> None:
        now = time.monotonic()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and now - connection.idle_since < _IDLE:
                exchange.sent = now
                connection.start(exchange)
                return
            connection.close()
        if len(self._open) + self._opening >= self._most:
            self._waiting.append(exchange)
            return
        exchange.sent = now
        self._opening += 1
        gevent.spawn_raw(self._connect, exchange)

    def _connect(self, exchange: Exchange) -> None:
        try:
            connection = self._dial()
        except OSError:
            self._opening -= 1
            self.fail(exchange, CONNECT)
            return
        self._opening -= 1
        self._open.add(connection)
        self.most_open = max(self.most_open, len(self._open))
        if exchange.done:
            self.give_back(connection)
        else:
            connection.start(exchange)

    def _dial(self) -> Connection:
        family, kind, protocol, _, address = self._resolved
        socket = gevent.socket.socket(family, kind, protocol)
        try:
            socket.settimeout(self._timeout)
            socket.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
            socket.connect(address)
            if self._context is not None:
                return TlsConnection(self, self._context.wrap_socket(socket, server_hostname=self._address[0]))
            socket.setblocking(False)
        except BaseException:
            socket.close()
            raise
        raw = gevent.socket._socket.socket(fileno=socket.detach())
        raw.setblocking(False)
        return Connection(self, raw)

    def give_back(self, connection: Connection) -> None:
        """Take a connection back; the longest waiting request gets it."""
        connection.idle_since = time.monotonic()
        while self._waiting:
            exchange = self._waiting.popleft()
            if not exchange.done:
                exchange.sent = connection.idle_since
                connection.start(exchange)
                return
        self._idle.append(connection)

    def forget(self, connection: Connection) -> None:
        """Count a closed connection no longer."""
        self._open.discard(connection)
        if self._waiting:
            exchange = self._waiting.popleft()
            if not exchange.done:
                self._place(exchange)

    def finish(self, exchange: Exchange, status: int) -> None:
        """Tell that an answer is whole."""
        if not exchange.done:
            exchange.done = True
            # It may wait here behind a slower one for as long as the timeout.
            exchange.content = b""
            self.unfinished -= 1
            self._finished(exchange, status, 0)

    def fail(self, exchange: Exchange, error: int) -> None:
        """Tell that there will be no answer."""
        if not exchange.done:
            exchange.done = True
            # It may wait here behind a slower one for as long as the timeout.
            exchange.content = b""
            self.unfinished -= 1
            self._finished(exchange, 0, error)

    def expire(self, now: float) -> None:
        """Give up what was due longer ago than the timeout; times are of the monotonic clock."""
        queue = self._on_the_way
        while queue and (queue[0].done or queue[0].due + self._timeout < now):
            exchange = queue.popleft()
            if not exchange.done:
                connection = exchange.connection
                self.fail(exchange, TIMEOUT)
                if connection is not None:
                    connection.close()

    def close(self) -> None:
        """Close every connection."""
        self._waiting.clear()
        for connection in list(self._open):
            connection.close()
        self._idle.clear()
