"""Results on stdout, and a reader that went away."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

from gonogo.errors import UsageError
from gonogo.reports.visible import show_text


def check_format(value: str) -> None:
    """Raise `UsageError` for a format that is not known."""
    if value not in ("text", "json"):
        raise UsageError(f"--format is {value!r}; allowed: text, json")


def parse_moment(option: str, text: str | None) -> datetime:
    """Return the time that an option gives, in UTC, or now; raises `UsageError` for one without a zone."""
    try:
        moment = datetime.fromisoformat(text) if text is not None else datetime.now(UTC)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(f"{option} is {text!r}; allowed: a time with its zone, such as 2026-11-21T12:00:00Z")
    return moment.astimezone(UTC)


def print_line(text: str) -> None:
    """Print a line; a reader that closed the pipe ends the printing and never changes the exit code.

    What could steer a terminal is printed as an escape, which inside JSON means the same.
    """
    try:
        sys.stdout.write(show_text(text) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Whatever is still printed, also by the interpreter at its end, goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
