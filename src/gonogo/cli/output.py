"""Results on stdout, and a reader that went away."""

from __future__ import annotations

import os
import sys

from gonogo.errors import UsageError


def check_format(value: str) -> None:
    """Raise `UsageError` for a format that is not known."""
    if value not in ("text", "json"):
        raise UsageError(f"--format is {value!r}; allowed: text, json")


def print_line(text: str) -> None:
    """Print a line; a reader that closed the pipe ends the printing and never changes the exit code."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Whatever is still printed, also by the interpreter at its end, goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
