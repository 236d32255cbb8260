"""The data of a page, or of a comparison → one HTML file that needs nothing else: no network, no script to read it."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from gonogo.model.outcome import CheckClass, Outcome
from gonogo.reports.comparison import HEADINGS, Comparison
from gonogo.reports.html.cases import badness
from gonogo.reports.html.page import CaseRow, Page, Picture

# Shape, word and colour say the same; none is needed to understand the others.
SYMBOLS = {
    "PASSED": "✓",
    "WARNED": "!",
    "PENDING": "…",
    "INCONCLUSIVE": "?",
    "NOT_RUN": "○",
    "ERROR": "⚠",
    "FAILED": "✗",
}
_OPEN_AT_FIRST = 20


def render_page(page: Page) -> str:
    """Return the page as HTML; the same data give the same bytes."""
    return _render("page.html.jinja", _asset("page.js"), page=page)


def render_comparison(comparison: Comparison) -> str:
    """Return what differs between two bundles as HTML, which needs no script."""
    return _render("comparison.html.jinja", "", one=comparison, headings=HEADINGS)


def _render(template: str, script: str, **data: object) -> str:
    style = _asset("page.css")
    return _template(template).render(
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
        badges=_Badges(),
        outcomes=[outcome.name for outcome in reversed(Outcome)],
        classes=[cls.value for cls in CheckClass],
        picture=_picture,
        opened=_Opened(),
        **data,
    )


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("gonogo.reports.html"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["by_class"] = _worst_by_class
    environment.filters["moment"] = _moment
    return environment.get_template(name)


@cache
def _asset(name: str) -> str:
    return resources.files("gonogo.reports.html").joinpath("templates", name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """Return a content security policy: nothing is loaded, and only this style and this script take effect."""
    script_source = f"'sha256-{_digest(script)}'" if script else "'none'"
    return (
        f"default-src 'none'; style-src 'sha256-{_digest(style)}'; script-src {script_source}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _moment(text: str) -> str:
    """Return an ISO 8601 time in UTC as people write it; any other text as it is."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?:\+00:00|Z)", text)
    return f"{found[1]} {found[2]} UTC" if found else text


def _worst_by_class(case: CaseRow) -> str:
    """Return the worst outcome of each class of a case's checks, as the filter reads it."""
    worst: dict[str, str] = {}
    for check in case.checks:
        if badness(check.outcome) >= badness(worst.get(check.cls, Outcome.PASSED.name)):
            worst[check.cls] = check.outcome
    return " ".join(f"{cls}:{outcome}" for cls, outcome in worst.items())


def _picture(picture: Picture) -> Markup:
    return Markup(picture.svg)


class _Badges(dict[str, Markup]):
    """Outcomes as people see them: a shape, the word and a colour. A word that nobody knows has a question mark."""

    def __missing__(self, outcome: str) -> Markup:
        self[outcome] = badge = self.counted(outcome, "")
        return badge

    def counted(self, outcome: str, number: object) -> Markup:
        """Return a badge with how often its outcome occurs."""
        known, words = outcome in SYMBOLS, f"{number} {outcome.replace('_', ' ')}".strip()
        frame = Markup('<span class="o {}">{} {}</span>')
        return frame.format(outcome if known else "", SYMBOLS.get(outcome, "?"), words)


class _Opened:
    """Says which cases stand open at first: those that are not passed, while they are few."""

    def __init__(self) -> None:
        self._left = _OPEN_AT_FIRST

    def __call__(self, case: CaseRow) -> bool:
        if case.outcome == Outcome.PASSED.name or self._left == 0:
            return False
        self._left -= 1
        return True
