"""Screenshots with what the policy names blanked before the picture exists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from gonogo.errors import EvidenceError

_HINT = "Name what has to be blanked under masks in evidence.yaml."


class MaskablePage(Protocol):
    """What is needed of a page; Playwright's pages have it."""

    def locator(self, selector: str) -> Any:
        """Return what a CSS selector finds."""

    def screenshot(self, **options: Any) -> bytes:
        """Return the page as PNG."""


def mask_screenshot(page: MaskablePage, selectors: Sequence[str]) -> bytes:
    """Return a PNG of a page in which everything that the selectors find is a plain box.

    Raises `EvidenceError` without selectors, or where none of them finds anything: then nothing would be blanked.
    """
    if not selectors:
        raise EvidenceError("no screenshot: evidence.yaml names no masks, so all of the page would be shown", _HINT)
    found = [page.locator(selector) for selector in selectors]
    if not any(locator.count() for locator in found):
        raise EvidenceError(f"no screenshot: {', '.join(selectors)} find nothing on the page", _HINT)
    return page.screenshot(mask=found, mask_color="#000000", animations="disabled", caret="hide")
