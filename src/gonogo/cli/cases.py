"""`gonogo cases`: what a system's packs hold, what a stage makes of them, and what they leave out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gonogo.cli.output import check_format, print_line

if TYPE_CHECKING:
    from gonogo.model.case import Case
    from gonogo.model.coverage import Cell, Coverage
    from gonogo.model.plan import Stage
    from gonogo.sources.project import System


def cases(
    system: Annotated[str, typer.Argument(help="The system, such as richpanel.")],
    stage: Annotated[str | None, typer.Option("--stage", help="Show what each case expects at this stage.")] = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Show intent × channel × template by stage, and name the holes.")
    ] = False,
    file: Annotated[Path | None, typer.Option("--cases", help="Another CSV of the same header.")] = None,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """List the cases of a system, what a stage expects of each, and what no case tries.

    Examples:

        gonogo cases richpanel

        gonogo cases richpanel --stage 2 --format json

        gonogo cases richpanel --coverage --stage 2
    """
    from gonogo.errors import UsageError
    from gonogo.model.coverage import measure_coverage
    from gonogo.sources.project import Project
    from gonogo.sources.suggest import suggest

    check_format(format_)
    loaded = Project.from_path(Path.cwd()).load_system(system, cases=file)
    chosen = loaded.plan.by_id.get(stage) if stage is not None else None
    if stage is not None and chosen is None:
        raise UsageError(f"stage {stage!r} is not in the plan; {suggest(stage, loaded.plan.by_id)}")
    listed = [case for pack in loaded.packs.values() for case in pack.cases]
    if coverage:
        stages = [chosen] if chosen else list(loaded.plan.stages)
        measured = [measure_coverage(listed, one, loaded.vocabulary) for one in stages]
        _print_coverage(loaded, measured, as_json=format_ == "json")
        return
    entries = [_describe(case, chosen, loaded) for case in listed]
    if format_ == "json":
        _print_json({"system": system, "stage": stage, "cases": entries})
        return
    width = max(len(entry["id"]) for entry in entries)
    for entry in entries:
        says = entry.get("expects", entry["template"] or "no reply")
        print_line(f"{entry['id']:<{width}}  {entry['mode']:<31}  {entry['channel']:<8}  {entry['intent']:<28}  {says}")
    print_line(f"{len(entries)} cases")


def _describe(case: Case, stage: Stage | None, loaded: System) -> dict[str, Any]:
    from gonogo.model.expectation import derive_expectation

    entry: dict[str, Any] = {
        "id": case.id,
        "mode": case.mode.value,
        "channel": case.channel,
        "intent": case.intent,
        "template": case.template,
        "source": {"file": case.source.file, "line": case.source.line},
    }
    if stage is not None:
        derived = derive_expectation(case, stage, loaded.vocabulary)
        entry["admitted"] = derived.admitted
        entry["expects"] = str(derived.reply) if derived.admitted else f"not admitted: {derived.refused}"
    return entry


def _print_coverage(loaded: System, measured: list[Coverage], *, as_json: bool) -> None:
    if as_json:
        stages = [
            {
                "stage": one.stage,
                "cells": [
                    {
                        "intent": cell.intent,
                        "channel": cell.channel,
                        "template": cell.template,
                        "cases": list(cell.cases),
                    }
                    for cell in one.cells
                ],
                "holes": [
                    {"kind": hole.kind, "name": hole.name, "channels": list(hole.channels), "text": str(hole)}
                    for hole in one.holes
                ],
            }
            for one in measured
        ]
        _print_json({"system": loaded.name, "stages": stages})
        return
    channels = loaded.vocabulary.channels
    for one in measured:
        print_line(f"Stage {one.stage}: cases by intent and channel; * where a reply is expected")
        print_line(f"{'':<30}" + "".join(f"{channel:>10}" for channel in channels))
        for intent in loaded.vocabulary.intents:
            row = [[cell for cell in one.cells if (cell.intent, cell.channel) == (intent, name)] for name in channels]
            print_line(f"{intent:<30}" + "".join(f"{_cell_text(cells):>10}" for cells in row))
        print_line(f"Not tried at stage {one.stage}:" if one.holes else f"Nothing is left out at stage {one.stage}.")
        for hole in one.holes:
            print_line(f"  {hole}")
        print_line("")


def _cell_text(cells: list[Cell]) -> str:
    count = sum(len(cell.cases) for cell in cells)
    if not count:
        return "."
    return f"{count}*" if any(cell.template for cell in cells) else str(count)


def _print_json(data: dict[str, Any]) -> None:
    print_line(json.dumps(data, ensure_ascii=False, indent=1))
