"""Text that anybody may have written, as every output can show it: nothing in it acts, nothing in it hides."""

from __future__ import annotations

import re

LONGEST = 4_000
# Controls but tab and line feed, what turns or hides text, line breaks of other kinds, and what no encoding carries.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def show_text(text: str) -> str:
    r"""Return text in which every character that acts or hides is an escape such as `\u202e`; all others stay.

    Tab and line feed stay too. Inside a JSON string the escapes mean the characters themselves.
    """
    return _UNSEEN.sub(_escape, text)


def show_line(text: str) -> str:
    """Return text on one line: tabs and line feeds become blanks, the rest is shown as by `show_text`."""
    return show_text(" ".join(text.split("\n")).replace("\t", " "))


def cut_text(text: str, longest: int = LONGEST) -> str:
    """Return text of at most so many characters, with a note of its whole length where it was cut."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]} … (cut; {len(text):,} characters in all)"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    # JSON knows only the two halves.
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
