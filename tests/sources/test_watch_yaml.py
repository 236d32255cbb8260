"""watch.yaml: every problem at once, in words; the rules are gates."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from gonogo.errors import SourceError, UsageError
from gonogo.gates.evaluate import evaluate_gate
from gonogo.model.gate import GateSpec, Measurement
from gonogo.model.outcome import CheckClass, Outcome
from gonogo.model.watch import OwnMetric, Part, WatchRule
from gonogo.sources.project import Project
from gonogo.sources.watch_file import load_watch, merge_rules, read_watch_pack

ROOT = Path(__file__).parents[2]
HEAD = """system: richpanel
sources:
  page: {kind: exposition, path: /metrics}
  old: {kind: exposition, path: /old}
metrics:
  age: {source: page, query: age_seconds, unit: s}
  beat: {source: old, query: clock}
  errors: {source: page, query: errors_total, counter: true, reduce: increase, window: 5m}
  errors_before: {source: page, query: errors_total, counter: true, reduce: increase, window: 3h}
"""
RULE = "  - {id: W-AGE, metric: age, comparison: below, limit: 300}\n"
BAD = {
    "another system": (HEAD.replace("richpanel", "q2q", 1), RULE, "is 'q2q', but the system is 'richpanel'"),
    "no rules": (HEAD, "", "rules"),
    "a metric with a typing error": (HEAD, RULE.replace("metric: age", "metric: aeg"), "Did you mean 'age'?"),
    "an own metric with a typing error": (
        HEAD,
        RULE.replace("metric: age", "metric: target.helth"),
        "Did you mean 'target.health'?",
    ),
    "an unknown key": (HEAD, RULE.replace("limit: 300", "limit: 300, patence: 5m"), "Did you mean 'patience'?"),
    "an unknown comparison": (HEAD, RULE.replace("below", "under"), "allowed: above, at_least"),
    "no duration": (HEAD, RULE.replace("limit: 300", "limit: 300, patience: soon"), "not a duration"),
    "two rules of one id": (HEAD, RULE + RULE.replace("W-AGE", "w-age"), "stands in line 11 already"),
    "a warning behind the limit": (HEAD, RULE.replace("limit: 300", "limit: 300, warn: 300"), "nothing would warn"),
    "a warning below an upper limit": (
        HEAD,
        RULE.replace("below, limit: 300", "above, limit: 3, warn: 2"),
        "nothing would warn",
    ),
    "a warning beside an equality": (
        HEAD,
        RULE.replace("below, limit: 300", "equal, limit: 3, warn: 2"),
        "nothing would warn",
    ),
    "a relative limit alone": (
        HEAD,
        "  - {id: W-E, metric: errors, baseline: errors_before, scale: relative, comparison: at_most, limit: 0.5}\n",
        "key 'absolute' is missing: a first deploy has no baseline",
    ),
    "two absolute limits": (HEAD, RULE.replace("limit: 300", "limit: 300, absolute: 4"), "absolute itself"),
    "a baseline that is never looked at": (
        HEAD,
        RULE.replace("limit: 300", "limit: 300, baseline: errors"),
        "is never looked at",
    ),
    "an own metric over a window": (
        HEAD,
        "  - {id: W-H, metric: target.health, comparison: equal, limit: 1, window: 5m}\n",
        "says nothing to what the watch measures by itself",
    ),
    "an own metric against a baseline": (
        HEAD,
        "  - {id: W-H, metric: probe.lost, direction: rise, comparison: at_most, limit: 1, absolute: 2}\n",
        "has no baseline",
    ),
    "a condition on nothing": (
        HEAD,
        RULE.replace("limit: 300", "limit: 300, when: {metric: depth, comparison: above, limit: 1}"),
        "is 'depth'; allowed: age, beat",
    ),
    "a heart of another source": (
        HEAD + "heartbeats: {page: beat}\n",
        RULE,
        "beat is read from old, so it says nothing of page",
    ),
    "a heart of no source": (HEAD + "heartbeats: {pgae: beat}\n", RULE, "Did you mean 'page'?"),
    "a heart that is no metric": (HEAD + "heartbeats: {page: beet}\n", RULE, "Did you mean 'beat'?"),
    "a run, which is over": (
        HEAD.replace("old: {kind: exposition, path: /old}", "old: {kind: run}").replace(
            "source: old, query: clock", "source: old, query: exchanges, column: ms"
        ),
        RULE,
        "tells of something that is over",
    ),
    "a metric in the watch's own name": (
        HEAD.replace("  age:", "  target.health: {source: page, query: up}\n  age:"),
        RULE,
        "what the watch measures by itself",
    ),
    "another unit": (HEAD, RULE.replace("limit: 300", "limit: 300, unit: ms"), "Use one unit"),
    "a counter that is no increase": (
        HEAD.replace("reduce: increase, window: 5m", "window: 5m"),
        RULE,
        "belong together",
    ),
}


def read(tmp_path: Path, text: str):
    path = tmp_path / "watch.yaml"
    path.write_text(text, "utf-8")
    return read_watch_pack(path, "watch.yaml", "richpanel")


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, name: str) -> None:
    head, rules, said = BAD[name]
    pack, problems = read(tmp_path, f"{head}rules:\n{rules}" if rules else f"{head}rules: []\n")
    assert pack is None
    assert any(said in str(problem) for problem in problems), [str(one) for one in problems]
    assert all(problem.line > 0 for problem in problems)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    rules = RULE.replace("metric: age", "metric: aeg") + RULE.replace("W-AGE", "W-B").replace("300", "300, warn: 400")
    pack, problems = read(tmp_path, f"{HEAD}heartbeats: {{pgae: beat}}\nrules:\n{rules}")
    assert pack is None
    assert [problem.line for problem in problems] == [10, 12, 13]


def test_the_rules_of_the_project_are_read_and_have_what_the_plan_names() -> None:
    system = Project.from_path(ROOT).load_system("richpanel")
    folder = ROOT / "smoke_cases" / "richpanel"
    for stage in system.plan.stages:
        if not stage.watch:
            continue
        [pack] = load_watch(folder, "smoke_cases/richpanel", stage, "richpanel")
        ids = {rule.id for rule in pack.rules}
        assert {one.rule for one in system.plan.triggers if one.rule is not None} <= ids
        assert {one.rule for one in system.plan.monitoring if one.rule is not None} <= ids
        by_id = {rule.id: rule for rule in pack.rules}
        assert (by_id["W-QUEUE-AGE"].warn, by_id["W-QUEUE-AGE"].limit) == (120, 300)
        assert (by_id["W-DLQ"].warn, by_id["W-DLQ"].limit) == (1, 5)
        assert by_id["W-TIER0"].check_class is CheckClass.SAFETY
        assert by_id["W-DISCLOSURE"].check_class is CheckClass.PRIVACY
        text = (folder / "watch.yaml").read_text().splitlines()
        assert all(f"id: {rule.id}" in text[pack.lines[rule.id] - 1] for rule in pack.rules)
        assert pack.source_of("W-DLQ").file == "smoke_cases/richpanel/watch.yaml"


def test_a_stage_without_rules_is_not_watched() -> None:
    system = Project.from_path(ROOT).load_system("richpanel")
    stage = system.plan.stages[1].model_copy(update={"watch": ()})
    with pytest.raises(UsageError, match="names no watch rules"):
        load_watch(ROOT / "smoke_cases" / "richpanel", "s", stage, "richpanel")


def test_two_files_share_what_is_the_same_and_may_not_differ(tmp_path: Path) -> None:
    system = Project.from_path(ROOT).load_system("richpanel")
    stage = system.plan.stages[1].model_copy(update={"watch": ("a.yaml", "b.yaml")})
    (tmp_path / "a.yaml").write_text(f"{HEAD}rules:\n{RULE}")
    (tmp_path / "b.yaml").write_text(f"{HEAD}rules:\n{RULE.replace('W-AGE', 'W-OTHER')}")
    merged = merge_rules(load_watch(tmp_path, "s", stage, "richpanel"))
    assert [rule.id for rule in merged.rules] == ["W-AGE", "W-OTHER"]
    assert set(merged.sources) == {"page", "old"}
    (tmp_path / "b.yaml").write_text(f"{HEAD.replace('age_seconds', 'depth')}rules:\n{RULE}")
    with pytest.raises(SourceError) as error:
        load_watch(tmp_path, "s", stage, "richpanel")
    told = [str(problem) for problem in error.value.problems]
    assert any("'age' means something else in s/a.yaml" in text for text in told)
    assert any("rule 'W-AGE' stands in s/a.yaml already" in text for text in told)


def test_a_rule_is_a_gate_and_its_parts_are_judged_by_the_one_evaluator() -> None:
    rule = WatchRule(id="W-AGE", metric="age", comparison="below", limit=300, warn=120, unit="s", weight="required")
    assert isinstance(rule, GateSpec)
    gates = rule.gates()
    assert set(gates) == {Part.LIMIT, Part.WARNING}
    by_value = {
        value: {
            part: evaluate_gate(gate, Measurement("age", value, 1, unit="s")).outcome for part, gate in gates.items()
        }
        for value in (119, 120, 299, 300)
    }
    assert by_value == {
        119: {Part.LIMIT: Outcome.PASSED, Part.WARNING: Outcome.PASSED},
        120: {Part.LIMIT: Outcome.PASSED, Part.WARNING: Outcome.WARNED},
        299: {Part.LIMIT: Outcome.PASSED, Part.WARNING: Outcome.WARNED},
        300: {Part.LIMIT: Outcome.FAILED, Part.WARNING: Outcome.WARNED},
    }


def test_the_absolute_limit_of_a_relative_rule_looks_at_the_value_alone() -> None:
    rule = WatchRule(
        id="W-E", metric="e", baseline="b", scale="relative", comparison="at_most", limit=0.5, absolute=Decimal(5)
    )
    gate = rule.gates()[Part.ABSOLUTE]
    assert not gate.needs_baseline
    assert gate.limit == 5
    assert evaluate_gate(gate, Measurement("e", 6, 1)).outcome is Outcome.FAILED


def test_every_own_metric_says_whether_it_needs_a_probe() -> None:
    assert {one for one in OwnMetric if not one.needs_probe} == {OwnMetric.HEALTH}
    for metric in OwnMetric:
        rule = WatchRule(id="W", metric=metric.value, comparison="equal", limit=1)
        assert rule.needs_probe is metric.needs_probe
