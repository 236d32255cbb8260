"""The notation of the phrases: one a line, and indented lines continue the one above.

Beside regular expressions, `<s>` stands for up to two words in between, `<g>` for up to five and `<w>` for up to ten
within a sentence, `<x>` for anything within ninety characters; other names in angle brackets are the `WORDS` of the
modules. A blank at the start of a continuation is written `[ ]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

Phrases = tuple[tuple[float, str], ...]

# A word is matched in one way only: two ways to split a run of dashes would make a long mail take forever.
_WORDS = r"(?:[^\w.!?;\n]+\w+(?:['-]\w+)*)"
GAPS = {
    "s": _WORDS + r"{0,2}?[^\w.!?;\n]+",
    "g": _WORDS + r"{0,5}?[^\w.!?;\n]+",
    "w": _WORDS + r"{0,10}?[^\w.!?;\n]+",
    "x": r"[\s\S]{0,90}?",
}
_MACRO = re.compile(r"<([a-z]+)>")


def read_phrases(text: str) -> Phrases:
    """Return weight and pattern of every phrase; raise `ValueError` for a line without a weight."""
    phrases = []
    for line in _join_continued(text):
        weight, _, pattern = line.partition(" ")
        phrases.append((float(weight), pattern.lstrip()))
    return tuple(phrases)


def read_named(text: str) -> dict[str, str]:
    """Return the pattern of every `name = pattern` line in order; raise `ValueError` for a line without a name."""
    named = {}
    for line in _join_continued(text):
        name, separator, pattern = line.partition(" = ")
        if not separator or name in named:
            raise ValueError(f"no name, or one used twice: {line[:40]}")
        named[name] = pattern
    return named


def compile_pattern(pattern: str, words: Mapping[str, str]) -> re.Pattern[str]:
    """Return a pattern with its names replaced, also inside of those; raise `KeyError` for an unknown one."""
    known = {**GAPS, **words}
    while _MACRO.search(pattern):
        pattern = _MACRO.sub(lambda match: known[match.group(1)], pattern)
    return re.compile(pattern)


def _join_continued(text: str) -> Iterator[str]:
    joined = ""
    for line in text.splitlines():
        if line.startswith(" "):
            joined += line.strip()
            continue
        if joined:
            yield joined
        joined = line.rstrip()
    if joined:
        yield joined
