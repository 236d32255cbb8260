"""The regression gates: which there are before and after a baseline exists, and what each comes to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from gonogo.gates.baseline import BaselineState, Standing
from gonogo.gates.drift import population_stability_index
from gonogo.gates.evaluate import evaluate_gate
from gonogo.gates.regression_measures import find_new_modes, measure_metrics, zero_of
from gonogo.model.gate import (
    Comparison,
    Direction,
    FlawKind,
    GateResult,
    GateSpec,
    Measurement,
    Scale,
    Severity,
    Weight,
)
from gonogo.model.regression_metrics import MetricsFile, ZeroCount

ACCURACY_DROP = Decimal("0.02")
INTENT_DROP = Decimal("0.03")
# Twice a step: a slide by many allowed steps is caught at the second full one.
ANCHOR_DROP = Decimal("0.04")
UNKNOWN_RISE = Decimal("0.25")
TOKEN_RISE = Decimal("0.20")
COST_RISE = Decimal("0.20")
ROUTING_PSI = Decimal("0.1")

_ZERO_GATES = (
    ("REG-TIER0", "tier0_false_negatives", Weight.SAFETY),
    ("REG-TIER0-REPLY", "tier0_replies", Weight.SAFETY),
    ("REG-TIER2", "tier2_violations", Weight.SAFETY),
    ("REG-TIER3", "tier3_violations", Weight.SAFETY),
)


_COMPARED = (
    ("REG-ROUTING", "routing_psi"),
    ("REG-NEW-FAILURES", "new_failure_modes"),
    ("REG-SCHEMA", "schema_changed"),
)


def judge_regression(
    current: MetricsFile, baseline: MetricsFile | None, state: BaselineState, *, listed: Iterable[str] | None = None
) -> list[GateResult]:
    """Return the result of every gate; `listed` names the intents to be judged one by one, else all that have labels.

    Without a baseline the metric gates are recorded. Where history has one and none was given, they are errors.
    """
    now = measure_metrics(current)
    then = measure_metrics(baseline) if baseline is not None else {}
    results = [_judge_invalid(now)]
    for gate, metric, weight in _ZERO_GATES:
        spec = GateSpec(id=gate, metric=metric, comparison=Comparison.EQUAL, limit=Decimal(0), weight=weight)
        results.append(_with_bound(evaluate_gate(spec, now[metric]), zero_of(current, metric)))
    results.append(_judge_standing(state))
    names = tuple(listed) if listed is not None else tuple(current.labels.intents)
    judged = baseline is not None or state.standing is Standing.MISSING
    for spec in metric_gates(names, judged=judged):
        results.append(_judge_metric(spec, now, then, state))
    results += _judge_soft(current, baseline, now, then, state)
    results += _judge_anchor(current, state)
    return results


def metric_gates(listed: Iterable[str], *, judged: bool) -> list[GateSpec]:
    """Return the gates on accuracy, macro F1 and each listed intent; not judged, they are recorded."""
    weight = Weight.REQUIRED if judged else Weight.RECORDED
    pairs = [("REG-ACCURACY", "accuracy", ACCURACY_DROP), ("REG-MACRO-F1", "macro_f1", ACCURACY_DROP)]
    for name in sorted(listed):
        pairs += [(gate_id(f"REG-{kind.upper()}-{name}"), f"{kind}[{name}]", INTENT_DROP) for kind in _KINDS]
    return [_drop_gate(gate, metric, limit, weight) for gate, metric, limit in pairs]


_KINDS = ("recall", "precision")


def gate_id(text: str) -> str:
    """Return a text as the id of a gate: letters, digits, points and dashes, at most 64."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)[:64]


def _judge_metric(
    spec: GateSpec, now: Mapping[str, Measurement], then: Mapping[str, Measurement], state: BaselineState
) -> GateResult:
    seen = now.get(spec.metric) or Measurement.missing(spec.metric, FlawKind.NO_DATA, "it was not measured")
    if state.standing is Standing.MISSING:
        return evaluate_gate(spec, seen, Measurement.missing(spec.metric, FlawKind.QUERY_FAILED, state.sentence))
    baseline = then.get(spec.metric)
    if baseline is not None and baseline.value is None:
        # What the baseline could not measure was accepted with it; there is nothing to hold the figure against.
        spec = spec.model_copy(update={"weight": Weight.RECORDED})
    return evaluate_gate(spec, seen, baseline)


def _judge_soft(
    current: MetricsFile,
    baseline: MetricsFile | None,
    now: Mapping[str, Measurement],
    then: Mapping[str, Measurement],
    state: BaselineState,
) -> list[GateResult]:
    """Return what needs a sign-off: more unknowns, other routes, more tokens, higher cost, a new kind of error."""
    judged = baseline is not None or state.standing is Standing.MISSING
    weight = Weight.SOFT if judged else Weight.RECORDED
    results = [_judge_metric(_unknown_gate(weight, then), now, then, state)]
    results += [
        _judge_metric(
            _drop_gate(gate_id(f"REG-SET-{name}"), f"accuracy[{name}]", ACCURACY_DROP, Weight.RECORDED),
            now,
            then,
            state,
        )
        for name in sorted(current.sets)
    ]
    for gate, metric, limit in (
        ("REG-TOKENS", "tokens_per_decision", TOKEN_RISE),
        ("REG-COST", "cost_per_1000", COST_RISE),
    ):
        known = metric in then or state.standing is Standing.MISSING
        spec = _rise_gate(gate, metric, limit, weight if known else Weight.RECORDED)
        results.append(_judge_metric(spec, now, then, state))
    limits = {"routing_psi": ROUTING_PSI, "new_failure_modes": Decimal(0), "schema_changed": Decimal(0)}
    compared = _compare_outputs(current, baseline, state)
    for gate, metric in _COMPARED:
        spec = GateSpec(
            id=gate,
            metric=metric,
            comparison=Comparison.AT_MOST,
            limit=limits[metric],
            weight=weight,
            severity=Severity.MEDIUM,
        )
        results.append(evaluate_gate(spec, compared[metric]))
    return results


def _compare_outputs(
    current: MetricsFile, baseline: MetricsFile | None, state: BaselineState
) -> dict[str, Measurement]:
    """Return the figures that exist only between two judgements."""
    names = tuple(metric for _, metric in _COMPARED)
    if baseline is None:
        missing = state.standing is Standing.MISSING
        kind, why = (FlawKind.QUERY_FAILED, state.sentence) if missing else (FlawKind.NO_DATA, "there is no baseline")
        return {name: Measurement.missing(name, kind, why) for name in names}
    teams = sorted({*current.routing, *baseline.routing})
    psi = None
    if current.outputs.n and baseline.outputs.n:
        shares = [{team: side.routing.get(team, 0) / side.outputs.n for team in teams} for side in (baseline, current)]
        psi = population_stability_index(*shares)
    modes = len(find_new_modes(current, baseline))
    # A schema that allows more makes invalid outputs valid: somebody has to have wanted that.
    changed = int(current.decision_schema_sha256 != baseline.decision_schema_sha256)
    return {
        "routing_psi": Measurement("routing_psi", psi, current.outputs.n),
        "new_failure_modes": Measurement("new_failure_modes", modes, current.outputs.n),
        "schema_changed": Measurement("schema_changed", changed, current.outputs.n),
    }


def _judge_anchor(current: MetricsFile, state: BaselineState) -> list[GateResult]:
    """Return how far accuracy and macro F1 have slid from the anchor, however many small steps led there."""
    if state.anchor is None:
        return []
    now, anchor = measure_metrics(current), state.anchor
    results = []
    for metric, before in (("accuracy", anchor.accuracy), ("macro_f1", anchor.macro_f1)):
        spec = _drop_gate(
            gate_id(f"REG-ANCHOR-{metric.replace('_', '-').upper()}"), metric, ANCHOR_DROP, Weight.REQUIRED
        )
        why = ""
        if anchor.labels_sha256 != current.labels.sha256:
            why = f"the anchor ({anchor.place}) is of other labels; promote a baseline with --anchor"
            other = Measurement.missing(metric, FlawKind.NO_DATA, why)
        else:
            other = Measurement(metric, before, anchor.n, source=anchor.place)
        # Both sides as the decimals that the ledger holds: an exact share against its own rounding is no drop.
        seen = now[metric] if now[metric].value is None else replace(now[metric], value=float(now[metric].value or 0))
        result = evaluate_gate(spec.model_copy(update={"title": f"{metric} against the anchor"}), seen, other)
        if why:
            result = replace(result, sentence=f"{result.sentence}: {why}", reasons=(*result.reasons, why))
        results.append(result)
    return results


def _judge_standing(state: BaselineState) -> GateResult:
    """Return whether what stands for a baseline was recorded by somebody."""
    weight = Weight.REQUIRED if state.must_be_recorded else Weight.RECORDED
    spec = GateSpec(
        id="REG-BASELINE", metric="baseline_recorded", comparison=Comparison.EQUAL, limit=Decimal(1), weight=weight
    )
    if state.standing in (Standing.PINNED, Standing.COLD):
        result = evaluate_gate(spec, Measurement("baseline_recorded", 1))
        return replace(result, sentence=state.sentence, reasons=(state.sentence,))
    kind = FlawKind.QUERY_FAILED if state.standing is Standing.MISSING else FlawKind.NO_DATA
    return evaluate_gate(spec, Measurement.missing("baseline_recorded", kind, state.sentence))


def _judge_invalid(now: Mapping[str, Measurement]) -> GateResult:
    spec = GateSpec(id="REG-INVALID", metric="invalid_output_rate", comparison=Comparison.EQUAL, limit=Decimal(0))
    return evaluate_gate(spec, now[spec.metric])


def _with_bound(result: GateResult, zero: ZeroCount) -> GateResult:
    """Return the result with what a count of zero proves: not that there is none."""
    if zero.bound is None:
        return result
    told = f"none in {zero.n:,} leaves a true rate of up to {zero.bound:.2%} (95 %, rule of three)"
    return replace(result, sentence=f"{result.sentence}; {told}", reasons=(*result.reasons, told))


def _drop_gate(gate: str, metric: str, limit: Decimal, weight: Weight) -> GateSpec:
    return GateSpec(
        id=gate,
        metric=metric,
        direction=Direction.DROP,
        comparison=Comparison.AT_MOST,
        limit=limit,
        weight=weight,
    )


def _rise_gate(gate: str, metric: str, limit: Decimal, weight: Weight) -> GateSpec:
    return GateSpec(
        id=gate,
        metric=metric,
        direction=Direction.RISE,
        scale=Scale.RELATIVE,
        comparison=Comparison.AT_MOST,
        limit=limit,
        weight=weight,
        severity=Severity.MEDIUM,
    )


def _unknown_gate(weight: Weight, then: Mapping[str, Measurement]) -> GateSpec:
    """Return the gate on unknowns; where the baseline has none a relative rise has no meaning, and none is allowed."""
    known = then.get("unknown_other_rate")
    if known is not None and known.value == 0:
        return GateSpec(
            id="REG-UNKNOWN",
            metric="unknown_other_rate",
            comparison=Comparison.AT_MOST,
            limit=Decimal(0),
            weight=weight,
        )
    return _rise_gate("REG-UNKNOWN", "unknown_other_rate", UNKNOWN_RISE, weight)
