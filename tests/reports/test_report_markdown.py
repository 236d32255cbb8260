"""The page of a decision: names what decided and what was not tested, whatever the texts hold."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_data import HOSTILE, check, record

from gonogo.model.outcome import CheckClass, Outcome, SourceRef
from gonogo.reports.markdown import escape, render_decision

HEADINGS = ["## What decided", "## Next", "## What was not tested", "## What this stage made of the rows"]
HEADER = "| check | outcome | class | expected | observed | why | source |"


def section(page: str, heading: str) -> str:
    return page.split(f"\n{heading}\n")[1].split("\n## ")[0]


def cells(line: str) -> list[str]:
    """Return a row's cells as Markdown sees them: split at every pipe that is not escaped."""
    return [cell.strip() for cell in re.split(r"(?<!\\)(?:\\\\)*\|", line)[1:-1]]


@pytest.mark.parametrize(
    ("outcome", "title"), [(Outcome.PASSED, "GO"), (Outcome.ERROR, "HOLD"), (Outcome.FAILED, "NO-GO")]
)
def test_the_decision_stands_first(outcome: Outcome, title: str) -> None:
    page = render_decision(record(check(outcome)), "gonogo run")

    assert page.splitlines()[0] == f"# {title}: richpanel, stage 2, sandbox"
    assert [line for line in page.splitlines() if line.startswith("## ")] == HEADINGS


def test_what_decided_is_named_with_its_place() -> None:
    results = [
        check(Outcome.PASSED, "ST-001/intent"),
        check(Outcome.FAILED, "ST-002/tags", reason="tag_x is missing", line=12),
        check(Outcome.FAILED, "ST-003/reply", CheckClass.SAFETY, line=13),
        check(Outcome.ERROR, "ST-004/intent"),
    ]

    found = section(render_decision(record(*results), "x"), "## What decided").strip().splitlines()

    assert found[0] == HEADER
    assert [cells(line)[0] for line in found[2:]] == ["ST-003/reply", "ST-002/tags"]
    assert cells(found[3]) == [
        "ST-002/tags", "FAILED", "required", "expected", "observed", "tag_x is missing", "smoke_cases/smoke.csv:12",
    ]  # fmt: skip


def test_a_hold_without_a_deciding_check_says_why() -> None:
    found = section(render_decision(record(check(cls=CheckClass.SAFETY)), "x"), "## What decided")

    assert "no required check passed" in found
    assert "Every" not in found


def test_nothing_at_all_never_reads_like_success() -> None:
    page = render_decision(record(expectations={}), "x")

    assert page.startswith("# HOLD")
    assert "Checks: none." in page
    assert "No rows ran." in page
    assert "Every safety" not in page


def test_a_go_says_what_passed() -> None:
    page = render_decision(record(check()), "x")

    assert section(page, "## What decided").strip() == "Every safety, privacy and required check passed."
    assert "Checks: 1 PASSED." in page


def test_what_was_not_tested_is_named() -> None:
    many = [{"case": f"ST-{index}", "why": "not admitted"} for index in range(50)]
    page = render_decision(record(check(), not_tested=many, holes=[]), "x")

    found = section(page, "## What was not tested").strip().splitlines()
    assert found[0] == "- ST-0: not admitted"
    assert found[-1] == "- 10 more in decision.json."
    assert len(found) == 41
    empty = render_decision(record(check(), not_tested=[], holes=[]), "x")
    assert section(empty, "## What was not tested").strip() == "Everything that was planned ran."


def test_what_no_case_tries_is_named() -> None:
    page = render_decision(record(check(), holes=[f"intent <{index}>: no case" for index in range(50)]), "x")

    found = section(page, "## What was not tested")
    assert "- ST-070: stage 2 does not admit it" in found
    assert r"- intent \<0\>: no case" in found
    assert found.count(": no case") == 40
    assert "- 10 more in decision.json." in found


def test_a_long_list_of_deciding_checks_says_how_many_more() -> None:
    results = [check(Outcome.FAILED, f"ST-{index:03}/intent") for index in range(45)]

    found = section(render_decision(record(*results), "x"), "## What decided")

    assert "5 more in decision.json." in found
    assert found.count("| ST-") == 40


def test_notes_stand_on_their_own() -> None:
    page = render_decision(record(check(), notes=["FLAGS LEFT: safe_mode", "second"]), "x")

    assert "\n> FLAGS LEFT: safe_mode\n\n> second\n\n## What decided\n" in page


def test_what_the_target_did_not_show_is_said() -> None:
    page = render_decision(record(check(), build={"before": None, "after": None}), "x")

    assert "Build: not shown by the target. Release: not named." in page


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_stays_in_its_cell(kind: str) -> None:
    text = HOSTILE[kind][:100_000]
    bad = replace(
        check(Outcome.FAILED, reason=text), case=f"A{text}", check=text, expected=text, observed=text,
        source=SourceRef(text, 3),
    )  # fmt: skip
    changes = {
        "system": text, "stage": text, "environment": text, "release": text, "run_id": text, "notes": [text],
        "build": {"before": text, "after": text}, "not_tested": [{"case": text, "why": text}], "holes": [text],
        "expectations": {text: {"reply": text, "action": None}},
    }  # fmt: skip

    page = render_decision(record(bad, check(), **changes), f"gonogo {text}")

    assert [line for line in page.splitlines() if line.startswith("#")][1:] == HEADINGS
    table = section(page, "## What decided").strip().splitlines()
    assert len(table) == 3
    assert [len(cells(line)) for line in table] == [7, 7, 7]
    assert cells(table[2])[1:3] == ["FAILED", "required"]
    assert len(section(page, "## Next").strip().splitlines()) == 1
    assert section(page, "## Next").strip("\n").startswith("    gonogo")
    page.encode()


@given(st.text(st.characters(), max_size=40))
def test_escaped_text_is_one_line_without_live_markup(text: str) -> None:
    escaped = escape(text)

    assert "\n" not in escaped
    assert escaped.isprintable()
    live = re.sub(r"\\[^A-Za-z0-9 ]", ".", escaped)
    assert not re.search(r"[\\`*{}\[\]<>|#&~!@]|://|\b_\B|\B_\b|__", live, re.ASCII)
    escaped.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("intent is 'a_b'", "intent is 'a_b'"),
        ("_a_ __b__ c_", r"\_a\_ \_\_b\_\_ c\_"),
        ("mw-intent-order", "mw-intent-order"),
        ("- x", r"\- x"),
        ("--- ===", r"\--- \==="),
        ("https://a.example", r"https\://a.example"),
        ("&lt;b&gt;", r"\&lt;b\&gt;"),
        ("p95 612 ms > 500 ms (limit), n=4,200", r"p95 612 ms \> 500 ms (limit), n=4,200"),
        ("smoke.csv:12", "smoke.csv:12"),
    ],
)
def test_ordinary_text_stays_readable(text: str, shown: str) -> None:
    assert escape(text) == shown
