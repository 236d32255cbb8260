"""The decision's truth table, and the properties that make it safe to build on."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.model.decision import Decision, Verb, decide
from gonogo.model.outcome import CheckClass, CheckResult, Outcome, SourceRef, heavier, merge_results, worst
from gonogo.model.trigger import KINDS, TriggerKind, TriggerState, trigger_from_json, trigger_to_json

SOURCE = SourceRef("smoke.csv", 7)
BADNESS = [Verb.GO, Verb.HOLD, Verb.NO_GO]


def check(
    outcome: Outcome, cls: CheckClass = CheckClass.REQUIRED, name: str = "ST-001/intent", **more: object
) -> CheckResult:
    case, kind = name.split("/")
    return CheckResult(case, kind, outcome, cls, SOURCE, (f"{name} {outcome.name.lower()}",), **more)  # type: ignore[arg-type]


PASSING = check(Outcome.PASSED, name="ST-999/intent")

# design.md, "Decision". Beside each check stands one required check that passed.
RULES = {
    **{(cls, Outcome.PASSED): Verb.GO for cls in CheckClass},
    **{
        (cls, outcome): Verb.HOLD
        for cls in CheckClass
        if cls is not CheckClass.ADVISORY
        for outcome in (Outcome.WARNED, Outcome.PENDING, Outcome.INCONCLUSIVE, Outcome.NOT_RUN, Outcome.ERROR)
    },
    **{(cls, Outcome.FAILED): Verb.NO_GO for cls in CheckClass if cls is not CheckClass.ADVISORY},
    **{(CheckClass.ADVISORY, outcome): Verb.GO for outcome in Outcome},
}


@pytest.mark.parametrize("cls", CheckClass)
@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_of_every_class_has_a_rule(cls: CheckClass, outcome: Outcome) -> None:
    decision = decide([check(outcome, cls), PASSING])

    assert decision.verb is RULES[cls, outcome]
    assert decision.deciding == (() if decision.verb is Verb.GO else ("ST-001/intent",))
    assert decision.reasons == (
        () if decision.verb is Verb.GO else (f"ST-001/intent: ST-001/intent {outcome.name.lower()}",)
    )


@pytest.mark.parametrize("cls", [cls for cls in CheckClass if cls is not CheckClass.REQUIRED])
def test_without_a_required_check_that_passed_it_holds(cls: CheckClass) -> None:
    decision = decide([check(Outcome.PASSED, cls)])

    assert decision.verb is Verb.HOLD
    assert decision.deciding == ()
    assert "no required check passed" in decision.reasons[0]


def test_nothing_at_all_holds() -> None:
    decision = decide([])

    assert decision == Decision(Verb.HOLD, (), decision.reasons, {})
    assert "no required check passed" in decision.reasons[0]


def test_a_failure_outweighs_whatever_is_open() -> None:
    open_checks = [check(outcome, name=f"ST-00{outcome}/team") for outcome in Outcome if outcome is not Outcome.FAILED]

    decision = decide([*open_checks, check(Outcome.FAILED)])

    assert decision.verb is Verb.NO_GO
    assert decision.deciding == ("ST-001/intent",)


def test_the_heaviest_deciding_check_comes_first() -> None:
    required = check(Outcome.ERROR, name="ST-001/intent")
    warned = check(Outcome.WARNED, CheckClass.PRIVACY, name="ST-002/reply")
    unsafe = check(Outcome.NOT_RUN, CheckClass.SAFETY, name="ST-003/reply")

    assert decide([required, warned, unsafe]).deciding == ("ST-003/reply", "ST-002/reply", "ST-001/intent")


def test_counts_are_of_checks_and_not_of_their_parts() -> None:
    parts = [check(Outcome.PASSED, part="a"), check(Outcome.ERROR, part="b")]

    assert decide([*parts, PASSING]).counts == {"PASSED": 1, "ERROR": 1}


def test_a_deciding_check_without_words_shows_its_outcome() -> None:
    assert decide([replace(check(Outcome.ERROR), reasons=())]).reasons == ("ST-001/intent: ERROR",)


results = st.lists(
    st.builds(
        lambda name, outcome, cls, part: replace(check(outcome, cls, name), part=part),
        st.sampled_from(["A/1", "A/2", "B/1", "C/1"]),
        st.sampled_from(Outcome),
        st.sampled_from(CheckClass),
        st.sampled_from(["", "p", "q"]),
    ),
    max_size=6,
)


@given(results, st.data())
def test_a_worse_outcome_never_improves_the_decision(before: list[CheckResult], data: st.DataObject) -> None:
    if not before:
        return
    index = data.draw(st.integers(0, len(before) - 1))
    worse = data.draw(st.sampled_from([one for one in Outcome if one >= before[index].outcome]))
    after = [*before[:index], replace(before[index], outcome=worse), *before[index + 1 :]]

    assert BADNESS.index(decide(after).verb) >= BADNESS.index(decide(before).verb)


@given(results, results)
def test_a_further_check_that_did_not_pass_never_improves_the_decision(
    before: list[CheckResult], more: list[CheckResult]
) -> None:
    bad = [one for one in more if one.outcome is not Outcome.PASSED]

    assert BADNESS.index(decide([*before, *bad]).verb) >= BADNESS.index(decide(before).verb)


@given(results)
def test_the_order_of_results_does_not_matter(before: list[CheckResult]) -> None:
    first = decide(before)

    for order in list(permutations(before))[:50]:
        other = decide(order)
        assert (other.verb, other.counts, set(other.deciding)) == (first.verb, first.counts, set(first.deciding))


@given(results)
def test_a_go_means_that_everything_binding_passed(before: list[CheckResult]) -> None:
    decision = decide(before)
    binding = [one for one in merge_results(before) if one.cls is not CheckClass.ADVISORY]

    goes = all(one.outcome is Outcome.PASSED for one in binding) and any(
        one.cls is CheckClass.REQUIRED for one in binding
    )
    assert (decision.verb is Verb.GO) == goes
    assert sum(decision.counts.values()) == len({one.id for one in before})


@given(results)
def test_merging_takes_the_worst_and_keeps_every_reason(before: list[CheckResult]) -> None:
    merged = merge_results(before)

    assert [one.id for one in merged] == list(dict.fromkeys(one.id for one in before))
    for one in merged:
        parts = [part for part in before if part.id == one.id]
        assert one.outcome is max(part.outcome for part in parts)
        assert set(one.reasons) == {reason for part in parts for reason in part.reasons}
        assert one.cls is min((part.cls for part in parts), key=list(CheckClass).index)


def test_merging_shows_what_the_worst_part_expected_and_observed() -> None:
    good = check(Outcome.PASSED, part="stage", expected="off", observed="off")
    bad = check(Outcome.FAILED, part="thrown", expected="on", observed="off")

    for order in ([good, bad], [bad, good]):
        merged = merge_results(order)[0]
        assert (merged.expected, merged.observed) == ("on", "off")


def test_the_outcomes_are_ordered_from_best_to_worst() -> None:
    assert [one.name for one in sorted(Outcome)] == [
        "PASSED", "WARNED", "PENDING", "INCONCLUSIVE", "NOT_RUN", "ERROR", "FAILED",
    ]  # fmt: skip


@pytest.mark.parametrize("first", CheckClass)
@pytest.mark.parametrize("second", CheckClass)
def test_a_class_is_only_ever_raised(first: CheckClass, second: CheckClass) -> None:
    order = [CheckClass.SAFETY, CheckClass.PRIVACY, CheckClass.REQUIRED, CheckClass.ADVISORY]

    assert heavier(first, second) is order[min(order.index(first), order.index(second))]


def test_no_outcome_at_all_is_not_run() -> None:
    assert worst([]) is Outcome.NOT_RUN
    assert worst([Outcome.PASSED, Outcome.ERROR, Outcome.WARNED]) is Outcome.ERROR


def trigger(kind: TriggerKind, *, fired: bool = True) -> TriggerState:
    return TriggerState("TRG-LOOP", kind, fired, "2026-11-21T08:00:00+00:00", ("4 replies > 3 (limit)",), "A")


@pytest.mark.parametrize(("kind", "verb"), [("immediate", Verb.NO_GO), ("evaluation", Verb.HOLD)])
def test_a_trigger_that_fired_decides_whatever_passed(kind: TriggerKind, verb: Verb) -> None:
    decision = decide([PASSING], triggers=[trigger(kind)])

    assert decision.verb is verb
    assert decision.deciding == ("TRG-LOOP/fired",)
    assert decision.reasons == ("TRG-LOOP/fired: 4 replies > 3 (limit)",)


def test_a_failure_outweighs_a_trigger_that_asks_for_an_evaluation() -> None:
    assert decide([check(Outcome.FAILED), PASSING], triggers=[trigger("evaluation")]).verb is Verb.NO_GO


@given(results, st.lists(st.builds(trigger, st.sampled_from(KINDS), fired=st.booleans())))
def test_triggers_never_improve_the_decision(before: list[CheckResult], triggers: list[TriggerState]) -> None:
    alone, watched = decide(before), decide(before, triggers=triggers)

    assert BADNESS.index(watched.verb) >= BADNESS.index(alone.verb)
    if not any(one.fired for one in triggers):
        assert watched == alone


@given(st.builds(trigger, st.sampled_from(KINDS), fired=st.booleans()))
def test_a_trigger_survives_its_record(one: TriggerState) -> None:
    assert trigger_from_json(trigger_to_json(one)) == one
