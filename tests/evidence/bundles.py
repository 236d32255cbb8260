"""Small bundles of known content, written by the renderers that a run uses."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.evidence.bundle import MANIFEST, STATEMENT, digest_file, digest_files, list_bundle, manifest_bytes
from gonogo.evidence.dsse import IN_TOTO, sign_envelope
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.seal import ScanTerms, seal_folder, sign_planned
from gonogo.evidence.statement import build_statement
from gonogo.model.decision import decide
from gonogo.model.outcome import CheckClass, CheckResult, Outcome, SourceRef, merge_results
from gonogo.model.results import result_to_json
from gonogo.reports.allure import AllureCase, write_allure_results
from gonogo.reports.decision_record import RunFacts, build_decision_record
from gonogo.reports.junit import render_junit
from gonogo.reports.markdown import render_decision

KEY = SigningKey.from_seed(hashlib.sha256(b"runner of the tests").digest(), "Rita Runner")
RUN = "20261121T040400Z-275e12"
PLANNED_AT = datetime(2026, 11, 21, 4, 3, tzinfo=UTC)
FINISHED = datetime(2026, 11, 21, 4, 4, 14, tzinfo=UTC)
SEALED_AT = datetime(2026, 11, 21, 4, 4, 15, tzinfo=UTC)
SOURCE = SourceRef("smoke_cases/richpanel/smoke.csv", 7)


def result(case: str, check: str, outcome: Outcome = Outcome.PASSED, cls: str = "required", part: str = "") -> Any:
    """Return a result with a reason where it is not green."""
    reasons = () if outcome is Outcome.PASSED else (f"seen as {outcome.name.lower()}",)
    return CheckResult(case, check, outcome, CheckClass(cls), SOURCE, reasons, "expected", "observed", part)


GREEN = [
    result("ST-001", "intent"),
    result("ST-001", "reply", cls="safety"),
    result("ST-002", "template"),
    result("FLAG-safe_mode", "effect", cls="safety", part="stage"),
    result("FLAG-safe_mode", "effect", cls="safety", part="after the run"),
]


def write_bundle(
    folder: Path,
    results: Sequence[CheckResult] = GREEN,
    *,
    key: SigningKey | None = KEY,
    stage: str = "2",
    environment: str = "staging",
    kind: str = "staging",
    release: str | None = "2026.11.2",
    run_by: str | None = None,
    deployed_by: Sequence[str] = (),
    recorded: Sequence[CheckResult] | None = None,
) -> Path:
    """Write the files of a run into a new folder and seal them; `recorded` leaves outcomes out or adds some."""
    folder.mkdir(parents=True)
    signer = key.public.keyid if key else "UNSIGNED"
    planned = {
        "run": RUN,
        "schema": "gonogo/planned/1",
        "checks": [
            {
                "case": one.case,
                "check": one.check,
                "part": one.part,
                "class": one.cls.value,
                "source": {"file": one.source.file, "line": one.source.line},
            }
            for one in results
        ],
    }
    (folder / "planned.json").write_text(json.dumps(planned, indent=1))
    identity = {"run": RUN, "system": "richpanel", "stage": stage, "environment": environment, "release": release}
    (folder / "plan.yaml").write_text("system: richpanel\nstages: []\n")
    if key is not None:
        sources = {"smoke_cases/richpanel/plan.yaml": digest_file(folder / "plan.yaml")[1]}
        sign_planned(folder, identity, sources, key, PLANNED_AT)
    lines = [json.dumps(result_to_json(one)) + "\n" for one in (results if recorded is None else recorded)]
    (folder / "outcomes.jsonl").write_text("".join(lines))
    (folder / "exchanges.jsonl").write_text('{"at":1795233850.5,"method":"POST","route":"/webhook","status":202}\n')
    decision = decide(results)
    facts = RunFacts(
        system="richpanel",
        stage=stage,
        environment=environment,
        release=release,
        run_id=RUN,
        started="2026-11-21T04:04:00+00:00",
        finished=FINISHED.isoformat(),
        build={"before": "richpanel-sandbox-1", "after": "richpanel-sandbox-1"},
        flags={"before": {}, "after": {}},
        target={"kind": kind},
        not_tested=[],
        holes=[],
        expectations={},
        counts_for_stage=True,
        signer=signer,
        run_by=run_by,
        deployed_by=deployed_by,
    )
    record = build_decision_record(facts, decision, merge_results(results))
    (folder / "decision.json").write_text(json.dumps(record, indent=1) + "\n")
    (folder / "decision.md").write_text(render_decision(record, "gonogo run richpanel --stage 3 --env staging"))
    titles = {one.case: f"[{one.case}] A case" for one in results if one.case.startswith("ST")}
    (folder / "junit.xml").write_text(render_junit("gonogo.richpanel", results, titles, facts.started, 14.2))
    cases = [AllureCase(case, title, [("Then it is so", "")]) for case, title in titles.items()]
    write_allure_results(folder / "allure-results", cases, results, {"epic": "richpanel"}, 1795233854227)
    seal_folder(folder, key, ScanTerms(), ledger=None, now=SEALED_AT)
    return folder


def reseal(folder: Path, key: SigningKey = KEY) -> None:
    """Sign whatever lies in the folder now, as somebody with a valid key could by hand; checks nothing."""
    for name in (MANIFEST, STATEMENT):
        (folder / name).unlink(missing_ok=True)
    record = json.loads((folder / "decision.json").read_text())
    manifest = manifest_bytes(digest_files(folder, list_bundle(folder).closed))
    (folder / MANIFEST).write_bytes(manifest)
    digest = hashlib.sha256(manifest).hexdigest()
    payload = build_statement(record, digest, key.public, sealed_at=SEALED_AT.isoformat(), ledger=None)
    (folder / STATEMENT).write_bytes(sign_envelope(payload, IN_TOTO, [key]).to_bytes())


def copy_bundle(source: Path, target: Path) -> Path:
    """Return a copy that a test may break; links stay links."""
    return Path(shutil.copytree(source, target, symlinks=True))


def files_of(folder: Path) -> list[str]:
    """Return every file of a bundle."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
