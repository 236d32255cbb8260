"""Results, facts and hostile texts for the tests of reports."""

from __future__ import annotations

from typing import Any

from gonogo.model.decision import decide
from gonogo.model.outcome import CheckClass, CheckResult, Outcome, SourceRef, merge_results
from gonogo.reports.decision_record import RunFacts, build_decision_record

HOSTILE = {
    "controls": "".join(map(chr, range(0x20))) + "\x7f\x80\x9f",
    "surrogates": "\ud800 \udfff x\ud83d",
    "noncharacters": "\ufffe\uffff",
    "emoji": "👩‍👩‍👧 ☂️ 🚚",
    "cdata": "]]> <![CDATA[ <!-- --> <?x?> &amp; &#0; & < > \" '",
    "table": "a | b || c \\| d \\",
    "markup": "# x\n- [ ] y\n```\n<script>alert(1)</script> **b** _i_ ~~s~~ ![i](http://x) [l](javascript:1) <http://a>",
    "lines": "one\r\ntwo\u2028three\x85four\n\n## What decided\n\nEvery check passed.",
    "bidi": "\u202eabc\u2066",
    "empty": "",
    "megabyte": "ä|" * 500_000,
}


def check(
    outcome: Outcome = Outcome.PASSED,
    name: str = "ST-001/intent",
    cls: CheckClass = CheckClass.REQUIRED,
    reason: str | None = None,
    part: str = "",
    line: int = 7,
) -> CheckResult:
    case, kind = name.split("/", 1)
    text = reason if reason is not None else f"it {outcome.name.lower()}"
    return CheckResult(
        case, kind, outcome, cls, SourceRef("smoke_cases/smoke.csv", line), (text,), "expected", "observed", part
    )


def facts(**changes: Any) -> RunFacts:
    values: dict[str, Any] = {
        "system": "richpanel",
        "stage": "2",
        "environment": "sandbox",
        "release": None,
        "run_id": "run-1",
        "started": "2026-01-02T03:04:05+00:00",
        "finished": "2026-01-02T03:05:05+00:00",
        "build": {"before": "b-1", "after": "b-1"},
        "flags": {"before": {"safe_mode": True, "tier2_tags": None, "channels": ["a"], "x": "absent"}, "after": None},
        "target": {"kind": "sandbox"},
        "not_tested": [{"case": "ST-070", "why": "stage 2 does not admit it"}],
        "holes": ["no row of mode multi_intent"],
        "expectations": {"ST-001": {"reply": "no reply (the row is routed only)", "action": "route_only"}},
        "counts_for_stage": False,
    }
    return RunFacts(**{**values, **changes})


def record(*results: CheckResult, **changes: Any) -> dict[str, Any]:
    return build_decision_record(facts(**changes), decide(results), merge_results(results))
