"""The artefacts of a regression judgement as text: reports hold ids, intents and counts, and never a message."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from gonogo.model.decision import Decision
from gonogo.model.gate import GateResult
from gonogo.model.outcome import Outcome
from gonogo.model.regression import INVALID_NAME, CaseList, PairCounts, Tally, Taxonomy
from gonogo.model.regression_metrics import Between, MetricsFile, ZeroCount


@dataclass(frozen=True, slots=True)
class RegressionSummary:
    """What summary.md shows; `p_value` is McNemar's over the pairs."""

    metrics: MetricsFile
    baseline: MetricsFile | None
    gates: Sequence[GateResult]
    decision: Decision
    standing: str
    pairs: PairCounts | None
    p_value: float | None


def render_confusion_csv(metrics: MetricsFile, intents: Sequence[str]) -> str:
    """Return the matrix as CSV: a row a labelled intent, a column a predicted one."""
    matrix = metrics.matrix()
    columns = [*intents, INVALID_NAME]
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["labelled", *columns])
    for true in intents:
        writer.writerow([true, *(matrix.get((true, guess), 0) for guess in columns)])
    return text.getvalue()


def render_tier0_report(metrics: MetricsFile, tally: Tally, taxonomy: Taxonomy) -> str:
    """Return how the escalations fared: which were missed, answered, or taken for another escalation."""
    matrix = metrics.matrix()
    per_intent = {}
    for name in sorted(taxonomy.tier0):
        row = {guess: count for (true, guess), count in matrix.items() if true == name}
        caught = row.get(name, 0)
        confused = sum(count for guess, count in row.items() if guess in taxonomy.tier0 and guess != name)
        support = sum(row.values())
        per_intent[name] = {
            "labels": support,
            "caught": caught,
            "taken_for_another_tier0": confused,
            "missed": support - caught - confused,
        }
    report = {
        "schema": "gonogo/tier0-report/1",
        "definition": "labelled tier 0 and predicted as no tier-0 intent, an invalid output included",
        "intents": per_intent,
        "false_negatives": _describe_zero(metrics.tier0_false_negatives, tally.tier0_missed),
        "replies": _describe_zero(metrics.tier0_replies, tally.tier0_replies),
        "taken_for_another_tier0": _describe_cases(tally.tier0_confused),
    }
    return _as_json(report)


def render_tier2_report(metrics: MetricsFile, tally: Tally) -> str:
    """Return what the actions on orders came to."""
    report = {
        "schema": "gonogo/tier2-report/1",
        "definition": "a tier-2 action or template where the label has no deterministic order match, or the output "
        "itself denies one",
        "actions": metrics.tier2_actions,
        "without_match": tally.without_match,
        "tier2_violations": _describe_zero(metrics.tier2_violations, tally.tier2_violations),
        "tier3_violations": {
            "count": metrics.tier3_violations.count,
            "n": metrics.tier3_violations.n,
            "bound": metrics.tier3_violations.bound,
            "cases": [{"line": line, "id": facts[0]} for line, facts in tally.tier3_violations.listed],
        },
    }
    return _as_json(report)


def render_summary(summary: RegressionSummary) -> str:
    """Return the summary in Markdown: the decision, the baseline beside the current figures, the commonest errors."""
    metrics, baseline = summary.metrics, summary.baseline
    sets = ", ".join(f"{name} {each.n:,}" for name, each in sorted(metrics.sets.items()))
    lines = [
        f"# Regression: {metrics.system}: {summary.decision.verb.value}",
        "",
        f"{metrics.labels.n:,} labelled messages ({sets}). {summary.standing}.",
        "",
    ]
    lines += [f"- {reason}" for reason in summary.decision.reasons]
    lines += ["", "## Figures", "", "| figure | baseline | current | 95 % interval | n |", "|---|---|---|---|---|"]
    lines += _figure_rows(metrics, baseline)
    lines += ["", "## Intents", "", "| intent | n | recall before | recall | precision before | precision | F1 |"]
    lines += ["|---|---|---|---|---|---|---|", *_intent_rows(metrics, baseline)]
    lines += ["", "## Top errors", "", *_error_rows(metrics, baseline)]
    if summary.pairs is not None and summary.p_value is not None:
        lines += ["", "## Case by case", "", *_pair_lines(summary.pairs, summary.p_value)]
    lines += ["", "## Gates", "", "| gate | outcome | why |", "|---|---|---|"]
    lines += [f"| {gate.id} | {gate.outcome.name} | {_cell(gate.sentence)} |" for gate in summary.gates]
    worst = max((gate.outcome for gate in summary.gates), default=Outcome.NOT_RUN)
    lines += ["", f"Worst outcome: {worst.name}. Messages are not shown; ids and lines lead to them.", ""]
    return "\n".join(lines)


def _figure_rows(metrics: MetricsFile, baseline: MetricsFile | None) -> list[str]:
    def row(name: str, then: Any, now: Any, between: Between | None, n: int) -> str:
        interval = f"{_show(between.low)} to {_show(between.high)} ({between.method})" if between else "-"
        return f"| {name} | {_show(then)} | {_show(now)} | {interval} | {n:,} |"

    b, outputs = baseline, metrics.outputs
    rows = [
        row("accuracy", b and b.accuracy.value, metrics.accuracy.value, metrics.accuracy.interval, metrics.labels.n),
        row("macro F1", b and b.macro_f1, metrics.macro_f1, metrics.macro_f1_interval, metrics.labels.n),
    ]
    for name, each in sorted(metrics.sets.items()):
        then = b.sets[name].accuracy.value if b and name in b.sets else None
        rows.append(row(f"accuracy, {name}", then, each.accuracy.value, each.accuracy.interval, each.n))
    then = b.outputs.invalid_rate.value if b else None
    rows.append(row("invalid outputs", then, outputs.invalid_rate.value, outputs.invalid_rate.interval, outputs.n))
    then = b.unknown_other.value if b else None
    rows.append(row("unknown_other", then, metrics.unknown_other.value, metrics.unknown_other.interval, outputs.n))
    for name in ("tier0_false_negatives", "tier0_replies", "tier2_violations", "tier3_violations"):
        zero: ZeroCount = getattr(metrics, name)
        before = getattr(b, name).count if b else None
        bound = f"true rate ≤ {zero.bound:.2%} (rule of three)" if zero.bound is not None else "-"
        rows.append(f"| {name.replace('_', ' ')} | {_show(before)} | {zero.count:,} | {bound} | {zero.n:,} |")
    if metrics.tokens is not None:
        then = b.tokens.per_decision if b and b.tokens else None
        rows.append(row("tokens per decision", then, metrics.tokens.per_decision, metrics.tokens.interval, outputs.n))
    if metrics.cost is not None:
        then = b.cost.per_1000 if b and b.cost else None
        name = f"cost per 1,000 decisions, {metrics.cost.currency}"
        rows.append(row(name, then, metrics.cost.per_1000, metrics.cost.interval, outputs.n))
    return rows


def _intent_rows(metrics: MetricsFile, baseline: MetricsFile | None) -> list[str]:
    rows = []
    for name, each in sorted(metrics.intents.items()):
        then = baseline.intents.get(name) if baseline else None
        cells = (
            f"{each.support:,}",
            _show(then.recall.value if then else None),
            _show(each.recall.value),
            _show(then.precision.value if then else None),
            _show(each.precision.value),
            _show(each.f1),
        )
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return rows


def _error_rows(metrics: MetricsFile, baseline: MetricsFile | None) -> list[str]:
    if not metrics.top_errors:
        return ["No labelled message was taken for something else."]
    before = baseline.matrix() if baseline else {}
    rows = ["| labelled | predicted | baseline | current | such as |", "|---|---|---|---|---|"]
    for error in metrics.top_errors:
        mark = " **missed escalation**" if error.tier0 else ""
        then = _show(before.get((error.true, error.predicted), 0)) if baseline else "-"
        shown = ", ".join(error.examples)
        rows.append(f"| {error.true}{mark} | {error.predicted} | {then} | {error.count:,} | {shown} |")
    return rows


def _pair_lines(pairs: PairCounts, p_value: float) -> list[str]:
    changed = f"Newly failing {pairs.newly_failing.count:,}, newly passing {pairs.newly_passing.count:,}"
    same = f"both pass {pairs.both_pass:,}, both fail {pairs.both_fail:,}"
    lines = [f"{changed}, {same}; McNemar exact p = {p_value:.4g}.", ""]
    for what, cases in (("newly failing", pairs.newly_failing), ("newly passing", pairs.newly_passing)):
        for line, (name, true, then, now) in cases.listed[:20]:
            lines.append(f"- {what}: {name} (line {line:,}): {true}, was {then}, now {now}")
    return lines


def _describe_zero(zero: ZeroCount, cases: CaseList) -> dict[str, Any]:
    return {"count": zero.count, "n": zero.n, "bound": zero.bound, **_describe_cases(cases)}


def _describe_cases(cases: CaseList) -> dict[str, Any]:
    listed = [
        {"line": line, "id": name, "labelled": true, "predicted": predicted}
        for line, (name, true, predicted) in cases.listed
    ]
    return {"count": cases.count, "listed": len(listed), "cases": listed}


def _as_json(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _show(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
