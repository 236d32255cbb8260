"""`gonogo verify`: check a bundle offline."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import timedelta

    from gonogo.evidence.trust import Trust
    from gonogo.evidence.verify.result import Verification


def verify(
    bundle: Annotated[Path, typer.Argument(help="A bundle: the folder of a run, or a zip of it.")],
    trust: Annotated[
        Path | None, typer.Option("--trust", envvar="GONOGO_TRUST", help="trust.yaml [default: the project's].")
    ] = None,
    root: Annotated[
        str | None, typer.Option("--root", help="Keyid of the key that signs trust.yaml, given to you out of band.")
    ] = None,
    release: Annotated[str | None, typer.Option("--release", help="The release that it must be about.")] = None,
    env: Annotated[str | None, typer.Option("--env", help="The environment that it must be about.")] = None,
    stage: Annotated[str | None, typer.Option("--stage", help="The stage that it must be about.")] = None,
    now: Annotated[
        str | None, typer.Option("--now", help="Judge as of this time, such as 2026-11-21T12:00:00Z.")
    ] = None,
    max_age: Annotated[
        str | None, typer.Option("--max-age", help="How old evidence may be, such as 24h [default: trust.yaml's].")
    ] = None,
    require: Annotated[
        str | None, typer.Option("--require", help="approved: exit 3 where approvals are missing.")
    ] = None,
    allow_unsigned: Annotated[
        bool, typer.Option("--allow-unsigned", help="Check an UNSIGNED bundle as far as that goes.")
    ] = False,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Check everything that a bundle claims: signature, files, outcomes, decision, freshness, approvals. Works offline.

    Names every fault at once, with the file and the rule. Exits 4 on any fault, else with the code of the decision:
    GO 0, NO-GO 1, HOLD 3; with `--require approved`, 3 where a GO lacks approvals.

    Examples:

        gonogo verify evidence/richpanel/20261121T040400Z-275e12

        gonogo verify bundle.zip --trust trust.yaml --root KEYID --release 2026.11.2 --env production --stage 2

        gonogo verify bundle.zip --require approved --format json
    """
    from gonogo.cli.output import check_format, parse_moment
    from gonogo.errors import EXIT_GO, EXIT_HOLD, EXIT_NO_GO, EXIT_UNVERIFIED, UsageError
    from gonogo.evidence.archive import open_bundle
    from gonogo.evidence.verify.result import Terms, verify_bundle
    from gonogo.model.decision import Verb

    check_format(format_)
    if require not in (None, "approved"):
        raise UsageError(f"--require is {require!r}; allowed: approved")
    moment = parse_moment("--now", now)
    terms = Terms(
        moment,
        _find_trust(trust, root, moment),
        release=release,
        environment=env,
        stage=stage,
        max_age=_parse_age(max_age),
        allow_unsigned=allow_unsigned,
    )
    with open_bundle(bundle) as folder:
        result = verify_bundle(folder, terms)
    _print(result, str(bundle), as_json=format_ == "json")
    if result.faults or result.decision is None:
        raise typer.Exit(EXIT_UNVERIFIED)
    if require and result.decision.verb is Verb.GO and not result.approved:
        raise typer.Exit(EXIT_HOLD)
    raise typer.Exit({Verb.GO: EXIT_GO, Verb.HOLD: EXIT_HOLD, Verb.NO_GO: EXIT_NO_GO}[result.decision.verb])


def _parse_age(text: str | None) -> timedelta | None:
    from gonogo.errors import UsageError
    from gonogo.model.trust import parse_duration

    try:
        return parse_duration(text) if text is not None else None
    except ValueError as error:
        raise UsageError(f"--max-age is {text!r}; {error}") from error


def _find_trust(path: Path | None, root: str | None, now: datetime) -> Trust | None:
    """Return the trust file that was named, or the project's where one lies there; None where there is none."""
    import os

    from gonogo.errors import UsageError
    from gonogo.evidence.trust import find_root, load_trust
    from gonogo.sources.project import Project

    configured = None
    try:
        project = Project.from_path(Path.cwd())
    except UsageError:
        project = None
    if project is not None:
        configured = project.trust_root
        if path is None and (project.root / "trust.yaml").is_file():
            path = project.root / "trust.yaml"
    pinned = find_root(root, os.environ, configured)
    if path is None:
        if root is not None:
            raise UsageError("--root is given and there is no trust file", "Name it with --trust.")
        return None
    return load_trust(path, now=now, root=pinned)


def _print(result: Verification, bundle: str, *, as_json: bool) -> None:
    import json

    from gonogo.cli.output import print_line
    from gonogo.reports.markdown import WORDS

    if as_json:
        print_line(json.dumps(result.to_json(bundle), indent=1, ensure_ascii=False))
        return
    facts = result.facts
    decision = WORDS[result.decision.verb.value] if result.decision else "no decision can be told"
    print_line(f"{'HOLDS' if result.valid else 'DOES NOT VERIFY'}  {bundle}")
    for fault in result.faults:
        print_line(f"  FAULT {fault.rule}  {fault.file}: {fault.detail}")
    if facts is not None:
        place = f"{facts.system} stage {facts.stage} {facts.environment}, release {facts.release or 'not named'}"
        print_line(f"  {decision}  {place}")
        print_line(f"  decided {facts.decided_at.isoformat()}, signed by {result.signer}")
    else:
        print_line(f"  {decision}  UNSIGNED")
    if result.sealed and result.decision and result.sealed.verb is not result.decision.verb:
        print_line(f"  sealed as {WORDS[result.sealed.verb.value]}; waivers in force make it {decision}")
    for waiver in result.waivers:
        print_line(f"  WAIVED {waiver.check}: {waiver.sentence}")
    for note in result.notes:
        print_line(f"  {note}")
    if result.approvals is not None:
        for state in result.approvals.records:
            print_line(f"  {state.sentence}")
        if result.approved:
            print_line("  APPROVED")
        else:
            for reason in result.approvals.reasons:
                print_line(f"  NOT APPROVED: {reason}")
