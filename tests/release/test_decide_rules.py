"""How many bundles of one build come to one result for each check: failures stay, of all else the latest counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gonogo.model.decision import Verb, decide
from gonogo.model.outcome import CheckClass, CheckResult, Outcome, SourceRef
from gonogo.model.trigger import TriggerState
from gonogo.release.combine import combine_results, combine_triggers, judge_bundles, override
from gonogo.release.gather import Gathered, Gathering
from gonogo.release.recorded import Recorded

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOURCE = SourceRef("smoke_cases/richpanel/smoke.csv", 2)
LEFT_OUT = "no outcome: pytest ran to its end (arguments: -k ST-020)"
CRASHED = "no outcome: the child process died with 9"


def result(check: str, outcome: str, cls: CheckClass = CheckClass.REQUIRED, why: str = "seen") -> CheckResult:
    case, name = check.split("/")
    return CheckResult(case, name, Outcome[outcome], cls, SOURCE, (why,))


def bundle(number: int, *results: CheckResult, kind: str = "run", **more: Any) -> Gathered:
    told = {name: more.pop(name) for name in ("series", "triggers") if name in more}
    recorded = Recorded(number, NOW, f"{kind}-{number}", kind, "1", "staging", "r", "b", "GO", "0" * 64, "f", True)
    made = Gathered(recorded, told.get("series", kind), NOW + timedelta(seconds=number), results=results, **more)
    return replace(made, triggers=tuple(told.get("triggers", ())))


def outcomes(*bundles: Gathered) -> dict[str, str]:
    return {one.id: one.outcome.name for one in combine_results(bundles)}


@pytest.mark.parametrize("later", [one.name for one in Outcome])
def test_a_failure_stays_whatever_comes_later(later: str) -> None:
    [one] = combine_results([bundle(1, result("A/x", "FAILED", why="lost")), bundle(2, result("A/x", later))])
    assert one.outcome is Outcome.FAILED
    assert one.reasons[0] == "run-1: lost"


@pytest.mark.parametrize("first", [one.name for one in Outcome if one is not Outcome.FAILED])
@pytest.mark.parametrize("later", [one.name for one in Outcome])
def test_of_everything_else_the_latest_counts(first: str, later: str) -> None:
    assert outcomes(bundle(1, result("A/x", first)), bundle(2, result("A/x", later))) == {"A/x": later}


def test_a_run_of_chosen_cases_says_nothing_of_the_others() -> None:
    whole = bundle(1, result("A/x", "PASSED"), result("B/x", "ERROR"))
    chosen = bundle(2, result("A/x", "NOT_RUN", why=LEFT_OUT), result("B/x", "PASSED"))
    assert outcomes(whole, chosen) == {"A/x": "PASSED", "B/x": "PASSED"}
    # Nobody ever ran it, or the run broke: then it has not run.
    assert outcomes(chosen) == {"A/x": "NOT_RUN", "B/x": "PASSED"}
    broken = bundle(3, result("A/x", "NOT_RUN", why=CRASHED))
    assert outcomes(whole, chosen, broken)["A/x"] == "NOT_RUN"


def test_kinds_of_evidence_do_not_take_each_others_place() -> None:
    run, watch = bundle(1, result("A/x", "INCONCLUSIVE")), bundle(2, result("A/x", "PASSED"), kind="watch")
    assert outcomes(run, watch) == {"A/x": "INCONCLUSIVE"}
    loads = [bundle(3, result("L/p95", "WARNED"), kind="load", series="load peak")]
    loads += [bundle(4, result("L/p95", "PASSED"), kind="load", series="load spike")]
    assert outcomes(*loads) == {"L/p95": "WARNED"}
    assert outcomes(*loads, bundle(5, result("L/p95", "PASSED"), series="load peak")) == {"L/p95": "PASSED"}


def test_a_bundle_that_does_not_count_brings_its_failures_only() -> None:
    idle = bundle(2, result("A/x", "PASSED"), result("B/x", "FAILED"), reason="is UNSIGNED")
    assert outcomes(bundle(1, result("A/x", "ERROR")), idle) == {"A/x": "ERROR", "B/x": "FAILED"}
    assert outcomes(replace(idle, keeps_failures=False)) == {}
    assert outcomes(replace(idle, fault="does not verify")) == {}


def test_the_class_of_a_check_is_the_heaviest_that_it_ever_had() -> None:
    safety = bundle(1, result("A/x", "PASSED", CheckClass.SAFETY))
    [one] = combine_results([safety, bundle(2, result("A/x", "PASSED"))])
    assert one.cls is CheckClass.SAFETY
    [one] = override([one], [result("A/x", "PENDING", CheckClass.ADVISORY)])
    assert (one.cls, one.outcome) == (CheckClass.SAFETY, Outcome.PENDING)


def test_a_bundle_with_a_fault_holds_by_its_name() -> None:
    good, bad = judge_bundles([bundle(1), bundle(2, fault="its files are not here")], SOURCE)
    assert (good.outcome, bad.outcome) == (Outcome.PASSED, Outcome.ERROR)
    assert decide([good, bad]).deciding == ("BUNDLE-run-2/verifies",)


def test_evidence_is_as_old_as_the_oldest_that_still_stands() -> None:
    found = (bundle(1), bundle(2, kind="watch"), bundle(3), bundle(0, reason="is UNSIGNED"))
    assert Gathering("b", found, ()).since == NOW + timedelta(seconds=2)
    assert Gathering("b", (), ()).since is None


def trigger(kind: str, fired: bool) -> TriggerState:
    return TriggerState("TRG-1", kind, fired, None, ("age 400 s",), "A")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "states", "fired"),
    [
        ("immediate", [True, False], True),
        ("immediate", [False, True], True),
        ("immediate", [False, False], False),
        ("evaluation", [True, False], False),
        ("evaluation", [False, True], True),
    ],
)
def test_an_immediate_trigger_that_fired_stays_fired(kind: str, states: list[bool], fired: bool) -> None:
    watches = [bundle(n, kind="watch", triggers=[trigger(kind, one)]) for n, one in enumerate(states)]
    [state] = combine_triggers(watches)
    assert state.fired is fired


def test_of_a_watch_that_does_not_count_only_an_immediate_trigger_stays() -> None:
    for kind, count in (("immediate", 1), ("evaluation", 0)):
        idle = bundle(1, kind="watch", triggers=[trigger(kind, True)], reason="is 3 days old")
        assert len(combine_triggers([idle])) == count


CHECKS = st.lists(st.tuples(st.sampled_from(["A/x", "B/x"]), st.sampled_from([one.name for one in Outcome])))
_ORDER = (Verb.GO, Verb.HOLD, Verb.NO_GO)


@given(st.lists(CHECKS, max_size=4), st.sampled_from(["A/x", "B/x", "C/x"]))
@settings(max_examples=200, deadline=None)
def test_a_failure_anywhere_never_makes_the_decision_better(runs: Sequence[Any], check: str) -> None:
    bundles = [
        bundle(number, *(result(name, outcome) for name, outcome in dict(found).items()))
        for number, found in enumerate(runs)
    ]
    worse = [bundle(-1, result(check, "FAILED")), *bundles]
    before, after = decide(combine_results(bundles)), decide(combine_results(worse))
    assert _ORDER.index(after.verb) >= _ORDER.index(before.verb)
    assert after.verb is Verb.NO_GO
