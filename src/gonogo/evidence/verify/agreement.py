"""Whether the files of a bundle tell the same story: outcomes, decision, JUnit, Allure, load and gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gonogo.evidence.bundle import DECISION, OUTCOMES, PLANNED, TRIGGERS, strict_json
from gonogo.evidence.record import read_records
from gonogo.evidence.verify.faults import Fault
from gonogo.model.decision import Decision, decide
from gonogo.model.outcome import CheckClass, CheckResult, Outcome, PlannedCheck, SourceRef, merge_results
from gonogo.model.reconcile import reconcile
from gonogo.model.trigger import TriggerState, trigger_from_json, trigger_to_json

_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
# Files of other measurements list checks as {case, check, outcome}; each must be in the decision as it is there.
LISTED = ("load.json", "gates.json")
# The title of a page stands among its first lines.
_HEAD = 10_000
_TITLE_WITHIN = {"decision.md": 1, "report.html": 12}


@dataclass(frozen=True, slots=True)
class Story:
    """What the planned set and the outcomes come to, recomputed; `merged` has one result for each check.

    `record` is decision.json.
    """

    record: Mapping[str, Any]
    results: Sequence[CheckResult]
    merged: Sequence[CheckResult]
    decision: Decision
    triggers: Sequence[TriggerState] = ()


def recompute(folder: Path) -> tuple[Story | None, list[Fault]]:
    """Return the story that the outcomes tell, or the faults that keep it from being told."""
    faults = []
    planned: list[PlannedCheck] = []
    record: Any = None
    try:
        planned = parse_planned(strict_json((folder / PLANNED).read_bytes()))
    except _UNREADABLE as error:
        faults.append(Fault("planned/unreadable", PLANNED, f"cannot be read: {type(error).__name__}."))
    else:
        if not planned:
            faults.append(Fault("planned/empty", PLANNED, "plans no check; nothing planned is never a success."))
        if len({check.key for check in planned}) != len(planned):
            faults.append(Fault("planned/twice", PLANNED, "plans a check twice."))
    try:
        record = strict_json((folder / DECISION).read_bytes())
        _ = [(check["case"], check["check"], check["outcome"]) for check in record["checks"]]
        _ = (record["decision"], record["deciding"], record["counts"], record["runs"][0])
    except (*_UNREADABLE, IndexError) as error:
        faults.append(Fault("decision/unreadable", DECISION, f"cannot be read: {type(error).__name__}."))
    if not (folder / OUTCOMES).is_file():
        faults.append(Fault("outcomes/unreadable", OUTCOMES, "is not there."))
    triggers: list[TriggerState] = []
    try:
        if (folder / TRIGGERS).is_file():
            triggers = [trigger_from_json(one) for one in strict_json((folder / TRIGGERS).read_bytes())["triggers"]]
    except _UNREADABLE as error:
        faults.append(Fault("triggers/unreadable", TRIGGERS, f"cannot be read: {type(error).__name__}."))
    if faults:
        return None, faults
    results = reconcile(planned, read_records(folder / OUTCOMES), "")
    return Story(record, results, merge_results(results), decide(results, triggers=triggers), triggers), []


def parse_planned(data: Mapping[str, Any]) -> list[PlannedCheck]:
    """Return the planned checks of a planned.json; raises `KeyError`, `ValueError` or `TypeError`."""
    return [
        PlannedCheck(
            str(one["case"]),
            str(one["check"]),
            CheckClass(one["class"]),
            SourceRef(str(one["source"]["file"]), int(one["source"]["line"])),
            str(one["part"]),
        )
        for one in data["checks"]
    ]


def check_decision(story: Story) -> list[Fault]:
    """Return a fault for everything in decision.json that the outcomes do not say."""
    record, decision = story.record, story.decision
    faults = []
    if record["decision"] != decision.verb.value:
        why = "; ".join(decision.reasons[:3]) or "every check passed"
        text = f"says {record['decision']}; the outcomes in {OUTCOMES} make it {decision.verb.value} ({why})."
        faults.append(Fault("decision/verb", DECISION, text))
    if record["counts"] != decision.counts:
        text = f"counts {_pairs(record['counts'])}; {OUTCOMES} comes to {_pairs(decision.counts)}."
        faults.append(Fault("decision/counts", DECISION, text))
    if list(record["deciding"]) != list(decision.deciding):
        text = f"names {len(record['deciding'])} deciding checks; {OUTCOMES} comes to {len(decision.deciding)} others."
        faults.append(Fault("decision/deciding", DECISION, text))
    if record.get("triggers", []) != [trigger_to_json(one) for one in story.triggers]:
        faults.append(Fault("decision/triggers", DECISION, f"tells other triggers than {TRIGGERS}."))
    if not _same_reasons(record.get("reasons"), story):
        faults.append(Fault("decision/reasons", DECISION, f"gives other reasons than {OUTCOMES} comes to."))
    theirs = {f"{check['case']}/{check['check']}": check for check in record["checks"]}
    ours = {result.id: result for result in story.merged}
    if len(theirs) != len(record["checks"]):
        faults.append(Fault("decision/checks", DECISION, "lists a check twice."))
    for name in sorted(set(theirs) | set(ours)):
        faults += _compare(name, theirs.get(name), ours.get(name))
    return faults


def _same_reasons(shown: object, story: Story) -> bool:
    """Return whether the reasons are those of the outcomes, but for why checks did not run, which no outcome says."""
    ours = story.decision.reasons
    if not isinstance(shown, list) or len(shown) != len(ours):
        return False
    idle = tuple(f"{one.id}: " for one in story.merged if one.outcome is Outcome.NOT_RUN)
    return all(one == other or one.startswith(idle) for one, other in zip(ours, shown, strict=True))


def _pairs(counts: object) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) if isinstance(counts, dict) else "nothing"


def _compare(name: str, theirs: Mapping[str, Any] | None, ours: CheckResult | None) -> list[Fault]:
    if theirs is None or ours is None:
        where = DECISION if theirs is None else f"{PLANNED} and {OUTCOMES}"
        other = f"{PLANNED} and {OUTCOMES}" if theirs is None else DECISION
        return [Fault("decision/checks", DECISION, f"{name} is in {other} and not in {where}.")]
    shown: dict[str, Any] = {
        "outcome": ours.outcome.name,
        "class": ours.cls.value,
        "reasons": list(ours.reasons),
        "expected": ours.expected,
        "observed": ours.observed,
        "source": {"file": ours.source.file, "line": ours.source.line},
    }
    if ours.outcome is Outcome.NOT_RUN:
        # Why it did not run is told by how the run ended, which only the decision records.
        shown["reasons"] = theirs.get("reasons")
    differ = [key for key, value in shown.items() if theirs.get(key) != value]
    if not differ:
        return []
    if "outcome" in differ:
        text = f"{name} is {theirs.get('outcome')} in {DECISION} and {ours.outcome.name} by {PLANNED} and {OUTCOMES}."
    else:
        text = f"{name} differs in {', '.join(differ)} between {DECISION} and {OUTCOMES}."
    return [Fault("decision/checks", DECISION, text)]


def check_page(folder: Path, story: Story) -> list[Fault]:
    """Return a fault where a page for people has another decision in its title."""
    words = story.decision.verb.value.replace("_", "-")
    faults = []
    for name, begins in (("decision.md", f"# {words}: "), ("report.html", f"<title>{words}: ")):
        path = folder / name
        if not path.is_file():
            continue
        with path.open("rb") as file:
            head = file.read(_HEAD).decode("utf-8", "replace")
        if not any(line.startswith(begins) for line in head.split("\n")[: _TITLE_WITHIN[name]]):
            text = f"its title is not that of the decision {words} of {OUTCOMES}."
            faults.append(Fault("page/decision", name, text))
    return faults


def check_listed(folder: Path, story: Story) -> list[Fault]:
    """Return a fault for every check of a load or gates file that the decision tells otherwise."""
    ours = {result.id: result.outcome.name for result in story.merged}
    faults = []
    for name in LISTED:
        if not (folder / name).is_file():
            continue
        try:
            checks = strict_json((folder / name).read_bytes())["checks"]
            found = {f"{one['case']}/{one['check']}": str(one["outcome"]) for one in checks}
        except _UNREADABLE as error:
            faults.append(Fault("listed/unreadable", name, f"cannot be read: {type(error).__name__}."))
            continue
        for check, outcome in sorted(found.items()):
            if ours.get(check) != outcome:
                text = f"{check} is {outcome} in {name} and {ours.get(check, 'not planned')} by {OUTCOMES}."
                faults.append(Fault("listed/outcome", name, text))
    return faults
