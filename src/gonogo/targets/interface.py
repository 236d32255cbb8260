"""What a deployed system can be asked; every answer is an observation or says why there is none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar

from gonogo.errors import TargetError
from gonogo.model.flags import FlagValue

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Observed(Generic[T]):
    """A value that the target showed, when (seconds since the epoch), and where it was read."""

    value: T
    at: float
    source: str


@dataclass(frozen=True, slots=True)
class NotAvailable:
    """The target cannot show this; `broken` says that it should have and the way there failed."""

    reason: str
    broken: bool = False


class Capability(StrEnum):
    """A question that a target may be able to answer."""

    IDENTITY = "identity"
    HEALTH = "health"
    SEND = "send"
    DECISIONS = "decisions"
    TICKET = "ticket"
    REPLIES = "replies"
    EVENTS = "events"
    LOGS = "logs"
    FLAGS = "flags"
    CONFIGURATION = "configuration"
    SET_FLAG = "set_flag"
    UNSET_FLAG = "unset_flag"
    CLOSE_TICKET = "close_ticket"


@dataclass(frozen=True, slots=True)
class Message:
    """What a customer writes; `order` holds the fields of an order fixture, `author` says who is writing."""

    ticket_id: str
    event_id: str
    channel: str
    text: str
    case_id: str
    run_id: str
    attachments: tuple[str, ...] = ()
    author: str = "customer"
    order: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of a message and the target's acknowledgement."""

    delivery_id: str
    status: int
    accepted: bool
    seconds: float
    sent_at: float
    request_id: str | None = None


class Malformed(StrEnum):
    """A call that a webhook must refuse."""

    NO_TOKEN = "without a token"
    WRONG_TOKEN = "with a wrong token"
    NOT_JSON = "with a body that is not JSON"
    NOT_OBJECT = "with a body that is not an object"
    MISSING_KEY = "without a required key"
    OVERSIZED = "with a body over the size limit"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a malformed call; the body appears as its digest only."""

    status: int
    body_sha256: str


Field_: TypeAlias = "Observed[Any] | NotAvailable"


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of the middleware; each field is observed or not available."""

    fields: Mapping[str, Any]
    flags_used: Mapping[str, FlagValue]
    missing: Mapping[str, str]

    def get(self, name: str) -> Any:
        """Return a field's value; `NotAvailable` where the target does not show it."""
        if name in self.fields:
            return self.fields[name]
        return NotAvailable(self.missing.get(name, f"decisions show no {name!r}"))

    @property
    def complete(self) -> bool:
        """Return whether the last write of the decision is visible; a target without that field is never complete."""
        return self.fields.get("complete") is True


@dataclass(frozen=True, slots=True)
class SentReply:
    """A reply on a ticket; its text is for searching only and is never recorded."""

    id: str
    automatic: bool
    template: str | NotAvailable | None
    text: str | NotAvailable | None
    author: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as it stands: its tags in the order applied, duplicates kept, and its team."""

    tags: tuple[str, ...] | NotAvailable
    team: str | NotAvailable | None


@dataclass(frozen=True, slots=True)
class Event:
    """A structured event: its known fields, and the whole entry for searching."""

    fields: Mapping[str, Any]
    entry: Any


@dataclass(frozen=True, slots=True)
class Identity:
    """What was deployed."""

    build: str
    release: str | None = None


class Target(ABC):
    """A deployed system in one environment. Transport failures raise `TargetError`; answers are data."""

    @abstractmethod
    def capabilities(self) -> frozenset[Capability]:
        """Return which questions this target can answer."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what the report shows about this target: address, aliases, capabilities; no secrets."""

    @abstractmethod
    def check_health(self) -> Observed[bool] | NotAvailable:
        """Return whether the target calls itself healthy."""

    @abstractmethod
    def read_identity(self) -> Observed[Identity] | NotAvailable:
        """Return what is deployed."""

    @abstractmethod
    def send(self, message: Message, delivery_id: str) -> Delivery:
        """Deliver a message once."""

    @abstractmethod
    def send_malformed(self, kind: Malformed, message: Message) -> Observed[Answer] | NotAvailable:
        """Make a call that the target must refuse."""

    @abstractmethod
    def read_decisions(self, ticket_id: str) -> Observed[tuple[Decision, ...]] | NotAvailable:
        """Return all decisions about a ticket, oldest first."""

    @abstractmethod
    def read_ticket(self, ticket_id: str) -> Observed[Ticket] | NotAvailable:
        """Return a ticket."""

    @abstractmethod
    def read_replies(self, ticket_id: str) -> Observed[tuple[SentReply, ...]] | NotAvailable:
        """Return all replies on a ticket, people's and automatic ones."""

    @abstractmethod
    def read_events(self, ticket_id: str) -> Observed[tuple[Event, ...]] | NotAvailable:
        """Return the structured events about a ticket."""

    @abstractmethod
    def read_logs(self, ticket_id: str) -> Observed[tuple[Any, ...]] | NotAvailable:
        """Return the log entries about a ticket."""

    @abstractmethod
    def read_flags(self) -> Observed[dict[str, FlagValue]] | NotAvailable:
        """Return the flags in the store, under our names."""

    def read_configuration(self) -> Observed[dict[str, Any]] | NotAvailable:
        """Return the parameters that the system runs with, by name."""
        return NotAvailable("this target shows no configuration")

    @abstractmethod
    def set_flag(self, name: str, value: FlagValue) -> None:
        """Write one flag, or remove it for `ABSENT`; raises `TargetError` where the target refuses."""

    def close_ticket(self, ticket_id: str) -> None:
        """Close a ticket that a run opened; raises `TargetError` where the target cannot or does not."""
        raise TargetError(f"this target cannot close {ticket_id}")

    @abstractmethod
    def close(self) -> None:
        """Release connections."""
