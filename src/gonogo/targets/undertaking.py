"""What a run is going to do, as the production guard judges it."""

from __future__ import annotations

from dataclasses import dataclass

from gonogo.model.environment import Environment
from gonogo.model.http_interface import HttpInterface


@dataclass(frozen=True, slots=True)
class Outbound:
    """A message that is going to be sent; `pages` says that it wakes people, `flags` names what it borrows."""

    case: str
    channel: str
    text: str
    deliveries: int = 1
    pages: bool = False
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Undertaking:
    """What a run is going to do, where, and how it was asked for.

    `other_sends` are probes and malformed calls, at most; `seconds` is the longest that it may take. `signed` and
    `direct` say how its evidence is kept. `production_hosts` are those of every environment of kind production.
    """

    environment_name: str
    environment: Environment
    interface: HttpInterface
    address: str | None
    run_id: str
    stage: str
    messages: tuple[Outbound, ...] = ()
    other_sends: int = 0
    seconds: float = 0.0
    stage_environment: str | None = None
    allows_flag_changes: bool = False
    allows_tier0: bool = False
    may_change_flags: bool = False
    confirm: str | None = None
    release: str | None = None
    signed: bool | None = False
    direct: bool = False
    forced: tuple[str, ...] = ()
    foreign_pack: str | None = None
    foreign_environments: str | None = None
    other_system: str | None = None
    arguments: tuple[str, ...] = ()
    surroundings: tuple[str, ...] = ()
    compression: float = 1.0
    rehearsal: bool = False
    production_hosts: tuple[str, ...] = ()

    @property
    def sends(self) -> int:
        """Return how many messages go out at most, every delivery counted."""
        return sum(message.deliveries for message in self.messages) + self.other_sends

    @property
    def spend(self) -> float | None:
        """Return what they cost at most, None where nobody says what one costs."""
        cost = self.environment.cost_per_message
        return None if cost is None else self.sends * cost
