"""What an answer is worth: a value that was observed, or a reason why there is none, and never an exception."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from capture_server import CaptureServer, Reply
from target_setup import OPENED, Opened, message, open_target

from gonogo.errors import TargetError
from gonogo.model.flags import SAFE_MODE, template_flag
from gonogo.targets import transport
from gonogo.targets.extract import extract, extract_items, parse_json
from gonogo.targets.http import HttpTarget
from gonogo.targets.interface import Capability, Identity, NotAvailable, Observed, SentReply, Ticket

INTERFACE: dict[str, Any] = {
    "health": {"request": "GET /health", "ok": "ok"},
    "identity": {"request": "GET /version", "build": "build", "release": "release"},
    "decisions": {
        "request": "GET /t/{ticket_id}/decisions",
        "fields": {"intent": "intent", "template": "reply.template", "complete": "complete", "tags": "tags"},
        "flags_used": {"safe_mode": "flags.safe_mode"},
    },
    "ticket": {"request": "GET /t/{ticket_id}", "tags": "tags", "team": "team"},
    "replies": {
        "request": "GET /t/{ticket_id}/replies",
        "fields": {"id": "id", "author": "author", "template": "template", "text": "text"},
        "automatic": "bot",
    },
    "events": {"request": "GET /events", "fields": {"event": "event", "env": "env"}},
    "logs": {"request": "GET /logs"},
    "flags": {"request": "GET /flags", "values": "flags"},
    "configuration": {"request": "GET /config", "values": "parameters"},
}
READS: dict[Capability, Callable[[HttpTarget], Any]] = {
    Capability.HEALTH: lambda target: target.check_health(),
    Capability.IDENTITY: lambda target: target.read_identity(),
    Capability.DECISIONS: lambda target: target.read_decisions("T-1"),
    Capability.TICKET: lambda target: target.read_ticket("T-1"),
    Capability.REPLIES: lambda target: target.read_replies("T-1"),
    Capability.EVENTS: lambda target: target.read_events("T-1"),
    Capability.LOGS: lambda target: target.read_logs("T-1"),
    Capability.FLAGS: lambda target: target.read_flags(),
    Capability.CONFIGURATION: lambda target: target.read_configuration(),
}
every_read = pytest.mark.parametrize("read", READS.values(), ids=READS)


class Answering:
    """A target whose server gives one answer to everything."""

    def __init__(self, server: CaptureServer, opened: Opened) -> None:
        self.server, self.opened, self.target = server, opened, opened.target

    def __call__(self, reply: Reply | Any) -> HttpTarget:
        answer = reply if isinstance(reply, Reply) else Reply.of(reply)
        self.server.handler = lambda _: answer
        return self.target


@pytest.fixture(scope="module")
def answering() -> Iterator[Answering]:
    with CaptureServer(lambda _: Reply(500)) as server:
        opened = open_target(INTERFACE, server.url)
        OPENED.remove(opened)
        yield Answering(server, opened)
        opened.target.close()


def test_every_question_is_asked_here() -> None:
    effects = {Capability.SEND, Capability.SET_FLAG, Capability.UNSET_FLAG, Capability.CLOSE_TICKET}
    assert set(READS) == set(Capability) - effects


@every_read
def test_what_is_not_declared_is_not_available_and_not_asked(read: Callable[[HttpTarget], Any]) -> None:
    with CaptureServer(lambda _: Reply.of({})) as server:
        answer = read(open_target({}, server.url).target)

        assert isinstance(answer, NotAvailable)
        assert not answer.broken
        assert "environments.yaml does not say where to read" in answer.reason
        assert server.requests == []


@every_read
@pytest.mark.parametrize(
    "body",
    [b"", b"   ", b"<html><body>Sign in</body></html>", b"{", b"{'a': 1}", b"NaN", b'{"ok": Infinity}', b"\xff\xfe\x00",
     b"\x80abc", b"[" * 100_000, b"{\"a\":" * 100_000, b"9" * 5000, b"[1e400]"],
    ids=["empty", "blank", "html", "cut", "quotes", "nan", "infinity", "bom", "bytes", "deep", "deeper", "long", "inf"],
)  # fmt: skip
def test_a_success_that_is_no_json_is_a_broken_way(
    answering: Answering, read: Callable[[HttpTarget], Any], body: bytes
) -> None:
    answer = read(answering(Reply(200, body)))

    assert isinstance(answer, NotAvailable)
    assert answer.broken
    assert "answered no JSON" in answer.reason


@every_read
@pytest.mark.parametrize("data", [None, True, 0, "", "text", {"unrelated": 1}, [{}], [None], [[]], ["x"]], ids=repr)
def test_json_of_another_shape_shows_nothing_and_breaks_nothing(
    answering: Answering, read: Callable[[HttpTarget], Any], data: Any
) -> None:
    answer = read(answering(data))

    if isinstance(answer, NotAvailable):
        assert answer.reason
        return
    value = answer.value
    if isinstance(value, Ticket):
        assert isinstance(value.tags, NotAvailable)
        assert isinstance(value.team, NotAvailable)
        return
    # A list of other things may be read, but none of them shows a field.
    assert isinstance(value, tuple)
    for one in value:
        fields = getattr(one, "fields", {})
        assert all(isinstance(field, NotAvailable) for field in fields.values())


@every_read
@pytest.mark.parametrize(
    ("status", "broken"),
    [(204, False), (404, False), (410, False), (501, False), (301, True), (302, True), (304, True), (400, True),
     (401, True), (403, True), (405, True), (429, True), (500, True), (502, True), (503, True)],
)  # fmt: skip
def test_only_a_status_that_says_nothing_there_is_no_broken_way(
    answering: Answering, read: Callable[[HttpTarget], Any], status: int, broken: bool
) -> None:
    body = b"" if status in (204, 304) else b'{"ok": true, "build": "x", "flags": {}}'

    answer = read(answering(Reply(status, body)))

    assert isinstance(answer, NotAvailable)
    assert f"answered {status}" in answer.reason
    assert answer.broken is broken


@every_read
def test_a_redirect_is_not_followed(read: Callable[[HttpTarget], Any]) -> None:
    with (
        CaptureServer(lambda _: Reply.of({"ok": True, "build": "other"})) as elsewhere,
        CaptureServer(lambda _: Reply(302, b"", {"Location": elsewhere.url})) as server,
    ):
        answer = read(open_target(INTERFACE, server.url).target)

        assert isinstance(answer, NotAvailable)
        assert elsewhere.requests == []


@pytest.mark.parametrize(("data", "healthy"), [({"ok": True}, True), ({"ok": False}, False), ({"ok": None}, False),
                                               ({"ok": "true"}, False), ({"ok": 1}, False)])  # fmt: skip
def test_health_is_true_or_it_is_not(answering: Answering, data: Any, healthy: bool) -> None:
    answer = answering(data).check_health()

    assert isinstance(answer, Observed)
    assert answer.value is healthy


def test_health_that_is_not_shown_is_not_ill_health(answering: Answering) -> None:
    assert answering({}).check_health() == NotAvailable("the answer holds no 'ok'")


@pytest.mark.parametrize(
    ("data", "identity"),
    [
        ({"build": "b-1", "release": "r-1"}, Identity("b-1", "r-1")),
        ({"build": 17, "release": 3}, Identity("17", "3")),
        ({"build": "b-1"}, Identity("b-1", None)),
        ({"build": "b-1", "release": None}, Identity("b-1", None)),
        ({"build": "b-1", "release": ["r"]}, Identity("b-1", None)),
    ],
)
def test_identity(answering: Answering, data: Any, identity: Identity) -> None:
    answer = answering(data).read_identity()

    assert isinstance(answer, Observed)
    assert answer.value == identity
    assert answer.source == "GET /version"
    assert abs(answer.at - time.time()) < 10


@pytest.mark.parametrize("build", [None, "", True, [], {}, 1.5])
def test_a_build_that_names_nothing_is_no_identity(answering: Answering, build: Any) -> None:
    assert isinstance(answering({"build": build, "release": "r"}).read_identity(), NotAvailable)


def test_a_null_is_observed_and_a_missing_key_is_not(answering: Answering) -> None:
    whole = {"intent": None, "reply": {"template": None}, "complete": True, "tags": []}

    answer = answering([whole, {"reply": {}}, {"reply": None}]).read_decisions("T-1")

    assert isinstance(answer, Observed)
    null, missing, empty = answer.value
    assert (null.get("intent"), null.get("template"), null.get("tags"), null.complete) == (None, None, [], True)
    for one in (missing, empty):
        assert isinstance(one.get("intent"), NotAvailable)
        assert isinstance(one.get("template"), NotAvailable)
        assert not one.complete
    assert "'reply.template'" in missing.get("template").reason
    assert "decisions show no 'team'" in missing.get("team").reason


def test_no_decisions_are_an_observation(answering: Answering) -> None:
    answer = answering([]).read_decisions("T-1")

    assert isinstance(answer, Observed)
    assert answer.value == ()


@pytest.mark.parametrize("value", ["true", 1, None, "yes", {}])
def test_a_decision_is_complete_only_where_it_says_true(answering: Answering, value: Any) -> None:
    answer = answering([{"complete": value}]).read_decisions("T-1")

    assert isinstance(answer, Observed)
    assert not answer.value[0].complete


@pytest.mark.parametrize("data", [["x"], [None], [[]], [{"intent": "a"}, 1]])
def test_a_list_with_something_else_in_it_is_broken(answering: Answering, data: Any) -> None:
    for read in (Capability.DECISIONS, Capability.REPLIES, Capability.EVENTS):
        answer = READS[read](answering(data))
        assert isinstance(answer, NotAvailable)
        assert answer.broken


def test_the_flags_of_a_decision_are_shown_only_where_they_are(answering: Answering) -> None:
    answer = answering([{"flags": {"safe_mode": True}}, {"flags": {"safe_mode": None}}, {"flags": {}}]).read_decisions(
        "T"
    )

    assert isinstance(answer, Observed)
    assert [dict(one.flags_used) for one in answer.value] == [{SAFE_MODE: True}, {SAFE_MODE: None}, {}]


@pytest.mark.parametrize(
    ("data", "ticket"),
    [
        ({"tags": ["b", "a", "b"], "team": "Returns"}, Ticket(("b", "a", "b"), "Returns")),
        ({"tags": [], "team": None}, Ticket((), None)),
    ],
)
def test_a_ticket_keeps_order_and_duplicates_of_its_tags(answering: Answering, data: Any, ticket: Ticket) -> None:
    answer = answering(data).read_ticket("T-1")

    assert isinstance(answer, Observed)
    assert answer.value == ticket


@pytest.mark.parametrize("data", [{"tags": "a,b", "team": {"name": "x"}}, {"tags": None, "team": 7}, {}, {"tags": {}}])
def test_a_ticket_shows_no_tags_or_team_of_another_kind(answering: Answering, data: Any) -> None:
    answer = answering(data).read_ticket("T-1")

    assert isinstance(answer, Observed)
    assert isinstance(answer.value.tags, NotAvailable)
    assert isinstance(answer.value.team, NotAvailable)


def test_replies_are_told_apart_by_their_author(answering: Answering) -> None:
    data = [
        {"id": "r1", "author": "bot", "template": "t", "text": "hi"},
        {"id": 2, "author": "agent", "template": None, "text": None},
        {"author": "bot"},
        {"id": None, "author": "bot", "template": ["t"], "text": {"html": "x"}},
    ]

    answer = answering(data).read_replies("T-1")

    assert isinstance(answer, Observed)
    first, second, third, fourth = answer.value
    assert first == SentReply("r1", True, "t", "hi", "bot")
    assert second == SentReply("2", False, None, None, "agent")
    assert (third.id, third.automatic) == ("", True)
    for reply in (third, fourth):
        assert isinstance(reply.template, NotAvailable)
        assert isinstance(reply.text, NotAvailable)


@pytest.mark.parametrize("author", [None, 7, ["bot"]])
def test_a_reply_without_an_author_hides_who_sent_it(answering: Answering, author: Any) -> None:
    answer = answering([{"id": "1", "author": "agent"}, {"id": "2", "author": author}]).read_replies("T-1")

    assert isinstance(answer, NotAvailable)
    assert "automatic replies cannot be told" in answer.reason


def test_events_keep_their_whole_entry(answering: Answering) -> None:
    answer = answering([{"event": "a.b.c", "extra": {"deep": 1}}]).read_events("T-1")

    assert isinstance(answer, Observed)
    event = answer.value[0]
    assert event.fields["event"] == "a.b.c"
    assert isinstance(event.fields["env"], NotAvailable)
    assert event.entry == {"event": "a.b.c", "extra": {"deep": 1}}


def test_log_entries_may_be_anything(answering: Answering) -> None:
    answer = answering(["line", {"a": 1}]).read_logs("T-1")

    assert isinstance(answer, Observed)
    assert answer.value == ("line", {"a": 1})


def test_flags_keep_their_kind(answering: Answering) -> None:
    shown = {"safe_mode": False, "automation_enabled_channels": ["a"], "tier2_tags": None, "text": "on", "number": 1}

    answer = answering({"flags": shown}).read_flags()

    assert isinstance(answer, Observed)
    assert answer.value == {
        name: tuple(map(str, value)) if isinstance(value, list) else value
        for name, value in {**shown, "text": ["on"], "number": ["1"]}.items()
    }


@pytest.mark.parametrize("flags", [None, [], "x", [{"key": "safe_mode"}]])
def test_flags_that_are_no_map_are_not_available(answering: Answering, flags: Any) -> None:
    assert isinstance(answering({"flags": flags}).read_flags(), NotAvailable)


def test_a_name_of_ours_that_means_another_flag_there_is_not_taken_for_ours() -> None:
    names = {"safe_mode": "SM", "template_enabled.*": "tpl_*_on", "template_enabled.special": "extra"}
    shown = {"SM": True, "safe_mode": False, "tpl_a_on": True, "tpl_on": True, "tpl_special_on": False, "extra": True}
    with CaptureServer(lambda _: Reply.of(shown)) as server:
        target = open_target({"flags": {"request": "GET /flags", "names": names}}, server.url).target

        answer = target.read_flags()

    assert isinstance(answer, Observed)
    assert answer.value == {
        SAFE_MODE: True, template_flag("a"): True, template_flag("special"): True, "tpl_on": True,
    }  # fmt: skip


def test_half_a_surrogate_pair_in_an_answer_can_still_be_written_down(answering: Answering) -> None:
    body = rb'[{"intent": "x\ud800y", "tags": ["\udc00", "\ud83d\ude9a", "\\ud800"]}]'

    answer = answering(Reply(200, body)).read_decisions("T-1")

    assert isinstance(answer, Observed)
    assert answer.value[0].get("intent") == "x\N{REPLACEMENT CHARACTER}y"
    assert answer.value[0].get("tags") == ["\N{REPLACEMENT CHARACTER}", "\N{DELIVERY TRUCK}", "\\ud800"]
    json.dumps(answer.value[0].get("tags"), ensure_ascii=False).encode()


def test_an_answer_that_is_too_large_is_not_read_to_its_end(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 1_000_000)

    with pytest.raises(TargetError, match=r"GET /logs failed: AnswerTooLarge"):
        answering(Reply(200, b"[" + b" " * 1_000_000 + b"]")).read_logs("T-1")

    assert answering.opened.exchanges[-1]["error"] == "AnswerTooLargeError"


def test_a_large_answer_is_read(answering: Answering) -> None:
    answer = answering(["x" * 3_000_000]).read_logs("T-1")

    assert isinstance(answer, Observed)
    assert len(answer.value[0]) == 3_000_000


def test_a_body_that_does_not_unpack_is_an_error_of_the_way(answering: Answering) -> None:
    with pytest.raises(TargetError, match="DecodingError"):
        answering(Reply(200, b"not gzip", {"Content-Encoding": "gzip"})).read_logs("T-1")


@pytest.mark.parametrize(
    "expression", ["length(a)", "sort(a)", "join(',', a)", "max_by(a, &b)", "to_number(a) && abs(a)", "keys(a)"]
)
def test_an_answer_that_an_expression_cannot_work_on_is_not_available(expression: str) -> None:
    found = extract(expression, {"a": 7 if "abs" not in expression else "7"})

    assert isinstance(found, NotAvailable)
    assert "7" not in found.reason


def test_extract_of_plain_paths() -> None:
    data = {"a": {"b": None, "c": 0, "d.e": False}, "l": [1]}

    assert extract("a.b", data) is None
    assert extract("a.c", data) == 0
    assert extract('a."d.e"', data) is False
    assert isinstance(extract("a.x", data), NotAvailable)
    assert isinstance(extract("a.b.x", data), NotAvailable)
    assert isinstance(extract("l.x", data), NotAvailable)
    assert isinstance(extract("l[5]", data), NotAvailable)
    assert isinstance(extract("a", None), NotAvailable)
    assert extract("a.c == `0`", data) is True
    assert extract_items("l", data) == [1]
    assert isinstance(extract_items("a", data), NotAvailable)
    assert isinstance(extract_items("@", data), NotAvailable)
    assert extract_items("@", []) == []


def test_numbers_are_read_as_they_stand() -> None:
    assert parse_json(b'{"a": 12345678901234567890, "b": 0.1}', "GET /x") == {"a": 12345678901234567890, "b": 0.1}


def test_a_request_id_is_optional(answering: Answering) -> None:
    with CaptureServer(lambda _: Reply(202, b"queued")) as server:
        send = {"request": "POST /in", "body": {}, "request_id": "id"}
        target = open_target({"send": send}, server.url).target

        delivery = target.send(message(), "d")

        assert server.requests[0].body == b"{}"
    assert delivery.accepted
    assert delivery.request_id is None
