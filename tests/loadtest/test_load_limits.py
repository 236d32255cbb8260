"""Limits: what so many messages can prove, and what each limit comes to."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.loadtest.figures import Evidence, breach_is_certain, measure_load
from gonogo.loadtest.generator.recording import RECORD
from gonogo.loadtest.limits import judge_condition, judge_generator, judge_limits, plan_checks
from gonogo.loadtest.order import WorkerNote
from gonogo.loadtest.readback import ReadBack
from gonogo.loadtest.reconcile import Reconciliation
from gonogo.loadtest.records import Records, parse_records
from gonogo.loadtest.sampling import Reading, Samples, find_drained
from gonogo.model.gate import Comparison, Measurement, Weight
from gonogo.model.load import FIGURES, Arrivals, LoadLimit, Profile, Segment, Series, prove_limit, samples_needed
from gonogo.model.outcome import CheckClass, Outcome, SourceRef, Verdict

SOUND = Verdict(Outcome.PASSED)
PROFILE = Profile(title="x", arrivals=Arrivals(segments=(Segment(count=1, over=1.0),)), recovery=1.0)


def limit(metric: str, bound: float, **more) -> LoadLimit:
    return LoadLimit(id="it", metric=metric, comparison=more.pop("comparison", Comparison.BELOW), limit=bound, **more)


def judge(one: LoadLimit, measured: Measurement, count: int, *, certain=False, sound=SOUND, lagged=False, scale=1.0):
    source = SourceRef("load.yaml", 3)
    checks = plan_checks("LOAD-x", (one,), count, {"it": source, "": source}, PROFILE)
    [(gate, check)] = judge_limits(
        checks, {one.metric: measured}, lambda *_: certain, time_scale=scale, window=60.0, sound=sound, lagged=lagged
    )
    planned = next(found for found in checks.planned() if found.check == "it")
    return gate, check, planned


@pytest.mark.parametrize(
    ("metric", "bound", "needed"),
    [
        ("server_errors", 0.001, 2995),
        ("server_errors", 0.01, 299),
        ("ack_p95", 0.5, 59),
        ("ack_p99", 1.5, 299),
        ("ack_p50", 0.1, 5),
        ("lost", 0, 1),
        ("queue_age_max", 300, 1),
    ],
)
def test_each_limit_states_the_samples_that_it_needs(metric: str, bound: float, needed: int) -> None:
    assert samples_needed(limit(metric, bound)) == needed
    assert not prove_limit(limit(metric, bound), needed - 1).provable
    assert prove_limit(limit(metric, bound), needed).provable
    assert samples_needed(limit(metric, bound, min_samples=7)) == 7


@given(st.floats(0.0001, 0.5))
def test_so_many_without_a_failure_rule_the_share_out_and_one_fewer_do_not(share: float) -> None:
    needed = samples_needed(limit("server_errors", share))
    assert (1 - float(limit("server_errors", share).limit)) ** needed <= 0.05 + 1e-9
    assert (1 - float(limit("server_errors", share).limit)) ** (needed - 1) > 0.05 - 1e-9


def test_what_a_profile_can_never_prove_is_told_and_decides_nothing_while_it_looks_well() -> None:
    _, check, planned = judge(limit("server_errors", 0.001), Measurement("server_errors", 0, 1000), 1000)
    assert (check.outcome, check.cls, planned.cls) == (Outcome.INCONCLUSIVE, CheckClass.ADVISORY, CheckClass.ADVISORY)
    assert check.reasons[0].startswith("too_few_samples")


def test_what_looks_bad_holds_although_it_proves_nothing() -> None:
    measured = Measurement("server_errors", Fraction(1, 1000), 1000)
    _, check, _ = judge(limit("server_errors", 0.001), measured, 1000)
    assert (check.outcome, check.cls) == (Outcome.INCONCLUSIVE, CheckClass.REQUIRED)


def test_what_chance_cannot_explain_fails_however_few_they_were() -> None:
    measured = Measurement("server_errors", Fraction(10, 1000), 1000)
    _, check, _ = judge(limit("server_errors", 0.001), measured, 1000, certain=True)
    assert (check.outcome, check.cls) == (Outcome.FAILED, CheckClass.REQUIRED)


def test_fewer_answers_than_the_profile_would_give_hold() -> None:
    _, check, planned = judge(limit("server_errors", 0.001), Measurement("server_errors", 0, 2000), 10_000)
    assert (check.outcome, check.cls, planned.cls) == (Outcome.INCONCLUSIVE, CheckClass.REQUIRED, CheckClass.REQUIRED)


@pytest.mark.parametrize("metric", ["duplicates", "tier0_replies", "forbidden_replies"])
def test_what_must_never_happen_is_safety_whatever_the_file_says(metric: str) -> None:
    one = limit(metric, 0, comparison=Comparison.AT_MOST, weight=Weight.RECORDED)
    _, check, planned = judge(one, Measurement(metric, 1, 500), 500)
    assert (check.cls, planned.cls) == (CheckClass.SAFETY, CheckClass.SAFETY)
    assert check.outcome in (Outcome.FAILED, Outcome.WARNED)


def test_a_figure_that_was_never_measured_does_not_pass() -> None:
    one = limit("lost", 0, comparison=Comparison.AT_MOST)
    source = SourceRef("load.yaml", 3)
    checks = plan_checks("LOAD-x", (one,), 500, {"it": source, "": source}, PROFILE)
    [(_, check)] = judge_limits(checks, {}, lambda *_: False, time_scale=1, window=60, sound=SOUND)
    assert check.outcome is Outcome.INCONCLUSIVE


def test_compressed_time_shrinks_limits_on_ages_and_not_on_acknowledgements() -> None:
    gate, check, _ = judge(limit("queue_age_max", 300), Measurement("queue_age_max", 6.0, 9, unit="s"), 50, scale=60)
    assert check.outcome is Outcome.FAILED
    assert gate.limit == 5
    assert "time x60" in gate.sentence
    gate, check, _ = judge(limit("ack_p95", 0.5), Measurement("ack_p95", 0.4, 100, unit="s"), 100, scale=60)
    assert (check.outcome, float(gate.limit)) == (Outcome.PASSED, 0.5)


def test_recovery_is_held_against_the_window_that_was_given() -> None:
    _, check, _ = judge(limit("recovery", 600), Measurement("recovery", 60.2, 1, unit="s"), 50)
    assert check.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("metric", "value", "lagged", "wanted"),
    [
        ("lost", 0, False, Outcome.INCONCLUSIVE),
        ("lost", 3, True, Outcome.FAILED),
        ("duplicates", 1, True, Outcome.FAILED),
        ("ack_p95", 0.9, False, Outcome.FAILED),
        ("ack_p95", 0.9, True, Outcome.INCONCLUSIVE),
        ("ack_p95", 0.1, False, Outcome.INCONCLUSIVE),
    ],
)
def test_a_load_that_was_not_made_as_asked_proves_nothing_and_excuses_nothing(metric, value, lagged, wanted) -> None:
    bound, comparison = (0.5, Comparison.BELOW) if metric == "ack_p95" else (0, Comparison.AT_MOST)
    unsound = Verdict(Outcome.INCONCLUSIVE, ("vacuous: it lagged",))
    unit = FIGURES[metric].unit
    one = limit(metric, bound, comparison=comparison)
    _, check, _ = judge(one, Measurement(metric, value, 500, unit=unit), 500, sound=unsound, lagged=lagged)
    assert check.outcome is wanted


def rows(count: int, *, lag: int = 100, latency: int = 2000, status: int = 202, error: int = 0) -> bytes:
    return b"".join(RECORD.pack(index, lag, latency, status, error) for index in range(count))


def notes(*workers: int, records: int = 0, error: str = "") -> tuple[WorkerNote, ...]:
    return tuple(WorkerNote(one, records, records, records, 1.0, 2.0, False, 1, 0.0, error) for one in workers)


@pytest.mark.parametrize(
    ("data", "told", "wanted"),
    [
        (rows(100), notes(0, 1, 2), ""),
        (rows(98), notes(0, 1, 2), ""),
        (rows(97), notes(0, 1, 2), "97 of 100 requests were made"),
        (rows(67), notes(0, 2), "1 of 3 workers lost (worker 1)"),
        (rows(100), notes(0, 2), "1 of 3 workers lost"),
        (rows(100, lag=30_000), notes(0, 1, 2), "the generator lagged: p99 30.0 ms > 25 ms"),
        (rows(99), notes(0, 1, 2, records=40), "records of 120 are missing"),
        (rows(100) + rows(1), notes(0, 1, 2), "recorded twice"),
        (rows(100), notes(0, 1, error="no token") + notes(2), "worker 0: no token"),
        (b"", (), "3 of 3 workers lost"),
    ],
)
def test_a_generator_that_did_not_do_as_told_makes_the_load_inconclusive(data, told, wanted) -> None:
    parsed = parse_records(data)
    unique = np.unique(parsed["arrival"]).size
    records = Records(parsed, told, len(parsed) - unique)
    verdict = judge_generator(records, 100, 3, 0.025, 0.02)
    assert verdict.outcome is (Outcome.INCONCLUSIVE if wanted else Outcome.PASSED)
    assert any(wanted in reason for reason in verdict.reasons) or not wanted


def test_a_load_that_was_stopped_is_inconclusive() -> None:
    verdict = judge_generator(Records(parse_records(rows(100)), notes(0)), 100, 1, 0.025, 0.02, "server-errors: 9")
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "stopped early: server-errors: 9" in verdict.reasons[0]


def test_a_condition_that_was_not_there_makes_the_load_vacuous() -> None:
    there = judge_condition({"vendor_429": 50}, {"vendor_429": Measurement("vendor_429", 51)}, "a storm")
    gone = judge_condition({"vendor_429": 50}, {"vendor_429": Measurement("vendor_429", 3)}, "a storm")
    unseen = judge_condition({"vendor_429": 50}, {}, "a storm")
    assert there.outcome is Outcome.PASSED
    assert gone.outcome is unseen.outcome is Outcome.INCONCLUSIVE
    assert gone.reasons[0].startswith("vacuous: vendor_429 3 < 50")


def evidence(data: bytes, *, samples: Samples | None = None, reconciled: Reconciliation | None = None, **more):
    records = Records(parse_records(data), notes(0))
    return Evidence(
        records, (200, 202), samples or Samples({}), ReadBack(), reconciled or Reconciliation(), None, **more
    )


def test_a_quick_refusal_does_not_improve_the_acknowledgements_and_a_timeout_counts() -> None:
    data = rows(90) + b"".join(RECORD.pack(100 + i, 0, 1, 503, 0) for i in range(50))
    data += b"".join(RECORD.pack(200 + i, 0, 30_000_000, 0, 2) for i in range(10))
    found = measure_load(evidence(data))
    assert found["ack_p50"].value == 0.002
    assert found["ack_p95"].value == 30.0
    assert found["ack_p95"].n == 100
    assert (found["server_errors"].value, found["unanswered"].value) == (Fraction(1, 3), Fraction(1, 15))


def test_a_breach_is_certain_where_too_many_lie_above_the_limit() -> None:
    slow = evidence(rows(100, latency=2_000_000))
    assert breach_is_certain("ack_p99", 1.5, slow)
    mixed = evidence(rows(99) + RECORD.pack(999, 0, 2_000_000, 202, 0))
    assert not breach_is_certain("ack_p99", 1.5, mixed)
    assert not breach_is_certain("queue_age_max", 1.5, mixed)


def test_silence_proves_nothing_where_replies_cannot_be_seen() -> None:
    reconciled = Reconciliation(events=10, acknowledged=10, decided=10, escalations=2, silent=2)
    found = measure_load(evidence(rows(10), reconciled=reconciled, replies_shown="the control reply is not shown"))
    for name in ("duplicates", "tier0_replies", "forbidden_replies"):
        assert found[name].value is None
        assert "control reply" in found[name].problems[0].text


def test_no_decision_at_all_is_an_error_and_not_a_loss() -> None:
    reconciled = Reconciliation(events=10, acknowledged=10)
    reconciled.counts["lost"] = 10
    found = measure_load(evidence(rows(10), reconciled=reconciled))
    assert found["lost"].value is None
    assert "may be broken" in found["lost"].problems[0].text


def test_counters_are_told_by_their_growth_and_levels_by_their_height() -> None:
    series = {
        "queue_age": Series(metric="age"),
        "dead_letters": Series(metric="dlq", kind="counter"),
        "unseen": Series(metric="no"),
    }
    samples = Samples(series)
    for at, age, dlq in ((1.0, 0.5, 7.0), (2.0, 9.0, 8.0), (3.0, 0.1, 2.0)):
        samples.readings.append(Reading(at, {"queue_age": age, "dead_letters": dlq}))
    found = measure_load(evidence(rows(10), samples=samples))
    assert found["queue_age_max"].value == 9.0
    # It grew by one, then the process began anew and counted two.
    assert found["dead_letters"].value == 3.0
    assert found["unseen"].value is None
    assert find_drained(samples, 1.5, 2.0) == 3.0
    assert find_drained(samples, 3.5, 2.0) is None
