"""What a dry run prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gonogo.cli.output import print_line

if TYPE_CHECKING:
    from gonogo.run.dryrun import DryRun

_WIDTH = 100
_SIGNS = {"allows": "ok", "refuses": "NO", "not known yet": "?"}


def print_dry_run(dry: DryRun, *, as_json: bool) -> None:
    """Print what a run would do and what the guard says of it."""
    if as_json:
        print_line(json.dumps(dry.to_json(), ensure_ascii=False, indent=1))
        return
    for line in _lines(dry):
        print_line(line)


def _lines(dry: DryRun) -> Iterator[str]:
    request, estimate = dry.setup.request, dry.estimate
    yield f"Dry run: {request.system}, stage {dry.setup.stage.id}, {request.environment}. Nothing is asked or sent."
    yield ""
    yield f"Messages ({len(estimate.messages)}):"
    for one in estimate.messages:
        again = f" ×{one.deliveries}" if one.deliveries > 1 else ""
        yield f"  {one.case:<12} {one.channel:<9}{again} {_shorten(one.text)}"
    yield f"Flag changes ({len(estimate.steps)}), in this order:"
    for step in estimate.steps:
        yield f"  {step.state}: {step}"
    spend = dry.to_json()["at_most"]["spend"]
    yield (
        f"At most: {estimate.sends} messages ({estimate.deliveries} of cases, {estimate.calls} malformed calls, "
        f"{estimate.probes} probes), {estimate.seconds / 60:.1f} minutes, "
        + ("spend unknown" if spend is None else f"spend {spend:g}")
    )
    untested = dry.setup.plan.not_admitted
    yield f"Not tested ({len(untested)}):"
    for scenario in untested:
        yield f"  {scenario.id:<12} {scenario.refused}"
    yield "Guard:"
    asked = [verdict for verdict in dry.verdicts if verdict.answer.value in _SIGNS]
    for verdict in asked:
        yield f"  {_SIGNS[verdict.answer.value]:<3} [{verdict.rule}] {verdict.text}"
    if len(asked) < len(dry.verdicts):
        yield f"  -   {len(dry.verdicts) - len(asked)} more rules do not apply here"
    yield "The guard allows this run." if dry.allowed else "The guard refuses this run."


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
