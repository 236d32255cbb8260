"""What a job of a GitHub workflow is told: annotations on stderr, the summary in the file that the job names."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gonogo.reports.github import render_annotations, render_summary


def is_github(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether this runs in a GitHub workflow."""
    return environ.get("GITHUB_ACTIONS") == "true"


def tell_github(record: Mapping[str, Any], next_command: str, environ: Mapping[str, str] = os.environ) -> None:
    """Annotate the deciding checks and add to the job summary; outside a GitHub workflow nothing happens."""
    if not is_github(environ):
        return
    write_annotations(render_annotations(record))
    append_summary(render_summary(record, next_command), environ)


def write_annotations(lines: list[str]) -> None:
    """Write workflow commands to stderr, which GitHub reads too: stdout may be one JSON object."""
    for line in lines:
        sys.stderr.write(line.encode("utf-8", "replace").decode() + "\n")
    sys.stderr.flush()


def append_summary(text: str, environ: Mapping[str, str] = os.environ) -> None:
    """Append Markdown to the job summary; a summary that cannot be written changes no decision."""
    path = environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8", errors="replace") as file:
            file.write(text + "\n")
    except OSError as error:
        sys.stderr.write(f"the job summary cannot be written: {error}\n")
