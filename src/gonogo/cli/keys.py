"""`gonogo keys`: make and show the keys by which people sign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gonogo.evidence.key_store import StoredKey

keys_app = typer.Typer(
    name="keys",
    help="Make and show the keys by which people and machines sign.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@keys_app.command("new")
def new_key(
    name: Annotated[str, typer.Option("--name", help="Your printed name, as trust.yaml will hold it.")],
    file: Annotated[
        bool, typer.Option("--file", help="Keep it in an encrypted file, also where there is a keyring.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where that file is written [default: the key folder].")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Make an Ed25519 key and keep it in the keyring of the operating system, or in an encrypted file.

    The passphrase of a file is asked for twice, or taken from GONOGO_SIGNING_KEY_PASSPHRASE.

    Examples:

        gonogo keys new --name "Ana Ferreira"

        gonogo keys new --name "Ana Ferreira" --file
    """
    import os
    import sys

    from gonogo.cli.output import check_format
    from gonogo.evidence.key_store import KeyStore, check_name, has_keyring
    from gonogo.evidence.keys import SigningKey

    check_format(format_)
    store = KeyStore.from_environ(os.environ, ask=_ask_twice)
    key = SigningKey.generate(check_name(name))
    if file or out is not None or not has_keyring():
        if not file and out is None:
            sys.stderr.write("There is no keyring here; the key is kept in an encrypted file.\n")
        stored = store.add_file(key, out)
    else:
        stored = store.add(key)
    _print([stored], as_json=format_ == "json")


@keys_app.command("list")
def list_keys(format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text") -> None:
    """List the keys of the key folder: printed name, keyid, and where the secret is.

    Examples:

        gonogo keys list

        gonogo keys list --format json
    """
    import json
    import os

    from gonogo.cli.output import check_format, print_line
    from gonogo.evidence.key_store import KeyStore

    check_format(format_)
    stored = KeyStore.from_environ(os.environ).keys()
    if format_ == "json":
        print_line(json.dumps({"schema": "gonogo/keys/v1", "keys": [_to_json(one) for one in stored]}, indent=1))
        return
    if not stored:
        print_line('There is no key here. Make one: gonogo keys new --name "Printed Name"')
    for one in stored:
        print_line(f"{one.public.keyid}  {one.place:7}  {one.name}")


@keys_app.command("show")
def show_key(
    name: Annotated[str, typer.Argument(help="The printed name or the keyid.")],
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Show the public half of a key: its keyid, and what to paste into trust.yaml.

    Examples:

        gonogo keys show "Ana Ferreira"
    """
    import os

    from gonogo.cli.output import check_format
    from gonogo.evidence.key_store import KeyStore

    check_format(format_)
    _print([KeyStore.from_environ(os.environ).find(name)], as_json=format_ == "json")


def _print(stored: list[StoredKey], *, as_json: bool) -> None:
    import json

    from gonogo.cli.output import print_line

    for one in stored:
        if as_json:
            print_line(json.dumps(_to_json(one), ensure_ascii=False, indent=1))
            continue
        print_line(f"keyid   {one.public.keyid}")
        print_line(f"stored  {one.place}: {one.path}")
        print_line("For trust.yaml, under people:")
        print_line(f'  - name: "{one.name}"')
        print_line("    roles: [...]")
        print_line("    keys:")
        print_line(f'      - public: "{one.public.to_base64()}"')


def _to_json(one: StoredKey) -> dict[str, str]:
    return {
        "name": one.name,
        "keyid": one.public.keyid,
        "public": one.public.to_base64(),
        "stored": one.place,
        "path": str(one.path),
    }


def _ask_twice(prompt: str) -> str:
    import getpass
    import sys

    from gonogo.errors import SigningKeyError

    if not sys.stdin.isatty():
        hint = "Set GONOGO_SIGNING_KEY_PASSPHRASE."
        raise SigningKeyError("a new key needs a passphrase and nobody can be asked", hint)
    first = getpass.getpass(prompt)
    if getpass.getpass("Once more: ") != first:
        raise SigningKeyError("the two passphrases differ")
    return first
