"""A target that speaks HTTP, driven wholly by `environments.yaml`."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from gonogo.errors import TargetError
from gonogo.model.environment import Environment, fill_known
from gonogo.model.flags import ABSENT, FlagValue
from gonogo.model.http_interface import DecisionsRequest, HttpInterface, PageRequest, RepliesRequest, Request
from gonogo.targets.extract import encode_body, extract, extract_items, fill, fill_text, parse_json
from gonogo.targets.flag_names import flag_value, our_name, their_name
from gonogo.targets.interface import (
    Answer,
    Capability,
    Decision,
    Delivery,
    Event,
    Identity,
    Malformed,
    Message,
    NotAvailable,
    Observed,
    SentReply,
    Target,
    Ticket,
)
from gonogo.targets.marks import check_marks
from gonogo.targets.named import label_of, namer
from gonogo.targets.secrets import Secrets, read_token
from gonogo.targets.transport import Call, Capture, RawAnswer, RecordExchange, Transport

__all__ = ["HttpTarget", "Secrets"]

# These say that there is nothing to show, or no way to show it; every other refusal means that the way there broke.
_NOTHING_THERE = frozenset({204, 404, 410, 501})
_NO_TICKET = frozenset({404, 410})
_WRONG_TOKEN = "gonogo-wrong-token"


class HttpTarget(Target):
    """A middleware behind HTTP. Only the way there is retried: connecting, 429 with Retry-After, idempotent reads."""

    def __init__(
        self,
        interface: HttpInterface,
        environment: Environment,
        base_url: str,
        secrets: Secrets,
        record: RecordExchange,
        capture: Capture | None = None,
    ) -> None:
        self._interface = interface
        self._environment = environment
        self._token = read_token(interface, secrets)
        self._aliases: Mapping[str, Mapping[str, str]] = {}
        if interface.decisions is not None:
            self._aliases = {str(name): words for name, words in interface.decisions.aliases.items()}
        self._transport = Transport(base_url, environment, record, capture)

    def capabilities(self) -> frozenset[Capability]:
        """Return which questions `environments.yaml` says how to ask."""
        declared = self._interface
        return frozenset(one for one in Capability if getattr(declared, one.value) is not None)

    def describe(self) -> dict[str, Any]:
        """Return address, capabilities and declared aliases."""
        return {
            "base_url": self._transport.base_url,
            "capabilities": sorted(self.capabilities()),
            "aliases": {name: dict(words) for name, words in self._aliases.items()},
        }

    def check_health(self) -> Observed[bool] | NotAvailable:
        """Return whether the field `ok` of the health answer is true."""
        request = self._interface.health
        if request is None:
            return _undeclared("health")
        answer = self._ask(request, {})
        if isinstance(answer, NotAvailable):
            return answer
        ok = extract(request.ok, answer.value)
        if isinstance(ok, NotAvailable):
            return ok
        return Observed(ok is True, answer.at, answer.source)

    def read_identity(self) -> Observed[Identity] | NotAvailable:
        """Return the build, and the release where declared."""
        request = self._interface.identity
        if request is None:
            return _undeclared("identity")
        answer = self._ask(request, {})
        if isinstance(answer, NotAvailable):
            return answer
        build = _as_name(extract(request.build, answer.value))
        if not build:
            return NotAvailable(f"{request.request} shows no build at {request.build!r}")
        release = _as_name(extract(request.release, answer.value)) if request.release else None
        return Observed(Identity(build, release), answer.at, answer.source)

    def check_credentials(self) -> Observed[bool] | NotAvailable:
        """Return whether the token is accepted, by a read that needs it; nothing is changed."""
        declared = self._interface
        reads = (declared.credentials, declared.health, declared.identity, declared.flags)
        request = next((one for one in reads if one is not None and one.authorised), None)
        if request is None or not request.request.startswith("GET "):
            return NotAvailable("environments.yaml declares no read that needs the token")
        values = self._environment.variables
        answer = self._exchange(request, values, self._body(request, values))
        if answer.status in (401, 403):
            return Observed(False, time.time(), request.request)
        if not answer.is_success:
            return NotAvailable(f"{request.request} answered {answer.status}", broken=True)
        return Observed(True, time.time(), request.request)

    def send(self, message: Message, delivery_id: str) -> Delivery:
        """Deliver a message once; a 429 with Retry-After is waited for within the retry cap."""
        request = self._interface.send
        answer = self._transport.exchange(self.prepare_send(message, delivery_id))
        accepted = answer.status in request.accepted
        request_id = None
        if accepted and request.request_id:
            request_id = _as_name(extract(request.request_id, parse_json(answer.content, request.request)))
        return Delivery(delivery_id, answer.status, accepted, answer.seconds, answer.at, request_id)

    def prepare_send(self, message: Message, delivery_id: str) -> Call:
        """Return the request that `send` makes for a message, without making it.

        Raises `RefusedError` where production would not tell the message from a customer's.
        """
        request, values = self._interface.send, self._values(message, delivery_id)
        body = fill(request.body, values)
        headers = {name: fill_text(value, values) for name, value in request.headers.items()}
        check_marks(self._environment, headers, body, message.text, message.run_id, message.case_id)
        return self._call(request, values, None if body is None else encode_body(body), sends=True)

    def send_malformed(self, kind: Malformed, message: Message) -> Observed[Answer] | NotAvailable:
        """Make a call that the target must refuse, and return its status and the digest of its body."""
        request = self._interface.send
        values = self._values(message, f"{message.event_id}-malformed")
        token, content = self._token, self._body(request, values) or b"{}"
        if kind in (Malformed.NO_TOKEN, Malformed.WRONG_TOKEN):
            if self._interface.token is None:
                return NotAvailable("environments.yaml declares no token")
            token = None if kind is Malformed.NO_TOKEN else self._interface.token.prefix + _WRONG_TOKEN
        elif kind is Malformed.NOT_JSON:
            content = content[: len(content) // 2]
        elif kind is Malformed.NOT_OBJECT:
            content = b"[]"
        elif kind is Malformed.MISSING_KEY:
            return self._send_without_keys(values)
        else:
            if request.max_bytes is None:
                return NotAvailable("environments.yaml declares no send.max_bytes")
            # White space around a JSON value keeps it valid: only its size is wrong.
            content += b" " * (request.max_bytes + 1024 - len(content))
        return self._answer(self._exchange(request, values, content, sends=True, token=token))

    def _send_without_keys(self, values: Mapping[str, Any]) -> Observed[Answer] | NotAvailable:
        """Leave out each required key in turn; the first call that is not refused with 400 is the answer."""
        request = self._interface.send
        body = fill(request.body, values)
        if not request.required or not isinstance(body, dict):
            return NotAvailable("environments.yaml declares no send.required")
        absent = [key for key in request.required if key not in body]
        if absent:
            return NotAvailable(f"send.required names {', '.join(absent)}, which the body does not hold")
        answer: Observed[Answer] | NotAvailable = NotAvailable("no required key")
        for key in request.required:
            content = encode_body({name: value for name, value in body.items() if name != key})
            answer = self._answer(self._exchange(request, values, content, sends=True))
            if answer.value.status != 400:
                return answer
        return answer

    def _answer(self, answer: RawAnswer) -> Observed[Answer]:
        digest = hashlib.sha256(answer.content).hexdigest()
        return Observed(Answer(answer.status, digest), time.time(), self._interface.send.request)

    def read_decisions(self, ticket_id: str) -> Observed[tuple[Decision, ...]] | NotAvailable:
        """Return all decisions about a ticket."""
        request = self._interface.decisions
        if request is None:
            return _undeclared("decisions")
        answer = self._objects(request, request.items, ticket_id)
        if isinstance(answer, NotAvailable):
            return answer
        return Observed(tuple(self.decision_of(request, item) for item in answer.value), answer.at, answer.source)

    def decision_of(self, request: DecisionsRequest, item: Any) -> Decision:
        """Return a decision as an item of an answer holds it."""
        fields: dict[str, Any] = {}
        missing: dict[str, str] = {}
        for name, path in request.fields.items():
            value = self._in_our_words(name, extract(path, item))
            if isinstance(value, NotAvailable):
                missing[name] = value.reason
            else:
                fields[name] = value
        used = {}
        for group, path in request.flags_used.items():
            value = extract(path, item)
            if not isinstance(value, NotAvailable):
                value = self._in_our_words("template", value) if group == "template_enabled" else value
                used[str(group)] = flag_value(value)
        return Decision(fields, used, missing)

    def read_page(self, request: PageRequest, prefix: str, cursor: str) -> Observed[Any] | NotAvailable:
        """Return one page of an answer about all tickets that begin with a prefix."""
        return self._ask(request, {"ticket_prefix": prefix, "cursor": cursor})

    def read_ticket(self, ticket_id: str) -> Observed[Ticket] | NotAvailable:
        """Return a ticket's tags and team."""
        request = self._interface.ticket
        if request is None:
            return _undeclared("ticket")
        answer = self._ask(request, {"ticket_id": ticket_id})
        if isinstance(answer, NotAvailable):
            return answer
        tags = extract(request.tags, answer.value) if request.tags else _undeclared("ticket.tags")
        team = extract(request.team, answer.value) if request.team else _undeclared("ticket.team")
        if isinstance(tags, list):
            tags = tuple(map(str, self._in_our_words("tags", tags)))
        elif not isinstance(tags, NotAvailable):
            tags = NotAvailable("the ticket's tags are no list")
        return Observed(Ticket(tags, _as_text(self._in_our_words("team", team), "team")), answer.at, answer.source)

    def read_replies(self, ticket_id: str) -> Observed[tuple[SentReply, ...]] | NotAvailable:
        """Return all replies on a ticket."""
        request = self._interface.replies
        if request is None:
            return _undeclared("replies")
        answer = self._objects(request, request.items, ticket_id)
        if isinstance(answer, NotAvailable):
            return answer
        replies = self.replies_of(request, answer.value)
        return replies if isinstance(replies, NotAvailable) else Observed(replies, answer.at, answer.source)

    def replies_of(self, request: RepliesRequest, items: Sequence[Any]) -> tuple[SentReply, ...] | NotAvailable:
        """Return replies as a list of them was answered."""
        replies = []
        for item in items:
            found: dict[str, Any] = {str(name): extract(path, item) for name, path in request.fields.items()}
            author = found.get("author")
            if not isinstance(author, str):
                return NotAvailable("a reply shows no author, so automatic replies cannot be told from people's")
            template = self._in_our_words("template", found.get("template", _undeclared("replies.fields.template")))
            replies.append(
                SentReply(
                    _as_name(found.get("id")) or "",
                    author == request.automatic,
                    _as_text(template, "template"),
                    _as_text(found.get("text", _undeclared("replies.fields.text")), "text"),
                    author,
                )
            )
        return tuple(replies)

    def read_events(self, ticket_id: str) -> Observed[tuple[Event, ...]] | NotAvailable:
        """Return the structured events about a ticket."""
        request = self._interface.events
        if request is None:
            return _undeclared("events")
        answer = self._objects(request, request.items, ticket_id)
        if isinstance(answer, NotAvailable):
            return answer
        events = tuple(
            Event({str(name): extract(path, item) for name, path in request.fields.items()}, item)
            for item in answer.value
        )
        return Observed(events, answer.at, answer.source)

    def read_logs(self, ticket_id: str) -> Observed[tuple[Any, ...]] | NotAvailable:
        """Return the log entries about a ticket."""
        request = self._interface.logs
        if request is None:
            return _undeclared("logs")
        answer = self._list(request, request.items, ticket_id)
        if isinstance(answer, NotAvailable):
            return answer
        return Observed(tuple(answer.value), answer.at, answer.source)

    def read_flags(self) -> Observed[dict[str, FlagValue]] | NotAvailable:
        """Return the flags in the store under our names."""
        request = self._interface.flags
        if request is None:
            return _undeclared("flags")
        answer = self._ask(request, {})
        if isinstance(answer, NotAvailable):
            return answer
        values = extract(request.values, answer.value)
        if not isinstance(values, dict):
            return NotAvailable(f"{request.request} shows no flags at {request.values!r}")
        named = {our_name(request.names, name): flag_value(value) for name, value in values.items()}
        return Observed({name: value for name, value in named.items() if name is not None}, answer.at, answer.source)

    def read_configuration(self) -> Observed[dict[str, Any]] | NotAvailable:
        """Return the parameters that the system runs with."""
        request = self._interface.configuration
        if request is None:
            return _undeclared("configuration")
        answer = self._ask(request, {})
        if isinstance(answer, NotAvailable):
            return answer
        values = extract(request.values, answer.value)
        if not isinstance(values, dict):
            return NotAvailable(f"{request.request} shows no parameters at {request.values!r}")
        return Observed(values, answer.at, answer.source)

    def set_flag(self, name: str, value: FlagValue) -> None:
        """Write one flag, or remove it for `ABSENT`."""
        request = self._interface.unset_flag if value is ABSENT else self._interface.set_flag
        if request is None:
            raise TargetError(f"environments.yaml does not say how to {'remove' if value is ABSENT else 'set'} a flag")
        theirs = their_name(self._interface.flags.names if self._interface.flags else {}, name)
        shown = None if value is ABSENT else list(value) if isinstance(value, tuple) else value
        values = {**self._environment.variables, "name": theirs, "value": shown}
        answer = self._exchange(request, values, self._body(request, values))
        gone_already = value is ABSENT and answer.status == 404
        if not answer.is_success and not gone_already:
            raise TargetError(f"{request.request} answered {answer.status} for flag {name}")

    def close_ticket(self, ticket_id: str) -> None:
        """Close a ticket; one that is not there needs no closing."""
        request = self._interface.close_ticket
        if request is None:
            raise TargetError("environments.yaml does not say how to close a ticket")
        values = {**self._environment.variables, "ticket_id": ticket_id}
        answer = self._exchange(request, values, self._body(request, values))
        if not answer.is_success and answer.status not in _NO_TICKET:
            raise TargetError(f"{request.request} answered {answer.status}")

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _values(self, message: Message, delivery_id: str) -> dict[str, Any]:
        marks = {"run_id": message.run_id, "case_id": message.case_id}
        return {
            **fill_known(self._environment.variables, marks),
            "ticket_id": message.ticket_id,
            "event_id": message.event_id,
            "delivery_id": delivery_id,
            "channel": message.channel,
            "message": message.text,
            "attachments": list(message.attachments),
            "author": message.author,
            **marks,
            **fill_known(dict(message.order), marks),
        }

    def _in_our_words(self, field: str, value: Any) -> Any:
        """Return a field's value with the declared aliases replaced by our words."""
        words = self._aliases.get(field, {})
        if isinstance(value, list):
            return [words.get(one, one) if isinstance(one, str) else one for one in value]
        return words.get(value, value) if isinstance(value, str) else value

    def _body(self, request: Request, values: Mapping[str, Any]) -> bytes | None:
        return None if request.body is None else encode_body(fill(request.body, values))

    def _objects(self, request: Request, items: str, ticket_id: str) -> Observed[list[Any]] | NotAvailable:
        answer = self._list(request, items, ticket_id)
        if not isinstance(answer, NotAvailable) and not all(isinstance(item, dict) for item in answer.value):
            return NotAvailable(f"{request.request} lists something that is no object", broken=True)
        return answer

    def _list(self, request: Request, items: str, ticket_id: str) -> Observed[list[Any]] | NotAvailable:
        answer = self._ask(request, {"ticket_id": ticket_id})
        if isinstance(answer, NotAvailable):
            return answer
        found = extract_items(items, answer.value)
        return found if isinstance(found, NotAvailable) else Observed(found, answer.at, answer.source)

    def _ask(self, request: Request, values: Mapping[str, Any]) -> Observed[Any] | NotAvailable:
        """Make a read and return its JSON; what is not a success with JSON is not an observation."""
        values = {**self._environment.variables, **values}
        answer = self._exchange(request, values, self._body(request, values))
        source = request.request
        if not answer.is_success or answer.status in _NOTHING_THERE:
            return NotAvailable(f"{source} answered {answer.status}", broken=answer.status not in _NOTHING_THERE)
        data = parse_json(answer.content, request.request)
        return data if isinstance(data, NotAvailable) else Observed(data, time.time(), source)

    def _exchange(
        self,
        request: Request,
        values: Mapping[str, Any],
        content: bytes | None,
        *,
        sends: bool = False,
        token: str | None = "",
    ) -> RawAnswer:
        """Make a request with the target's token, or with another one or none. Raises `TargetError`."""
        return self._transport.exchange(self._call(request, values, content, sends, token))

    def _call(
        self, request: Request, values: Mapping[str, Any], content: bytes | None, sends: bool, token: str | None = ""
    ) -> Call:
        method, route = request.request.split(" ", 1)
        headers = {name: fill_text(value, values) for name, value in request.headers.items()}
        if content is not None:
            headers["Content-Type"] = "application/json"
        token = self._token if token == "" else token
        if self._interface.token is not None and token is not None and (sends or request.authorised):
            headers[self._interface.token.header] = token
        path = fill_text(route, values, lambda text: quote(text, safe=""))
        return Call(method, route, path, headers, content, sends, label_of(request), namer(request))


def _undeclared(what: str) -> NotAvailable:
    return NotAvailable(f"environments.yaml does not say where to read {what}")


def _as_name(value: Any) -> str | None:
    """Return an identifier as text; systems give builds and ids as numbers too."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _as_text(value: Any, what: str) -> str | NotAvailable | None:
    if value is None or isinstance(value, str | NotAvailable):
        return value
    return NotAvailable(f"the {what} is no text but {type(value).__name__}")
