"""The redactor: what came back from the system, known values and what looks like personal data never reach a file.

It is the first of two: the scanner that a bundle has to pass before it is sealed shares none of this.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gonogo.evidence.detectors import detect
from gonogo.evidence.encodings import View, opaque_runs, read_run, views
from gonogo.evidence.taint import HARMLESS, TaintIndex, Token, tokens_of, words_of

Span = tuple[int, int, str]
_NEVER_EXEMPT = ("canary", "secret")
_MAX_SHOWN = 80
_MAX_SHOWN_WORDS = 8
_MAX_MEMO = 50_000
_MIN_KNOWN = 3
_LAYERS = 2
_MIN_RUN = 8
_FIELD = re.compile(r"[A-Za-z_][A-Za-z_.-]{0,60}\d{0,2}")
_BETWEEN = re.compile(r"[\W_]{0,3}")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a run's redactor knows before anything was sent.

    `names` are exact words and phrases of our own sources (vocabulary, plan, flags, ids); `plain` the single words of
    the harness's own sentences; `known` values that are never shown, by what they are called (those called canary or
    secret not even inside a message); `messages` the texts of our own cases; `patterns` what further values of the
    system are harmless; `addresses` links that may be shown.
    """

    names: Collection[str] = ()
    plain: Collection[str] = ()
    known: Mapping[str, Sequence[str]] = field(default_factory=dict)
    messages: Sequence[str] = ()
    patterns: Sequence[str] = ()
    addresses: Sequence[str] = ()


class Redactor:
    """Replaces what must not be shown by `[redacted:kind]`; safe to call from several threads.

    A harmless word that equals a value of the system is redacted with it: too much may go, never too little.
    """

    def __init__(self, terms: Terms) -> None:
        # What must go even inside a message is no name either, whatever word it is.
        strict = {value for label in _NEVER_EXEMPT for value in terms.known.get(label, ())}
        self._names = frozenset(terms.names) - strict
        allowed = {word for name in self._names for word in words_of(name)}
        self._taint = TaintIndex(allowed, frozenset(word.casefold() for word in terms.plain))
        self._known: list[tuple[str, str]] = []
        self._addresses = tuple(terms.addresses)
        self._patterns = tuple(re.compile(pattern) for pattern in terms.patterns)
        self._messages = _PhraseIndex()
        self._shown = _PhraseIndex()
        self._seen: set[str] = set()
        self._memo: dict[str, tuple[int, str]] = {}
        self._runs: dict[str, tuple[int, str]] = {}
        for label, values in terms.known.items():
            for value in values:
                self._learn_known(value, label)
        self._own = frozenset(terms.messages)
        for message in terms.messages:
            # A message of a word or two would exempt that word wherever it turns up.
            self._messages.add(message, at_least=3)

    def _learn_known(self, value: str, label: str) -> None:
        folded = value.casefold()
        if len(folded) < _MIN_KNOWN:
            return
        if label not in _NEVER_EXEMPT and (folded in HARMLESS or value in self._names):
            return
        self._known.append((folded, label))
        self._taint.add(value, label)

    def saw(self, content: Any, label: str = "answer", shown: Iterable[Any] = ()) -> None:
        """Learn what came back from the system: every text and number of it, however deep.

        `shown` are values of listed fields: short ones are not content. Everything else is redacted from now on.
        """
        harmless = {text for value in shown for text, _ in _leaves(value) if self._is_short(text)}
        for text in harmless - self._seen:
            self._seen.add(text)
            if text not in self._names:
                self._shown.add(text)
                self._forget()
        for text, is_key in _leaves(content):
            mark = f"{text}:" if is_key else text
            if mark not in self._seen:
                self._seen.add(mark)
                if not self._is_harmless(text):
                    self._taint.add(text, label, name_of_field=is_key and bool(_FIELD.fullmatch(text)))

    def _is_short(self, text: str) -> bool:
        """Return whether a value of a listed field may be a name of something; a longer one is content all the same."""
        if len(text) > _MAX_SHOWN or "\n" in text or len(text.split()) > _MAX_SHOWN_WORDS:
            return False
        return not any(True for _ in self._find_fixed(View(text), text.casefold()))

    def _is_harmless(self, text: str) -> bool:
        if text in self._names or text in self._own or text.strip() in self._own:
            return True
        return len(text) <= _MAX_SHOWN and any(pattern.fullmatch(text) for pattern in self._patterns)

    def _forget(self) -> None:
        self._memo.clear()

    def text(self, value: str) -> str:
        """Return a text without anything that must not be shown."""
        if not value or value in self._names:
            return value
        version = self._taint.size
        known = self._memo.get(value)
        if known is not None and known[0] == version:
            return known[1]
        spans = self._find(value)
        result = _replace(value, spans) if spans else value
        if len(self._memo) >= _MAX_MEMO:
            self._memo.clear()
        self._memo[value] = (version, result)
        return result

    def value(self, value: Any) -> Any:
        """Return JSON data with every text of it redacted, keys too, and numbers that only the system knows."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float):
            shown = self.text(str(value))
            return value if shown == str(value) else shown
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        return self.text(str(value))

    def own(self, value: Any) -> Any:
        """Return data of the harness's own: numbers as they are, and texts too unless they hold anything else."""
        if isinstance(value, Mapping):
            return {key: self.own(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.own(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def _find(self, text: str) -> list[Span]:
        found: list[Span] = []
        for view in views(text):
            tokens = tokens_of(view.text)
            spans = list(self._find_in(view, tokens))
            if spans:
                spans = self._drop_exempt(spans, view.text, tokens)
            found += ((*view.span(start, end), label) for start, end, label in spans)
            found += self._find_runs(view, tokens)
        return found

    def _find_in(self, view: View, tokens: Sequence[Token]) -> Iterator[Span]:
        yield from self._find_fixed(view, view.text.casefold())
        yield from self._taint.find(view.text, tokens)

    def _find_fixed(self, view: View, folded: str) -> Iterator[Span]:
        """Yield known values and what looks like personal data: what no list of fields can allow."""
        # Folding may change a text's length; then it is searched as it stands.
        searched = folded if len(folded) == len(view.text) else view.text.lower()
        for value, label in self._known:
            at = searched.find(value)
            while at >= 0:
                if len(value) >= 8 or _stands_alone(searched, at, at + len(value)):
                    yield min(at, len(view.text)), min(at + len(value), len(view.text)), label
                at = searched.find(value, at + 1)
        yield from detect(view.text, self._addresses)

    def _find_runs(self, view: View, tokens: Sequence[Token]) -> Iterator[Span]:
        """Yield runs that hold something in base64 or hex; a name of ours is none."""
        starts = [token.start for token in tokens]
        for start, end in opaque_runs(view.text):
            inside = (token.word for token in tokens[bisect_left(starts, start) : bisect_left(starts, end)])
            if all(word in self._taint.allowed or word in self._taint.plain for word in inside):
                continue
            label = self._read_run(view.text[start:end])
            if label:
                yield (*view.span(start, end), label)

    def _read_run(self, run: str, depth: int = 0) -> str:
        """Return what a run holds that must not be shown, through up to three layers, or an empty text."""
        known = self._runs.get(run)
        version = self._taint.size
        if known is not None and known[0] == version:
            return known[1]
        label = ""
        for text in read_run(run):
            hit = next(self._find_in(View(text), tokens_of(text)), None)
            label = hit[2] if hit is not None else ""
            if not label and depth < _LAYERS:
                inner = (text[start:end] for start, end in opaque_runs(text) if end - start >= _MIN_RUN)
                label = next((found for one in inner if (found := self._read_run(one, depth + 1))), "")
            if label:
                break
        if len(self._runs) >= _MAX_MEMO:
            self._runs.clear()
        self._runs[run] = (version, label)
        return label

    def _drop_exempt(self, spans: list[Span], text: str, tokens: Sequence[Token]) -> list[Span]:
        """Leave our own messages as they are, and what the lists allow where it stands as a whole."""
        own = list(self._messages.find(text, tokens))
        shown = list(self._shown.find(text, tokens))
        fixed = {id(span) for span in spans if span[2] in _NEVER_EXEMPT}
        kept = []
        for span in spans:
            inside_own = any(start <= span[0] and span[1] <= end for start, end in own)
            inside_shown = any(start <= span[0] and span[1] <= end for start, end in shown)
            if id(span) in fixed or not (inside_own or inside_shown):
                kept.append(span)
        return kept


class _PhraseIndex:
    """Texts that may stand where they stand as a whole, found by their first words."""

    def __init__(self) -> None:
        self._by_start: dict[tuple[str, ...], list[tuple[list[str], str]]] = {}

    def add(self, text: str, at_least: int = 1) -> None:
        words = words_of(text)
        if len(words) >= at_least:
            self._by_start.setdefault(tuple(words[:3]), []).append((words, text.strip()))

    def find(self, text: str, tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
        """Yield where one of the texts stands, character by character, its ends included."""
        if not self._by_start:
            return
        for index in range(len(tokens)):
            for length in (3, 2, 1):
                start = tuple(token.word for token in tokens[index : index + length])
                for words, whole in self._by_start.get(start, ()) if len(start) == length else ():
                    last = index + len(words)
                    if last > len(tokens) or [token.word for token in tokens[index:last]] != words:
                        continue
                    at = text.find(whole, max(0, tokens[index].start - len(whole)), tokens[last - 1].end + len(whole))
                    if at >= 0:
                        yield at, at + len(whole)


def _leaves(content: Any) -> Iterator[tuple[str, bool]]:
    """Yield every text and number inside JSON data, and whether it is a key."""
    if isinstance(content, str):
        yield content, False
    elif isinstance(content, bool) or content is None:
        return
    elif isinstance(content, int | float):
        yield str(content), False
    elif isinstance(content, Mapping):
        for key, value in content.items():
            yield str(key), True
            yield from _leaves(value)
    elif isinstance(content, list | tuple | set | frozenset):
        for value in content:
            yield from _leaves(value)
    elif isinstance(content, bytes):
        yield content.decode("utf-8", "replace"), False


def _stands_alone(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (before.isalnum() or after.isalnum())


def _replace(text: str, spans: Iterable[Span]) -> str:
    """Return a text with spans replaced, those that touch as one; the first names it."""
    merged: list[Span] = []
    for start, end, label in sorted(spans, key=lambda span: (span[0], -span[1])):
        if merged and (start <= merged[-1][1] or _BETWEEN.fullmatch(text, merged[-1][1], start)):
            before = merged[-1]
            merged[-1] = (before[0], max(before[1], end), before[2])
        else:
            merged.append((start, end, label))
    pieces, at = [], 0
    for start, end, label in merged:
        pieces += [text[at:start], f"[redacted:{label}]"]
        at = end
    return "".join([*pieces, text[at:]])
