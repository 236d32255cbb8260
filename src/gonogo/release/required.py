"""What a stage's plan entry asks for, each as a check: what nobody brought has not run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gonogo.model.attestation import Attestation, judge_attestation
from gonogo.model.binding import BoundChecklist, BoundItem
from gonogo.model.environment import Kind
from gonogo.model.outcome import CheckClass, CheckResult, InconclusiveReason, Outcome, SourceRef, Verdict
from gonogo.model.plan import Plan, Stage
from gonogo.model.trigger import TriggerState
from gonogo.release.gather import Gathered, Gathering, Question
from gonogo.release.soak import SoakResult, soak_of
from gonogo.run.checklist_status import applies
from gonogo.sources.project import System


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that the stage asks for: its name, what it came to, and the command that brings it."""

    name: str
    verdict: Verdict
    command: str = ""

    def to_result(self, stage: Stage, source: SourceRef) -> CheckResult:
        """Return it as a check of the stage."""
        verdict = self.verdict
        return CheckResult(
            f"STAGE-{stage.id}",
            self.name,
            verdict.outcome,
            CheckClass.REQUIRED,
            source,
            verdict.reasons,
            verdict.expected,
            verdict.observed,
        )


def judge_required(
    plan: Plan,
    system: System,
    question: Question,
    gathering: Gathering,
    missing_roles: Sequence[str],
    command: Callable[..., str],
) -> list[Asked]:
    """Return everything that a stage asks for, in the order in which it is made.

    `command` writes a command line: a verb and its further options. Kind sandbox needs no watch, no drill and no roles.
    """
    stage, counting = question.stage, gathering.counting
    runs = [one for one in counting if one.recorded.activity == "run"]
    run = command("run")
    asked = [Asked("run", _there("a run of this stage", [one.run for one in runs]), run)]
    cases = frozenset[str]().union(*(one.cases for one in runs)) if runs else frozenset()
    for name, wanted in expected_cases(system, stage).items():
        asked.append(Asked(name, _covered(name, wanted, cases), run))
    for profile in stage.load:
        found = [one.run for one in counting if one.series == f"load {profile}"]
        verdict = _there(f"a load of profile {profile}", found)
        asked.append(Asked(f"load-{profile}", verdict, command("load", "--profile", profile)))
    if question.kind is Kind.SANDBOX:
        return asked
    watches = [one for one in counting if one.recorded.activity == "watch"]
    if stage.watch:
        asked.append(Asked("watch", _there("a watch of this stage", [one.run for one in watches]), command("watch")))
    if stage.soak is not None:
        asked.append(Asked("soak", _soaked(watches, stage.soak.minimum), command("watch")))
    if plan.rollback is not None and not plan.predecessors(stage.id):
        drills = [one.run for one in counting if one.recorded.activity == "drill"]
        asked.append(
            Asked("drill", _there("a drill of the rollback options", drills), command("drill", "--allow-flag-changes"))
        )
    if plan.roles:
        asked.append(Asked("roles", _assigned(missing_roles)))
    return asked


def _there(what: str, found: Sequence[str]) -> Verdict:
    if not found:
        return Verdict(Outcome.NOT_RUN, (f"nothing that counts is recorded: {what} is missing",), what)
    return Verdict(Outcome.PASSED, (), what, ", ".join(found))


def expected_cases(system: System, stage: Stage) -> dict[str, frozenset[str]]:
    """Return the cases that each pack, gates file and checklist of a stage brings into a run, by the file's check."""
    wanted: dict[str, frozenset[str]] = {}
    for name in stage.packs:
        if name in system.packs:
            wanted[f"pack-{name}"] = frozenset(case.id for case in system.packs[name].cases)
    for name in stage.gates:
        if name in system.gates:
            wanted[f"gates-{name}"] = frozenset(gate.id for gate in system.gates[name].gates)
    for name in stage.checklists:
        if name in system.checklists:
            wanted[f"checklist-{name}"] = frozenset(item.id for item in system.checklists[name].items)
    return wanted


def _covered(name: str, wanted: frozenset[str], cases: frozenset[str]) -> Verdict:
    expected = f"every case of {name.split('-', 1)[1]} was planned in a run that counts"
    missing = sorted(wanted - cases)
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        return Verdict(Outcome.NOT_RUN, (f"no run that counts planned {', '.join(missing[:5])}{more}",), expected)
    if not wanted:
        return Verdict.inconclusive(InconclusiveReason.VACUOUS, "it has no cases", expected)
    return Verdict(Outcome.PASSED, (), expected, f"{len(wanted)} cases")


def _soaked(watches: Sequence[Gathered], minimum: float) -> Verdict:
    folders = [one.folder for one in watches if one.folder is not None]
    soak: SoakResult = soak_of(folders, minimum)
    expected = f"watched for {minimum:,.0f} s without a red sample"
    observed = f"{soak.seconds:,.0f} s observed in {len(folders)} watches"
    if soak.complete:
        return Verdict(Outcome.PASSED, (), expected, observed)
    reasons = soak.reasons or (f"observed {soak.seconds:,.0f} s of {minimum:,.0f} s",)
    if not folders:
        return Verdict(Outcome.NOT_RUN, ("nothing that counts is recorded: no watch at all", *reasons), expected)
    return Verdict(Outcome.INCONCLUSIVE, (f"too_few_samples: {reasons[0]}", *reasons[1:]), expected, observed)


def _assigned(missing: Sequence[str]) -> Verdict:
    expected = "every role of the plan is assigned"
    if missing:
        return Verdict(Outcome.NOT_RUN, (f"nobody is assigned as {', '.join(missing)}",), expected)
    return Verdict(Outcome.PASSED, (), expected)


def judge_manual(
    lists: Iterable[BoundChecklist],
    question: Question,
    records: Sequence[Attestation],
    triggers: Sequence[TriggerState],
    build: str | None,
) -> list[CheckResult]:
    """Return what people answered up to now for the items of a stage's lists; none in kind sandbox.

    An item that a trigger answers for has passed where the watch saw it and it did not fire.
    """
    if question.kind is Kind.SANDBOX:
        return []
    states = {state.id: state for state in triggers}
    releases = {name for name in (question.release, build) if name}
    found = []
    for item in (item for one in lists for item in one.items):
        if item.manual is None or item.not_asked or not applies(item, question.stage.id, question.kind):
            continue
        trigger = item.binding.trigger if item.binding is not None else None
        if trigger is not None:
            found.append(_result(item, "trigger", _by_trigger(trigger, states)))
            continue
        verdict = judge_attestation(
            item,
            records,
            releases=releases,
            environment=question.environment,
            needs_signature=question.trust is not None,
            now=question.now,
        )
        found.append(_result(item, "attested", verdict))
    return found


def _by_trigger(trigger: str, states: Mapping[str, TriggerState]) -> Verdict:
    expected = f"the trigger {trigger!r} did not fire"
    state = states.get(trigger)
    if state is None:
        return Verdict(Outcome.PENDING, ("no watch that counts looked at it yet",), expected)
    if state.fired:
        return Verdict(Outcome.FAILED, state.reasons or ("it fired",), expected, f"fired at {state.at or 'some time'}")
    return Verdict(Outcome.PASSED, (), expected, "a watch saw it, and it did not fire")


def _result(item: BoundItem, check: str, verdict: Verdict) -> CheckResult:
    cls = item.weight or CheckClass.REQUIRED
    source = SourceRef(item.file, item.item.line)
    return CheckResult(
        item.id, check, verdict.outcome, cls, source, verdict.reasons, verdict.expected, verdict.observed
    )
