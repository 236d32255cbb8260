"""What a browser makes of the pages; run in a process of its own by test_browser_pages.py."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "tests" / "reports"))

from page_bundles import write_all

from gonogo.reports.comparison import compare_pages
from gonogo.reports.html.render import render_comparison, render_page
from gonogo.run.pages import PAGE, read_page

CHROMIUM = "/usr/bin/chromium"
AXE = ROOT / ".venv" / "node" / "node_modules" / "axe-core" / "axe.min.js"
KINDS = ["go", "no-go", "load", "watch", "stage", "hostile", "sealed-in", "against"]
SCHEMES = ["light", "dark"]
_OPEN_ALL = "document.querySelectorAll('details').forEach(one => { one.open = true; })"


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a page of each kind as a file, as people open them."""
    folder = tmp_path_factory.mktemp("pages")
    bundles = write_all(folder / "bundles")
    read = {name: read_page(bundle) for name, bundle in bundles.items()}
    texts = {name: render_page(page) for name, page in read.items()}
    texts["against"] = render_comparison(compare_pages(read["go"], read["no-go"]))
    texts["sealed-in"] = (bundles["no-go"] / PAGE).read_text("utf-8")
    files = {}
    for name, text in texts.items():
        files[name] = folder / f"{name}.html"
        files[name].write_text(text, "utf-8")
    assert sorted(files) == sorted(KINDS)
    return files


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Root inside a container has no user namespaces for chromium's sandbox; the pages are our own.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Watched:
    """A page that tells what it asked the network for, what it complained of, and which dialogs it opened."""

    def __init__(self, context: BrowserContext, file: Path) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        own = file.as_uri()
        context.on("request", lambda request: self.requests.append(request.url) if request.url != own else None)
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        self.page.goto(own)


def until(page: Page, what: str) -> None:
    """Wait until an expression holds; a strict policy keeps playwright from waiting for it inside the page."""
    for _ in range(100):
        if page.evaluate(what):
            return
        page.wait_for_timeout(30)
    raise AssertionError(f"{what} does not come to hold; the address is {page.url}")


@pytest.fixture
def opened(browser: Browser, pages: dict[str, Path]) -> Iterator[Any]:
    contexts = []

    def open_page(kind: str, **more: Any) -> Watched:
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **more}))
        return Watched(contexts[-1], pages[kind])

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("kind", KINDS)
def test_page_asks_the_network_for_nothing_and_fits_any_screen(kind: str, opened: Any) -> None:
    watched = opened(kind, viewport={"width": 360, "height": 740})
    watched.page.evaluate(_OPEN_ALL)
    watched.page.mouse.wheel(0, 5000)
    for width in (360, 800, 1280):
        watched.page.set_viewport_size({"width": width, "height": 740})
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
    assert watched.requests == []
    assert watched.complaints == []


@pytest.mark.parametrize(
    ("kind", "scheme"),
    [*((kind, "light") for kind in KINDS), *((kind, "dark") for kind in ("no-go", "load", "against"))],
)
def test_axe_finds_no_serious_issue(kind: str, scheme: str, opened: Any) -> None:
    assert AXE.is_file(), "axe-core is missing; sh scripts/get_browser.sh .venv installs it"
    page = opened(kind, color_scheme=scheme).page
    page.evaluate(_OPEN_ALL)
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert found["testEngine"]["name"] == "axe-core"
    assert len(found["passes"]) > 10
    grave = [
        (one["id"], one["impact"], [node["html"][:200] for node in one["nodes"][:3]])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert grave == []


@pytest.mark.parametrize("kind", KINDS)
def test_page_is_readable_without_scripts(kind: str, opened: Any, pages: dict[str, Path]) -> None:
    page = opened(kind, java_script_enabled=False).page
    assert not page.locator("form").first.is_visible()
    assert page.locator("h1").is_visible()
    if kind == "against":
        assert page.locator("main section").first.is_visible()
        return
    case = page.locator(".case").first
    group = page.locator("details.group").first
    if group.get_attribute("open") is None:
        group.locator("> summary").click()
    if case.get_attribute("open") is None:
        case.locator("> summary").click()
    assert case.locator("table.checks").is_visible()


def test_cases_are_found_by_keyboard_alone(opened: Any) -> None:
    watched = opened("no-go")
    page = watched.page
    status = page.locator("#shown")
    whole = status.inner_text()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type("st-200")
    until(page, "location.hash === '#q=st-200'")
    assert status.inner_text().startswith("1 of ")
    assert page.locator(".case:visible").count() == 1
    assert page.locator("#c-ST-200 > summary").is_visible()
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    until(page, "location.hash === ''")
    assert status.inner_text() == whole
    page.locator("input[value=FAILED]").focus()
    page.keyboard.press("Space")
    until(page, "location.hash === '#o=FAILED'")
    failed = page.locator(".case:visible").count()
    assert 0 < failed < page.locator(".case").count()
    assert all(
        one == "FAILED" for one in page.locator(".case:visible").evaluate_all("all => all.map(c => c.dataset.o)")
    )
    page.locator("#cls").focus()
    page.keyboard.type("safety")
    until(page, "location.hash.includes('c=safety')")
    assert page.locator(".case:visible").evaluate_all("all => all.map(c => c.id)") == ["c-ST-200"]


def test_filter_is_kept_in_the_address(opened: Any, pages: dict[str, Path]) -> None:
    page = opened("no-go").page
    page.goto(pages["no-go"].as_uri() + "#o=PENDING&i=nothing-of-this-name")
    page.reload()
    assert page.locator("input[value=PENDING]").is_checked()
    assert page.locator("#intent").input_value() == ""
    shown = page.locator(".case:visible").evaluate_all("all => all.map(c => c.dataset.o)")
    assert shown
    assert set(shown) == {"PENDING"}
    page.get_by_role("button", name="Clear").click()
    until(page, "location.hash === ''")
    assert page.locator(".case[hidden]").count() == 0


def test_address_of_a_case_opens_it(opened: Any, pages: dict[str, Path]) -> None:
    page = opened("go").page
    page.goto(pages["go"].as_uri() + "#c-ST-002")
    page.reload()
    assert page.locator("#c-ST-002 table").is_visible()


def test_focus_is_seen_and_the_first_stop_skips_to_the_content(opened: Any) -> None:
    page = opened("no-go").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_print_shows_what_is_folded_without_scripts(opened: Any) -> None:
    page = opened("go", java_script_enabled=False).page
    folded = page.locator("#c-ST-001 tbody tr").first
    assert not folded.evaluate("one => one.checkVisibility()")
    page.emulate_media(media="print")
    assert folded.evaluate("one => one.checkVisibility()")
    assert not page.locator("form.filters").is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_print_unfolds_by_script_where_styles_cannot(opened: Any) -> None:
    page = opened("go").page
    before = page.locator("details[open]").count()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == before


def test_hostile_text_is_only_text(opened: Any) -> None:
    watched = opened("hostile")
    page = watched.page
    assert page.locator("script").count() == 1
    assert page.locator("style").count() == 1
    strange = """() => Array.from(document.querySelectorAll('*')).flatMap(one => Array.from(one.attributes)
        .filter(a => a.name.startsWith('on') || a.name === 'style' || /^\\s*javascript:/i.test(a.value)
            || (/^(src|href|xlink:href)$/.test(a.name) && !a.value.startsWith('#')))
        .map(a => one.tagName + ' ' + a.name))"""
    assert page.evaluate(strange) == []
    assert page.locator("img, iframe, object, embed, link, base, foreignObject, image, animate, set").count() == 0
    text = page.evaluate("document.documentElement.textContent")
    assert not [char for char in "\u202e\u2066\u2028\x1b\x00\x9f\ufffe" if char in text]
    assert "\\u202e" in text
    assert "\\u001b[31mred" in text
    assert "characters in all" in text


def test_screens_are_as_they_should_be(opened: Any, tmp_path: Path) -> None:
    folder = Path(os.environ.get("SCREENS_OF_PAGES", tmp_path))
    backgrounds = {}
    for scheme in SCHEMES:
        page = opened("no-go", color_scheme=scheme).page
        page.screenshot(path=folder / f"{scheme}.png", full_page=True)
        backgrounds[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page = opened("no-go", viewport={"width": 375, "height": 812}).page
    page.screenshot(path=folder / "phone.png", full_page=True)
    page.emulate_media(media="print")
    page.screenshot(path=folder / "print.png", full_page=True)
    assert backgrounds == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 26)"}
    sizes = {path.name: path.stat().st_size for path in folder.glob("*.png")}
    assert all(sizes[name] > 20_000 for name in ("light.png", "dark.png", "phone.png", "print.png")), json.dumps(sizes)
