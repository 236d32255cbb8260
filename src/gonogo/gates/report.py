"""Gate results as the one JSON object and the table that people and programs read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gonogo.gates.evaluate import GATE_CHECK, decide_gates, result_number
from gonogo.model.decision import Decision
from gonogo.model.gate import GateResult

SCHEMA = "gonogo/gates/1"


def gates_json(results: Sequence[GateResult], decision: Decision | None = None) -> dict[str, Any]:
    """Return `{schema, gates, checks, decision, deciding, reasons}`; by default the gates alone decide."""
    made = decision if decision is not None else decide_gates(results)
    return {
        "schema": SCHEMA,
        "gates": [result.to_json() for result in results],
        "checks": [{"case": one.id, "check": GATE_CHECK, "outcome": one.outcome.name} for one in results],
        "decision": made.verb.value,
        "deciding": [check.removesuffix("/gate") for check in made.deciding],
        "reasons": list(made.reasons),
    }


def gate_lines(results: Iterable[GateResult]) -> list[str]:
    """Return one aligned line a gate: outcome, id, sentence; and what a recorded gate would have done."""
    listed = list(results)
    width = max((len(result.id) for result in listed), default=0)
    return [f"{result.outcome.name:<12} {result.id:<{width}}  {result.sentence}" for result in listed]


def gates_markdown(results: Iterable[GateResult]) -> str:
    """Return the results as a Markdown table: gate, outcome, value, limit, n, interval, baseline, sentence."""
    lines = [
        "| gate | outcome | value | limit | n | interval | baseline | why |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        interval = result.interval
        between = f"{result_number(interval.low)} to {result_number(interval.high)}" if interval else "-"
        cells = [
            result.id,
            result.outcome.name,
            result_number(result.value),
            f"{result.comparison.value} {result_number(result.limit)}",
            "-" if result.n is None else f"{result.n:,}",
            between,
            result_number(result.baseline),
            result.sentence,
        ]
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
