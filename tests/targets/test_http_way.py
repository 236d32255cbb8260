"""The way to a target: what is sent byte for byte, what is repeated, how fast, and what is written down of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count, pairwise
from typing import Any

import httpx
import pytest
import respx
from capture_server import Captured, CaptureServer, Reply, free_port
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from target_setup import message, open_target

from gonogo.errors import EXIT_UNREACHABLE, TargetError
from gonogo.model.flags import ABSENT, SAFE_MODE
from gonogo.targets.extract import fill, fill_text
from gonogo.targets.http import HttpTarget, Secrets
from gonogo.targets.interface import Malformed, NotAvailable, Observed

HEALTH = {"health": {"request": "GET /health", "ok": "ok"}}
TOKEN = {"token": {"header": "X-Token", "env": "THE_TOKEN"}}
SEND = {
    "request": "POST /in/{ticket_id}",
    "headers": {"X-Case": "{case_id}"},
    "body": {"ticket_id": "{ticket_id}", "event": {"text": "{message}", "note": "by {author}: {channel}"}},
    "required": ["ticket_id"],
    "max_bytes": 2000,
}


def accept(_: Captured) -> Reply:
    return Reply.of({"ok": True})


def script(*replies: Reply) -> Callable[[Captured], Reply]:
    """Return a handler that gives these answers in turn, the last one for ever."""
    turn = count()
    return lambda _: replies[min(next(turn), len(replies) - 1)]


texts = st.text(st.characters(codec="utf-8"), max_size=200) | st.sampled_from(
    [
        "{message}",
        "{ticket_id} {who} {nobody}",
        "{{x}}",
        "<x> | \\ \"' \r\n\t\x00\x1f\x7f",
        "\u2028\u2029\ufeff",
        "👩‍👩‍👧",
        "",
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts)
def test_a_message_arrives_byte_for_byte(wire: tuple[CaptureServer, HttpTarget], text: str) -> None:
    server, target = wire

    delivery = target.send(message(text), "d-1")

    assert delivery.accepted
    body = server.requests[-1].body
    assert json.loads(body)["event"]["text"] == text
    # Not only the same text: its very bytes, as UTF-8 and not as escapes.
    assert f'"text": {json.dumps(text, ensure_ascii=False)}'.encode() in body
    assert json.loads(body)["event"]["note"] == "by customer: livechat"


@pytest.fixture
def wire() -> Any:
    with CaptureServer(accept) as server:
        yield server, open_target({"send": SEND}, server.url).target


def test_a_megabyte_arrives_whole(wire: tuple[CaptureServer, HttpTarget]) -> None:
    server, target = wire

    target.send(message("ä" * 500_000), "d-1")

    assert server.requests[-1].json["event"]["text"] == "ä" * 500_000


def test_half_a_surrogate_pair_is_refused_before_anything_is_sent(wire: tuple[CaptureServer, HttpTarget]) -> None:
    server, target = wire

    with pytest.raises(TargetError, match="surrogate"):
        target.send(message("x\ud800"), "d-1")

    assert server.requests == []


def test_a_ticket_id_cannot_leave_its_place_in_the_path(wire: tuple[CaptureServer, HttpTarget]) -> None:
    server, target = wire

    target.send(message(ticket="a/../b?c#d é%"), "d-1")

    assert server.requests[-1].path == "/in/a%2F..%2Fb%3Fc%23d%20%C3%A9%25"


def test_a_base_path_is_kept() -> None:
    with CaptureServer(accept) as server:
        open_target({"send": SEND}, f"{server.url}/api/v1/").target.send(message(), "d-1")

    assert server.requests[-1].path == "/api/v1/in/T-1"


def test_what_is_filled_in_is_not_filled_again() -> None:
    values = {"a": "{b}", "b": "secret", "flag": True, "list": ["x"], "none": None, "name": "SM"}

    assert fill({"{name}": ["{a}", "x {a}", 7, None], "k": "{flag}", "l": "{list}", "n": "{none}"}, values) == {
        "SM": ["{b}", "x {b}", 7, None], "k": True, "l": ["x"], "n": None,
    }  # fmt: skip
    assert fill_text("{flag}/{none}/{list}/{a}", values) == 'true/null/["x"]/{b}'


@pytest.mark.parametrize(
    "send",
    [
        {"request": "POST /in/{nobody}"},
        {"request": "POST /in", "headers": {"X-A": "{nobody}"}},
        {"request": "POST /in", "body": {"a": ["x", "{nobody}"]}},
        {"request": "POST /in", "body": {"{nobody}": 1}},
    ],
)
def test_a_placeholder_that_nothing_fills_is_never_sent(send: dict[str, Any]) -> None:
    with CaptureServer(accept) as server:
        target = open_target({"send": send}, server.url).target

        with pytest.raises(TargetError, match=r"uses \{nobody\}, and nothing fills it") as caught:
            target.send(message(), "d-1")

        assert "ticket_id" in caught.value.hint
        assert server.requests == []


# --- token


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_variable_is_named(value: str | None) -> None:
    secrets = {} if value is None else {"THE_TOKEN": value}

    with pytest.raises(TargetError, match="environment variable THE_TOKEN is not set") as caught:
        open_target(TOKEN, "http://127.0.0.1:1", secrets)

    assert caught.value.exit_code == EXIT_UNREACHABLE
    assert "Set THE_TOKEN" in caught.value.hint


@pytest.mark.parametrize("value", ["s3cret\n", " s3cret", "s3cret ", "s3c\x00ret", "s3crét", "s3c\r\nX-Evil: 1"])
def test_a_token_that_no_header_can_carry_is_refused_unseen(value: str) -> None:
    with pytest.raises(TargetError, match="holds what no header can carry") as caught:
        open_target(TOKEN, "http://127.0.0.1:1", {"THE_TOKEN": value})

    assert "s3c" not in f"{caught.value} {caught.value.hint} {caught.value!r}"


@pytest.mark.parametrize("prefix", ["", "Bearer "])
def test_the_token_goes_with_sends_and_with_what_needs_it_only(prefix: str) -> None:
    interface = {
        "token": {"header": "X-Token", "env": "THE_TOKEN", "prefix": prefix},
        **HEALTH,
        "flags": {"request": "GET /flags", "authorised": True},
        "set_flag": {"request": "PUT /flags/{name}", "body": {"value": "{value}"}, "authorised": True},
        "unset_flag": {"request": "DELETE /flags/{name}"},
    }
    with CaptureServer(accept) as server:
        target = open_target(interface, server.url, {"THE_TOKEN": "s3cret"}).target
        target.check_health()
        target.send(message(), "d-1")
        target.read_flags()
        target.set_flag(SAFE_MODE, True)
        target.set_flag(SAFE_MODE, ABSENT)

    shown = [one.headers.get("x-token") for one in server.requests]
    assert shown == [None, f"{prefix}s3cret", f"{prefix}s3cret", f"{prefix}s3cret", None]


def test_the_environment_is_read_with_extras_on_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_TOKEN", "from outside")
    monkeypatch.setenv("OTHER", "kept")

    assert Secrets.from_environ().values["THE_TOKEN"] == "from outside"
    assert Secrets.from_environ({"THE_TOKEN": "own"}).values["THE_TOKEN"] == "own"
    assert Secrets.from_environ({"THE_TOKEN": "own"}).values["OTHER"] == "kept"


def test_proxies_of_the_process_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    with CaptureServer(accept) as server:
        assert isinstance(open_target(HEALTH, server.url).target.check_health(), Observed)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cret@host",
        "http://host?key=s3cret",
        "http://host#s3cret",
        "ftp://host",
        "host",
        "http://",
        "http://[::1",
    ],
)
def test_an_address_with_a_secret_or_without_a_host_is_refused_unseen(url: str) -> None:
    with pytest.raises(TargetError, match="the target's address") as caught:
        open_target({}, url)

    assert "s3cret" not in f"{caught.value} {caught.value.hint}"


# --- malformed calls


def test_malformed_calls_are_wrong_in_one_way_each() -> None:
    with CaptureServer(lambda _: Reply.of({"error": "no"}, 400)) as server:
        target = open_target({**TOKEN, "send": SEND}, server.url, {"THE_TOKEN": "s3cret"}).target
        seen = {}
        for kind in Malformed:
            answer = target.send_malformed(kind, message())
            assert isinstance(answer, Observed)
            assert answer.value.status == 400
            seen[kind] = server.requests[-1]

    tokens = {kind: one.headers.get("x-token") for kind, one in seen.items()}
    assert tokens.pop(Malformed.NO_TOKEN) is None
    assert tokens.pop(Malformed.WRONG_TOKEN) not in (None, "s3cret")
    assert set(tokens.values()) == {"s3cret"}
    right = {"ticket_id": "T-1", "event": {"text": "Where is my order?", "note": "by customer: livechat"}}
    assert seen[Malformed.NO_TOKEN].json == seen[Malformed.WRONG_TOKEN].json == seen[Malformed.OVERSIZED].json == right
    assert len(seen[Malformed.OVERSIZED].body) > 2000
    assert seen[Malformed.NOT_OBJECT].json == []
    assert seen[Malformed.MISSING_KEY].json == {"event": right["event"]}
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        seen[Malformed.NOT_JSON].json  # noqa: B018


def test_the_first_missing_key_that_is_accepted_is_the_answer() -> None:
    def handler(request: Captured) -> Reply:
        return Reply.of({}, 202 if "b" not in request.json else 400)

    send = {"request": "POST /in", "body": {"a": 1, "b": 2, "c": 3}, "required": ["a", "b", "c"]}
    with CaptureServer(handler) as server:
        answer = open_target({"send": send}, server.url).target.send_malformed(Malformed.MISSING_KEY, message())

    assert isinstance(answer, Observed)
    assert answer.value.status == 202
    assert [sorted(one.json) for one in server.requests] == [["b", "c"], ["a", "c"]]


@pytest.mark.parametrize(
    ("kind", "send"),
    [
        (Malformed.NO_TOKEN, {}),
        (Malformed.WRONG_TOKEN, {}),
        (Malformed.MISSING_KEY, {"body": {"a": 1}}),
        (Malformed.MISSING_KEY, {"body": {"a": 1}, "required": ["b"]}),
        (Malformed.MISSING_KEY, {"body": ["a"], "required": ["a"]}),
        (Malformed.OVERSIZED, {"body": {}}),
    ],
)
def test_a_malformed_call_that_nothing_declares_is_not_made(kind: Malformed, send: dict[str, Any]) -> None:
    with CaptureServer(accept) as server:
        answer = open_target({"send": {"request": "POST /in", **send}}, server.url).target.send_malformed(
            kind, message()
        )

        assert isinstance(answer, NotAvailable)
        assert not answer.broken
        assert server.requests == []


def test_two_answers_are_compared_by_their_digest_only() -> None:
    replies = script(Reply(401, b"who?"), Reply(401, b"who?"), Reply(401, b"wrong!"))
    with CaptureServer(replies) as server:
        target = open_target({**TOKEN, "send": SEND}, server.url, {"THE_TOKEN": "x"}).target
        first, second, third = (target.send_malformed(Malformed.NO_TOKEN, message()) for _ in range(3))

    assert isinstance(first, Observed)
    assert isinstance(second, Observed)
    assert isinstance(third, Observed)
    assert first.value == second.value != third.value
    assert "who" not in repr(first)


# --- what is accepted


@pytest.mark.parametrize("status", [200, 202])
def test_what_counts_as_accepted_is_declared(status: int) -> None:
    send = {**SEND, "accepted": [202]}
    with CaptureServer(lambda _: Reply(status)) as server:
        delivery = open_target({"send": send}, server.url).target.send(message(), "d-1")

    assert (delivery.status, delivery.accepted) == (status, status == 202)


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413, 500, 502, 503])
def test_a_refusal_is_data_and_is_not_repeated(status: int) -> None:
    with CaptureServer(lambda _: Reply(status, headers={"Retry-After": "0", "Location": "/x"})) as server:
        delivery = open_target({"send": SEND}, server.url, retry_cap=5).target.send(message(), "d-1")

    assert (delivery.status, delivery.accepted, len(server.requests)) == (status, False, 1)


@pytest.mark.parametrize("status", [301, 400, 401, 404, 409, 500])
def test_a_flag_that_is_refused_raises(status: int) -> None:
    interface = {"set_flag": {"request": "PUT /flags/{name}", "body": {"value": "{value}"}}}
    with CaptureServer(lambda _: Reply(status)) as server:
        with pytest.raises(TargetError, match=f"answered {status} for flag safe_mode"):
            open_target(interface, server.url).target.set_flag(SAFE_MODE, True)

        assert len(server.requests) == 1


def test_a_flag_that_is_gone_already_is_removed() -> None:
    interface = {"unset_flag": {"request": "DELETE /flags/{name}", "body": {"value": "{value}"}}}
    with CaptureServer(lambda _: Reply(404)) as server:
        open_target(interface, server.url).target.set_flag(SAFE_MODE, ABSENT)

    assert [(one.method, one.path, one.json) for one in server.requests] == [
        ("DELETE", "/flags/safe_mode", {"value": None})
    ]


# --- retries


@pytest.mark.parametrize("how", ["0.3", "date"])
def test_a_429_is_waited_for_and_every_attempt_is_recorded(how: str) -> None:
    def busy() -> Reply:
        value = how if how != "date" else format_datetime(datetime.now(UTC) + timedelta(seconds=1.5), usegmt=True)
        return Reply(429, b"slow down", {"Retry-After": value})

    turn = count()
    with CaptureServer(lambda _: busy() if next(turn) < 2 else Reply(202)) as server:
        opened = open_target({"send": SEND}, server.url, retry_cap=8)
        delivery = opened.target.send(message(), "d-1")

    assert delivery.accepted
    assert [(one["status"], one["attempt"]) for one in opened.exchanges] == [(429, 1), (429, 2), (202, 3)]
    gaps = [after.at - before.at for before, after in pairwise(server.requests)]
    assert min(gaps) >= 0.3
    # The time of the waiting is not the target's.
    assert delivery.seconds < 0.3
    assert abs(delivery.sent_at - time.time()) < 0.5


def test_a_429_beyond_the_cap_is_data() -> None:
    with CaptureServer(lambda _: Reply(429, headers={"Retry-After": "60"})) as server:
        started = time.monotonic()
        delivery = open_target({"send": SEND}, server.url, retry_cap=1).target.send(message(), "d-1")

    assert (delivery.status, len(server.requests)) == (429, 1)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("value", ["", "soon", "-1", "1e9", "nan", "inf", "9" * 400, "٣", "Mon, 99 Foo 2026"])
def test_a_429_that_names_no_time_is_data(value: str) -> None:
    reply = Reply(429, headers={"Retry-After": value.encode().decode("latin-1")} if value else {})
    with CaptureServer(lambda _: reply) as server:
        delivery = open_target({"send": SEND}, server.url, retry_cap=5).target.send(message(), "d-1")

    assert (delivery.status, len(server.requests)) == (429, 1)


@pytest.mark.parametrize("ask", [lambda target: target.check_health(), lambda target: target.send(message(), "d")])
def test_a_429_that_asks_for_no_wait_makes_no_hot_loop(ask: Callable[[HttpTarget], Any]) -> None:
    with CaptureServer(lambda _: Reply(429, headers={"Retry-After": "0"})) as server:
        started = time.monotonic()
        ask(open_target(HEALTH, server.url, retry_cap=1.0).target)

    assert len(server.requests) <= 4
    assert time.monotonic() - started <= 1.5


def test_a_503_with_retry_after_is_waited_for_by_reads() -> None:
    with CaptureServer(script(Reply(503, headers={"Retry-After": "0"}), Reply.of({"ok": True}))) as server:
        answer = open_target(HEALTH, server.url, retry_cap=2).target.check_health()

    assert isinstance(answer, Observed)
    assert len(server.requests) == 2


@pytest.mark.parametrize("reset_after", [0, 1])
def test_a_message_that_may_have_arrived_is_not_sent_again(reset_after: int) -> None:
    with CaptureServer(lambda _: Reply(202, b'{"ok": true}', reset_after=reset_after)) as server:
        opened = open_target({"send": SEND}, server.url, retry_cap=3)
        with pytest.raises(TargetError, match=r"POST /in/\{ticket_id\} failed: \w+ after 1 attempt") as caught:
            opened.target.send(message(), "d-1")

    assert len(server.requests) == 1
    assert caught.value.exit_code == EXIT_UNREACHABLE
    assert [(one["status"], one["error"] in ("ReadError", "RemoteProtocolError")) for one in opened.exchanges] == [
        (None, True)
    ]


@pytest.mark.parametrize("reset_after", [0, 1])
def test_a_read_that_broke_off_is_repeated(reset_after: int) -> None:
    with CaptureServer(script(Reply(200, b'{"ok": true}', reset_after=reset_after), Reply.of({"ok": True}))) as server:
        opened = open_target(HEALTH, server.url, retry_cap=3)
        answer = opened.target.check_health()

    assert isinstance(answer, Observed)
    assert [(one["status"], one["attempt"]) for one in opened.exchanges] == [(None, 1), (200, 2)]


def test_a_flag_write_that_broke_off_is_not_repeated() -> None:
    interface = {"set_flag": {"request": "PUT /flags/{name}", "body": {"value": "{value}"}}}
    with CaptureServer(lambda _: Reply(200, b"{}", reset_after=0)) as server:
        with pytest.raises(TargetError, match=r"PUT /flags/\{name\} failed"):
            open_target(interface, server.url, retry_cap=3).target.set_flag(SAFE_MODE, True)

        assert len(server.requests) == 1


def test_nobody_there_is_tried_again_until_the_cap_and_then_named() -> None:
    opened = open_target({**HEALTH, "send": SEND}, f"http://127.0.0.1:{free_port()}", retry_cap=0.5)
    started = time.monotonic()

    with pytest.raises(TargetError, match=r"failed: ConnectError after 2 attempt\(s\)") as caught:
        opened.target.send(message(), "d-1")

    assert time.monotonic() - started < 1.5
    assert "is up and can be reached" in caught.value.hint
    assert [(one["error"], one["attempt"], one["status"]) for one in opened.exchanges] == [
        ("ConnectError", 1, None), ("ConnectError", 2, None),
    ]  # fmt: skip


def test_a_target_that_stayed_away_is_not_waited_for_again_until_it_answers() -> None:
    broken, fine = Reply(200, reset_after=0), Reply.of({"ok": True})
    with CaptureServer(script(broken, broken, broken, fine, broken, fine)) as server:
        opened = open_target(HEALTH, server.url, retry_cap=0.5)
        for _ in range(2):
            with pytest.raises(TargetError):
                opened.target.check_health()
        answers = [opened.target.check_health() for _ in range(2)]

    assert all(isinstance(one, Observed) for one in answers)
    assert [(one["status"], one["attempt"]) for one in opened.exchanges] == [
        (None, 1), (None, 2), (None, 1), (200, 1), (None, 1), (200, 2),
    ]  # fmt: skip


def test_without_a_cap_nothing_is_repeated() -> None:
    opened = open_target(HEALTH, f"http://127.0.0.1:{free_port()}", retry_cap=0)

    with pytest.raises(TargetError, match="after 1 attempt"):
        opened.target.check_health()


@pytest.mark.parametrize(
    ("error", "sends"),
    [
        (httpx.ConnectTimeout, 2),
        (httpx.PoolTimeout, 2),
        (httpx.ConnectError, 2),
        (httpx.ReadTimeout, 1),
        (httpx.WriteTimeout, 1),
        (httpx.WriteError, 1),
        (httpx.ReadError, 1),
        (httpx.RemoteProtocolError, 1),
    ],
)
def test_only_what_never_left_is_sent_again(error: type[httpx.TransportError], sends: int) -> None:
    with respx.mock(base_url="http://target.test") as network:
        route = network.post("/in/T-1").mock(side_effect=[error("no"), httpx.Response(202)])
        opened = open_target({"send": SEND}, "http://target.test", retry_cap=2)
        if sends == 2:
            assert opened.target.send(message(), "d-1").accepted
        else:
            with pytest.raises(TargetError, match=error.__name__):
                opened.target.send(message(), "d-1")

        assert route.call_count == sends
        assert opened.exchanges[0]["error"] == error.__name__


@pytest.mark.parametrize("error", [httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError, httpx.ConnectError])
def test_every_broken_read_is_repeated(error: type[httpx.TransportError]) -> None:
    with respx.mock(base_url="http://target.test") as network:
        network.get("/health").mock(side_effect=[error("no"), httpx.Response(200, json={"ok": True})])

        assert isinstance(open_target(HEALTH, "http://target.test", retry_cap=2).target.check_health(), Observed)


def test_an_answer_that_does_not_come_ends_in_time() -> None:
    with CaptureServer(lambda _: Reply(202, delay=3)) as server:
        opened = open_target({"send": SEND}, server.url, timeout=0.3, retry_cap=5)
        started = time.monotonic()
        with pytest.raises(TargetError, match="ReadTimeout"):
            opened.target.send(message(), "d-1")

        assert time.monotonic() - started < 1
        assert len(server.requests) == 1


def test_an_answer_that_comes_drop_by_drop_ends_in_time() -> None:
    with CaptureServer(lambda _: Reply(200, b" " * 100, drip=0.05)) as server:
        started = time.monotonic()
        with pytest.raises(TargetError, match="ReadTimeout"):
            open_target(HEALTH, server.url, timeout=0.4).target.check_health()

        assert time.monotonic() - started < 1.5


# --- rate


def test_the_server_never_sees_more_than_the_burst_and_the_rate() -> None:
    rate, burst, sends = 40.0, 5, 25
    with CaptureServer(lambda _: Reply(202)) as server:
        target = open_target({"send": SEND}, server.url, rate=rate, burst=burst, in_flight=8).target
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda index: target.send(message(ticket=f"T-{index}"), "d"), range(sends)))

    at = sorted(one.at for one in server.requests)
    assert len(at) == sends
    # Arrivals jitter by what lies between the bucket and the socket.
    jitter = 0.15
    for first in range(sends):
        for last in range(first + 1, sends):
            assert last - first + 1 <= burst + rate * (at[last] - at[first] + jitter)
    assert at[-1] - at[0] >= (sends - burst) / rate - jitter


def test_malformed_calls_and_repeats_count_towards_the_rate() -> None:
    replies = script(*[Reply(429, headers={"Retry-After": "0"})] * 2, Reply(202))
    with CaptureServer(replies) as server:
        target = open_target({"send": SEND}, server.url, rate=4, burst=1, retry_cap=10).target
        target.send(message(), "d-1")
        target.send_malformed(Malformed.NOT_JSON, message())

    at = [one.at for one in server.requests]
    assert len(at) == 4
    assert min(after - before for before, after in pairwise(at)) >= 0.2


def test_reads_do_not_wait_for_the_rate() -> None:
    with CaptureServer(accept) as server:
        target = open_target(HEALTH, server.url, rate=0.5, burst=1).target
        started = time.monotonic()
        for _ in range(10):
            target.check_health()

    assert time.monotonic() - started < 2


def test_one_target_serves_several_threads() -> None:
    together, gate = 6, threading.Barrier(6)

    def handler(_: Captured) -> Reply:
        gate.wait(timeout=5)
        return Reply.of({"ok": True})

    with CaptureServer(handler) as server:
        target = open_target(HEALTH, server.url, in_flight=together, timeout=6).target
        with ThreadPoolExecutor(together) as pool:
            answers = list(pool.map(lambda _: target.check_health(), range(together)))

    assert all(isinstance(one, Observed) for one in answers)
