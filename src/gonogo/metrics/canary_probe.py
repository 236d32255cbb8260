"""Synthetic ids sent twice each to a rollout: which version answers, bounded in number, rate and time."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
import jmespath
import orjson
from jmespath.exceptions import JMESPathError

from gonogo.errors import UsageError
from gonogo.model.canary import CanaryPlan, StickyKey
from gonogo.model.canary_probe import CanaryProbe, ProbeSight, fill_id, merge_bodies

SYNTHETIC = "gonogo-synthetic-"
IN_FLIGHT = 8
MAX_FAULTS_IN_A_ROW = 20
MAX_ANSWER_BYTES = 1 << 20
# Far more than are in flight: the second sending of an id begins when its first one is answered.
_APART = 32
NO_VERSION = "answered without the version"


@dataclass(frozen=True, slots=True)
class Sending:
    """One request to make: an id of a key, and a fresh id of the other key, so that only the first can be sticky."""

    place: int
    key: StickyKey
    id: str
    other: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What one request came to; `at` is in seconds since the epoch, `version` None with the `fault` why."""

    sending: Sending
    version: str | None
    status: int | None
    at: float
    fault: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what may be written of it: nothing of the answer but the version."""
        key, number = self.sending.key.value, self.sending.id
        return {"at": round(self.at, 3), "key": key, "id": number, "version": self.version, "status": self.status}


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int | None
    content: bytes
    fault: str


def plan_sendings(plan: CanaryPlan, probe: CanaryProbe, phase: int, seed: int) -> list[Sending]:
    """Return every request in its order: each id of each key that has a place twice, interleaved.

    The ids follow from seed, plan and phase (from 1): a system that remembers who got which version would answer an
    id of an earlier phase by that phase's share.
    """
    rng = random.Random(f"{seed}/{plan.system}/{plan.old}/{plan.new}/{phase}")
    keys = [key for key in (StickyKey.REQUEST, StickyKey.USER) if getattr(probe, key.value) is not None]
    drawn = [(key, _draw_id(rng)) for _ in range(probe.ids) for key in keys]
    apart = min(_APART, len(drawn))
    order: list[tuple[StickyKey, str]] = []
    for place in range(len(drawn) + apart):
        order += drawn[place : place + 1]
        if place >= apart:
            order.append(drawn[place - apart])
    return [Sending(place, key, value, _draw_id(rng)) for place, (key, value) in enumerate(order)]


def _draw_id(rng: random.Random) -> str:
    return f"{SYNTHETIC}{rng.getrandbits(64):016x}"


def check_base_url(text: str) -> str:
    """Return a base URL without its last slash; raises `UsageError` for one that cannot be probed."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        # It may hold a password: it is not shown.
        raise UsageError("the URL to probe must be http(s)://host[:port][/path] and hold no user, password or query")
    return text.rstrip("/")


def send_probes(
    plan: CanaryPlan,
    probe: CanaryProbe,
    base_url: str,
    sendings: Sequence[Sending],
    *,
    token: str | None,
    observe: Callable[[Observation], None],
) -> list[Observation]:
    """Return what each request came to, in the order planned; `observe` is told of each, one at a time.

    Requests are made once and never again; cookies and redirects are not followed. After 20 requests in a row without
    a version the rest is not sent.
    """
    queue = _Queue(sendings, probe.rate)
    seen: list[Observation] = []
    client = httpx.Client(
        timeout=probe.timeout,
        # A cookie that is sent back would hold the version for all ids alike.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"User-Agent": "gonogo-probe"},
        limits=httpx.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT),
        trust_env=False,
        follow_redirects=False,
    )
    lock = threading.Lock()
    expression = jmespath.compile(probe.version)

    def work() -> None:
        for sending in queue.take():
            at = time.time()
            answer = _ask(client, probe, _build_request(client, probe, base_url, sending, token))
            version, fault = _read_version(plan, expression, answer)
            with lock:
                seen.append(Observation(sending, version, answer.status, at, fault))
                queue.note(is_fault=bool(fault))
                observe(seen[-1])

    with client, ThreadPoolExecutor(IN_FLIGHT) as pool:
        working = [pool.submit(work) for _ in range(IN_FLIGHT)]
        try:
            wait(working, return_when=FIRST_EXCEPTION)
        finally:
            queue.stop()
    for future in working:
        future.result()
    return sorted(seen, key=lambda one: one.sending.place)


class _Queue:
    """Hands out requests to the senders, never faster than `rate` a second."""

    def __init__(self, sendings: Sequence[Sending], rate: float) -> None:
        self._rest = iter(sendings)
        self._gap, self._next = 1 / rate, time.monotonic()
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._in_a_row = 0

    def take(self) -> Iterator[Sending]:
        """Yield requests when their time has come, until there are none or it was stopped."""
        while True:
            with self._lock:
                if self._stopped.wait(max(0.0, self._next - time.monotonic())):
                    return
                self._next = max(self._next, time.monotonic()) + self._gap
                sending = next(self._rest, None)
            if sending is None:
                return
            yield sending

    def note(self, *, is_fault: bool) -> None:
        """Count what failed in a row: a system that is down is not asked a thousand times."""
        self._in_a_row = self._in_a_row + 1 if is_fault else 0
        if self._in_a_row >= MAX_FAULTS_IN_A_ROW:
            self.stop()

    def stop(self) -> None:
        """Hand out no more."""
        self._stopped.set()


def _build_request(
    client: httpx.Client, probe: CanaryProbe, base_url: str, sending: Sending, token: str | None
) -> httpx.Request:
    headers, query, body = dict(probe.headers), {}, dict(probe.body or {})
    for key, place in ((StickyKey.REQUEST, probe.request_id), (StickyKey.USER, probe.user_id)):
        value = sending.id if key is sending.key else sending.other
        if place is None:
            continue
        if place.header is not None:
            headers[place.header] = value
        if place.query is not None:
            query[place.query] = value
        if place.body is not None:
            body = merge_bodies(body, fill_id(place.body, value))
    if probe.secret is not None and token is not None:
        headers[probe.secret.header] = token
    content = None
    if probe.method == "POST":
        headers["Content-Type"] = "application/json"
        content = json.dumps(body).encode()
    return client.build_request(
        probe.method, base_url + probe.path, headers=headers, params=query or None, content=content
    )


def _ask(client: httpx.Client, probe: CanaryProbe, request: httpx.Request) -> _Answer:
    """Return status and content of an answer; the fault never holds the library's words, which may show a header."""
    deadline = time.monotonic() + probe.timeout
    status = None
    try:
        response = client.send(request, stream=True)
        status = response.status_code
        content = bytearray()
        try:
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > MAX_ANSWER_BYTES:
                    return _Answer(status, b"", f"answered with more than {MAX_ANSWER_BYTES:,} bytes")
                if time.monotonic() > deadline:
                    return _Answer(status, b"", "without an answer (ReadTimeout)")
        finally:
            response.close()
    except httpx.HTTPError as error:
        return _Answer(status, b"", f"without an answer ({type(error).__name__})")
    if not response.is_success:
        return _Answer(status, b"", f"answered with status {status}")
    return _Answer(status, bytes(content), "")


def _read_version(plan: CanaryPlan, expression: Any, answer: _Answer) -> tuple[str | None, str]:
    """Return the version that answered, or None and the fault; what else an answer says is never repeated."""
    if answer.fault:
        return None, answer.fault
    try:
        version = expression.search(orjson.loads(answer.content))
    except (orjson.JSONDecodeError, JMESPathError):
        return None, NO_VERSION
    if not isinstance(version, str) or not version:
        return None, NO_VERSION
    if version not in (plan.old, plan.new):
        return None, f"answered by a version that is neither {plan.old} nor {plan.new}"
    return version, ""


def pair_observations(plan: CanaryPlan, key: StickyKey, seen: Sequence[Observation]) -> list[tuple[str, bool]]:
    """Return id and version (true for the new one) of every answer to a key, as a file of probes has them."""
    return [(one.sending.id, one.version == plan.new) for one in seen if one.version and one.sending.key is key]


def sum_up_probe(plan: CanaryPlan, sendings: Sequence[Sending], seen: Sequence[Observation]) -> ProbeSight:
    """Return what sending came to; what was not sent counts as a fault."""
    faults = Counter(one.fault for one in seen if one.fault)
    if len(seen) < len(sendings):
        faults[f"not sent after {MAX_FAULTS_IN_A_ROW} faults in a row"] = len(sendings) - len(seen)
    first: dict[str, bool] = {}
    for value, is_new in pair_observations(plan, plan.key, seen):
        first.setdefault(value, is_new)
    new = sum(first.values())
    answered = sum(not one.fault for one in seen)
    return ProbeSight(len(sendings), answered, new, len(first) - new, dict(faults), _tell_other_key(plan, seen))


def _tell_other_key(plan: CanaryPlan, seen: Sequence[Observation]) -> str:
    """Return how sticky the key is that the plan does not promise: it tells what a router goes by instead."""
    other = StickyKey.USER if plan.key is StickyKey.REQUEST else StickyKey.REQUEST
    versions: dict[str, list[bool]] = {}
    for value, is_new in pair_observations(plan, other, seen):
        versions.setdefault(value, []).append(is_new)
    twice = [got for got in versions.values() if len(got) > 1]
    if not twice:
        return ""
    moved = sum(len(set(got)) > 1 for got in twice)
    return f"{moved:,} of {len(twice):,} {other.value}s, which the plan does not promise, got both versions"
