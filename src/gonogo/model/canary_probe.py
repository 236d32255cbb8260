"""How ids are sent to a rollout to see which version answers, as data, and what was seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from gonogo.model.gate import Duration
from gonogo.model.http_interface import Expression, Token
from gonogo.model.vocabulary import Frozen

MAX_PROBE_IDS = 2000
ID_MARK = "{id}"
_HEADER_VALUE = r"^[\x21-\x7e][\x20-\x7e]*$"

HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]


def _check_path(text: str) -> str:
    if not re.fullmatch(r"/[\x21-\x7e]*", text) or "?" in text or "#" in text:
        raise ValueError("not a path; allowed: a path without query, such as /v1/classify")
    return text


class IdPlace(Frozen):
    """Where an id goes: a header, a query parameter, or a JSON body in which it stands for `{id}`; one of them."""

    header: HeaderName | None = None
    query: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    body: dict[str, Any] | None = None


class CanaryProbe(Frozen):
    """One request that has no effect, and where its answer says which version gave it.

    `rate` is in requests a second, `timeout` in seconds for a whole request; `body` is sent with every POST, and the
    bodies of the ids are merged into it.
    """

    method: Literal["GET", "POST"]
    path: Annotated[str, AfterValidator(_check_path)]
    request_id: IdPlace | None = None
    user_id: IdPlace | None = None
    headers: dict[HeaderName, Annotated[str, Field(pattern=_HEADER_VALUE)]] = Field(default_factory=dict)
    body: dict[str, Any] | None = None
    secret: Token | None = None
    version: Expression
    ids: int = Field(default=200, ge=20, le=MAX_PROBE_IDS)
    rate: Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)] = 20.0
    timeout: Annotated[Duration, Field(le=60)] = 10.0


@dataclass(frozen=True, slots=True)
class ProbeSight:
    """What sending came to: requests planned and answered with a version, and what became of the others.

    `new` and `old` count the distinct ids of the promised key by the version of their first answer; `aside` tells of
    the other key.
    """

    planned: int
    answered: int
    new: int
    old: int
    faults: Mapping[str, int]
    aside: str = ""

    @property
    def is_broken(self) -> bool:
        """Return whether any request was left without the version that answered it."""
        return self.answered < self.planned


def merge_bodies(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return two JSON objects as one, at every depth; raises `ValueError` where both hold a value at one place."""
    merged = dict(first)
    for key, value in second.items():
        if key not in merged:
            merged[key] = value
        elif isinstance(merged[key], Mapping) and isinstance(value, Mapping):
            merged[key] = merge_bodies(merged[key], value)
        else:
            raise ValueError(key)
    return merged


def fill_id(template: Any, value: str) -> Any:
    """Return a JSON template with `{id}` in its values replaced."""
    if isinstance(template, str):
        return template.replace(ID_MARK, value)
    if isinstance(template, Mapping):
        return {key: fill_id(item, value) for key, item in template.items()}
    if isinstance(template, list | tuple):
        return [fill_id(item, value) for item in template]
    return template
