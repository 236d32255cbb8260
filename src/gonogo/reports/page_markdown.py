"""The page of a bundle, and a comparison of two, as Markdown: whole, and readable as plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gonogo.reports.comparison import HEADINGS, CheckChange, Comparison
from gonogo.reports.html.page import CaseRow, CheckRow, Measured, OptionRow, Page, RecordRow
from gonogo.reports.markdown import escape


def render_page_markdown(page: Page) -> str:
    """Return everything that a page shows as Markdown; plots are named with what they say."""
    lines = [
        f"# {escape(page.title)}",
        "",
        *_facts(page),
        *(line for note in (*page.notes, *page.unread) for line in (f"> {escape(note)}", "")),
        *_deciding(page),
        *_not_tested(page),
        *_ladder(page),
        *_cases(page),
        *_gates(page),
        *(line for one in page.measured for line in _measured(one)),
        *_manual(page),
        *_approvals(page),
        *_flags(page),
        *_rollback(page),
        *_digests(page),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _facts(page: Page) -> list[str]:
    seal = page.seal
    counts = ", ".join(f"{count:,} {name}" for name, count in page.counts.items()) or "none"
    cases = ", ".join(f"{count:,} {name}" for name, count in page.case_counts.items()) or "none"
    state = (
        "As of sealing: approvals and digests came later."
        if seal is None
        else f"{'' if seal.holds else 'NOT VERIFIED. '}{seal.sentence}"
    )
    signed = ["- **UNSIGNED**: this counts for nothing outside kind sandbox."] if page.signer == "UNSIGNED" else []
    return [
        f"- {escape(page.activity)} {escape(page.bundle)}, {escape(page.started)} to {escape(page.finished)}",
        f"- release: {escape(page.release or 'not named')}",
        f"- build: {escape(page.build[0] or 'not shown by the target')}",
        f"- run by {escape(page.run_by or 'not named')}"
        + (f"; deployed by {escape(', '.join(page.deployed_by))}" if page.deployed_by else ""),
        f"- checks: {counts}",
        f"- cases: {cases}",
        f"- {escape(state)}",
        *(f"  - {escape(fault)}" for fault in (seal.faults if seal is not None else ())),
        *signed,
        *([] if page.counts_for_stage else ["- this counts for no stage"]),
        "",
    ]


def _deciding(page: Page) -> list[str]:
    lines = ["## What decided", ""]
    if page.deciding:
        lines += _check_table(page.deciding, whole=True)
    elif page.reasons:
        lines += [f"- {escape(reason)}" for reason in page.reasons]
    else:
        lines.append("Every safety, privacy and required check passed.")
    return [*lines, "", *(["## Next", "", f"    {page.next_command}", ""] if page.next_command else [])]


def _check_table(checks: Iterable[CheckRow], *, whole: bool) -> list[str]:
    rows = (
        (
            check.id if whole else check.name,
            check.outcome,
            check.cls,
            check.expected,
            check.observed,
            "; ".join(check.reasons),
            *((check.source,) if whole else ()),
        )
        for check in checks
    )
    columns = ("check", "outcome", "class", "expected", "observed", "why", *(("source",) if whole else ()))
    return _table(columns, rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(map(escape, columns))} |", "|" + "---|" * len(columns)]
    return [*lines, *(f"| {' | '.join(map(escape, row))} |" for row in rows)]


def _not_tested(page: Page) -> list[str]:
    lines = [f"- {escape(case)}: {escape(why)}" for case, why in page.not_tested]
    holes = [f"- {escape(hole)}" for hole in page.holes]
    return [
        "## What was not tested",
        "",
        *(lines or ["Everything that was planned ran."]),
        "",
        *(["No case of the pack tries, at this stage:", "", *holes, ""] if holes else []),
    ]


def _ladder(page: Page) -> list[str]:
    if not page.ladder:
        return []
    rows = (
        (
            f"{stage.id}{' (this one)' if stage.current else ''}",
            stage.name,
            stage.automation,
            stage.channels,
            ", ".join(stage.templates),
            stage.soak,
            stage.approvals,
        )
        for stage in page.ladder
    )
    columns = ("stage", "name", "automation", "channels", "templates", "soak", "approved by")
    return ["## The ladder", "", *_table(columns, rows), ""]


def _cases(page: Page) -> list[str]:
    lines = ["## Cases", ""]
    for section in page.sections:
        lines += [f"### {escape(section.title)}", ""]
        for group in section.groups:
            counts = ", ".join(f"{count:,} {name}" for name, count in group.counts.items())
            lines += [f"#### {escape(group.title)}: {counts}", ""]
            for case in group.cases:
                lines += _case(case)
    return lines


def _case(case: CaseRow) -> list[str]:
    lines = [f"**{escape(case.id)}** {escape(case.title)}: **{escape(case.outcome)}**  ", escape(case.source), ""]
    if case.message:
        lines += [f"> {escape(case.message)}", ""]
    if case.expects:
        lines += [f"Expected at this stage: {escape(case.expects)}", ""]
    return [*lines, *_check_table(case.checks, whole=False), ""]


def _gates(page: Page) -> list[str]:
    if not page.gates:
        return []
    rows = (
        (
            gate.id,
            gate.outcome,
            gate.cls,
            gate.value or "no data",
            f"{gate.comparison} {gate.limit}",
            gate.n,
            gate.interval,
            gate.baseline,
            gate.sentence,
        )
        for gate in page.gates
    )
    columns = ("gate", "outcome", "class", "value", "limit", "n", "interval", "baseline", "in words")
    return ["## Gates", "", *_table(columns, rows), ""]


def _measured(one: Measured) -> list[str]:
    lines = [f"## {escape(one.title)}", ""]
    lines += [f"- {escape(name)}: {escape(value or 'none')}" for name, value in one.facts]
    lines += [f"- plot {escape(plot.file)}: {escape(plot.fault or plot.text or plot.title)}" for plot in one.pictures]
    for table in one.tables:
        lines += ["", f"{escape(table.title)}:", "", *_table(table.columns, table.rows)]
    return [*lines, ""]


def _manual(page: Page) -> list[str]:
    if not page.manual:
        return []
    rows = (
        (case.id, case.title, check.outcome, check.observed or "nobody yet", "; ".join(check.reasons))
        for case in page.manual
        for check in case.checks
        if check.name == "attested"
    )
    return ["## Manual items", "", *_table(("item", "what", "outcome", "who and when", "why"), rows), ""]


def _approvals(page: Page) -> list[str]:
    lines = ["## Approvals, reviews, rejections, waivers", ""]
    lines += [f"- in effect: {escape(waiver)}" for waiver in page.waivers]
    if page.seal is None:
        return [*lines, "None can exist before the bundle is sealed.", ""]
    if not page.seal.records:
        return [*lines, "Nobody has approved, reviewed, rejected or waived anything of this bundle.", ""]
    return [*lines, *(f"- {escape(_record(one))}" for one in page.seal.records), ""]


def _record(one: RecordRow) -> str:
    if one.fault:
        return f"{one.file} {one.fault}"
    until = f", valid until {one.expires}" if one.expires else ""
    decision = f" of {one.decision}" if one.decision else ""
    comment = f": {one.comment}" if one.comment else ""
    return f"{one.name} ({one.role}), {one.at}: {one.meaning}{decision}{until}{comment}"


def _flags(page: Page) -> list[str]:
    rows = ((flag.name, flag.before, flag.after, "changed" if flag.changed else "") for flag in page.flags)
    build = f"Build before: {page.build[0] or 'not shown'}; after: {page.build[1] or 'not shown'}."
    table = [*_table(("flag", "before", "after", ""), rows), ""] if page.flags else []
    target = [f"- {escape(name)}: {escape(value)}" for name, value in page.target]
    more = [line for one in page.tables for line in (f"{escape(one.title)}:", "", *_table(one.columns, one.rows), "")]
    return ["## Flags and build", "", escape(build), "", *target, "", *table, *more]


def _rollback(page: Page) -> list[str]:
    if not page.options and not page.triggers:
        return []
    lines = ["## Triggers and ways back", ""]
    if page.triggers:
        rows = (
            (one.id, one.name, one.state, one.at, one.kind, one.option, "; ".join(one.reasons)) for one in page.triggers
        )
        lines += [*_table(("trigger", "name", "state", "at", "kind", "option", "why"), rows), ""]
    for option in page.options:
        lines += _option(option)
    return lines


def _option(option: OptionRow) -> list[str]:
    told = [f"Writes {', '.join(f'{name}={value}' for name, value in option.flags)}."] if option.flags else []
    told += [f"Destroys: {option.destroys}"] if option.destroys else []
    told += [option.note] if option.note else []
    return [
        f"### Option {escape(option.id)}: {escape(option.name)}",
        "",
        *(f"    {line}" for text in (option.command, *option.commands) for line in text.split("\n")),
        "",
        *(escape(text) for text in told),
        "",
    ]


def _digests(page: Page) -> list[str]:
    seal = page.seal
    if seal is None:
        return []
    rows = ((path, f"{size:,}", digest) for path, size, digest in seal.files)
    lines = ["## Digests", "", f"Manifest {seal.manifest_sha256 or 'none'}, signed by {escape(seal.signer)}.", ""]
    return [*lines, *_table(("file", "bytes", "digest"), rows)]


def render_comparison_markdown(one: Comparison) -> str:
    """Return what differs between two bundles as Markdown."""
    sides = (one.before, one.after)
    lines = [
        f"# {one.before.decision} → {one.after.decision}: {escape(one.after.title.split(': ', 1)[-1])}",
        "",
        *_table(
            ("", "before", "after"),
            [
                ("bundle", *(side.bundle for side in sides)),
                ("what", *(side.title for side in sides)),
                ("release", *(side.release or "not named" for side in sides)),
                ("build", *(side.build or "not shown" for side in sides)),
                ("evidence", *(side.seal for side in sides)),
            ],
        ),
        "",
    ]
    rows: Sequence[tuple[str, ...]]
    columns: tuple[str, ...]
    for name, title in HEADINGS:
        lines += [f"## {title}: {one.counts[name]:,}", ""]
        if name == "limits_changed":
            rows = [
                (gate.id, gate.before, gate.after, gate.value_before, gate.value_after) for gate in one.limits_changed
            ]
            columns = ("gate", "limit before", "limit after", "value before", "value after")
        else:
            rows = [_change_row(change) for change in getattr(one, name)]
            columns = ("check", "class", "before", "after", "expected", "observed", "why")
        lines += [*_table(columns, rows), ""] if one.counts[name] else ["None.", ""]
    return "\n".join(lines).rstrip() + "\n"


def _change_row(change: CheckChange) -> tuple[str, ...]:
    expected = change.expected_after or change.expected_before
    if change.expected_before and change.expected_after and change.expected_before != change.expected_after:
        expected += f" (before: {change.expected_before})"
    return (
        change.id,
        change.cls,
        change.before or "not there",
        change.after or "not there",
        expected,
        change.observed,
        "; ".join(change.reasons),
    )
