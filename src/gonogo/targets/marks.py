"""The marks by which production tells our messages from customers': run and case id, anywhere but in the text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gonogo.errors import RefusedError
from gonogo.model.environment import Environment, Kind
from gonogo.model.http_interface import PLACEHOLDER, HttpInterface

MARKS = ("run_id", "case_id")
MARKER_MISSING = "synthetic-marker-missing"
CUSTOMER_UNMARKED = "customer-marker-missing"
MARKER_IN_TEXT = "marker-in-text"
_TEXT = "message"


def find_fields(interface: HttpInterface) -> dict[str, str]:
    """Return every text of a message's headers and body by its path."""
    headers = {f"headers.{name}": value for name, value in interface.send.headers.items()}
    return {**headers, **dict(_walk(interface.send.body, "body"))}


def _walk(data: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _walk(value, f"{path}.{key}")
    elif isinstance(data, list | tuple):
        for index, value in enumerate(data):
            yield from _walk(value, f"{path}.{index}")
    elif isinstance(data, str):
        yield path, data


def marked_fields(interface: HttpInterface, environment: Environment) -> dict[str, dict[str, frozenset[str]]]:
    """Return the marks in each field, by `envelope` (the interface puts them there) and `customer` (variables do)."""
    found: dict[str, dict[str, frozenset[str]]] = {"envelope": {}, "customer": {}}
    for path, template in find_fields(interface).items():
        names = set(PLACEHOLDER.findall(template))
        if _TEXT in names:
            continue
        own = names & set(environment.variables)
        values = [str(environment.variables[name]) for name in own]
        if own:
            inside = {mark for value in values for mark in PLACEHOLDER.findall(value)} | names
            found["customer"][path] = frozenset(inside & set(MARKS))
        if names & set(MARKS):
            found["envelope"][path] = frozenset(names & set(MARKS))
    return found


def judge_envelope(interface: HttpInterface, environment: Environment) -> str:
    """Return why messages are not marked outside the fields of the customer, or an empty text."""
    marks = frozenset[str]().union(*marked_fields(interface, environment)["envelope"].values())
    missing = [mark for mark in MARKS if mark not in marks]
    return f"the message's envelope holds no {_braces(missing)}" if missing else ""


def judge_customer(interface: HttpInterface, environment: Environment) -> str:
    """Return why the customer of a message is not marked, or an empty text; where none is sent, none need be."""
    fields = marked_fields(interface, environment)["customer"]
    marks = frozenset[str]().union(*fields.values())
    missing = [mark for mark in MARKS if mark not in marks]
    if not fields or not missing:
        return ""
    return f"no field of the customer ({', '.join(sorted(fields))}) holds {_braces(missing)}"


def judge_text_field(interface: HttpInterface) -> str:
    """Return why the text may not arrive as it is, or an empty text: its field holds the message and nothing else."""
    for path, template in find_fields(interface).items():
        if "{message}" in template and template != "{message}":
            return f"{path} holds more than the message"
    return ""


def marks_in_text(text: str, run_id: str, case: str) -> list[str]:
    """Return which ids stand in a message's text."""
    return [mark for mark in (run_id, case) if mark and mark in text]


def check_marks(
    environment: Environment, headers: Mapping[str, str], body: Any, text: str, run_id: str, case: str
) -> None:
    """Raise `RefusedError` where a message for production, as it is about to leave, is not marked as it has to be."""
    if environment.kind is not Kind.PRODUCTION:
        return
    inside = marks_in_text(text, run_id, case)
    if inside:
        raise RefusedError(f"[{MARKER_IN_TEXT}] the text of {case} holds {', '.join(inside)}", "It was not sent.")
    fields = [*headers.values(), *(value for _, value in _walk(body, "body") if value != text)]
    # The ticket's id is made of both; only what says so by itself is a mark.
    shown = json.dumps([value for value in fields if not value.startswith(f"gonogo-{run_id}")], ensure_ascii=False)
    if run_id not in shown or case not in shown:
        raise RefusedError(
            f"[{MARKER_MISSING}] the message of {case} holds its run and case id nowhere outside the text",
            "It was not sent. Put {run_id} and {case_id} into the body of 'send'.",
        )


def _braces(names: list[str]) -> str:
    return " and no ".join(f"{{{name}}}" for name in names)
