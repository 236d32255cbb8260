"""Small label and output files, and the judgement over them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gonogo.gates.baseline import Act, BaselineHistory, Recorded
from gonogo.metrics.metrics_file import digest_file
from gonogo.model.gate import GateResult
from gonogo.model.regression import Taxonomy
from gonogo.run.regression import NamedFile, RegressionReport, RegressionRequest, run_regression

TEAMS = {"legal_threat": "Leadership", "return_request": "Returns", "order_status": "Email", "unknown_other": "Email"}
TAXONOMY = Taxonomy(
    system="shop",
    intents=tuple(TEAMS),
    tier0=frozenset({"legal_threat"}),
    teams=TEAMS,
    known_teams=frozenset(TEAMS.values()),
    template_tiers={"t_ask": 1, "t_verified": 2},
)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["intent", "action"],
    "additionalProperties": False,
    "properties": {
        "intent": {"type": "string"},
        "action": {"enum": ["route_only", "auto_reply_tier1", "auto_reply_tier2"]},
        "template_id": {"type": ["string", "null"]},
        "order_match": {"type": "boolean"},
    },
}
PRICES = "currency: USD\nmodels:\n  small: {input_per_million: 1, output_per_million: 2}\n"


def label(name: str, intent: str, **more: Any) -> dict[str, Any]:
    """Return a label."""
    return {"id": name, "intent": intent, **more}


def output(name: str, intent: str | None, action: str = "route_only", **more: Any) -> dict[str, Any]:
    """Return an output; what is given by name goes into the decision."""
    return {"id": name, "output": {"intent": intent, "action": action, **more}}


def pairs(*counts: tuple[str, str, int]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return labels and outputs for (labelled, predicted, how often)."""
    labels, outputs = [], []
    for true, guess, count in counts:
        for _ in range(count):
            name = f"M-{len(labels) + 1:05}"
            labels.append(label(name, true))
            outputs.append(output(name, guess))
    return labels, outputs


GOOD = (
    ("legal_threat", "legal_threat", 20),
    ("return_request", "return_request", 30),
    ("order_status", "order_status", 40),
    ("unknown_other", "unknown_other", 10),
)


@dataclass
class Desk:
    """A folder to judge in."""

    folder: Path
    history: BaselineHistory = field(default_factory=BaselineHistory)

    def write(self, name: str, content: str | bytes | Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> NamedFile:
        """Write a file: text, bytes, JSON lines or one JSON object."""
        path = self.folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content, "utf-8")
        elif isinstance(content, Mapping):
            path.write_text(json.dumps(content), "utf-8")
        else:
            path.write_text("".join(json.dumps(line) + "\n" for line in content), "utf-8")
        return NamedFile(path, name)

    def judge(
        self,
        labels: Sequence[Mapping[str, Any]] | str | bytes,
        outputs: Sequence[Mapping[str, Any]] | str | bytes,
        *,
        schema: Mapping[str, Any] | str | None = SCHEMA,
        **more: Any,
    ) -> RegressionReport:
        """Judge labels and outputs; `baseline` may be a report or a file, `prices` the text of a file."""
        baseline = more.pop("baseline", None)
        if isinstance(baseline, Path):
            baseline = NamedFile(baseline, baseline.name)
        prices, before = more.pop("prices", None), more.pop("before", None)
        request = RegressionRequest(
            TAXONOMY,
            self.write("outputs.jsonl", outputs),
            self.write("labels.jsonl", labels),
            more.pop("out", self.folder / "out"),
            baseline,
            self.write("before.jsonl", before) if before is not None else None,
            self.write("schema.json", schema) if schema is not None else None,
            self.write("prices.yaml", prices) if prices is not None else None,
            history=more.pop("history", self.history),
            **more,
        )
        return run_regression(request)

    def pin(self, report: RegressionReport, path: Path, act: Act = Act.INIT) -> BaselineHistory:
        """Record a judgement's metrics as the next baseline."""
        metrics = report.metrics
        recorded = Recorded(
            len(self.history.acts) + 1,
            act,
            "2026-11-21T05:00:00.000Z",
            "Ada",
            "because",
            digest_file(path),
            metrics.labels.sha256,
            metrics.labels.n,
            metrics.accuracy.value,
            metrics.macro_f1,
        )
        self.history = BaselineHistory((*self.history.acts, recorded))
        return self.history

    def baseline(self, *counts: tuple[str, str, int], **more: Any) -> Path:
        """Judge, keep the metrics under a name of their own, and pin them."""
        labels, outputs = pairs(*counts)
        report = self.judge(labels, outputs, history=BaselineHistory(), **more)
        path = self.folder / f"baseline-{len(self.history.acts)}.json"
        (self.folder / "out" / "metrics.json").replace(path)
        self.pin(report, path)
        return path


def by_id(report: RegressionReport) -> dict[str, GateResult]:
    """Return the gates of a report by id."""
    return {gate.id: gate for gate in report.gates}
