"""`gonogo gate drift`: has what comes in, or what goes out, moved away from the baseline?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gonogo.cli.output import check_format, print_line


def drift(
    baseline: Annotated[Path, typer.Option("--baseline", help="CSV, JSON, JSONL or Parquet of the baseline.")],
    current: Annotated[Path, typer.Option("--current", help="The same, of what is to be judged.")],
    column: Annotated[list[str] | None, typer.Option("--column", help="Column of categories; repeatable.")] = None,
    number: Annotated[
        list[str] | None, typer.Option("--number", help="Column of numbers, binned on the baseline; repeatable.")
    ] = None,
    bins: Annotated[int, typer.Option("--bins", min=2, max=1000, help="Bins of a column of numbers.")] = 10,
    equal_width: Annotated[
        bool, typer.Option("--equal-width", help="Bins of equal width, not of equal count.")
    ] = False,
    binning: Annotated[
        list[Path] | None, typer.Option("--binning", help="Frozen bins of a column of numbers; repeatable.")
    ] = None,
    freeze: Annotated[
        Path | None, typer.Option("--freeze", help="Folder to write the bins to, one JSON a column.")
    ] = None,
    thresholds: Annotated[Path | None, typer.Option("--thresholds", help="YAML of thresholds, also by tenant.")] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Judge by this tenant's thresholds.")] = None,
    tenant_column: Annotated[
        str | None, typer.Option("--tenant-column", help="Judge the rows of every tenant by itself.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the bootstrap.")] = 0,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Compare two distributions by PSI and JS divergence: GO (0), NO-GO (1, critical) or HOLD (3).

    Examples:

        gonogo gate drift --baseline last_week.jsonl --current today.jsonl --column intent

        gonogo gate drift --baseline b.parquet --current c.parquet --number latency_ms --freeze bins/

        gonogo gate drift --baseline b.csv --current c.csv --column intent --thresholds drift.yaml --tenant acme
    """
    import json

    from gonogo.errors import EXIT_GO, EXIT_HOLD, EXIT_NO_GO
    from gonogo.model.decision import Verb, decide
    from gonogo.model.drift_file import DriftFile
    from gonogo.model.outcome import SourceRef
    from gonogo.run.drift import DriftRequest, measure_files
    from gonogo.sources.drift_file import require_drift_file

    check_format(format_)
    known = require_drift_file(thresholds, str(thresholds)) if thresholds else DriftFile()
    request = DriftRequest(
        tuple(column or ()), tuple(number or ()), bins, equal_width, tenant, tenant_column, seed, tuple(binning or ())
    )
    measured, frozen = measure_files(baseline, current, request, known)
    if freeze is not None:
        freeze.mkdir(parents=True, exist_ok=True)
        for bins_used in frozen:
            path = freeze / f"{bins_used.column.replace('/', '_')}.json"
            path.write_text(json.dumps(bins_used.to_json(), indent=1) + "\n", "utf-8")
    decision = decide([one.to_check(SourceRef(str(current), 0)) for one in measured])
    if format_ == "json":
        record: dict[str, Any] = {
            "schema": "gonogo/drift/1",
            "drift": [one.to_json() for one in measured],
            "decision": decision.verb.value,
            "deciding": list(decision.deciding),
            "seed": seed,
        }
        print_line(json.dumps(record, ensure_ascii=False, indent=1))
    else:
        for one in measured:
            print_line(f"{one.outcome.name:<12} {'; '.join(one.reasons)}")
        print_line(decision.verb.value.replace("_", "-"))
    raise typer.Exit({Verb.GO: EXIT_GO, Verb.HOLD: EXIT_HOLD, Verb.NO_GO: EXIT_NO_GO}[decision.verb])
