"""`gonogo seal`: seal what a run left unsealed, and pack a bundle as a zip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def seal(
    bundle: Annotated[Path, typer.Argument(help="The folder of a run.")],
    key: Annotated[
        str | None, typer.Option("--key", help="Name or file of the key that signs [default: the configured one].")
    ] = None,
    zip_: Annotated[Path | None, typer.Option("--zip", help="Write the bundle with its approvals as a zip.")] = None,
) -> None:
    """Scan a run's folder, close its set of files and sign it; `gonogo run` does so by itself where it has a key.

    A run that was not sealed by the key that signed its planned set cannot be made whole afterwards; sealing again is
    for what was interrupted. What changed after it was sealed is refused.

    Examples:

        gonogo seal evidence/richpanel/20261121T040400Z-275e12

        gonogo seal evidence/richpanel/20261121T040400Z-275e12 --zip bundle.zip
    """
    import os
    from datetime import UTC, datetime

    from gonogo.cli.output import print_line
    from gonogo.evidence.approval_folder import level_with_ledger
    from gonogo.evidence.archive import write_zip
    from gonogo.evidence.seal import UNSIGNED, read_identity, seal_folder
    from gonogo.evidence.statement import read_facts
    from gonogo.run.sealing import prepare_sealer, scan_terms
    from gonogo.sources.project import Project

    system, run_id = read_identity(bundle)
    project = Project.from_path(Path.cwd())
    sealer = prepare_sealer(project, system, key)
    terms = scan_terms(project.load_system(system), run_id, os.environ, None)
    done = seal_folder(bundle, sealer.key, terms, ledger=sealer.ledger, now=datetime.now(UTC))
    if done.signer == UNSIGNED:
        print_line(f"UNSIGNED  {done.files} files, {done.size:,} bytes; no signing key is configured")
    else:
        entry = f", ledger {system}#{done.entry.number}" if done.entry else ""
        print_line(f"Sealed by {done.signer}: {done.files} files, {done.size:,} bytes{entry}")
    if zip_ is not None:
        if done.signer != UNSIGNED:
            # What people signed where the files are not comes along.
            level_with_ledger(bundle, read_facts(bundle), sealer.ledger, datetime.now(UTC))
        write_zip(bundle, zip_)
        print_line(f"Packed {zip_}")
