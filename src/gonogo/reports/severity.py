"""Allure's severity for the class of a check."""

from __future__ import annotations

from collections.abc import Iterable

from gonogo.model.outcome import CheckClass

_SEVERITY = {
    CheckClass.SAFETY: "blocker",
    CheckClass.PRIVACY: "blocker",
    CheckClass.REQUIRED: "critical",
    CheckClass.ADVISORY: "minor",
}
_ORDER = list(CheckClass)


def severity_of(classes: Iterable[CheckClass]) -> str:
    """Return the severity of the heaviest class."""
    return _SEVERITY[min(classes, key=_ORDER.index, default=CheckClass.ADVISORY)]
