"""General steps: what a person, a whole pack or a gate answers for."""

from __future__ import annotations

from gonogo.model.outcome import CheckClass, InconclusiveReason, Outcome, Verdict, worst
from gonogo.run.definitions import given, then
from gonogo.run.observation import name_cases
from gonogo.run.planning import Draft
from gonogo.run.scene import Scene


@given("it is answered for at stage {stages}")
def answered_at(draft: Draft, stages: str) -> None:
    """List the item as not tested at any other stage."""
    draft.require_stage([stage.strip() for stage in stages.split(",")])


@given("it is answered for in environments of kind {kinds}")
def answered_in(draft: Draft, kinds: str) -> None:
    """List the item as not tested in environments of any other kind."""
    draft.require_kind([kind.strip() for kind in kinds.split(",")])


@given("nobody is asked about it: {reason}")
def nobody_asked(draft: Draft, reason: str) -> None:
    """List the item as not tested, with the reason that its binding gives."""
    draft.refused = draft.refused or f"nobody is asked about it: {reason}"


@given("the words of the item are {digest}")
def words_are(draft: Draft, digest: str) -> None:
    """Have a person answer for the item; the digest shows in the feature that its words changed."""
    draft.require_person()


@then("a person has answered for it", check="attested")
def person_answered(scene: Scene) -> Verdict:
    """Judge the attestations of the item."""
    return scene.observations.attest(scene.planned.id)


@then("a person has answered for it: {terms}", check="attested")
def person_answered_in_role(scene: Scene, terms: str) -> Verdict:
    """Judge the attestations of the item, by role, evidence and age."""
    return scene.observations.attest(scene.planned.id)


@then('the watch has answered for the trigger "{trigger}"', check="trigger")
def watch_answered(scene: Scene, trigger: str) -> Verdict:
    """Hold the item open: a run cannot see what only the watch after it sees."""
    text = f"the trigger {trigger!r} is watched after the run; a run cannot answer for it"
    return Verdict(Outcome.PENDING, (text,), f"the trigger {trigger!r} did not fire")


@then('every check of the pack "{pack}" passes', check="pack")
def pack_passes(scene: Scene, pack: str) -> Verdict:
    """Judge the results of all cases of a pack in this run, advisory ones aside."""
    expected = f"every check of {pack} passes"
    results = [one for one in scene.observations.results if one.source.file.rsplit("/", 1)[-1] == pack]
    binding = [one for one in results if one.cls is not CheckClass.ADVISORY]
    if not binding:
        text = f"no case of {pack} was judged in this run"
        return Verdict.inconclusive(InconclusiveReason.VACUOUS, text, expected)
    bad = [one for one in binding if one.outcome is not Outcome.PASSED]
    outcome = worst(one.outcome for one in binding)
    reasons = (f"{outcome.name}: {name_cases([one.id for one in bad])}",) if bad else ()
    return Verdict(outcome, reasons, expected, f"{len(binding) - len(bad)} of {len(binding)} checks passed")


@then('the gate "{gate}" holds', check="gate")
def gate_holds(scene: Scene, gate: str) -> Verdict:
    """Judge what a gate of this stage came to."""
    result = scene.gate(gate)
    reasons = () if result.outcome is Outcome.PASSED else result.reasons
    return Verdict(result.outcome, reasons, f"the gate {gate} holds", result.sentence)
