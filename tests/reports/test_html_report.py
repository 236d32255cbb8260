from __future__ import annotations

import base64
import hashlib
import html.parser
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from markdown_it import MarkdownIt
from page_bundles import GREEN, KEY, MIXED, write_all, write_bundle
from report_data import HOSTILE, check

from gonogo.cli.main import main
from gonogo.errors import EvidenceError
from gonogo.evidence.archive import write_zip
from gonogo.evidence.seal import SealError
from gonogo.evidence.verify.story import check_story
from gonogo.model.outcome import Outcome
from gonogo.reports.comparison import HEADINGS, compare_pages, comparison_to_json
from gonogo.reports.html.build import build_page
from gonogo.reports.html.files import BundleFiles
from gonogo.reports.html.page import Page, build_summary, page_to_json
from gonogo.reports.html.picture import clean_picture
from gonogo.reports.html.render import render_comparison, render_page
from gonogo.reports.page_markdown import render_comparison_markdown, render_page_markdown
from gonogo.reports.visible import cut_text, show_line, show_text
from gonogo.run.pages import DOCUMENTS, read_files, read_page, write_pages

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "run"))
from harness import SmallProject

KINDS = ["go", "no-go", "load", "watch", "stage", "hostile"]
_VOID = {"meta", "br", "input", "hr", "link", "img"}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_all(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def pages(bundles: dict[str, Path]) -> dict[str, Page]:
    return {name: read_page(folder) for name, folder in bundles.items()}


@pytest.fixture(scope="module")
def real_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallProject, Path]:
    """One real run, with a fault that makes it NO-GO; the tests only read it."""
    project = SmallProject(tmp_path_factory.mktemp("project"), ("ST-001", "ST-010", "ST-060", "ST-070"))
    done = project.run(2, "--fault", "duplicate_reply")
    assert done.code == 1, done.stderr
    return project, project.runs[0]


class Texts(html.parser.HTMLParser):
    """Collects what a page shows as text, the elements that it has, and those inside a plot apart."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.elements: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag in ("style", "script", "svg", "title"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if not self.open or self.open == ["title"]:
            self.texts.append(data)


_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?")


def numbers_of(text: str) -> set[str]:
    """Return the figures of a text, without the commas that set thousands apart."""
    return {found.replace(",", "").rstrip(".") for found in _NUMBER.findall(text)}


def known_numbers(folder: Path) -> set[str]:
    """Return every figure that stands in a file of a bundle but its pages, or in its digest; also to six digits."""
    found: set[str] = set()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in ("report.html", "decision.md", "junit.xml") and path.suffix != ".html":
            data = path.read_bytes()
            text = f"{path.name} {data.decode('utf-8', 'replace')} {hashlib.sha256(data).hexdigest()}"
            if path.name.endswith(".dsse.json"):
                text += base64.b64decode(json.loads(data)["payload"]).decode("utf-8")
            found |= numbers_of(text)
            # In 1,2,3 the commas set nothing apart.
            found |= set(re.findall(r"\d+", text))
    return found | {f"{float(one):.6g}" for one in found if len(one) < 25}


def unknown_numbers(page: str, folder: Path) -> set[str]:
    shown = set().union(*(numbers_of(text) for text in Texts(page).texts))
    return shown - known_numbers(folder)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "hostile"])
def test_every_number_of_a_page_is_in_its_bundle(kind: str, bundles: dict[str, Path]) -> None:
    shown = (bundles[kind] / "report.html").read_text("utf-8")
    assert unknown_numbers(shown, bundles[kind]) == set()
    assert unknown_numbers(render_page(read_page(bundles[kind])), bundles[kind]) == set()


def test_every_number_of_a_real_run_is_in_its_bundle(real_run: tuple[SmallProject, Path]) -> None:
    _, folder = real_run
    page = render_page(read_page(folder))
    assert len(set().union(*(numbers_of(text) for text in Texts(page).texts))) > 40
    assert unknown_numbers(page, folder) == set()
    assert unknown_numbers((folder / "report.html").read_text("utf-8"), folder) == set()
    assert unknown_numbers(page.replace("</main>", "<p>99887766</p></main>"), folder) == {"99887766"}


def test_page_of_a_real_run_is_sealed_with_it(real_run: tuple[SmallProject, Path]) -> None:
    project, folder = real_run
    listed = [one["path"] for one in json.loads((folder / "manifest.json").read_text())["files"]]
    assert {"report.html", "summary.json"} <= set(listed)
    page = (folder / "report.html").read_text("utf-8")
    assert "As of sealing." in page
    assert "Where is my order" in page or "order" in page
    text = " ".join(Texts(page).texts)
    for wanted in (
        "NO-GO",
        "ST-060/duplicate",
        "gonogo run richpanel --stage 2",
        "Tier 0",
        "Tier 1",
        "automation_enabled",
    ):
        assert wanted in text, wanted
    done = project.gonogo("verify", str(folder), "--allow-unsigned")
    assert done.code == 1, done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_same_bundle_renders_the_same_bytes(kind: str, bundles: dict[str, Path]) -> None:
    first, second = read_page(bundles[kind]), read_page(bundles[kind])
    assert render_page(first) == render_page(second)
    assert render_page_markdown(first) == render_page_markdown(second)
    assert json.dumps(page_to_json(first)) == json.dumps(page_to_json(second))
    before = {name: (bundles[kind] / name).read_bytes() for name in ("report.html", "summary.json")}
    write_pages(bundles[kind])
    assert {name: (bundles[kind] / name).read_bytes() for name in before} == before


def test_bytes_do_not_depend_on_the_process(bundles: dict[str, Path]) -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-m", "gonogo.cli.main", "report", str(bundles["no-go"]), "--out", "-"],
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert len(outputs) == 1


def test_what_the_page_counts_is_in_the_bundle(bundles: dict[str, Path], pages: dict[str, Page]) -> None:
    for name, folder in bundles.items():
        kept = json.loads((folder / "summary.json").read_text("utf-8"))
        assert kept == json.loads(json.dumps(build_summary(pages[name])))
        assert kept["cases"] == sum(kept["cases_by_outcome"].values()) == sum(one["cases"] for one in kept["sections"])


def _schema(name: str) -> dict[str, Any]:
    return dict(json.loads((ROOT / "docs" / "schemas" / f"{name}.schema.json").read_text("utf-8")))


def test_schemas_describe_what_is_printed(bundles: dict[str, Path], pages: dict[str, Page]) -> None:
    both = comparison_to_json(compare_pages(pages["go"], pages["no-go"]))
    kept = json.loads((bundles["no-go"] / "summary.json").read_text("utf-8"))
    printed = [("comparison", both), ("summary", kept), *(("report", page_to_json(page)) for page in pages.values())]
    for name, data in printed:
        whole = json.loads(json.dumps(data))
        jsonschema_rs.validator_for(_schema(name)).validate(whole)
        assert set(whole) == set(_schema(name)["properties"]) == set(_schema(name)["required"])
        assert not jsonschema_rs.validator_for(_schema(name)).is_valid({**whole, "schema": "another"})


def test_page_tells_everything_that_it_must(pages: dict[str, Page]) -> None:
    text = " ".join(" ".join(Texts(render_page(pages["no-go"])).texts).split())
    for wanted in (
        "NO-GO",
        "ST-200/reply",
        "a reply went out: t_refund",
        "gonogo run richpanel --stage 2 --env staging",
        "stage 2 does not admit it",
        "no row of mode multi_intent",
        "Stage 1: Deploy, routing only",
        "this one: NO-GO",
        "approvals asked for: 2 × release_approver",
        "no reply (the row expects none)",
        "Where is my order? This is message ST-200.",
        "acknowledgement p95 0.0331613 s ≤ 0.5 s (limit), n=4,200",
        "0.031 to 0.0358 (level 0.95)",
        "nobody has answered for it yet",
        "UNSIGNED",
        "safe_mode true not read",
        "deploy.sh --release {previous_release}",
        "gonogo rollback richpanel --option A --env staging",
        "new columns",
        "t-17 ST-001 it could not be closed",
        "safe_mode true 0.651 true",
        "owner: Ana Ferreira; reason: Wording is agreed.",
        "not watched here",
        "smoke_cases/richpanel/smoke.csv:7",
    ):
        assert wanted in text, wanted
    for outcome in Outcome:
        assert f"{outcome.name.replace('_', ' ')}" in text
    shown = {case.id: (case.outcome, case.cls) for case in pages["no-go"].rows}
    # One of its checks passed and is lighter; the case shows its worst and its heaviest.
    assert shown["ST-200"] == ("FAILED", "safety")


def test_page_of_an_approved_bundle_names_the_approver(pages: dict[str, Page]) -> None:
    text = " ".join(" ".join(Texts(render_page(pages["go"])).texts).split())
    assert "Ana Ferreira (release_approver), 2026-01-02 04:05:05 UTC: approval of GO" in text
    assert "Looked at every reply." in text
    assert "passed by Ana Ferreira (qa_lead) on 2026.11.2, 2026-01-02 02:00 UTC: looked at it" in text
    assert "Every file is as it was sealed and signed." in text
    assert KEY.public.keyid in text
    assert "deployed by Dora Deployer" in text


def test_trigger_that_fired_stands_among_what_decided(pages: dict[str, Page]) -> None:
    page = pages["watch"]
    assert [one.id for one in page.deciding] == ["TRG-LOOP/fired"]
    assert "7 replies in one conversation > 3 (limit)" in page.deciding[0].reasons
    assert {one.id: one.state for one in page.triggers} == {"TRG-LOOP": "fired", "TRG-ERRORS": "did not fire"}


def test_gate_with_an_interval_is_drawn_beside_its_limit(pages: dict[str, Page]) -> None:
    drawn, without = pages["no-go"].gates
    assert drawn.span is not None
    # 0.03 (baseline) < 0.031 (low) < 0.0331613 (value) < 0.0358 (high) < 0.5 (limit)
    span = drawn.span
    assert span.baseline == 4.0
    assert span.limit == 96.0
    assert span.low <= span.value <= span.high < span.limit
    assert without.span is None
    assert (
        'aria-label="GATE-ack: value 0.0331613 s, interval 0.031 to 0.0358 (level 0.95), limit ≤ 0.5 s'
        in render_page(pages["no-go"])
    )


def test_load_is_shown_with_figures_and_plots(pages: dict[str, Page]) -> None:
    shown = {one.id: one for one in pages["load"].measured}
    facts = dict(shown["load"].facts)
    assert facts["achieved rate"] == "0.0586"
    assert [(table.title, table.rows[0]) for table in shown["load"].tables] == [
        ("percentiles", ("ack", "12.25", "480.5", "1,420")),
        ("errors", ("429", "3", "crm")),
    ]
    assert [plot.file for plot in shown["load"].pictures] == ["canary.svg", "load-ack.svg"]
    assert 'role="img" aria-label="Acknowledgement over time: minutes"' in render_page(pages["load"])


@pytest.mark.parametrize("kind", KINDS)
def test_policy_allows_only_what_stands_in_the_page(kind: str, pages: dict[str, Page]) -> None:
    text = render_page(pages[kind])
    found = Texts(text)
    assert [one for one in found.attributes if one[1] == "style" or one[1].startswith("on")] == []
    assert [one for one in found.attributes if one[1] in ("src", "href", "xlink:href") and one[2][:1] != "#"] == []
    assert found.elements.count("script") == found.elements.count("style") == 1
    policy = next(
        value for tag, name, value in found.attributes if (tag, name) == ("meta", "content") and "src" in value
    )
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


HOSTILE_CHARACTERS = [*map(chr, range(9)), "\x0b", "\x1b", "\x7f", "\x9f", "\u202e", "\u2066", "\u2028", "\ufffe"]


@pytest.mark.parametrize("render", [render_page, render_page_markdown])
def test_hostile_text_is_shown_and_does_nothing(render: Any, pages: dict[str, Page]) -> None:
    text = render(pages["hostile"])
    text.encode("utf-8")
    assert [char for char in HOSTILE_CHARACTERS if char in text] == []
    assert "\\u202e" in text.replace("\\\\", "\\")
    assert "1,000,000 characters" in text
    assert len(text) < 3_000_000


def test_hostile_text_is_no_markup_in_html(pages: dict[str, Page]) -> None:
    found = Texts(render_page(pages["hostile"]))
    ours = set(Texts(render_page(pages["no-go"])).elements) | set(Texts(render_page(pages["load"])).elements)
    assert set(found.elements) <= ours | {"p", "figure", "blockquote"}
    assert any("<script>alert(1)</script>" in text for text in found.texts)


def test_hostile_text_is_no_markup_in_markdown(pages: dict[str, Page]) -> None:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = parser.parse(render_page_markdown(pages["hostile"]))
    kinds = {child.type for token in tokens for child in (token, *(token.children or ()))}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "fence", "s_open", "hr"}
    headings = [tokens[at + 1].content for at, token in enumerate(tokens) if token.tag == "h2" and token.nesting == 1]
    assert headings.count("What decided") == 1


@pytest.mark.parametrize("format_", ["html", "md", "json"])
def test_hostile_text_steers_no_terminal(format_: str, bundles: dict[str, Path]) -> None:
    done = _gonogo("report", str(bundles["hostile"]), "--format", format_, "--out", "-")
    assert done.returncode == 4, done.stderr
    text = (done.stdout + done.stderr).decode("utf-8") if format_ != "json" else done.stdout.decode("utf-8")
    assert [char for char in HOSTILE_CHARACTERS if char in text] == []
    if format_ == "json":
        assert "\u202eabc" in json.loads(text)["title"] or "202e" in text


def _gonogo(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run the command in this process: what it prints and its exit code are what they would be in another."""
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["gonogo", *arguments])
        patch.setattr(sys, "stdout", streams[0])
        patch.setattr(sys, "stderr", streams[1])
        patch.chdir(cwd or Path.cwd())
        with pytest.raises(SystemExit) as ended:
            main()
    shown = [stream.buffer.getvalue() for stream in streams]  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(["gonogo", *arguments], int(ended.value.code or 0), *shown)


def test_characters_that_act_or_hide_are_escaped() -> None:
    assert show_text("a\tb\nc") == "a\tb\nc"
    assert show_line("a\tb\nc") == "a b c"
    assert show_text("\x1b[2J\u202e\ud800\U000e0041") == "\\u001b[2J\\u202e\\ud800\\udb40\\udc41"
    assert json.loads(f'"{show_text(HOSTILE["bidi"])}"') == HOSTILE["bidi"]
    assert show_text(HOSTILE["emoji"]) == HOSTILE["emoji"]
    assert cut_text("ä" * 10, 4) == "ääää … (cut; 10 characters in all)"


ODD = [None, True, 1, 1.5, "x", [], {}, [1], [None], [[]], {"a": 1}, {"a": {"b": []}}, "\ud800", float("nan"), 10**30]


def test_odd_content_never_crashes_a_page(bundles: dict[str, Path]) -> None:
    whole = read_files(bundles["no-go"])
    load = read_files(bundles["load"])
    documents = {**whole.documents, **load.documents, "triggers.json": {"triggers": []}}
    tried = 0
    for part in ("decision", "planned", "plan"):
        for key in getattr(whole, part):
            for odd in ODD:
                files = {"decision": whole.decision, "planned": whole.planned, "plan": whole.plan}
                files[part] = {**files[part], key: odd}
                page = build_page(BundleFiles(**files, documents=documents))
                tried += 1
        for odd in ODD:
            files = {"decision": whole.decision, "planned": whole.planned, "plan": whole.plan}
            first = next(key for key, value in files[part].items() if isinstance(value, list | tuple) and value)
            files[part] = {**files[part], first: [odd, *files[part][first]]}
            page = build_page(BundleFiles(**files, documents=documents))
            render_page_markdown(page).encode("utf-8")
            render_page(page).encode("utf-8")
    for name in DOCUMENTS:
        for odd in ODD:
            page = build_page(BundleFiles(whole.decision, whole.planned, whole.plan, {name: {"gates": odd, "x": odd}}))
            render_page(page).encode("utf-8")
            json.dumps(page_to_json(page))
    assert tried > 400


def test_deep_or_empty_bundles_have_a_page() -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = {"a": deep}
    for decision in ({}, {"checks": [{}], "decision": "PERHAPS", "deciding": ["A/b"]}):
        page = build_page(BundleFiles(decision, {}, {}, {"load.json": deep}))
        assert render_page(page)
        assert render_page_markdown(page)


def test_changed_bundle_is_shown_with_a_banner_and_exit_4(bundles: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bundles["go"], tmp_path / "changed"))
    (folder / "decision.md").write_text("# GO: something else\n")
    done = _gonogo("report", str(folder), "--out", str(tmp_path / "page.html"))
    assert done.returncode == 4
    assert b"FAULT closed-set/size  decision.md" in done.stderr
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "This bundle does not verify; nothing below can be relied on." in text
    assert "closed-set/size" in text
    done = _gonogo("report", str(folder), "--format", "md")
    assert done.returncode == 4
    assert b"NOT VERIFIED" in done.stdout


@pytest.mark.parametrize("name", ["decision.json", "planned.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"\xff"', b"[" * 100_000, None])
def test_bundle_that_cannot_be_read_is_an_error(
    name: str, content: bytes | None, bundles: dict[str, Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(bundles["no-go"], tmp_path / "broken"))
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(EvidenceError, match="nothing to show"):
        read_page(folder)


def test_page_of_another_decision_is_a_fault(bundles: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bundles["no-go"], tmp_path / "lies"))
    assert check_story(folder) == []
    page = (folder / "report.html").read_text("utf-8")
    (folder / "report.html").write_text(page.replace("<title>NO-GO: ", "<title>GO: "), "utf-8")
    assert [(fault.rule, fault.file) for fault in check_story(folder)] == [("page/decision", "report.html")]


def test_other_files_that_cannot_be_read_are_told(bundles: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bundles["load"], tmp_path / "broken"))
    (folder / "load.json").write_text("{")
    (folder / "gates.json").write_text("[]")
    (folder / "plan.yaml").write_text("a: [")
    (folder / "load-ack.svg").write_bytes(b"\xff")
    (folder / "canary.svg").unlink()
    (folder / "canary.svg").symlink_to("/etc/passwd")
    page = read_page(folder)
    assert len(page.unread) == 5
    assert page.seal is not None
    assert not page.seal.holds


def test_command_takes_a_zip_a_run_and_a_number(real_run: tuple[SmallProject, Path], tmp_path: Path) -> None:
    project, folder = real_run
    archive = tmp_path / "bundle.zip"
    write_zip(folder, archive)
    shown = [
        _gonogo("report", name, "--out", "-", cwd=project.root)
        for name in (str(folder), str(archive), folder.name, "richpanel#1")
    ]
    assert [one.returncode for one in shown] == [0, 0, 0, 0], shown[-1].stderr
    assert len({one.stdout for one in shown}) == 1
    for bad in ("richpanel#99", "nowhere", "other#1", "..", ""):
        assert _gonogo("report", bad, cwd=project.root).returncode in (2, 4), bad


def test_page_is_never_written_into_a_bundle(bundles: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bundles["go"], tmp_path / "go"))
    before = sorted(folder.rglob("*"))
    done = _gonogo("report", str(folder), cwd=folder)
    assert done.returncode == 2
    assert b"closed set" in done.stderr
    assert _gonogo("report", str(folder), "--out", str(folder / "allure-results" / "x.html")).returncode == 2
    assert sorted(folder.rglob("*")) == before
    done = _gonogo("report", str(folder), cwd=tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "run-1.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert done.stdout == b"run-1.html\n"


def test_unknown_format_is_refused(bundles: dict[str, Path]) -> None:
    done = _gonogo("report", str(bundles["go"]), "--format", "pdf")
    assert done.returncode == 2
    assert b"allowed: html, md, json" in done.stderr


COMPARED = {
    # (before, after): the headings that the check stands under
    (Outcome.PASSED, Outcome.FAILED): {"newly_failing"},
    (None, Outcome.FAILED): {"newly_failing"},
    (Outcome.NOT_RUN, Outcome.FAILED): {"newly_failing"},
    (Outcome.FAILED, Outcome.FAILED): {"still_failing"},
    (Outcome.FAILED, Outcome.PASSED): {"fixed"},
    (Outcome.INCONCLUSIVE, Outcome.PASSED): {"fixed"},
    (Outcome.PASSED, Outcome.PASSED): set(),
    (Outcome.PASSED, Outcome.INCONCLUSIVE): {"newly_open"},
    (Outcome.FAILED, Outcome.ERROR): {"newly_open"},
    (Outcome.PASSED, Outcome.NOT_RUN): {"newly_untested"},
    (Outcome.FAILED, None): {"newly_untested"},
    (Outcome.NOT_RUN, Outcome.PASSED): {"newly_tested"},
    (None, Outcome.PASSED): {"newly_tested"},
    (Outcome.NOT_RUN, Outcome.NOT_RUN): set(),
    (None, Outcome.PENDING): {"newly_open"},
}


@pytest.mark.parametrize(("before", "after"), COMPARED)
def test_comparison_puts_each_check_under_its_heading(before: Outcome | None, after: Outcome | None) -> None:
    def page(outcome: Outcome | None) -> Page:
        results = [] if outcome is None else [check(outcome, "ST-9/reply")]
        checks = [
            {"case": one.case, "check": one.check, "outcome": one.outcome.name, "class": one.cls.value}
            for one in results
        ]
        return build_page(BundleFiles({"checks": checks}, {}, {}))

    found = compare_pages(page(before), page(after))
    assert {name for name, _ in HEADINGS if found.counts[name]} == COMPARED[before, after]


def test_comparison_tells_changed_limits_and_expectations(bundles: dict[str, Path], tmp_path: Path) -> None:
    before = read_files(bundles["no-go"])
    gates = json.loads(json.dumps(before.documents["gates.json"]))
    gates["gates"][0]["limit"] = 0.9
    gates["gates"].pop()
    decision = json.loads(json.dumps(before.decision))
    decision["checks"][0]["expected"] = "another reply"
    decision["checks"][1]["class"] = "advisory"
    after = BundleFiles(decision, before.planned, before.plan, {"gates.json": gates})
    found = compare_pages(build_page(before), build_page(after))
    assert [(one.id, one.before, one.after) for one in found.limits_changed] == [
        ("GATE-ack", "≤ 0.5 s, required", "≤ 0.9 s, required"),
        ("GATE-age", "< 300 s, required", "no such gate"),
    ]
    assert sorted(one.cls for one in found.expectations_changed) == ["required", "required → advisory"]
    for text in (render_comparison(found), render_comparison_markdown(found), json.dumps(comparison_to_json(found))):
        assert "0.9 s" in text
        assert "another reply" in text


def test_comparison_of_two_bundles_is_shown_in_every_format(bundles: dict[str, Path], tmp_path: Path) -> None:
    pair = (str(bundles["no-go"]), "--against", str(bundles["go"]))
    data = json.loads(_gonogo("report", *pair, "--format", "json").stdout)
    assert data["before"]["decision"], data["after"]["decision"] == ("GO", "NO-GO")
    assert data["counts"]["newly_failing"] == 3
    assert data["counts"]["newly_untested"] == 4
    text = _gonogo("report", *pair, "--format", "md").stdout.decode()
    assert text.startswith("# GO → NO-GO: richpanel, stage 2, staging\n")
    page = tmp_path / "changes.html"
    assert _gonogo("report", *pair, "--out", str(page)).returncode == 0
    assert "script-src 'none'" in page.read_text("utf-8").replace("&#39;", "'")
    assert page.read_text("utf-8") == render_comparison(
        compare_pages(read_page(bundles["go"]), read_page(bundles["no-go"]))
    )


def test_plots_keep_their_shapes_and_lose_what_acts() -> None:
    plot = (Path(__file__).parent / "page_files" / "plot.svg").read_text("utf-8")
    shown = clean_picture("load-ack.svg", plot)
    assert (shown.title, shown.text, shown.fault) == ("Acknowledgement over time", "minutes", "")
    assert 'stroke="#1f77b4"' in shown.svg
    assert 'clip-path="url(#load-ack-svg-p1)"' in shown.svg
    assert 'href="#load-ack-svg-tick"' in shown.svg
    assert 'font-size="12"' in shown.svg
    assert "style" not in shown.svg
    hostile = (Path(__file__).parent / "page_files" / "hostile.svg").read_text("utf-8")
    bad = clean_picture("x.svg", hostile).svg
    for word in (
        "<script",
        "onload",
        "onclick",
        "http:",
        "javascript",
        "@import",
        "<image",
        "foreignObject",
        "<a",
        "set",
    ):
        assert word not in bad, word
    assert 'id="x-svg-content"' in bad


@pytest.mark.parametrize(
    "markup", ["", "<svg", "<html/>", "<svg/>", '<!DOCTYPE x [<!ENTITY a "b">]><svg/>', "x" * 3_000_001]
)
def test_plot_that_cannot_be_shown_says_why(markup: str) -> None:
    shown = clean_picture("x.svg", markup)
    assert shown.svg == ""
    assert shown.fault


def test_message_that_is_too_long_is_not_shown_in_part(tmp_path: Path) -> None:
    rows = {"ST-001": {"mode": "x", "channel": "email", "intent": "i", "tier": 1, "message": "m" * 5_000}}
    folder = write_bundle(tmp_path / "long", GREEN[:1], rows=rows, scanned=False)
    page = (folder / "report.html").read_text("utf-8")
    assert "a message of 5,000 characters; the pack holds it" in page
    assert "mmmm" not in page


PERSONAL = "mail jane.doe@acme-shop.com or ring +1 415 555 2671"


@pytest.mark.parametrize(
    "message",
    [
        PERSONAL,
        f'"{PERSONAL}" & <b>it\'s</b>',
        f"one\r\n{PERSONAL}\r\n\ttwo",
        f"one\r{PERSONAL} \u202e'\"",
        f"{PERSONAL} ☂️ \x00",
    ],
)
def test_page_with_our_own_messages_is_sealed(message: str, tmp_path: Path) -> None:
    rows = {"ST-001": {"mode": "x", "channel": "email", "intent": "i", "tier": 1, "message": message}}
    folder = write_bundle(tmp_path / "own", GREEN[:1], rows=rows, exempt=(message,))
    assert "jane.doe@acme-shop.com" in (folder / "report.html").read_text("utf-8")
    with pytest.raises(SealError):
        write_bundle(tmp_path / "foreign", GREEN[:1], rows=rows)


def test_mixed_bundle_has_a_case_of_every_outcome() -> None:
    assert {one.outcome for one in MIXED} == set(Outcome)
