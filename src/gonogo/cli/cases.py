"""`gonogo cases`: what a system's packs hold, and what a stage makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def cases(
    system: Annotated[str, typer.Argument(help="The system, such as richpanel.")],
    stage: Annotated[str | None, typer.Option("--stage", help="Show what each case expects at this stage.")] = None,
    file: Annotated[Path | None, typer.Option("--cases", help="Another CSV of the same header.")] = None,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """List the cases of a system, and what a stage expects of each.

    Examples:

        gonogo cases richpanel

        gonogo cases richpanel --stage 2 --format json
    """
    from gonogo.cli.format import check_format
    from gonogo.errors import UsageError
    from gonogo.model.expectation import derive_expectation
    from gonogo.sources.project import Project
    from gonogo.sources.suggest import suggest

    check_format(format_)
    loaded = Project.from_path(Path.cwd()).load_system(system, cases=file)
    chosen = loaded.plan.by_id.get(stage) if stage is not None else None
    if stage is not None and chosen is None:
        raise UsageError(f"stage {stage!r} is not in the plan; {suggest(stage, loaded.plan.by_id)}")
    entries = []
    for pack in loaded.packs.values():
        for case in pack.cases:
            entry: dict[str, object] = {
                "id": case.id,
                "mode": case.mode.value,
                "channel": case.channel,
                "intent": case.intent,
                "template": case.template,
                "source": {"file": case.source.file, "line": case.source.line},
            }
            if chosen is not None:
                derived = derive_expectation(case, chosen, loaded.vocabulary)
                entry["admitted"] = derived.admitted
                entry["expects"] = str(derived.reply) if derived.admitted else derived.refused
            entries.append(entry)
    if format_ == "json":
        typer.echo(json.dumps({"system": system, "stage": stage, "cases": entries}, ensure_ascii=False, indent=1))
        return
    width = max(len(str(entry["id"])) for entry in entries)
    for entry in entries:
        says = entry.get("expects", entry["template"] or "no reply")
        line = f"{entry['id']:<{width}}  {entry['mode']:<31}  {entry['channel']:<8}  {entry['intent']:<28}  {says}"
        typer.echo(line)
    typer.echo(f"{len(entries)} cases")
