"""The files of a bundle → the data of its page; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gonogo.reports.html.cases import badness, build_cases, build_deciding, count_outcomes, group_cases, is_manual
from gonogo.reports.html.files import BundleFiles
from gonogo.reports.html.ladder import build_ladder, build_options, build_triggers
from gonogo.reports.html.loose import as_line, as_lines, as_list, as_map, as_maps, as_text, show_number
from gonogo.reports.html.measured import build_measured, build_table
from gonogo.reports.html.page import FlagRow, GateRow, Page, Span

WORDS = {"GO": "GO", "HOLD": "HOLD", "NO_GO": "NO-GO"}
_COMPARISONS = {
    "below": "<",
    "at_most": "≤",
    "above": ">",
    "at_least": "≥",
    "equal": "=",
    "not_equal": "≠",
}
_GATES = ("gates.json", "load.json", "canary.json")
_TRIGGERS = "triggers.json"
_TABLES = (
    ("time_to_safe", "How long a switch took until a decision showed its effect, in seconds"),
    ("leftovers", "What is left behind at the target"),
)


def build_page(files: BundleFiles) -> Page:
    """Return the data of a bundle's page; whatever a file does not hold is left out of it."""
    decision, planned = files.decision, files.planned
    cases = build_cases(decision, planned)
    stage = as_line(decision.get("stage"))
    ladder = build_ladder(files.plan, stage)
    states = as_maps(as_map(files.documents.get(_TRIGGERS)).get("triggers")) or as_maps(decision.get("triggers"))
    target = as_map(decision.get("target"))
    word = WORDS.get(str(decision.get("decision")), as_line(decision.get("decision")))
    system, environment = as_line(decision.get("system")), as_line(decision.get("environment"))
    place = ", ".join(part for part in (system, f"stage {stage}" if stage else "", environment) if part)
    runs = as_lines(decision.get("runs"))
    return Page(
        title=f"{word}: {place}",
        activity=as_line(decision.get("activity")) or "run",
        decision=word,
        system=system,
        stage=stage,
        stage_name=next((one.name for one in ladder if one.current), ""),
        environment=environment,
        kind=as_line(target.get("kind")),
        release=as_line(decision.get("release")),
        bundle=as_line(decision.get("bundle")) or as_line(planned.get("run")) or ", ".join(runs),
        runs=runs,
        started=as_line(decision.get("started")),
        finished=as_line(decision.get("finished")),
        signer=as_line(decision.get("signer")),
        run_by=as_line(decision.get("run_by")),
        deployed_by=as_lines(decision.get("deployed_by")),
        counts_for_stage=decision.get("counts_for_stage") is True,
        counts=_counts(decision),
        case_counts=count_outcomes(case.outcome for case in cases),
        cases=len(cases),
        deciding=build_deciding(decision),
        reasons=as_lines(decision.get("reasons")),
        next_command=as_line(decision.get("next")) or as_line(files.next_command),
        notes=as_lines(decision.get("notes")),
        not_tested=tuple(
            (as_line(one.get("case")), as_text(one.get("why"))) for one in as_maps(decision.get("not_tested"))
        ),
        holes=as_lines(decision.get("holes")),
        sections=group_cases(cases),
        manual=tuple(case for case in cases if is_manual(case)),
        gates=tuple(_gate(gate) for name in _GATES for gate in as_maps(as_map(files.documents.get(name)).get("gates"))),
        ladder=ladder,
        options=build_options(files.plan, decision),
        triggers=build_triggers(files.plan, states),
        build=_before_and_after(decision),
        flags=_flags(decision),
        tables=tuple(build_table(title, rows) for key, title in _TABLES if (rows := as_maps(decision.get(key)))),
        waivers=tuple(map(_waiver, as_list(decision.get("waivers")))),
        target=_target(target),
        measured=build_measured(files),
        unread=tuple(map(as_line, files.unread)),
        seal=files.seal,
    )


def _counts(decision: Mapping[str, Any]) -> dict[str, int]:
    counts = as_map(decision.get("counts"))
    known = {as_line(name): count for name, count in counts.items() if isinstance(count, int)}
    return dict(sorted(known.items(), key=lambda item: -badness(item[0])))


def _gate(gate: Mapping[str, Any]) -> GateRow:
    unit = as_line(gate.get("unit"))
    span = as_map(gate.get("interval"))
    interval = f"{show_number(span.get('low'))} to {show_number(span.get('high'))}" if span else ""
    interval += f" (level {show_number(span['level'])})" if span.get("level") is not None else ""
    base = gate.get("baseline")
    return GateRow(
        as_line(gate.get("id")),
        as_line(gate.get("outcome")),
        as_line(gate.get("class")),
        _with_unit(gate.get("value"), unit),
        _COMPARISONS.get(str(gate.get("comparison")), as_line(gate.get("comparison"))),
        _with_unit(gate.get("limit"), unit),
        show_number(gate.get("n")),
        interval,
        show_number(base.get("value") if isinstance(base, Mapping) else base),
        as_text(gate.get("sentence")),
        _span(gate.get("value"), span, gate.get("limit"), base.get("value") if isinstance(base, Mapping) else base),
    )


def _span(value: object, interval: Mapping[str, Any], limit: object, baseline: object) -> Span | None:
    """Return where the figures of a gate with an interval lie; None where one of them is no finite number."""
    at, low, high, edge = (_finite(one) for one in (value, interval.get("low"), interval.get("high"), limit))
    base = _finite(baseline)
    if at is None or low is None or high is None or edge is None:
        return None
    known = [at, low, high, edge, *([base] if base is not None else [])]
    least, most = min(known), max(known)
    if most <= least:
        return None

    def place(figure: float) -> float:
        return round(4 + 92 * (figure - least) / (most - least), 1)

    return Span(place(at), place(low), place(high), place(edge), place(base) if base is not None else None)


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Beyond this nothing can be placed beside anything.
    return float(value) if abs(value) < 1e100 else None


def _waiver(waiver: object) -> str:
    if isinstance(waiver, Mapping):
        return "; ".join(f"{as_line(key)}: {as_line(value)}" for key, value in waiver.items())
    return as_text(waiver)


def _with_unit(value: object, unit: str) -> str:
    shown = show_number(value)
    return f"{shown} {unit}" if shown and unit else shown


def _before_and_after(decision: Mapping[str, Any]) -> tuple[str, str]:
    build = as_map(decision.get("build"))
    return as_line(build.get("before")), as_line(build.get("after"))


def _flags(decision: Mapping[str, Any]) -> tuple[FlagRow, ...]:
    flags = as_map(decision.get("flags"))
    before, after = as_map(flags.get("before")), as_map(flags.get("after"))
    names = sorted({*before, *after}, key=lambda name: ("." in name, name))
    return tuple(
        FlagRow(
            as_line(name),
            _flag(before, name),
            _flag(after, name),
            name in before and name in after and before[name] != after[name],
        )
        for name in names
    )


def _flag(state: Mapping[str, Any], name: str) -> str:
    if name not in state:
        return "not read"
    return "no restriction" if state[name] is None else as_line(state[name]) or "none"


def _target(target: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    shown = []
    for name, value in target.items():
        if name == "aliases":
            pairs = [
                f"{as_line(theirs)} = {as_line(ours)} ({as_line(field)})"
                for field, named in as_map(value).items()
                for theirs, ours in as_map(named).items()
            ]
            value = ", ".join(pairs) or "none"
        shown.append((as_line(name).replace("_", " "), as_line(value)))
    return tuple(shown)
