"""`gonogo history`: the runs, bundles, approvals and rollbacks of a system, from its ledger."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gonogo.cli.output import check_format, print_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gonogo.evidence.ledger.history import HistoryLine

_COLUMNS = ("number", "at", "kind", "stage", "environment", "release", "decision", "run", "who")
_TITLES = {"number": "no.", "at": "time", "environment": "env", "who": "who (unverified)"}


def history(
    system: Annotated[str, typer.Argument(help="The system, such as richpanel.")],
    stage: Annotated[str | None, typer.Option("--stage", help="Only entries of this stage.")] = None,
    env: Annotated[str | None, typer.Option("--env", help="Only entries of this environment.")] = None,
    release: Annotated[str | None, typer.Option("--release", help="Only entries of this release.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the last so many entries.")] = None,
    head: Annotated[
        str | None, typer.Option("--head", help="NUMBER:DIGEST of an entry seen before, which must still be there.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """List what the ledger of a system holds, newest last, after checking its whole chain; 4 where it is broken.

    The chain is also compared with the heads that the sealed bundles in evidence/SYSTEM saw.

    Names are those that the records carry; whether a signature holds, `gonogo verify` tells. The last line is the head
    of the ledger: noted down and given as `--head` later, it shows whether entries were cut off since.

    Examples:

        gonogo history richpanel

        gonogo history richpanel --stage 2 --env staging --limit 20

        gonogo history richpanel --head 12:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    """
    from gonogo.errors import LedgerError, UsageError
    from gonogo.evidence.ledger import ledger_location, open_ledger
    from gonogo.evidence.ledger.entries import NO_DIGEST
    from gonogo.evidence.ledger.history import select_lines, summarize_entries
    from gonogo.evidence.statement import heads_seen
    from gonogo.sources.project import Project
    from gonogo.sources.suggest import suggest

    check_format(format_)
    seen = _parse_head(head) if head is not None else (0, NO_DIGEST)
    project = Project.from_path(Path.cwd())
    if system not in project.systems:
        raise UsageError(f"system {system!r} is not here; {suggest(system, project.systems)}")
    location = ledger_location(project.root, os.environ, project.ledger)
    ledger = open_ledger(location, system, for_reading=True)
    entries = ledger.verify_includes(*seen)
    for bundle, number, digest in heads_seen(project.root / "evidence" / system):
        if number and (number > len(entries) or entries[number - 1].digest != digest):
            raise LedgerError(
                f"the ledger at {ledger.location} lacks entry {number} as the bundle {bundle} saw it",
                "Entries were cut off or written anew; restore them from a copy.",
            )
    lines = summarize_entries(entries)
    chosen = select_lines(lines, stage=stage, environment=env, release=release, limit=limit)
    last = entries[-1] if entries else None
    if format_ == "json":
        shown = {
            "schema": "gonogo/history/v1",
            "system": system,
            "ledger": ledger.location,
            "head": {"number": last.number, "digest": last.digest} if last else None,
            "entries": [asdict(line) for line in chosen],
        }
        print_line(json.dumps(shown, ensure_ascii=False, indent=1))
        return
    if last is None:
        print_line(f"The ledger of {system} is empty: nothing was run, sealed or approved ({ledger.location}).")
        return
    for row in _table(chosen):
        print_line(row)
    print_line(f"{len(chosen)} of {len(entries)} entries; {ledger.location}")
    print_line(f"head {last.number}:{last.digest}")


def _parse_head(text: str) -> tuple[int, str]:
    from gonogo.errors import UsageError

    number, _, digest = text.partition(":")
    if not (number.isascii() and number.isdigit() and len(digest) == 64 and set(digest) <= set("0123456789abcdef")):
        raise UsageError(f"--head is {text!r}; it is NUMBER:DIGEST, as the last line of 'gonogo history' shows it")
    return int(number), digest


def _table(lines: Sequence[HistoryLine]) -> list[str]:
    if not lines:
        return []
    cells = [[_TITLES.get(column, column) for column in _COLUMNS]]
    cells += [[_printable(str(getattr(line, column))) or "-" for column in _COLUMNS] for line in lines]
    widths = [max(len(row[index]) for row in cells) for index in range(len(_COLUMNS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _printable(text: str) -> str:
    """Return text of a record as one short line that cannot steer a terminal."""
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return shown if len(shown) <= 60 else shown[:59] + "…"
