"""What of a bundle's files a page is built from: parsed, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gonogo.reports.html.page import SealState


@dataclass(frozen=True, slots=True)
class BundleFiles:
    """The parsed files of one bundle; `documents` are its other JSON files and `pictures` its SVG files by name.

    `unread` says which files could not be read and why. `seal` is None before sealing.
    """

    decision: Mapping[str, Any]
    planned: Mapping[str, Any]
    plan: Mapping[str, Any]
    documents: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    next_command: str = ""
    unread: tuple[str, ...] = ()
    seal: SealState | None = None
