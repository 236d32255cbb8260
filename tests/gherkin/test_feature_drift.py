"""Compiling is repeatable, and every edit of a committed feature is found and named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cases_of_features import SYSTEM, VOCABULARY, case_of, pack_of

from gonogo.errors import SourceError
from gonogo.gherkin.compile import MANIFEST, Compiled, compile_packs
from gonogo.model.case import Mode
from gonogo.model.vocabulary import Vocabulary
from gonogo.sources.smoke_csv import read_pack

GOLDEN = Path(__file__).parent / "golden"
BY_HAND = "@t\nFeature: by hand\n  Scenario: [X-1] y\n    Given z\n"


@pytest.fixture
def compiled() -> Compiled:
    return compile_packs(list(SYSTEM.packs.values()), VOCABULARY)


@pytest.fixture
def folder(tmp_path: Path, compiled: Compiled) -> Path:
    (tmp_path / "by_hand.feature").write_text(BY_HAND)
    compiled.write(tmp_path)
    return tmp_path


def test_golden_pack_compiles_to_the_golden_feature() -> None:
    pack, problems = read_pack(GOLDEN / "one_of_each.csv", "smoke_cases/richpanel/one_of_each.csv", VOCABULARY)
    assert not problems
    assert {case.mode for case in pack.cases} == set(Mode)
    files = compile_packs([pack], VOCABULARY).files
    for name, text in files.items():
        assert text == (GOLDEN / name).read_bytes().decode(), f"{name} differs; write it anew if the change is wanted"


def test_compiling_is_repeatable_and_order_in_files_does_not_matter(compiled: Compiled) -> None:
    data = VOCABULARY.model_dump()
    turned = {
        key: dict(reversed(list(value.items()))) if isinstance(value, dict) else value for key, value in data.items()
    }
    shuffled = Vocabulary.model_validate(dict(reversed(list(turned.items()))))
    again = compile_packs(list(SYSTEM.packs.values()), shuffled)
    assert {name: text.encode() for name, text in again.files.items()} == {
        name: text.encode() for name, text in compiled.files.items()
    }
    assert all(text.endswith("\n") and "\r" not in text and "\t" not in text for text in compiled.files.values())


def test_compiling_does_not_depend_on_the_order_of_sets(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    lines = (root / "smoke_cases" / "richpanel" / "smoke.csv").read_bytes().replace(b"ST-021,tier1_", b"ST-021,tier_1_")
    (tmp_path / "bad.csv").write_bytes(lines.replace(b",livechat,", b",live chat,"))
    program = (
        "import sys; from pathlib import Path; from gonogo.sources.project import Project\n"
        "from gonogo.gherkin.compile import compile_packs; from gonogo.sources.smoke_csv import read_pack\n"
        "system = Project.from_path(Path(sys.argv[1])).load_system('richpanel')\n"
        "print(compile_packs(list(system.packs.values()), system.vocabulary).files)\n"
        "print(*read_pack(Path(sys.argv[2]), 'bad.csv', system.vocabulary)[1], sep='\\n')"
    )
    command = [sys.executable, "-c", program, str(root), str(tmp_path / "bad.csv")]
    outputs = [
        subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed}, check=True).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert b"bad.csv:" in outputs[0]


def test_written_features_have_no_drift_and_are_written_once(folder: Path, compiled: Compiled) -> None:
    assert compiled.find_drift(folder, "features/x") == []
    assert compiled.write(folder) == []


def edit(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        before = (folder / name).read_bytes().decode()
        after = change(before)
        assert after != before, "the edit changes nothing"
        (folder / name).write_bytes(after.encode())

    return apply


def block(text: str, case: str) -> str:
    """Return a scenario with its comment and tags."""
    start = text.rindex("\n\n", 0, text.index(f"    Scenario: [{case}]"))
    return text[start : text.index("\n\n", text.index("    Scenario: ", start))]


EDITS: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "a word of a message": (
        edit("smoke.feature", lambda text: text.replace("wheres my order pls", "where is it")),
        ["ST-020 differs from its source"],
    ),
    "an empty line inside a message": (
        edit("smoke.feature", lambda text: text.replace("Good afternoon,\n\n", "Good afternoon,\n\n\n")),
        ["ST-007 differs from its source"],
    ),
    "a blank at the end of a message": (
        edit("smoke.feature", lambda text: text.replace("wheres my order pls", "wheres my order pls ")),
        ["ST-020 differs from its source"],
    ),
    "an expectation": (
        edit(
            "smoke.feature",
            lambda text: text.replace('the intent is "legal_threat"', 'the intent is "refund_request"', 1),
        ),
        ["ST-012 differs from its source"],
    ),
    "a step removed": (
        edit("smoke.feature", lambda text: text.replace("      And the customer gets no automatic reply\n", "", 1)),
        ["ST-001 differs from its source"],
    ),
    "a tag": (
        edit("smoke.feature", lambda text: text.replace("@ST-002 @route_only", "@ST-002 @skip @route_only")),
        ["ST-002 differs from its source"],
    ),
    "a comment": (
        edit("smoke.feature", lambda text: text.replace("# Polite but", "# Rude but")),
        ["ST-002 differs from its source"],
    ),
    "a title": (
        edit("smoke.feature", lambda text: text.replace("[ST-002] unknown", "[ST-002] known")),
        ["ST-002 differs from its source"],
    ),
    "a scenario removed": (
        edit("smoke.feature", lambda text: text.replace(block(text, "ST-011"), "")),
        ["ST-011 is not committed"],
    ),
    "a scenario added": (
        edit("smoke.feature", lambda text: text + block(text, "ST-011").replace("ST-011", "ST-999") + "\n"),
        ["ST-999 has no source any more"],
    ),
    "a scenario twice": (
        edit("smoke.feature", lambda text: text + block(text, "ST-011") + "\n"),
        ["ST-011 differs from its source"],
    ),
    "a scenario renumbered": (
        edit("smoke.feature", lambda text: text.replace("ST-011", "ST-999")),
        ["ST-999 has no source any more", "ST-011 is not committed"],
    ),
    "two scenarios swapped": (
        edit(
            "smoke.feature",
            lambda text: text.replace(
                block(text, "ST-001") + block(text, "ST-002"), block(text, "ST-002") + block(text, "ST-001")
            ),
        ),
        ["holds the right scenarios in another order"],
    ),
    "the digest": (
        edit("smoke.feature", lambda text: text.replace("# sha256: ", "# sha256: 0")),
        [":3: the text differs"],
    ),
    "the source in the header": (
        edit("smoke.feature", lambda text: text.replace("# source: smoke", "# source: joke")),
        [":2: the text differs"],
    ),
    "the first line": (
        edit("smoke.feature", lambda text: text.replace("do not edit", "do edit")),
        [":1: the text differs"],
    ),
    "the tags of the feature": (
        edit("smoke.feature", lambda text: text.replace("@richpanel @smoke", "@richpanel @smoke @wip")),
        [":4: the text differs"],
    ),
    "a header and a scenario": (
        edit("smoke.feature", lambda text: text.replace("@richpanel @smoke", "@wip").replace("order pls", "!")),
        [":4: the text differs", "ST-020 differs"],
    ),
    "a digest and a scenario": (
        edit("smoke.feature", lambda text: text.replace("# sha256: ", "# sha256: 0").replace("order pls", "!")),
        ["ST-020 differs"],
    ),
    "a rule": (
        edit("smoke.feature", lambda text: text.replace("  Rule: Messages that", "  Rule: Texts that")),
        [":7: the text differs"],
    ),
    "tags at the end": (edit("smoke.feature", lambda text: text + "    @x\n"), ["the text differs"]),
    "a word in the last line": (edit("smoke.feature", lambda text: text.rstrip("\n") + "!\n"), ["ST-076 differs"]),
    "the last line end": (edit("smoke.feature", lambda text: text.rstrip("\n")), ["smoke.feature"]),
    "cut off": (
        edit("smoke.feature", lambda text: text[: text.index("    Scenario: [ST-076]")]),
        ["ST-076 is not committed"],
    ),
    "emptied": (edit("smoke.feature", lambda text: ""), ["ST-001 is not committed"]),
    "line ends": (edit("smoke.feature", lambda text: text.replace("\n", "\r\n")), [":1: line ends are CRLF"]),
    "a line of the manifest": (
        edit(MANIFEST, lambda text: text.replace('"ST-011": ', '"ST-011": 1')),
        ["ST-011 differs"],
    ),
    "a row of the manifest removed": (
        edit(MANIFEST, lambda text: "\n".join(line for line in text.split("\n") if "ST-011" not in line)),
        ["manifest.json"],
    ),
    "the digest in the manifest": (
        edit(MANIFEST, lambda text: text.replace('"sha256": "', '"sha256": "0')),
        ["manifest.json:6: the text differs"],
    ),
    "a manifest that is no text": (
        lambda folder: (folder / MANIFEST).write_bytes(b"\xff\xfe") and None,
        ["manifest.json:1: the text differs"],
    ),
    "the feature deleted": (lambda folder: (folder / "smoke.feature").unlink(), ["smoke.feature: is missing"]),
    "the manifest deleted": (lambda folder: (folder / MANIFEST).unlink(), ["manifest.json: is missing"]),
    "a generated feature without a source": (
        lambda folder: (folder / "old.feature").write_text((folder / "smoke.feature").read_text()) and None,
        ["old.feature: is generated, but has no source"],
    ),
}


@pytest.mark.parametrize(("apply", "expected"), EDITS.values(), ids=EDITS)
def test_edit_is_found(folder: Path, compiled: Compiled, apply: Callable[[Path], None], expected: list[str]) -> None:
    apply(folder)
    problems = compiled.find_drift(folder, "features/x")
    shown = [str(problem) for problem in problems]
    for said in expected:
        assert any(said in text for text in shown), shown
    if expected != ["ST-001 is not committed"]:
        assert len(shown) == len(expected), shown
    lines = {path.name: path.read_bytes().count(b"\n") + 1 for path in folder.iterdir()}
    assert all(problem.line <= lines.get(Path(problem.file).name, 0) for problem in problems)
    for problem in problems:
        if "differs from its source" in problem.text:
            case = problem.text.split()[0]
            assert f"[{case}]" in (folder / "smoke.feature").read_text().split("\n")[problem.line - 1]
    compiled.write(folder)
    assert compiled.find_drift(folder, "features/x") == []
    assert (folder / "by_hand.feature").read_text() == BY_HAND


def test_changed_row_is_named_and_no_other(folder: Path) -> None:
    (pack,) = SYSTEM.packs.values()
    cases = [replace(case, message="other words") if case.id == "ST-021" else case for case in pack.cases]
    changed = compile_packs([replace(pack, cases=tuple(cases), digest="1" * 64)], VOCABULARY)
    problems = changed.find_drift(folder, "features/x")
    assert [(problem.file, problem.text.split()[0]) for problem in problems] == [
        ("features/x/smoke.feature", "ST-021"),
        ("features/x/manifest.json", "the"),
    ]


def test_missing_folder_is_drift(tmp_path: Path, compiled: Compiled) -> None:
    problems = compiled.find_drift(tmp_path / "none", "features/x")
    assert [str(problem) for problem in problems] == [
        "features/x/smoke.feature: is missing. Run 'gonogo compile'.",
        "features/x/manifest.json: is missing. Run 'gonogo compile'.",
    ]


def test_feature_by_hand_is_never_replaced(tmp_path: Path, compiled: Compiled) -> None:
    (tmp_path / "smoke.feature").write_text(BY_HAND)
    (problem, missing) = compiled.find_drift(tmp_path, "features/x")
    assert str(problem).startswith(
        "features/x/smoke.feature: is written by hand, and a pack of this name would replace"
    )
    assert "manifest.json: is missing" in str(missing)
    with pytest.raises(SourceError) as caught:
        compiled.write(tmp_path)
    assert caught.value.problems[0].file == "smoke.feature"
    assert [path.name for path in tmp_path.iterdir()] == ["smoke.feature"]
    assert (tmp_path / "smoke.feature").read_text() == BY_HAND


def test_two_packs_never_become_one_feature() -> None:
    one = pack_of([case_of(Mode.ROUTE_ONLY)])
    with pytest.raises(SourceError) as caught:
        compile_packs([one, replace(one, file="elsewhere/pack.csv")], VOCABULARY)
    assert "elsewhere/pack.csv: would compile to the same feature as" in str(caught.value.problems[0])
    with pytest.raises(SourceError):
        compile_packs([one, replace(one, name="PACK", file="PACK.csv")], VOCABULARY)


def test_manifest_leads_from_case_to_row(compiled: Compiled) -> None:
    manifest = json.loads(compiled.files[MANIFEST])
    for listed, pack in zip(manifest["packs"], SYSTEM.packs.values(), strict=True):
        assert listed["cases"] == {case.id: case.source.line for case in pack.cases}
        assert listed["sha256"] == pack.digest
        assert listed["feature"] in compiled.files
