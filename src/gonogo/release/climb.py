"""Whether the next stage of a ladder may begin, by everything that stands before it; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gonogo.errors import RefusedError
from gonogo.model.environment import Kind
from gonogo.model.plan import Plan, Stage
from gonogo.release.duties import Duty
from gonogo.release.standing import Place, Refusal, Rule, Standing


@dataclass(frozen=True, slots=True)
class Ladder:
    """The ladder of one release as it stands; `stages` are in the order of the plan.

    `roles` are those recorded and those that the asker assumes, `missing_roles` the parts of the plan that nobody plays
    by them; `players` had a role here in any release. `leftovers` are flags that were changed and not
    returned, in words; `rollback` tells of the last one here.
    """

    place: Place
    plan: Plan
    now: datetime
    stages: tuple[Standing, ...]
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    recorded_roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    players: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missing_roles: tuple[str, ...] = ()
    attested: Mapping[str, str] = field(default_factory=dict)
    duties: tuple[Duty, ...] = ()
    leftovers: tuple[str, ...] = ()
    rollback: str = ""
    notes: tuple[str, ...] = ()

    @property
    def by_id(self) -> Mapping[str, Standing]:
        """Return the standings by the id of their stage."""
        return {one.stage.id: one for one in self.stages}

    @property
    def open_follow_ups(self) -> tuple[Duty, ...]:
        """Return what has to be done after something happened, and is not."""
        return tuple(one for one in self.duties if one.is_follow_up and not one.done)

    @property
    def overdue(self) -> tuple[Duty, ...]:
        """Return the follow-ups and items of the monitoring list whose time is over."""
        return tuple(one for one in self.duties if one.is_overdue(self.now))

    @property
    def next_stage(self) -> Standing | None:
        """Return the stage to work at: the one after the last that counts; None where all are done."""
        counting = [index for index, one in enumerate(self.stages) if one.counts]
        later = self.stages[counting[-1] + 1 :] if counting else self.stages
        return later[0] if later else None

    @property
    def blocking(self) -> tuple[Refusal, ...]:
        """Return why the next stage may not begin; of one that counts in another environment, it is asked there."""
        target = self.next_stage
        if target is None or target.record.environment != self.place.environment:
            return ()
        return explain_stage(self, target.stage.id)

    @property
    def next_command(self) -> str:
        """Return the command that a release driver most likely wants next."""
        target = self.next_stage
        if target is None:
            due = next((one for one in self.duties if not one.done), None)
            return due.command if due else f"gonogo history {self.place.system}"
        return next((one.command for one in self.blocking if one.command), target.next_command)


def explain_stage(ladder: Ladder, stage_id: str) -> tuple[Refusal, ...]:
    """Return every reason why a stage may not begin now; none in environments of kind sandbox.

    Raises `KeyError` for a stage that is not in the plan.
    """
    place, standing = ladder.place, ladder.by_id[stage_id]
    if not place.needs_people:
        return ()
    own = standing.stage.environment
    if own not in (None, place.environment):
        if place.kind is not Kind.PRODUCTION:
            # Off its ladder a stage can be tried; what comes of it never counts.
            return ()
        return (Refusal(Rule.ELSEWHERE, f"stage {stage_id} is for {own}, not for {place.environment}"),)
    before = [refusal for name in ladder.plan.predecessors(stage_id) for refusal in ladder.by_id[name].refusals]
    found = list(before)
    if ladder.missing_roles:
        role = ladder.missing_roles[0]
        command = f'gonogo assign {place.system} {role} "Printed Name" --env {place.environment}'
        command += f" --release {place.release}" if place.release else ""
        text = f"nobody is assigned as {', '.join(ladder.missing_roles)} of this release in {place.environment}"
        found.append(Refusal(Rule.ROLES, text, command))
    found += [
        Refusal(Rule.FOLLOW_UP, f"{one.sentence} is open", one.command) for one in ladder.open_follow_ups if one.blocks
    ]
    # Where the stages before tell nothing, it would only repeat that for each of them.
    found += [] if before else _open_preconditions(ladder, standing.stage)
    return tuple(found)


def _open_preconditions(ladder: Ladder, stage: Stage) -> list[Refusal]:
    """Return a refusal for every precondition that has not passed: by a stage before, or by a person."""
    found = []
    ground = _stages_before(ladder.plan, stage.id)
    for name in stage.preconditions:
        told = [outcome for one in ladder.stages if one.stage.id in ground and (outcome := _told(one, name))]
        own = ladder.attested.get(f"{stage.id}/{name}")
        told = [own] if own is not None else told
        if not told or any(outcome != "PASSED" for outcome in told[-1:]):
            state = told[-1] if told else "not answered by any stage that counts"
            text = f"{name} must have passed before stage {stage.id}; it is {state}"
            found.append(
                Refusal(
                    Rule.PRECONDITION,
                    text,
                    ladder.place.command("checklist status", stage.id, ladder.place.environment),
                )
            )
    return found


def _stages_before(plan: Plan, stage_id: str) -> set[str]:
    """Return the stages that come before a stage, the ones before those too."""
    found: set[str] = set()
    waiting = list(plan.predecessors(stage_id))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += plan.predecessors(name)
    return found


def _told(standing: Standing, name: str) -> str:
    """Return what the decision of a stage that counts says of a case, or nothing."""
    decided = standing.record.decided
    return decided.outcomes.get(name, "") if standing.counts and decided is not None else ""


def require_ready(ladder: Ladder, stage_id: str) -> None:
    """Raise `RefusedError` with every reason why a stage may not begin; the message begins with the first one's rule.

    Sandboxes need no ladder, and nothing is refused there.
    """
    found = explain_stage(ladder, stage_id)
    if found:
        command = next((one.command for one in found if one.command), f"gonogo status {ladder.place.system}")
        raise RefusedError("; ".join(map(str, found)), f"Nothing was sent. Next: {command}")
