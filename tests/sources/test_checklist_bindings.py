"""Bindings files: what they may say, and what happens when the words of an item change."""

from __future__ import annotations

from pathlib import Path

import pytest

from gonogo.gherkin.checklists import render_checklist_feature
from gonogo.gherkin.reader import read_feature, scenarios_of
from gonogo.model.binding import BoundChecklist
from gonogo.model.outcome import CheckClass
from gonogo.sources.checklist.bindings import load_bound_checklist
from gonogo.sources.checklist.reader import parse_checklist

LIST = """# QA

## A) Routing

### A1) It works
- write
- Expect: an answer

### A2) People look
- look
- Expect: good
"""
STEPS = "|\n      Given all messages of this run\n      Then no ticket carries an undeclared tag"


def words(item: str, text: str = LIST) -> str:
    return parse_checklist(text, "qa.md", "").by_id[item].digest[:16]


def load(tmp_path: Path, bindings: str | None, text: str = LIST) -> tuple[BoundChecklist | None, list[str]]:
    (tmp_path / "qa.md").write_text(text)
    if bindings is not None:
        (tmp_path / "qa.bindings.yaml").write_text(bindings)
    bound, problems = load_bound_checklist(tmp_path / "qa.md", "cases/qa.md")
    return bound, [str(problem) for problem in problems]


GOOD = f"""prefix: QA-
items:
  A1:
    words: "{words("A1")}"
    weight: safety
    steps: {STEPS}
  A2:
    words: "{words("A2")}"
    manual: {{role: qa_lead, evidence: [screenshot, note], max_age: 7d, applies: [1, 2]}}
"""


def test_items_are_bound_by_their_ids(tmp_path: Path) -> None:
    bound, problems = load(tmp_path, GOOD)
    assert bound is not None
    assert not problems
    assert not bound.unbound
    first, second = bound.items
    assert (first.id, first.is_automated, first.weight) == ("QA-A1", True, CheckClass.SAFETY)
    assert second.manual is not None
    assert (second.manual.role, second.manual.applies, second.is_automated) == ("qa_lead", ("1", "2"), False)


def test_without_bindings_every_item_waits_for_a_person(tmp_path: Path) -> None:
    bound, problems = load(tmp_path, None)
    assert bound is not None
    assert not problems
    assert [item.is_automated for item in bound.items] == [False, False]


def test_changed_words_unbind_that_item_alone_and_name_the_line(tmp_path: Path) -> None:
    bound, problems = load(tmp_path, GOOD, LIST.replace("an answer", "two answers"))
    assert bound is not None
    assert not problems
    assert [item.is_stale for item in bound.items] == [True, False]
    assert not bound.items[0].is_automated
    assert bound.items[0].weight is CheckClass.SAFETY, "an unbound item keeps what its binding raised"
    (problem,) = bound.unbound
    assert (problem.file, problem.line) == ("cases/qa.md", 5)
    assert "A1: its words changed since cases/qa.bindings.yaml:3" in problem.text


def test_a_bound_item_that_is_gone_is_named(tmp_path: Path) -> None:
    bound, _ = load(tmp_path, GOOD, LIST.replace("A2)", "A3)"))
    assert bound is not None
    assert any("'A2' is bound, but no item" in problem.text for problem in bound.unbound)


WRONG = {
    "unknown key": ("    weight: safety", "    wieght: safety", "Did you mean 'weight'?"),
    "unknown class": ("weight: safety", "weight: safty", "Did you mean 'safety'?"),
    "no Then": ("      Then no ticket", "      And no ticket", "no Then step"),
    "no step": ("      Given all", "      Scenario: all", "is no step"),
    "two answers": ("    steps:", "    pack: smoke.csv\n    steps:", "is answered by steps, pack"),
    "no answer": (
        "    manual: {role: qa_lead, evidence: [screenshot, note], max_age: 7d, applies: [1, 2]}",
        "",
        "by nothing",
    ),
    "unknown evidence": ("[screenshot, note]", "[screnshot]", "Did you mean 'screenshot'?"),
    "age": ("max_age: 7d", "max_age: a week", "max_age"),
    "pin": (f'words: "{words("A1")}"', 'words: "short"', "words"),
    "prefix": ("prefix: QA-", "prefix: 'QA '", "prefix"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named_with_its_line(name: str, tmp_path: Path) -> None:
    old, new, said = WRONG[name]
    assert old in GOOD
    _, problems = load(tmp_path, GOOD.replace(old, new, 1))
    assert any(said in problem and "cases/qa.bindings.yaml:" in problem for problem in problems), problems


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    broken = GOOD.replace("weight: safety", "weight: safty").replace("[screenshot, note]", "[screnshot]")
    assert len(load(tmp_path, broken)[1]) == 2


def test_a_list_that_asks_for_nothing_is_a_problem(tmp_path: Path) -> None:
    assert "asks for nothing" in load(tmp_path, None, "# Just prose\n\nNothing to do here.\n")[1][0]


def test_the_feature_holds_every_item_and_reads_back(tmp_path: Path) -> None:
    bound, _ = load(tmp_path, GOOD)
    assert bound is not None
    path = tmp_path / "qa.feature"
    path.write_text(render_checklist_feature(bound, "shop"))
    feature, problems = read_feature(path, "qa.feature")
    assert feature is not None
    assert not problems
    first, second = scenarios_of(feature, "qa.feature")
    assert (first.id, second.id) == ("QA-A1", "QA-A2")
    assert "safety" in first.tags
    assert "manual" not in first.tags
    assert "manual" in second.tags
    assert [step.text for step in second.steps] == [
        "it is answered for at stage 1, 2",
        f"the words of the item are {words('A2')}",
        "a person has answered for it: in the role qa_lead, with screenshot, note, at most 7 days ago",
    ]


@pytest.mark.parametrize(
    "text", ["<x> | \\ {{x}}", "# not a heading", '"""', "Scenario: other", "@tag", "emoji 🎉 \u2028 end"]
)
def test_any_words_of_an_item_make_a_feature_that_reads_back(text: str, tmp_path: Path) -> None:
    bound, _ = load(tmp_path, None, f"## A\n\n- [ ] {text}\n")
    assert bound is not None
    path = tmp_path / "qa.feature"
    path.write_text(render_checklist_feature(bound, "shop"), "utf-8")
    feature, problems = read_feature(path, "qa.feature")
    assert feature is not None
    assert not problems
    assert len(scenarios_of(feature, "qa.feature")) == 1
