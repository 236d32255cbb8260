"""The words of an error: what is allowed, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_SHOWN = 80


def quote_value(value: object) -> str:
    """Return a value as one short quoted line, whatever it holds."""
    text = value if isinstance(value, str) else str(value)
    shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return repr(shown)


def suggest(value: str, allowed: Iterable[str]) -> str:
    """Return `allowed: …` and, where one is close, `Did you mean …?`."""
    words = sorted(allowed)
    close = closest(value, words)
    listed = ", ".join(words[:12]) + (f", … ({len(words)} in all)" if len(words) > 12 else "")
    return f"allowed: {listed or 'nothing'}." + (f" Did you mean {close!r}?" if close else "")


def closest(value: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed word that a value most likely stands for, if any is close."""
    words = list(allowed)
    folded = {word.casefold(): word for word in reversed(words)}
    stripped = value.strip().casefold()[:200]
    if stripped in folded:
        return folded[stripped]
    matches = get_close_matches(stripped, folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else None
