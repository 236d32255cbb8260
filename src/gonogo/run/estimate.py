"""What a run is going to send, change and take at most, told from its plan before anything is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gonogo.model.environment import Environment, Kind
from gonogo.model.flags import ABSENT, FlagValue, describe_value, order_changes
from gonogo.model.http_interface import HttpInterface
from gonogo.model.vocabulary import Vocabulary
from gonogo.run.admission import pages_people
from gonogo.run.runplan import RunPlan
from gonogo.targets.caps import pace
from gonogo.targets.interface import Malformed
from gonogo.targets.undertaking import Outbound

_PROBES_AT_MOST = 20
_CLOSING_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class FlagStep:
    """One change of a flag in the order in which it is made; `state` is the flag state that needs it."""

    state: str
    flag: str
    old: FlagValue
    new: FlagValue

    def __str__(self) -> str:
        """Return the step as people read it."""
        return f"{self.flag}: {describe_value(self.old)} → {describe_value(self.new)}"


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run sends and how long it takes, both at most; `seconds` holds every deadline run to its end."""

    messages: tuple[Outbound, ...]
    calls: int
    probes: int
    seconds: float
    steps: tuple[FlagStep, ...]

    @property
    def deliveries(self) -> int:
        """Return how many messages of cases go out, every redelivery counted."""
        return sum(message.deliveries for message in self.messages)

    @property
    def sends(self) -> int:
        """Return how many messages of any kind go out at most."""
        return self.deliveries + self.calls + self.probes


def estimate_run(plan: RunPlan, environment: Environment, interface: HttpInterface, vocabulary: Vocabulary) -> Estimate:
    """Return the most that a plan sends, changes and takes on an environment."""
    messages = tuple(_messages(plan, vocabulary))
    calls = sum(_requests(kind, interface) for one in plan.admitted for kind in one.calls)
    proofs = len(plan.groups) + 1
    probes = proofs * _PROBES_AT_MOST if environment.probe is not None else 0
    timing, rate = environment.timing, pace(environment).rate
    proof = timing.propagation_deadline + timing.decision_deadline if environment.probe is not None else 0.0
    # A redelivery waits for the decision, so a state may wait for two of them.
    states = sum(2 * timing.decision_deadline + timing.quiet_period for group in plan.groups if group.messages)
    sends = sum(message.deliveries for message in messages) + calls
    closing = len(messages) * _CLOSING_SECONDS if environment.closes_tickets else 0.0
    seconds = proofs * proof + states + sends / rate + closing
    return Estimate(messages, calls, probes, round(seconds, 1), tuple(_steps(plan, environment, vocabulary)))


def _messages(plan: RunPlan, vocabulary: Vocabulary) -> Iterator[Outbound]:
    for scenario in plan.admitted:
        pages = pages_people(scenario, vocabulary)
        for message in scenario.messages:
            flags = tuple(sorted(message.flags))
            yield Outbound(scenario.id, message.channel, message.text, 1 + len(message.again), pages, flags)


def _requests(kind: Malformed, interface: HttpInterface) -> int:
    """Return how many requests a malformed call is: a missing key is tried for each key that is required."""
    return max(1, len(interface.send.required)) if kind is Malformed.MISSING_KEY else 1


def _steps(plan: RunPlan, environment: Environment, vocabulary: Vocabulary) -> Iterator[FlagStep]:
    """Yield the changes from the stage's own state through every state of the plan and back."""
    own = plan.stage.flag_state(vocabulary)
    current: dict[str, FlagValue] = dict(own)
    if environment.kind is Kind.SANDBOX:
        # There the run enters the stage by itself, whatever the store holds before.
        current = {}
        yield from _change("stage", current, own)
    for group in plan.groups:
        yield from _change(group.name, current, {**own, **group.overlay})
    yield from _change("return", current, own)


def _change(state: str, current: dict[str, FlagValue], wanted: Mapping[str, FlagValue]) -> Iterator[FlagStep]:
    for name in order_changes(current, wanted):
        yield FlagStep(state, name, current.get(name, ABSENT), wanted[name])
        current[name] = wanted[name]


def estimate_json(estimate: Estimate, environment: Environment) -> dict[str, Any]:
    """Return an estimate as JSON data."""
    cost = environment.cost_per_message
    return {
        "messages": [
            {"case": one.case, "channel": one.channel, "text": one.text, "deliveries": one.deliveries}
            for one in estimate.messages
        ],
        "flag_changes": [
            {"state": one.state, "flag": one.flag, "from": describe_value(one.old), "to": describe_value(one.new)}
            for one in estimate.steps
        ],
        "at_most": {
            "messages": estimate.sends,
            "of_cases": estimate.deliveries,
            "calls": estimate.calls,
            "probes": estimate.probes,
            "seconds": estimate.seconds,
            "spend": None if cost is None else round(estimate.sends * cost, 6),
        },
    }
