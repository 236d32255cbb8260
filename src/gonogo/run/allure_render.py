"""Rendering a bundle's Allure results with Allure 3 (Node) or Allure 2 (Java), and counting what came out.

Both renderers drop a result that they cannot read and end with 0. So the results are compared with the outcomes before,
and the rendered totals with ours after; a report that differs is not shown.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gonogo.errors import EvidenceError, UsageError
from gonogo.evidence.bundle import ALLURE, DECISION
from gonogo.evidence.verify.agreement import recompute
from gonogo.evidence.verify.renderings import allure_status, check_allure
from gonogo.model.outcome import worst
from gonogo.reports.allure import CATEGORIES

VARIABLE = "GONOGO_ALLURE"
_TIMEOUT = 300
_STATUSES = ("broken", "failed", "passed", "skipped", "unknown")
_HISTORY = 20
_INSTALL = (
    "Install Allure 3 (npm install -g allure; it needs Node 20 or later) or Allure 2 (npm install -g "
    f"allure-commandline; it needs Java 8 or later), or name its program in {VARIABLE}."
)
# Allure 3 loads this from an analytics host whatever is configured; Allure 2 stops by its environment variable.
_TAG = re.compile(rb"<script[^>]*\bsrc=[\"']https?://[^\"']*[\"'][^>]*>\s*</script>", re.IGNORECASE)
_GTAG = re.compile(rb"<script>[^<]*\bgtag\s*\((?:(?!</script>).)*</script>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Renderer:
    """An Allure program and its major version, 2 or 3."""

    program: str
    version: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered report: its page, the number of tests by status, the renderer, and how many earlier runs it shows."""

    page: Path
    totals: Mapping[str, int]
    renderer: Renderer
    earlier: int


def find_renderer(root: Path, environ: Mapping[str, str] = os.environ) -> Renderer:
    """Return the Allure that is here: named by GONOGO_ALLURE, of the project's node_modules, or on the PATH.

    Raises `UsageError` saying what to install where there is none, or where it does not start.
    """
    local = root / "node_modules" / ".bin" / "allure"
    named = environ.get(VARIABLE)
    program = (
        str(Path(named).absolute())
        if named
        else (str(local) if local.exists() else shutil.which("allure", path=environ.get("PATH")))
    )
    if not program:
        raise UsageError("there is no Allure here to render with", _INSTALL)
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=60, check=False, env=_quiet(environ)
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{program} does not start: {type(error).__name__}", _INSTALL) from error
    found = re.search(r"\b([23])\.\d+\.\d+", done.stdout)
    if done.returncode != 0 or not found:
        words = (done.stderr or done.stdout).strip()[-300:]
        raise UsageError(f"{program} does not tell its version: {words or done.returncode}", _INSTALL)
    return Renderer(program, int(found[1]))


def render_allure(bundle: Path, out: Path, renderer: Renderer, *, single_file: bool) -> Rendered:
    """Render a bundle's results, with the history of earlier runs of the same system, stage and environment beside it.

    Raises `EvidenceError` where the results are not those of the outcomes, or the rendered totals are not ours; then
    no report is left in `out`.
    """
    story, faults = recompute(bundle)
    if story is not None:
        faults += check_allure(bundle, story.results)
    if faults or story is None:
        raise EvidenceError(
            "the Allure results are not those of the outcomes: "
            + "; ".join(f"{one.file}: {one.detail}" for one in faults[:3]),
            "'gonogo verify' names every fault. Nothing is rendered.",
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not empty", "Name a new folder.")
    wanted = count_results(bundle)
    earlier = find_earlier(bundle, story.record)
    with tempfile.TemporaryDirectory(prefix="gonogo-allure-") as folder:
        work = Path(folder)
        results = work / "allure-results"
        shutil.copytree(bundle / ALLURE, results)
        made = work / "report"
        if renderer.version == 3:
            _render_3(renderer, results, made, work, [one / ALLURE for one in earlier], single_file=single_file)
        else:
            _render_2(renderer, results, made, work, [one / ALLURE for one in earlier], single_file=single_file)
        totals = _read_totals(made, renderer.version, work, single_file=single_file)
        if totals != wanted:
            raise EvidenceError(
                f"Allure shows {_words(totals)}; the bundle holds {_words(wanted)}. The report is not shown",
                "Look at report.html, or at decision.md.",
            )
        for page in made.rglob("*.html"):
            page.write_bytes(strip_analytics(page.read_bytes()))
        shutil.copytree(made, out, dirs_exist_ok=True)
    return Rendered(out / "index.html", totals, renderer, len(earlier))


def count_results(bundle: Path) -> dict[str, int]:
    """Return the number of cases by Allure's status, counted from the outcomes and not from the results."""
    story, _ = recompute(bundle)
    if story is None:
        return {}
    cases: dict[str, list[Any]] = {}
    for result in story.results:
        cases.setdefault(result.case, []).append(result.outcome)
    totals = Counter(allure_status(worst(outcomes)) for outcomes in cases.values())
    # A scenario that was planned without any check has a result too, a broken one.
    extra = len(list((bundle / ALLURE).glob("*-result.json"))) - len(cases)
    totals["broken"] += max(0, extra)
    return {status: totals[status] for status in sorted(totals) if totals[status]}


def find_earlier(bundle: Path, record: Mapping[str, Any]) -> list[Path]:
    """Return the folders beside a bundle that hold earlier ones of the same kind and place, oldest first."""
    place = tuple(str(record.get(key)) for key in ("system", "stage", "environment", "activity"))
    found: list[tuple[datetime, Path]] = []
    for path in bundle.resolve().parent.glob(f"*/{DECISION}"):
        if path.parent == bundle.resolve() or not (path.parent / ALLURE).is_dir():
            continue
        try:
            other = json.loads(path.read_bytes())
            finished = datetime.fromisoformat(other["finished"])
            theirs = tuple(str(other.get(key)) for key in ("system", "stage", "environment", "activity"))
            if theirs == place and finished < datetime.fromisoformat(record["finished"]):
                found.append((finished, path.parent))
        except (OSError, ValueError, KeyError, TypeError):
            # What cannot be read is no history; `gonogo verify` says what is wrong with it.
            continue
    return [folder for _, folder in sorted(found)[-_HISTORY:]]


def strip_analytics(page: bytes) -> bytes:
    """Return a page without the scripts that it would load from another host, and without what they are called for."""
    return _GTAG.sub(b"", _TAG.sub(b"", page))


def _render_3(
    renderer: Renderer, results: Path, made: Path, work: Path, earlier: Sequence[Path], *, single_file: bool
) -> None:
    history = work / "history.jsonl"
    for one in earlier:
        _call([renderer.program, "history", str(one), "--history-path", str(history)], work)
    # Allure 3 takes categories from its configuration and not from the results.
    config = work / "allurerc.json"
    config.write_text(json.dumps({"categories": {"rules": CATEGORIES}}), "utf-8")
    words = ["awesome", str(results), "--config", str(config), "--output", str(made), "--history-path", str(history)]
    words += ["--report-name", _report_name(results), "--group-by", "epic,feature,story"]
    _call([renderer.program, *words, *(["--single-file"] if single_file else [])], work)


def _render_2(
    renderer: Renderer, results: Path, made: Path, work: Path, earlier: Sequence[Path], *, single_file: bool
) -> None:
    before: Path | None = None
    for number, one in enumerate(earlier):
        source, page = work / f"earlier-{number}", work / f"page-{number}"
        shutil.copytree(one, source)
        _hand_history(before, source)
        _call([renderer.program, "generate", str(source), "--output", str(page)], work)
        before = page
    _hand_history(before, results)
    words = ["generate", str(results), "--output", str(made), "--name", _report_name(results)]
    _call([renderer.program, *words], work)
    if single_file:
        # The single file holds its data inside; the folder is where they can be counted.
        made.rename(work / "counted")
        _call([renderer.program, *words, "--single-file"], work)


def _hand_history(page: Path | None, results: Path) -> None:
    if page is not None and (page / "history").is_dir():
        shutil.copytree(page / "history", results / "history")


def _report_name(results: Path) -> str:
    try:
        return str(json.loads((results / "executor.json").read_bytes())["reportName"])
    except (OSError, ValueError, KeyError, TypeError):
        return "gonogo"


def _call(command: Sequence[str], work: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=work, capture_output=True, text=True, timeout=_TIMEOUT, check=False, env=_quiet(os.environ)
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"Allure did not render: {type(error).__name__}", _INSTALL) from error
    if done.returncode != 0:
        raise UsageError(f"Allure did not render: {(done.stderr or done.stdout).strip()[-500:]}", _INSTALL)


def _quiet(environ: Mapping[str, str]) -> dict[str, str]:
    # "=1" would not stop Allure 2.
    return {**environ, "ALLURE_NO_ANALYTICS": "true", "NO_COLOR": "1"}


def _read_totals(made: Path, version: int, work: Path, *, single_file: bool) -> dict[str, int]:
    """Return the tests by status as the rendered report counts them."""
    if version == 3:
        path = made / "summary.json"
        key = "stats"
    else:
        path = (work / "counted" if single_file else made) / "widgets" / "summary.json"
        key = "statistic"
    try:
        stats = json.loads(path.read_bytes())[key]
        counts = {name: int(stats.get(name, 0)) for name in _STATUSES}
        total = int(stats["total"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvidenceError("what Allure rendered cannot be counted", "Look at report.html.") from error
    counts = {name: count for name, count in sorted(counts.items()) if count}
    if total != sum(counts.values()):
        raise EvidenceError(f"Allure counts {total} tests and tells {sum(counts.values())} apart")
    return counts


def _words(totals: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in totals.items()) or "nothing"
