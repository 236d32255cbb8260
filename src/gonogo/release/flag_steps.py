"""The order in which an environment's flags are brought into the state of a stage; pure.

What narrows comes first and is proven before anything widens, so that at no moment more goes out than either the state
before or the stage allows. What widens follows the plan's order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gonogo.model.flags import (
    ABSENT,
    AUTOMATION,
    SAFE_MODE,
    FlagState,
    FlagValue,
    describe_value,
    flag_group,
    is_towards_safe,
    order_changes,
)

_SWITCHES = (SAFE_MODE, AUTOMATION)


@dataclass(frozen=True, slots=True)
class FlagStep:
    """One write: `widens` says that it may let more out than before."""

    flag: str
    old: FlagValue
    new: FlagValue
    widens: bool

    def __str__(self) -> str:
        """Return the step as people read it."""
        return f"{self.flag}: {describe_value(self.old)} → {describe_value(self.new)}"


def plan_steps(current: FlagState, wanted: FlagState, flag_order: Sequence[str] = ()) -> tuple[FlagStep, ...]:
    """Return the writes that lead from what a store holds to a stage's state, in order.

    A list that is exchanged for another is narrowed to what both hold before it is widened; a flag that is missing is
    first written at its safe value. `flag_order` names flags or groups of them: those named widen in its order, what
    it does not name before them, but a switch that it does not name last of all.
    """
    wanted = {name: value for name, value in wanted.items() if name in current or value not in (None, ABSENT)}
    between = {name: _narrow(name, current.get(name, ABSENT), value) for name, value in wanted.items()}
    narrowing = [
        FlagStep(name, current.get(name, ABSENT), between[name], False)
        for name in order_changes({name: current.get(name, ABSENT) for name in between}, between)
    ]
    widening = [FlagStep(name, between[name], wanted[name], True) for name in wanted if between[name] != wanted[name]]
    return (*narrowing, *sorted(widening, key=lambda step: _place(step.flag, flag_order)))


def _narrow(name: str, old: FlagValue, new: FlagValue) -> FlagValue:
    """Return the value on the way that lets out no more than either end; `old` itself where that is the old one."""
    if is_towards_safe(name, old, new):
        return new
    if isinstance(old, tuple) and isinstance(new, tuple):
        shared = tuple(word for word in old if word in new)
        return shared if is_towards_safe(name, old, shared) else old
    if old is ABSENT:
        safest: FlagValue = name == SAFE_MODE if not isinstance(new, tuple) else ()
        return safest if is_towards_safe(name, old, safest) else old
    return old


def _place(name: str, flag_order: Sequence[str]) -> tuple[int, int]:
    for key in (name, flag_group(name)):
        if key in flag_order:
            return 1, list(flag_order).index(key)
    return (2, _SWITCHES.index(name)) if name in _SWITCHES else (0, 0)
