"""`gonogo attest`: a named person answers for an item of a checklist, or walks through all that is open."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gonogo.cli.output import check_format, print_line

if TYPE_CHECKING:
    from gonogo.evidence.keys import SigningKey
    from gonogo.evidence.trust import Trust
    from gonogo.model.attestation import Attestation
    from gonogo.model.binding import BoundItem
    from gonogo.run.attesting import Answer, Place
    from gonogo.sources.project import Project, System

_RESULT = typer.Option("--result", help="passed, failed or blocked.")


def attest(
    system: Annotated[str, typer.Argument(help="The system, such as richpanel.")],
    item: Annotated[str | None, typer.Argument(help="Id of an item; all that are open if left out.")] = None,
    result: Annotated[str | None, _RESULT] = None,
    by: Annotated[str | None, typer.Option("--by", envvar="GONOGO_NAME", help="Your printed name.")] = None,
    role: Annotated[str | None, typer.Option("--role", envvar="GONOGO_ROLE", help="The role you answer in.")] = None,
    evidence: Annotated[
        list[str] | None, typer.Option("--evidence", help="File to copy, or http(s) link; repeatable.")
    ] = None,
    note: Annotated[str, typer.Option("--note", help="What you saw, in one line.")] = "",
    stage: Annotated[str | None, typer.Option("--stage", help="Walk: only what this stage asks for.")] = None,
    env: Annotated[
        str | None, typer.Option("--env", envvar="GONOGO_ENV", help="Environment [default: of the last run].")
    ] = None,
    release: Annotated[
        str | None, typer.Option("--release", envvar="GONOGO_RELEASE", help="Release [default: of the last run].")
    ] = None,
    environments: Annotated[Path | None, typer.Option("--environments", help="Another environments.yaml.")] = None,
    build: Annotated[str | None, typer.Option("--build", help="Build of the release [default: the release].")] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Name or file of your key, once there is a trust.yaml.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Answer for an item that needs a person; without an item, walk through everything that is still open.

    The answer counts for these words of the item, this release and this environment. Files are copied, never linked.
    A walk can be stopped at any time; what was answered is kept, and the next walk goes on with the rest.

    Examples:

        gonogo attest richpanel QA-A4 --result passed --by "Ana Ferreira" --role support_ops --note "9 of 10 belong"
        --env staging --release 2026.11.2

        gonogo attest richpanel QA-E4 --result failed --by "Bo Lind" --role observer --evidence board.png --note "empty"

        gonogo attest richpanel --stage 1 --by "Ana Ferreira" --role support_ops
    """
    from gonogo.errors import UsageError
    from gonogo.model.attestation import Result
    from gonogo.run.attested import project_trust
    from gonogo.run.attesting import Answer, find_item, find_place, record_answer
    from gonogo.sources.project import Project
    from gonogo.sources.suggest import suggest

    check_format(format_)
    project = Project.from_path(Path.cwd())
    loaded = project.load_system(system, environments=environments)
    place = find_place(project, loaded, env, release, build)
    trust = project_trust(project, datetime.now(UTC))
    signer = _find_signer(trust, key)
    if trust is None:
        sys.stderr.write("There is no trust.yaml: answers are recorded unsigned.\n")
    if item is None:
        if result is not None:
            raise UsageError("--result needs an item", "Name one, or leave --result out to walk through what is open.")
        _walk(project, loaded, place, by, role, stage, trust, signer)
        return
    found = find_item(loaded, item)
    if result not in set(Result):
        raise UsageError(f"--result is {result!r}; {suggest(str(result), set(Result))}")
    name = by or (signer.name if signer is not None else "")
    answer = Answer(Result(result), name or "", role or "", note, tuple(evidence or ()))
    done, entry = record_answer(project, loaded, found, answer, place, trust=trust, key=signer, now=datetime.now(UTC))
    _print_done(found, done, entry.number, as_json=format_ == "json")


def _find_signer(trust: Trust | None, key: str | None) -> SigningKey | None:
    from gonogo.cli.signing import require_key

    return require_key(key) if trust is not None else None


def _print_done(item: BoundItem, done: Attestation, number: int, *, as_json: bool) -> None:
    if as_json:
        data = {
            "schema": "gonogo/attestation/1",
            "item": done.item,
            "result": done.result.value,
            "name": done.name,
            "role": done.role,
            "at": done.at.isoformat(),
            "release": done.release,
            "environment": done.environment,
            "words": done.words,
            "attachments": [{"name": one.name, "sha256": one.sha256, "size": one.size} for one in done.attachments],
            "signed": done.is_signed,
            "entry": number,
        }
        print_line(json.dumps(data, ensure_ascii=False, indent=1))
        return
    files = f", {len(done.attachments)} attached" if done.attachments else ""
    print_line(f"{item.id} {done}{files}; entry {number} of the ledger")


def _walk(
    project: Project,
    system: System,
    place: Place,
    by: str | None,
    role: str | None,
    stage: str | None,
    trust: Trust | None,
    signer: SigningKey | None,
) -> None:
    from gonogo.errors import GonogoError
    from gonogo.run.attesting import record_answer
    from gonogo.run.checklist_status import find_open

    waiting = find_open(project, system, place, stage, trust, datetime.now(UTC))
    if not waiting:
        print_line(f"Nothing is open for {place.release} in {place.environment}.")
        return
    name = by or (signer.name if signer is not None else "") or _ask("Your printed name")
    mine = role or _ask("Your role")
    others = [one for one, _ in waiting if one.manual and one.manual.role not in (None, mine)]
    waiting = [(one, why) for one, why in waiting if one not in others]
    for number, (item, why) in enumerate(waiting, start=1):
        _show(item, why, number, len(waiting))
        while True:
            answer = _ask_answer(name, mine)
            if answer is None:
                break
            try:
                done, entry = record_answer(
                    project, system, item, answer, place, trust=trust, key=signer, now=datetime.now(UTC)
                )
            except GonogoError as error:
                print_line(f"  {error.message}. {error.hint}")
                continue
            _print_done(item, done, entry.number, as_json=False)
            break
    if others:
        print_line(f"{len(others)} more wait for other roles: {', '.join(sorted({_role(one) for one in others}))}.")


def _role(item: BoundItem) -> str:
    return (item.manual.role if item.manual else None) or ""


def _show(item: BoundItem, why: Sequence[str], number: int, total: int) -> None:
    print_line("")
    print_line(f"[{number}/{total}] {item.id}  {item.item.text}")
    print_line(f"  {item.file}:{item.item.line}  {' › '.join(item.item.section)}")
    for text in item.item.steps:
        print_line(f"  - {text}")
    for text in item.item.commands:
        for row in text.split("\n"):
            print_line(f"  $ {row}")
    for text in item.item.expectations:
        print_line(f"  expect: {text}")
    manual = item.manual
    if manual is not None and manual.evidence:
        print_line(f"  wanted: {', '.join(manual.evidence)}")
    for text in why:
        print_line(f"  now: {text}")


def _ask_answer(name: str, role: str) -> Answer | None:
    from gonogo.errors import EXIT_GO
    from gonogo.model.attestation import Result
    from gonogo.run.attesting import Answer

    words: dict[str, Callable[[], Result]] = {
        "p": lambda: Result.PASSED,
        "f": lambda: Result.FAILED,
        "b": lambda: Result.BLOCKED,
    }
    while True:
        said = _ask("  passed, failed, blocked, skip or quit? [p/f/b/s/q]").strip().lower()[:1]
        if said == "q":
            raise typer.Exit(EXIT_GO)
        if said == "s":
            return None
        if said in words:
            break
    files = [
        text for text in (part.strip() for part in _ask("  files or links, separated by commas").split(",")) if text
    ]
    return Answer(words[said](), name, role, _ask("  note"), tuple(_expand(text) for text in files))


def _expand(text: str) -> str:
    return text if "://" in text else str(Path(text).expanduser())


def _ask(question: str) -> str:
    """Ask on the terminal; the end of the input ends the walk like an interrupt, and what was answered is kept."""
    from gonogo.errors import EXIT_INTERRUPTED

    sys.stderr.write(f"{question}: ")
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        sys.stderr.write("\nStopped; what was answered is kept. Run the same command to go on.\n")
        raise typer.Exit(EXIT_INTERRUPTED)
    return line.rstrip("\r\n")
