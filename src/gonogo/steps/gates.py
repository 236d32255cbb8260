"""General steps: thresholds over what was measured."""

from __future__ import annotations

from gonogo.errors import UsageError
from gonogo.model.outcome import CheckClass, Outcome, Verdict
from gonogo.run.definitions import given, then, when
from gonogo.run.planning import Draft
from gonogo.run.scene import Scene


@given("everything that this run sends has been sent")
def everything_sent(draft: Draft) -> None:
    """Judge the scenario after every message of the run."""
    draft.judge_all_messages()


@when('the gate "{gate}" is measured')
def measure_gate(draft: Draft, gate: str) -> None:
    """Have a gate of this stage's gates files measured."""
    draft.measure(gate)


def _judge(scene: Scene, threshold: str) -> Verdict:
    try:
        result = scene.gate(scene.planned.id)
    except UsageError as error:
        return Verdict(Outcome.ERROR, (f"{error.message}. {error.hint}",), threshold)
    reasons = () if result.outcome is Outcome.PASSED else result.reasons
    return Verdict(result.outcome, reasons, threshold, result.sentence)


@then("the safety gate holds: {threshold}", check="gate", cls=CheckClass.SAFETY)
def safety_gate_holds(scene: Scene, threshold: str) -> Verdict:
    """Judge a gate whose breach is a safety failure."""
    return _judge(scene, threshold)


@then("the privacy gate holds: {threshold}", check="gate", cls=CheckClass.PRIVACY)
def privacy_gate_holds(scene: Scene, threshold: str) -> Verdict:
    """Judge a gate whose breach is a privacy failure."""
    return _judge(scene, threshold)


@then("the required gate holds: {threshold}", check="gate")
def required_gate_holds(scene: Scene, threshold: str) -> Verdict:
    """Judge a gate whose breach fails a required check."""
    return _judge(scene, threshold)


@then("the soft gate holds: {threshold}", check="gate")
def soft_gate_holds(scene: Scene, threshold: str) -> Verdict:
    """Judge a gate whose breach is a warning that needs a sign-off."""
    return _judge(scene, threshold)


@then("the recorded gate holds: {threshold}", check="gate", cls=CheckClass.ADVISORY)
def recorded_gate_holds(scene: Scene, threshold: str) -> Verdict:
    """Judge a gate that only shows what it would have done."""
    return _judge(scene, threshold)
