"""What is written down about a rollback: rollback.json, its entries in the ledger, and the commands that come next."""

from __future__ import annotations

import json
import shlex
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gonogo.errors import GonogoError
from gonogo.model.flags import TEMPLATE_PREFIX, is_towards_safe
from gonogo.release.effect import Effect
from gonogo.release.incident_note import render_incident
from gonogo.release.stored_flags import flags_json
from gonogo.run.flagjournal import flag_json
from gonogo.targets.interface import NotAvailable

if TYPE_CHECKING:
    from gonogo.release.course import Course
    from gonogo.release.post_rollback import PackResult

SCHEMA = "gonogo/rollback/1"
RECORD = "rollback.json"
INCIDENT = "incident.md"
# Not the exchanges of a run: those come after its plan was signed, and a rollback waits for no plan.
CALLS = "calls.jsonl"
_SHOWN_TEMPLATES = 5


def format_moment(at: float) -> str:
    """Return seconds since the epoch as UTC to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def open_folder(course: Course) -> Path:
    """Return a folder for the record: the bundle's place in the project, or a temporary one where that is barred."""
    folder = course.request.project_root / "evidence" / course.request.system / course.id
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        course.notes.append(f"{folder} cannot be made ({error.strerror}); the record lies in a temporary folder")
        folder = Path(tempfile.mkdtemp(prefix=f"gonogo-rollback-{course.id}-"))
    return folder


def begun_payload(course: Course) -> dict[str, Any]:
    """Return the entry of a rollback that has begun; a second one tells how it ended."""
    return {"phase": "begun", **_who(course), "flags": _wanted(course)}


def ended_payload(course: Course, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of a rollback that has ended."""
    keys = ("effect", "time_to_safe", "before", "after", "incomplete", "exit_code", "first_write_at", "ended")
    pack = record["pack"]
    told = {key: record[key] for key in (*keys, "folder")}
    return {"phase": "ended", **_who(course), "flags": _wanted(course), **told, "pack": pack["decision"]}


def _who(course: Course) -> dict[str, Any]:
    request = course.request
    return {
        "rollback": course.id,
        "option": request.option,
        "environment": request.environment,
        "kind": course.switch.environment.kind.value,
        "trigger": request.trigger,
        "automatic": request.automatic,
        "who": request.who,
        "why": request.why,
    }


def _wanted(course: Course) -> dict[str, Any]:
    return {flag: flag_json(value) for flag, value in course.chosen.wanted.items()}


def write_begun(course: Course, folder: Path) -> None:
    """Write what is known once the writes are out, so that a rollback that is killed is not lost."""
    record = {"schema": SCHEMA, "id": course.id, "system": course.request.system, "phase": "begun", **_who(course)}
    record |= {"first_write_at": format_moment(course.writer.first_write_at), "writes": _writes(course)}
    _write(course, folder / RECORD, json.dumps(record, indent=1) + "\n")


def build_record(course: Course, pack: PackResult, commands: tuple[str, ...], code: int) -> dict[str, Any]:
    """Return rollback.json: who, when, why, from, to, before, after, every write, the effect and what comes next."""
    request, effect, writer = course.request, course.effect, course.writer
    before = course.before.wait(0.0)
    build, release = _identity(course)
    return {
        "schema": SCHEMA,
        "id": course.id,
        "system": request.system,
        "phase": "ended",
        **_who(course),
        "name": course.chosen.name,
        "template": request.template,
        "intent": request.intent,
        "began": format_moment(writer.first_write_at),
        "first_write_at": format_moment(writer.first_write_at),
        "ended": format_moment(datetime.now(UTC).timestamp()),
        "build": build,
        "release": release,
        "from": {flag: flag_json(before[flag]) for flag in writer.writes if flag in before}
        if isinstance(before, dict)
        else {},
        "to": _wanted(course),
        "before": flags_json(before),
        # Read while the writes went out: what differs from the value written was certainly there before.
        "before_uncertain": _uncertain(course, before),
        "after": flags_json(course.after),
        "writes": _writes(course),
        "incomplete": list(writer.refused),
        "effect": effect.effect.value if effect else Effect.FAILED.value,
        "reason": effect.reason if effect else "",
        "time_to_safe": round(effect.time_to_safe, 3) if effect and effect.time_to_safe is not None else None,
        "propagation_deadline": course.switch.environment.timing.propagation_deadline,
        "flags_shown": {
            flag: {"outcome": one.outcome.name, "expected": one.expected, "observed": one.observed}
            for flag, one in (effect.verdicts.items() if effect else ())
        },
        "probes": {
            "sent": effect.sent,
            "decided": effect.decided,
            "contradicted": effect.contradicted,
            "interval": round(effect.interval, 3),
            "tickets": list(effect.tickets),
        }
        if effect
        else None,
        "lock": {"held": course.ledger.held, "taken_from": course.ledger.taken_from},
        "voided": [{"flag": one.flag, "old": one.old, "new": one.new, "run": one.run} for one in course.ledger.voided],
        "ledger_entries": list(course.ledger.entries),
        "pack": pack.to_json(),
        "notes": list(course.notes),
        "timeline": [{"at": format_moment(at), "what": text} for at, text in sorted(course.timeline)],
        "next": list(commands),
        "exit_code": code,
        "folder": course.id,
    }


def _uncertain(course: Course, before: Mapping[str, Any] | str) -> list[str]:
    if isinstance(before, str):
        return []
    return [flag for flag, write in course.writer.writes.items() if before.get(flag) == write.value]


def _identity(course: Course) -> tuple[str | None, str | None]:
    try:
        found = course.switch.target.read_identity()
    except GonogoError as error:
        course.notes.append(f"what is deployed was not read: {error.message}")
        return None, None
    return (None, None) if isinstance(found, NotAvailable) else (found.value.build, found.value.release)


def _writes(course: Course) -> list[dict[str, Any]]:
    return [
        {
            "flag": write.flag,
            "value": flag_json(write.value),
            "outcome": "accepted" if write.accepted else "failed",
            "attempts": [
                {"at": format_moment(one.at), "seconds": round(one.seconds, 3), "error": one.error}
                for one in list(write.attempts)
            ],
        }
        for write in list(course.writer.writes.values())
    ]


def write_record(course: Course, record: Mapping[str, Any], folder: Path) -> None:
    """Write rollback.json, incident.md and the calls that were made; where that fails, it is told."""
    _write(course, folder / RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    _write(course, folder / INCIDENT, render_incident(record, course.plan.follow_ups))
    lines = [json.dumps(exchange, separators=(",", ":")) + "\n" for exchange in list(course.switch.exchanges)]
    _write(course, folder / CALLS, "".join(lines))


def _write(course: Course, path: Path, text: str) -> None:
    half = path.with_name(f"{path.name}.half")
    try:
        half.write_bytes(text.encode("utf-8", "replace"))
        half.replace(path)
    except OSError as error:
        course.tell(f"{path} could not be written ({error.strerror})")


def next_commands(course: Course, effect: Effect) -> tuple[str, ...]:
    """Return what to run next: where the option did not do it, the further ones with what is known filled in."""
    request = course.request
    base = f"gonogo rollback {shlex.quote(request.system)} --env {shlex.quote(request.environment)}"
    if request.environments is not None:
        base += f" --environments {shlex.quote(str(request.environments))}"
    again = f"{base} --option {request.option}"
    again += f" --template {request.template}" if request.template else ""
    again += f" --intent {request.intent}" if request.intent else ""
    status = f"gonogo status {shlex.quote(request.system)}"
    if effect is Effect.PROVEN:
        return (again, status) if course.writer.refused else (status,)
    if effect is Effect.NOT_PROVEN:
        return (again,)
    commands = [] if request.option == "A" else [f"{base} --option A"]
    if request.option == "A":
        commands += _template_commands(course, base)
    # What is deployed is what has to go; a release that is known to have been there before is for a person to name.
    return (*commands, f"{base} --option C --previous-release PREVIOUS")


def _template_commands(course: Course, base: str) -> list[str]:
    flags = course.after if isinstance(course.after, dict) else course.before.wait(0.0)
    enabled = [
        flag.removeprefix(TEMPLATE_PREFIX)
        for flag, value in (flags.items() if isinstance(flags, dict) else ())
        if flag.startswith(TEMPLATE_PREFIX) and not is_towards_safe(flag, False, value)
    ]
    shown = [f"{base} --option B --template {name}" for name in sorted(enabled)[:_SHOWN_TEMPLATES]]
    return shown if shown and len(enabled) <= _SHOWN_TEMPLATES else [*shown, f"{base} --option B --template TEMPLATE"]
