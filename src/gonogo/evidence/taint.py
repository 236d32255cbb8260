"""Words and phrases that came back from the system, found again in texts in time proportional to their length."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

_TOKEN = re.compile(r"[^\W_]+(?:[\u0300-\u036f\u200b-\u200d\u00ad]+[^\W_]*)*")
_DIGIT_RUN = re.compile(r"(?<!\w)\d(?:[ .()/\u00a0-]{0,2}\d){5,}(?!\w)")
_INVISIBLE = re.compile("[\u200b-\u200d\u00ad]")
_SHORT_LEAF = 3
_GRAM = 6
_SHORT_GRAM = 5
_SHORT_NUMBER = 9
_STRIDE = 4
_DENSE = 16

# Values that systems use for states, levels, roles and refusals; none of them says anything about anybody.
_STATES = """
ok yes no none null true false on off sent skipped failed success succeeded complete completed done
pending queued accepted rejected refused ignored open opened closed new active inactive enabled
disabled blocked info warning warn error debug critical customer automation automatic human agent
system user bot message messages order orders ticket tickets reply replies event events log logs
unauthorized unauthorised forbidden invalid missing unknown bad request not found application json
text html utf charset created updated and or the of for to in is was a an that this with without by
from at it be as has had have are were will json get post put delete patch
"""
HARMLESS = frozenset(_STATES.split())


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a text in its normal form, and where it stands."""

    word: str
    start: int
    end: int


def tokens_of(text: str) -> list[Token]:
    """Return the words of a text, folded in case and composition; everything else only separates them."""
    return [Token(_normal(match[0]), match.start(), match.end()) for match in _TOKEN.finditer(text)]


def words_of(text: str) -> list[str]:
    """Return the words of a text in their normal form."""
    return [_normal(word) for word in _TOKEN.findall(text)]


def _normal(word: str) -> str:
    if word.isascii():
        return word.lower()
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", word)).casefold()


@dataclass
class TaintIndex:
    """An index of what must not be shown.

    `allowed` are words that are never tainted by themselves: names of our own sources. `plain` are the words of the
    harness's own sentences: a longer text that holds one does not taint it, only the phrases that it stands in.
    """

    allowed: Collection[str]
    plain: Collection[str]
    _words: dict[str, str] = field(default_factory=dict)
    _pairs: dict[tuple[str, str], str] = field(default_factory=dict)
    _triples: dict[tuple[str, str, str], str] = field(default_factory=dict)
    _grams: dict[str, str] = field(default_factory=dict)
    size: int = 0

    def add(self, leaf: str, label: str, *, name_of_field: bool = False) -> None:
        """Taint one value: its own words, its phrases, and the pieces of words that are found nowhere else.

        The name of a field is made of ordinary words however short it is, and its phrases say nothing.
        """
        given = _TOKEN.findall(leaf)
        if not given:
            return
        self.size += 1
        words = [_normal(word) for word in given]
        count = len(words)
        for shown, word in zip(given, words, strict=True):
            if self._is_distinctive(shown, word, _SHORT_LEAF + 1 if name_of_field else count):
                self._add_word(word, label)
        if name_of_field:
            return
        if count == 2:
            if not self._all_allowed(words):
                self._pairs.setdefault((words[0], words[1]), label)
        else:
            for triple in zip(words, words[1:], words[2:], strict=False):
                if triple not in self._triples and not self._all_allowed(triple):
                    self._triples[triple] = label
        if 1 < count <= 8 and any(char.isdigit() for char in leaf):
            joined = "".join(words)
            if 5 <= len(joined) <= 64 and joined not in self.allowed:
                self._add_word(joined, label)

    def _is_distinctive(self, shown: str, word: str, count: int) -> bool:
        if word in self._words or word in self.allowed or word in HARMLESS:
            return False
        if len(word) < (4 if word.isdigit() else 3) and word.isascii():
            return False
        if word not in self.plain:
            return True
        # A value that is one word is tainted whatever it is; in a short one, what is written like a name.
        return count == 1 or (count <= _SHORT_LEAF and shown[0].isupper())

    def _all_allowed(self, words: Sequence[str]) -> bool:
        return all(word in self.allowed for word in words)

    def _add_word(self, word: str, label: str) -> None:
        self._words.setdefault(word, label)
        if len(word) > _GRAM:
            step = 1 if len(word) <= _DENSE else _STRIDE
            for start in range(0, len(word) - _GRAM + 1, step):
                self._grams.setdefault(word[start : start + _GRAM], label)
        # Order numbers and first names are shorter, and found inside other words all the same.
        if len(word) == _SHORT_GRAM or (len(word) <= _SHORT_NUMBER and any(char.isdigit() for char in word)):
            for start in range(len(word) - _SHORT_GRAM + 1):
                self._grams.setdefault(word[start : start + _SHORT_GRAM], label)

    def find(self, text: str, tokens: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
        """Yield start, end and label of everything tainted in a text."""
        for token in tokens:
            label = self._words.get(token.word) or self._find_piece(token.word)
            if label:
                yield token.start, token.end, label
        for first, second in pairwise(tokens):
            label = self._pairs.get((first.word, second.word))
            if label:
                yield first.start, second.end, label
        for first, second, third in zip(tokens, tokens[1:], tokens[2:], strict=False):
            label = self._triples.get((first.word, second.word, third.word))
            if label:
                yield first.start, third.end, label
        for match in _DIGIT_RUN.finditer(text):
            digits = re.sub(r"\D", "", match[0])
            label = self._words.get(digits) or self._find_piece(digits)
            if label:
                yield (*match.span(), label)

    def _find_piece(self, word: str) -> str | None:
        if (
            len(word) <= _SHORT_GRAM
            or not self._grams
            or word in self.allowed
            or word in self.plain
            or word in HARMLESS
        ):
            return None
        for size in (_GRAM, _SHORT_GRAM):
            for start in range(len(word) - size + 1):
                label = self._grams.get(word[start : start + size])
                if label is not None:
                    return label
        return None
