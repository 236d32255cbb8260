"""The suspicion of a prompt injection."""

from __future__ import annotations

from gonogo.sandbox.richpanel.phrases.injections import INJECTION, WORDS
from gonogo.sandbox.richpanel.phrases.notation import compile_pattern

_PATTERNS = tuple(compile_pattern(pattern, WORDS) for _, pattern in INJECTION)


def is_injection(normalized: str) -> bool:
    """Tell whether a normalised text tries to give orders to the machine."""
    return any(pattern.search(normalized) for pattern in _PATTERNS)
