"""A target that speaks HTTP, driven wholly by `environments.yaml`."""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from gonogo.errors import TargetError
from gonogo.model.environment import Environment
from gonogo.model.flags import ABSENT, TEMPLATE_PREFIX, FlagValue
from gonogo.model.http_interface import PLACEHOLDER, DecisionsRequest, FlagsRequest, HttpInterface, Request
from gonogo.targets.extract import extract, extract_items, fill
from gonogo.targets.interface import (
    Answer,
    Capability,
    Decision,
    Delivery,
    Event,
    Identity,
    Malformed,
    Message,
    NotAvailable,
    Observed,
    SentReply,
    Target,
    Ticket,
)

RecordExchange = Callable[[Mapping[str, Any]], None]
_RETRIED_STATUS = frozenset({429, 503})
_WRONG_TOKEN = "gonogo-wrong-token"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Where a target finds the values of its environment variables; tests and embedded sandboxes bring their own."""

    values: Mapping[str, str]

    @classmethod
    def from_environ(cls, extra: Mapping[str, str] | None = None) -> Secrets:
        """Return the process's environment with `extra` on top."""
        return cls({**os.environ, **(extra or {})})


class HttpTarget(Target):
    """A middleware behind HTTP. Only the way there is retried: connecting, 429 with Retry-After, idempotent reads."""

    def __init__(
        self,
        interface: HttpInterface,
        environment: Environment,
        base_url: str,
        secrets: Secrets,
        record: RecordExchange,
    ) -> None:
        self._interface = interface
        self._environment = environment
        self._base_url = base_url.rstrip("/")
        self._record = record
        self._token = self._read_token(secrets)
        limits = environment.limits
        self._client = httpx.Client(
            base_url=self._base_url,
            timeout=environment.timing.request_timeout,
            limits=httpx.Limits(max_connections=limits.in_flight + 2, max_keepalive_connections=limits.in_flight + 2),
            trust_env=False,
            follow_redirects=False,
        )
        self._bucket = _TokenBucket(limits.rate, limits.burst)

    def _read_token(self, secrets: Secrets) -> str | None:
        token = self._interface.token
        if token is None:
            return None
        value = secrets.values.get(token.env)
        if not value:
            raise TargetError(f"environment variable {token.env} is not set", f"Set {token.env} to the webhook's token.")
        return value

    def capabilities(self) -> frozenset[Capability]:
        """Return which questions `environments.yaml` says how to ask."""
        named = {capability for capability in Capability if getattr(self._interface, capability.value, None) is not None}
        return frozenset(named | {Capability.SEND})

    def describe(self) -> dict[str, Any]:
        """Return address, capabilities and declared aliases."""
        decisions = self._interface.decisions
        return {
            "base_url": self._base_url,
            "capabilities": sorted(self.capabilities()),
            "aliases": {key: dict(value) for key, value in (decisions.aliases if decisions else {}).items()},
        }

    def check_health(self) -> Observed[bool] | NotAvailable:
        """Return whether the field `ok` of the health answer is true."""
        request = self._interface.health
        if request is None:
            return _undeclared("health")
        answer = self._ask(request, {})
        if isinstance(answer, NotAvailable):
            return answer
        return Observed(extract(request.ok, answer.value) is True, answer.at, answer.source)

    def read_identity(self) -> Observed[Identity] | NotAvailable:
        """Return the build, and the release where declared."""
        request = self._interface.identity
        if request is None:
            return _undeclared("identity")
        answer = self._ask(request, {})
        if isinstance(answer, NotAvailable):
            return answer
        build = extract(request.build, answer.value)
        if not isinstance(build, str) or not build:
            return NotAvailable(f"{request.request} shows no build at {request.build!r}")
        release = extract(request.release, answer.value) if request.release else None
        return Observed(Identity(build, release if isinstance(release, str) else None), answer.at, answer.source)

    def send(self, message: Message, delivery_id: str) -> Delivery:
        """Deliver a message once; a 429 or 503 with Retry-After is waited for within the retry cap."""
        request = self._interface.send
        content = self._body(request, self._values(message, delivery_id))
        started = time.time()
        response, seconds = self._exchange(request, self._values(message, delivery_id), content, sends=True)
        accepted = response.status_code in request.accepted
        request_id = None
        if accepted and request.request_id:
            found = extract(request.request_id, _parse_json(response))
            request_id = found if isinstance(found, str) else None
        return Delivery(delivery_id, response.status_code, accepted, seconds, started, request_id)

    def send_malformed(self, kind: Malformed, message: Message) -> Observed[Answer] | NotAvailable:
        """Make a call that the target must refuse, and return its status and the digest of its body."""
        request = self._interface.send
        token = self._token
        values = self._values(message, f"{message.event_id}-malformed")
        body = fill(request.body, values)
        if kind in (Malformed.NO_TOKEN, Malformed.WRONG_TOKEN):
            if self._interface.token is None:
                return NotAvailable("environments.yaml declares no token")
            token = None if kind is Malformed.NO_TOKEN else _WRONG_TOKEN
        content = json.dumps(body, ensure_ascii=False).encode()
        if kind is Malformed.NOT_JSON:
            content = content[: len(content) // 2]
        elif kind is Malformed.NOT_OBJECT:
            content = b"[]"
        elif kind is Malformed.MISSING_KEY:
            return self._send_without_keys(body, values)
        elif kind is Malformed.OVERSIZED:
            if request.max_bytes is None:
                return NotAvailable("environments.yaml declares no send.max_bytes")
            # White space around a JSON value keeps it valid: only its size is wrong.
            content += b" " * (request.max_bytes + 1024 - len(content))
        return self._answer(self._exchange(request, values, content, sends=True, token=token, retry=False)[0])

    def _send_without_keys(self, body: Any, values: Mapping[str, Any]) -> Observed[Answer] | NotAvailable:
        """Leave out each required key in turn; the first call that is not refused with 400 is the answer."""
        request = self._interface.send
        if not request.required or not isinstance(body, dict):
            return NotAvailable("environments.yaml declares no send.required")
        answer: Observed[Answer] | NotAvailable = NotAvailable("no required key")
        for key in request.required:
            content = json.dumps({name: value for name, value in body.items() if name != key}).encode()
            answer = self._answer(self._exchange(request, values, content, sends=True, token=self._token, retry=False)[0])
            if answer.value.status != 400:
                return answer
        return answer

    def _answer(self, response: httpx.Response) -> Observed[Answer]:
        digest = hashlib.sha256(response.content).hexdigest()
        return Observed(Answer(response.status_code, digest), time.time(), self._interface.send.request)

    def read_decisions(self, ticket_id: str) -> Observed[tuple[Decision, ...]] | NotAvailable:
        """Return all decisions about a ticket."""
        request = self._interface.decisions
        if request is None:
            return _undeclared("decisions")
        answer = self._list(request, request.items, ticket_id)
        if isinstance(answer, NotAvailable):
            return answer
        return Observed(tuple(_decision(request, item) for item in answer.value), answer.at, answer.source)

    def read_ticket(self, ticket_id: str) -> Observed[Ticket] | NotAvailable:
        """Return a ticket's tags and team."""
        request = self._interface.ticket
        if request is None:
            return _undeclared("ticket")
        answer = self._ask(request, {"ticket_id": ticket_id})
        if isinstance(answer, NotAvailable):
            return answer
        tags = extract(request.tags, answer.value) if request.tags else _undeclared("ticket.tags")
        team = extract(request.team, answer.value) if request.team else _undeclared("ticket.team")
        if isinstance(tags, list):
            tags = tuple(map(str, tags))
        elif not isinstance(tags, NotAvailable):
            tags = NotAvailable("the ticket's tags are no list")
        return Observed(Ticket(tags, team), answer.at, answer.source)

    def read_replies(self, ticket_id: str) -> Observed[tuple[SentReply, ...]] | NotAvailable:
        """Return all replies on a ticket."""
        request = self._interface.replies
        if request is None:
            return _undeclared("replies")
        answer = self._list(request, request.items, ticket_id)
        if isinstance(answer, NotAvailable):
            return answer
        replies = []
        for item in answer.value:
            found = {name: extract(path, item) for name, path in request.fields.items()}
            author = found.get("author")
            if not isinstance(author, str):
                return NotAvailable("a reply shows no author, so automatic replies cannot be told from people's")
            replies.append(
                SentReply(
                    str(found.get("id", "")),
                    author == request.automatic,
                    found.get("template", _undeclared("replies.fields.template")),
                    found.get("text", _undeclared("replies.fields.text")),
                    author,
                )
            )
        return Observed(tuple(replies), answer.at, answer.source)

    def read_events(self, ticket_id: str) -> Observed[tuple[Event, ...]] | NotAvailable:
        """Return the structured events about a ticket."""
        request = self._interface.events
        if request is None:
            return _undeclared("events")
        answer = self._list(request, request.items, ticket_id)
        if isinstance(answer, NotAvailable):
            return answer
        events = tuple(
            Event({str(name): extract(path, item) for name, path in request.fields.items()}, item)
            for item in answer.value
        )
        return Observed(events, answer.at, answer.source)

    def read_logs(self, ticket_id: str) -> Observed[tuple[Any, ...]] | NotAvailable:
        """Return the log entries about a ticket."""
        request = self._interface.logs
        if request is None:
            return _undeclared("logs")
        answer = self._list(request, request.items, ticket_id)
        if isinstance(answer, NotAvailable):
            return answer
        return Observed(tuple(answer.value), answer.at, answer.source)

    def read_flags(self) -> Observed[dict[str, FlagValue]] | NotAvailable:
        """Return the flags in the store under our names."""
        request = self._interface.flags
        if request is None:
            return _undeclared("flags")
        answer = self._ask(request, {})
        if isinstance(answer, NotAvailable):
            return answer
        values = extract(request.values, answer.value)
        if not isinstance(values, dict):
            return NotAvailable(f"{request.request} shows no flags at {request.values!r}")
        named = {_our_name(request, name): _flag_value(value) for name, value in values.items()}
        return Observed({name: value for name, value in named.items() if name}, answer.at, answer.source)

    def set_flag(self, name: str, value: FlagValue) -> None:
        """Write one flag, or remove it for `ABSENT`."""
        request = self._interface.unset_flag if value is ABSENT else self._interface.set_flag
        if request is None:
            raise TargetError(f"environments.yaml does not say how to {'remove' if value is ABSENT else 'set'} a flag")
        theirs = _their_name(self._interface.flags, name)
        values = {"name": theirs, "value": list(value) if isinstance(value, tuple) else value}
        response, _ = self._exchange(request, values, self._body(request, values))
        gone_already = value is ABSENT and response.status_code == 404
        if not response.is_success and not gone_already:
            raise TargetError(f"{request.request} answered {response.status_code} for flag {name}")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _values(self, message: Message, delivery_id: str) -> dict[str, Any]:
        return {
            **self._environment.variables,
            "ticket_id": message.ticket_id,
            "event_id": message.event_id,
            "delivery_id": delivery_id,
            "channel": message.channel,
            "message": message.text,
            "attachments": list(message.attachments),
            "author": message.author,
            "case_id": message.case_id,
            "run_id": message.run_id,
            **message.order,
        }

    def _body(self, request: Request, values: Mapping[str, Any]) -> bytes | None:
        if request.body is None:
            return None
        return json.dumps(fill(request.body, values), ensure_ascii=False).encode()

    def _list(self, request: Request, items: str, ticket_id: str) -> Observed[list[Any]] | NotAvailable:
        answer = self._ask(request, {"ticket_id": ticket_id})
        if isinstance(answer, NotAvailable):
            return answer
        found = extract_items(items, answer.value)
        return found if isinstance(found, NotAvailable) else Observed(found, answer.at, answer.source)

    def _ask(self, request: Request, values: Mapping[str, Any]) -> Observed[Any] | NotAvailable:
        """Make a read and return its JSON; what is not a success with JSON is not an observation."""
        response, _ = self._exchange(request, {**self._environment.variables, **values}, self._body(request, values))
        source = request.request
        if not response.is_success:
            return NotAvailable(f"{source} answered {response.status_code}", broken=response.status_code >= 500)
        data = _parse_json(response)
        return data if isinstance(data, NotAvailable) else Observed(data, time.time(), source)

    def _exchange(
        self,
        request: Request,
        values: Mapping[str, Any],
        content: bytes | None,
        *,
        sends: bool = False,
        token: str | None = "",
        retry: bool = True,
    ) -> tuple[httpx.Response, float]:
        """Make one request, retrying only the way there; record every attempt. Raises `TargetError`."""
        method, route = request.request.split(" ", 1)
        path = PLACEHOLDER.sub(lambda match: quote(str(values.get(match[1], match[0])), safe=""), route)
        headers = {name: str(fill(value, values)) for name, value in request.headers.items()}
        if content is not None:
            headers["Content-Type"] = "application/json"
        token = self._token if token == "" else token
        if self._interface.token is not None and token is not None and (sends or request.authorised):
            headers[self._interface.token.header] = token
        give_up = time.monotonic() + self._environment.limits.retry_cap
        attempt = 0
        while True:
            attempt += 1
            if sends:
                self._bucket.take()
            started = time.monotonic()
            try:
                response = self._client.request(method, path, headers=headers, content=content)
            except httpx.TransportError as error:
                self._note(method, route, None, started, content, attempt, error=type(error).__name__)
                # A message may have arrived although its answer did not: only connecting is safe to repeat.
                again = method == "GET" or isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                wait = min(0.1 * 2 ** min(attempt, 5), 2.0)
                if not retry or not again or time.monotonic() + wait > give_up:
                    raise TargetError(
                        f"{method} {route} failed: {type(error).__name__} after {attempt} attempt(s)",
                        f"Check that {self._base_url} is up and can be reached from here.",
                    ) from error
                time.sleep(wait)
                continue
            self._note(method, route, response, started, content, attempt)
            if not retry or response.status_code not in _RETRIED_STATUS:
                return response, time.monotonic() - started
            wait = _retry_after(response)
            if wait is None or time.monotonic() + wait > give_up:
                return response, time.monotonic() - started
            time.sleep(wait)

    def _note(
        self,
        method: str,
        route: str,
        response: httpx.Response | None,
        started: float,
        content: bytes | None,
        attempt: int,
        error: str | None = None,
    ) -> None:
        self._record(
            {
                "at": round(time.time(), 3),
                "method": method,
                "route": route,
                "status": response.status_code if response is not None else None,
                "error": error,
                "attempt": attempt,
                "ms": round((time.monotonic() - started) * 1000, 1),
                "sent_bytes": len(content or b""),
                "received_bytes": len(response.content) if response is not None else 0,
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


def _undeclared(what: str) -> NotAvailable:
    return NotAvailable(f"environments.yaml does not say where to read {what}")


def _parse_json(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content)
    except ValueError:
        return NotAvailable(f"{response.request.method} {response.request.url.path} answered no JSON", broken=True)


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if re.fullmatch(r"\d+(\.\d+)?", value) else None


def _decision(request: DecisionsRequest, item: Any) -> Decision:
    fields: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for name, path in request.fields.items():
        value = extract(path, item)
        if isinstance(value, NotAvailable):
            missing[name] = value.reason
            continue
        aliases = request.aliases.get(name)
        fields[name] = aliases.get(value, value) if aliases and isinstance(value, str) else value
    used = {}
    for group, path in request.flags_used.items():
        value = extract(path, item)
        if not isinstance(value, NotAvailable):
            used[str(group)] = _flag_value(value)
    return Decision(fields, used, missing)


def _flag_value(value: Any) -> FlagValue:
    if isinstance(value, list):
        return tuple(map(str, value))
    return value if isinstance(value, bool) or value is None else (str(value),)


def _their_name(request: FlagsRequest | None, name: str) -> str:
    names = request.names if request else {}
    if name in names:
        return names[name]
    pattern = names.get(f"{TEMPLATE_PREFIX}*")
    if name.startswith(TEMPLATE_PREFIX) and pattern:
        return pattern.replace("*", name.removeprefix(TEMPLATE_PREFIX))
    return name


def _our_name(request: FlagsRequest, theirs: str) -> str:
    for ours, other in request.names.items():
        if other == theirs:
            return ours
    pattern = request.names.get(f"{TEMPLATE_PREFIX}*")
    if pattern and "*" in pattern:
        before, after = pattern.split("*", 1)
        if theirs.startswith(before) and theirs.endswith(after):
            return TEMPLATE_PREFIX + theirs[len(before) : len(theirs) - len(after)]
    return theirs
