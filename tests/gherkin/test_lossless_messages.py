"""Whatever a customer writes arrives unchanged, through the CSV and through a feature read by pytest-bdd's parser."""

from __future__ import annotations

import csv
import io
import unicodedata
from pathlib import Path

import pytest
from cases_of_features import (
    PIECES,
    SYSTEM,
    TEXTS,
    VOCABULARY,
    as_planned,
    case_of,
    pack_of,
    read_back,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gonogo.gherkin.docstring import decode_json, encode_json, survives_plainly
from gonogo.gherkin.reader import read_feature, scenarios_of
from gonogo.gherkin.render import render_feature, render_scenario
from gonogo.model.case import Mode
from gonogo.sources.smoke_csv import HEADER, NO_TEMPLATE, read_pack


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("features")


@settings(max_examples=200, deadline=None)
@given(messages=st.lists(TEXTS, min_size=len(Mode), max_size=len(Mode)))
@example(messages=list(PIECES[: len(Mode)]))
@example(
    messages=["x" * 4000, " " * 4000, "\n" * 4000, '"' * 4000, "\\" * 4000, "a\r\n" * 1333, "é" * 4000, "\t", "|" * 9]
)
def test_case_survives_the_feature(folder: Path, messages: list[str]) -> None:
    cases = [case_of(mode, message) for mode, message in zip(Mode, messages, strict=True)]
    read, problems = read_back(cases, folder)
    assert not problems
    for case, planned in zip(cases, read, strict=True):
        assert planned is not None
        assert planned.message == case.message
        assert planned == as_planned(case, planned)


@pytest.mark.parametrize("piece", PIECES)
def test_each_hard_piece_survives_anywhere(tmp_path: Path, piece: str) -> None:
    around = [
        piece,
        f"a{piece}",
        f"{piece}a",
        f"a{piece}b",
        f"a\n{piece}\nb",
        f"a\n  {piece}",
        f"{piece}\n{piece}",
        f"a {piece} ",
    ]
    cases = [case_of(Mode.ROUTE_ONLY, text, id=f"ST-{at}") for at, text in enumerate(around)]
    read, problems = read_back(cases, tmp_path)
    assert not problems
    assert [case.message for case in read if case] == around


def test_every_unprintable_or_blank_character_survives(tmp_path: Path) -> None:
    points = [char for char in map(chr, range(0x20000)) if unicodedata.category(char) in ("Cc", "Cf", "Zs", "Zl", "Zp")]
    assert len(points) > 100
    cases = [case_of(Mode.ROUTE_ONLY, f"{char}a{char}\n{char}b{char}", id=f"ST-{at}") for at, char in enumerate(points)]
    read, problems = read_back(cases, tmp_path)
    assert not problems
    assert [case.message for case in read if case] == [case.message for case in cases]


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=80))
def test_json_of_any_text_is_one_safe_line(text: str) -> None:
    written = encode_json(text)
    assert decode_json(written) == text
    assert '"""' not in written
    assert len(written.splitlines()) == 1
    assert written.encode()


@pytest.mark.parametrize("docstring", ["", "text", '["a"]', "1", "null", '"a', '{"a": 1}'])
def test_docstring_that_is_no_json_text_is_refused(docstring: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_json(docstring)


@pytest.mark.parametrize("text", ["Hi", "two\n\nlines", "| a |", "# x", "<x>", "Scenario: y", "a\n  b", "ends with \\"])
def test_readable_texts_stay_readable(text: str) -> None:
    assert survives_plainly(text)


@pytest.mark.parametrize("text", [" a", "a ", "a\n ", "\t", "a\rb", '"""', " ", "\n", "a\x85b", "\ufeffa", "a\u2028b"])
def test_texts_that_editors_or_parsers_change_become_json(text: str) -> None:
    assert not survives_plainly(text)


NOTES = (
    "\n", "a\nScenario: [X] y", "# language: fr", "language: fr", "\x00\x1b[31m", "@tag\n@other", '"""', "é — ok",
    "\u2028Rule: q", "\r\rFeature: z",
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(notes=st.one_of(TEXTS, st.sampled_from(NOTES)))
@example(notes="# language: fr")
@example(notes="\n    Scenario: [ST-9] y\n      Given nothing")
def test_notes_never_change_what_is_read(folder: Path, notes: str) -> None:
    plain = [case_of(mode, notes="") for mode in Mode]
    noted = [case_of(mode, notes=notes) for mode in Mode]
    path = folder / "noted.feature"
    read = []
    for cases in (plain, noted):
        path.write_bytes(render_feature(pack_of(cases), VOCABULARY).encode())
        feature, problems = read_feature(path, "noted.feature")
        assert feature is not None
        assert not problems
        scenarios = scenarios_of(feature, "noted.feature")
        steps = [[(step.type, step.text, step.docstring) for step in scenario.steps] for scenario in scenarios]
        read.append([(scenario.name, scenario.tags) for scenario in scenarios] + steps)
    assert read[0] == read[1]
    for case in noted:
        comment = render_scenario(case, VOCABULARY).comment
        assert comment.isprintable()
        assert comment == " ".join(comment.split())


# Python's writer leaves a CR unquoted where records end in LF, so only the last of these may quote as little as it can.
DIALECTS = [("\n", csv.QUOTE_ALL), ("\r", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_MINIMAL)]


@settings(max_examples=200, deadline=None)
@given(message=TEXTS, notes=TEXTS, dialect=st.sampled_from(DIALECTS), mark=st.booleans())
def test_message_survives_the_csv(folder: Path, message: str, notes: str, dialect: tuple[str, int], mark: bool) -> None:
    notes = f"note {notes}"
    case = case_of(Mode.TIER1_AUTOMATION, f"m {message}")
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=dialect[0], quoting=dialect[1])
    writer.writerow(HEADER)
    cells = [case.id, case.mode, case.channel, case.message, case.intent, case.team, ";".join(case.tags)]
    writer.writerow([*cells, case.template or NO_TEMPLATE, case.action, notes])
    path = folder / "one.csv"
    path.write_bytes(b"\xef\xbb\xbf" * mark + out.getvalue().encode())
    pack, problems = read_pack(path, "one.csv", VOCABULARY)
    assert not problems
    assert pack.cases[0].message == case.message
    assert pack.cases[0].notes == notes
    assert pack.cases[0].source.line == 2


def test_real_pack_survives(tmp_path: Path) -> None:
    for pack in SYSTEM.packs.values():
        read, problems = read_back(pack.cases, tmp_path)
        assert not problems
        for case, planned in zip(pack.cases, read, strict=True):
            assert planned == as_planned(case, planned or case)


def test_words_of_a_vocabulary_survive_the_steps(tmp_path: Path) -> None:
    words = ["A / B, C & D", "<x>", "{team}", "a|b", "x\\y", "it's", "Équipe – 2", "#1", "@team", "a;b c", "100 %"]
    intent = VOCABULARY.intents["order_status_tracking"]
    read = []
    for at, word in enumerate(words):
        cases = [case_of(Mode.ROUTE_ONLY, id=f"ST-{at}", team=word, tags=(word, intent.tags[0]))]
        planned, problems = read_back(cases, tmp_path)
        assert not problems
        read.append((planned[0].team, planned[0].tags[0]) if planned[0] else None)
    assert read == [(word, word) for word in words]
