"""Drift: published check values, severity at its edges, bins that stay as they were frozen."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from gonogo.errors import GateInputError, SourceError
from gonogo.gates.binning import Binning, quantile_binning, width_binning
from gonogo.gates.drift import grade_drift, jensen_shannon_divergence, measure_drift, population_stability_index
from gonogo.gates.evaluate import evaluate_gate
from gonogo.model.drift_file import DriftThresholds
from gonogo.model.gate import GateSpec, Severity
from gonogo.model.outcome import Outcome
from gonogo.sources.drift_file import require_drift_file


def shares(*values: float) -> dict[str, float]:
    return {f"c{index}": value for index, value in enumerate(values)}


@pytest.mark.parametrize(
    ("baseline", "current", "psi", "js"),
    [
        ((0.7, 0.3), (0.5, 0.5), 0.169421, 0.021006),
        ((0.9, 0.1), (0.1, 0.9), 3.514138, 0.368064),
        ((0.25,) * 4, (0.4, 0.3, 0.2, 0.1), 0.228097, 0.027866),
    ],
)
def test_check_values(baseline: tuple[float, ...], current: tuple[float, ...], psi: float, js: float) -> None:
    assert round(population_stability_index(shares(*baseline), shares(*current)), 6) == psi
    assert round(jensen_shannon_divergence(shares(*baseline), shares(*current)), 6) == js


VECTORS = st.integers(2, 8).flatmap(
    lambda k: st.tuples(*[st.lists(st.integers(0, 1000), min_size=k, max_size=k).filter(any)] * 2)
)


@settings(max_examples=100, deadline=None)
@given(VECTORS)
def test_divergences_agree_with_scipy(counts: tuple[list[int], list[int]]) -> None:
    b, c = (shares(*(count / sum(side) for count in side)) for side in counts)
    js = jensen_shannon_divergence(b, c)
    theirs = jensenshannon(list(b.values()), list(c.values()))
    assert js == pytest.approx(0.0 if math.isnan(theirs) else theirs**2, abs=1e-9)
    assert 0 <= js <= math.log(2) + 1e-12
    assert population_stability_index(b, c) >= 0
    assert population_stability_index(b, c) == pytest.approx(population_stability_index(c, b))
    assert population_stability_index(b, b) == 0


@pytest.mark.parametrize(
    ("psi", "js", "severity"),
    [
        (0.1, 0.05, None),
        (0.1001, 0.0, Severity.LOW),
        (0.0, 0.0501, Severity.LOW),
        (0.2, 0.1, Severity.LOW),
        (0.2001, 0.0, Severity.MEDIUM),
        (0.25, 0.1001, Severity.MEDIUM),
        (0.2501, 0.0, Severity.HIGH),
        (0.3, 0.1201, Severity.HIGH),
        (0.3001, 0.0, Severity.CRITICAL),
        (0.0, 0.1501, Severity.CRITICAL),
    ],
)
def test_severity_by_either_figure(psi: float, js: float, severity: Severity | None) -> None:
    assert grade_drift(psi, js) is severity


def test_outcomes_follow_the_severity() -> None:
    critical = measure_drift("intent", {"a": 900, "b": 100}, {"a": 100, "b": 900}, seed=1)
    assert (critical.outcome, critical.severity, critical.suggests_rollback) == (
        Outcome.FAILED,
        Severity.CRITICAL,
        True,
    )
    assert critical.reasons[0].endswith("rolling back is suggested")
    low = measure_drift("intent", {"a": 700, "b": 300}, {"a": 500, "b": 500}, seed=1)
    assert (low.outcome, low.severity, low.suggests_rollback) == (Outcome.WARNED, Severity.LOW, False)
    none = measure_drift("intent", {"a": 700, "b": 300}, {"a": 690, "b": 310}, seed=1)
    assert (none.outcome, none.severity) == (Outcome.PASSED, None)


def test_too_few_samples_neither_pass_nor_suggest_a_rollback() -> None:
    few = measure_drift("intent", {"a": 90, "b": 9}, {"a": 100, "b": 900}, seed=1)
    assert few.outcome is Outcome.INCONCLUSIVE
    assert few.reasons[0].startswith("too_few_samples: intent: n=99 baseline, 1,000 current, at least 100 needed")
    assert not few.suggests_rollback
    alike = measure_drift("intent", {"a": 50, "b": 49}, {"a": 50, "b": 50}, seed=1)
    assert alike.outcome is Outcome.INCONCLUSIVE


def test_categories_that_came_and_went_are_named() -> None:
    drift = measure_drift("intent", {"a": 500, "old": 500, "never": 0}, {"a": 500, "new": 500}, seed=1)
    assert (drift.unseen, drift.vanished) == (("new",), ("old",))
    assert "never seen in the baseline: 'new'" in "; ".join(drift.reasons)
    assert "vanished: 'old'" in "; ".join(drift.reasons)
    assert set(drift.shares) == {"a", "old", "new"}


def test_interval_covers_and_repeats() -> None:
    drift = measure_drift("intent", {"a": 700, "b": 300}, {"a": 500, "b": 500}, seed=1)
    assert drift.psi_interval is not None
    assert drift.js_interval is not None
    assert drift.psi is not None
    assert drift.psi_interval.low < drift.psi < drift.psi_interval.high
    assert drift == measure_drift("intent", {"a": 700, "b": 300}, {"a": 500, "b": 500}, seed=1)
    assert drift != measure_drift("intent", {"a": 700, "b": 300}, {"a": 500, "b": 500}, seed=2)
    assert json.loads(json.dumps(drift.to_json()))["psi_by_chance"] == pytest.approx(1 / 500)


def test_drift_by_chance_is_what_samples_of_that_size_show() -> None:
    generator = np.random.default_rng(5)
    seen, said = [], 0.0
    for _ in range(300):
        sides = generator.multinomial(500, [0.4, 0.3, 0.2, 0.1], 2)
        b, c = (dict(zip("abcd", map(int, side), strict=True)) for side in sides)
        drift = measure_drift("x", b, c, seed=1, resamples=100)
        seen.append(drift.psi or 0.0)
        said = drift.by_chance or 0.0
    assert said == pytest.approx(float(np.mean(seen)), rel=0.15)


def test_tenant_thresholds_move_the_severity() -> None:
    strict = DriftThresholds.model_validate(
        {"psi": {"critical": 0.1, "high": 0.05, "medium": 0.02, "low": 0.01}, "min_samples": 50}
    )
    drift = measure_drift("intent", {"a": 700, "b": 300}, {"a": 500, "b": 500}, seed=1, thresholds=strict)
    assert drift.severity is Severity.CRITICAL
    assert strict.psi.critical == Decimal("0.1")


def test_drift_is_a_measurement_for_gates() -> None:
    drift = measure_drift("intent", {"a": 700, "b": 300}, {"a": 500, "b": 500}, seed=1)
    spec = GateSpec(id="G-1", metric="psi_intent", comparison="at_most", limit=0.2, min_samples=100)
    assert evaluate_gate(spec, drift.to_measurements()["psi_intent"]).outcome is Outcome.PASSED
    empty = measure_drift("intent", {}, {"a": 1}, seed=1)
    assert evaluate_gate(spec, empty.to_measurements()["psi_intent"]).outcome is Outcome.INCONCLUSIVE


VALUES = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=60)


@settings(max_examples=100, deadline=None)
@given(VALUES, VALUES, st.integers(2, 12), st.booleans())
def test_every_number_has_one_bin_for_ever(values: list[float], later: list[float], bins: int, quantile: bool) -> None:
    made = (quantile_binning if quantile else width_binning)("x", values, bins)
    again = Binning.from_json(json.loads(json.dumps(made.to_json())))
    assert again == made
    assert len(set(made.labels)) == len(made.labels)
    counts = again.count(later)
    assert sum(counts.values()) == len(later)
    assert counts == made.count(later)


def test_quantile_bins_hold_equal_shares_and_width_bins_equal_widths() -> None:
    values = [float(value) for value in range(1000)]
    assert set(quantile_binning("x", values, 4).count(values).values()) == {250}
    assert width_binning("x", values, 3).edges == (333.0, 666.0)


def test_missing_values_are_a_category_of_their_own() -> None:
    binning = quantile_binning("x", [1.0, 2.0, 3.0], 2)
    counts = binning.count([None, float("nan"), float("inf"), 1.0])
    assert (counts["missing"], counts["not finite"]) == (2, 1)


def test_constant_baseline_shows_any_move() -> None:
    binning = quantile_binning("x", [5.0] * 200)
    drift = measure_drift("x", binning.count([5.0] * 200), binning.count([5.0] * 100 + [6.0] * 100), seed=1)
    assert drift.severity is Severity.CRITICAL


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"schema": "gonogo/binning/1", "column": "x", "edges": []},
        {"schema": "gonogo/binning/1", "column": "x", "edges": [2, 1]},
        {"schema": "gonogo/binning/1", "column": "x", "edges": [1, float("inf")]},
        {"schema": "gonogo/binning/1", "column": "x", "edges": [True]},
        {"schema": "gonogo/binning/2", "column": "x", "edges": [1]},
        {"schema": "gonogo/binning/1", "column": 3, "edges": [1]},
    ],
)
def test_bins_that_are_none_are_refused(data: dict[str, object]) -> None:
    with pytest.raises(GateInputError):
        Binning.from_json(data)


def test_thresholds_file_names_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "drift.yaml"
    path.write_text(
        "default:\n  psi: {critical: 0.1, high: 0.2, medium: 0.05, low: 0.01}\n"
        "tenants:\n  acme:\n    js: {critical: 0.3, high: 0.2, medium: 0.2, low: 0.1}\n"
    )
    with pytest.raises(SourceError) as caught:
        require_drift_file(path, "drift.yaml")
    assert [(one.line, one.column) for one in caught.value.problems] == [
        (2, "default.psi.critical"),
        (5, "tenants.acme.js.high"),
    ]
    path.write_text("defalt: {}\n")
    with pytest.raises(SourceError) as caught:
        require_drift_file(path, "drift.yaml")
    assert "Did you mean 'default'?" in str(caught.value.problems[0])
