"""The errors that reach a person, each with its exit code and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

EXIT_GO = 0
EXIT_NO_GO = 1
EXIT_USAGE = 2
EXIT_HOLD = 3
EXIT_UNVERIFIED = 4
EXIT_UNREACHABLE = 5
EXIT_INTERNAL = 70
EXIT_INTERRUPTED = 130


class GonogoError(Exception):
    """An error with a message for a person, a hint what to do, and the exit code of the command."""

    exit_code = EXIT_INTERNAL

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in a file that people write.

    Lines count from 1, 0 is the whole file; `column` is a CSV column or a YAML key path.
    """

    file: str
    line: int
    column: str
    text: str

    def __str__(self) -> str:
        """Return the problem as `file:line: column: text`."""
        place = self.file + (f":{self.line}" if self.line else "")
        return f"{place}: {self.column}: {self.text}" if self.column else f"{place}: {self.text}"


class UsageError(GonogoError):
    """The command's own words are wrong."""

    exit_code = EXIT_USAGE


class SourceError(GonogoError):
    """Files that people write are wrong; carries every problem of every file read."""

    exit_code = EXIT_USAGE

    def __init__(self, problems: Sequence[Problem], hint: str = "") -> None:
        self.problems = tuple(sorted(set(problems)))
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the source files", hint)


class DriftError(SourceError):
    """Committed features differ from what their sources compile to."""


class TargetError(GonogoError):
    """The target could not be reached, or the way to it broke."""

    exit_code = EXIT_UNREACHABLE


class RefusedError(GonogoError):
    """A guard refuses what was asked for; nothing was sent."""

    exit_code = EXIT_USAGE


class EvidenceError(GonogoError):
    """Evidence, a signature or a trust file does not hold what it claims."""

    exit_code = EXIT_UNVERIFIED


class LedgerError(EvidenceError):
    """The ledger cannot be relied on: a broken chain, or storage that cannot create exclusively."""


class SigningKeyError(UsageError):
    """A key that should sign cannot be used, or nobody says which one should."""


class GateInputError(UsageError):
    """What was handed to a gate or a statistic cannot be judged: no categories, other categories, a bad level."""


class LedgerAccessError(LedgerError):
    """The ledger's storage could not be reached, read or written; nothing is known of what it holds."""

    exit_code = EXIT_UNREACHABLE


class LockError(RefusedError):
    """The lock of an environment is held by another, or was lost to another."""
