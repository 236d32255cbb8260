"""Bundles of known content for the tests of pages, written by the renderers that a run uses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from report_data import HOSTILE, check, facts

from gonogo.evidence.approval_folder import write_record_file
from gonogo.evidence.approval_record import Meaning, sign_bound_record, with_statement
from gonogo.evidence.bundle import MANIFEST, digest_file, digest_files, list_bundle, manifest_bytes
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.seal import ScanTerms, seal_folder, sign_planned
from gonogo.model.decision import decide
from gonogo.model.outcome import CheckClass, CheckResult, Outcome, SourceRef, merge_results
from gonogo.model.results import result_to_json
from gonogo.model.trigger import TriggerState, trigger_to_json
from gonogo.reports.allure import AllureCase, write_allure_results
from gonogo.reports.decision_record import build_decision_record
from gonogo.reports.junit import render_junit
from gonogo.reports.markdown import render_decision
from gonogo.run.pages import write_pages

KEY = SigningKey.from_seed(hashlib.sha256(b"runner of the page tests").digest(), "Rita Runner")
APPROVER = SigningKey.from_seed(hashlib.sha256(b"approver of the page tests").digest(), "Ana Ferreira")
AT = datetime(2026, 1, 2, 3, 5, 5, tzinfo=UTC)
FILES = Path(__file__).parent / "page_files"
PLAN = (FILES / "plan.yaml").read_text("utf-8")
GATES = {
    "schema": "gonogo/gates/1",
    "gates": [
        {
            "id": "GATE-ack",
            "outcome": "PASSED",
            "class": "required",
            "value": 0.0331613470669,
            "compared": 0.0331613470669,
            "limit": 0.5,
            "comparison": "at_most",
            "n": 4200,
            "interval": {"low": 0.031, "high": 0.0358, "level": 0.95, "method": "Wilson"},
            "baseline": 0.03,
            "unit": "s",
            "sentence": "acknowledgement p95 0.0331613 s ≤ 0.5 s (limit), n=4,200",
            "reasons": [],
        },
        {
            "id": "GATE-age",
            "outcome": "INCONCLUSIVE",
            "class": "required",
            "value": None,
            "compared": None,
            "limit": 300,
            "comparison": "below",
            "n": None,
            "interval": None,
            "baseline": None,
            "unit": "s",
            "sentence": "no_data: nothing was measured",
            "reasons": ["no_data: nothing was measured"],
        },
    ],
    "checks": [],
    "decision": "HOLD",
    "deciding": ["GATE-age/gate"],
    "reasons": [],
}
LOAD = {
    "schema": "gonogo/load/1",
    "profile": "baseline",
    "asked_rate": 0.0586,
    "achieved_rate": 0.0586,
    "sent": 211,
    "percentiles": {"ack": {"p50": 12.25, "p95": 480.5, "p99": 1420.0}},
    "errors": [{"class": "429", "count": 3, "vendor": "crm"}, {"class": "5xx", "count": 0, "vendor": "llm"}],
    "checks": [],
}
PLOT = (FILES / "plot.svg").read_text("utf-8")
HOSTILE_PLOT = (FILES / "hostile.svg").read_text("utf-8")


def rows_of(*names: str, **more: Any) -> dict[str, dict[str, Any]]:
    """Return the facts of rows as planned.json has them: every second one an escalation."""
    return {
        name: {
            "mode": "tier1_automation" if index % 2 else "tier0_safety",
            "channel": "livechat" if index % 2 else "email",
            "intent": "order_status_tracking" if index % 2 else "legal_threat",
            "tier": index % 2,
            "message": f"Where is my order? This is message {name}.",
            **more,
        }
        for index, name in enumerate(names)
    }


def write_bundle(
    folder: Path,
    results: Sequence[CheckResult],
    *,
    rows: Mapping[str, Mapping[str, Any]] | None = None,
    titles: Mapping[str, str] | None = None,
    documents: Mapping[str, Any] | None = None,
    pictures: Mapping[str, str] | None = None,
    triggers: Sequence[TriggerState] = (),
    plan: str = PLAN,
    key: SigningKey | None = None,
    scanned: bool = True,
    exempt: Sequence[str] = (),
    **changes: Any,
) -> Path:
    """Write a whole bundle with its page; `scanned=False` lists its files without asking the scanner."""
    folder.mkdir(parents=True)
    known = {} if rows is None else rows
    names = titles or {}
    cases = dict.fromkeys(one.case for one in results)
    planned = {
        "run": "run-1",
        "schema": "gonogo/planned/1",
        "system": "richpanel",
        "stage": "2",
        "cases": [
            {
                "id": case,
                "name": f"[{case}] {names.get(case, 'A case')}",
                "admitted": True,
                "refused": "",
                "source": {"file": "smoke_cases/richpanel/smoke.csv", "line": 7},
                "expects": {
                    "reply": "no reply (the row expects none)",
                    "action": "route_only",
                    "flags": "",
                    "control": None,
                },
                "row": known.get(case),
            }
            for case in cases
        ],
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
    _write(folder / "planned.json", planned)
    (folder / "plan.yaml").write_text(plan, "utf-8")
    values = {"signer": key.public.keyid if key else "UNSIGNED", "triggers": triggers, **changes}
    known_facts = facts(release="2026.11.2", target={"kind": "staging", "aliases": {}}, environment="staging", **values)
    if key is not None:
        identity = {
            "run": "run-1",
            "system": "richpanel",
            "stage": "2",
            "environment": "staging",
            "release": "2026.11.2",
        }
        digest = digest_file(folder / "plan.yaml")[1]
        sign_planned(folder, identity, {"smoke_cases/richpanel/plan.yaml": digest}, key, AT - timedelta(minutes=2))
    lines = [json.dumps(result_to_json(one)) + "\n" for one in results]
    (folder / "outcomes.jsonl").write_text("".join(lines), "utf-8")
    if triggers:
        _write(folder / "triggers.json", {"triggers": [trigger_to_json(one) for one in triggers]})
    decision = decide(results, triggers=triggers)
    record = build_decision_record(known_facts, decision, merge_results(results))
    record["leftovers"] = [{"ticket": "t-17", "case": "ST-001", "why": "it could not be closed"}]
    record["time_to_safe"] = [{"flag": "safe_mode", "value": True, "seconds": 0.651, "seen": True}]
    record["waivers"] = [{"check": "ST-002/template", "owner": "Ana Ferreira", "reason": "Wording is agreed."}]
    record["next"] = "gonogo run richpanel --stage 2 --env staging"
    _write(folder / "decision.json", record)
    page = render_decision(record, record["next"])
    (folder / "decision.md").write_bytes(page.encode("utf-8", "replace"))
    junit_titles = {case: f"[{case}] {names.get(case, 'A case')}" for case in cases}
    junit = render_junit("gonogo.richpanel", results, junit_titles, known_facts.started, 14.2)
    (folder / "junit.xml").write_text(junit, "utf-8")
    write_allure_results(folder / "allure-results", [AllureCase(case, case) for case in cases], results, {}, 1)
    for name, data in (documents or {}).items():
        _write(folder / name, data)
    for name, text in (pictures or {}).items():
        (folder / name).write_text(text, "utf-8")
    write_pages(folder)
    if scanned:
        seal_folder(folder, key, ScanTerms(exempt=exempt), ledger=None, now=AT)
    else:
        (folder / MANIFEST).write_bytes(manifest_bytes(digest_files(folder, list_bundle(folder).closed)))
    return folder


def _write(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, indent=1) + "\n", "utf-8")


def _attested(case: str, outcome: Outcome, observed: str, reason: str = "") -> CheckResult:
    source = SourceRef("smoke_cases/richpanel/go_no_go.md", 12)
    reasons = (reason,) if reason else ()
    return CheckResult(
        case, "attested", outcome, CheckClass.REQUIRED, source, reasons, "a person answers for it as qa_lead", observed
    )


GREEN = [
    check(name="ST-001/intent", reason=""),
    check(name="ST-001/reply", cls=CheckClass.SAFETY, reason=""),
    check(name="ST-002/intent", reason=""),
    check(name="ST-003/intent", reason=""),
    _attested(
        "GNG-3", Outcome.PASSED, "passed by Ana Ferreira (qa_lead) on 2026.11.2, 2026-01-02 02:00 UTC: looked at it"
    ),
]
# One case for each outcome: what is there for every one of them must show.
MIXED = [
    *(
        check(outcome, f"ST-{100 + outcome}/intent", reason=f"seen as {outcome.name}: p95 612 ms > 500 ms, n=4,200")
        for outcome in Outcome
    ),
    check(Outcome.FAILED, "ST-200/reply", CheckClass.SAFETY, "a reply went out: t_refund"),
    check(Outcome.PASSED, "ST-200/intent"),
    check(Outcome.INCONCLUSIVE, "ST-201/logs", CheckClass.PRIVACY, "not_observable: the target shows no logs"),
    check(Outcome.FAILED, "ADV-1/cost", CheckClass.ADVISORY),
    _attested("GNG-3", Outcome.PENDING, "", "nobody has answered for it yet"),
]
FIRED = (
    TriggerState(
        "TRG-LOOP", "immediate", True, "2026-01-02T03:04:30+00:00", ("7 replies in one conversation > 3 (limit)",), "A"
    ),
    TriggerState("TRG-ERRORS", "evaluation", False, None, (), "C"),
)


def write_all(folder: Path) -> dict[str, Path]:
    """Write one bundle of each kind and return them by name."""
    rows = rows_of("ST-001", "ST-002", "ST-003", *(f"ST-{100 + outcome}" for outcome in Outcome), "ST-200", "ST-201")
    go = write_bundle(folder / "go", GREEN, rows=rows, key=KEY, run_by="Rita Runner", deployed_by=("Dora Deployer",))
    approve(go)
    return {
        "go": go,
        "no-go": write_bundle(folder / "no-go", MIXED, rows=rows, documents={"gates.json": GATES}, scanned=False),
        "load": write_bundle(
            folder / "load",
            GREEN,
            rows=rows,
            documents={"load.json": LOAD, "gates.json": {**GATES, "gates": GATES["gates"][:1]}},
            pictures={"load-ack.svg": PLOT, "canary.svg": PLOT},
            activity="load",
            scanned=False,
        ),
        "watch": write_bundle(
            folder / "watch",
            GREEN,
            triggers=FIRED,
            documents={
                "watch.json": {"schema": "gonogo/watch/1", "polls": 40, "rules": [{"id": "W-LOOP", "value": 7}]}
            },
            activity="watch",
        ),
        "stage": write_bundle(
            folder / "stage",
            MIXED,
            documents={"gathered.json": {"bundles": [{"run": "run-7", "activity": "load", "decision": "GO"}]}},
            activity="stage",
            gathered=("run-7", "run-8"),
        ),
        "hostile": write_hostile(folder / "hostile"),
    }


def write_hostile(folder: Path) -> Path:
    """Write a bundle in which every text that anybody may write is hostile."""
    texts = list(HOSTILE.values())
    results = [
        CheckResult(
            f"ST-{index}",
            "reply",
            Outcome.FAILED if index % 2 else Outcome.PASSED,
            CheckClass.REQUIRED,
            SourceRef(text[:300], 3),
            (text, text[::-1][:5000]),
            text,
            text,
        )
        for index, text in enumerate(texts)
    ]
    rows = {
        f"ST-{index}": {
            "mode": text[:50],
            "channel": text[:50],
            "intent": text[:80],
            "tier": index % 3,
            "message": text,
        }
        for index, text in enumerate(texts)
    }
    titles = {f"ST-{index}": text for index, text in enumerate(texts)}
    attack = HOSTILE["markup"] + HOSTILE["bidi"] + HOSTILE["cdata"] + HOSTILE["lines"]
    return write_bundle(
        folder,
        results,
        rows=rows,
        titles=titles,
        documents={
            "load.json": {attack: attack, "list": [{attack: attack}], "deep": {"a": {"b": {"c": {"d": attack}}}}},
            "gates.json": {
                "gates": [{"id": attack, "outcome": attack, "sentence": attack, "value": attack, "unit": attack}]
            },
        },
        pictures={"load.svg": HOSTILE_PLOT, "broken.svg": "<svg", "bomb.svg": '<!DOCTYPE x [<!ENTITY a "b">]><svg/>'},
        plan=PLAN.replace("Kill switch", "Kill <script>alert(1)</script> switch"),
        not_tested=[{"case": attack, "why": attack}],
        notes=[attack, "\x1b[31mred\x1b[0m"],
        holes=[attack],
        run_by=attack,
        deployed_by=(attack,),
        build={"before": attack, "after": None},
        flags={"before": {attack: attack}, "after": {attack: [attack]}},
        scanned=False,
    )


def approve(folder: Path) -> None:
    """Put a signed approval and a record with a fault beside a bundle."""
    record = with_statement(
        {
            "name": APPROVER.name,
            "role": "release_approver",
            "at": AT + timedelta(hours=1),
            "bundle": "run-1",
            "system": "richpanel",
            "stage": "2",
            "environment": "staging",
            "release": "2026.11.2",
            "manifest_sha256": digest_file(folder / MANIFEST)[1],
            "policy_sha256": "a" * 64,
            "previous": "",
            "meaning": Meaning.APPROVAL,
            "comment": "Looked at every reply.",
            "decision": "GO",
            "expires": AT + timedelta(hours=25),
            "waivers": (),
        }
    )
    write_record_file(folder, 1, "approval", sign_bound_record(record, APPROVER))
