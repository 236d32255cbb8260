"""What a change touches, asked of Git."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gonogo.errors import UsageError

_ZEROS = re.compile("0{40,64}")


@dataclass(frozen=True, slots=True)
class Change:
    """The files that differ from `base`, as paths of the project, sorted.

    `base` is the commit that the change branched off from; None where the revision could not be resolved, for which
    `why` gives the reason: then nothing is known of what was changed.
    """

    base: str | None
    files: tuple[str, ...]
    why: str = ""


def read_change(root: Path, revision: str) -> Change:
    """Return what the working tree changed since it branched off from a revision, files not yet committed included.

    Raises `UsageError` where the project is not in a Git repository.
    """
    if _git(root, "rev-parse", "--is-inside-work-tree") is None:
        raise UsageError(f"{root.name} is not in a Git repository", "Run it in a clone; it compares with a revision.")
    if _ZEROS.fullmatch(revision):
        return Change(None, (), f"{revision[:12]}… names no commit, as for a new branch")
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit is None:
        return Change(None, (), f"{revision!r} cannot be resolved here; a shallow clone lacks what came before")
    base = _git(root, "merge-base", commit, "HEAD")
    if base is None:
        return Change(None, (), f"{revision!r} and HEAD have no common commit here")
    # Against the working tree; renames show as both names, since both places may matter.
    changed = _git(root, "diff", "--name-only", "--no-renames", "--relative", "-z", base)
    untracked = _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    if changed is None or untracked is None:
        return Change(None, (), "Git could not compare the working tree")
    return Change(base, tuple(sorted({*_split(changed), *_split(untracked)})))


def read_file_at(root: Path, commit: str, path: str) -> bytes | None:
    """Return a file of the project as it was in a commit, None where it was not there."""
    done = subprocess.run(["git", "show", f"{commit}:./{path}"], cwd=root, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def list_files(root: Path) -> list[str]:
    """Return every file of the project that Git does not ignore, those not yet committed included."""
    listed = _git(root, "ls-files", "--cached", "--others", "--exclude-standard", "-z") or ""
    return [name for name in dict.fromkeys(_split(listed)) if (root / name).is_file()]


def list_files_at(root: Path, commit: str) -> list[str]:
    """Return every file of the project in a commit."""
    return _split(_git(root, "ls-tree", "-r", "--name-only", "-z", commit) or "")


def _split(text: str) -> list[str]:
    return [name for name in text.split("\0") if name]


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise UsageError("git is not installed", "Install it: apt-get install git.") from error
    return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n") if done.returncode == 0 else None
