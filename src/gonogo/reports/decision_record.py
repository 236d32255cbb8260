"""decision.json: the decision as one object that others can build on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gonogo.model.decision import Decision
from gonogo.model.outcome import CheckResult
from gonogo.model.trigger import TriggerState, trigger_to_json

SCHEMA = "gonogo/decision/1"


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known about a run beside its checks; times are ISO 8601 in UTC.

    `activity` is what the bundle is of: run, watch, load, drill, rollback or stage; for a stage `gathered` holds the
    ids of what was gathered. `signer` is the keyid that will sign the bundle, or UNSIGNED. `run_by` and `deployed_by`
    are printed names.
    """

    system: str
    stage: str
    environment: str
    release: str | None
    run_id: str
    started: str
    finished: str
    build: Mapping[str, str | None]
    flags: Mapping[str, Any]
    target: Mapping[str, Any]
    not_tested: Sequence[Mapping[str, str]]
    holes: Sequence[str]
    expectations: Mapping[str, Mapping[str, Any]]
    counts_for_stage: bool
    notes: Sequence[str] = field(default_factory=tuple)
    signer: str = "UNSIGNED"
    run_by: str | None = None
    deployed_by: Sequence[str] = field(default_factory=tuple)
    leftovers: Sequence[Mapping[str, str]] = field(default_factory=tuple)
    times_to_safe: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    activity: str = "run"
    gathered: Sequence[str] = field(default_factory=tuple)
    triggers: Sequence[TriggerState] = field(default_factory=tuple)


def build_decision_record(facts: RunFacts, decision: Decision, checks: Sequence[CheckResult]) -> dict[str, Any]:
    """Return the decision as JSON data; keys are only ever added."""
    return {
        "schema": SCHEMA,
        "system": facts.system,
        "stage": facts.stage,
        "environment": facts.environment,
        "release": facts.release,
        "bundle": facts.run_id,
        "activity": facts.activity,
        "runs": list(facts.gathered) or [facts.run_id],
        "started": facts.started,
        "finished": facts.finished,
        "decision": decision.verb.value,
        "deciding": list(decision.deciding),
        "reasons": list(decision.reasons),
        "counts": dict(decision.counts),
        "build": dict(facts.build),
        "flags": dict(facts.flags),
        "checks": [
            {
                "case": check.case,
                "check": check.check,
                "outcome": check.outcome.name,
                "class": check.cls.value,
                "reasons": list(check.reasons),
                "expected": check.expected,
                "observed": check.observed,
                "source": {"file": check.source.file, "line": check.source.line},
            }
            for check in checks
        ],
        "triggers": [trigger_to_json(one) for one in facts.triggers],
        "waivers": [],
        "not_tested": [dict(entry) for entry in facts.not_tested],
        "holes": list(facts.holes),
        "expectations": {case: dict(entry) for case, entry in facts.expectations.items()},
        "target": dict(facts.target),
        "counts_for_stage": facts.counts_for_stage,
        "notes": list(facts.notes),
        "signer": facts.signer,
        "run_by": facts.run_by,
        "deployed_by": list(facts.deployed_by),
        # Which command comes next depends on the decision; whoever knows it fills it in.
        "next": "",
        "leftovers": [dict(entry) for entry in facts.leftovers],
        "time_to_safe": [dict(entry) for entry in facts.times_to_safe],
    }
