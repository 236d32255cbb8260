"""What a scan says: a rule, a file, an offset, and never the value."""

from __future__ import annotations

from dataclasses import dataclass, field

UNREADABLE = "unreadable"
SYMLINK = "symlink"
UNKNOWN_TYPE = "unknown-type"
CORRUPT = "corrupt"
ENCRYPTED = "encrypted"
TOO_DEEP = "too-deep"
TOO_LARGE = "too-large"
FAULT = "scanner-fault"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One reason not to seal.

    `file` is the path in the bundle, with `!` before what lies inside an archive (`attachments/a.zip!inner/b.png`); a
    path that itself holds a finding is written as `file number N`. `offset` counts bytes from 0, in the innermost file
    that is named; inside a compressed PNG chunk it is the chunk's own place. A finding never carries the value.
    """

    file: str
    offset: int
    rule: str


@dataclass(frozen=True, slots=True)
class Needle:
    """A value that must not appear in any encoding: a canary, or a secret of the environment."""

    name: str
    value: str = field(repr=False)

    @property
    def rule(self) -> str:
        """Return the rule that a hit carries."""
        return f"canary/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """A finding within one piece of bytes: `start` up to `end`."""

    start: int
    end: int
    rule: str
