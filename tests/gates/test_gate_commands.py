"""gonogo gate eval, replay and drift: output, exit codes, and bundles that stay as they were."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from gonogo.cli.main import app
from gonogo.errors import SourceError, UsageError
from gonogo.gates.evaluate import evaluate_gate
from gonogo.gates.report import gates_json
from gonogo.model.gate import Comparison, Flaw, FlawKind, GateSpec, Interval, Measurement, Weight
from gonogo.model.measurements import measurements_json, read_measurements

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"
SCHEMA = jsonschema_rs.validator_for(json.loads((SCHEMAS / "gates.schema.json").read_text("utf-8")))
GATES = """\
system: shop
sources:
  rows: {kind: file, path: rows.csv}
  run: {kind: run}
metrics:
  latency: {source: rows, column: ms, reduce: p95, unit: ms}
  failed: {source: run, query: exchanges, column: status, matches: "5..", reduce: mean}
gates:
  - {id: GATE-p95, metric: latency, comparison: at_most, limit: 500, unit: ms, min_samples: 20}
  - {id: GATE-5xx, metric: failed, comparison: below, limit: 0.1, weight: LIGHT, min_samples: 10}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "smoke_cases" / "shop"
    folder.mkdir(parents=True)
    (folder / "gates.yaml").write_text(GATES.replace("LIGHT", "required"))
    (tmp_path / "rows.csv").write_text("ms\n" + "".join(f"{2 * index}\n" for index in range(200)))
    run = tmp_path / "bundle"
    run.mkdir()
    lines = [{"status": 202 if index else 503} for index in range(20)]
    (run / "exchanges.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["gate", *words])


def read(result: Result, code: int) -> dict[str, Any]:
    assert result.exit_code == code, result.output
    record: dict[str, Any] = json.loads(result.stdout)
    SCHEMA.validate(record)
    return record


def digest(folder: Path) -> str:
    parts = [f"{path}{path.stat().st_mtime_ns}".encode() + path.read_bytes() for path in sorted(folder.rglob("*"))]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def test_eval_ends_with_the_decision(project: Path) -> None:
    record = read(call("eval", "shop", "--source", "run=bundle", "--format", "json"), 0)
    assert (record["decision"], record["system"], record["file"]) == ("GO", "shop", "smoke_cases/shop/gates.yaml")
    p95, failed = record["gates"]
    assert (p95["value"], p95["n"], p95["interval"]["method"]) == (378, 200, "order statistics")
    assert (failed["value"], failed["n"], failed["interval"]["method"]) == (0.05, 20, "Wilson")
    (project / "rows.csv").write_text("ms\n" + "900\n" * 40)
    record = read(call("eval", "shop", "--source", "run=bundle", "--format", "json"), 1)
    assert record["deciding"] == ["GATE-p95"]
    assert record["gates"][0]["sentence"].startswith("latency 900 ms > 500 ms (limit), n=40")


@pytest.mark.parametrize("rows", ["ms\n", "ms\n5\n", "ms\n" + "nan\n" * 40])
def test_eval_holds_without_enough_data(project: Path, rows: str) -> None:
    (project / "rows.csv").write_text(rows)
    record = read(call("eval", "shop", "--source", "run=bundle", "--format", "json"), 3)
    assert record["gates"][0]["outcome"] == "INCONCLUSIVE"


def test_eval_holds_where_a_source_broke(project: Path) -> None:
    record = read(call("eval", "shop", "--format", "json"), 3)
    assert record["gates"][1]["outcome"] == "ERROR"
    assert "name its folder with --source" in record["gates"][1]["sentence"]
    (project / "rows.csv").write_text("ms\nx\n")
    record = read(call("eval", "shop", "--source", "run=bundle", "--format", "json"), 3)
    assert "rows.csv:2: ms: 'x' is no number" in record["gates"][0]["sentence"]


def test_text_names_every_gate_and_the_verb(project: Path) -> None:
    result = call("eval", "shop", "--source", "run=bundle")
    lines = result.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["PASSED", "GATE-p95"], ["PASSED", "GATE-5xx"]]
    assert lines[-1] == "GO  every gate passed"


@pytest.mark.parametrize(
    "words",
    [
        ("eval", "shop", "--source", "rows"),
        ("eval", "shop", "--source", "raws=x"),
        ("eval", "shop", "--source", "run=a", "--source", "run=b"),
        ("eval", "shap"),
        ("eval", "shop", "--format", "yaml"),
        ("eval", "shop", "--at", "yesterday"),
        ("eval", "shop", "--at", "2026-11-21T05:00:00"),
        ("eval", "shop", "--baseline", "none.json"),
        ("eval", "shop", "--gates", "none.yaml"),
        ("replay", "nowhere", "--gates", "smoke_cases/shop/gates.yaml"),
    ],
)
def test_words_that_are_wrong_end_with_two(project: Path, words: tuple[str, ...]) -> None:
    result = call(*words)
    assert isinstance(result.exception, UsageError | SourceError), result.output
    assert result.exception.exit_code == 2


def test_baseline_of_an_earlier_evaluation(project: Path) -> None:
    assert call("eval", "shop", "--source", "run=bundle", "--out", "before").exit_code == 0
    gates = project / "smoke_cases" / "shop" / "gates.yaml"
    drop = "  - {id: GATE-rise, metric: latency, direction: rise, scale: relative, comparison: at_most, limit: 0.2}\n"
    gates.write_text(gates.read_text() + drop)
    (project / "rows.csv").write_text("ms\n" + "".join(f"{24 * index / 10}\n" for index in range(200)))
    record = read(call("eval", "shop", "--source", "run=bundle", "--baseline", "before", "--format", "json"), 0)
    assert record["gates"][2]["sentence"].startswith(
        "latency rise 20 % ≤ 20 % (limit), 453.6 ms against 378 ms (baseline)"
    )
    missing = read(call("eval", "shop", "--source", "run=bundle", "--format", "json"), 3)
    assert missing["gates"][2]["sentence"] == "no_data: latency: no baseline to compare with"


def test_replay_judges_past_evidence_and_changes_nothing(project: Path) -> None:
    call("eval", "shop", "--source", "run=bundle", "--out", "bundle")
    before = digest(project / "bundle")
    (project / "rows.csv").unlink()
    (project / "strict.yaml").write_text(GATES.replace("limit: 500", "limit: 300").replace("LIGHT", "recorded").replace("0.1", "0.01"))  # fmt: skip  # noqa: E501
    record = read(call("replay", "bundle", "--gates", "strict.yaml", "--format", "json"), 1)
    assert record["replayed"] == {"bundle": "bundle", "past": {"GATE-p95": "PASSED", "GATE-5xx": "PASSED"}}
    assert [gate["outcome"] for gate in record["gates"]] == ["FAILED", "WARNED"]
    assert record["gates"][1]["sentence"].startswith("would have blocked: failed 0.05 ≥ 0.01 (limit), n=20")
    assert record["gates"][1]["would_block"] is True
    text = call("replay", "bundle", "--gates", "strict.yaml").stdout
    assert "GATE-p95: PASSED before, FAILED now" in text
    assert digest(project / "bundle") == before


def test_replay_has_no_data_where_the_bundle_has_none(project: Path) -> None:
    record = read(call("replay", "bundle", "--gates", "smoke_cases/shop/gates.yaml", "--format", "json"), 3)
    assert [gate["outcome"] for gate in record["gates"]] == ["INCONCLUSIVE", "PASSED"]
    assert "the bundle does not hold it" in record["gates"][0]["sentence"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "gonogo/measurements/1", "measurements": {"m": {}}}'])
def test_replay_refuses_measurements_that_are_not_whole(project: Path, text: str) -> None:
    (project / "bundle" / "measurements.json").write_text(text)
    result = call("replay", "bundle", "--gates", "smoke_cases/shop/gates.yaml")
    assert isinstance(result.exception, SourceError)
    assert "measurements.json" in str(result.exception.problems[0])


FIGURES = st.one_of(
    st.none(), st.floats(), st.integers(-(10**6), 10**6), st.fractions(-1000, 1000, max_denominator=999)
)
MEASURED = st.builds(
    Measurement,
    st.just("m"),
    FIGURES,
    st.one_of(st.none(), st.integers(0, 10**9)),
    st.one_of(st.none(), st.builds(Interval, st.floats(-9, 9), st.floats(-9, 9))),
    st.sampled_from([None, "ms"]),
    st.one_of(st.none(), st.datetimes().map(lambda moment: moment.astimezone())),
    st.just("prom"),
    st.lists(st.builds(Flaw, st.sampled_from(FlawKind), st.text(max_size=9)), max_size=2).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(MEASURED, st.sampled_from(Comparison), st.sampled_from(Weight))
def test_stored_measurements_are_judged_as_fresh_ones(one: Measurement, comparison: Comparison, weight: Weight) -> None:
    stored = json.loads(json.dumps(measurements_json({"m": one}, one.at or _EPOCH)))
    spec = GateSpec(id="G", metric="m", comparison=comparison, limit=1, weight=weight)
    again = evaluate_gate(spec, read_measurements(stored)["m"])
    fresh = evaluate_gate(spec, one)
    assert (again.outcome, again.compared, again.reasons) == (fresh.outcome, fresh.compared, fresh.reasons)
    SCHEMA.validate(json.loads(json.dumps(gates_json([fresh]))))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_drift_of_files(project: Path) -> None:
    (project / "b.csv").write_text("intent,ms\n" + "a,1\n" * 700 + "b,2\n" * 300)
    (project / "c.jsonl").write_text(
        "".join(json.dumps({"intent": name, "ms": ms}) + "\n" for name, ms in [("a", 1)] * 500 + [("b", 2)] * 500)
    )
    words = ("drift", "--baseline", "b.csv", "--current", "c.jsonl", "--column", "intent", "--format", "json")
    result = call(*words)
    assert result.exit_code == 3
    record = json.loads(result.stdout)
    assert round(record["drift"][0]["psi"], 6) == 0.169421
    assert (record["drift"][0]["severity"], record["decision"]) == ("low", "HOLD")
    assert call(*words).stdout == result.stdout
    numbers = ("drift", "--baseline", "b.csv", "--current", "c.jsonl", "--number", "ms")
    frozen = call(*numbers, "--freeze", "bins")
    assert frozen.exit_code == 3
    (project / "b.csv").write_text("intent,ms\n" + "a,2\n" * 700 + "b,1\n" * 300)
    again = call(*numbers, "--binning", "bins/ms.json", "--format", "json")
    assert json.loads(again.stdout)["drift"][0]["shares"]["below 2"] == {"baseline": 0.3, "current": 0.5}


def test_drift_by_tenant_moves_the_severity(project: Path) -> None:
    rows = ["tenant,intent"] + [f"{t},{i}" for t in ("acme", "zeta") for i in "a" * 700 + "b" * 300]
    (project / "b.csv").write_text("\n".join(rows) + "\n")
    rows = ["tenant,intent"] + [f"{t},{i}" for t in ("acme", "zeta") for i in "a" * 500 + "b" * 500]
    (project / "c.csv").write_text("\n".join([*rows, "new,a"]) + "\n")
    (project / "drift.yaml").write_text(
        "tenants:\n  acme: {psi: {critical: 0.15, high: 0.1, medium: 0.05, low: 0.01}}\n"
        "  zeta: {psi: {critical: 0.9, high: 0.8, medium: 0.7, low: 0.6}}\n"
    )
    words = ("drift", "--baseline", "b.csv", "--current", "c.csv", "--column", "intent", "--thresholds", "drift.yaml")
    result = call(*words, "--tenant-column", "tenant", "--format", "json")
    assert result.exit_code == 1
    found = {one["column"]: (one["outcome"], one["severity"]) for one in json.loads(result.stdout)["drift"]}
    assert found == {
        "intent.acme": ("FAILED", "critical"),
        "intent.new": ("INCONCLUSIVE", None),
        "intent.zeta": ("PASSED", None),
    }
    assert call(*words, "--tenant", "acme").exit_code == 1
    assert call(*words, "--tenant", "zeta").exit_code == 0
    assert isinstance(call(*words, "--tenant", "acne").exception, UsageError)


@pytest.mark.parametrize("name", ["b.csv", "c.csv"])
def test_drift_without_rows_holds(project: Path, name: str) -> None:
    for file in ("b.csv", "c.csv"):
        (project / file).write_text("intent\n" + ("" if file == name else "a\n" * 500))
    result = call("drift", "--baseline", "b.csv", "--current", "c.csv", "--format", "json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["drift"][0]["reasons"][0].startswith("no_data: intent: no values in the ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--column", "intend"), "Did you mean 'intent'?"),
        ((), "no column is named"),
        (("--column", "intent", "--number", "intent"), "is named twice"),
        (("--number", "intent"), "'a' is no number"),
        (("--column", "intent", "--binning", "bins.json"), "not JSON"),
        (("--column", "intent", "--thresholds", "none.yaml"), "cannot be read"),
    ],
)
def test_drift_refuses_what_it_cannot_read(project: Path, words: tuple[str, ...], said: str) -> None:
    (project / "b.csv").write_text("intent,other\na,1\n")
    (project / "bins.json").write_text("{")
    result = call("drift", "--baseline", "b.csv", "--current", "b.csv", *words)
    assert isinstance(result.exception, UsageError | SourceError), result.output
    shown = [str(one) for one in getattr(result.exception, "problems", ())] + [str(result.exception)]
    assert any(said in text for text in shown), shown


def test_truncated_file_names_its_line(project: Path) -> None:
    (project / "b.jsonl").write_text('{"intent": "a"}\n{"intent": ')
    result = call("drift", "--baseline", "b.jsonl", "--current", "b.jsonl", "--column", "intent")
    assert isinstance(result.exception, SourceError)
    assert str(result.exception.problems[0]).startswith("b.jsonl:2: not JSON")
