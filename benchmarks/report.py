"""The page of a large bundle in a browser, beside Allure's single file of the same results.

    python benchmarks/report.py [--cases 5000] [--rounds 3]

Prints how long writing takes, how large the files are, and in chromium: from opening to the last long task, from a key
to the filtered list that has come to rest, and the longest task meanwhile, in milliseconds. Without Allure
(`sh scripts/get_browser.sh .venv`) the page stands alone.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "reports"))

from page_bundles import write_bundle

from gonogo.model.outcome import CheckClass, CheckResult, Outcome, SourceRef
from gonogo.reports.html.render import render_page
from gonogo.run.pages import read_page

ROOT = Path(__file__).parents[1]
ALLURE = ROOT / ".venv" / "node" / "node_modules" / ".bin" / "allure"
CHECKS = ("decided", "intent", "team", "tags", "template", "action", "reply", "privacy", "duplicate", "events", "logs")
INTENTS = [f"intent_{number:02d}" for number in range(22)]
_WATCH = """() => { window.__long = []; new PerformanceObserver(list => list.getEntries().forEach(
    one => window.__long.push([one.startTime, one.duration]))).observe({type: 'longtask', buffered: true}); }"""


def write_large(folder: Path, cases: int) -> Path:
    """Write an UNSIGNED bundle of so many cases of eleven checks, of which one in fifty fails."""
    random = Random(7)
    results, rows = [], {}
    for number in range(cases):
        case = f"ST-{number:05d}"
        rows[case] = {
            "mode": "tier1_automation",
            "channel": random.choice(("email", "livechat", "social")),
            "intent": random.choice(INTENTS),
            "tier": number % 3,
            "message": f"Hello, my parcel {number} has not come; where is it? " * random.randint(1, 4),
        }
        fails = number % 50 == 49
        for check in CHECKS:
            outcome = Outcome.FAILED if fails and check == "reply" else Outcome.PASSED
            cls = CheckClass.SAFETY if check in ("reply", "privacy") else CheckClass.REQUIRED
            reasons = ("3 automatic replies; allowed: none",) if outcome is Outcome.FAILED else ()
            source = SourceRef("smoke_cases/richpanel/smoke.csv", number + 2)
            results.append(
                CheckResult(case, check, outcome, cls, source, reasons, f"the {check} of the row", "as expected")
            )
    return write_bundle(
        folder,
        results,
        rows=rows,
        titles={case: f"A message about {row['intent']}" for case, row in rows.items()},
        scanned=False,
    )


def settle(page: Page) -> float:
    """Wait until the page had no long task for half a second; return when the last one ended, in ms since opening."""
    while True:
        last = page.evaluate("window.__long.length ? Math.max(...window.__long.map(one => one[0] + one[1])) : 0")
        if page.evaluate("performance.now()") - last > 500:
            return float(last)
        page.wait_for_timeout(100)


def measure(browser: Browser, file: Path, search: str, shown: str, text: str) -> dict[str, float]:
    """Open a file, search in it, and return milliseconds; `shown` selects what the list holds."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(f"({_WATCH})()")
    page.goto(file.as_uri(), wait_until="load", timeout=300_000)
    page.locator(search).first.wait_for(timeout=300_000)
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    ready = max(settle(page), loaded)
    before = page.locator(shown).count()
    field = page.locator(search).first
    field.focus()
    page.evaluate("window.__long.length = 0")
    start = page.evaluate("performance.now()")
    page.keyboard.insert_text(text)
    while page.locator(shown).count() == before:
        page.wait_for_timeout(5)
    changed = page.evaluate("performance.now()") - start
    settled = max(settle(page) - start, changed)
    longest = page.evaluate("Math.max(0, ...window.__long.map(one => one[1]))")
    context.close()
    return {"open": ready, "filter": settled, "longest task while filtering": longest}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        bundle = write_large(folder / "bundle", options.cases)
        start = time.perf_counter()
        text = render_page(read_page(bundle))
        print(f"read, checked and rendered {options.cases:,} cases in {time.perf_counter() - start:.2f} s")
        (folder / "ours.html").write_text(text, "utf-8")
        files = {"gonogo": (folder / "ours.html", "#q", ".case:not([hidden])", "parcel 4999 ")}
        if ALLURE.is_file():
            files["Allure"] = (write_allure(folder, bundle), "input", "[data-testid=tree-leaf]", "ST-04999")
        figures: dict[str, list[dict[str, float]]] = {name: [] for name in files}
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            for _ in range(options.rounds):
                for name, arguments in files.items():
                    figures[name].append(measure(browser, *arguments))
            browser.close()
        show(figures, {name: one[0].stat().st_size for name, one in files.items()})


def write_allure(folder: Path, bundle: Path) -> Path:
    """Return Allure's single file of a bundle's results."""
    (folder / "allurerc.mjs").write_text(
        'export default {name: "benchmark", plugins: {awesome: {options: {singleFile: true, reportLanguage: "en"}}}};\n'
    )
    start = time.perf_counter()
    subprocess.run(
        [str(ALLURE), "generate", str(bundle / "allure-results"), "--config", "allurerc.mjs", "--output", "allure"],
        cwd=folder,
        check=True,
        capture_output=True,
        env={"PATH": f"{ROOT / '.venv' / 'bin'}:/usr/bin:/bin", "HOME": str(folder), "ALLURE_NO_ANALYTICS": "true"},
    )
    print(f"Allure rendered the same results in {time.perf_counter() - start:.2f} s")
    return max((folder / "allure").rglob("index.html"), key=lambda path: path.stat().st_size)


def show(figures: dict[str, list[dict[str, float]]], sizes: dict[str, int]) -> None:
    """Print the medians of all rounds, and the ratio to the peer."""
    medians: dict[str, dict[str, Any]] = {
        name: {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
        for name, rounds in figures.items()
    }
    for name, values in medians.items():
        print(
            f"{name}: {sizes[name] / 1e6:.1f} MB; "
            + ", ".join(f"{key} {value:,.0f} ms" for key, value in values.items())
        )
    if "Allure" in medians:
        ratios = {key: value / max(medians["Allure"][key], 1) for key, value in medians["gonogo"].items()}
        print("ratio: " + ", ".join(f"{key} {value:.2f}" for key, value in ratios.items()))


if __name__ == "__main__":
    main()
