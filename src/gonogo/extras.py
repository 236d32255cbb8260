"""Packages that only some commands need: imported where used, with a sentence for whoever lacks them."""

from __future__ import annotations

import importlib
from typing import Any

from gonogo.errors import UsageError


def import_extra(module: str, extra: str) -> Any:
    """Return a module of an optional extra; raises `UsageError` that says what to install."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        raise UsageError(
            f"{missing} is not installed; this needs the extra {extra!r}", f"pip install 'gonogo[{extra}]'"
        ) from error
