"""What a load sends: the cases of the packs that a stage admits, how often each, and the requests that carry them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from gonogo.errors import UsageError
from gonogo.evidence.canaries import canaries
from gonogo.loadtest.order import TOKEN_MARK, WIDTH, Order
from gonogo.loadtest.schedule import weave
from gonogo.model.case import Case, Mode
from gonogo.model.environment import Environment
from gonogo.model.expectation import Reply, derive_expectation
from gonogo.model.http_interface import HttpInterface
from gonogo.model.load import Arrivals
from gonogo.model.plan import Stage
from gonogo.model.vocabulary import Vocabulary
from gonogo.targets.http import HttpTarget, Secrets
from gonogo.targets.interface import Message
from gonogo.targets.transport import Call

# Two numbers of an event's width: what differs between the requests made for them is where the number goes.
_FIRST, _SECOND = "70031977", "81142088"


@dataclass(frozen=True, slots=True)
class LoadCase:
    """A case as a load sends it: what must come of its message, the reply at this stage included."""

    case: Case
    reply: Reply
    tier0: bool
    order: str | None = None


@dataclass(frozen=True, slots=True)
class Mix:
    """The cases of a load, `pattern` saying which of them each event is, over and over; and what was left out, why."""

    cases: tuple[LoadCase, ...]
    pattern: tuple[int, ...]
    left_out: tuple[tuple[str, str], ...]

    def case_of(self, event: int) -> LoadCase:
        """Return the case of an event by its number."""
        return self.cases[self.pattern[event % len(self.pattern)]]


def mix_cases(
    cases: Sequence[Case],
    stage: Stage,
    vocabulary: Vocabulary,
    environment: Environment,
    weights: Mapping[str, float],
    *,
    tier0: bool = True,
) -> Mix:
    """Return the mix of a load at a stage; `weights` are by intent, an intent without one weighs as many as its cases.

    Left out is what would need other flags than the stage's, an order that the environment has not, and without
    `tier0` every escalation. Raises `UsageError` where nothing is left.
    """
    chosen: list[LoadCase] = []
    left_out: list[tuple[str, str]] = []
    for case in cases:
        found = _admit(case, stage, vocabulary, environment, tier0=tier0)
        if isinstance(found, str):
            left_out.append((case.id, found))
        else:
            chosen.append(found)
    if not chosen:
        raise UsageError(f"stage {stage.id} leaves no case that a load could send", "Add rows to a pack of this stage.")
    counts: dict[str, int] = {}
    for one in chosen:
        counts[one.case.intent] = counts.get(one.case.intent, 0) + 1
    shares = [weights.get(one.case.intent, counts[one.case.intent]) / counts[one.case.intent] for one in chosen]
    return Mix(tuple(chosen), tuple(weave(shares)), tuple(left_out))


def _admit(
    case: Case, stage: Stage, vocabulary: Vocabulary, environment: Environment, *, tier0: bool
) -> LoadCase | str:
    """Return a case as the load sends it, or why it does not."""
    intent = vocabulary.intents[case.intent]
    escalation = intent.tier == 0 or case.mode is Mode.TIER0_SAFETY
    if case.mode.is_kill_switch:
        return "throws a kill switch"
    if escalation and not tier0:
        return "escalations page real people"
    expectation = derive_expectation(case, stage, vocabulary)
    if expectation.order is not None and expectation.order not in environment.orders:
        return f"environments.yaml has no order fixture {expectation.order!r}"
    reply = expectation.reply
    if expectation.flags:
        # A load borrows no flags: the message is sent at the stage's own, where its intent may be answered.
        open_row = replace(case, mode=Mode.TIER1_AUTOMATION, template=intent.reply)
        reply = derive_expectation(open_row, stage, vocabulary).reply
        if reply.template is not None:
            reply = Reply(None, "the row is routed only, and the stage answers its intent", at_most_one=True)
    return LoadCase(case, reply, escalation, expectation.order)


def ticket_of(run: str, number: int | str) -> str:
    """Return the ticket of an event."""
    return f"{ticket_prefix(run)}{number if isinstance(number, str) else f'{number:0{WIDTH}d}'}"


def ticket_prefix(run: str) -> str:
    """Return how the tickets of a load begin."""
    return f"gonogo-{run}-load-"


def event_of(run: str, number: int | str) -> str:
    """Return the id of an event."""
    return f"{ticket_of(run, number)}-1-{canaries(run).word}"


def message_of(item: LoadCase, run: str, number: int | str, environment: Environment) -> Message:
    """Return the message of an event."""
    order = environment.orders[item.order].variables if item.order else {}
    return Message(
        ticket_of(run, number),
        event_of(run, number),
        item.case.channel,
        item.case.message,
        item.case.id,
        run,
        order=order,
    )


def build_order(
    mix: Mix,
    run: str,
    base_url: str,
    interface: HttpInterface,
    environment: Environment,
    arrivals: Arrivals,
    *,
    duration: float | None,
    time_scale: float,
    workers: int,
    token_env: str | None = None,
) -> Order:
    """Return what the generator is told; each request is the one that the target's own `send` makes.

    `token_env` names the variable of the token where it is not the interface's own. Raises `UsageError` where the
    requests do not carry the event's number, `RefusedError` for a host that is not allowed.
    """
    token = interface.token
    secrets = Secrets({token.env: TOKEN_MARK} if token else {})
    target = HttpTarget(interface, environment, base_url, secrets, lambda _: None)
    url = urlsplit(base_url)
    try:
        requests = tuple(_split_request(target, item, run, environment, url.netloc, url.path) for item in mix.cases)
    finally:
        target.close()
    tls = url.scheme == "https"
    return Order(
        run,
        url.hostname or "",
        url.port or (443 if tls else 80),
        tls,
        requests,
        mix.pattern,
        arrivals,
        duration,
        time_scale,
        environment.timing.request_timeout,
        workers,
        (token_env or token.env) if token else None,
        # The mark stands for prefix and value together: the target has written the prefix before it.
        "",
    )


def _split_request(
    target: HttpTarget, item: LoadCase, run: str, environment: Environment, host: str, root: str
) -> tuple[bytes, ...]:
    """Return a request in parts between which the event's number goes."""
    first, second = (
        render_call(target.prepare_send(message_of(item, run, number, environment), event_of(run, number)), host, root)
        for number in (_FIRST, _SECOND)
    )
    parts = tuple(first.split(_FIRST.encode()))
    if len(parts) < 2 or _SECOND.encode().join(parts) != second:
        raise UsageError(
            "the request of environments.yaml does not carry the ticket's or the event's id",
            "Put {ticket_id} and {event_id} into send: without them no message can be found again.",
        )
    return parts


def render_call(call: Call, host: str, root: str = "") -> bytes:
    """Return a call as the bytes of an HTTP/1.1 request; `root` is the path of the target's address."""
    content = call.content or b""
    head = [
        f"{call.method} {root.rstrip('/')}{call.path} HTTP/1.1",
        f"Host: {host}",
        "Accept: */*",
        "User-Agent: gonogo",
        *(f"{name}: {value}" for name, value in call.headers.items()),
        f"Content-Length: {len(content)}",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + content
