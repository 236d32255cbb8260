"""The webhook: authentication, rate, size and shape are checked before a delivery is put into the queue."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import time
import uuid
from dataclasses import dataclass, replace

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from gonogo.sandbox.richpanel.events import Recorder, Trace
from gonogo.sandbox.richpanel.faults import FaultSet
from gonogo.sandbox.richpanel.jobs import Job, JobQueue
from gonogo.sandbox.richpanel.metrics import Metrics

LOGGER = "richpanel.ingress"
MAX_BODY_BYTES = 32 * 1024
RATE_PER_SECOND = 20.0
BURST = 50.0
SLOW_ACK_SECONDS = 1.2
SOMETIMES_SLOW_SECONDS = 0.6
LOST_EVERY = 5
AUTHORS = ("customer", "automation", "human")
TOKEN_HEADER = "X-Middleware-Token"
_DELIVERY_ID = re.compile(r"[A-Za-z0-9._:-]{1,80}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class RefusedError(Exception):
    """A delivery is refused; `reason` labels the metric and the event."""

    def __init__(self, status: int, reason: str, detail: str | None = None, headers: dict[str, str] | None = None):
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.headers = headers

    def response(self) -> JSONResponse:
        """Return the answer, which says nothing beyond the reason and the field."""
        body = {"error": self.reason}
        if self.detail is not None:
            body["detail"] = self.detail
        return JSONResponse(body, self.status, self.headers)


class TokenBucket:
    """Admits `rate` requests a second with bursts of `burst`."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._updated = time.monotonic()

    def admit(self) -> bool:
        """Take one token, or return False when there is none."""
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._updated) * self._rate)
        self._updated = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


@dataclass
class Authenticator:
    """Checks the token header in constant time."""

    token: str
    faults: FaultSet

    def require(self, request: Request) -> None:
        """Raise `RefusedError` unless the request carries the token."""
        given = request.headers.get(TOKEN_HEADER)
        # Missing and wrong take the same path, so that neither answer nor time tells which it was.
        if hmac.compare_digest((given or "").encode("utf-8"), self.token.encode("utf-8")):
            return
        if given is None and self.faults.active("unauthenticated_accepted"):
            return
        if given is not None and self.faults.active("wrong_token_accepted"):
            return
        if given is not None and self.faults.active("auth_reveals"):
            raise RefusedError(403, "wrong_token")
        raise RefusedError(401, "unauthorized")


@dataclass
class Ingress:
    """Answers `POST /webhook`."""

    authenticator: Authenticator
    queue: JobQueue
    recorder: Recorder
    metrics: Metrics
    faults: FaultSet
    rate: float = RATE_PER_SECOND
    burst: float = BURST

    def __post_init__(self) -> None:
        self._bucket = TokenBucket(self.rate, self.burst)
        self._known: set[str] = set()
        self._new_events = 0

    async def receive(self, request: Request) -> Response:
        """Check and enqueue one delivery; the answer is 202 only once the job is in the queue."""
        started = time.monotonic()
        trace = Trace(f"req-{uuid.uuid4().hex}", _trace_id(request))
        try:
            job = await self._admit(request, trace)
        except RefusedError as rejection:
            self.metrics.rejected.labels(reason=rejection.reason).inc()
            self.recorder.event("ingress.request.rejected", trace, reason=rejection.reason, status=rejection.status)
            self.recorder.log("WARNING", LOGGER, "delivery refused", trace)
            response: Response = rejection.response()
        else:
            if self.faults.active("slow_ack"):
                await asyncio.sleep(SLOW_ACK_SECONDS)
            if self.faults.strikes("load_slow_ack"):
                await asyncio.sleep(SOMETIMES_SLOW_SECONDS)
            self._enqueue(job, request)
            response = JSONResponse(
                {"status": "accepted", "request_id": trace.request_id, "trace_id": trace.trace_id}, 202
            )
        self.metrics.ack_seconds.observe(time.monotonic() - started)
        return response

    async def _admit(self, request: Request, trace: Trace) -> Job:
        self.authenticator.require(request)
        if not self._bucket.admit():
            raise RefusedError(429, "rate_limited", headers={"Retry-After": "1"})
        if self.faults.strikes("load_server_error"):
            raise RefusedError(503, "unavailable")
        raw = await self._read(request)
        return self._parse(raw, trace)

    async def _read(self, request: Request) -> bytes:
        unlimited = self.faults.active("oversized_accepted")
        chunks: list[bytes] = []
        size = 0
        try:
            async for chunk in request.stream():
                size += len(chunk)
                # The declared length may lie, so the bytes themselves are counted.
                if size > MAX_BODY_BYTES and not unlimited:
                    raise RefusedError(413, "too_large")
                chunks.append(chunk)
        except ClientDisconnect as disconnect:
            raise RefusedError(400, "client_disconnected") from disconnect
        return b"".join(chunks)

    def _parse(self, raw: bytes, trace: Trace) -> Job:
        try:
            body = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
            # Half a surrogate pair is valid JSON and no text: it could neither be hashed nor served.
            json.dumps(body, ensure_ascii=False).encode("utf-8")
        except (ValueError, RecursionError) as error:
            if not self.faults.active("unparsable_accepted"):
                raise RefusedError(400, "invalid_json") from error
            text = raw.decode("utf-8", "replace")
            body = {
                "ticket_id": f"unparsable-{_digest(text)[:12]}",
                "event_type": "message.created",
                "message": {"text": text},
            }
        if not isinstance(body, dict):
            raise RefusedError(400, "not_an_object")
        if self.faults.active("missing_fields_accepted"):
            body.setdefault("ticket_id", f"missing-{_digest(json.dumps(body))[:12]}")
            body.setdefault("event_type", "message.created")
        return _build_job(body, trace)

    def _enqueue(self, job: Job, request: Request) -> None:
        delivery_id = request.headers.get("X-Delivery-Id", "")
        # An identifier of the caller's making is kept only if it can be nothing but an identifier.
        shown = delivery_id if _DELIVERY_ID.fullmatch(delivery_id) else None
        self.recorder.event("ingress.request.received", job.trace, event_id=job.event_id, delivery_id=shown)
        new = job.event_id not in self._known
        self._known.add(job.event_id)
        self._new_events += new
        lost = new and self._new_events % LOST_EVERY == 0 and self.faults.active("ack_before_enqueue")
        lost = lost or (new and self.faults.strikes("load_lost"))
        if not lost:
            self.queue.put(replace(job, text=self._alter(job.text)))
            self.recorder.event("ingress.enqueue.success", job.trace, event_id=job.event_id, author=job.author)
        self.recorder.log("INFO", LOGGER, "delivery accepted", job.trace)
        self.metrics.accepted.inc()

    def _alter(self, text: str) -> str:
        """Return the text as the worker gets it, which is unchanged unless a fault is on."""
        if not self.faults.active("message_altered"):
            return text
        basic = "".join(char if ord(char) <= 0xFFFF else "?" for char in text)
        return " ".join(basic.split()) + "\u200b"


def _build_job(body: dict[str, object], trace: Trace) -> Job:
    ticket_id = _require_string(body, "ticket_id")
    event_type = _require_string(body, "event_type")
    message = _optional_object(body, "message")
    customer = _optional_object(body, "customer")
    text = _optional_string(message, "text", "message.text") or ""
    author = _optional_string(body, "author", "author") or "customer"
    if author not in AUTHORS:
        raise RefusedError(400, "invalid_field", "author")
    attachments = message.get("attachments")
    if attachments is not None and not isinstance(attachments, list):
        raise RefusedError(400, "invalid_field", "message.attachments")
    event_id = _optional_string(body, "event_id", "event_id")
    return Job(
        ticket_id=ticket_id,
        event_id=event_id or f"evt-{_digest(ticket_id + chr(0) + text)[:32]}",
        event_type=event_type,
        channel=_optional_string(body, "channel", "channel") or "other",
        author=author,
        text=text,
        has_attachments=bool(attachments),
        customer_id=_optional_string(customer, "id", "customer.id"),
        customer_email=_optional_string(customer, "email", "customer.email"),
        trace=Trace(trace.request_id, trace.trace_id, ticket_id),
    )


def _require_string(body: dict[str, object], name: str) -> str:
    value = body.get(name)
    if isinstance(value, str) and value:
        return value
    raise RefusedError(400, "missing_field", name)


def _optional_string(body: dict[str, object], name: str, path: str) -> str | None:
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    raise RefusedError(400, "invalid_field", path)


def _optional_object(body: dict[str, object], name: str) -> dict[str, object]:
    value = body.get(name)
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise RefusedError(400, "invalid_field", name)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _trace_id(request: Request) -> str:
    match = _TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
    return match.group(1) if match else uuid.uuid4().hex
