"""Requests over HTTP: bounded, retried only on the way there, and every attempt recorded without its content."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import httpx

from gonogo.errors import TargetError
from gonogo.model.environment import Environment
from gonogo.targets.caps import SendMeter, pace
from gonogo.targets.hosts import check_host, guard_requests, refuse_redirect

RecordExchange = Callable[[Mapping[str, Any]], None]
Named = Callable[[Any], Mapping[str, Any]]
MAX_ANSWER_BYTES = 32 * 1024 * 1024
_NEVER_ARRIVED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, ready to be made; `route` is its path with the placeholders still open, for the record."""

    method: str
    route: str
    path: str
    headers: Mapping[str, str]
    content: bytes | None
    sends: bool = False
    label: str = "answer"
    named: Named | None = None


class Capture(Protocol):
    """What is told of the content of every exchange, and says what may be recorded of it."""

    def describe(
        self, sent: bytes | None, headers: Mapping[str, str], received: bytes, label: str, fields: Named | None
    ) -> Mapping[str, Any]:
        """Return what may be recorded; `fields` finds the observations that have a name in the JSON of an answer."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """The answer to the last attempt: when that attempt began (seconds since the epoch) and how long it took."""

    status: int
    content: bytes
    retry_after: float | None
    at: float
    seconds: float

    @property
    def is_success(self) -> bool:
        """Return whether the status says success."""
        return 200 <= self.status < 300


class _AnswerTooLargeError(httpx.RequestError):
    """The answer is larger than anything that a target has to say."""


class Transport:
    """Makes the calls of one target, each held against the environment's allow-list of hosts.

    The environment's request timeout bounds a whole attempt. Raises `RefusedError` for an address that is not allowed.
    """

    def __init__(
        self, base_url: str, environment: Environment, record: RecordExchange, capture: Capture | None = None
    ) -> None:
        timeout, limits = environment.timing.request_timeout, pace(environment)
        try:
            url = httpx.URL(base_url)
        except httpx.InvalidURL as error:
            raise TargetError(f"the target's address is no URL: {error}", "Correct base_url.") from error
        if url.userinfo or url.query or url.fragment or url.scheme not in ("http", "https") or not url.host:
            raise TargetError(
                "the target's address must be http(s)://host[:port][/path] and hold no user, password or query",
                "Correct base_url; secrets belong in environment variables.",
            )
        check_host(environment, base_url)
        self.base_url = base_url.rstrip("/")
        self._record, self._capture = record, capture
        self._timeout, self._retry_cap = timeout, limits.retry_cap
        connections = limits.in_flight + 2
        self._client = httpx.Client(
            base_url=self.base_url,
            timeout=timeout,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            trust_env=False,
            follow_redirects=False,
            event_hooks={"request": [guard_requests(environment)]},
        )
        self._environment = environment
        self._bucket = _TokenBucket(limits.rate, limits.burst)
        self._meter = SendMeter(environment)
        # A target that stayed away for the whole retry cap is not waited for again at every call.
        self._given_up = False

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def exchange(self, call: Call) -> RawAnswer:
        """Make a call and return its answer. Raises `TargetError` where there is none, or where a cap forbids it.

        A call that never arrived is repeated, and so is a read; a 429 with Retry-After is waited for, and for reads a
        503 too. Whatever else the target answers is data.
        """
        give_up = time.monotonic() + self._retry_cap
        attempt = 0
        while True:
            attempt += 1
            if call.sends:
                self._bucket.take()
                self._meter.count()
            started, at = time.monotonic(), time.time()
            backoff = min(0.1 * 2 ** min(attempt, 5), 2.0)
            try:
                status, headers, content = self._attempt(call, started + self._timeout)
            except (httpx.RequestError, httpx.InvalidURL) as error:
                name = type(error).__name__.lstrip("_")
                self._note(call, started, attempt, error=name)
                again = isinstance(error, httpx.TransportError) and call.method == "GET"
                # A message may have arrived although its answer did not: only what never left is safe to repeat.
                again = again or isinstance(error, _NEVER_ARRIVED)
                if not again or self._given_up or time.monotonic() + backoff > give_up:
                    self._given_up = self._given_up or again
                    raise TargetError(
                        f"{call.method} {call.route} failed: {name} after {attempt} attempt(s)",
                        f"Check that {self.base_url} is up and can be reached from here.",
                    ) from error
                time.sleep(backoff)
                continue
            self._given_up = False
            content_record = self._describe(call, headers, content)
            self._note(call, started, attempt, status=status, received=len(content), **content_record)
            answer = RawAnswer(status, content, _retry_after(headers), at, time.monotonic() - started)
            waits = status == 429 or (status == 503 and call.method == "GET")
            if not waits or answer.retry_after is None:
                return answer
            # Retry-After: 0 must not become a hot loop.
            wait = max(answer.retry_after, backoff)
            if time.monotonic() + wait > give_up:
                return answer
            time.sleep(wait)

    def _attempt(self, call: Call, deadline: float) -> tuple[int, httpx.Headers, bytes]:
        # As bytes: httpx takes text for ASCII, and a header may hold a name that is not.
        headers = [(name.encode(), value.encode()) for name, value in call.headers.items()]
        with self._client.stream(call.method, call.path, headers=headers, content=call.content) as response:
            refuse_redirect(self._environment, response)
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise _AnswerTooLargeError("too large", request=response.request)
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout("the answer takes too long", request=response.request)
            return response.status_code, response.headers, bytes(body)

    def _describe(self, call: Call, headers: httpx.Headers, content: bytes) -> Mapping[str, Any]:
        if self._capture is None:
            return {}
        return self._capture.describe(call.content, dict(headers), content, call.label, call.named)

    def _note(
        self,
        call: Call,
        started: float,
        attempt: int,
        status: int | None = None,
        error: str | None = None,
        received: int = 0,
        **content_record: Any,
    ) -> None:
        self._record(
            {
                "at": round(time.time(), 3),
                "method": call.method,
                "route": call.route,
                "status": status,
                "error": error,
                "attempt": attempt,
                "ms": round((time.monotonic() - started) * 1000, 1),
                "sent_bytes": len(call.content or b""),
                "received_bytes": received,
                **content_record,
            }
        )


class _TokenBucket:
    """Bounds the rate of sends across threads: `rate` a second, `burst` at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, float(burst)
        self._tokens, self._at = float(burst), time.monotonic()
        self._lock = threading.Lock()

    def take(self) -> None:
        """Wait until one more send is within bounds."""
        while True:
            with self._lock:
                now = time.monotonic()
                self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
                self._at = now
                if self._tokens >= 1:
                    self._tokens -= 1
                    return
                wait = (1 - self._tokens) / self._rate
            time.sleep(wait)


def _retry_after(headers: httpx.Headers) -> float | None:
    """Return the seconds that Retry-After asks for, given as a number or as a date (RFC 9110, 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if value.replace(".", "", 1).isdecimal() and value.isascii():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
