"""Cases → Gherkin that someone who runs a support team can read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from gonogo.gherkin.docstring import encode_json, survives_plainly
from gonogo.gherkin.scenario import Scenario, Step
from gonogo.model.case import Case, Mode, Pack
from gonogo.model.gate_pack import GatePack
from gonogo.model.vocabulary import Vocabulary

RULES: dict[Mode, str] = {
    Mode.ROUTE_ONLY: "Messages that are only routed",
    Mode.TIER0_SAFETY: "Escalations that go to a person and are never answered automatically",
    Mode.TIER1_AUTOMATION: "Questions that may be answered without disclosing anything about an order",
    Mode.TIER2_NO_MATCH: "Order questions without a linked order: nothing about an order is disclosed",
    Mode.TIER2_MATCH: "Order questions with a linked order: the verified reply may go out",
    Mode.MULTI_INTENT: "Several requests in one message: the one that matters most wins",
    Mode.DUPLICATE: "The same event delivered more than once counts once",
    Mode.KILL_AUTOMATION: "Kill switch: automation disabled",
    Mode.KILL_SAFE_MODE: "Kill switch: safe mode",
}


def render_scenario(case: Case, vocabulary: Vocabulary) -> Scenario:
    """Return the scenario of a case; it says everything of the row but its notes."""
    steps = [
        _step("Given", "given", f'a case of the kind "{case.mode.value}"'),
        _step("And", "given", _conversation(case, vocabulary)),
    ]
    if case.mode.is_kill_switch:
        steps.append(_step("And", "given", "the same message in a second conversation while the switch is not thrown"))
    if survives_plainly(case.message):
        steps.append(Step("When", "when", "the customer writes:", case.message))
    else:
        steps.append(Step("When", "when", "the customer writes, given as JSON:", encode_json(case.message)))
    if case.mode is Mode.DUPLICATE:
        text = "the event is delivered twice more, with the same and with another delivery id"
        steps.append(_step("And", "when", text))
    checks = list(_checks(case))
    steps += [_step("Then" if index == 0 else "And", "then", text) for index, text in enumerate(checks)]
    tags = (case.id, case.mode.value, case.channel)
    return Scenario(f"[{case.id}] {_title(case)}", tags, tuple(steps), comment=_comment(case.notes))


def _comment(notes: str) -> str:
    if not notes.isprintable():
        notes = "".join(char if char.isprintable() else " " for char in notes)
    return " ".join(notes.split())


def _step(keyword: str, kind: str, text: str) -> Step:
    return Step(keyword, kind, text)


def _conversation(case: Case, vocabulary: Vocabulary) -> str:
    if case.mode is not Mode.TIER2_MATCH:
        return f"a new {case.channel} conversation without a linked order"
    template = vocabulary.templates.get(case.template or "")
    return f'a new {case.channel} conversation linked to the order "{(template and template.order) or "tracked"}"'


def _checks(case: Case) -> Iterator[str]:
    yield "the message leads to one decision"
    yield "the message arrives unaltered"
    yield f'the intent is "{case.intent}"'
    yield f'the ticket goes to "{case.team}"'
    tags = ", ".join(f'"{tag}"' for tag in case.tags)
    yield f"the ticket carries the tag{'s' if len(case.tags) > 1 else ''} {tags}"
    yield f'the action is "{case.action.value}" where this stage allows it'
    if case.template is None:
        yield (
            "no reply template is chosen"
            if case.mode is not Mode.DUPLICATE
            else "no other template than its own is chosen"
        )
    else:
        yield f'the reply is "{case.template}" where this stage allows it'
    if case.mode is Mode.DUPLICATE:
        yield "the customer gets at most one reply"
        yield "the further deliveries change nothing"
    elif case.template is None:
        yield "the customer gets no automatic reply"
    else:
        yield "the customer gets that reply once, and nothing where it is withheld"
    if case.mode.is_kill_switch:
        yield "the second conversation gets its reply, which shows that the switch did it"


def _title(case: Case) -> str:
    intent, via = case.intent.replace("_", " "), f"by {case.channel}"
    match case.mode:
        case Mode.ROUTE_ONLY:
            return f"{intent} {via} is only routed"
        case Mode.TIER0_SAFETY:
            return f"{intent} {via} goes to a person"
        case Mode.TIER1_AUTOMATION:
            return f"{intent} {via} is answered with {case.template}"
        case Mode.TIER2_NO_MATCH:
            return f"{intent} {via} without an order is answered with {case.template or 'nothing'}"
        case Mode.TIER2_MATCH:
            return f"{intent} {via} with an order is answered with {case.template}"
        case Mode.MULTI_INTENT:
            return f"several requests {via} count as {intent}"
        case Mode.DUPLICATE:
            return f"{intent} {via} delivered three times counts once"
        case Mode.KILL_AUTOMATION:
            return f"{intent} {via} while automation is disabled is only routed"
        case Mode.KILL_SAFE_MODE:
            return f"{intent} {via} while safe mode is on is only routed"


def render_feature(pack: Pack, vocabulary: Vocabulary) -> str:
    """Return the feature file of a pack: deterministic, scenarios grouped by mode in the order of the file."""
    lines = [
        "# Generated by `gonogo compile` - do not edit; edit the source and compile again.",
        f"# source: {pack.file}",
        f"# sha256: {pack.digest}",
        f"@{vocabulary.system} @{pack.name}",
        f"Feature: {vocabulary.system}: {pack.name}",
    ]
    for mode in Mode:
        cases = [case for case in pack.cases if case.mode is mode]
        if not cases:
            continue
        lines += ["", f"  Rule: {RULES[mode]}"]
        for case in cases:
            lines += ["", *render_lines(render_scenario(case, vocabulary))]
    return "\n".join(lines) + "\n"


def render_lines(scenario: Scenario) -> Iterable[str]:
    """Yield the lines of one scenario inside a rule."""
    if scenario.comment:
        yield f"    # {scenario.comment}"
    yield "    " + " ".join(f"@{tag}" for tag in scenario.tags)
    yield f"    Scenario: {scenario.name}"
    for step in scenario.steps:
        yield f"      {step.keyword} {step.text}"
        if step.docstring is not None:
            quotes = '"""json' if step.text.endswith("given as JSON:") else '"""'
            yield f"        {quotes}"
            yield from (f"        {line}" if line else "" for line in step.docstring.split("\n"))
            yield '        """'


def render_manifest(packs: Iterable[Pack], gates: Iterable[GatePack] = ()) -> str:
    """Return the manifest: for each case and gate the file and line that it comes from."""
    listed = [
        {
            "file": pack.file,
            "sha256": pack.digest,
            "feature": f"{pack.name}.feature",
            "cases": {case.id: case.source.line for case in pack.cases},
        }
        for pack in packs
    ]
    manifest: dict[str, object] = {"schema": "gonogo/features-manifest/1", "packs": listed}
    thresholds = [
        {
            "file": pack.file,
            "sha256": pack.digest,
            "feature": f"{pack.name}.feature",
            "gates": {gate.id: pack.lines[gate.id] for gate in pack.gates},
        }
        for pack in gates
    ]
    if thresholds:
        manifest["gates"] = thresholds
    return json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
