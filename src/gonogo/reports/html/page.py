"""What the page of a bundle shows, as data; `page_to_json` is what `gonogo report --format json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

SCHEMA = "gonogo/report/1"


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check: what was expected beside what was observed."""

    id: str
    name: str
    outcome: str
    cls: str
    expected: str
    observed: str
    reasons: tuple[str, ...]
    source: str

    @property
    def why(self) -> tuple[str, ...]:
        """Return the reasons that say more than expected and observed do beside one another."""
        said = f"{self.observed}; allowed: {self.expected}"
        return tuple(reason for reason in self.reasons if reason not in said)


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case with its worst outcome and heaviest class; `expects` is what the stage made of its row."""

    id: str
    title: str
    outcome: str
    cls: str
    source: str
    checks: tuple[CheckRow, ...]
    mode: str = ""
    channel: str = ""
    intent: str = ""
    tier: str = ""
    message: str = ""
    expects: str = ""
    action: str = ""
    flags: str = ""
    control: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class CaseGroup:
    """Cases of one tier and intent, or of one source; `counts` holds cases by outcome."""

    title: str
    cases: tuple[CaseRow, ...]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CaseSection:
    """The groups of one tier, or of everything that is no row of a pack."""

    title: str
    groups: tuple[CaseGroup, ...]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Span:
    """Where value, interval, limit and baseline of a gate lie beside one another, from 0 to 100; None is not there."""

    value: float
    low: float
    high: float
    limit: float
    baseline: float | None


@dataclass(frozen=True, slots=True)
class GateRow:
    """One gate as it was judged; figures are texts that are ready to be shown."""

    id: str
    outcome: str
    cls: str
    value: str
    comparison: str
    limit: str
    n: str
    interval: str
    baseline: str
    sentence: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class StageRow:
    """One stage of the ladder, as the plan of the bundle has it."""

    id: str
    name: str
    purpose: str
    automation: str
    channels: str
    templates: tuple[str, ...]
    approvals: str
    soak: str
    current: bool


@dataclass(frozen=True, slots=True)
class OptionRow:
    """One way back: the flags that it writes or the commands that people run."""

    id: str
    name: str
    command: str
    flags: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]
    destroys: str
    note: str


@dataclass(frozen=True, slots=True)
class TriggerRow:
    """A trigger of the plan and, where somebody watched, what it came to."""

    id: str
    name: str
    kind: str
    option: str
    state: str
    at: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlagRow:
    """A flag before and after."""

    name: str
    before: str
    after: str
    changed: bool


@dataclass(frozen=True, slots=True)
class RecordRow:
    """An approval, review, rejection or waiver, as its signer signed it; `fault` says why a file is none."""

    file: str
    kind: str
    name: str = ""
    role: str = ""
    at: str = ""
    meaning: str = ""
    decision: str = ""
    comment: str = ""
    expires: str = ""
    statement: str = ""
    keyid: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot of the bundle; `svg` is its cleaned markup, empty where `fault` says why it cannot be shown."""

    file: str
    title: str
    text: str
    svg: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Figures of a file in rows and columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a load, a watch, a rollback or a stage's gathering left: facts, tables and plots."""

    id: str
    title: str
    file: str
    facts: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class SealState:
    """What holds of a bundle as it lies there: `files` pairs path, size and digest with whether it is as sealed.

    `sentence` says it in words; `faults` are those of the closed set, the signature and the story of the files.
    """

    sentence: str
    holds: bool
    faults: tuple[str, ...]
    signer: str
    manifest_sha256: str
    files: tuple[tuple[str, int, str], ...]
    records: tuple[RecordRow, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the page of a bundle shows; `seal` is None for a page written before sealing."""

    title: str
    activity: str
    decision: str
    system: str
    stage: str
    stage_name: str
    environment: str
    kind: str
    release: str
    bundle: str
    runs: tuple[str, ...]
    started: str
    finished: str
    signer: str
    run_by: str
    deployed_by: tuple[str, ...]
    counts_for_stage: bool
    counts: Mapping[str, int]
    case_counts: Mapping[str, int]
    cases: int
    deciding: tuple[CheckRow, ...]
    reasons: tuple[str, ...]
    next_command: str
    notes: tuple[str, ...]
    not_tested: tuple[tuple[str, str], ...]
    holes: tuple[str, ...]
    sections: tuple[CaseSection, ...]
    manual: tuple[CaseRow, ...]
    gates: tuple[GateRow, ...]
    ladder: tuple[StageRow, ...]
    options: tuple[OptionRow, ...]
    triggers: tuple[TriggerRow, ...]
    build: tuple[str, str]
    flags: tuple[FlagRow, ...]
    tables: tuple[Table, ...]
    waivers: tuple[str, ...]
    target: tuple[tuple[str, str], ...]
    measured: tuple[Measured, ...]
    unread: tuple[str, ...]
    seal: SealState | None

    @property
    def rows(self) -> tuple[CaseRow, ...]:
        """Return the cases of all sections, in order."""
        return tuple(case for section in self.sections for group in section.groups for case in group.cases)


def page_to_json(page: Page) -> dict[str, Any]:
    """Return the data of a page as one JSON object."""
    return {"schema": SCHEMA, **asdict(page), "summary": build_summary(page)}


def build_summary(page: Page) -> dict[str, Any]:
    """Return what the page counts itself, as it is kept in summary.json: each figure of a page is in the bundle."""
    return {
        "schema": "gonogo/summary/1",
        "cases": page.cases,
        "cases_by_outcome": dict(page.case_counts),
        "checks": sum(page.counts.values()),
        "deciding": len(page.deciding) or len(page.reasons),
        "not_tested": len(page.not_tested),
        "holes": len(page.holes),
        "manual": len(page.manual),
        "gates": len(page.gates),
        "sections": [
            {
                "title": section.title,
                "cases": sum(section.counts.values()),
                "cases_by_outcome": dict(section.counts),
                "groups": [
                    {
                        "title": group.title,
                        "cases": len(group.cases),
                        "cases_by_outcome": dict(group.counts),
                    }
                    for group in section.groups
                ],
            }
            for section in page.sections
        ],
    }
