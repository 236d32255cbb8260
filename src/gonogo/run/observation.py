"""What was sent and what was observed of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gonogo.model.outcome import CheckResult, InconclusiveReason, Outcome, Verdict
from gonogo.model.parameter_defaults import ParameterDefaults
from gonogo.run.planning import Outgoing
from gonogo.targets.interface import (
    Answer,
    Decision,
    Delivery,
    Event,
    Malformed,
    Message,
    NotAvailable,
    Observed,
    SentReply,
    Ticket,
)

NOT_READ = NotAvailable("it was not read", broken=True)


@dataclass
class Sent:
    """One message on its way: its deliveries, its decision, and what was read of its ticket afterwards."""

    outgoing: Outgoing
    message: Message
    state: str
    deliveries: list[Delivery] = field(default_factory=list)
    send_error: str = ""
    not_sent: str = ""
    sent_at: float = 0.0
    decided_at: float | None = None
    decisions: Observed[tuple[Decision, ...]] | NotAvailable = NOT_READ
    ticket: Observed[Ticket] | NotAvailable = NOT_READ
    replies: Observed[tuple[SentReply, ...]] | NotAvailable = NOT_READ
    events: Observed[tuple[Event, ...]] | NotAvailable = NOT_READ
    logs: Observed[tuple[Any, ...]] | NotAvailable = NOT_READ
    others_decided: int = 0
    deadline: float = 0.0

    @property
    def accepted(self) -> bool:
        """Return whether the first delivery was acknowledged."""
        return bool(self.deliveries) and self.deliveries[0].accepted

    @property
    def own_decisions(self) -> tuple[Decision, ...]:
        """Return the decisions about this event; where decisions name no event, all on its ticket."""
        if isinstance(self.decisions, NotAvailable):
            return ()
        return tuple(one for one in self.decisions.value if self._is_own(one))

    @property
    def foreign_decisions(self) -> tuple[Decision, ...]:
        """Return decisions that name another ticket than the one that was asked for."""
        if isinstance(self.decisions, NotAvailable):
            return ()
        return tuple(
            one
            for one in self.decisions.value
            if one.fields.get("ticket_id", self.message.ticket_id) != self.message.ticket_id
        )

    def _is_own(self, decision: Decision) -> bool:
        fields = decision.fields
        if fields.get("ticket_id", self.message.ticket_id) != self.message.ticket_id:
            return False
        return bool(fields.get("event_id", self.message.event_id) == self.message.event_id)

    @property
    def decision(self) -> Decision | None:
        """Return the first complete decision about this event."""
        return next((one for one in self.own_decisions if one.complete), None)

    @property
    def tags(self) -> tuple[str, ...] | NotAvailable:
        """Return the tags on the ticket, or those of the decision where tickets cannot be read."""
        if not isinstance(self.ticket, NotAvailable) and not isinstance(self.ticket.value.tags, NotAvailable):
            return self.ticket.value.tags
        value = self.decision.get("tags") if self.decision else NotAvailable("no decision")
        if isinstance(value, list):
            return tuple(map(str, value))
        return value if isinstance(value, NotAvailable) else NotAvailable("the decision's tags are no list")

    @property
    def automatic_replies(self) -> tuple[SentReply, ...]:
        """Return the automatic replies on the ticket that were observed."""
        if isinstance(self.replies, NotAvailable):
            return ()
        return tuple(reply for reply in self.replies.value if reply.automatic)

    def explain_missing(self, expected: str) -> Verdict | None:
        """Return the verdict of every check that needs the decision where there is none, else None.

        A missing decision is FAILED only where the same path showed another decision in the same window; else nothing
        tells the system's failure from a broken way there.
        """
        if self.not_sent:
            return Verdict(Outcome.NOT_RUN, (self.not_sent,), expected)
        if self.send_error:
            return Verdict(Outcome.ERROR, (f"the message could not be sent: {self.send_error}",), expected)
        if not self.deliveries:
            return Verdict(Outcome.NOT_RUN, ("the message was never sent",), expected)
        if not self.accepted:
            return self._explain_refusal(expected)
        if self.decision is not None:
            return None
        if isinstance(self.decisions, NotAvailable) and (self.decisions.broken or not self.others_decided):
            return judge_absence(self.decisions, expected)
        what = f"no decision within {self.deadline:g} s"
        if self.foreign_decisions:
            return Verdict(Outcome.FAILED, ("the decisions of this ticket show another ticket's decision",), expected)
        if self.own_decisions:
            what = f"the decision was not complete within {self.deadline:g} s"
            if not any("complete" in one.fields for one in self.own_decisions):
                return Verdict.inconclusive(
                    InconclusiveReason.NOT_OBSERVABLE, "decisions do not show whether they are complete", expected
                )
        if self.others_decided:
            shown = f"the same path showed the decisions of {self.others_decided} other messages meanwhile"
            return Verdict(Outcome.FAILED, (f"{what}; {shown}",), expected, "no decision")
        return Verdict(Outcome.ERROR, (f"{what}, nor any other in that window: the way there may be broken",), expected)

    def _explain_refusal(self, expected: str) -> Verdict:
        status = self.deliveries[0].status
        what = f"the webhook answered {status}"
        # These say that the harness came with the wrong key or too fast, not that the message was handled wrongly.
        broken = status in (401, 403, 404, 429)
        return Verdict(Outcome.ERROR if broken else Outcome.FAILED, (what,), expected, str(status))


def name_cases(cases: Sequence[str]) -> str:
    """Return the first few ids and how many more there are."""
    named = list(dict.fromkeys(cases))
    return ", ".join(named[:5]) + (f" and {len(named) - 5} more" if len(named) > 5 else "")


def judge_absence(missing: NotAvailable, expected: str) -> Verdict:
    """Return the verdict for something that the target did not show."""
    if missing.broken:
        return Verdict(Outcome.ERROR, (missing.reason,), expected)
    return Verdict.inconclusive(InconclusiveReason.NOT_OBSERVABLE, missing.reason, expected)


@dataclass
class ControlState:
    """Whether the replies of a channel can be observed at all: a known human reply was read through the same path."""

    verdict: Verdict

    @property
    def works(self) -> bool:
        """Return whether the path was shown to work."""
        return self.verdict.outcome is Outcome.PASSED


@dataclass
class Observations:
    """All that one run sent and saw, by scenario id."""

    sent: dict[str, list[Sent]] = field(default_factory=dict)
    answers: dict[str, dict[Malformed, Observed[Answer] | NotAvailable]] = field(default_factory=dict)
    controls: dict[str, ControlState] = field(default_factory=dict)
    results: list[CheckResult] = field(default_factory=list)
    defaults: ParameterDefaults | None = None
    configuration: Observed[dict[str, Any]] | NotAvailable = NOT_READ
    attest: Callable[[str], Verdict] = lambda item: Verdict(Outcome.PENDING, (f"nobody looked up {item}",))

    @property
    def all_sent(self) -> list[Sent]:
        """Return every message of the run."""
        return [sent for messages in self.sent.values() for sent in messages]
