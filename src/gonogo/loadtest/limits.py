"""The limits of a profile held against what was measured; pure.

A limit that so few messages can never prove does not hold the decision while its figure keeps it: the profile says
beforehand that it cannot. A figure that breaks it holds the decision, and fails it where chance is no explanation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from gonogo.gates.evaluate import evaluate_gate, to_check
from gonogo.gates.exact import show_number
from gonogo.loadtest.records import Records, quantile
from gonogo.model.gate import FlawKind, GateResult, Measurement
from gonogo.model.load import FigureKind, LoadLimit, Profile, Proof, class_of, figure_of, gate_of, prove_limit
from gonogo.model.outcome import (
    CheckClass,
    CheckResult,
    InconclusiveReason,
    Outcome,
    PlannedCheck,
    SourceRef,
    Verdict,
    heavier,
)

GENERATOR, CONDITION, TARGET = "generator", "condition", "target"


@dataclass(frozen=True, slots=True)
class LoadChecks:
    """The checks of one profile: its case, and where each limit stands."""

    case: str
    limits: tuple[LoadLimit, ...]
    proofs: tuple[Proof, ...]
    sources: Mapping[str, SourceRef]
    source: SourceRef
    conditioned: bool

    def planned(self) -> list[PlannedCheck]:
        """Return every check that must have an outcome."""
        names = [GENERATOR, TARGET, *([CONDITION] if self.conditioned else [])]
        checks = [PlannedCheck(self.case, name, CheckClass.REQUIRED, self.source) for name in names]
        for limit, proof in zip(self.limits, self.proofs, strict=True):
            cls = class_of(limit)
            if not proof.provable and cls is CheckClass.REQUIRED:
                cls = CheckClass.ADVISORY
            checks.append(PlannedCheck(self.case, limit.id, cls, self.sources[limit.id]))
        return checks

    def result(self, check: str, verdict: Verdict, cls: CheckClass = CheckClass.REQUIRED) -> CheckResult:
        """Return the result of one of the checks beside the limits."""
        return CheckResult.of(PlannedCheck(self.case, check, cls, self.source), verdict)


def plan_checks(
    case: str, limits: tuple[LoadLimit, ...], count: int, sources: Mapping[str, SourceRef], profile: Profile
) -> LoadChecks:
    """Return the checks of a load of so many messages."""
    proofs = tuple(prove_limit(limit, count) for limit in limits)
    return LoadChecks(case, limits, proofs, sources, sources[""], bool(profile.shows))


def judge_limits(
    checks: LoadChecks,
    measurements: Mapping[str, Measurement],
    certain: Callable[[str, float], bool],
    *,
    time_scale: float,
    window: float,
    sound: Verdict,
    lagged: bool = False,
) -> list[tuple[GateResult, CheckResult]]:
    """Return what each limit came to, as a gate and as a check.

    `certain` says whether a breach is certain although there are too few samples. `window` (seconds) is how long the
    target was given to recover. Where the load was not `sound`, a limit that was kept proves nothing; one that was
    broken is broken, but for latencies where the generator itself `lagged`.
    """
    judged = []
    for limit, proof in zip(checks.limits, checks.proofs, strict=True):
        spec = gate_of(limit, time_scale)
        if limit.metric == "recovery":
            spec = spec.model_copy(update={"limit": min(spec.limit, Decimal(repr(round(window, 6))))})
        current = measurements.get(limit.metric)
        if current is None:
            current = Measurement.missing(limit.metric, FlawKind.NO_DATA, "it was never measured")
        result = evaluate_gate(spec, current)
        open_result = evaluate_gate(spec.model_copy(update={"min_samples": 1}), current)
        breached = open_result.outcome in (Outcome.FAILED, Outcome.WARNED)
        few = current.n is not None and current.n < proof.needed
        if few and breached and certain(limit.metric, float(spec.limit)):
            result = open_result
        cls = heavier(result.cls, class_of(limit))
        unprovable = not proof.provable and result.outcome is Outcome.INCONCLUSIVE and few and not breached
        if unprovable and cls is CheckClass.REQUIRED:
            # Said beforehand: this load cannot prove it. That it looked well is told and decides nothing.
            cls = CheckClass.ADVISORY
        result = replace(result, cls=cls)
        source = checks.sources[limit.id]
        check = replace(to_check(result, source, case=checks.case), check=limit.id, cls=cls)
        own_lag = lagged and figure_of(limit.metric).kind is FigureKind.QUANTILE
        judged.append((result, check if sound.outcome is Outcome.PASSED else _doubt(check, own_lag=own_lag)))
    return judged


def _doubt(check: CheckResult, *, own_lag: bool) -> CheckResult:
    """Return a check as a load that was not made as asked leaves it."""
    if check.outcome in (Outcome.PASSED, Outcome.WARNED) or (check.outcome is Outcome.FAILED and own_lag):
        reason = f"{InconclusiveReason.VACUOUS.value}: the load was not the one that was asked for"
        return replace(check, outcome=Outcome.INCONCLUSIVE, reasons=(reason, *check.reasons))
    return check


def judge_generator(
    records: Records, asked: int, workers: int, lag_p99: float, rate_miss: float, stopped: str = ""
) -> Verdict:
    """Return whether the load was made as asked: no worker lost, no more than `rate_miss` missing, and in time.

    `lag_p99` is in seconds; `stopped` says why the load ended early.
    """
    expected = f"{asked:,} requests by {workers} worker(s), late by at most {lag_p99 * 1000:g} ms (p99)"
    problems = [f"stopped early: {stopped}"] if stopped else []
    problems += [f"worker {note.worker}: {note.error}" for note in records.notes if note.error]
    seen = {note.worker for note in records.notes}
    lost = [index for index in range(workers) if index not in seen]
    if lost:
        names = ", ".join(map(str, lost))
        problems.append(f"{len(lost)} of {workers} workers lost (worker {names}): they never said what they sent")
    told = sum(note.records for note in records.notes)
    recorded = len(records)
    if recorded < told:
        problems.append(f"{told - recorded:,} records of {told:,} are missing")
    if records.repeated:
        problems.append(f"{records.repeated:,} arrivals were recorded twice")
    missing = (asked - recorded) / asked
    if missing > rate_miss:
        problems.append(f"{recorded:,} of {asked:,} requests were made: {missing:.1%} of the asked rate is missing")
    lag = quantile(records.rows["lag"], 0.99) / 1e6 if recorded else None
    shown = f"{recorded:,} of {asked:,} requests" + ("" if lag is None else f", lag p99 {lag * 1000:.1f} ms")
    if lag is not None and lag > lag_p99:
        problems.append(
            f"the generator lagged: p99 {lag * 1000:.1f} ms > {lag_p99 * 1000:g} ms (limit), n={recorded:,}"
        )
    if not problems:
        return Verdict(Outcome.PASSED, (), expected, shown)
    return Verdict(Outcome.INCONCLUSIVE, tuple(f"vacuous: {one}" for one in problems), expected, shown)


def judge_condition(shows: Mapping[str, float], measurements: Mapping[str, Measurement], condition: str) -> Verdict:
    """Return whether the condition that a profile is made under was there at all."""
    expected = condition or ", ".join(f"{name} ≥ {least:g}" for name, least in shows.items())
    problems = []
    for name, least in shows.items():
        found = measurements.get(name)
        value = found.value if found is not None else None
        if value is None or float(value) < least:
            seen = "not seen" if value is None else show_number(value)
            problems.append(f"vacuous: {name} {seen} < {least:g}: the condition was not there, so nothing was shown")
    if problems:
        return Verdict(Outcome.INCONCLUSIVE, tuple(problems), expected)
    return Verdict(Outcome.PASSED, (), expected, "seen")


def worse_verdict(first: Verdict, second: Verdict) -> Verdict:
    """Return one verdict over two, every reason kept."""
    worse = max(first, second, key=lambda one: one.outcome)
    return replace(worse, reasons=(*first.reasons, *second.reasons))
