"""Which bundle a command means: a folder, a zip, SYSTEM#NUMBER of the ledger, or the id of a run."""

from __future__ import annotations

import os
import re
from pathlib import Path

_NUMBERED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)#([1-9][0-9]{0,8})")


def locate_bundle(text: str) -> Path:
    """Return the folder or zip that an argument names; raises `UsageError` for what names none.

    Files and folders come first. Inside a project a run's id is looked up under its evidence, and SYSTEM#NUMBER in the
    ledger.
    """
    from gonogo.cli.signing import find_project
    from gonogo.errors import UsageError

    path = Path(text)
    if path.exists():
        return path
    project = find_project()
    numbered = _NUMBERED.fullmatch(text)
    if project is None:
        raise UsageError(
            f"there is no bundle at {text!r}", "Inside a project, SYSTEM#NUMBER and run ids are looked up."
        )
    if numbered:
        return _from_ledger(numbered[1], int(numbered[2]))
    is_name = text not in ("", ".", "..") and Path(text).name == text
    found = [folder for system in project.systems if (folder := project.root / "evidence" / system / text).is_dir()]
    if not is_name or not found:
        raise UsageError(
            f"there is no bundle at {text!r} and no run of that id here", "'gonogo history SYSTEM' lists the runs."
        )
    return found[0]


def _from_ledger(system: str, number: int) -> Path:
    from gonogo.cli.signing import find_project
    from gonogo.errors import UsageError
    from gonogo.evidence.ledger import ledger_location, open_ledger
    from gonogo.sources.suggest import suggest

    project = find_project()
    if project is None or system not in project.systems:
        known = project.systems if project is not None else ()
        raise UsageError(f"system {system!r} is not here; {suggest(system, known)}")
    ledger = open_ledger(ledger_location(project.root, os.environ, project.ledger), system, for_reading=True)
    entries = ledger.entries()
    if number > len(entries):
        raise UsageError(f"the ledger of {system} ends with entry {len(entries)}")
    name = Path(str(entries[number - 1].payload.get("folder", ""))).name
    folder = project.root / "evidence" / system / name
    if not name or not folder.is_dir():
        raise UsageError(
            f"entry {system}#{number} is of no bundle whose files are here", "'gonogo history' lists what is."
        )
    return folder
