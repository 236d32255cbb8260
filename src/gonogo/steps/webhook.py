"""General steps: calls that a webhook must refuse."""

from __future__ import annotations

from gonogo.model.outcome import CheckClass, Outcome, Verdict
from gonogo.run.definitions import then, when
from gonogo.run.observation import judge_absence
from gonogo.run.planning import Draft
from gonogo.run.scene import Scene
from gonogo.targets.interface import Malformed, NotAvailable

_KINDS = {kind.value: kind for kind in Malformed}


@when("the webhook is called {how}")
def call_webhook(draft: Draft, how: str) -> None:
    """Call the webhook in a way that it must refuse."""
    if how not in _KINDS:
        raise ValueError(f"{how!r} is not known; allowed: {', '.join(_KINDS)}")
    draft.call(_KINDS[how])


def _judge_status(scene: Scene, how: str, allowed: tuple[int, ...]) -> Verdict:
    expected = f"status {' or '.join(map(str, allowed))} when called {how}"
    answer = scene.answer(_KINDS[how])
    if isinstance(answer, NotAvailable):
        return judge_absence(answer, expected)
    status = answer.value.status
    if status in allowed:
        return Verdict(Outcome.PASSED, (), expected, str(status))
    return Verdict(Outcome.FAILED, (f"status {status}, not {' or '.join(map(str, allowed))}",), expected, str(status))


@then("a call without a token is refused as unauthorised", check="no-token", cls=CheckClass.SAFETY)
def no_token_refused(scene: Scene) -> Verdict:
    """Judge that a missing token is answered with 401."""
    return _judge_status(scene, Malformed.NO_TOKEN.value, (401,))


@then("a call with a wrong token is refused as unauthorised", check="wrong-token", cls=CheckClass.SAFETY)
def wrong_token_refused(scene: Scene) -> Verdict:
    """Judge that a wrong token is answered with 401."""
    return _judge_status(scene, Malformed.WRONG_TOKEN.value, (401,))


@then("both answers are alike", check="indistinguishable", cls=CheckClass.SAFETY)
def answers_alike(scene: Scene) -> Verdict:
    """Judge that nothing in the answer tells a missing token from a wrong one."""
    expected = "one answer for a missing and for a wrong token"
    answers = [scene.answer(kind) for kind in (Malformed.NO_TOKEN, Malformed.WRONG_TOKEN)]
    shown = []
    for answer in answers:
        if isinstance(answer, NotAvailable):
            return judge_absence(answer, expected)
        shown.append(answer.value)
    if shown[0] == shown[1]:
        return Verdict(Outcome.PASSED, (), expected, "alike")
    differs = "status" if shown[0].status != shown[1].status else "body"
    return Verdict(Outcome.FAILED, (f"the {differs} tells a missing token from a wrong one",), expected, "different")


@then("a body that is not JSON is refused as bad", check="not-json")
def not_json_refused(scene: Scene) -> Verdict:
    """Judge that a body that cannot be parsed is answered with 400."""
    return _judge_status(scene, Malformed.NOT_JSON.value, (400,))


@then("a body that is not an object is refused as bad", check="not-object")
def not_object_refused(scene: Scene) -> Verdict:
    """Judge that JSON which is no object is answered with 400."""
    return _judge_status(scene, Malformed.NOT_OBJECT.value, (400,))


@then("a body without a required key is refused as bad", check="missing-key")
def missing_key_refused(scene: Scene) -> Verdict:
    """Judge that each missing key is answered with 400."""
    return _judge_status(scene, Malformed.MISSING_KEY.value, (400,))


@then("a body over the size limit is refused", check="oversized")
def oversized_refused(scene: Scene) -> Verdict:
    """Judge that a body over the limit is answered with 413 or 400."""
    return _judge_status(scene, Malformed.OVERSIZED.value, (413, 400))
