"""A webhook is told as JSON, tried a few times, and never stops anybody."""

from __future__ import annotations

import json
import threading
import time

import httpx
import pytest
import respx

from gonogo.notify.webhook import Notice, Notifier, post_notice

URL = "https://hooks.example.com/T000/secret"
NOTICE = Notice("trigger_fired", "IMMEDIATE TRG-LOOP", {"trigger": "TRG-LOOP"})


@respx.mock
def test_a_notice_is_one_json_object() -> None:
    route = respx.post(URL).respond(204)
    assert post_notice(URL, NOTICE) == ""
    [call] = route.calls
    assert json.loads(call.request.content) == {
        "schema": "gonogo/notice/1",
        "event": "trigger_fired",
        "text": "IMMEDIATE TRG-LOOP",
        "trigger": "TRG-LOOP",
    }
    assert call.request.headers["content-type"] == "application/json"


@respx.mock
@pytest.mark.parametrize(
    ("answers", "reason", "calls"),
    [
        ([503, 503, 200], "", 3),
        ([429, 200], "", 2),
        ([500, 500, 500], "status 500, 3 attempts", 3),
        ([404], "status 404", 1),
        ([401], "status 401", 1),
        ([302, 302, 302], "status 302, 3 attempts", 3),
        ([httpx.ConnectError("no"), httpx.ReadTimeout("no"), 200], "", 3),
        ([httpx.ConnectError("no")] * 3, "ConnectError, 3 attempts", 3),
    ],
)
def test_only_what_may_pass_by_itself_is_tried_again(answers: list, reason: str, calls: int) -> None:
    route = respx.post(URL).mock(
        side_effect=[one if isinstance(one, Exception) else httpx.Response(one) for one in answers]
    )
    assert post_notice(URL, NOTICE, pause=0) == reason
    assert route.call_count == calls
    assert "secret" not in reason


def test_what_is_no_url_is_told() -> None:
    assert post_notice("https://[nowhere", NOTICE, pause=0)
    assert post_notice("file:///etc/passwd", NOTICE, pause=0)


@respx.mock
def test_nobody_waits_for_the_webhook_and_notices_keep_their_order() -> None:
    release, seen = threading.Event(), []

    def answer(request: httpx.Request) -> httpx.Response:
        release.wait(5)
        seen.append(json.loads(request.content)["event"])
        return httpx.Response(200)

    respx.post(URL).mock(side_effect=answer)
    told: list[str] = []
    notifier = Notifier(URL, told.append)
    started = time.monotonic()
    for number in range(3):
        notifier.notify(Notice(f"event-{number}", "", {}))
    assert time.monotonic() - started < 2
    release.set()
    notifier.close()
    assert seen == ["event-0", "event-1", "event-2"]
    assert (notifier.sent, notifier.failed, told) == (3, 0, [])


@respx.mock
def test_a_failure_is_told_without_the_address() -> None:
    respx.post(URL).respond(403)
    told: list[str] = []
    notifier = Notifier(URL, told.append)
    notifier.notify(NOTICE)
    notifier.close()
    assert told == ["NOT NOTIFIED of trigger_fired: status 403"]
    assert notifier.failed == 1


def test_without_a_url_nothing_is_posted() -> None:
    notifier = Notifier(None, lambda text: pytest.fail(text))
    notifier.notify(NOTICE)
    notifier.close()
    assert notifier.sent == 0
