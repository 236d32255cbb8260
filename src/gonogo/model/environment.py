"""Where a system is deployed and how it is reached, observed and limited."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from gonogo.model.http_interface import PLACEHOLDER, HttpInterface
from gonogo.model.vocabulary import Frozen, Word


class Kind(StrEnum):
    """How careful the harness has to be with an environment."""

    SANDBOX = "sandbox"
    STAGING = "staging"
    PRODUCTION = "production"


def _kind(value: object) -> object:
    return Kind(value) if isinstance(value, str) and value in set(Kind) else value


Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


class Timing(Frozen):
    """Deadlines in seconds."""

    propagation_deadline: Seconds
    decision_deadline: Seconds
    quiet_period: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
    poll_interval: Seconds = 0.2
    request_timeout: Seconds = 10.0


class Limits(Frozen):
    """Bounds on what is sent: requests a second with a burst, requests at once, seconds that retries may take."""

    rate: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)] = 10.0
    burst: int = Field(default=10, ge=1, le=10_000)
    in_flight: int = Field(default=8, ge=1, le=256)
    retry_cap: Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)] = 10.0


class Probe(Frozen):
    """The message that shows which flags the worker uses; its decision is read, its reply does not matter."""

    channel: Word
    message: Annotated[str, Field(min_length=1, max_length=4000)]


class Control(Frozen):
    """A fixture ticket that already holds a known human reply."""

    ticket: Word
    reply: Word


class Order(Frozen):
    """An order fixture: what tells it apart in a verified reply, and the variables by which it is linked."""

    shows: tuple[Word, ...] = Field(min_length=1)
    variables: dict[Word, Any] = Field(min_length=1)


class Embedded(Frozen):
    """A sandbox that a run starts and stops by itself."""

    system: Word
    options: tuple[str, ...] = ()
    token_env: Word = "GONOGO_SANDBOX_TOKEN"


class Environment(Frozen):
    """One deployed system in one environment; secrets appear only as names of environment variables."""

    kind: Annotated[Kind, BeforeValidator(_kind)]
    target: Word = "http"
    interface: Word
    base_url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")] | None = None
    embedded: Embedded | None = None
    timing: Timing
    limits: Limits = Limits()
    probe: Probe | None = None
    controls: dict[Word, Control] = Field(default_factory=dict)
    orders: dict[Word, Order] = Field(default_factory=dict)
    variables: dict[Word, Any] = Field(default_factory=dict)

    def with_variables(self, values: Mapping[str, str]) -> Environment:
        """Return the environment with further variables, which its own and those of its orders may name in braces."""
        orders = {
            name: order.model_copy(update={"variables": _fill(order.variables, values)})
            for name, order in self.orders.items()
        }
        return self.model_copy(update={"variables": {**_fill(self.variables, values), **values}, "orders": orders})


def _fill(data: Any, values: Mapping[str, str]) -> Any:
    if isinstance(data, dict):
        return {key: _fill(value, values) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(_fill(value, values) for value in data)
    if not isinstance(data, str):
        return data
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), data)


class Environments(Frozen):
    """All environments of a system and the interfaces that they share."""

    system: Word
    interfaces: dict[Word, HttpInterface] = Field(min_length=1)
    environments: dict[Word, Environment] = Field(min_length=1)
