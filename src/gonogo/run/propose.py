"""Proposals for bindings: the steps, cases and packs whose words come closest to an item's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gonogo.model.binding import PINNED_LENGTH, BoundChecklist, BoundItem
from gonogo.model.case import Case

_WORD = re.compile(r"[a-z0-9]{3,}")
_COMMON = frozenset(
    {
        *("the", "and", "that", "this", "with", "from", "for", "are", "was", "were", "has", "have", "its", "not"),
        *("one", "all", "any", "each", "into", "out", "only", "then", "when", "where", "which", "what", "who"),
        *("here", "there", "than", "been", "will", "would", "nothing", "does", "message", "messages"),
    }
)
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Proposal:
    """What could answer an item that is bound to nothing; a person has to accept it."""

    file: str
    item: str
    line: int
    words: str
    text: str
    answer: str
    steps: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()


def propose_bindings(
    lists: Sequence[BoundChecklist], patterns: Sequence[str], cases: Sequence[Case], packs: Sequence[str]
) -> list[Proposal]:
    """Return a proposal for each item without a binding, in the order of the lists."""
    said = {pattern: _words(re.sub(r"\{[^}]*\}", " ", pattern)) for pattern in patterns}
    told = {case.id: _words(f"{case.message} {case.intent} {case.notes} {case.mode.value}") for case in cases}
    return [
        _propose(one, item, said, told, packs)
        for one in lists
        for item in one.items
        if item.binding is None and item.item.stands_alone
    ]


def _propose(
    checklist: BoundChecklist,
    item: BoundItem,
    patterns: dict[str, frozenset[str]],
    cases: dict[str, frozenset[str]],
    packs: Sequence[str],
) -> Proposal:
    wanted = _words(" ".join((item.item.text, *item.item.expectations, *item.item.steps)))
    steps, near = _closest(wanted, patterns, 2), _closest(wanted, cases, 3)
    named = next((pack for pack in packs if pack in item.item.text or ("smoke" in wanted and "smoke" in pack)), None)
    answer = (
        f"pack: {named}" if named is not None else "steps" if steps else "manual: {role: qa_lead, evidence: [note]}"
    )
    words = item.item.digest[:PINNED_LENGTH]
    return Proposal(checklist.file, item.item.id, item.item.line, words, item.item.text, answer, steps, near)


def _words(text: str) -> frozenset[str]:
    found = _WORD.findall(text.casefold().replace("_", " "))
    return frozenset(word.rstrip("s") for word in found if word not in _COMMON)


def _closest(wanted: frozenset[str], known: dict[str, frozenset[str]], enough: int) -> tuple[str, ...]:
    """Return the names that share at least so many words with an item, the closest first."""
    scored = [(len(wanted & words), -len(words), name) for name, words in known.items()]
    good = sorted((one for one in scored if one[0] >= enough), reverse=True)
    return tuple(name for _, _, name in good[:_SHOWN])


def render_proposals(proposals: Sequence[Proposal], lists: Sequence[BoundChecklist]) -> Iterator[str]:
    """Yield the proposals as YAML to copy from, with the reasons as comments."""
    for checklist in lists:
        own = [one for one in proposals if one.file == checklist.file]
        for problem in checklist.unbound:
            yield f"# {problem}"
        if not own:
            yield f"# {checklist.file}: every item is bound"
            continue
        yield f"# {checklist.file}: {len(own)} items are bound to nothing. Copy what is right into its bindings."
        yield "items:"
        for one in own:
            yield f"  # line {one.line}: {one.text}"
            yield from (f"  # a case that may answer: {case}" for case in one.cases)
            yield f"  {one.item}:"
            yield f'    words: "{one.words}"'
            if one.answer == "steps":
                yield "    steps: |"
                yield "      # Complete the Given and When, and keep the Then-steps that fit."
                yield from (f"      {'Then' if not number else 'And'} {step}" for number, step in enumerate(one.steps))
            else:
                yield f"    {one.answer}"
