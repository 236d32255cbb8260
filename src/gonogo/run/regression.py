"""One regression judgement: files in, gates judged, artefacts out; nothing is judged where a file has a problem."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from gonogo.errors import Problem, SourceError
from gonogo.gates.baseline import BaselineHistory, BaselineState, state_baseline
from gonogo.gates.classification import mcnemar_exact
from gonogo.gates.evaluate import to_check
from gonogo.gates.regression import judge_regression
from gonogo.gates.regression_metrics import Inputs, summarize_tally
from gonogo.metrics.decision_schema import DecisionSchema, load_schema
from gonogo.metrics.metrics_file import digest_file, read_metrics, read_prices, render_metrics
from gonogo.metrics.outputs_file import OutputFacts
from gonogo.metrics.tally import Counted, RegressionFiles, count_outputs
from gonogo.model.decision import Decision, decide
from gonogo.model.gate import GateResult
from gonogo.model.outcome import SourceRef
from gonogo.model.regression import PairCounts, Prices, Taxonomy
from gonogo.model.regression_metrics import MetricsFile
from gonogo.reports.confusion_picture import render_confusion_svg
from gonogo.reports.regression import (
    RegressionSummary,
    render_confusion_csv,
    render_summary,
    render_tier0_report,
    render_tier2_report,
)

METRICS, CSV, SVG = "metrics.json", "confusion_matrix.csv", "confusion_matrix.svg"
TIER0, TIER2, INVALID_OUTPUTS, SUMMARY = "tier0_report.json", "tier2_report.json", "invalid_outputs.jsonl", "summary.md"
ARTEFACTS = (METRICS, CSV, SVG, TIER0, TIER2, INVALID_OUTPUTS, SUMMARY)
_ASK = "Nothing was judged. Correct the lines above and run the command again."


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file and the name by which people see it."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class RegressionRequest:
    """What is judged against what; `must_be_recorded` is false for sandboxes, whose baselines nobody records."""

    taxonomy: Taxonomy
    outputs: NamedFile
    labels: NamedFile
    out: Path
    baseline: NamedFile | None = None
    before: NamedFile | None = None
    schema: NamedFile | None = None
    prices: NamedFile | None = None
    history: BaselineHistory = field(default_factory=BaselineHistory)
    must_be_recorded: bool = True
    listed: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RegressionReport:
    """What the judgement came to."""

    metrics: MetricsFile
    gates: tuple[GateResult, ...]
    decision: Decision
    state: BaselineState
    pairs: PairCounts | None
    baseline_sha256: str | None


@dataclass(slots=True)
class _Loaded:
    """The small files of a request, and everything wrong with them."""

    schema: DecisionSchema | None = None
    prices: Prices | None = None
    prices_sha256: str | None = None
    baseline: MetricsFile | None = None
    baseline_sha256: str | None = None
    baseline_labels_line: int = 0
    problems: list[Problem] = field(default_factory=list)


def run_regression(request: RegressionRequest) -> RegressionReport:
    """Judge outputs and write the artefacts; raises `SourceError` with every problem of every file, and no artefact."""
    request.out.mkdir(parents=True, exist_ok=True)
    for name in ARTEFACTS:
        # What an earlier judgement left must not be taken for this one's.
        (request.out / name).unlink(missing_ok=True)
    loaded = _load(request)
    part = request.out / f".{INVALID_OUTPUTS}.part"
    with _invalid_outputs(part) as invalid:
        files = RegressionFiles(
            request.labels.path,
            request.labels.name,
            request.outputs.path,
            request.outputs.name,
            request.before.path if request.before else None,
            request.before.name if request.before else "",
        )
        counted = count_outputs(
            files, request.taxonomy, loaded.schema, loaded.prices, lambda facts: _write_invalid(invalid, facts)
        )
        problems = [*loaded.problems, *counted.problems, *_check_data_set(request, loaded, counted)]
        if problems:
            raise SourceError(problems, _ASK)
        report = _judge(request, loaded, counted)
        part.replace(request.out / INVALID_OUTPUTS)
    _write_artefacts(request, loaded, counted, report)
    return report


@contextmanager
def _invalid_outputs(part: Path) -> Iterator[TextIO]:
    """Open the file of invalid outputs; it gets its name only once everything was judged."""
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file
    finally:
        part.unlink(missing_ok=True)


def _write_invalid(file: TextIO, facts: OutputFacts) -> None:
    told = {"line": facts.line, "id": facts.id, "rules": list(facts.reading.rules)}
    file.write(json.dumps(told, ensure_ascii=False) + "\n")


def _load(request: RegressionRequest) -> _Loaded:
    loaded = _Loaded()
    if request.schema is not None:
        try:
            loaded.schema = load_schema(request.schema.path, request.schema.name)
        except SourceError as error:
            loaded.problems += error.problems
    if request.prices is not None:
        loaded.prices, found = read_prices(request.prices.path, request.prices.name)
        loaded.prices_sha256 = digest_file(request.prices.path)
        loaded.problems += found
    if request.baseline is not None:
        _load_baseline(request, request.baseline, loaded)
    return loaded


def _load_baseline(request: RegressionRequest, given: NamedFile, loaded: _Loaded) -> None:
    loaded.baseline_sha256 = digest_file(given.path)
    loaded.baseline, file = read_metrics(given.path, given.name, request.taxonomy)
    loaded.problems += file.problems
    loaded.baseline_labels_line = file.line_of(("labels", "sha256"))
    pinned = request.history.current
    if pinned is not None and loaded.baseline_sha256 not in (None, pinned.metrics_sha256):
        text = f"its SHA-256 is {loaded.baseline_sha256}; pinned is {pinned.metrics_sha256} ({pinned.place})."
        loaded.problems.append(Problem(given.name, 0, "", f"{text} Name that file, or promote this one first."))


def _check_data_set(request: RegressionRequest, loaded: _Loaded, counted: Counted) -> list[Problem]:
    baseline, given = loaded.baseline, request.baseline
    if baseline is None or given is None or baseline.labels.sha256 == counted.labels_sha256:
        return []
    text = (
        f"is {baseline.labels.sha256}, while {request.labels.name} has {counted.labels_sha256}: a baseline of another "
        f"data set ({baseline.labels.n:,} labels). Judge the outputs of that release over these labels first."
    )
    return [Problem(given.name, loaded.baseline_labels_line, "labels.sha256", text)]


def _judge(request: RegressionRequest, loaded: _Loaded, counted: Counted) -> RegressionReport:
    inputs = Inputs(
        counted.labels_sha256,
        counted.outputs_sha256,
        loaded.schema.sha256 if loaded.schema else None,
        loaded.prices_sha256,
        counted.per_set,
        counted.per_intent,
    )
    metrics = summarize_tally(counted.tally, request.taxonomy, inputs, loaded.prices)
    state = state_baseline(request.history, loaded.baseline_sha256, must_be_recorded=request.must_be_recorded)
    gates = tuple(judge_regression(metrics, loaded.baseline, state, listed=request.listed))
    source = SourceRef(request.labels.name, 1)
    decision = decide([to_check(gate, source) for gate in gates])
    return RegressionReport(metrics, gates, decision, state, counted.tally.pairs, loaded.baseline_sha256)


def _write_artefacts(request: RegressionRequest, loaded: _Loaded, counted: Counted, report: RegressionReport) -> None:
    pairs = report.pairs
    p_value = mcnemar_exact(pairs.newly_failing.count, pairs.newly_passing.count) if pairs else None
    summary = RegressionSummary(
        report.metrics, loaded.baseline, report.gates, report.decision, report.state.sentence, pairs, p_value
    )
    texts = {
        METRICS: render_metrics(report.metrics),
        CSV: render_confusion_csv(report.metrics, request.taxonomy.intents),
        SVG: render_confusion_svg(report.metrics, request.taxonomy.intents),
        TIER0: render_tier0_report(report.metrics, counted.tally, request.taxonomy),
        TIER2: render_tier2_report(report.metrics, counted.tally),
        SUMMARY: render_summary(summary),
    }
    for name, text in texts.items():
        (request.out / name).write_text(text, "utf-8")
