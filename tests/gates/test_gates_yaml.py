"""gates.yaml: every problem at once, with its line and what was probably meant."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from gonogo.errors import SourceError
from gonogo.model.gate import Comparison, FlawKind, GateSpec, Weight
from gonogo.model.metric import Reduce, SourceKind
from gonogo.sources.gates_file import gate_lines_of, load_gates, require_gates

ROOT = Path(__file__).resolve().parents[2]
HEAD = """\
system: shop
sources:
  prom: {kind: prometheus, url: "http://prometheus:9090"}
  rows: {kind: file, path: rows.csv}
metrics:
  p95: {source: prom, query: p95_seconds, unit: s, window: 5m, step: 30s}
  errors: {source: rows, column: errors, divide_by: all}
  all: {source: rows, column: all}
"""
GOOD = "{id: G, metric: p95, comparison: below, limit: 1}"


def problems(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "gates.yaml"
    path.write_text(text)
    _, found = load_gates(path, "gates.yaml", "shop")
    return [str(problem) for problem in sorted(found)]


def test_a_good_file(tmp_path: Path) -> None:
    text = HEAD + (
        "gates:\n"
        "  - {id: GATE-1, metric: p95, comparison: at_most, limit: 0.5, unit: s, window: 10m, min_samples: 30}\n"
        "  - id: GATE-2\n    metric: errors\n    comparison: below\n    limit: 0.001\n    weight: soft\n"
        "    severity: low\n    no_data: fail\n    tolerate: [gap, counter_reset]\n"
    )
    assert problems(tmp_path, text) == []
    path = tmp_path / "gates.yaml"
    gates = require_gates(path, "gates.yaml")
    first, second = gates.gates
    assert (first.limit, first.window, first.reads, first.comparison) == (
        Decimal("0.5"),
        600.0,
        "p95[600s]",
        Comparison.AT_MOST,
    )
    assert (second.weight, second.tolerate) == (Weight.SOFT, (FlawKind.GAP, FlawKind.COUNTER_RESET))
    assert gates.metrics["p95"].step == 30.0
    assert gates.metrics["all"].reduce is Reduce.LAST
    assert gates.sources["rows"].kind is SourceKind.FILE
    assert gate_lines_of(path, "gates.yaml") == {"GATE-1": 10, "GATE-2": 11}


def test_all_problems_at_once_with_what_was_meant(tmp_path: Path) -> None:
    text = (
        "system: shop\n"
        "sources: {prom: {kind: promethius, url: 'http://p'}}\n"
        "metrics:\n  m: {source: prom, query: up, redcue: max, window: 5 min}\n"
        "gates:\n"
        "  - {id: G 1, metric: m, comparison: atmost, limit: high, wieght: soft, tolerate: [no_data]}\n"
        "  - {metric: m, comparison: below, limit: true, min_samples: 0, weight: blocking}\n"
    )
    found = "\n".join(problems(tmp_path, text))
    for said in (
        "gates.yaml:2: sources.prom.kind: is 'promethius'; allowed: cloudwatch, exposition, file,",
        "Did you mean 'prometheus'?",
        "gates.yaml:4: metrics.m.redcue: unknown key 'redcue'",
        "Did you mean 'reduce'?",
        "gates.yaml:4: metrics.m.window: is '5 min'; not a duration",
        "gates.yaml:6: gates.0.id: is 'G 1'",
        "Did you mean 'at_most'?",
        "gates.yaml:6: gates.0.limit: is 'high'; not a number",
        "Did you mean 'weight'?",
        "gates.yaml:6: gates.0.tolerate.0: is 'no_data'; never tolerated",
        "gates.yaml:7: gates.1.id: key 'id' is missing",
        "gates.yaml:7: gates.1.limit: is true",
        "gates.yaml:7: gates.1.min_samples: is 0; allowed: at least 1",
        "gates.yaml:7: gates.1.weight: is 'blocking'; allowed: privacy, recorded, required, safety, soft",
    ):
        assert said in found, f"{said}\n\n{found}"


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ("{id: G, metric: p59, comparison: below, limit: 1}", "gates.0.metric: is 'p59'; allowed: all, errors, p95."),
        ("{id: G, metric: p95, comparison: below, limit: 1, unit: ms}", "'ms', but metric 'p95' is in 's'"),
        ("{id: G, metric: p95, comparison: below, limit: 1, baseline: all}", "is never looked at"),
        ("{id: G, metric: p95, direction: drop, comparison: below, limit: 1, baseline: al}", "Did you mean 'all'?"),
        (f"{GOOD}\n  - {GOOD.replace('G', 'g')}", "stands in line 10 already"),
        ("{id: G, metric: p95, comparison: below, limit: .nan}", "plain decimal numbers"),
        ("{id: G, metric: p95, comparison: below, limit: 1, no_data: pass}", "allowed: fail, inconclusive"),
        ("{id: G, metric: p95, comparison: below, limit: 1, window: 0s}", "not a duration"),
    ],
)  # fmt: skip
def test_gates_that_cannot_be(tmp_path: Path, gate: str, said: str) -> None:
    found = problems(tmp_path, f"{HEAD}gates:\n  - {gate}\n")
    assert len(found) == 1, found
    assert said in found[0]


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("{source: pram, query: up}", "is 'pram'; allowed: aws, page, prom, rows, run. Did you mean 'prom'?"),
        ("{source: prom}", "key 'query' is missing; a source of kind prometheus needs it"),
        ("{source: prom, query: up, column: x}", "column: says nothing to a source of kind prometheus"),
        ("{source: rows, column: x, query: up}", "query: says nothing to a source of kind file"),
        ("{source: aws, namespace: N, name: m}", "key 'window' is missing; a source of kind cloudwatch needs it"),
        ("{source: page, query: x, window: 5m}", "a page of metrics shows one moment"),
        ("{source: run, query: exchanges}", "key 'column' is missing"),
        ("{source: prom, query: 'rate(x[5m])', stale_after: 60s}", "Add age_query"),
        ("{source: prom, query: up, reduce: increase}", "belong together"),
        ("{source: prom, query: up, counter: true}", "belong together"),
        ("{source: prom, query: up, window: 1m, step: 2m}", "is longer than the window"),
        ("{source: prom, query: up, divide_by: m}", "divide_by: is 'm'; allowed: share, whole."),
        ("{source: prom, query: up, divide_by: share}", "a share of a share is not read"),
        ("{source: rows, column: x, matches: '('}", "not a regular expression"),
    ],
)
def test_metrics_that_their_source_cannot_answer(tmp_path: Path, metric: str, said: str) -> None:
    text = (
        "system: shop\nsources:\n"
        "  prom: {kind: prometheus, url: 'http://p'}\n  rows: {kind: file, path: rows.csv}\n"
        "  aws: {kind: cloudwatch, region: eu-central-1}\n  page: {kind: exposition, path: /metrics}\n"
        "  run: {kind: run}\n"
        f"metrics:\n  m: {metric}\n"
        "  share: {source: rows, column: x, divide_by: whole}\n  whole: {source: rows, column: x}\n"
        "gates:\n  - {id: G, metric: m, comparison: below, limit: 1}\n"
    )
    found = problems(tmp_path, text)
    assert len(found) == 1, found
    assert said in found[0]
    assert found[0].startswith("gates.yaml:9: metrics.m")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{kind: prometheus}", "needs either url or url_env"),
        ("{kind: prometheus, url: 'http://a', url_env: A}", "needs either url or url_env"),
        ("{kind: prometheus, url: 'http://user:hunter2@a'}", "allowed: a URL"),
        ("{kind: exposition, url: 'http://a', path: /metrics}", "needs one of url, url_env and path"),
        ("{kind: file}", "key 'path' is missing"),
        ("{kind: locust, path: a.csv, url: 'http://a'}", "url: says nothing to a source of kind locust"),
        ("{kind: run, token_env: lower}", "the name of an environment variable"),
    ],
)
def test_sources_that_cannot_be_asked(tmp_path: Path, source: str, said: str) -> None:
    keys = "column: x" if "prometheus" not in source and "exposition" not in source else "query: x"
    keys += ", query: exchanges" if "run" in source else ""
    text = (
        f"system: shop\nsources:\n  s: {source}\nmetrics:\n  m: {{source: s, {keys}}}\n"
        "gates:\n  - {id: G, metric: m, comparison: below, limit: 1}\n"
    )
    found = problems(tmp_path, text)
    assert len(found) == 1, found
    assert said in found[0]
    assert "hunter2" not in found[0]


def test_other_system_and_no_gates(tmp_path: Path) -> None:
    other = f"{HEAD.replace('shop', 'other')}gates:\n  - {GOOD}\n"
    assert "but the system is 'shop'" in problems(tmp_path, other)[0]
    assert "allowed: at least 1" in problems(tmp_path, HEAD + "gates: []\n")[0]
    with pytest.raises(SourceError):
        require_gates(tmp_path / "none.yaml", "none.yaml")


def test_committed_gates_read() -> None:
    folder = ROOT / "smoke_cases" / "richpanel"
    gates = require_gates(folder / "gates.yaml", "gates.yaml", "richpanel")
    assert {gate.weight for gate in gates.gates} >= {Weight.SAFETY, Weight.REQUIRED, Weight.SOFT, Weight.RECORDED}
    assert len({gate.id for gate in gates.gates}) == len(gates.gates)


def test_limits_are_the_decimals_that_stand_there() -> None:
    for text in (0.05, "0.05", Decimal("0.05")):
        assert GateSpec(id="G", metric="m", comparison="below", limit=text).limit == Decimal("0.05")
