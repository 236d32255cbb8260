"""The line that says whether evidence is sealed, by whom, and where the ledger has it."""

from __future__ import annotations

from rich.text import Text

from gonogo.errors import GonogoError
from gonogo.evidence.seal import UNSIGNED, Seal


def describe_seal(system: str, seal: Seal | None, error: GonogoError | None) -> Text:
    """Return the line for a bundle; `error` says why it could not be sealed."""
    if error is not None:
        return Text(f"NOT SEALED  {error.message}. {error.hint}", style="bold red")
    if seal is None or seal.signer == UNSIGNED:
        return Text("UNSIGNED no signing key is configured; 'gonogo keys new' makes one", style="yellow")
    entry = f", ledger {system}#{seal.entry.number}" if seal.entry else ""
    return Text(f"Sealed   by {seal.signer[:16]}, {seal.files} files{entry}")
