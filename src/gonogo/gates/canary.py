"""One phase of a canary rollout judged: promote, hold or abort; never promote what was not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gonogo.extras import import_extra
from gonogo.gates.comparison import Effect, compare_sides, spend_alpha
from gonogo.gates.evaluate import evaluate_gate
from gonogo.gates.exact import show_number
from gonogo.model.canary import CanaryPlan, Criterion, Look, Phase, Result, StickyKey
from gonogo.model.canary_probe import ProbeSight
from gonogo.model.gate import Comparison, FlawKind, GateResult, GateSpec, Interval, Measurement
from gonogo.model.outcome import InconclusiveReason, Outcome

# A split that is right fails this test once in a thousand rollouts, whatever the number of looks.
SPLIT_LEVEL = 0.001
# What a probe that broke leaves open; it is the sender's matter and no time that the new version wasted.
_LEFT_OPEN_BY_PROBE = frozenset({"CANARY-PROBE", "CANARY-PROBE-SPLIT", "CANARY-STICKY"})


@dataclass(frozen=True, slots=True)
class LookResult:
    """What one look came to."""

    number: int
    result: Result
    gates: tuple[GateResult, ...]
    reasons: tuple[str, ...]
    spent: float
    effects: Mapping[str, Effect] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PhaseResult:
    """What a phase came to after all its looks."""

    result: Result
    looks: tuple[LookResult, ...]
    reasons: tuple[str, ...]
    next_share: float | None


def judge_phase(plan: CanaryPlan, place: int, looks: Sequence[Look], probe: ProbeSight | None = None) -> PhaseResult:
    """Return what becomes of a phase: an abort stands, else the last look decides.

    As many windows without a promotion as the plan has make an abort: a version that cannot be shown to be good in all
    of them is not waited for. No look at all is a hold, and so is the end of the windows where only a probe that broke
    stands in the way.
    """
    phase = plan.phases[place]
    following = plan.phases[place + 1].share if place + 1 < len(plan.phases) else None
    # More looks than were planned would spend more than the level allows.
    judged = tuple(judge_look(plan, phase, look, probe) for look in looks[: plan.windows])
    if not judged:
        return PhaseResult(Result.HOLD, (), ("no_data: no window is over",), following)
    aborted = next((one for one in judged if one.result is Result.ABORT), None)
    if aborted is not None:
        return PhaseResult(Result.ABORT, judged, aborted.reasons, following)
    last = judged[-1]
    left = {gate.id for gate in last.gates if gate.outcome is not Outcome.PASSED}
    waits = probe is not None and probe.is_broken and left <= _LEFT_OPEN_BY_PROBE
    if last.result is Result.HOLD and len(judged) >= plan.windows and not waits:
        text = f"{len(judged)} windows without a promotion; the plan allows {plan.windows}"
        return PhaseResult(Result.ABORT, judged, (text, *last.reasons), following)
    return PhaseResult(last.result, judged, last.reasons, following)


def judge_look(plan: CanaryPlan, phase: Phase, look: Look, probe: ProbeSight | None = None) -> LookResult:
    """Return what the samples up to one window come to.

    Abort: a criterion is beyond its limit and the test says that this is no chance, or more traffic than the phase's
    share reaches the new version, or an id changed its version. Promote: every criterion is within its limit and so is
    the bound of what it may truly be. Everything else holds.
    """
    tests = max(1, len(plan.judged_phases)) * len(plan.criteria)
    spent = spend_alpha(plan.level / tests, look.number, plan.windows)
    gates = [_judge_coverage(plan, phase, look)]
    gates += [_judge_split(plan, phase, look), _judge_stickiness(plan, look)]
    if probe is not None:
        gates += [_judge_probe(probe), _judge_probe_split(plan, phase, probe)]
    effects: dict[str, Effect] = {}
    for criterion in plan.criteria:
        gate, effect = _judge_criterion(plan, criterion, look, spent)
        gates.append(gate)
        if effect is not None:
            effects[criterion.id] = effect
    open_gates = [gate for gate in gates if gate.outcome is not Outcome.PASSED]
    result = Result.PROMOTE if not open_gates else Result.HOLD
    if any(gate.outcome is Outcome.FAILED for gate in gates):
        result = Result.ABORT
        open_gates = [gate for gate in open_gates if gate.outcome is Outcome.FAILED]
    reasons = tuple(f"{gate.id}: {gate.sentence}" for gate in open_gates)
    return LookResult(look.number, result, tuple(gates), reasons, spent, effects)


def _judge_criterion(
    plan: CanaryPlan, criterion: Criterion, look: Look, test_level: float
) -> tuple[GateResult, Effect | None]:
    spec = GateSpec(
        id=f"CANARY-{criterion.id}",
        metric=criterion.id,
        direction=criterion.direction,
        scale=criterion.scale,
        comparison=Comparison.AT_MOST,
        limit=criterion.limit,
        min_samples=criterion.min_samples,
    )
    new, old = look.new.values.get(criterion.field), look.old.values.get(criterion.field)
    for name, side in ((plan.new, new), (plan.old, old)):
        if side is None or not side.size:
            missing = Measurement.missing(spec.metric, FlawKind.NO_DATA, f"no {criterion.field} of {name}")
            return evaluate_gate(spec, missing), None
    bound_level = plan.level / plan.windows
    effect = compare_sides(new, old, criterion, test_level=test_level, bound_level=bound_level, power=plan.power)
    here = Measurement(spec.metric, effect.new.value, effect.new.n)
    there = Measurement(spec.metric, effect.old.value, effect.old.n)
    gate = evaluate_gate(spec, here, there)
    if effect.upper is not None and effect.effect is not None:
        gate = replace(gate, interval=Interval(effect.effect, effect.upper, 1 - bound_level, "MOVER upper bound"))
    return _weigh(gate, effect, criterion, test_level), effect


def _weigh(gate: GateResult, effect: Effect, criterion: Criterion, test_level: float) -> GateResult:
    """Return the gate with chance weighed in: neither a noisy breach nor a lucky pass stands."""
    least = "unknown" if effect.detectable is None else show_number(effect.detectable)
    told = f"{effect.test} p={effect.p_value:.3g} (this look: {test_level:.2g}), least detectable {least}"
    few = InconclusiveReason.TOO_FEW_SAMPLES.value
    if gate.outcome is Outcome.FAILED and effect.p_value > test_level:
        return _with_outcome(gate, Outcome.INCONCLUSIVE, f"{few}: beyond the limit, and it may be chance", told)
    if gate.outcome is Outcome.PASSED:
        upper = effect.upper
        if upper is None:
            return _with_outcome(gate, Outcome.INCONCLUSIVE, f"{few}: the samples allow no bound", told)
        if upper > float(criterion.limit):
            text = f"{few}: within the limit, and it may truly be {show_number(upper)}"
            return _with_outcome(gate, Outcome.INCONCLUSIVE, text, told)
        told = f"truly at most {show_number(upper)}, {told}"
    return _with_outcome(gate, gate.outcome, "", told)


def _with_outcome(gate: GateResult, outcome: Outcome, text: str, told: str) -> GateResult:
    sentence = "; ".join(part for part in (text, gate.sentence, told) if part)
    return replace(gate, outcome=outcome, sentence=sentence, reasons=(sentence,))


def _judge_coverage(plan: CanaryPlan, phase: Phase, look: Look) -> GateResult:
    """Return whether both versions were seen throughout the last window: one burst is no window."""
    spec = GateSpec.model_validate(
        {"id": "CANARY-COVERAGE", "metric": "coverage", "comparison": "at_least", "limit": repr(plan.coverage)}
    )
    if phase.share >= 1:
        text = "at a share of 1 there is no concurrent traffic of the old version to compare with"
        return evaluate_gate(spec, Measurement.missing(spec.metric, FlawKind.NO_DATA, text))
    spans = {}
    for name, side in ((plan.new, look.new), (plan.old, look.old)):
        times = side.times[(side.times >= look.start) & (side.times < look.end)]
        if not times.size:
            text = f"no sample of {name} in window {look.number}"
            return evaluate_gate(spec, Measurement.missing(spec.metric, FlawKind.NO_DATA, text))
        spans[name] = float(times.max() - times.min()) / (look.end - look.start)
    least = min(spans, key=spans.__getitem__)
    gate = evaluate_gate(spec, Measurement(spec.metric, round(spans[least], 6)))
    if gate.outcome is Outcome.FAILED:
        # Samples that are not there are no failure of the new version.
        text = f"{InconclusiveReason.NO_DATA.value}: the samples of {least} span too little of window {look.number}"
        return _with_outcome(gate, Outcome.INCONCLUSIVE, text, "")
    return gate


def _judge_split(plan: CanaryPlan, phase: Phase, look: Look) -> GateResult:
    """Return whether the new version's share of the keys in the samples is the phase's."""
    by_key = plan.key is not StickyKey.NONE
    new, old = (len(side.keys) if by_key else int(side.times.size) for side in (look.new, look.old))
    return _test_share(plan, phase, "CANARY-SPLIT", new, old, f"{plan.key.value}s" if by_key else "requests")


def _judge_probe_split(plan: CanaryPlan, phase: Phase, probe: ProbeSight) -> GateResult:
    """Return whether the new version's share of the ids that were sent is the phase's.

    They are tested by themselves: among the samples, a few hundred ids that all got one version would not be seen.
    """
    return _test_share(plan, phase, "CANARY-PROBE-SPLIT", probe.new, probe.old, f"sent {plan.key.value}s")


def _test_share(plan: CanaryPlan, phase: Phase, name: str, new: int, old: int, unit: str) -> GateResult:
    """Return whether a share is the phase's by the exact binomial test: more than agreed fails, less says nothing."""
    spec = GateSpec.model_validate(
        {"id": name, "metric": "split_p", "comparison": "at_least", "limit": repr(SPLIT_LEVEL / plan.windows)}
    )
    total = new + old
    if not total:
        return evaluate_gate(spec, Measurement.missing(spec.metric, FlawKind.NO_DATA, "no sample at all"))
    test = import_extra("scipy.stats", "gates").binomtest(new, total, phase.share)
    gate = evaluate_gate(spec, Measurement(spec.metric, float(test.pvalue), total))
    seen = f"{new:,} of {total:,} {unit} ({new / total:.2%}) got {plan.new}, the phase is {phase.share:.0%}"
    if gate.outcome is Outcome.FAILED and new < total * phase.share:
        return _with_outcome(
            gate, Outcome.INCONCLUSIVE, f"{InconclusiveReason.NO_DATA.value}: too little traffic", seen
        )
    return _with_outcome(gate, gate.outcome, "", seen)


def _judge_probe(probe: ProbeSight) -> GateResult:
    """Return whether every request of the probe was answered with a version; one that was not shows nothing."""
    spec = GateSpec.model_validate(
        {"id": "CANARY-PROBE", "metric": "requests_without_version", "comparison": "equal", "limit": 0}
    )
    gate = evaluate_gate(spec, Measurement(spec.metric, probe.planned - probe.answered, probe.planned))
    seen = f"{probe.answered:,} of {probe.planned:,} requests answered with a version"
    told = "; ".join(part for part in (seen, probe.aside) if part)
    if gate.outcome is Outcome.PASSED:
        return _with_outcome(gate, Outcome.PASSED, "", told)
    why = ", ".join(f"{count:,} {text}" for text, count in sorted(probe.faults.items()))
    return _with_outcome(gate, Outcome.INCONCLUSIVE, f"{InconclusiveReason.NO_DATA.value}: {why}", told)


def _judge_stickiness(plan: CanaryPlan, look: Look) -> GateResult:
    """Return whether every id that was seen twice got one version; ids seen once prove nothing."""
    spec = GateSpec.model_validate(
        {"id": "CANARY-STICKY", "metric": "ids_with_both_versions", "comparison": "equal", "limit": 0}
    )
    if plan.key is StickyKey.NONE:
        promised = GateSpec.model_validate({**spec.model_dump(), "metric": "nothing_promised"})
        return replace(evaluate_gate(promised, Measurement(promised.metric, 0)), sentence="the plan promises none")
    if not look.repeated:
        gate = evaluate_gate(spec, Measurement.missing(spec.metric, FlawKind.NO_DATA, ""))
        text = f"{InconclusiveReason.VACUOUS.value}: no {plan.key.value} was seen twice; send the same ids again"
        return replace(gate, sentence=text, reasons=(text,))
    return evaluate_gate(spec, Measurement(spec.metric, look.moved, look.repeated))
