"""How a smoke CSV goes wrong: all problems at once, each with line, column, what was seen, and a way out."""

from __future__ import annotations

from pathlib import Path

import pytest
from richpanel_texts import (
    GOOD,
    HEADER_LINE,
    MATCH,
    ROUTED,
    TIER0,
    places,
    read_text,
    row,
    write_csv,
)

from gonogo.sources.smoke_csv import HEADER

# Each cell that is wrong by itself: its column and what the problem says.
BAD_CELLS = {
    "id with a blank": (row(id_="ST 1"), "test_id", "is 'ST 1'; allowed: letters, digits"),
    "id with a line end": (row(id_="ST-1\n"), "test_id", r"is 'ST-1\n'; allowed"),
    "id that is empty": (row(id_=""), "test_id", "is ''; allowed"),
    "id too long": (row(id_="x" * 65), "test_id", "at most 64"),
    "id that is a formula": (row(id_="=A1"), "test_id", "is '=A1'"),
    "id in other letters": (row(id_="ΣΤ-1"), "test_id", "letters, digits"),
    "reserved id": (row(id_="INV-7"), "test_id", "are the harness's own"),
    "reserved id in small letters": (row(id_="flag-safe_mode"), "test_id", "are the harness's own"),
    "unknown mode": (row(mode="tier1_automaton"), "mode", "Did you mean 'tier1_automation'?"),
    "mode in capitals": (row(mode="TIER1_AUTOMATION"), "mode", "Did you mean 'tier1_automation'?"),
    "mode that is a formula": (row(mode='=IF(A1="",B1,C1)'), "mode", "is '=IF("),
    "unknown channel": (row(channel="livechta"), "channel", "Did you mean 'livechat'?"),
    "channel with a blank": (row(channel=" livechat"), "channel", "is ' livechat'; allowed"),
    "channel with a no-break space": (row(channel="livechat\xa0"), "channel", r"is 'livechat\xa0'"),
    "unknown intent": (row(intent="order_status"), "expected_primary_intent", "Did you mean 'order_status_tracking'?"),
    "unknown team": (row(team="Email Team"), "expected_destination", "Did you mean 'Email Support Team'?"),
    "unknown tag": (row(tags="mw-intent-order-stats"), "expected_tags", "Did you mean 'mw-intent-order-status'?"),
    "tags separated by commas": (row(tags="mw-intent-promo,mw-needs-sales"), "expected_tags", "allowed: mw-"),
    "tag with a blank": (row(tags="mw-intent-order-status; "), "expected_tags", "is ' '"),
    "no tags": (row(tags=""), "expected_tags", "is empty"),
    "tag twice": (row(tags="mw-intent-order-status;mw-intent-order-status"), "expected_tags", "stands twice"),
    "unknown template": (row(template="t_order_status"), "expected_template_id", "Did you mean 't_order_status_"),
    "template none": (row(template="none"), "expected_template_id", "is 'none'; where nothing is sent"),
    "template null": (row(template="null"), "expected_template_id", "Write None."),
    "template empty": (row(template=""), "expected_template_id", "is ''; where nothing is sent, a row says None"),
    "unknown action": (row(action="auto_reply"), "expected_action", "Did you mean 'auto_reply_tier"),
    "no message": (row(message=""), "inbound_message", "is empty"),
    "a spreadsheet error for a message": (row(message="#NAME?"), "inbound_message", "a spreadsheet put an error"),
    "a spreadsheet error for a note": (row(notes="#REF!"), "notes", "a spreadsheet put an error"),
    "a formula for a note": (row(notes="=B2&C2"), "notes", "a formula"),
}


@pytest.mark.parametrize(("cells", "column", "text"), BAD_CELLS.values(), ids=BAD_CELLS)
def test_bad_cell_is_one_problem_at_its_place(tmp_path: Path, cells: dict[str, str], column: str, text: str) -> None:
    pack, problems = read_text(tmp_path, write_csv([row(id_="ST-0"), cells]))
    assert [(problem.file, problem.line, problem.column) for problem in problems] == [("pack.csv", 3, column)]
    assert text in problems[0].text
    assert str(problems[0]).startswith(f"pack.csv:3: {column}: ")
    assert [case.id for case in pack.cases] == ["ST-0"]


# Rows whose words are all known, but cannot be true together: (row, {column: part of the text}).
CONTRADICTIONS = {
    "escalation that expects a reply": (
        row(TIER0, action="auto_reply_tier1", template="t_order_status_ask_order_number"),
        {"expected_action": "mode tier0_safety allows: route_only", "expected_template_id": "is tier 0 and is never"},
    ),
    "escalation mode for another intent": (
        row(TIER0, intent="order_status_tracking", team="Email Support Team", tags="mw-intent-order-status"),
        {"expected_primary_intent": "not tier 0"},
    ),
    "escalation in a reply mode": (
        row(TIER0, mode="tier1_automation", action="auto_reply_tier1"),
        {"expected_template_id": "None"},
    ),
    "routed row with a template": (
        row(ROUTED, template="t_order_status_ask_order_number"),
        {"expected_template_id": "route_only sends no reply"},
    ),
    "routed row that expects a reply": (
        row(ROUTED, action="auto_reply_tier1", template="t_order_status_ask_order_number"),
        {"expected_action": "mode route_only allows: route_only"},
    ),
    "tier 2 reply without a match": (
        row(MATCH, mode="tier2_verified_no_match"),
        {
            "expected_action": "mode tier2_verified_no_match allows",
            "expected_template_id": "without a linked order nothing of tier 2",
        },
    ),
    "tier 2 reply in a tier 1 row": (
        row(MATCH, mode="tier1_automation"),
        {"expected_action": "allows: auto_reply_tier1", "expected_template_id": "without a linked order"},
    ),
    "tier 2 action with a tier 1 template": (
        row(MATCH, template="t_order_status_ask_order_number"),
        {"expected_template_id": "of tier 1, but the action is auto_reply_tier2"},
    ),
    "tier 1 action with a tier 2 template": (
        row(template="t_order_status_verified"),
        {"expected_template_id": "of tier 2, but the action is auto_reply_tier1"},
    ),
    "tier 2 template for a duplicate": (
        row(MATCH, mode="idempotency_duplicate_webhook", action="no_duplicate_reply"),
        {"expected_template_id": "without a linked order"},
    ),
    "reply without a template": (row(template="None"), {"expected_template_id": "is None, but auto_reply_tier1"}),
    "kill switch that expects a reply": (
        row(mode="kill_switch_safe_mode"),
        {"expected_action": "mode kill_switch_safe_mode allows: route_only"},
    ),
    "duplicate without its action": (
        row(mode="idempotency_duplicate_webhook"),
        {"expected_action": "allows: no_duplicate_reply"},
    ),
    "another intent's template": (
        row(template="t_refund_request_intake"),
        {"expected_template_id": "which the vocabulary does not give order_status_tracking; allowed: t_order"},
    ),
    "another intent's team": (row(team="Sales Team"), {"expected_destination": "the vocabulary sends"}),
    "another intent's tag": (
        row(tags="mw-intent-order-status;mw-intent-refund"),
        {"expected_tags": "names mw-intent-refund, which order_status_tracking does not get"},
    ),
    "contradiction beside an unknown template": (
        row(template="null", team="Sales Team", tags="mw-intent-refund"),
        {
            "expected_template_id": "Write None",
            "expected_destination": "the vocabulary sends",
            "expected_tags": "names mw-intent-refund",
        },
    ),
    "contradiction beside an unknown word": (
        row(channel="livechta", team="Sales Team", template="None"),
        {
            "channel": "Did you mean",
            "expected_destination": "the vocabulary sends",
            "expected_template_id": "is None, but auto_reply_tier1",
        },
    ),
}


@pytest.mark.parametrize(("cells", "expected"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_contradiction_is_named(tmp_path: Path, cells: dict[str, str], expected: dict[str, str]) -> None:
    pack, problems = read_text(tmp_path, write_csv([cells]))
    assert {problem.column: problem.line for problem in problems} == dict.fromkeys(expected, 2)
    assert len(problems) == len(expected)
    for problem in problems:
        assert expected[problem.column] in problem.text
    assert not pack.cases


HEADERS = {
    "missing": ([name for name in HEADER if name != "notes"], [(1, "notes", "column is missing. Add it.")]),
    "renamed": (
        ["chanel" if name == "channel" else name for name in HEADER],
        [(1, "chanel", "unknown column 'chanel'. Did you mean 'channel'? Rename it.")],
    ),
    "in capitals": (
        ["TEST_ID" if name == "test_id" else name for name in HEADER],
        [(1, "TEST_ID", "unknown column 'TEST_ID'. Did you mean 'test_id'? Rename it.")],
    ),
    "with a blank": (
        [" mode" if name == "mode" else name for name in HEADER],
        [(1, "mode", "unknown column ' mode'. Did you mean 'mode'? Rename it.")],
    ),
    "in another order": ([*HEADER[1:], HEADER[0]], [(1, "", "columns are in another order; allowed: test_id,")]),
    "extra": ([*HEADER, "owner"], [(1, "owner", "unknown column 'owner'. Remove it.")]),
    "without a name": ([*HEADER, ""], [(1, "(no name)", "unknown column ''. Remove it.")]),
    "twice": ([*HEADER, "notes"], [(1, "notes", "column stands twice. Remove one.")]),
}


@pytest.mark.parametrize(("header", "expected"), HEADERS.values(), ids=HEADERS)
def test_bad_header(tmp_path: Path, header: list[str], expected: list[tuple[int, str, str]]) -> None:
    cells = {**dict.fromkeys(header, "x"), **GOOD, "chanel": "livechat", "TEST_ID": "ST-1", " mode": GOOD["mode"]}
    _, problems = read_text(tmp_path, write_csv([cells], header))
    assert [(problem.line, problem.column) for problem in problems] == [entry[:2] for entry in expected]
    for problem, (_, _, said) in zip(problems, expected, strict=True):
        assert problem.text.startswith(said)


@pytest.mark.parametrize("header", [[*HEADER[1:], HEADER[0]], [*HEADER, "owner"], ["test id", *HEADER[1:]]])
def test_wrong_header_hides_no_row(tmp_path: Path, header: list[str]) -> None:
    cells = row(channel="fax") | {"test id": "ST-1"}
    _, problems = read_text(tmp_path, write_csv([cells], header))
    assert [problem.line for problem in problems] == [1, 2]
    assert problems[1].column == "channel"


@pytest.mark.parametrize(("mark", "shown"), [(";", "';'"), ("\t", r"'\t'"), ("|", "'|'")])
def test_other_separator_is_named(tmp_path: Path, mark: str, shown: str) -> None:
    _, problems = read_text(tmp_path, write_csv([GOOD]).replace(",", mark))
    assert [str(problem) for problem in problems] == [
        f"pack.csv:1: cells are separated by {shown}; allowed: ','. Save it with commas."
    ]


EMPTY = {
    "nothing": "",
    "line ends": "\n\r\n\n",
    "blanks": "   \n\t\n",
    "byte order mark": "\ufeff",
    "header only": f"{HEADER_LINE}\n",
    "header without a line end": HEADER_LINE,
    "header and blank lines": f"{HEADER_LINE}\n\n\n",
}


@pytest.mark.parametrize("text", EMPTY.values(), ids=EMPTY)
def test_pack_without_cases_is_a_problem(tmp_path: Path, text: str) -> None:
    pack, problems = read_text(tmp_path, text)
    assert not pack.cases
    assert len(problems) == 1
    assert "no cases is never a success" in str(problems[0])


def test_missing_file_and_folder_are_problems(tmp_path: Path) -> None:
    from richpanel_texts import VOCABULARY

    from gonogo.sources.smoke_csv import read_pack

    for path in (tmp_path / "none.csv", tmp_path):
        pack, problems = read_pack(path, "x.csv", VOCABULARY)
        assert not pack.cases
        assert "cannot be read" in str(problems[-1])


@pytest.mark.parametrize("name", ["smoke tests.csv", "smoke:1.csv", "-x.csv", "\u00fcber.csv", "a" * 65 + ".csv"])
def test_file_name_that_is_no_tag_is_a_problem(tmp_path: Path, name: str) -> None:
    pack, problems = read_text(tmp_path, write_csv([GOOD]), name)
    assert [problem.line for problem in problems] == [0]
    assert "its name becomes a tag" in problems[0].text
    assert len(pack.cases) == 1


def test_duplicate_ids_name_the_first(tmp_path: Path) -> None:
    rows = [row(id_="ST-1"), row(id_="ST-2"), row(id_="ST-1"), row(id_="st-2")]
    _, problems = read_text(tmp_path, write_csv(rows))
    assert [str(problem) for problem in problems] == [
        "pack.csv:4: test_id: is 'ST-1', which stands in line 2 already. Give it another id.",
        "pack.csv:5: test_id: is 'st-2', which but for capitals is 'ST-2' in line 3 already. Give it another id.",
    ]


def test_cells_too_few_and_too_many(tmp_path: Path) -> None:
    good = write_csv([GOOD])
    _, problems = read_text(tmp_path, f"{good}ST-2,route_only\n{good.splitlines()[1]},x,y\nST-4\n,,,,,,,,,\n")
    assert [problem.line for problem in problems] == [3, 4, 5, 6]
    assert problems[0].text.startswith("2 cells; the header has 10.")
    assert problems[1].text.startswith("12 cells; the header has 10.")
    assert problems[2].text.startswith("1 cell; the header has 10.")
    assert problems[3].text.startswith("a row of empty cells.")


def test_row_without_its_quotes_is_one_problem(tmp_path: Path) -> None:
    rows = [row(id_="ST-1", message="one,\n\ntwo\nthree, four"), row(id_="ST-2", channel="fax")]
    _, problems = read_text(tmp_path, write_csv(rows).replace('"', ""))
    assert places(problems) == [(2, ""), (6, "channel")]


def test_all_problems_at_once(tmp_path: Path) -> None:
    rows = [row(id_=f"ST-{number}", channel="fax", team="Nobody") for number in range(100)]
    _, problems = read_text(tmp_path, write_csv(rows))
    expected = [(line, column) for line in range(2, 102) for column in ("channel", "expected_destination")]
    assert places(problems) == expected


def test_one_row_with_everything_wrong(tmp_path: Path) -> None:
    _, problems = read_text(tmp_path, write_csv([dict.fromkeys(HEADER, "=?")]))
    assert sorted(problem.column for problem in problems) == sorted(set(HEADER) - {"inbound_message"})


def test_lines_are_right_after_cells_with_line_ends(tmp_path: Path) -> None:
    rows = [
        row(id_="ST-1", message="one\ntwo\r\nthree\rfour"),  # lines 2 to 5
        row(id_="ST-2", channel="fax"),  # line 6
        row(id_="ST-3", notes="\n\n\n"),  # lines 7 to 10
        row(id_="ST-4", mode="x"),  # line 11
    ]
    _, problems = read_text(tmp_path, write_csv(rows))
    assert places(problems) == [(6, "channel"), (11, "mode")]


def test_blank_lines_between_rows_are_no_rows(tmp_path: Path) -> None:
    lines = write_csv([row(id_="ST-1"), row(id_="ST-2", channel="fax")]).split("\n")
    pack, problems = read_text(tmp_path, "\n\n".join(lines))
    assert [(case.id, case.source.line) for case in pack.cases] == [("ST-1", 3)]
    assert places(problems) == [(5, "channel")]


class TestQuotes:
    """A broken quote is named where it opens, and hides no other row."""

    def test_unclosed_in_the_last_row(self, tmp_path: Path) -> None:
        text = write_csv([row(id_="ST-1"), row(id_="ST-2", message='"'), row(id_="ST-3", channel="fax")])
        _, problems = read_text(tmp_path, text.replace('""""', '"'))
        assert places(problems) == [(3, ""), (4, "channel")]
        assert "a quote opens here and is never closed" in problems[0].text

    def test_unclosed_is_named_in_its_own_line(self, tmp_path: Path) -> None:
        text = write_csv([row(id_="ST-1", message="one\ntwo\nthree", notes="XYZ")])
        _, problems = read_text(tmp_path, text.replace("XYZ", '"XYZ'))
        assert places(problems) == [(4, "")]

    def test_unclosed_swallows_no_later_row(self, tmp_path: Path) -> None:
        rows = [row(id_="ST-1", message="XYZ"), *(row(id_=f"ST-{at}", message="a, b", channel="fax") for at in (2, 3))]
        _, problems = read_text(tmp_path, write_csv(rows).replace("XYZ", '"XYZ'))
        assert places(problems) == [(2, ""), (3, "channel"), (4, "channel")]
        assert "text stands after the closing quote in line 3" in problems[0].text

    def test_text_after_closing_quote(self, tmp_path: Path) -> None:
        rows = [
            row(id_="ST-1", message="XYZ"),
            row(id_="ST-2"),
            row(id_="ST-3", message="XYZ"),
            row(id_="ST-4", mode=""),
        ]
        pack, problems = read_text(tmp_path, write_csv(rows).replace("XYZ", '"he said "no" to me"'))
        assert places(problems) == [(2, ""), (4, ""), (5, "mode")]
        assert problems[0].text.startswith("text stands after the closing quote. Close the cell")
        assert [case.id for case in pack.cases] == ["ST-2"]

    def test_broken_header_is_one_problem(self, tmp_path: Path) -> None:
        _, problems = read_text(tmp_path, '"' + write_csv([GOOD]))
        assert places(problems) == [(1, "")]

    def test_quote_inside_a_plain_cell_is_text(self, tmp_path: Path) -> None:
        pack, problems = read_text(tmp_path, write_csv([row(message="XYZ")]).replace("XYZ", 'my 6" pipe'))
        assert not problems
        assert pack.cases[0].message == 'my 6" pipe'


class TestEncodings:
    """Packs are UTF-8; whatever else is named with its line."""

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
    def test_utf16_is_named(self, tmp_path: Path, encoding: str) -> None:
        _, problems = read_text(tmp_path, write_csv([GOOD]).encode(encoding))
        assert [str(problem) for problem in problems] == [
            "pack.csv:1: looks like UTF-16; packs are UTF-8. Save it as 'CSV UTF-8'."
        ]

    def test_every_line_that_is_not_utf8_is_named(self, tmp_path: Path) -> None:
        rows = [row(id_=f"ST-{number}", message="caf\u00e9\nna\u00efve" if number % 2 else "ok") for number in range(4)]
        _, problems = read_text(tmp_path, write_csv(rows).encode("latin-1"))
        assert [problem.line for problem in problems] == [3, 4, 6, 7]
        assert problems[0].text.startswith("byte 0xe9 at position ")

    def test_lines_end_at_cr_for_bytes_as_for_text(self, tmp_path: Path) -> None:
        text = write_csv([row(id_="ST-1"), row(id_="ST-2", notes="\u00e9")], end="\r")
        _, problems = read_text(tmp_path, text.encode("latin-1"))
        assert [problem.line for problem in problems] == [3]

    def test_byte_order_mark_is_accepted(self, tmp_path: Path) -> None:
        pack, problems = read_text(tmp_path, b"\xef\xbb\xbf" + write_csv([GOOD]).encode())
        assert not problems
        assert pack.cases[0].id == "ST-1"

    @pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
    def test_records_end_as_any_system_ends_lines(self, tmp_path: Path, end: str) -> None:
        pack, problems = read_text(tmp_path, write_csv([row(id_="ST-1"), row(id_="ST-2", channel="x")], end=end))
        assert [case.id for case in pack.cases] == ["ST-1"]
        assert places(problems) == [(3, "channel")]

    def test_nul_inside_a_message_is_kept(self, tmp_path: Path) -> None:
        pack, problems = read_text(tmp_path, write_csv([row(message="a\x00b")]))
        assert not problems
        assert pack.cases[0].message == "a\x00b"

    def test_nul_in_the_header_and_in_a_word_is_named(self, tmp_path: Path) -> None:
        _, problems = read_text(tmp_path, "test\x00_id" + write_csv([row(channel="live\x00chat")])[len("test_id") :])
        assert [problem.line for problem in problems] == [1, 2]
        assert r"\x00" in problems[0].text
        assert problems[1].column == "channel"

    def test_cell_of_a_megabyte(self, tmp_path: Path) -> None:
        huge = 'x,"\n' * 250_000
        pack, problems = read_text(tmp_path, write_csv([row(message=huge), row(id_="ST-2", channel=huge)]))
        assert pack.cases[0].message == huge
        assert places(problems) == [(250_003, "channel")]
        assert len(problems[0].text) < 300


@pytest.mark.parametrize("text", ["None", "NA", "null", "nan", "N/A", "#N/A is what I see", "true", "0", "=1+1", "-"])
def test_words_that_readers_take_for_missing_survive(tmp_path: Path, text: str) -> None:
    pack, problems = read_text(tmp_path, write_csv([row(message=text, notes="null")]))
    assert not problems
    assert (pack.cases[0].message, pack.cases[0].notes) == (text, "null")


@pytest.mark.parametrize("text", ["a\r\nb", "a\rb", "a\nb", "\r\n", "\u2028x\x85y\x0bz\x0c", "  a  ", "\t"])
def test_line_ends_inside_a_message_are_kept(tmp_path: Path, text: str) -> None:
    pack, problems = read_text(tmp_path, write_csv([row(message=text)], end="\r\n"))
    assert not problems
    assert pack.cases[0].message == text
