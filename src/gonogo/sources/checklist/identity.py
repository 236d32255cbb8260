"""Ids that survive insertion, reordering, re-wrapping and re-nesting of other items; and digests of an item's words."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence

from gonogo.model.checklist import ChecklistItem, ItemKind
from gonogo.sources.checklist.drafts import Draft, settle_standing
from gonogo.sources.checklist.words import plain_words, read_heading_id

_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_SLUG_LENGTH = 40


def finish_items(drafts: Sequence[Draft], title: str) -> tuple[ChecklistItem, ...]:
    """Return the items of all drafts, in the order of the file; its title may change without changing their ids."""
    ordered = sorted(drafts, key=lambda draft: draft.line)
    settle_standing(ordered)
    ids, doubles = _give_ids(ordered, title)
    return tuple(_finish(draft, ids, id(draft) in doubles) for draft in ordered)


def _give_ids(drafts: Sequence[Draft], title: str) -> tuple[dict[int, str], set[int]]:
    """Return each draft's id, and which drafts share section and words with another.

    An id of the document's own stands unless it stands twice: then it says nothing about which one is meant.
    """
    own = Counter(draft.own_id.casefold() for draft in drafts if draft.own_id)
    groups: dict[str, list[Draft]] = defaultdict(list)
    for draft in drafts:
        base = draft.own_id if draft.own_id and own[draft.own_id.casefold()] == 1 else _slug(draft, title)
        groups[base].append(draft)
    ids: dict[int, str] = {}
    doubles: set[int] = set()
    taken = {base.casefold() for base in groups}
    for base, group in groups.items():
        ids[id(group[0])] = base
        number = 1
        for draft in group[1:]:
            number += 1
            while f"{base}-{number}".casefold() in taken:
                number += 1
            ids[id(draft)] = f"{base}-{number}"
        if len(group) > 1:
            doubles |= {id(draft) for draft in group}
    return ids, doubles


def _slug(draft: Draft, title: str) -> str:
    words = plain_words(draft.name)
    ascii_words = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    readable = _NOT_SLUG.sub("-", ascii_words)[:_SLUG_LENGTH].strip("-") or "item"
    headings = draft.section[1:] if draft.section[:1] == (title,) else draft.section
    section = [plain_words(read_heading_id(text)[1] or text) for text in headings]
    own = [draft.own_id, words]
    digest = hashlib.sha256("\x1f".join([*section, "\x1e", *own]).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{readable}-{digest[:8]}"


def _finish(draft: Draft, ids: dict[int, str], is_double: bool) -> ChecklistItem:
    steps = tuple(_steps(draft)) if draft.stands_alone else ()
    words = [draft.text if draft.kind is not ItemKind.SIGN_OFF or not draft.cells else draft.name]
    words += [*draft.expectations, *steps]
    parts = [plain_words(text) for text in words] + list(draft.commands)
    if is_double:
        # Nothing but its place tells it from the others, so its place is part of what is attested.
        parts += ["\x1e", plain_words(draft.lead), *(plain_words(above.text) for above in draft.ancestors())]
    digest = hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return ChecklistItem(
        ids[id(draft)],
        draft.line,
        draft.section,
        draft.kind,
        draft.text,
        tuple(draft.expectations),
        draft.checked,
        tuple(draft.commands),
        ids[id(draft.parent)] if draft.parent is not None else None,
        draft.lead,
        tuple(draft.cells),
        steps,
        bool(draft.own_id) and ids[id(draft)] == draft.own_id,
        draft.stands_alone,
        digest,
    )


def _steps(draft: Draft) -> list[str]:
    """Return the texts below an item that are answered together with it."""
    found: list[str] = []
    for child in draft.children:
        if not child.stands_alone:
            found += [child.text, *child.expectations, *child.commands, *_steps(child)]
    return found
