"""`gonogo approve` and `gonogo reject`: a named person signs off a bundle, or stops it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_BUNDLE = typer.Argument(help="Folder of a sealed bundle, SYSTEM#NUMBER of its ledger, or the id of its run.")
_KEY = typer.Option("--key", help="Printed name, keyid or file of your key [default: the only one].")
_ROLE = typer.Option("--role", help="The role in which you sign [default: your only one].")
_TRUST = typer.Option("--trust", envvar="GONOGO_TRUST", help="trust.yaml [default: the project's].")
_ROOT = typer.Option("--root", help="Keyid of the key that signs trust.yaml, given to you out of band.")
_YES = typer.Option("--yes", help="Sign without being asked; the statement is shown all the same.")
_FORMAT = typer.Option("--format", help="text or json.")


def approve(
    bundle: Annotated[str, _BUNDLE],
    meaning: Annotated[str, typer.Option("--meaning", help="approval, review or rejection.")] = "approval",
    comment: Annotated[str, typer.Option("--comment", help="One line that is signed with it.")] = "",
    role: Annotated[str | None, _ROLE] = None,
    key: Annotated[str | None, _KEY] = None,
    trust: Annotated[Path | None, _TRUST] = None,
    root: Annotated[str | None, _ROOT] = None,
    yes: Annotated[bool, _YES] = False,
    format_: Annotated[str, _FORMAT] = "text",
) -> None:
    """Sign off a sealed bundle: verify it, show exactly what is signed, ask, sign, and tell what is still missing.

    The record goes beside the bundle, under approvals/, and into the ledger. Refused: a bundle that does not verify or
    is UNSIGNED, an approval of anything but a GO, a key or a role that trust.yaml does not give you, and your own run
    or deployment.

    Examples:

        gonogo approve evidence/richpanel/20261121T040400Z-275e12 --role qa_lead --comment "Looked at every reply."

        gonogo approve richpanel#12 --meaning review

        gonogo approve 20261121T040400Z-275e12 --key "Ana Ferreira" --yes
    """
    _sign(bundle, meaning, comment, role, key, trust, root, yes=yes, format_=format_)


def reject(
    bundle: Annotated[str, _BUNDLE],
    comment: Annotated[str, typer.Option("--comment", help="Why, in one line.")],
    role: Annotated[str | None, _ROLE] = None,
    key: Annotated[str | None, _KEY] = None,
    trust: Annotated[Path | None, _TRUST] = None,
    root: Annotated[str | None, _ROOT] = None,
    yes: Annotated[bool, _YES] = False,
    format_: Annotated[str, _FORMAT] = "text",
) -> None:
    """Reject a sealed bundle. A rejection stays: no later approval removes it, only another bundle is without it.

    Examples:

        gonogo reject evidence/richpanel/20261121T040400Z-275e12 --comment "The reply names the wrong carrier."

        gonogo reject richpanel#12 --comment "Soak was cut short." --yes
    """
    _sign(bundle, "rejection", comment, role, key, trust, root, yes=yes, format_=format_)


def _sign(
    bundle: str,
    meaning: str,
    comment: str,
    role: str | None,
    key_name: str | None,
    trust_path: Path | None,
    root: str | None,
    *,
    yes: bool,
    format_: str,
) -> None:
    from datetime import UTC, datetime

    from gonogo.cli.output import check_format
    from gonogo.cli.signing import (
        choose_role,
        confirm,
        find_project,
        find_subject,
        print_signed,
        require_key,
        require_trust,
    )
    from gonogo.errors import UsageError
    from gonogo.evidence.approval_record import Meaning
    from gonogo.evidence.desk import prepare_approval, sign_and_file
    from gonogo.sources.suggest import suggest

    check_format(format_)
    if meaning not in set(Meaning):
        raise UsageError(f"--meaning is {meaning!r}; {suggest(meaning, set(Meaning))}")
    if meaning == Meaning.REJECTION and not comment.strip():
        raise UsageError("a rejection needs a comment: why?")
    now, project = datetime.now(UTC), find_project()
    trust = require_trust(trust_path, root, project, now)
    key = require_key(key_name)
    subject = find_subject(bundle, project, trust, now)
    record = prepare_approval(
        subject,
        trust,
        key,
        meaning=Meaning(meaning),
        role=choose_role(role, trust, key),
        comment=comment,
        now=now,
    )
    confirm(record.statement, yes=yes)
    signed = sign_and_file(subject, record, key, datetime.now(UTC))
    print_signed(subject, signed, record.name, trust, now, as_json=format_ == "json")
