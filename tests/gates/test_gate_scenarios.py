"""Gates as scenarios: rendered, checked for drift, and judged in a run whose evidence can be judged again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gonogo.gherkin.gates import describe_threshold, render_gates_feature
from gonogo.gherkin.reader import read_feature, scenarios_of
from gonogo.model.gate import GateSpec, Weight
from gonogo.sources.gates_file import read_gate_pack
from gonogo.sources.system_files import load_plan

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "run"))

from harness import SmallProject  # noqa: E402

GATES = """\
system: richpanel
sources:
  page: {kind: exposition, path: /metrics}
  gone: {kind: exposition, path: /nothing}
  run: {kind: run}
metrics:
  ack: {source: page, query: richpanel_ack_seconds, quantile: 0.5, unit: s}
  tier0: {source: page, query: richpanel_tier0_replies_total}
  calls: {source: run, query: exchanges, column: ms, reduce: count, where: {method: POST}}
  gone: {source: gone, query: anything}
gates:
  - {id: GATE-fast, metric: ack, comparison: below, limit: 0.001, unit: s}
  - {id: GATE-tier0, metric: tier0, comparison: at_most, limit: 0, weight: safety}
  - {id: GATE-calls, metric: calls, comparison: at_least, limit: 5, weight: soft}
  - {id: GATE-gone, metric: gone, comparison: at_most, limit: 0}
  - {id: GATE-later, metric: ack, comparison: below, limit: 0.001, weight: recorded}
"""


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"unit": "ms", "min_samples": 1000}, "p95 is at most 500 ms, from 1,000 samples or more"),
        ({"window": "5m", "whole_interval": True}, "p95 is at most 500, over 300 s, with its whole interval"),
        ({"direction": "drop", "limit": 0.05, "title": "F1"}, "F1 drops below its baseline by at most 0.05"),
        ({"direction": "rise", "scale": "relative"}, "p95 rises above its baseline by at most 500 of the baseline"),
        ({"scale": "relative", "comparison": "below", "limit": 1.2}, "p95 has a ratio to its baseline of below 1.2"),
        ({"comparison": "equal", "limit": 0}, "p95 is exactly 0"),
    ],
)  # fmt: skip
def test_threshold_in_words(more: dict[str, object], text: str) -> None:
    spec = GateSpec(**{"id": "G", "metric": "p95", "comparison": "at_most", "limit": 500, **more})  # type: ignore[arg-type]
    assert describe_threshold(spec) == text


def test_feature_reads_back_with_a_scenario_a_gate(tmp_path: Path) -> None:
    path = ROOT / "smoke_cases" / "richpanel" / "gates.yaml"
    pack, problems = read_gate_pack(path, "gates.yaml", "richpanel")
    assert pack is not None
    assert not problems
    assert {gate.weight for gate in pack.gates} | {Weight.PRIVACY} == set(Weight)
    feature_path = tmp_path / "gates.feature"
    feature_path.write_text(render_gates_feature(pack), "utf-8")
    feature, problems = read_feature(feature_path, "gates.feature")
    assert feature is not None
    assert not problems
    scenarios = scenarios_of(feature, "gates.feature")
    assert sorted(one.id for one in scenarios) == sorted(gate.id for gate in pack.gates)
    for scenario in scenarios:
        gate = next(one for one in pack.gates if one.id == scenario.id)
        assert scenario.steps[-1].text == f"the {gate.weight.value} gate holds: {describe_threshold(gate)}"


def test_stage_names_only_files_that_are_there(tmp_path: Path) -> None:
    text = (ROOT / "smoke_cases" / "richpanel" / "plan.yaml").read_text("utf-8")
    (tmp_path / "plan.yaml").write_text(text.replace("[gates.yaml]", "[gate.yaml, gate.yaml, ../gates.yaml]"))
    (tmp_path / "smoke.csv").touch()
    (tmp_path / "gates.yaml").touch()
    _, problems = load_plan(tmp_path / "plan.yaml", "plan.yaml", None)
    found = [str(problem) for problem in problems if "stages.0.gates" in problem.column]
    assert len(found) == 4
    assert "is 'gate.yaml', and gates files lie beside the plan; allowed: gates.yaml. Did you mean" in found[0]
    assert any("stands twice" in text for text in found)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    project = SmallProject(
        tmp_path_factory.mktemp("gates") / "project", ["ST-001", "ST-010", "ST-021", "ST-022"], whole=True
    )
    (project.sources / "gates.yaml").write_text(GATES)
    return project


def test_changed_threshold_is_drift(project: SmallProject) -> None:
    done = project.gonogo("compile", "--check")
    assert done.code == 2
    assert "GATE-fast is not committed" in done.stderr
    assert project.run(1).code == 2
    assert project.gonogo("compile").code == 0
    assert project.gonogo("compile", "--check").code == 0


def test_run_judges_its_gates_and_keeps_what_was_measured(project: SmallProject, tmp_path: Path) -> None:
    assert project.gonogo("compile").code == 0
    out = tmp_path / "run"
    done = project.run(1, "--out", str(out))
    assert done.code == 1, done.stderr
    checks = {check["case"]: check for check in done.record["checks"] if check["case"].startswith("GATE-")}
    assert {case: (check["outcome"], check["class"]) for case, check in checks.items()} == {
        "GATE-fast": ("FAILED", "required"),
        "GATE-tier0": ("PASSED", "safety"),
        "GATE-calls": ("PASSED", "required"),
        "GATE-gone": ("ERROR", "required"),
        "GATE-later": ("WARNED", "advisory"),
    }
    assert "GATE-fast/gate" in done.record["deciding"]
    assert checks["GATE-tier0"]["source"] == {"file": "smoke_cases/richpanel/gates.yaml", "line": 13}
    assert checks["GATE-fast"]["expected"] == "ack is below 0.001 s"
    assert checks["GATE-fast"]["observed"].endswith(f"{checks['GATE-fast']['reasons'][0]}")
    assert checks["GATE-later"]["reasons"][0].startswith("would have blocked: ack ")
    assert "query_failed: status 404" in checks["GATE-gone"]["reasons"][0]
    kept = {gate["id"]: gate for gate in json.loads((out / "gates.json").read_text())["gates"]}
    assert {name: gate["outcome"] for name, gate in kept.items()} == {
        name: one["outcome"] for name, one in checks.items()
    }
    milder = tmp_path / "milder.yaml"
    milder.write_text(GATES.replace("0.001", "5").replace("  - {id: GATE-gone", "  # "))
    again = project.gonogo("gate", "replay", str(out), "--gates", str(milder), "--format", "json")
    record = json.loads(again.stdout)
    assert {gate["id"]: gate["outcome"] for gate in record["gates"]} == dict.fromkeys(
        ["GATE-fast", "GATE-tier0", "GATE-calls", "GATE-later"], "PASSED"
    )
    assert again.code == 0
    assert record["replayed"]["past"]["GATE-fast"] == "FAILED"
    calls = next(gate for gate in record["gates"] if gate["id"] == "GATE-calls")
    assert calls["value"] >= kept["GATE-calls"]["value"] >= 5


def test_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from gonogo.errors import UsageError
    from gonogo.extras import import_extra

    with pytest.raises(UsageError) as caught:
        import_extra("no_such_package_of_anybody", "gates")
    assert caught.value.message == "no_such_package_of_anybody is not installed; this needs the extra 'gates'"
    assert caught.value.hint == "pip install 'gonogo[gates]'"
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError):
        import_extra("pandas", "gates")
