"""Where a system is deployed and how it is reached, observed and limited."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

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


_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?", re.IGNORECASE)


def _host(text: str) -> str:
    found = _HOST.fullmatch(text)
    if not found or not 0 < int(found[1] or 1) < 65_536:
        words = "not a host or host:port, such as middleware.example.com; patterns and schemes are not allowed"
        raise ValueError(words)
    return text.lower()


Host = Annotated[Word, AfterValidator(_host)]


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


class Caps(Frozen):
    """The most that one run may do: messages, messages a second, minutes, and spend in the plan's currency."""

    messages: int = Field(ge=1, le=100_000)
    rate: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)]
    minutes: Annotated[float, Field(gt=0, le=1_440, allow_inf_nan=False)]
    spend: Annotated[float, Field(ge=0, allow_inf_nan=False)]


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
    """One deployed system in one environment; secrets appear only as names of environment variables.

    `hosts` are all that may be spoken to; one without a port means the scheme's own. `cost_per_message` is in the
    currency of `caps.spend`. `close_tickets` has a run close its tickets; left out, it does so on kind production.
    `identity_item` is the manual item that says what is deployed where the system does not.
    """

    kind: Annotated[Kind, BeforeValidator(_kind)]
    target: Word = "http"
    interface: Word
    base_url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")] | None = None
    embedded: Embedded | None = None
    hosts: tuple[Host, ...] = ()
    caps: Caps | None = None
    cost_per_message: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    close_tickets: bool | None = None
    identity_item: Word | None = None
    timing: Timing
    limits: Limits = Limits()
    probe: Probe | None = None
    controls: dict[Word, Control] = Field(default_factory=dict)
    orders: dict[Word, Order] = Field(default_factory=dict)
    variables: dict[Word, Any] = Field(default_factory=dict)

    @property
    def closes_tickets(self) -> bool:
        """Return whether a run closes the tickets that it opened."""
        return self.kind is Kind.PRODUCTION if self.close_tickets is None else self.close_tickets

    def with_variables(self, values: Mapping[str, str]) -> Environment:
        """Return the environment with further variables, which its own and those of its orders may name in braces."""
        orders = {
            name: order.model_copy(update={"variables": fill_known(order.variables, values)})
            for name, order in self.orders.items()
        }
        return self.model_copy(update={"variables": {**fill_known(self.variables, values), **values}, "orders": orders})


def fill_known(data: Any, values: Mapping[str, str]) -> Any:
    """Return data with the `{placeholders}` that have a value filled in every text; others stay as they are."""
    if isinstance(data, dict):
        return {key: fill_known(value, values) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(fill_known(value, values) for value in data)
    if not isinstance(data, str):
        return data
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), data)


class Environments(Frozen):
    """All environments of a system and the interfaces that they share."""

    system: Word
    interfaces: dict[Word, HttpInterface] = Field(min_length=1)
    environments: dict[Word, Environment] = Field(min_length=1)
