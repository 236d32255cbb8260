"""Two bundles side by side: what fails anew, what is fixed, what is no longer tried, which limits moved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gonogo.model.outcome import Outcome
from gonogo.reports.html.page import CheckRow, GateRow, Page

SCHEMA = "gonogo/comparison/1"
_UNTRIED = frozenset({"", Outcome.NOT_RUN.name})


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two bundles: what it is of and what it decided; `seal` says whether it holds."""

    bundle: str
    title: str
    decision: str
    release: str
    build: str
    started: str
    seal: str
    holds: bool


@dataclass(frozen=True, slots=True)
class CheckChange:
    """A check of which something differs; an outcome is empty where that bundle has no such check."""

    id: str
    cls: str
    before: str
    after: str
    expected_before: str
    expected_after: str
    observed: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LimitChange:
    """A gate whose threshold, direction or class differs between the two."""

    id: str
    before: str
    after: str
    value_before: str
    value_after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between a bundle and the one before it; `counts` says how many checks fell under each heading."""

    before: Side
    after: Side
    newly_failing: tuple[CheckChange, ...]
    newly_open: tuple[CheckChange, ...]
    fixed: tuple[CheckChange, ...]
    newly_untested: tuple[CheckChange, ...]
    newly_tested: tuple[CheckChange, ...]
    still_failing: tuple[CheckChange, ...]
    expectations_changed: tuple[CheckChange, ...]
    limits_changed: tuple[LimitChange, ...]
    counts: Mapping[str, int]


# (name of the field, heading), in the order in which people read them
HEADINGS = (
    ("newly_failing", "Newly failing"),
    ("newly_open", "Newly open: neither failed nor passed"),
    ("fixed", "Fixed"),
    ("newly_untested", "Newly untested"),
    ("newly_tested", "Newly tested, and passed"),
    ("still_failing", "Still failing"),
    ("expectations_changed", "Other expectation or class"),
    ("limits_changed", "Limits changed"),
)


def compare_pages(before: Page, after: Page) -> Comparison:
    """Return what differs between two bundles; every check is under one heading of outcomes at most."""
    old, new = _checks(before), _checks(after)
    changes = [_change(name, old.get(name), new.get(name)) for name in dict.fromkeys((*new, *old))]
    found: dict[str, tuple[Any, ...]] = {
        name: tuple(one for one in changes if fits(one)) for name, fits in _RULES.items()
    }
    found["limits_changed"] = _limits(before.gates, after.gates)
    counts = {name: len(found[name]) for name, _ in HEADINGS}
    return Comparison(_side(before), _side(after), counts=counts, **found)


def _checks(page: Page) -> dict[str, CheckRow]:
    return {check.id: check for case in page.rows for check in case.checks}


def _change(name: str, old: CheckRow | None, new: CheckRow | None) -> CheckChange:
    shown = new or old
    return CheckChange(
        name,
        _moved(old.cls if old else "", new.cls if new else ""),
        old.outcome if old else "",
        new.outcome if new else "",
        old.expected if old else "",
        new.expected if new else "",
        shown.observed if shown else "",
        shown.reasons if shown else (),
    )


def _moved(old: str, new: str) -> str:
    return f"{old} → {new}" if old and new and old != new else new or old


def _fails(outcome: str) -> bool:
    return outcome == Outcome.FAILED.name


def _is_open(outcome: str) -> bool:
    return outcome not in _UNTRIED and outcome not in (Outcome.PASSED.name, Outcome.FAILED.name)


def _differs(one: CheckChange) -> bool:
    tried = bool(one.before) and bool(one.after)
    return tried and ("→" in one.cls or one.expected_before != one.expected_after) and not one.id.endswith("/gate")


_RULES: dict[str, Callable[[CheckChange], bool]] = {
    "newly_failing": lambda one: _fails(one.after) and not _fails(one.before),
    "newly_open": lambda one: _is_open(one.after) and not _is_open(one.before),
    "fixed": lambda one: one.after == Outcome.PASSED.name and (_fails(one.before) or _is_open(one.before)),
    "newly_untested": lambda one: one.after in _UNTRIED and one.before not in _UNTRIED,
    "newly_tested": lambda one: one.after == Outcome.PASSED.name and one.before in _UNTRIED,
    "still_failing": lambda one: _fails(one.after) and _fails(one.before),
    "expectations_changed": _differs,
}


def _limits(before: Iterable[GateRow], after: Iterable[GateRow]) -> tuple[LimitChange, ...]:
    old, new = {gate.id: gate for gate in before}, {gate.id: gate for gate in after}
    return tuple(
        LimitChange(
            name,
            _limit(old.get(name)),
            _limit(new.get(name)),
            old[name].value if name in old else "",
            new[name].value if name in new else "",
        )
        for name in dict.fromkeys((*new, *old))
        if _limit(old.get(name)) != _limit(new.get(name))
    )


def _limit(gate: GateRow | None) -> str:
    return f"{gate.comparison} {gate.limit}, {gate.cls}" if gate is not None else "no such gate"


def _side(page: Page) -> Side:
    seal = page.seal
    return Side(
        page.bundle,
        page.title,
        page.decision,
        page.release,
        page.build[0],
        page.started,
        seal.sentence if seal is not None else "",
        seal is not None and seal.holds,
    )


def comparison_to_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as one JSON object."""
    return {"schema": SCHEMA, **asdict(comparison)}
