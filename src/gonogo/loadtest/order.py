"""What a generator is told to do: whom to send to, the requests with a place for the number, and when.

It holds no secret: the token's value comes from the environment of the process that sends.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gonogo.errors import UsageError
from gonogo.loadtest.schedule import Schedule, build_schedule
from gonogo.model.load import Arrivals

WIDTH = 8
# What a token's value is written as until the generator puts it in; printable, as a header's value must be.
TOKEN_MARK = "gonogo-token-goes-here"


@dataclass(frozen=True, slots=True)
class Order:
    """One load as a generator makes it.

    `requests` holds a request a case, in parts between which the number of the event goes; `pattern` says which case
    each event is, over and over. `timeout` (seconds) bounds a request. `token_env` names the variable that holds the
    token, written as `token_prefix` and its value.
    """

    run: str
    host: str
    port: int
    tls: bool
    requests: tuple[tuple[bytes, ...], ...]
    pattern: tuple[int, ...]
    arrivals: Arrivals
    duration: float | None
    time_scale: float
    timeout: float
    workers: int
    token_env: str | None = None
    token_prefix: str = ""

    def schedule(self) -> Schedule:
        """Return when each arrival is due."""
        return build_schedule(self.arrivals, duration=self.duration, time_scale=self.time_scale)

    def with_token(self, environ: Mapping[str, str]) -> tuple[tuple[bytes, ...], ...]:
        """Return the requests with the token in its place; raises `UsageError` where the environment holds none."""
        if self.token_env is None:
            return self.requests
        value = environ.get(self.token_env, "")
        if not value:
            raise UsageError(f"environment variable {self.token_env} is not set on this worker", "Set it to the token.")
        token = (self.token_prefix + value).encode()
        return tuple(tuple(part.replace(TOKEN_MARK.encode(), token) for part in parts) for parts in self.requests)

    def to_json(self) -> str:
        """Return the order as JSON."""
        data = {**{name: getattr(self, name) for name in self.__slots__}}
        data["arrivals"] = self.arrivals.model_dump(mode="json")
        data["requests"] = [[base64.b64encode(part).decode() for part in parts] for parts in self.requests]
        return json.dumps(data)

    @classmethod
    def from_json(cls, text: str) -> Order:
        """Return an order from its JSON."""
        data: dict[str, Any] = json.loads(text)
        data["arrivals"] = Arrivals.model_validate_json(json.dumps(data["arrivals"]))
        data["requests"] = tuple(tuple(base64.b64decode(part) for part in parts) for parts in data["requests"])
        data["pattern"] = tuple(data["pattern"])
        return cls(**data)


@dataclass(frozen=True, slots=True)
class WorkerNote:
    """What a worker says at its end: how many arrivals were its own, how many it sent, and when it began and ended.

    Times are in seconds since the epoch, `processor` is the seconds of processor time that the sending took.
    """

    worker: int
    planned: int
    sent: int
    records: int
    began: float
    ended: float
    stopped: bool
    peak_memory: int
    processor: float = 0.0
    error: str = ""

    def to_json(self) -> str:
        """Return the note as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> WorkerNote:
        """Return a note from its JSON."""
        return cls(**json.loads(text))
