"""The words by which teams say what a line is: a box, an id, an expectation, a kind of item."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from gonogo.model.checklist import ItemKind

_MARKUP = re.compile(r"[*`~]|(?<![A-Za-z0-9])_+|_+(?![A-Za-z0-9])")
_BLANKS = re.compile(r"\s+")
_SYMBOLS = re.compile(r"^[^\w\[(<\"'`*_]+\s*")
_TICKED = "xX✓✔☑✅☒🗹"
_BOX = re.compile(r"^(?:\\?\[(?P<mark>[ xX✓✔☑✅~\-/>!?]?)\\?\](?![(\[:])|(?P<sign>[☐☑☒⬜🔲🗹])\ufe0f?)\s*")
_BOXED_LINE = re.compile(r"^(?:(?:[-*+•]|\d{1,9}[.)])[ \t]*)?(?:\[[ xX✓✔]?\](?![(\[:])|[☐☑☒⬜🔲🗹])")
_ROUND_BULLET = re.compile(r"^[•◦▪‣●○]\s*(?=\S)")
_EXPECT_INSIDE = re.compile(
    r"(?<=[\s(–—→>-])(?:\*\*|_)?Expect(?:ed)?(?: results?| outcomes?| behaviou?rs?)?(?:\*\*|_)?:(?:\*\*|_)?\s+"
    r"(?P<text>\S.*)$",
    re.DOTALL,
)
_LIST_MARK = re.compile(r"^(?:[-*+•]|\d{1,9}[.)])[ \t]*(?=\[|[☐☑☒⬜🔲🗹])")

_LETTER_ID = r"[A-Z]{1,8}(?:[-_][A-Z]{1,4})*[-_]?\d{1,4}(?:\.\d{1,3})*[a-z]?"
_SEPARATOR = r"(?:\s*[):\]]|\.(?!\d)|\s+[–—-](?=\s))"
_HEADING_ID = re.compile(
    rf"^[\[(]?(?:(?P<id>{_LETTER_ID}|[A-Z](?=[).]\s)|\d{{1,3}}(?:\.\d{{1,3}})*[a-z]?){_SEPARATOR}+"
    r"|(?P<dotted>\d{1,3}(?:\.\d{1,3})+)(?=\s))\s*(?P<text>.*)$"
)
_ANCHOR = re.compile(r"\s*\{#(?P<id>[A-Za-z0-9][A-Za-z0-9._-]{0,63})\}\s*$")
_ITEM_ID = re.compile(rf"^[\[(]?(?P<id>{_LETTER_ID}){_SEPARATOR}+\s*(?P<text>\S.*)$", re.DOTALL)
_BOLD_ID = re.compile(rf"^(?:\*\*|__|`)\[?(?P<id>{_LETTER_ID})\]?(?:\*\*|__|`)\s+(?P<text>\S.*)$", re.DOTALL)
_CELL_ID = re.compile(rf"^(?:{_LETTER_ID}|\d+(?:\.\d+)+)$")
_PLAIN_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")

_EXPECT = re.compile(
    r"^(?:expect(?:ed|ation|ations|s)?(?:[ -](?:results?|outcomes?|behaviou?rs?|responses?|output|values?|state))?"
    r"|(?:pass|acceptance|exit)[ -]criteri(?:a|on)|pass(?:es)? (?:if|when)|fails? (?:if|when)|pass ?/ ?fail(?: rules?)?"
    r"|pass|fail|should see|you should see|then)$"
)
_EXPECT_VERB = re.compile(r"^expect (?=\S)(?!to be\b)", re.IGNORECASE)
_ROLE = re.compile(
    r"^(?:test )?(?:steps?|procedure|how to (?:test|check)|actions?|set-?up|pre-?conditions?|given|when|test data"
    r"|notes?|evidence|actual(?: results?)?|results?|clean-?up|tear-?down|commands?)$"
)
_LABEL = re.compile(r"^(?P<label>[^:\n]{1,80}?)\s*:(?!//)(?:[ \t\n*_]+(?P<rest>.*)|[*_]*)$", re.DOTALL)

_BOLD_LABEL = re.compile(r"\*\*[^*\n]{1,60}(?::\*\*|\*\*\s*:)")

_BLANK_LINE = re.compile(r"_{4,}|\.{5,}|‗{3,}|\[\s{4,}\]")
_REFERENCE = re.compile(r"^(?:`[^`\s]*[/.][^`\s]*`|<?https?://\S+|\[[^\]]*\]\([^)]*\))[.,;]?(?:\s*\([^)]*\))?$")

_STRONG: tuple[tuple[ItemKind, re.Pattern[str]], ...] = (
    (
        ItemKind.TRIGGER,
        re.compile(
            r"\btriggers?\b(?! (?:the|an?|no|one)\b)"
            r"|\b(?:roll(?:ed|ing)?[ -]?back|abort|stop|halt|revert|hold|escalate|no-?go)\b[^.]{0,40}"
            r"\b(?:if|when|criteria|conditions?)\b|\bif (?:any|one) (?:of|critical|serious)\b|\bno-go (?:items?|list)\b"
            r"|\bkill criteria\b|\bred flags?\b"
        ),
    ),
    (
        ItemKind.SIGN_OFF,
        re.compile(r"\bsign(?:ed|ing)?[ -]?offs?\b|\bapprovals?\b|\bsignatures?\b|\bapproved by\b|\bapprovers?\b"),
    ),
    (
        ItemKind.PRECONDITION,
        re.compile(
            r"\bpre-?(?:conditions?|requisites?|deploy\w*|release|launch|flight|checks?|rollout|production|migration)\b"
            r"|\bbefore\b|\bonly (?:\w+ ){0,6}?(?:if|when|after|once)\b|\bproceed if\b|\bentry criteria\b"
            r"|\bmust be (?:true|done|met|in place)\b|\brequired (?:before|first)\b|\bprior to\b"
        ),
    ),
)
_NOTE = re.compile(
    r"^(?:notes?|refs?|references?|see(?: also)?|use|related|links?|further reading|background|overview|scope"
    r"|out of scope|glossary|change ?log|contents|table of contents|legend|known (?:issues|limitations)|limitations"
    r"|assumptions|design decisions|summary|executive summary|risks?|low risk|medium risk|high risk|features.*"
    r"|deliverables|future .*|.*principles|goals?|purpose|contacts?|key components|status|owners?)$"
)
_ACTION = re.compile(
    r"\b(?:actions?|steps?|procedures?|how to|deploy(?:ment)?|roll ?back|recovery|recover|mitigat\w+|contain\w*"
    r"|escalat\w+|communicat\w+|next steps|follow-?up|enable|disable|start with|set|run|execute|do|emergency"
    r"|cut-?over|migrat\w+|schedule|commands?|install|configure|flow|strategy|keep|notify)\b"
)
_CHECK = re.compile(
    r"\b(?:checks?|check-?lists?|verif\w+|validat\w+|criteria|expect\w*|tests?|testing|smoke|monitor\w*|watch"
    r"|metrics?|thresholds?|dashboards?|alarms?|observ\w+|gates?|go/?no-?go|go or no-?go|acceptance|confirm"
    r"|requirements?|quality|readiness|ready|security|privacy|reliability|health|qa|ensure|slos?)\b"
)
_LOOK = re.compile(r"(?:confirm|verify|check|validate|ensure|test|make sure|review|watch|monitor|observe)\b")
_LEAD_LINE = re.compile(r"[A-Z][^:.\n]{0,60}:\Z")


class Box(NamedTuple):
    """A box in front of a text: whether it is ticked, and the text behind it."""

    ticked: bool
    text: str


def one_line(text: str) -> str:
    """Return a text on one line, with single blanks."""
    return _BLANKS.sub(" ", text).strip()


def plain_words(text: str) -> str:
    """Return the words of a Markdown text as they compare: without emphasis, in one case, on one line."""
    return one_line(_MARKUP.sub("", unicodedata.normalize("NFC", text))).casefold()


def read_box(text: str) -> Box | None:
    """Return the box that a text starts with, if there is one."""
    match = _BOX.match(text)
    if match is None:
        return None
    mark = match["sign"] or match["mark"]
    return Box(bool(mark) and mark in _TICKED, text[match.end() :])


def split_boxed_lines(text: str) -> list[str]:
    """Return a paragraph's text in parts, a new one where a line starts with a box or a bullet of its own."""
    parts: list[list[str]] = [[]]
    for line in text.split("\n"):
        stripped = line.strip()
        if parts[-1] and (_BOXED_LINE.match(stripped) or _ROUND_BULLET.match(stripped)):
            parts.append([])
        parts[-1].append(line)
    return ["\n".join(part) for part in parts]


def split_label_lines(text: str) -> list[str]:
    """Return a paragraph's text in parts, a new one where a line starts with a bold label such as `**Steps:**`."""
    parts: list[list[str]] = [[]]
    for line in text.split("\n"):
        if _BOLD_LABEL.match(line.strip()) and parts[-1]:
            parts.append([])
        parts[-1].append(line)
    return ["\n".join(part) for part in parts]


def read_round_bullet(text: str) -> str | None:
    """Return what stands behind a bullet that is no list marker of Markdown, such as `•`."""
    match = _ROUND_BULLET.match(text)
    return text[match.end() :] if match else None


def expectation_inside(text: str) -> str:
    """Return what stands behind an `Expected:` in the middle of a line, or an empty text."""
    match = _EXPECT_INSIDE.search(text) if "xpect" in text else None
    return match["text"].rstrip(") ") if match else ""


def strip_list_mark(text: str) -> str:
    """Return a boxed line without the list marker that Markdown did not take for one."""
    return _LIST_MARK.sub("", text.strip(), count=1)


def read_heading_id(text: str) -> tuple[str, str]:
    """Return the id that a heading starts with, or an empty text, and the rest of it."""
    anchor = _ANCHOR.search(text)
    if anchor:
        return anchor["id"], text[: anchor.start()]
    bare = _SYMBOLS.sub("", _without_bold(text))
    match = _HEADING_ID.match(bare)
    return ((match["id"] or match["dotted"]), match["text"].strip("*_ ")) if match else ("", text)


def read_item_id(text: str) -> tuple[str, str]:
    """Return the id that a list item starts with, or an empty text, and the rest of it."""
    match = _ITEM_ID.match(_without_bold(text)) or _BOLD_ID.match(text)
    return (match["id"], match["text"]) if match else ("", text)


def _without_bold(text: str) -> str:
    """Return a text without the bold marks around its beginning."""
    return re.sub(r"^(\*\*|__)(.{1,200}?)\1", r"\2", text, count=1, flags=re.DOTALL)


def is_cell_id(header: str, cell: str) -> bool:
    """Return whether a table's cell is the id of its row."""
    named = plain_words(header) in (
        "id",
        "case",
        "key",
        "ref",
        "case id",
        "test id",
        "check id",
        "item id",
        "test case",
    )
    return bool(_CELL_ID.match(cell) or (named and _PLAIN_ID.match(cell)))


def split_label(text: str) -> tuple[str, str] | None:
    """Return a leading label and what stands behind its colon, as in `**Expect**: a reply`."""
    match = _LABEL.match(_SYMBOLS.sub("", text))
    if match is None:
        return None
    return plain_words(match["label"]), (match["rest"] or "").strip()


def read_expectation(text: str) -> str | None:
    """Return what stands behind an `Expect:`, which may be nothing; None where the text is no expectation."""
    label = split_label(text)
    if label is not None and _EXPECT.match(label[0]):
        return label[1]
    bare = _SYMBOLS.sub("", text)
    if _EXPECT.match(plain_words(bare)):
        return ""
    verb = _EXPECT_VERB.match(_without_bold(bare))
    return _without_bold(bare)[verb.end() :] if verb else None


def names_expectations(text: str) -> bool:
    """Return whether a heading or a column's name announces expectations."""
    return bool(_EXPECT.match(plain_words(_SYMBOLS.sub("", text)).rstrip(":")))


def names_role(text: str) -> bool:
    """Return whether a heading names a part of the item above it, such as its steps."""
    return bool(_ROLE.match(plain_words(text).rstrip(":"))) or names_expectations(text)


def has_blank_to_fill(text: str) -> bool:
    """Return whether a text holds a line for a name or a date."""
    return bool(_BLANK_LINE.search(text))


def is_reference(text: str) -> bool:
    """Return whether a text is nothing but a path or a link."""
    return bool(_REFERENCE.match(text.strip()))


def strong_kind(text: str) -> ItemKind | None:
    """Return the kind that a label, a lead or a heading gives to all that stands under it."""
    words = plain_words(text)[:300]
    return next((kind for kind, pattern in _STRONG if pattern.search(words)), None)


def weak_kind(context: Sequence[str]) -> ItemKind | None:
    """Return the kind that the nearest of some contexts suggests."""
    for text in context:
        words = plain_words(_HEADING_ID.sub(lambda match: match["text"], text))[:300].rstrip(":")
        if _NOTE.search(words):
            return ItemKind.NOTE
        action, check = _ACTION.search(words), _CHECK.search(words)
        if action or check:
            # The word that comes first says what the line is about: "smoke tests after deploy", "validate rollback".
            return ItemKind.CHECK if check and (not action or check.start() < action.start()) else ItemKind.ACTION
    return None


def asks_to_look(text: str) -> bool:
    """Return whether a text begins with a verb of checking."""
    return bool(_LOOK.match(plain_words(text)))


def read_trailing_lead(text: str) -> tuple[str, str]:
    """Return a list item's text without a last line such as `Keep:`, which leads to what follows, and that line."""
    head, _, last = text.rpartition("\n")
    if head and _LEAD_LINE.match(last.strip()):
        return head, last.strip()
    return text, ""
