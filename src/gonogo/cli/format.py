"""The `--format` option."""

from __future__ import annotations

from gonogo.errors import UsageError


def check_format(value: str) -> None:
    """Raise `UsageError` for a format that is not known."""
    if value not in ("text", "json"):
        raise UsageError(f"--format is {value!r}; allowed: text, json")
