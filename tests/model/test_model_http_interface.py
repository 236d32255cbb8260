"""What an interface of a middleware may say, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gonogo.model.environment import Environment
from gonogo.model.http_interface import FlagsRequest, HttpInterface, Token

SEND = {"request": "POST /in"}


@pytest.mark.parametrize(
    "request_line", ["get /x", "POST x", "POST", "TRACE /x", "GET /a b", "GET /a\n", "GET /a\x01b", "GET /ä", " GET /a"]
)
def test_a_request_is_a_method_and_a_path(request_line: str) -> None:
    with pytest.raises(ValidationError, match="not a request"):
        HttpInterface.model_validate({"send": {"request": request_line}})


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_the_usual_methods_are_known(method: str) -> None:
    assert HttpInterface.model_validate({"send": {"request": f"{method} /a/{{ticket_id}}?x=1"}})


def test_a_field_must_be_a_jmespath_expression() -> None:
    with pytest.raises(ValidationError, match="not a JMESPath expression"):
        HttpInterface.model_validate({"send": SEND, "health": {"request": "GET /h", "ok": "a..b"}})


@pytest.mark.parametrize("part", ["decisions", "replies", "events"])
def test_a_field_that_nobody_reads_is_refused(part: str) -> None:
    with pytest.raises(ValidationError, match="Input should be"):
        HttpInterface.model_validate(
            {"send": SEND, part: {"request": "GET /d", "automatic": "bot", "fields": {"mood": "a"}}}
        )


@pytest.mark.parametrize(
    "token",
    [
        {"header": "X Token", "env": "TOKEN"},
        {"header": "X-Token:", "env": "TOKEN"},
        {"header": "X-Token\r\nEvil", "env": "TOKEN"},
        {"header": "X-Token", "env": "s3cret-value"},
        {"header": "X-Token", "env": "TOKEN", "prefix": "Bearer\r\n"},
        {"header": "X-Token", "env": "TOKEN", "prefix": " Bearer"},
        {"header": "X-Token", "env": "TOKEN", "prefix": "Bearér "},
    ],
)
def test_a_token_is_a_header_and_the_name_of_a_variable(token: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Token.model_validate(token)


def test_a_token_may_have_a_prefix() -> None:
    assert Token(header="Authorization", env="TOKEN", prefix="Bearer ").prefix == "Bearer "
    assert Token(header="X-Token", env="TOKEN").prefix == ""


@pytest.mark.parametrize(
    "names",
    [
        {"template_enabled.*": "tpl"},
        {"template_enabled.*": "tpl_*_*"},
        {"template_enabled.a": "tpl_*"},
        {"safe_*": "sm_*"},
        {"safe_mode": "sm", "automation_enabled": "sm"},
    ],
)
def test_a_flag_name_that_cannot_be_mapped_both_ways_is_refused(names: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"may hold a|have one name"):
        FlagsRequest.model_validate({"request": "GET /flags", "names": names})


def test_flag_names_map_one_by_one_or_all_templates_at_once() -> None:
    names = {"safe_mode": "sm", "template_enabled.*": "tpl-*-on", "template_enabled.special": "extra"}

    assert FlagsRequest.model_validate({"request": "GET /flags", "names": names}).names == names


def environment(**changes: Any) -> Environment:
    timing = {"propagation_deadline": 1.0, "decision_deadline": 1.0, "quiet_period": 0.0}
    return Environment.model_validate({"kind": "staging", "interface": "i", "timing": timing, **changes})


@pytest.mark.parametrize(
    "url",
    [
        "https://user:secret@example.com", "https://token@example.com/api", "https://example.com?key=secret",
        "https://example.com#a", "ftp://example.com", "example.com", "https://", "https://a b.com", "https:///x",
    ],
)  # fmt: skip
def test_an_address_holds_no_secret(url: str) -> None:
    with pytest.raises(ValidationError, match="base_url"):
        environment(base_url=url)


@pytest.mark.parametrize(
    "url", ["https://example.com", "http://127.0.0.1:8000", "http://[::1]:8000/api/v2/", "https://h/a@b"]
)
def test_an_address_may_have_a_port_and_a_path(url: str) -> None:
    assert environment(base_url=url).base_url == url


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan"), 90_000])
def test_a_deadline_is_a_positive_finite_number_of_seconds(value: float) -> None:
    with pytest.raises(ValidationError, match="decision_deadline"):
        environment(timing={"propagation_deadline": 1.0, "decision_deadline": value, "quiet_period": 0.0})


@pytest.mark.parametrize(
    ("limit", "value"), [("rate", 0.0), ("rate", float("inf")), ("burst", 0), ("in_flight", 0), ("retry_cap", -1.0)]
)
def test_a_limit_bounds_something(limit: str, value: float) -> None:
    with pytest.raises(ValidationError, match=limit):
        environment(limits={limit: value})


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValidationError, match="kind"):
        environment(kind="prod")
