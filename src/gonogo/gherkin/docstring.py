"""Any text inside a Gherkin docstring, byte for byte.

A docstring is dedented, its line ends are translated and three quotes end it. Text that would not survive is written as
one JSON string instead; the step's own words say which of the two stands below it.
"""

from __future__ import annotations

import json
import re

# Everything that some reader takes for a line end, and control characters that editors drop.
_UNSAFE = re.compile(r'[\x00-\x09\x0b-\x1f\x7f\x80-\x9f\u2028\u2029\ufeff\ud800-\udfff]|"""|\\"')
_ESCAPED_IN_JSON = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")


def survives_plainly(text: str) -> bool:
    """Return whether a docstring gives a text back unchanged, also after an editor trimmed trailing spaces."""
    if _UNSAFE.search(text):
        return False
    lines = text.split("\n")
    if all(line.startswith(" ") for line in lines if line):
        return False  # a margin that all lines share is taken for indentation, and so is a text of blanks
    return not any(line != line.rstrip() for line in lines)


def encode_json(text: str) -> str:
    r"""Return a text as one line of JSON that Gherkin leaves alone: quotes inside appear as `\u0022`."""
    body = json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', "\\u0022")
    return '"' + _ESCAPED_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", body) + '"'


def decode_json(docstring: str) -> str:
    """Return the text of a JSON docstring; raises `ValueError` where it is not one JSON string."""
    text = json.loads(docstring)
    if not isinstance(text, str):
        raise ValueError("the docstring is not one JSON string")
    return text
