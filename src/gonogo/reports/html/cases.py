"""The cases of a bundle: planned and judged, by tier and intent or by the file that they come from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gonogo.model.outcome import CheckClass, Outcome
from gonogo.reports.html.loose import as_line, as_lines, as_list, as_map, as_maps, as_text
from gonogo.reports.html.page import CaseGroup, CaseRow, CaseSection, CheckRow
from gonogo.reports.visible import LONGEST, show_text

ATTESTED = "attested"
_OUTCOMES = {outcome.name: outcome for outcome in Outcome}
_CLASSES = [cls.value for cls in CheckClass]
_TIERS = {
    "0": "Tier 0: escalations, which a person answers and never a machine",
    "1": "Tier 1: intake and information, which disclose nothing about an order",
    "2": "Tier 2: order status, on a matching order only",
    "3": "Tier 3: actions",
}
_KINDS = (
    (".csv", "Rows of {name}"),
    (".md", "Items of {name}"),
    (".feature", "Scenarios of {name}"),
    ("environments.yaml", "The run itself: flags, controls, build"),
    (".yaml", "Gates of {name}"),
)


def build_cases(decision: Mapping[str, Any], planned: Mapping[str, Any]) -> list[CaseRow]:
    """Return the cases that have a check, in the order of the planned set; others follow."""
    by_case: dict[str, list[Mapping[str, Any]]] = {}
    for check in as_maps(decision.get("checks")):
        by_case.setdefault(as_line(check.get("case")), []).append(check)
    known = {as_line(one.get("id")): one for one in as_maps(planned.get("cases"))}
    names = [*(name for name in known if name in by_case), *(name for name in by_case if name not in known)]
    derived = as_map(decision.get("expectations"))
    return [_build_case(name, known.get(name, {}), by_case[name], as_map(derived.get(name))) for name in names]


def _build_case(
    name: str, planned: Mapping[str, Any], checks: Sequence[Mapping[str, Any]], derived: Mapping[str, Any]
) -> CaseRow:
    rows = tuple(map(build_check, checks))
    row, expects = as_map(planned.get("row")), {**derived, **as_map(planned.get("expects"))}
    title = as_line(planned.get("name")).removeprefix(f"[{name}]").strip()
    return CaseRow(
        name,
        title,
        max((check.outcome for check in rows), key=badness, default=Outcome.NOT_RUN.name),
        min((check.cls for check in rows), key=_lightness, default=""),
        _source(planned) or rows[0].source,
        rows,
        as_line(row.get("mode")),
        as_line(row.get("channel")),
        as_line(row.get("intent")),
        as_line(row.get("tier")),
        _message(row.get("message")),
        as_line(expects.get("reply")),
        as_line(expects.get("action")),
        as_line(expects.get("flags")),
        as_line(expects.get("control")),
    )


def build_check(check: Mapping[str, Any]) -> CheckRow:
    """Return one check of decision.json as it is shown."""
    case, name = as_line(check.get("case")), as_line(check.get("check"))
    return CheckRow(
        f"{case}/{name}",
        name,
        as_line(check.get("outcome")),
        as_line(check.get("class")),
        as_text(check.get("expected")),
        as_text(check.get("observed")),
        as_lines(check.get("reasons")),
        _source(check),
    )


def _message(value: object) -> str:
    if not isinstance(value, str):
        return as_text(value)
    # Half a message may hold what only the whole one excuses: the scanner knows our messages as they are, or as JSON.
    if len(value) > LONGEST:
        return f"(a message of {len(value):,} characters; the pack holds it)"
    text = value.replace("\r\n", "\n")
    return text if show_text(text) == text else show_text(json.dumps(value)[1:-1])


def _source(entry: Mapping[str, Any]) -> str:
    source = as_map(entry.get("source"))
    file, line = as_line(source.get("file")), source.get("line")
    return f"{file}:{as_line(line)}" if file and line not in (None, "", 0) else file


def badness(outcome: str) -> int:
    """Return how bad an outcome is; a word that nobody knows is as bad as it gets."""
    return _OUTCOMES.get(outcome, Outcome.FAILED)


def _lightness(cls: str) -> int:
    return _CLASSES.index(cls) if cls in _CLASSES else -1


def is_manual(case: CaseRow) -> bool:
    """Return whether people answer for a case."""
    return any(check.name == ATTESTED for check in case.checks)


def count_outcomes(outcomes: Iterable[str]) -> dict[str, int]:
    """Return how often each outcome occurs, worst first."""
    counted: dict[str, int] = {}
    for outcome in outcomes:
        counted[outcome] = counted.get(outcome, 0) + 1
    return dict(sorted(counted.items(), key=lambda item: -badness(item[0])))


def group_cases(cases: Sequence[CaseRow]) -> tuple[CaseSection, ...]:
    """Return rows by tier and intent, then all others by the file that they come from."""
    sections: dict[str, dict[str, list[CaseRow]]] = {}
    ordered = sorted((case for case in cases if case.intent), key=lambda case: case.tier or "~")
    for case in [*ordered, *(case for case in cases if not case.intent)]:
        section = _TIERS.get(case.tier, f"Tier {case.tier or 'not known'}") if case.intent else "Other checks"
        group = case.intent or _kind_of(case.source)
        sections.setdefault(section, {}).setdefault(group, []).append(case)
    return tuple(
        CaseSection(
            title,
            tuple(
                CaseGroup(name, tuple(members), count_outcomes(case.outcome for case in members))
                for name, members in groups.items()
            ),
            count_outcomes(case.outcome for members in groups.values() for case in members),
        )
        for title, groups in sections.items()
    )


def _kind_of(source: str) -> str:
    file = source.rsplit(":", 1)[0] if source.rsplit(":", 1)[-1].isdigit() else source
    name = file.rsplit("/", 1)[-1]
    for ending, title in _KINDS:
        if name.endswith(ending):
            return title.format(name=name)
    return name or "Without a source"


def build_deciding(decision: Mapping[str, Any]) -> tuple[CheckRow, ...]:
    """Return the deciding checks in their order; a trigger that decides stands among them."""
    checks = {f"{one.get('case')}/{one.get('check')}": one for one in as_maps(decision.get("checks"))}
    fired = {f"{one.get('id')}/fired": one for one in as_maps(decision.get("triggers"))}
    rows = []
    for name in map(str, as_list(decision.get("deciding"))):
        if name in checks:
            rows.append(build_check(checks[name]))
        elif name in fired:
            one = fired[name]
            reasons, expected = as_lines(one.get("reasons")), "the trigger does not fire"
            observed = f"fired {as_line(one.get('at'))}".strip()
            rows.append(CheckRow(as_line(name), "fired", "FAILED", "trigger", expected, observed, reasons, "plan.yaml"))
        else:
            rows.append(CheckRow(as_line(name), "", "", "", "", "", (), ""))
    return tuple(rows)
