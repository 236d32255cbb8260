"""`gonogo rollback`: turn off what misbehaves, least disruptive first, and show that it is off."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from gonogo.release.rollback_request import RollbackReport, RollbackRequest
    from gonogo.sources.lone_rollback import LoneRollback


def rollback(
    system: Annotated[str, typer.Argument(help="The system to roll back, such as richpanel.")],
    option: Annotated[
        str | None, typer.Option("--option", help="A: kill switch. B: one template or intent. C: previous version.")
    ] = None,
    env: Annotated[
        str | None, typer.Option("--env", envvar="GONOGO_ENV", help="Environment of environments.yaml.")
    ] = None,
    template: Annotated[str | None, typer.Option("--template", help="Option B: the template to turn off.")] = None,
    intent: Annotated[str | None, typer.Option("--intent", help="Option B: the intent whose templates go off.")] = None,
    by: Annotated[
        str | None, typer.Option("--by", envvar="GONOGO_RUN_BY", help="Printed name of who rolls back.")
    ] = None,
    why: Annotated[str, typer.Option("--why", help="What was seen.")] = "",
    trigger: Annotated[
        str | None, typer.Option("--trigger", help="Trigger of the plan; without --option it picks the option.")
    ] = None,
    environments: Annotated[Path | None, typer.Option("--environments", help="Another environments.yaml.")] = None,
    release: Annotated[
        str | None, typer.Option("--release", envvar="GONOGO_RELEASE", help="Option C: the release to verify.")
    ] = None,
    previous_release: Annotated[
        str | None, typer.Option("--previous-release", help="Option C: the release to go back to.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Option C: a further placeholder, NAME=VALUE; repeatable.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Option C: the commands were run; look what came of them.")
    ] = False,
    why_table: Annotated[bool, typer.Option("--why-table", help="Show which trigger leads to which option.")] = False,
    key: Annotated[
        str | None, typer.Option("--key", help="Name or file of the key that signs [default: the configured one].")
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="text or json: one object on stdout, the same as rollback.json.")
    ] = "text",
) -> None:
    """Perform a rollback option, prove it by its effect, and write down what was done and when.

    Option A stops all customer-facing automation. It needs no stage, role, approval, lock, valid plan or confirmation:
    only an address on the list of allowed hosts. Option B turns off one template, or those of one intent. Option C
    prints the commands of the plan and never runs them; with --verify it looks what is deployed afterwards.

    Examples:

        gonogo rollback richpanel --option A --env production --why "replies repeat"

        gonogo rollback richpanel --option B --template t_missing_items_intake --env production

        gonogo rollback richpanel --option B --intent refund_request --env production

        gonogo rollback richpanel --trigger TRG-LOOP --env production

        gonogo rollback richpanel --option C --env production --previous-release 2026.11.1

        gonogo rollback richpanel --option C --env production --verify --release 2026.11.1

        gonogo rollback richpanel --why-table

    Ends with 0 where the effect was proven, 3 where it was performed and not proven (or a write is missing), 1 where it
    has no effect or the cases run afterwards fail, 5 where nothing could be reached.
    """
    from gonogo.cli.output import check_format
    from gonogo.errors import UsageError
    from gonogo.release.rollback_request import RollbackRequest
    from gonogo.sources.lone_rollback import read_lone_rollback

    check_format(format_)
    root = _find_root(Path.cwd())
    plan_file = root / "smoke_cases" / system / "plan.yaml"
    if why_table:
        _print_table(read_lone_rollback(plan_file, plan_file.name), as_json=format_ == "json")
        return
    if env is None:
        raise UsageError("nobody says where: --env is missing", "Name the environment: --env production.")
    if option is None:
        option = choose_option(read_lone_rollback(plan_file, plan_file.name), trigger)
    request = RollbackRequest(
        root,
        system,
        env,
        option.upper(),
        by or _name_of_user(),
        why,
        template=template,
        intent=intent,
        environments=environments.resolve() if environments else None,
        trigger=trigger,
        release=release,
        previous_release=previous_release,
        verify=verify,
        values=_parse_values(set_ or ()),
        key_name=key,
    )
    _perform(request, as_json=format_ == "json")


def _perform(request: RollbackRequest, *, as_json: bool) -> None:
    import json

    from gonogo.cli.output import print_line
    from gonogo.release.rollback import roll_back

    def tell(text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    report = roll_back(request, tell=tell)
    if as_json:
        print_line(json.dumps(report.record, ensure_ascii=False, indent=1))
    elif report.record["phase"] == "proposed":
        _print_proposal(report.record)
    else:
        _print_report(report, request)
    raise typer.Exit(report.exit_code)


def _find_root(start: Path) -> Path:
    """Return the project's folder without reading its settings: what is wrong in them must not stop a kill switch."""
    from gonogo.errors import UsageError

    for folder in (start, *start.parents):
        if (folder / "smoke_cases").is_dir():
            return folder
    raise UsageError(f"no smoke_cases/ folder here or above: {start}", "Run gonogo inside a project.")


def _name_of_user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"


def _parse_values(pairs: list[str] | tuple[()]) -> dict[str, str]:
    from gonogo.errors import UsageError

    values = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name or not value:
            raise UsageError(f"--set {pair!r} is not NAME=VALUE")
        values[name] = value
    return values


def choose_option(plan: LoneRollback, trigger: str | None) -> str:
    """Return the option that the plan names for a trigger; raises `UsageError` where there is none."""
    from gonogo.errors import UsageError
    from gonogo.sources.suggest import suggest

    if trigger is None:
        hint = "Name it: --option A stops all automation, --option B one template, --option C prints commands."
        raise UsageError("nobody says which option", hint)
    found = {one.id: one for one in plan.triggers}
    if trigger not in found:
        raise UsageError(
            f"trigger {trigger!r} is not in the plan; {suggest(trigger, found)}", "Or name the option: --option A."
        )
    return found[trigger].option


def _print_table(plan: LoneRollback, *, as_json: bool) -> None:
    import json

    from gonogo.cli.output import print_line

    rows = [
        {"id": one.id, "name": one.name, "kind": one.kind.value, "option": one.option, "rule": one.rule}
        for one in plan.triggers
    ]
    options = {name: {"name": one.name, "note": one.note} for name, one in sorted(plan.options.items())}
    if as_json:
        print_line(json.dumps({"triggers": rows, "options": options}, ensure_ascii=False, indent=1))
        return
    width = max((len(str(row["id"])) for row in rows), default=0)
    for row in rows:
        print_line(f"{row['id']:<{width}}  {row['kind']:<10}  {row['option']}  {row['name']}")
    if not rows:
        print_line("the plan names no trigger")
    for name, one in sorted(plan.options.items()):
        print_line(f"{name}: {one.name}{'. ' if one.note else ''}{one.note}")
    for problem in plan.problems[:5]:
        sys.stderr.write(f"{problem}\n")


def _print_proposal(record: Mapping[str, Any]) -> None:
    from gonogo.cli.output import print_line

    print_line(f"Option C ({record['name']}): nothing was run. Run these yourself, in this order:")
    for command in record["commands"]:
        print_line(f"  {command}")
    if record["missing"]:
        print_line(f"MISSING: {', '.join(record['missing'])} (--previous-release, --release or --set NAME=VALUE)")
    if record["destroys"]:
        print_line(f"DESTROYS: {record['destroys']}")
    if record["note"]:
        print_line(f"Note: {record['note']}")
    print_line(f"Then: {record['next'][0]}")


def _print_report(report: RollbackReport, request: RollbackRequest) -> None:
    from gonogo.cli.output import print_line

    record = report.record
    heads = {
        "proven": "PROVEN",
        "not_proven": "PERFORMED, NOT PROVEN",
        "no_effect": "NO EFFECT",
        "failed": "FAILED",
    }
    safe = f", safe after {report.time_to_safe:.1f} s" if report.time_to_safe is not None else ""
    head = heads[report.effect]
    print_line(f"{head}: option {record['option']} ({record['name']}) on {record['environment']}{safe}")
    print_line(f"  {record['reason']}")
    for write in record["writes"]:
        print_line(f"  {_describe_write(write)}")
    print_line(f"  {record['pack']['sentence']}")
    for note in record["notes"]:
        print_line(f"  note: {note}")
    print_line(f"  record: {request.shown(report.folder)}/rollback.json, incident.md ({report.sealed})")
    if report.next_commands:
        print_line("Next:")
    for command in report.next_commands:
        print_line(f"  {command}")


def _describe_write(write: Mapping[str, Any]) -> str:
    from gonogo.run.flagjournal import describe_json

    text = f"{write['flag']}={describe_json(write['value'])}"
    if write["outcome"] == "accepted":
        return f"{text} accepted"
    attempts = write["attempts"]
    error = attempts[-1]["error"] if attempts else "no answer"
    return f"{text} NOT WRITTEN after {len(attempts)} attempt(s): {error}"
