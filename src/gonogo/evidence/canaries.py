"""The canaries of a run: tokens in every synthetic value that it sends, so that a leak is told from chance."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

# Letters that seldom stand beside each other, so that no word of any language becomes a canary.
_LETTERS = "qxzjkvwq"
_DIGITS = "0123456789"


class Canary(NamedTuple):
    """One value to search for, and what a finding calls it."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Canaries:
    """A token of letters and digits, and one of digits alone for fields that take nothing else."""

    word: str
    digits: str

    def needles(self) -> tuple[Canary, ...]:
        """Return the canaries for a scan."""
        return (Canary("canary-word", self.word), Canary("canary-digits", self.digits))


def canaries(run_id: str) -> Canaries:
    """Return the canaries of a run; they follow from its id, so that a later scan can tell them again."""
    digest = hashlib.sha256(b"gonogo canary\0" + run_id.encode("utf-8", "replace")).digest()
    word = "".join(
        _DIGITS[byte % 10] if index % 3 == 2 else _LETTERS[byte % 8] for index, byte in enumerate(digest[:16])
    )
    # 00 begins neither a card nor a phone number, and the length is that of no timestamp.
    digits = "00" + "".join(_DIGITS[byte % 10] for byte in digest[16:28])
    return Canaries(word, digits)
