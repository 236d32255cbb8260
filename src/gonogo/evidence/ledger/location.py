"""Where the ledgers of a project lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gonogo.errors import UsageError

VARIABLE = "GONOGO_LEDGER"


def ledger_location(project_root: Path, environ: Mapping[str, str], configured: str | None) -> str:
    """Return the place under which each system has its ledger, as `<place>/<system>/ledger`.

    `GONOGO_LEDGER` beats `[tool.gonogo] ledger` (`configured`), which beats `<root>/evidence`. Relative folders count
    from the project's root. Raises `UsageError` for an empty value: it must not quietly mean another ledger.
    """
    chosen = environ.get(VARIABLE, configured)
    if chosen is None:
        return str(project_root / "evidence")
    if not chosen.strip():
        name = VARIABLE if VARIABLE in environ else "[tool.gonogo] ledger"
        raise UsageError(f"{name} is empty", "Name a folder or s3://bucket/prefix, or leave it out.")
    if "://" in chosen:
        return chosen
    return str(project_root / Path(chosen).expanduser())
