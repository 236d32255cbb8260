"""One test a row: comparison × direction × scale × what the value, the baseline and the limit are."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import product

import pytest

from gonogo.gates.evaluate import evaluate_gate
from gonogo.model.gate import Comparison, Direction, GateSpec, Measurement, NoDataPolicy, Scale
from gonogo.model.outcome import Outcome

NAN, INF = float("nan"), float("inf")
LESS, SAME, MORE = "less", "same", "more"
# Which relation of the quantity to the limit passes, written out by hand.
PASSES = {
    Comparison.BELOW: {LESS},
    Comparison.AT_MOST: {LESS, SAME},
    Comparison.ABOVE: {MORE},
    Comparison.AT_LEAST: {SAME, MORE},
    Comparison.EQUAL: {SAME},
    Comparison.NOT_EQUAL: {LESS, MORE},
}
VALUE, RISE, DROP, CHANGE = Direction
ABSOLUTE, RELATIVE = Scale
# direction, scale, value, baseline, limit, how the quantity stands to the limit: by hand, with the quantity beside it.
JUDGED = [
    (VALUE, ABSOLUTE, 499.9, None, "500", LESS),
    (VALUE, ABSOLUTE, 500, None, "500", SAME),
    (VALUE, ABSOLUTE, 500.1, None, "500", MORE),
    (VALUE, ABSOLUTE, 0, None, "0", SAME),
    (VALUE, ABSOLUTE, 0.0, None, "0.1", LESS),
    (VALUE, ABSOLUTE, -0.0, None, "0", SAME),
    (VALUE, ABSOLUTE, -1, None, "0", LESS),
    (VALUE, ABSOLUTE, 1e-300, None, "0", MORE),
    (VALUE, ABSOLUTE, -3, None, "-3", SAME),
    (VALUE, ABSOLUTE, 0.1 + 0.2, None, "0.3", MORE),  # 0.30000000000000004, as it is printed
    (VALUE, RELATIVE, 1.2, 1, "1.2", SAME),  # 1.2
    (VALUE, RELATIVE, 0, 4, "0", SAME),  # 0
    (VALUE, RELATIVE, -2, 4, "-0.4", LESS),  # -0.5
    (VALUE, RELATIVE, 0.6, 0.5, "1.1", MORE),  # 1.2
    (RISE, ABSOLUTE, 0.95, 0.90, "0.05", SAME),
    (RISE, ABSOLUTE, 0.951, 0.90, "0.05", MORE),
    (RISE, ABSOLUTE, 0.5, 0.90, "0", LESS),
    (RISE, ABSOLUTE, -1, -2, "1", SAME),
    (RISE, ABSOLUTE, 5, 0, "5", SAME),
    (RISE, RELATIVE, 1.2, 1.0, "0.2", SAME),
    (RISE, RELATIVE, 1.3, 1.0, "0.2", MORE),
    (RISE, RELATIVE, 0, 1.0, "-1", SAME),
    (RISE, RELATIVE, -1, 1.0, "-1", LESS),  # -2
    (DROP, ABSOLUTE, 0.85, 0.90, "0.05", SAME),
    (DROP, ABSOLUTE, 0.8499999, 0.90, "0.05", MORE),
    (DROP, ABSOLUTE, 0.95, 0.90, "0", LESS),
    (DROP, ABSOLUTE, -2, -1, "1", SAME),
    (DROP, ABSOLUTE, -5, 0, "5", SAME),
    (DROP, RELATIVE, 0.9, 1.2, "0.25", SAME),
    (DROP, RELATIVE, 0.0, 1.2, "1", SAME),
    (DROP, RELATIVE, -1.2, 1.2, "1", MORE),  # 2
    (CHANGE, ABSOLUTE, 0.85, 0.90, "0.05", SAME),
    (CHANGE, ABSOLUTE, 0.95, 0.90, "0.05", SAME),
    (CHANGE, ABSOLUTE, 0.90, 0.90, "0", SAME),
    (CHANGE, ABSOLUTE, -1, 1, "1", MORE),  # 2
    (CHANGE, RELATIVE, 0.75, 1, "0.25", SAME),
    (CHANGE, RELATIVE, 1.25, 1, "0.25", SAME),
    (CHANGE, RELATIVE, 1.25, 1, "-0.25", MORE),  # 0.25
]


def make_spec(comparison: Comparison, direction: Direction, scale: Scale, limit: str, **more: object) -> GateSpec:
    return GateSpec(
        id="G-1", metric="m", comparison=comparison, direction=direction, scale=scale, limit=Decimal(limit), **more
    )


def judge(spec: GateSpec, value: object, baseline: object, **more: object) -> Outcome:
    other = None if baseline is None else Measurement("m", baseline, n=100)  # type: ignore[arg-type]
    return evaluate_gate(spec, Measurement("m", value, **{"n": 100, **more}), other).outcome  # type: ignore[arg-type]


@pytest.mark.parametrize(("direction", "scale", "value", "baseline", "limit", "relation"), JUDGED)
@pytest.mark.parametrize("comparison", Comparison)
def test_compared(
    comparison: Comparison,
    direction: Direction,
    scale: Scale,
    value: float,
    baseline: float | None,
    limit: str,
    relation: str,
) -> None:
    outcome = judge(make_spec(comparison, direction, scale, limit), value, baseline)
    assert outcome is (Outcome.PASSED if relation in PASSES[comparison] else Outcome.FAILED)


@dataclass(frozen=True)
class Missing:
    """A situation in which there is nothing to compare."""

    name: str
    value: float | None = 1.0
    n: int | None = 100
    baseline: float | None = 1.0
    baseline_n: int | None = 100
    only_with_baseline: bool = False
    only_relative: bool = False

    def applies(self, direction: Direction, scale: Scale) -> bool:
        compares = direction is not Direction.VALUE or scale is Scale.RELATIVE
        return (compares or not self.only_with_baseline) and (scale is Scale.RELATIVE or not self.only_relative)


MISSING = [
    Missing("value NaN", value=NAN),
    Missing("value Inf", value=INF),
    Missing("value -Inf", value=-INF),
    Missing("no value", value=None),
    Missing("empty", n=0),
    Missing("empty without a value", value=None, n=0),
    Missing("no baseline value", baseline=None, only_with_baseline=True),
    Missing("baseline NaN", baseline=NAN, only_with_baseline=True),
    Missing("baseline Inf", baseline=INF, only_with_baseline=True),
    Missing("baseline -Inf", baseline=-INF, only_with_baseline=True),
    Missing("baseline empty", baseline_n=0, only_with_baseline=True),
    Missing("baseline zero", baseline=0.0, only_with_baseline=True, only_relative=True),
    Missing("baseline negative", baseline=-1.0, only_with_baseline=True, only_relative=True),
]
SHAPES = [
    (direction, scale, missing)
    for direction, scale, missing in product(Direction, Scale, MISSING)
    if missing.applies(direction, scale)
]


@pytest.mark.parametrize(("direction", "scale", "missing"), SHAPES, ids=lambda value: getattr(value, "name", None))
@pytest.mark.parametrize("comparison", Comparison)
def test_nothing_to_compare(comparison: Comparison, direction: Direction, scale: Scale, missing: Missing) -> None:
    for policy, outcome in ((NoDataPolicy.INCONCLUSIVE, Outcome.INCONCLUSIVE), (NoDataPolicy.FAIL, Outcome.FAILED)):
        spec = make_spec(comparison, direction, scale, "1", no_data=policy)
        current = Measurement("m", missing.value, n=missing.n)
        result = evaluate_gate(spec, current, Measurement("m", missing.baseline, n=missing.baseline_n))
        assert result.outcome is outcome
        assert result.reasons[0].startswith("no_data: m: ")
        assert result.compared is None


@pytest.mark.parametrize(
    ("direction", "scale"), [(d, s) for d, s in product(Direction, Scale) if (d, s) != (VALUE, ABSOLUTE)]
)
@pytest.mark.parametrize("comparison", Comparison)
def test_no_baseline_at_all(comparison: Comparison, direction: Direction, scale: Scale) -> None:
    assert judge(make_spec(comparison, direction, scale, "1"), 1.0, None) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("limit", ["0", "1"])
@pytest.mark.parametrize("n", [1, None])
@pytest.mark.parametrize(("direction", "scale"), list(product(Direction, Scale)))
@pytest.mark.parametrize("comparison", Comparison)
def test_one_sample(comparison: Comparison, direction: Direction, scale: Scale, n: int | None, limit: str) -> None:
    """Too few samples, and an unknown number of them, are neither a pass nor a failure."""
    spec = make_spec(comparison, direction, scale, limit, min_samples=30)
    result = evaluate_gate(spec, Measurement("m", 1.0, n=n), Measurement("m", 1.0, n=100))
    if spec.is_zero_tolerance:
        assert result.outcome is Outcome.FAILED  # one occurrence of what may never occur
    else:
        assert result.outcome is Outcome.INCONCLUSIVE
        assert result.reasons[0].startswith("too_few_samples: m: ")


@pytest.mark.parametrize(
    ("direction", "scale"), [(d, s) for d, s in product(Direction, Scale) if (d, s) != (VALUE, ABSOLUTE)]
)
@pytest.mark.parametrize("comparison", Comparison)
def test_one_sample_in_the_baseline(comparison: Comparison, direction: Direction, scale: Scale) -> None:
    spec = make_spec(comparison, direction, scale, "1", min_samples=30)
    result = evaluate_gate(spec, Measurement("m", 1.0, n=100), Measurement("m", 1.0, n=1))
    assert result.outcome is Outcome.INCONCLUSIVE
    assert result.reasons[0] == "too_few_samples: baseline m: n=1, at least 30 needed"
