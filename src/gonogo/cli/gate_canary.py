"""`gonogo gate canary`: may the new version get more traffic?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gonogo.cli.output import check_format, print_line

if TYPE_CHECKING:
    from gonogo.cli.canary_probe import Probed
    from gonogo.gates.canary import PhaseResult
    from gonogo.model.canary import CanaryPlan, Phase


def canary(
    plan: Annotated[Path, typer.Option("--plan", help="YAML: versions, phases, criteria.")],
    samples: Annotated[list[Path], typer.Option("--samples", help="JSONL of requests of both versions; repeatable.")],
    phase: Annotated[int, typer.Option("--phase", min=1, help="Which phase of the plan, from 1.")] = 1,
    probes: Annotated[
        Path | None, typer.Option("--probes", help="JSONL of ids that were sent again: {request_id, version}.")
    ] = None,
    probe_url: Annotated[
        str | None,
        typer.Option("--probe-url", help="Send the ids of the plan's probe section to this system, each twice."),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Which ids are sent [default: 0].")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="New JSONL file for what was observed of the ids that were sent.")
    ] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Only this tenant's requests.")] = None,
    start: Annotated[
        str | None, typer.Option("--start", help="When the phase began, ISO 8601 [default: the first sample].")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="Judge as of this time, ISO 8601 or now [default: the last sample].")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Judge one phase of a canary rollout: promote (0), abort (1) or hold (3).

    The new version is held against the old one's traffic of the same time. Nothing is promoted that was not seen.

    Examples:

        gonogo gate canary --plan canary.yaml --samples hour1.jsonl --samples hour2.jsonl

        gonogo gate canary --plan canary.yaml --phase 2 --samples requests.jsonl --probes again.jsonl --at now

        gonogo gate canary --plan canary.yaml --samples hour1.jsonl --probe-url https://q2q.example.com --out seen.jsonl

        gonogo gate canary --plan canary.yaml --samples requests.jsonl --tenant acme --format json
    """
    from gonogo.errors import EXIT_GO, EXIT_HOLD, EXIT_NO_GO, SourceError, UsageError
    from gonogo.extras import import_extra
    from gonogo.gates.canary import judge_phase
    from gonogo.model.canary import Result
    from gonogo.sources.canary_plan import load_canary_plan

    check_format(format_)
    if probe_url is None and (seed is not None or out is not None):
        raise UsageError("--seed and --out are of what is sent, and nothing is without --probe-url")
    for package in ("orjson", "numpy", "scipy.stats"):
        import_extra(package, "gates")
    from gonogo.metrics.canary_samples import cut_looks, read_probes, read_samples

    loaded, problems = load_canary_plan(plan, str(plan))
    if loaded is None:
        raise SourceError(problems, "Nothing was judged.")
    if phase > len(loaded.phases):
        raise UsageError(f"--phase is {phase}; the plan has {len(loaded.phases)}")
    began, until = _read_moment("--start", start), _read_moment("--at", at)
    read, problems = read_samples([(path, str(path)) for path in samples], loaded, tenant)
    again, found = read_probes(probes, str(probes), loaded) if probes else ([], [])
    if problems or found:
        raise SourceError([*problems, *found], "Nothing was judged. Correct the lines above.")
    if tenant is None and len(read.tenants) > 1:
        raise UsageError(
            f"the samples are of {len(read.tenants)} tenants: {', '.join(sorted(read.tenants))}", "Name one."
        )
    chosen = loaded.phases[phase - 1]
    sent = _send_probe(loaded, probe_url, phase, seed or 0, out) if probe_url is not None else None
    looks = cut_looks(read, loaded, chosen, start=began, at=until, probes=[*again, *(sent.pairs if sent else ())])
    result = judge_phase(loaded, phase - 1, looks, sent.sight if sent else None)
    if format_ == "json":
        record = _describe(loaded, phase, chosen, result) | ({"probe": sent.record} if sent else {})
        print_line(json.dumps(record, ensure_ascii=False, indent=1))
    else:
        _print_result(loaded, phase, chosen, result)
    codes = {Result.PROMOTE: EXIT_GO, Result.HOLD: EXIT_HOLD, Result.ABORT: EXIT_NO_GO}
    raise typer.Exit(codes[result.result])


def _send_probe(plan: CanaryPlan, url: str, phase: int, seed: int, out: Path | None) -> Probed:
    from gonogo.cli.canary_probe import prepare_probe

    return prepare_probe(plan, url, phase=phase, seed=seed, out=out).send()


def _read_moment(option: str, text: str | None) -> float | None:
    from gonogo.errors import UsageError

    if text is None:
        return None
    if text == "now":
        return datetime.now(UTC).timestamp()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(f"{option} is {text!r}; allowed: now, or ISO 8601 with offset, such as 2026-11-21T05:00:00Z")
    return moment.timestamp()


def _print_result(plan: CanaryPlan, number: int, phase: Phase, result: PhaseResult) -> None:
    from gonogo.gates.report import gate_lines

    for look in result.looks:
        print_line(f"Window {look.number} of {plan.windows}: {look.result.value}")
        for line in gate_lines(look.gates):
            print_line(f"  {line}")
    for reason in result.reasons:
        print_line(f"  {reason}")
    following = f", next {result.next_share:.0%}" if result.result == "promote" and result.next_share else ""
    print_line(f"{result.result.value}  {plan.system} {plan.new}, phase {number} ({phase.share:.0%}){following}")


def _describe(plan: CanaryPlan, number: int, phase: Phase, result: PhaseResult) -> dict[str, Any]:
    verbs = {"promote": "GO", "hold": "HOLD", "abort": "NO_GO"}
    return {
        "schema": "gonogo/canary/1",
        "system": plan.system,
        "old": plan.old,
        "new": plan.new,
        "phase": number,
        "share": phase.share,
        "result": result.result.value,
        "decision": verbs[result.result.value],
        "reasons": list(result.reasons),
        "next_share": result.next_share,
        "gates": [gate.to_json() for gate in result.looks[-1].gates] if result.looks else [],
        "looks": [
            {
                "window": look.number,
                "result": look.result.value,
                "reasons": list(look.reasons),
                "alpha": look.spent,
                "gates": [gate.to_json() for gate in look.gates],
            }
            for look in result.looks
        ],
    }
