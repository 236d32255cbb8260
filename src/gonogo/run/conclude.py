"""Records → results → decision → the files that say why."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.errors import GonogoError
from gonogo.evidence.record import Recorder, Stream, read_records
from gonogo.evidence.seal import UNSIGNED, Seal
from gonogo.model.coverage import measure_coverage
from gonogo.model.decision import Decision, decide
from gonogo.model.environment import Kind
from gonogo.model.outcome import CheckResult, Outcome, merge_results
from gonogo.model.reconcile import reconcile
from gonogo.reports.allure import AllureCase, write_allure_results, write_allure_setting
from gonogo.reports.decision_record import RunFacts, build_decision_record
from gonogo.reports.junit import render_junit
from gonogo.reports.markdown import render_decision
from gonogo.run.flagboard import read_times_to_safe
from gonogo.run.pages import write_pages
from gonogo.run.redaction import build_redactor
from gonogo.run.setup import RunSetup
from gonogo.run.targets import open_target
from gonogo.run.tickets import describe_leftovers, read_leftovers


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run came to; `record` is decision.json. `seal_error` says why the bundle could not be sealed.

    `troubled` says that flags were left or another took the environment over: then the run is no success.
    """

    decision: Decision
    record: dict[str, Any]
    folder: Path
    checks: tuple[CheckResult, ...]
    interrupted: bool
    next_command: str
    seal: Seal | None = None
    seal_error: GonogoError | None = None
    troubled: bool = False


def note_leftovers(folder: Path) -> list[str]:
    """Return a sentence for every flag that the run could not return."""
    return [
        f"FLAGS LEFT: {record['state']}"
        for record in read_records(folder / Stream.PROGRESS.value)
        if record.get("phase") == "left"
    ]


_EXIT_WORDS = {
    0: "pytest ran to its end",
    1: "pytest ran to its end",
    2: "pytest was interrupted or stopped early",
    3: "pytest met an internal error",
    4: "pytest refused its arguments",
    5: "pytest collected nothing",
}


def conclude_run(
    setup: RunSetup,
    code: int,
    interrupted: bool,
    started: datetime,
    clock: float,
    notes: Sequence[str],
    pytest_args: Sequence[str],
    signer: str = UNSIGNED,
) -> RunReport:
    folder, plan = setup.folder, setup.plan
    # Where nothing ran at all there is no record; that too is told by a file, and not by the lack of one.
    (folder / Stream.OUTCOMES.value).touch()
    why = _EXIT_WORDS.get(code, f"the child process died with {code}")
    why += f" (arguments: {' '.join(pytest_args)})" if pytest_args else ""
    results = reconcile(plan.checks, read_records(folder / Stream.OUTCOMES.value), why)
    decision = decide(results)
    checks = tuple(merge_results(results))
    finished = datetime.now(UTC)
    leftovers = read_leftovers(folder)
    facts = RunFacts(
        system=setup.system.name,
        stage=setup.stage.id,
        environment=setup.request.environment,
        release=setup.request.release,
        run_id=setup.request.run_id,
        started=started.isoformat(timespec="seconds"),
        finished=finished.isoformat(timespec="seconds"),
        build=_last(folder, Stream.PROGRESS, "phase", "build", ("before", "after")),
        flags=_last(folder, Stream.FLAGS, "state", "compared", ("before", "after")),
        target=_describe_target(setup),
        not_tested=_not_tested(setup, checks),
        holes=_holes(setup),
        expectations={
            scenario.id: {
                "reply": str(scenario.expectation.reply),
                "action": scenario.expectation.action.value if scenario.expectation.action else None,
            }
            for scenario in plan.admitted
            if scenario.expectation is not None
        },
        counts_for_stage=setup.request.counts,
        notes=[*notes, *describe_leftovers(leftovers)],
        signer=signer,
        run_by=setup.request.run_by,
        deployed_by=setup.request.deployed_by,
        leftovers=leftovers,
        times_to_safe=read_times_to_safe(read_records(folder / Stream.FLAGS.value)),
    )
    record = build_decision_record(facts, decision, checks)
    record["next"] = command = next_command(setup, record)
    write_reports(folder, record, results, _allure_cases(setup), command, time.monotonic() - clock)
    return RunReport(decision, record, folder, checks, interrupted, command)


def write_reports(
    folder: Path,
    record: Mapping[str, Any],
    results: Sequence[CheckResult],
    cases: Sequence[AllureCase],
    command: str,
    seconds: float,
) -> None:
    """Write what people and CI read of a decision: decision.json and .md, JUnit, Allure results and the page."""
    write_json(folder / "decision.json", record)
    _write_text(folder / "decision.md", render_decision(record, command))
    name = f"gonogo.{record['system']}.stage-{record['stage']}"
    bundle, signer = record["bundle"], record["signer"]
    titles = {case.id: case.title for case in cases}
    properties = {"gonogo.run": bundle, "gonogo.signer": signer}
    junit = render_junit(name, results, titles, record["started"], seconds, properties)
    _write_text(folder / "junit.xml", junit)
    labels = {
        "epic": record["system"],
        "stage": record["stage"],
        "environment": record["environment"],
        "run": bundle,
        "signer": signer,
    }
    at_ms = int(datetime.fromisoformat(record["finished"]).timestamp() * 1000)
    write_allure_results(folder / "allure-results", cases, results, labels, at_ms)
    tested = {name: str(record[name] or "") for name in ("system", "stage", "environment", "release", "decision")}
    tested["build"] = str(record["build"].get("before") or "not shown by the target")
    executor = {"name": "gonogo", "type": "gonogo", "buildName": bundle, "reportName": f"{name} {bundle}"}
    write_allure_setting(folder / "allure-results", {**tested, "signer": signer}, executor)
    write_pages(folder)


def _allure_cases(setup: RunSetup) -> list[AllureCase]:
    intents = setup.system.vocabulary.intents
    return [
        AllureCase(
            scenario.id,
            scenario.name,
            [(f"{step.keyword.strip()} {step.text}", check) for step, check in scenario.steps],
            scenario.feature.rsplit("/", 1)[-1],
            scenario.case.mode.value if scenario.case else "",
            str(intents[scenario.case.intent].tier) if scenario.case else "",
            str(scenario.expectation.reply) if scenario.expectation else "",
            scenario.case.team if scenario.case else "",
        )
        for scenario in setup.plan.admitted
    ]


def _describe_target(setup: RunSetup) -> dict[str, Any]:
    redactor = build_redactor(setup)
    recorder = Recorder(setup.folder, redactor)
    target = open_target(setup, recorder, redactor)
    try:
        return {"kind": setup.environment.kind.value, **redactor.value(target.describe())}
    finally:
        target.close()
        recorder.close()


def _last(folder: Path, stream: Stream, key: str, value: str, names: Sequence[str]) -> Mapping[str, Any]:
    found = [record for record in read_records(folder / stream.value) if record.get(key) == value]
    return {name: found[-1].get(name) if found else None for name in names}


def _holes(setup: RunSetup) -> list[str]:
    cases = [scenario.case for scenario in setup.plan.scenarios if scenario.case is not None]
    return [str(hole) for hole in measure_coverage(cases, setup.stage, setup.system.vocabulary).holes]


def _not_tested(setup: RunSetup, checks: Sequence[CheckResult]) -> list[dict[str, str]]:
    entries = [{"case": one.id, "why": one.refused} for one in setup.plan.not_admitted]
    not_run: dict[str, str] = {}
    for check in checks:
        if check.outcome is Outcome.NOT_RUN:
            not_run.setdefault(check.case, "; ".join(check.reasons))
    return entries + [{"case": case, "why": why} for case, why in not_run.items()]


def next_command(setup: RunSetup, record: Mapping[str, Any]) -> str:
    """Return the command that a release driver most likely wants next."""
    system, environment = setup.system.name, setup.request.environment
    stages = [stage.id for stage in setup.system.plan.stages]
    index = stages.index(setup.stage.id)
    again = f"gonogo run {system} --stage {setup.stage.id} --env {environment}"
    release = setup.request.release
    on_ladder = setup.environment.kind is not Kind.SANDBOX and release is not None
    if on_ladder and record["deciding"] and all(name.endswith("/attested") for name in record["deciding"]):
        # What waits for people only is decided later over this very run; nothing is sent again.
        return f"gonogo attest {system} --env {environment} --release {release}"
    if on_ladder and record["decision"] == "GO":
        return f"gonogo decide {system} --stage {setup.stage.id} --env {environment} --release {release}"
    if record["decision"] != "GO":
        case = record["deciding"][0].split("/")[0] if record["deciding"] else ""
        known = case in {scenario.id for scenario in setup.plan.admitted}
        return (
            f"{again} -- -k {case}"
            if known and len({name.split("/")[0] for name in record["deciding"]}) == 1
            else again
        )
    if index + 1 < len(stages):
        return f"gonogo run {system} --stage {stages[index + 1]} --env {environment}"
    return f"less {setup.project.relative(setup.folder / 'decision.md')}"


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write an object as a whole file: a key a line, and of a list of objects each on a line of its own."""
    # json's own indentation is written in Python, and takes seconds for a large pack.
    lines = [f"{json.dumps(key)}: {_render_value(value)}" for key, value in data.items()]
    _write_text(path, "{\n " + ",\n ".join(lines) + "\n}\n")


def _render_value(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n  " + ",\n  ".join(json.dumps(item, ensure_ascii=False) for item in value) + "\n ]"
    return json.dumps(value, ensure_ascii=False)


def _write_text(path: Path, text: str) -> None:
    """Write a whole file or none; half a surrogate pair, which no encoding has, becomes a question mark."""
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(text.encode("utf-8", "replace"))
    temporary.replace(path)
