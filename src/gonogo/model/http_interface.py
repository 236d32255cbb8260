"""How a middleware speaks HTTP, as data: paths, bodies, and where each answer holds what.

Paths, headers and bodies (their keys too) may hold `{placeholders}`; fields are JMESPath expressions over the JSON
answer. A field that is not named here is one that the target cannot show.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, Field

from gonogo.model.flags import TEMPLATE_PREFIX
from gonogo.model.vocabulary import Frozen, Word

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def _check_expression(text: str) -> str:
    try:
        jmespath.compile(text)
    except JMESPathError as error:
        raise ValueError(f"not a JMESPath expression: {str(error).splitlines()[0]}") from error
    return text


def _check_request(text: str) -> str:
    if not re.fullmatch(r"(GET|POST|PUT|PATCH|DELETE) /[\x21-\x7e]*", text):
        raise ValueError("not a request; allowed: a method and a path, such as 'GET /health'")
    return text


Expression = Annotated[str, AfterValidator(_check_expression)]
RequestLine = Annotated[str, AfterValidator(_check_request)]


class Token(Frozen):
    """The header that authenticates: `prefix`, such as `"Bearer "`, and the value of an environment variable."""

    header: Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
    env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    prefix: Annotated[str, Field(max_length=40, pattern=r"^[\x21-\x7e][\x20-\x7e]*$|^$")] = ""


class Request(Frozen):
    """One request; `authorised` sends the token along."""

    request: RequestLine
    headers: dict[Word, str] = Field(default_factory=dict)
    body: Any = None
    authorised: bool = False


class HealthRequest(Request):
    """Health: `ok` must be true."""

    ok: Expression


class IdentityRequest(Request):
    """Build identity; `build` is what must not change during a run."""

    build: Expression
    release: Expression | None = None


class SendRequest(Request):
    """A customer's message; `required` names body keys without which the target must answer 400."""

    accepted: tuple[int, ...] = (200, 202)
    request_id: Expression | None = None
    max_bytes: int | None = Field(default=None, ge=1)
    required: tuple[Word, ...] = ()


DecisionField = Literal[
    "decision_id", "event_id", "ticket_id", "request_id", "intent", "team", "tags", "template", "action", "complete",
    "blocked_by", "message_sha256", "order_match", "reply_status", "completed_at",
]  # fmt: skip
FlagGroup = Literal[
    "safe_mode", "automation_enabled", "automation_enabled_channels", "template_enabled", "tier2_channels", "tier2_tags"
]
ReplyField = Literal["id", "author", "template", "text", "event_id"]
EventField = Literal["event", "ticket_id", "request_id", "release", "env"]


class DecisionsRequest(Request):
    """The decisions about a ticket; `flags_used` says where a decision shows the flags that the worker used.

    `aliases` maps the system's own words to ours, field by field; they hold for tickets and replies too.
    """

    items: Expression = "@"
    fields: dict[DecisionField, Expression]
    flags_used: dict[FlagGroup, Expression] = Field(default_factory=dict)
    aliases: dict[DecisionField, dict[str, str]] = Field(default_factory=dict)


class TicketRequest(Request):
    """A ticket: the tags it carries, in the order applied, and its team."""

    tags: Expression | None = None
    team: Expression | None = None


class RepliesRequest(Request):
    """The replies on a ticket; `automatic` is the author of those that the middleware sent."""

    items: Expression = "@"
    fields: dict[ReplyField, Expression]
    automatic: Word


class PageRequest(Request):
    """All decisions or replies of the tickets that begin with `{ticket_prefix}`, a page from `{cursor}` on.

    The cursor is empty for the first page; `next` finds that of the following one, null at the end. `ticket_id` finds
    the ticket of an item. What else an item holds is found as in the answer about a single ticket.
    """

    items: Expression = "@"
    next: Expression | None = None
    ticket_id: Expression


class EventsRequest(Request):
    """The structured events about a ticket."""

    items: Expression = "@"
    fields: dict[EventField, Expression]


class LogsRequest(Request):
    """The log excerpts about a ticket; whole entries are searched for what must not be there."""

    items: Expression = "@"


class ClassifyRequest(Request):
    """A message classified without any effect: where the answer holds the decision, the model and its tokens."""

    output: Expression = "@"
    model: Expression | None = None
    tokens_input: Expression | None = None
    tokens_output: Expression | None = None


ALL_TEMPLATES = f"{TEMPLATE_PREFIX}*"


def _check_names(names: dict[str, str]) -> dict[str, str]:
    for ours, theirs in names.items():
        if theirs.count("*") != (ours == ALL_TEMPLATES) or ("*" in ours and ours != ALL_TEMPLATES):
            raise ValueError(f"{ours!r}: only {ALL_TEMPLATES!r} may hold a '*', and its name then holds one too")
    if len(set(names.values())) != len(names):
        raise ValueError("two of our flags have one name there")
    return names


class FlagsRequest(Request):
    """The flags in the store; `names` maps our flag names to the system's, `template_enabled.*` all templates."""

    values: Expression = "@"
    names: Annotated[dict[Word, Word], AfterValidator(_check_names)] = Field(default_factory=dict)


class ConfigurationRequest(Request):
    """The parameters that the system runs with, as one mapping of plain values."""

    values: Expression = "@"


class HttpInterface(Frozen):
    """All that a target of this kind can be asked; what is left out it cannot show.

    `credentials` is a read that succeeds with the right token only, and changes nothing.
    """

    token: Token | None = None
    health: HealthRequest | None = None
    identity: IdentityRequest | None = None
    send: SendRequest
    decisions: DecisionsRequest | None = None
    ticket: TicketRequest | None = None
    replies: RepliesRequest | None = None
    decisions_page: PageRequest | None = None
    replies_page: PageRequest | None = None
    events: EventsRequest | None = None
    logs: LogsRequest | None = None
    flags: FlagsRequest | None = None
    configuration: ConfigurationRequest | None = None
    set_flag: Request | None = None
    unset_flag: Request | None = None
    close_ticket: Request | None = None
    credentials: Request | None = None
    classify: ClassifyRequest | None = None
