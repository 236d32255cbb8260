"""Flags after a crash: what a run borrowed and did not return, read from its journal."""

from __future__ import annotations

from typing import Any

from gonogo.errors import TargetError
from gonogo.evidence.record import Recorder, Stream, read_records
from gonogo.model.environment import Kind
from gonogo.model.flags import ABSENT, FlagValue, describe_value, is_towards_safe, order_changes
from gonogo.run.flagboard import flag_json
from gonogo.run.redaction import build_redactor
from gonogo.run.setup import RunSetup
from gonogo.run.targets import open_target
from gonogo.targets.interface import NotAvailable


def return_flags(setup: RunSetup) -> list[str]:
    """Return what a dead child left borrowed to the stage's state, where it still holds what the run wrote.

    Only towards safe, except on kind sandbox; returns a sentence for every flag that a person has to look at.
    """
    ours = read_written(read_records(setup.folder / Stream.FLAGS.value))
    if not ours:
        return []
    redactor = build_redactor(setup)
    recorder = Recorder(setup.folder, redactor)
    notes: list[str] = []
    try:
        target = open_target(setup, recorder, redactor)
        current = target.read_flags()
        if isinstance(current, NotAvailable):
            return [redactor.text(f"FLAGS LEFT: {', '.join(ours)}: the flags cannot be read: {current.reason}")]
        stage = setup.stage.flag_state(setup.system.vocabulary)
        wanted = {name: stage[name] for name in ours if name in stage}
        for name in order_changes({name: current.value.get(name, ABSENT) for name in wanted}, wanted):
            now = current.value.get(name, ABSENT)
            if now != ours[name]:
                notes.append(f"FLAGS LEFT: {name} is {describe_value(now)}; somebody changed it since")
            elif setup.environment.kind is not Kind.SANDBOX and not is_towards_safe(name, now, wanted[name]):
                back = describe_value(wanted[name])
                notes.append(
                    f"FLAGS LEFT: {name} stays {describe_value(now)}; set it back to {back} by hand if that is right"
                )
            else:
                try:
                    target.set_flag(name, wanted[name])
                except TargetError as error:
                    notes.append(f"FLAGS LEFT: {name} could not be returned: {error.message}")
                    continue
                entry = {"flag": name, "old": flag_json(now), "new": flag_json(wanted[name]), "state": "recovered"}
                recorder.record(Stream.FLAGS, entry)
    except TargetError as error:
        notes.append(f"FLAGS LEFT: {', '.join(ours)} could not be returned: {error.message}")
    finally:
        recorder.close()
    return [redactor.text(note) for note in notes]


def read_written(records: list[dict[str, Any]]) -> dict[str, FlagValue]:
    """Return the last value that the run wrote, or meant to write, for each flag of its journal."""
    written: dict[str, FlagValue] = {}
    for record in records:
        if record.get("state") in ("intended", "written"):
            value = record["new"]
            written[record["flag"]] = (
                ABSENT if value == "absent" else tuple(value) if isinstance(value, list) else value
            )
    return written
