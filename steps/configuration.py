"""Steps for what a deploy has to find applied: the declared defaults, in effect and as the system shows them."""

from __future__ import annotations

from gonogo.model.flags import describe_value
from gonogo.model.outcome import CheckClass, InconclusiveReason, Outcome, Verdict
from gonogo.run.definitions import given, then
from gonogo.run.observation import judge_absence, name_cases
from gonogo.run.planning import Draft
from gonogo.run.scene import Scene
from gonogo.targets.interface import NotAvailable

_NO_FILE = "the system has no parameter_defaults.yaml, so there is nothing to compare with"


@given("nothing is switched on at this stage")
def nothing_switched_on(draft: Draft) -> None:
    """List the scenario as not tested where a stage has other flags than a fresh deploy."""
    stage = draft.stage
    if stage.automation_enabled or not stage.safe_mode or stage.templates:
        draft.refused = draft.refused or f"stage {stage.id} switches on what the declared defaults leave off"


@then("the worker uses the flags of the declared defaults", check="flags", cls=CheckClass.SAFETY)
def default_flags_in_effect(scene: Scene) -> Verdict:
    """Judge the flags that the decisions of the run used, by group, whatever the store says."""
    defaults = scene.observations.defaults
    if defaults is None:
        return Verdict(Outcome.ERROR, (_NO_FILE,))
    expected = ", ".join(f"{name}={describe_value(value)}" for name, value in defaults.flags.items())
    decided = [sent for sent in scene.all_sent if sent.decision is not None and not sent.outgoing.flags]
    if not decided:
        return Verdict.inconclusive(InconclusiveReason.VACUOUS, "no message of the run was decided", expected)
    wrong: dict[str, list[str]] = {}
    hidden: set[str] = set()
    for sent in decided:
        used = sent.decision.flags_used if sent.decision else {}
        for name, value in defaults.flags.items():
            if name not in used:
                hidden.add(name)
            elif _plain(used[name]) != _plain(value):
                wrong.setdefault(name, []).append(sent.message.case_id)
    if wrong:
        reasons = tuple(
            f"{name} is not {describe_value(defaults.flags[name])} ({name_cases(cases)})"
            for name, cases in sorted(wrong.items())
        )
        return Verdict(Outcome.FAILED, reasons, expected, f"{len(wrong)} flags differ")
    if hidden:
        text = f"decisions do not show {', '.join(sorted(hidden))}"
        return Verdict.inconclusive(InconclusiveReason.NOT_OBSERVABLE, text, expected)
    return Verdict(Outcome.PASSED, (), expected, f"{len(decided)} decisions")


@then("the configuration that the system shows is the declared one", check="configuration")
def shown_configuration(scene: Scene) -> Verdict:
    """Judge every parameter that the system shows against the declared defaults, in both directions."""
    defaults, shown = scene.observations.defaults, scene.observations.configuration
    if defaults is None:
        return Verdict(Outcome.ERROR, (_NO_FILE,))
    expected = ", ".join(f"{name} {_text(value)}" for name, value in defaults.configuration.items())
    if not defaults.configuration:
        return Verdict.inconclusive(InconclusiveReason.VACUOUS, "parameter_defaults.yaml declares no parameter")
    if isinstance(shown, NotAvailable):
        return judge_absence(shown, expected)
    seen = shown.value
    wrong = [
        f"{name} is not {_text(value)}"
        for name, value in defaults.configuration.items()
        if name in seen and (type(seen[name]), seen[name]) != (type(value), value)
    ]
    wrong += [f"{name} is declared nowhere" for name in sorted(set(seen) - set(defaults.configuration))]
    if wrong:
        return Verdict(Outcome.FAILED, tuple(wrong), expected, f"{len(wrong)} of {len(seen)} differ")
    missing = sorted(set(defaults.configuration) - set(seen))
    if missing:
        text = f"the system does not show {', '.join(missing)}"
        return Verdict.inconclusive(InconclusiveReason.NOT_OBSERVABLE, text, expected)
    return Verdict(Outcome.PASSED, (), expected, f"{len(seen)} parameters")


def _plain(value: object) -> object:
    return frozenset(value) if isinstance(value, tuple) else value


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
