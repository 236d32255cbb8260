"""A phase is promoted only where everything was seen and is good; noise aborts nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from canary_case import PLAN, WINDOW, make_looks
from hypothesis import given, settings
from hypothesis import strategies as st

from gonogo.gates.canary import judge_look, judge_phase
from gonogo.model.canary import CanaryPlan, Look, Result, Side, StickyKey
from gonogo.model.outcome import Outcome

EMPTY = Side(np.array([]), {name: np.array([]) for name in ("correct", "latency_ms", "cost", "error")}, frozenset())


def outcomes(looks: list[Look], plan: CanaryPlan = PLAN, place: int = 0) -> dict[str, Outcome]:
    result = judge_phase(plan, place, looks)
    return {gate.id.removeprefix("CANARY-"): gate.outcome for gate in result.looks[-1].gates}


def without(look: Look, field: str, side: str) -> Look:
    """Return a look in which one side has no value of a field."""
    chosen: Side = getattr(look, side)
    emptied = Side(chosen.times, {**chosen.values, field: np.array([])}, chosen.keys)
    return replace(look, **{side: emptied})


def test_a_good_version_is_promoted_to_the_next_phase() -> None:
    result = judge_phase(PLAN, 0, make_looks(1, 3000, windows=1))
    assert (result.result, result.next_share) == (Result.PROMOTE, 0.5)
    assert all(gate.outcome is Outcome.PASSED for gate in result.looks[0].gates)
    assert "least detectable" in result.looks[0].gates[-1].sentence


@pytest.mark.parametrize(
    ("truth", "gate"),
    [
        ({"accuracy": 0.8}, "accuracy"),
        ({"p95": 840.0}, "p95"),
        ({"cost": 0.0032}, "cost"),
        ({"errors": 0.03}, "errors"),
    ],
)
def test_twice_the_limit_aborts(truth: dict[str, float], gate: str) -> None:
    looks = make_looks(2, 1500, **truth)
    result = judge_phase(PLAN, 0, looks)
    assert result.result is Result.ABORT
    assert any(reason.startswith(f"CANARY-{gate}") for reason in result.reasons)


def test_a_real_regression_in_a_small_sample_is_inconclusive() -> None:
    look = make_looks(2, 40, windows=1, accuracy=0.8)[0]
    plan = PLAN.model_copy(update={"criteria": (PLAN.criteria[0].model_copy(update={"min_samples": 10}),)})
    judged = judge_look(plan, plan.phases[0], look)
    assert (judged.effects["accuracy"].effect or 0) > 0.05, "beyond the limit, and still no proof"
    (gate,) = [gate for gate in judged.gates if gate.id == "CANARY-accuracy"]
    assert judged.result is Result.HOLD
    assert gate.outcome is Outcome.INCONCLUSIVE
    assert "too_few_samples" in gate.sentence
    few = judge_look(PLAN, PLAN.phases[0], make_looks(3, 20, windows=1)[0])
    assert few.result is Result.HOLD


def test_a_lucky_small_sample_is_not_promoted() -> None:
    looks = make_looks(4, 60, windows=1, accuracy=1.0, errors=0.0)
    assert outcomes(looks)["errors"] is Outcome.INCONCLUSIVE
    assert judge_phase(PLAN, 0, looks).result is Result.HOLD


def test_windows_without_a_promotion_end_in_an_abort() -> None:
    looks = make_looks(5, 60)
    assert [judge_phase(PLAN, 0, looks[:count]).result for count in (1, 2, 3)] == [
        Result.HOLD,
        Result.HOLD,
        Result.ABORT,
    ]
    assert "3 windows without a promotion; the plan allows 3" in judge_phase(PLAN, 0, looks).reasons


def test_an_abort_stands_whatever_comes_later() -> None:
    bad, good = make_looks(6, 1500, windows=1, p95=900.0), make_looks(7, 3000, windows=2)
    assert judge_phase(PLAN, 0, [bad[0], good[1]]).result is Result.ABORT


def test_more_windows_than_planned_are_not_looked_at() -> None:
    looks = make_looks(8, 60, windows=3)
    late = make_looks(8, 4000, windows=1)[0]
    result = judge_phase(PLAN, 0, [*looks, replace(late, number=4)])
    assert (result.result, len(result.looks)) == (Result.ABORT, 3)


@pytest.mark.parametrize("field", ["correct", "latency_ms", "cost", "error"])
@pytest.mark.parametrize("side", ["new", "old"])
def test_a_missing_metric_never_promotes(field: str, side: str) -> None:
    look = without(make_looks(9, 3000, windows=1)[0], field, side)
    assert judge_phase(PLAN, 0, [look]).result is Result.HOLD


@pytest.mark.parametrize("side", ["new", "old"])
def test_one_sided_data_never_promote(side: str) -> None:
    look = replace(make_looks(10, 3000, windows=1)[0], **{side: EMPTY})
    assert judge_phase(PLAN, 0, [look]).result is not Result.PROMOTE


def test_no_data_holds() -> None:
    assert judge_phase(PLAN, 0, []).result is Result.HOLD
    empty = Look(1, 0.0, WINDOW, EMPTY, EMPTY, 0, 0)
    assert judge_phase(PLAN, 0, [empty]).result is Result.HOLD


def test_identical_timestamps_never_promote() -> None:
    look = make_looks(11, 3000, windows=1)[0]
    stopped = replace(look, new=replace(look.new, times=np.full_like(look.new.times, 1800.0)))
    assert outcomes([stopped])["COVERAGE"] is Outcome.INCONCLUSIVE
    assert judge_phase(PLAN, 0, [stopped]).result is Result.HOLD
    half = replace(look, old=replace(look.old, times=look.old.times / 2))
    assert judge_phase(PLAN, 0, [half]).result is Result.HOLD


def test_at_a_full_share_there_is_nothing_to_compare_with() -> None:
    look = make_looks(12, 3000, windows=1, share=0.5)[0]
    assert judge_phase(PLAN, 2, [look]).result is not Result.PROMOTE
    alone = judge_phase(PLAN, 2, [replace(look, old=EMPTY)])
    assert alone.result is Result.HOLD
    assert "no concurrent traffic of the old version" in alone.reasons[0]


def test_another_share_than_the_phases_never_promotes() -> None:
    more = make_looks(13, 3000, windows=1, share=0.2)
    assert outcomes(more)["SPLIT"] is Outcome.FAILED
    assert judge_phase(PLAN, 0, more).result is Result.ABORT, "more customers than agreed get the new version"
    less = make_looks(13, 3000, windows=1, share=0.05)
    assert outcomes(less)["SPLIT"] is Outcome.INCONCLUSIVE
    assert judge_phase(PLAN, 0, less).result is Result.HOLD


def test_stickiness_is_tested_as_the_plan_promises_it() -> None:
    look = make_looks(14, 3000, windows=1)[0]
    assert judge_phase(PLAN, 0, [replace(look, moved=1)]).result is Result.ABORT
    unproven = replace(look, repeated=0)
    assert judge_phase(PLAN, 0, [unproven]).result is Result.HOLD
    assert "vacuous" in judge_phase(PLAN, 0, [unproven]).reasons[0]
    none = PLAN.model_copy(update={"key": StickyKey.NONE})
    assert judge_phase(none, 0, [replace(unproven, moved=1)]).result is Result.PROMOTE


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([1, 3, 40, 400]),
    st.fixed_dictionaries(
        {},
        optional={
            "accuracy": st.sampled_from([0.0, 0.5, 0.84, 0.97]),
            "p95": st.sampled_from([300.0, 725.0, 2000.0]),
            "cost": st.sampled_from([0.001, 0.0027, 0.01]),
            "errors": st.sampled_from([0.0, 0.025, 1.0]),
        },
    ),
)
def test_a_point_estimate_beyond_a_limit_is_never_promoted(seed: int, n: int, truth: dict[str, Any]) -> None:
    look = make_looks(seed, n, windows=1, **truth)[0]
    judged = judge_look(PLAN, PLAN.phases[0], look)
    beyond = [
        criterion
        for criterion in PLAN.criteria
        if (effect := judged.effects.get(criterion.id)) is None
        or effect.effect is None
        or effect.effect > float(criterion.limit)
    ]
    if beyond:
        assert judged.result is not Result.PROMOTE


def test_rollouts_without_a_change_are_promoted_and_bad_ones_found() -> None:
    plan = PLAN.model_copy(update={"key": StickyKey.NONE})
    ends = [judge_phase(plan, 0, make_looks(seed, 1500, plan=plan)).result for seed in range(20)]
    assert ends.count(Result.PROMOTE) >= 19
    ends = [judge_phase(plan, 0, make_looks(seed, 1500, plan=plan, accuracy=0.8)).result for seed in range(20)]
    assert ends.count(Result.ABORT) == 20


def test_the_same_samples_give_the_same_result() -> None:
    first, second = (judge_phase(PLAN, 0, make_looks(15, 500)) for _ in range(2))
    assert [look.gates for look in first.looks] == [look.gates for look in second.looks]
