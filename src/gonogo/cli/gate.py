"""`gonogo gate`: thresholds over measurements, now and over past evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gonogo.cli.gate_baseline import baseline_app
from gonogo.cli.gate_canary import canary
from gonogo.cli.gate_drift import drift
from gonogo.cli.gate_regression import regression
from gonogo.cli.output import check_format, parse_moment, print_line

if TYPE_CHECKING:
    from gonogo.model.decision import Decision
    from gonogo.model.gate import GateResult, Measurement

gate_app = typer.Typer(
    name="gate",
    help="Judge measurements against thresholds: gates.yaml, past evidence, drift.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
_FORMAT = typer.Option("--format", help="text or json.")


def eval_gates(
    system: Annotated[str, typer.Argument(help="The system, such as richpanel.")],
    gates: Annotated[
        Path | None, typer.Option("--gates", help="Gates file; smoke_cases/SYSTEM/gates.yaml if left out.")
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", help="NAME=URL or NAME=PATH: where a source answers; repeatable.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="measurements.json, or the folder that holds it, to compare with.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="Judge this moment, ISO 8601 with offset; now if left out.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write measurements.json, gates.json and gates.md to.")
    ] = None,
    format_: Annotated[str, _FORMAT] = "text",
) -> None:
    """Measure what a gates file asks for and judge it: GO (0), NO-GO (1) or HOLD (3).

    Examples:

        gonogo gate eval richpanel --source page=http://127.0.0.1:8080/metrics

        gonogo gate eval richpanel --gates my_gates.yaml --source prom=http://prometheus:9090 --format json

        gonogo gate eval richpanel --source run=evidence/richpanel/20261121T030249Z-9ff683 --out build/gates
    """
    import os

    from gonogo.errors import UsageError
    from gonogo.gates.evaluate import evaluate_gates
    from gonogo.run.measure import measure_gates, open_sources
    from gonogo.sources.gates_file import GATES_FILE, gate_lines_of, require_gates
    from gonogo.sources.project import Project
    from gonogo.sources.suggest import suggest

    check_format(format_)
    project = Project.from_path(Path.cwd())
    if system not in project.systems:
        raise UsageError(f"system {system!r} is not here; {suggest(system, project.systems)}")
    path = gates or project.sources_of(system) / GATES_FILE
    file = require_gates(path, project.relative(path), system)
    moment = parse_moment("--at", at)
    baselines = read_baseline(baseline) if baseline else {}
    opened = open_sources(file, project.root, os.environ, parse_places(source or []))
    try:
        measured = measure_gates(file, opened, moment)
    finally:
        for one in opened.values():
            one.close()
    results = evaluate_gates(file.gates, measured, baselines)
    lines = gate_lines_of(path, project.relative(path))
    decision = _decide(results, project.relative(path), lines)
    record = _record(system, project.relative(path), results, decision)
    if out is not None:
        _write(out, record, measured, moment, results)
    _print(record, results, decision, as_json=format_ == "json")


def replay(
    bundle: Annotated[Path, typer.Argument(help="Folder of a run or of an earlier gate eval --out.")],
    gates: Annotated[Path, typer.Option("--gates", help="The gates file to judge it by.")],
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="measurements.json, or the folder that holds it, to compare with.")
    ] = None,
    format_: Annotated[str, _FORMAT] = "text",
) -> None:
    """Judge past evidence by other thresholds; the bundle is only read.

    What the bundle kept in measurements.json is judged as it was measured; metrics of sources of kind run are taken
    from the bundle's own records. Whatever the bundle does not hold is no data.

    Examples:

        gonogo gate replay evidence/richpanel/20261121T030249Z-9ff683 --gates stricter.yaml

        gonogo gate replay build/gates --gates stricter.yaml --format json
    """
    from gonogo.gates.evaluate import evaluate_gates
    from gonogo.run.replay import measure_bundle, past_outcomes
    from gonogo.sources.gates_file import gate_lines_of, require_gates

    check_format(format_)
    file = require_gates(gates, str(gates))
    measured = measure_bundle(bundle, file)
    results = evaluate_gates(file.gates, measured, read_baseline(baseline) if baseline else {})
    decision = _decide(results, str(gates), gate_lines_of(gates, str(gates)))
    record = _record(file.system, str(gates), results, decision)
    past = past_outcomes(bundle)
    record["replayed"] = {"bundle": str(bundle), "past": past}
    changed = [
        f"{one.id}: {past[one.id]} before, {one.outcome.name} now"
        for one in results
        if one.id in past and past[one.id] != one.outcome.name
    ]
    _print(record, results, decision, as_json=format_ == "json", more=changed)


def parse_places(given: list[str]) -> dict[str, str]:
    """Return `NAME=PLACE` words as a mapping; raises `UsageError` for any other word and for a name given twice."""
    from gonogo.errors import UsageError

    places: dict[str, str] = {}
    for word in given:
        name, sign, place = word.partition("=")
        if not (name and sign and place):
            raise UsageError(f"--source is {word!r}; allowed: NAME=URL or NAME=PATH")
        if name in places:
            raise UsageError(f"--source {name} is given twice")
        places[name] = place
    return places


def read_baseline(path: Path) -> dict[str, Measurement]:
    """Return stored measurements; raises `SourceError` for a file that is missing or not whole."""
    from gonogo.run.replay import load_measurements

    return load_measurements(path)


def _decide(results: list[GateResult], file: str, lines: dict[str, int]) -> Decision:
    from gonogo.gates.evaluate import to_check
    from gonogo.model.decision import decide
    from gonogo.model.outcome import SourceRef

    return decide([to_check(one, SourceRef(file, lines.get(one.id, 1))) for one in results])


def _record(system: str, file: str, results: list[GateResult], decision: Decision) -> dict[str, Any]:
    from gonogo.gates.report import gates_json

    record = gates_json(results, decision)
    return {"schema": record.pop("schema"), "system": system, "file": file, **record}


def _write(out: Path, record: dict[str, Any], measured: dict[str, Measurement], moment: Any, results: Any) -> None:
    import json

    from gonogo.gates.report import gates_markdown
    from gonogo.model.measurements import FILE, measurements_json

    out.mkdir(parents=True, exist_ok=True)
    for name, data in ((FILE, measurements_json(measured, moment)), ("gates.json", record)):
        (out / name).write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", "utf-8")
    (out / "gates.md").write_text(gates_markdown(results), "utf-8")


def _print(
    record: dict[str, Any],
    results: list[GateResult],
    decision: Decision,
    *,
    as_json: bool,
    more: list[str] | None = None,
) -> None:
    """Print the result and end the command with the decision's code."""
    import json

    from gonogo.errors import EXIT_GO, EXIT_HOLD, EXIT_NO_GO
    from gonogo.gates.report import gate_lines
    from gonogo.model.decision import Verb

    if as_json:
        print_line(json.dumps(record, ensure_ascii=False, indent=1))
    else:
        for line in [*gate_lines(results), *(more or [])]:
            print_line(line)
        print_line(f"{decision.verb.value.replace('_', '-')}  {'; '.join(decision.reasons) or 'every gate passed'}")
    raise typer.Exit({Verb.GO: EXIT_GO, Verb.HOLD: EXIT_HOLD, Verb.NO_GO: EXIT_NO_GO}[decision.verb])


gate_app.command("eval")(eval_gates)
gate_app.command("replay")(replay)
gate_app.command("drift")(drift)
gate_app.command("regression")(regression)
gate_app.add_typer(baseline_app, name="baseline")
gate_app.command("canary")(canary)
