"""What is seen of the target while a load goes on and after it: its metrics page, its decisions, and when to stop."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import respx

from gonogo.evidence.canaries import canaries
from gonogo.loadtest.generator.recording import RECORD
from gonogo.loadtest.messages import LoadCase, Mix, ticket_of
from gonogo.loadtest.progress import Follower, LoadProgress
from gonogo.loadtest.readback import Reader
from gonogo.loadtest.reconcile import SentEvent, reconcile_events
from gonogo.loadtest.records import parse_records
from gonogo.loadtest.sampling import Reading, Sampler, Samples, read_page
from gonogo.model.case import Action, Case, Mode
from gonogo.model.environment import Environment, Kind, Timing
from gonogo.model.expectation import Reply
from gonogo.model.gate import Comparison
from gonogo.model.http_interface import HttpInterface
from gonogo.model.load import LoadLimit, Series
from gonogo.model.outcome import SourceRef
from gonogo.targets.http import HttpTarget, Secrets

RUN = "20261121T080000Z-abc123"
PAGE = """
# TYPE depth gauge
depth 3
# TYPE calls counter
calls_total{status="200"} 7
calls_total{status="429"} 2
calls_total{status="429",vendor="b"} 5
# TYPE quiet counter
"""
SERIES = {
    "queue_depth": Series(metric="depth"),
    "all_calls": Series(metric="calls_total", kind="counter"),
    "throttled": Series(metric="calls_total", labels={"status": "429"}, kind="counter"),
    "failed": Series(metric="calls_total", labels={"status": "503"}, kind="counter"),
    "unknown": Series(metric="nothing", kind="counter"),
    "no_gauge": Series(metric="depth", labels={"queue": "x"}),
}
SPOKEN = {
    "send": {"request": "POST /w", "body": {"id": "{event_id}"}},
    "decisions": {
        "request": "GET /tickets/{ticket_id}/decisions",
        "fields": {"ticket_id": "ticket", "event_id": "event", "complete": "complete", "intent": "intent"},
    },
    "replies": {
        "request": "GET /tickets/{ticket_id}/replies",
        "fields": {"id": "id", "author": "author"},
        "automatic": "bot",
    },
}
PAGES = {
    f"{name}_page": {
        "request": f"GET /{name}?prefix={{ticket_prefix}}&from={{cursor}}",
        "items": "items",
        "next": "next",
        "ticket_id": "ticket",
    }
    for name in ("decisions", "replies")
}
INTERFACE = HttpInterface.model_validate(SPOKEN)
PAGED = HttpInterface.model_validate({**SPOKEN, **PAGES})
ENVIRONMENT = Environment(
    kind=Kind.SANDBOX,
    interface="x",
    timing=Timing(propagation_deadline=1.0, decision_deadline=1.0, quiet_period=0.0, poll_interval=0.05),
)


def test_a_page_is_read_by_name_and_labels_and_what_matches_is_added_up() -> None:
    assert read_page(PAGE, SERIES) == {"queue_depth": 3, "all_calls": 14, "throttled": 7, "failed": 0}
    with pytest.raises(ValueError, match="no metrics"):
        read_page("", SERIES)


@respx.mock
def test_a_page_that_does_not_answer_is_no_look_and_its_reason_is_kept() -> None:
    route = respx.get("http://target/metrics")
    route.side_effect = [
        httpx.Response(200, text=PAGE),
        httpx.Response(500, text=PAGE),
        httpx.ConnectError("refused"),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, text=PAGE),
    ]
    sampler = Sampler("http://target/metrics", SERIES, 60.0)
    for _ in range(4):
        sampler.look()
    sampler.stop()
    assert len(sampler.samples.readings) == 2
    assert [one.split(":")[0] for one in sampler.samples.failures] == ["ValueError", "ConnectError", "ValueError"]
    assert sampler.samples.figure("throttled") == (0.0, 2)


@dataclass
class Told:
    seen: list[LoadProgress] = field(default_factory=list)

    def __call__(self, progress: LoadProgress) -> None:
        self.seen.append(progress)


def stop_on(metric: str, bound: float, samples: Samples, comparison: Comparison = Comparison.BELOW) -> Follower:
    limit = LoadLimit(id="it", metric=metric, comparison=comparison, limit=bound, aborts=True)
    return Follower([0.0] * 2000, 60.0, (202,), samples, [limit], None)


def rows(count: int, status: int = 202) -> Any:
    return parse_records(b"".join(RECORD.pack(index, 0, 1000, status, 0) for index in range(count)))


def test_errors_stop_a_load_once_they_are_more_than_chance() -> None:
    follower = stop_on("server_errors", 0.001, Samples({}))
    assert follower(rows(1000)) is None
    assert follower(rows(4, 503)) is None
    assert follower(rows(6, 503)) == "it: 10 of 1,010 requests"


def test_unanswered_requests_and_counters_stop_a_load() -> None:
    follower = stop_on("unanswered", 0, Samples({}), Comparison.AT_MOST)
    assert follower(rows(10)) is None
    assert follower(rows(20, 0)) == "it: 20 of 30 requests"
    samples = Samples({"tier0": Series(metric="t", kind="counter"), "queue_age": Series(metric="a")})
    counted, aged = stop_on("tier0", 0, samples, Comparison.AT_MOST), stop_on("queue_age_max", 120, samples)
    samples.readings.append(Reading(1.0, {"tier0": 7.0, "queue_age": 119.0}))
    samples.readings.append(Reading(2.0, {"tier0": 7.0, "queue_age": 1.0}))
    assert counted(rows(1)) is None
    assert aged(rows(1)) is None
    samples.readings.append(Reading(3.0, {"tier0": 8.0, "queue_age": 120.0}))
    assert counted(rows(1)) == "it: 1"
    assert aged(rows(1)) == "it: 120"


def test_progress_tells_rates_errors_and_percentile() -> None:
    told = Told()
    follower = Follower([index / 10 for index in range(100)], 10.0, (202,), Samples({}), [], told)
    follower(rows(0))
    follower(rows(30))
    follower(rows(3, 429))
    first, _, last = told.seen
    assert first.phase == "starting the generator"
    assert (last.sent, last.asked, last.errors, last.p95) == (33, 100, 3, 0.001)


def ticket(event: int) -> str:
    return ticket_of(RUN, event)


def decision(event: int) -> dict[str, Any]:
    return {"ticket": ticket(event), "event": f"{ticket(event)}-1-{canaries(RUN).word}", "complete": True}


def read(interface: HttpInterface, events: int, seconds: float = 0.0):
    target = HttpTarget(interface, ENVIRONMENT, "http://target", Secrets({}), lambda _: None)
    try:
        return Reader(target, interface, ENVIRONMENT, RUN).read(range(events), time.monotonic() + seconds)
    finally:
        target.close()


@respx.mock
def test_decisions_and_replies_are_read_in_pages_and_those_of_others_left_out() -> None:
    first = [decision(event) for event in range(20)] + [{"ticket": "somebody-else", "complete": True}]
    second = [decision(event) for event in range(20, 25)] + [{**decision(7), "ticket": f"{ticket(7)}x"}]
    pages = respx.get(url__startswith="http://target/decisions")
    pages.side_effect = lambda request: httpx.Response(
        200, json={"items": second, "next": None} if request.url.params["from"] else {"items": first, "next": 21}
    )
    replies = [{"ticket": ticket(3), "id": "r", "author": "bot"}, {"ticket": ticket(4), "id": "h", "author": "human"}]
    respx.get(url__startswith="http://target/replies").respond(json={"items": replies, "next": None})
    back = read(PAGED, 25)
    assert (back.paged, back.decided, back.decisions_broken, back.replies_broken) == (True, 25, "", "")
    assert [event for event in back.found if back.found[event].replies] == [3]
    assert back.requests == 3


@respx.mock
def test_pages_that_never_end_or_break_off_are_told() -> None:
    respx.get(url__startswith="http://target/decisions").respond(json={"items": [], "next": 5})
    respx.get(url__startswith="http://target/replies").respond(500)
    back = read(PAGED, 25)
    assert "the same page for ever" in back.decisions_broken
    assert "answered 500" in back.replies_broken


@respx.mock
def test_without_pages_each_ticket_is_read_until_its_decision_is_there() -> None:
    asked: dict[str, int] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        name = request.url.path.split("/")[2]
        asked[name] = asked.get(name, 0) + 1
        if request.url.path.endswith("/replies"):
            return httpx.Response(200, json=[{"id": "r", "author": "bot"}])
        late = name == ticket(1) and asked[name] < 3
        return httpx.Response(200, json=[] if late else [decision(int(name[-8:]))])

    respx.get(url__startswith="http://target/tickets").side_effect = answer
    back = read(INTERFACE, 5, seconds=5)
    assert (back.decided, back.decisions_broken, back.paged) == (5, "", False)
    assert asked[ticket(1)] == 4
    assert asked[ticket(0)] == 2


@respx.mock
def test_a_decision_that_never_comes_ends_with_the_deadline_and_a_refusal_is_no_answer() -> None:
    respx.get(url__regex=r".*/decisions").respond(json=[])
    respx.get(url__regex=r".*/replies").respond(404)
    back = read(INTERFACE, 3, seconds=0.3)
    assert (back.decided, back.decisions_broken) == (0, "")
    assert "answered 404" in back.replies_broken


@respx.mock
def test_reconciling_costs_less_than_reading_back() -> None:
    items = [decision(event) for event in range(2000)]
    respx.get(url__startswith="http://target/decisions").respond(json={"items": items, "next": None})
    respx.get(url__startswith="http://target/replies").respond(json={"items": [], "next": None})
    started = time.process_time()
    back = read(PAGED, 2000)
    read_at = time.process_time()
    case = Case("ST-1", Mode.ROUTE_ONLY, "email", "Hi", "i", "T", (), None, Action.ROUTE_ONLY, "", SourceRef("x", 1))
    mix = Mix((LoadCase(case, Reply(None, "routed"), tier0=False),), (0,), ())
    result = reconcile_events(
        [SentEvent(event, 0.0, True) for event in range(2000)], back.found, mix, RUN, late_after=1e12
    )
    reconciled_at = time.process_time()
    assert result.decided == 2000
    assert reconciled_at - read_at < read_at - started
