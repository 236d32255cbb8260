"""Where each stage of a ladder stands, and why the next one may not begin; pure judgement over what was recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from gonogo.model.environment import Kind
from gonogo.model.plan import Plan, Stage

# Two clocks that are set by the network differ by less.
CLOCK_TOLERANCE = timedelta(minutes=2)


class Rule(StrEnum):
    """The rules by which a stage is refused; each message begins with one of them."""

    MISSING = "previous-stage-missing"
    NOT_GO = "previous-stage-not-go"
    NOT_APPROVED = "previous-stage-not-approved"
    EXPIRED = "previous-stage-expired"
    OTHER_BUILD = "previous-stage-other-build"
    ELSEWHERE = "stage-of-another-environment"
    ROLES = "roles-missing"
    FOLLOW_UP = "follow-up-open"
    PRECONDITION = "precondition-open"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why a stage may not begin; `command` is what a person does about it."""

    rule: Rule
    text: str
    command: str = ""

    def __str__(self) -> str:
        """Return the reason with its rule in brackets."""
        return f"[{self.rule.value}] {self.text}"


@dataclass(frozen=True, slots=True)
class Decided:
    """The last decision of a stage for one release, as it counts now.

    `verb` takes the waivers in force. `since` is the time of the oldest evidence that it rests on: deciding anew does
    not make old evidence fresh. `faults` say why its bundle does not hold, `wanting` what keeps it from being approved.
    `outcomes` are the worst outcomes of its cases by id, in words.
    """

    run: str
    entry: int
    at: datetime
    since: datetime
    verb: str
    build: str | None = None
    signed: bool = False
    counts: bool = True
    faults: tuple[str, ...] = ()
    deciding: tuple[str, ...] = ()
    wanting: tuple[str, ...] = ()
    approved_by: tuple[str, ...] = ()
    outcomes: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""

    @property
    def approved(self) -> bool:
        """Return whether enough entitled people approved it."""
        return not self.wanting


@dataclass(frozen=True, slots=True)
class StageRecord:
    """What is recorded of one stage and one release in the environment where the stage counts.

    `recorded` are the kinds of evidence there since the last rollback, such as run or watch, `wanted` those that the
    plan asks for. `other` tells of a
    decision for another release, `rolled_back` is the entry of the last rollback there, 0 for none.
    """

    stage: Stage
    environment: str
    kind: Kind
    entered: datetime | None = None
    decided: Decided | None = None
    recorded: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ("run",)
    other: str = ""
    rolled_back: int = 0
    fresh_for: timedelta | None = None

    @property
    def name(self) -> str:
        """Return the stage as people call it."""
        return f"stage {self.stage.id} ({self.stage.name})"


@dataclass(frozen=True, slots=True)
class Standing:
    """One stage as it stands now; `refusals` say why it is no ground to go on from, and are empty where it is."""

    record: StageRecord
    refusals: tuple[Refusal, ...]
    missing: tuple[str, ...]
    next_command: str

    @property
    def stage(self) -> Stage:
        """Return the stage."""
        return self.record.stage

    @property
    def counts(self) -> bool:
        """Return whether the next stage may rest on this one."""
        return not self.refusals

    @property
    def fresh_until(self) -> datetime | None:
        """Return when its evidence ends to count, None where it does not end or there is none."""
        record = self.record
        return record.decided.since + record.fresh_for if record.decided and record.fresh_for else None

    @property
    def state(self) -> str:
        """Return the standing in a few words."""
        record = self.record
        if record.decided is None:
            begun = "running" if record.recorded else "entered" if record.entered else "not begun"
            return "decided for another release" if record.other and begun == "not begun" else begun
        if record.decided.faults:
            return "does not verify"
        words = {"GO": "GO", "HOLD": "HOLD", "NO_GO": "NO-GO"}[record.decided.verb]
        rules = {refusal.rule for refusal in self.refusals}
        marks = {Rule.EXPIRED: "expired", Rule.OTHER_BUILD: "another build", Rule.NOT_APPROVED: "not approved"}
        told = [text for rule, text in marks.items() if rule in rules]
        if record.decided.verb == "GO" and record.decided.approved_by:
            told = told or ["approved"]
        return ", ".join([words, *told])


@dataclass(frozen=True, slots=True)
class Place:
    """What a ladder is asked about; `build` is the build that runs, where somebody looked."""

    system: str
    environment: str
    kind: Kind
    release: str | None
    build: str | None = None

    @property
    def needs_people(self) -> bool:
        """Return whether roles, approvals and a decided stage before are asked for."""
        return self.kind is not Kind.SANDBOX

    def confirm(self, kind: Kind, environment: str) -> list[str]:
        """Return the option by which a person agrees to something being sent to an environment of kind production."""
        return [f"--confirm {environment}/{self.release}"] if kind is Kind.PRODUCTION and self.release else []

    def command(self, verb: str, stage: str, environment: str, *options: str) -> str:
        """Return a command line of gonogo for a stage."""
        words = ["gonogo", verb, self.system, "--stage", stage, "--env", environment]
        words += ["--release", self.release] if self.release else []
        return " ".join([*words, *options])


def judge_stage(record: StageRecord, place: Place, now: datetime) -> Standing:
    """Return where a stage stands: whether the next may rest on it, what it lacks, and the next command."""
    refusals = tuple(_refusals(record, place, now))
    missing = tuple(_missing(record, place, refusals))
    command = _next_command(record, place, refusals)
    return Standing(record, tuple(_with_command(one, command) for one in refusals), missing, command)


def _with_command(refusal: Refusal, command: str) -> Refusal:
    return Refusal(refusal.rule, refusal.text, command)


def _refusals(record: StageRecord, place: Place, now: datetime) -> list[Refusal]:
    decided, name = record.decided, f"{record.name} in {record.environment}"
    if decided is None:
        if record.other:
            return [Refusal(Rule.OTHER_BUILD, f"{name} is decided for {record.other}, not for {_release(place)}")]
        return [Refusal(Rule.MISSING, f"{name} has no decision for {_release(place)}")]
    found = []
    if decided.faults:
        found.append(Refusal(Rule.NOT_GO, f"{name}: its bundle {decided.run} does not hold: {decided.faults[0]}"))
    elif decided.verb != "GO":
        why = f" ({', '.join(decided.deciding[:3])})" if decided.deciding else ""
        found.append(Refusal(Rule.NOT_GO, f"{name} is {decided.verb.replace('_', '-')}{why}"))
    elif place.needs_people and not decided.counts:
        found.append(Refusal(Rule.NOT_GO, f"{name}: its decision {decided.run} was made not to count"))
    elif place.needs_people and not decided.signed:
        found.append(Refusal(Rule.NOT_GO, f"{name}: its decision {decided.run} is UNSIGNED, which never counts here"))
    if place.build and decided.build and place.build != decided.build:
        found.append(
            Refusal(Rule.OTHER_BUILD, f"{name} is decided for build {decided.build}, and {place.build} runs here")
        )
    found += _expiry(record, decided, name, now)
    if place.needs_people and not found and decided.wanting:
        found.append(Refusal(Rule.NOT_APPROVED, f"{name}: {'; '.join(decided.wanting)}"))
    return found


def _expiry(record: StageRecord, decided: Decided, name: str, now: datetime) -> list[Refusal]:
    if decided.entry < record.rolled_back:
        text = f"{name} was decided before the rollback of entry {record.rolled_back}; decide it anew"
        return [Refusal(Rule.EXPIRED, text)]
    if decided.since > now + CLOCK_TOLERANCE:
        return [Refusal(Rule.EXPIRED, f"{name} is dated in the future: {decided.since:%Y-%m-%d %H:%M} UTC")]
    if record.fresh_for is not None and now >= decided.since + record.fresh_for:
        age, limit = show_age(now - decided.since), show_age(record.fresh_for)
        return [Refusal(Rule.EXPIRED, f"{name} rests on evidence {age} old; it counts for {limit}")]
    return []


def _release(place: Place) -> str:
    return f"release {place.release}" if place.release else "a release without a name"


def _missing(record: StageRecord, place: Place, refusals: Sequence[Refusal]) -> list[str]:
    """Return what a stage lacks in words of two or three, in the order in which it is done."""
    rules, decided = {one.rule for one in refusals}, record.decided
    missing = []
    if decided is None or Rule.EXPIRED in rules:
        if place.needs_people and record.entered is None:
            missing.append("not entered")
        missing += [f"no {kind}" for kind in record.wanted if kind not in record.recorded]
        missing.append("no decision" if decided is None else "decision expired")
    elif decided.faults:
        missing.append("bundle does not verify")
    elif decided.verb != "GO":
        missing += list(decided.deciding[:3]) or ["no required check passed"]
    elif not decided.signed and place.needs_people:
        missing.append("decision is UNSIGNED")
    elif Rule.NOT_APPROVED in rules:
        missing += list(decided.wanting)
    return missing


def wanted_activities(plan: Plan, stage: Stage, kind: Kind) -> tuple[str, ...]:
    """Return the kinds of evidence that a stage's plan entry asks for, in the order in which they are made."""
    wanted = ["run"]
    wanted += ["load"] if stage.load else []
    if kind is not Kind.SANDBOX:
        wanted += ["drill"] if plan.rollback is not None and not plan.predecessors(stage.id) else []
        wanted += ["watch"] if stage.watch or stage.soak else []
    return tuple(wanted)


def _next_command(record: StageRecord, place: Place, refusals: Sequence[Refusal]) -> str:
    stage, where, decided = record.stage, record.environment, record.decided
    rules = {one.rule for one in refusals}
    confirm = place.confirm(record.kind, where)
    if decided is not None and Rule.NOT_APPROVED in rules:
        return f"gonogo approve {decided.run}"
    if decided is None or rules & {Rule.EXPIRED, Rule.OTHER_BUILD, Rule.MISSING}:
        if place.needs_people and record.kind is not Kind.SANDBOX and record.entered is None:
            return place.command("advance", stage.id, where, *confirm, "--allow-flag-changes")
        lacking = next((kind for kind in record.wanted if kind not in record.recorded), "decide")
        if lacking == "load":
            return place.command("load", stage.id, where, "--profile", stage.load[0], *confirm)
        options = confirm if lacking in ("run", "watch") else ["--allow-flag-changes"] if lacking == "drill" else []
        return place.command(lacking, stage.id, where, *options)
    if decided.verb != "GO" or decided.faults:
        return f"less {decided.folder}/decision.md" if decided.folder else place.command("decide", stage.id, where)
    return place.command("decide", stage.id, where)


def show_age(length: timedelta) -> str:
    """Return a length of time as people say it."""
    seconds = length.total_seconds()
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= (2 * size if unit == "days" else size):
            return f"{seconds / size:.1f} {unit}".replace(".0 ", " ")
    return f"{seconds:.0f} s"
