"""`gonogo trust`: sign and check the file that says who may sign what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from gonogo.evidence.trust import Trust

trust_app = typer.Typer(
    name="trust",
    help="Sign and check trust.yaml: who may sign what.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@trust_app.command("sign")
def sign(
    file: Annotated[Path, typer.Argument(help="The trust file.")] = Path("trust.yaml"),
    key: Annotated[str | None, typer.Option("--key", help="Printed name, keyid or file of the root key.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Sign without being asked.")] = False,
) -> None:
    """Sign a trust file with the root key that it names; the signature is written beside it.

    Examples:

        gonogo trust sign trust.yaml --key "Release Root"
    """
    from gonogo.cli.output import print_line
    from gonogo.cli.signing import confirm, require_key
    from gonogo.evidence.trust import describe_trust, sign_trust

    signer = require_key(key)
    confirm(describe_trust(file), yes=yes)
    print_line(f"Signed {sign_trust(file, signer)}")
    print_line(f"Pin this root out of band: {signer.public.keyid}")


@trust_app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="The trust file.")] = Path("trust.yaml"),
    root: Annotated[str | None, typer.Option("--root", help="Keyid of the root key, given to you out of band.")] = None,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Check a trust file, its signature and its expiry, and show who may sign what; 4 where it does not hold.

    Examples:

        gonogo trust check trust.yaml --root 4f8c2a6d9b1e3f5078a1c2d3e4f5061728394a5b6c7d8e9f0a1b2c3d4e5f6071

        gonogo trust check --format json
    """
    import json
    import os
    from datetime import UTC, datetime

    from gonogo.cli.output import check_format, print_line
    from gonogo.cli.signing import find_project
    from gonogo.evidence.trust import find_root, load_trust

    check_format(format_)
    now, project = datetime.now(UTC), find_project()
    pinned = find_root(root, os.environ, project.trust_root if project else None)
    trust = load_trust(file, now=now, root=pinned)
    if format_ == "json":
        print_line(json.dumps(_to_json(trust, now), ensure_ascii=False, indent=1))
        return
    for line in _lines(trust, now):
        print_line(line)


def _to_json(trust: Trust, now: datetime) -> dict[str, Any]:
    def identities(listed: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": one.name,
                "roles": list(one.roles),
                "keys": [
                    {"keyid": keyid, "valid": not against, "why_not": against}
                    for keyid, against in _keys(trust, one, now)
                ],
            }
            for one in listed
        ]

    return {
        "schema": "gonogo/trust-check/v1",
        "version": trust.file.version,
        "sha256": trust.sha256,
        "root": trust.root.keyid,
        "expires": trust.expires.isoformat(),
        "people": identities(trust.people),
        "machines": identities(trust.machines),
        "systems": {
            name: [rule.model_dump(mode="json") for rule in rules] for name, rules in trust.file.systems.items()
        },
    }


def _lines(trust: Trust, now: datetime) -> list[str]:
    left = (trust.expires - now).days
    lines = [
        f"version {trust.file.version}, expires {trust.expires:%Y-%m-%d %H:%M} UTC ({left} days left)",
        f"root    {trust.root.keyid}",
        f"sha256  {trust.sha256}",
    ]
    for what, listed in (("person", trust.people), ("machine", trust.machines)):
        for one in listed:
            lines.append(f"{what:7} {one.name}: {', '.join(one.roles)}")
            for keyid, against in _keys(trust, one, now):
                lines.append(f"        {keyid}" + (f"  does not count: {against}" if against else ""))
    for system, rules in trust.file.systems.items():
        for rule in rules:
            asked = "; ".join(f"{one.count} of {' or '.join(one.roles)}" for one in rule.approvals)
            lines.append(f"{system} stages {', '.join(rule.stages)} in {', '.join(rule.environments)}: {asked}")
    return lines


def _keys(trust: Trust, identity: Any, now: datetime) -> list[tuple[str, str]]:
    from gonogo.evidence.keys import PublicKey

    keys = [PublicKey.from_base64(one.public) for one in identity.keys]
    return [(key.keyid, trust.explain_key(key, now, now)) for key in keys]
