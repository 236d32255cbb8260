"""Checklists of different habits are read as people read them; nothing is lost, and ids last."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gonogo.model.checklist import Checklist, ChecklistItem, ItemKind
from gonogo.sources.checklist.blocks import TooDeepError
from gonogo.sources.checklist.reader import MAX_BYTES, MAX_LINES, parse_checklist, read_checklist

LISTS = Path(__file__).parent / "checklists"


def parse(text: str) -> Checklist:
    return parse_checklist(text, "list.md", "0" * 64)


def item(checklist: Checklist, text: str) -> ChecklistItem:
    found = [one for one in checklist.items if text in one.text]
    assert len(found) == 1, [one.text for one in checklist.items]
    return found[0]


# Counted by eye: boxes, table rows, code blocks, expectations, items to answer for.
COUNTS = {
    "bank_release.md": (3, 7, 0, 3, 7),
    "hand_test.md": (0, 0, 0, 6, 3),
    "launch_day.md": (8, 0, 0, 0, 11),
    "on_call.md": (5, 0, 2, 0, 8),
    "deep_outline.md": (12, 0, 1, 1, 16),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_those_counted_by_eye(name: str) -> None:
    checklist, problems = read_checklist(LISTS / name, name)
    assert checklist is not None
    assert not problems
    counts = checklist.counts
    seen = (counts["task items"], counts["table rows"], counts["commands"], counts["expectations"])
    assert (*seen, len(checklist.standing)) == COUNTS[name]


def test_every_list_of_the_folder_is_counted() -> None:
    assert {path.name for path in LISTS.glob("*.md")} == set(COUNTS)


@pytest.mark.parametrize("path", sorted(LISTS.glob("*.md")), ids=lambda path: path.name)
def test_every_line_with_a_word_is_somewhere(path: Path) -> None:
    assert_covers(path.read_text("utf-8"))


def assert_covers(text: str) -> None:
    """Assert that every word of every line is in an item, an expectation, a command, a heading, or unplaced."""
    checklist = parse(text)
    said: list[str] = []
    for one in checklist.items:
        said += [one.text, one.id, one.lead, *one.expectations, *one.commands, *one.section]
        said += [part for pair in one.cells for part in pair]
    said += [one.text for one in checklist.unplaced] + [text for _, text in checklist.sections]
    words = set(re.findall(r"\w+", " ".join(said)))
    fence = False
    for number, line in enumerate(text.split("\n"), start=1):
        if re.match(r"[\s>]*(```|~~~)", line):
            fence = not fence
            continue
        content = re.sub(r"^\s*(\d{1,9}[.)]\s+)*(\[[ xX]\]\s*)?", "", line)
        content = re.sub(r"\[[ xX]\]", " ", content)
        content = re.sub(r"(?i)\b(expect(ed|ation)?( results?)?|pass/fail|steps|preconditions|then)\b", " ", content)
        lost = [word for word in re.findall(r"\w+", content) if word not in words and not word.isdigit()]
        assert not lost, f"line {number}: {lost} of {line!r}"


HEADS = st.sampled_from(
    ["# Plan", "## A) Routing", "### A1) One", "## 2. Deploy", "### 2.1 Check", "## Rollback triggers"]
)
WORDS = st.lists(st.sampled_from("queue alarm reply ticket order team flag page".split()), min_size=1, max_size=4)
LINES = st.one_of(
    HEADS,
    st.builds(lambda words, indent: " " * (2 * indent) + "- [ ] " + " ".join(words), WORDS, st.integers(0, 9)),
    st.builds(lambda words, indent: " " * (2 * indent) + "- " + " ".join(words), WORDS, st.integers(0, 4)),
    st.builds(lambda words: "1. " + " ".join(words), WORDS),
    st.builds(lambda words: " ".join(words) + ":", WORDS),
    st.builds(lambda words: " ".join(words), WORDS),
    st.builds(lambda words: "- Expect: " + " ".join(words), WORDS),
    st.builds(lambda words: f"| {words[0]} | > 5 | {words[-1]} |", WORDS),
    st.sampled_from(
        ["", "", "Expect:", "---", "| a | b | c |\n|---|---|---|", "```\nmake it\n```", "> quoted words", "<b>", "```"]
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(LINES, max_size=25).map("\n".join))
def test_nothing_of_any_document_is_dropped(text: str) -> None:
    checklist = parse(text)
    boxes = len(re.findall(r"(?m)^\s*- \[ \]", text))
    in_code = sum(one.count("- [ ]") for item in checklist.items for one in item.commands)
    assert sum(one.checked is not None for one in checklist.items) + in_code >= boxes
    if "```" not in text:
        assert_covers(text)
    assert len({one.id for one in checklist.items}) == len(checklist.items)


def test_a_test_case_takes_steps_and_expectations_of_its_heading() -> None:
    steps = "- write\n- Expect:\n  - seen\n    - twice\n  - kept\n"
    text = f"## A) Lists\n\n### A1) Works ✅\n{steps}\n### A2) **Next**\n1. go\n\nExpected: gone\n"
    checklist = parse(text)
    first, second = checklist.by_id["A1"], checklist.by_id["A2"]
    assert first.expectations == ("seen", "twice", "kept")
    assert first.steps == ("write",)
    assert second.expectations == ("gone",)
    assert [one.id for one in checklist.standing] == ["A1", "A2"]
    assert first.section == ("A) Lists",)
    assert first.line == 3


@pytest.mark.parametrize(
    ("heading", "own_id", "text"),
    [
        ("### A1) A message", "A1", "A message"),
        ("### 3. Restart", "3", "Restart"),
        ("#### 1.2: Logs", "1.2", "Logs"),
        ("### 1.1 CI and testing", "1.1", "CI and testing"),
        ("### **QA-B1** – Kill switch", "QA-B1", "Kill switch"),
        ("### ✅ TC_07] Page", "TC_07", "Page"),
        ("### Login {#login}", "login", "Login"),
        ("### P95 Response Time", "", ""),
        ("### Phase 1: Deploy", "", ""),
    ],
)
def test_headings_give_ids(heading: str, own_id: str, text: str) -> None:
    checklist = parse(f"# T\n\n{heading}\n- do it\n- Expect: done\n")
    found = next(one for one in checklist.items if one.expectations)
    assert found.has_own_id == bool(own_id)
    if own_id:
        assert (found.id, found.text) == (own_id, text)


@pytest.mark.parametrize(
    ("before", "kind"),
    [
        ("## Rollback triggers", ItemKind.TRIGGER),
        ("Roll back immediately if any of these occur:\n", ItemKind.TRIGGER),
        ("**Stop** the rollout if:\n", ItemKind.TRIGGER),
        ("## Preconditions", ItemKind.PRECONDITION),
        ("Only proceed if:\n", ItemKind.PRECONDITION),
        ("## Before each phase", ItemKind.PRECONDITION),
        ("## Approval Sign-Off", ItemKind.SIGN_OFF),
        ("## Rollback procedure", ItemKind.ACTION),
        ("## Smoke tests after deploy", ItemKind.CHECK),
        ("## Refs", ItemKind.CHECK),
    ],
)
def test_what_stands_above_a_box_says_what_it_is(before: str, kind: ItemKind) -> None:
    assert item(parse(f"{before}\n- [ ] the thing\n"), "the thing").kind is kind


def test_boxes_below_a_numbered_line_belong_to_it() -> None:
    checklist = parse("1. Deploy\n- [ ] backend\n- [ ] frontend\n\n2. Tell people\n- [ ] mail sent\n")
    assert item(checklist, "frontend").parent == item(checklist, "Deploy").id
    assert item(checklist, "mail").parent == item(checklist, "Tell").id
    assert not item(checklist, "Deploy").stands_alone


def test_no_box_is_lost_below_level_nine() -> None:
    text = "\n".join("  " * level + f"- [ ] level {level} of it" for level in range(60))
    checklist = parse(text)
    assert [one.text for one in checklist.items] == [f"level {level} of it" for level in range(60)]
    assert item(checklist, "level 59 of").parent == item(checklist, "level 58 of").id


def test_steps_and_expectations_take_turns() -> None:
    checklist = parse("## Run\n\n1. one\n\nExpected: a\n\n2. two\n\nExpected: b\n")
    assert item(checklist, "one").expectations == ("a",)
    assert item(checklist, "two").expectations == ("b",)


def test_bold_labels_below_a_heading_make_one_test_case() -> None:
    text = "### Checkout\n**Preconditions:** logged in\n**Steps:**\n1. add\n2. pay\n**Expected Result:** placed\n"
    checklist = parse(text)
    (case,) = checklist.standing
    assert (case.text, case.expectations) == ("Checkout", ("placed",))
    assert case.steps == ("**Preconditions:** logged in", "**Steps:**", "add", "pay")


def test_an_expectation_inside_a_line_is_found_and_the_line_kept() -> None:
    checklist = parse(
        "1. Open the page. Expected: it loads\n- [ ] Log in → **Expected result:** a greeting\n- [ ] expected costs\n"
    )
    assert item(checklist, "Open").expectations == ("it loads",)
    assert item(checklist, "Log in").expectations == ("a greeting",)
    assert item(checklist, "Log in").text == "Log in → **Expected result:** a greeting"
    assert item(checklist, "costs").expectations == ()


def test_round_bullets_are_items() -> None:
    assert [one.text for one in parse("Before launch:\n• lights on\n• doors open\n").items[1:]] == [
        "lights on",
        "doors open",
    ]


def test_an_expectation_beside_boxes_takes_none_of_them_away() -> None:
    checklist = parse("## Deploy\n1. [ ] one\n2. [ ] two\n* look\n* Expected: green\n")
    assert [one.text for one in checklist.standing] == ["Deploy", "one", "two"]
    case = parse("### A1) Deploy\n- [ ] one\n- [ ] two\n- x\n- Expected: green\n")
    assert [one.text for one in case.standing] == ["Deploy"]


def test_a_row_keeps_the_cells_beyond_its_head() -> None:
    checklist = parse("| Metric | Limit |\n|---|---|\n| errors | 1 % | of all | calls |\n")
    assert item(checklist, "errors").text == "errors | 1 % | of all | calls"


def test_a_filled_in_sign_off_has_the_id_and_words_of_the_blank_one() -> None:
    head = "## Sign-off\n\n| Role | Name | Date |\n|---|---|---|\n"
    blank, filled = (
        parse(f"{head}| QA lead | ____ | |\n").items[0],
        parse(f"{head}| QA lead | Ana | 2026-01-01 |\n").items[0],
    )
    assert blank.kind is filled.kind is ItemKind.SIGN_OFF
    assert (blank.id, blank.digest) == (filled.id, filled.digest)


BASE = [f"- [ ] thing number {name} is ready" for name in ("one", "two", "three", "four", "five", "six")]


def ids(lines: list[str]) -> dict[str, str]:
    return {one.text: one.id for one in parse("# Title\n\n## Gates\n\n" + "\n".join(lines) + "\n").items}


@settings(max_examples=60, deadline=None)
@given(st.permutations(BASE), st.integers(0, 6), st.integers(1, 5), st.booleans())
def test_ids_survive_insertion_reordering_wrapping_and_nesting(
    lines: list[str], at: int, nested: int, wrapped: bool
) -> None:
    before = ids(list(BASE))
    changed = list(lines)
    changed[nested] = "  " + changed[nested]
    if wrapped:
        changed[0] = changed[0].replace(" is ready", "\n  is\n  ready")
    changed.insert(at, "- [ ] **something** new")
    after = ids(changed)
    assert {text: name for text, name in after.items() if text in before} == before


def test_changed_words_change_the_digest_of_their_item_alone() -> None:
    text = "## A\n\n### A1) One\n- do\n- Expect: x\n\n### A2) Two\n- do\n- Expect: y\n\n- [ ] box\n  - [ ] kid\n"
    before = {one.id: one.digest for one in parse(text).items}
    after = {one.id: one.digest for one in parse(text.replace("Expect: x", "Expect: z")).items}
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == ["A1"]
    kid = {one.text: one.digest for one in parse(text.replace("kid", "child")).items}
    assert kid["box"] == next(one.digest for one in parse(text).items if one.text == "box")


def test_emphasis_wrapping_and_a_tick_change_no_words() -> None:
    first, second = parse("- [ ] all **good** things\n"), parse("* [x] all good\n  things\n")
    assert (first.items[0].id, first.items[0].digest) == (second.items[0].id, second.items[0].digest)


def test_a_new_title_changes_no_id() -> None:
    assert parse("# Release 1\n\n## A\n- [ ] x\n").items[0].id == parse("# Release 2\n\n## A\n- [ ] x\n").items[0].id


def test_equal_words_in_two_sections_are_two_items() -> None:
    checklist = parse("## A\n- [ ] approved\n## B\n- [ ] approved\n")
    assert len({one.id for one in checklist.items}) == 2
    assert parse("## B\n- [ ] approved\n## A\n- [ ] approved\n").by_id.keys() == checklist.by_id.keys()


def test_an_unclosed_fence_swallows_nothing() -> None:
    checklist = parse("- [ ] before\n\n```bash\nmake\n\n- [ ] after\n")
    assert item(checklist, "after").checked is False
    assert [one.line for one in checklist.unplaced] == [3]


def test_boxes_between_rules_are_no_front_matter() -> None:
    for head in ("---\n- [ ] a\n---\n", "---\ntitle: x\n- [ ] a\n---\n"):
        assert any(one.text == "a" for one in parse(head).items)


def test_html_is_text_and_comments_are_no_items() -> None:
    checklist = parse(
        "<details>\n<summary>More</summary>\n- [ ] inside\n</details>\n\n<!-- x\n- [ ] not\n-->\n- [ ] last\n"
    )
    assert [one.text for one in checklist.items] == ["inside", "last"]
    assert [one.line for one in checklist.unplaced] == [1, 2, 4, 6, 7, 8]


HOSTILE = {
    "ten MB": (b"- [ ] x\n" * 1_300_000, f"more than {MAX_BYTES} bytes"),
    "many lines": (b"-\n" * (MAX_LINES + 1), "at most 100000 are read"),
    "deep list": (b"* + " * 5000 + b"x", "more than 200 levels"),
    "deep quote": (b">" * 10_000 + b"x", "more than 200 levels"),
    "deep again and again": ((b">" * 150 + b"\na\n") * 150, "cannot be read in reasonable time"),
    "NUL": (b"- a\n- b\0c\n", "NUL byte"),
    "Latin-1": (b"- caf\xe9\n", "byte 0xe9 is not UTF-8"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_with_a_sentence(name: str, tmp_path: Path) -> None:
    data, said = HOSTILE[name]
    path = tmp_path / "list.md"
    path.write_bytes(data)
    checklist, problems = read_checklist(path, "list.md")
    assert checklist is None
    assert [said in problem.text for problem in problems] == [True]


@pytest.mark.parametrize("mark", ["* + ", "> "])
def test_two_hundred_levels_are_read_and_one_more_is_refused(mark: str) -> None:
    deepest = mark * (200 // len(mark.split()))
    assert parse(deepest + "deep").items[-1].text == "deep"
    with pytest.raises(TooDeepError):
        parse("> " + deepest + "deep")


LONG = {
    "one line": "- [ ] " + "a " * 200_000,
    "brackets": "[" * 300_000,
    "stars": "*a " * 100_000,
    "labels": "a: b\n" * 10_000,
    "references": "[a]: b\n" * 10_000,
    "comments": "<!--\n" * 10_000,
    "expectations": "x\nExpect: y\n" * 5_000,
    "fences": "```x\n" * 3_000,
    "underlines": "_ " * 200_000,
    "dashes": "- [ ] x" + " ->" * 100_000 + "expect",
    "digits": "1.1." * 100_000,
    "headings": "# stop " * 50_000,
    "carriage returns": "- a\r" * 3_000,
}


@pytest.mark.parametrize("name", LONG)
def test_twice_the_text_takes_about_twice_the_time(name: str) -> None:
    """A quadratic step would need four times as long; below half a second nothing is told apart."""

    def cost(text: str) -> float:
        start = time.process_time()
        parse(text)
        return time.process_time() - start

    half, whole = cost(LONG[name][: len(LONG[name]) // 2]), cost(LONG[name])
    assert whole < max(0.5, 3.3 * half) or cost(LONG[name]) < max(0.5, 3.3 * half)


def test_a_missing_file_and_a_folder_are_problems(tmp_path: Path) -> None:
    for path in (tmp_path / "none.md", tmp_path):
        checklist, problems = read_checklist(path, "list.md")
        assert checklist is None
        assert "cannot be read" in problems[0].text
