"""The independent scanner: searches the final bytes of a bundle for what must never be in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gonogo.evidence.scan.finding import Finding, Needle

__all__ = ["Finding", "Needle", "scan_folder"]


def scan_folder(folder: Path, files: Sequence[str], needles: Sequence[Needle], exempt: Sequence[str]) -> list[Finding]:
    """Return everything in these files of a folder that forbids a seal, sorted; see `scanner.scan_folder`."""
    # The pattern library is loaded where a scan begins, not where a name is imported.
    from gonogo.evidence.scan.scanner import scan_folder as scan

    return scan(folder, files, needles, exempt)
