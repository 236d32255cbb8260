"""`gonogo history`: what it lists, what it filters, and what it does about a ledger that is broken or not there."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from gonogo.cli.main import app
from gonogo.errors import LedgerAccessError, LedgerError, SourceError, UsageError
from gonogo.evidence.ledger import Kind, Ledger, open_ledger
from gonogo.evidence.ledger.entries import Entry
from gonogo.evidence.ledger.history import select_lines, summarize_entries
from gonogo.sources.project import Project

NOW = datetime(2026, 11, 21, 5, 3, 5, tzinfo=UTC)


def envelope(predicate: dict[str, Any]) -> dict[str, Any]:
    statement = {"_type": "https://in-toto.io/Statement/v1", "predicate": predicate}
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    return {"payload": payload, "payloadType": "application/vnd.in-toto+json", "signatures": []}


def sealed(run: str, stage: str, release: str, decision: str) -> dict[str, Any]:
    return {
        "run": run,
        "manifest_sha256": f"digest-of-{run}",
        "statement": envelope({"gonogo": {"runBy": "Ana Silva"}}),
        "stage": stage,
        "environment": "staging",
        "release": release,
        "decision": decision,
        "folder": f"evidence/richpanel/{run}",
    }


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "smoke_cases" / "richpanel").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GONOGO_LEDGER", raising=False)
    return tmp_path


@pytest.fixture
def ledger(project: Path) -> Ledger:
    ledger = open_ledger(str(project / "evidence"), "richpanel")
    ledger.append("seal", sealed("run-a", "1", "2026.11.1", "GO"), NOW)
    ledger.append("seal", sealed("run-b", "2", "2026.11.2", "NO_GO"), NOW)
    record = envelope({"meaning": "approval", "name": "Bo Ek\x1b[2J", "role": "QA"})
    ledger.append("approval", {"record": record, "manifest_sha256": "digest-of-run-a", "bundle": "run-a"}, NOW)
    ledger.append("rollback", {"environment": "production", "by": "x"}, NOW)
    return ledger


def call(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["history", "richpanel", *arguments])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_table_is_newest_last_with_unverified_names(ledger: Ledger) -> None:
    title, *rows, count, head = call().splitlines()
    assert title.split() == ["no.", "time", "kind", "stage", "env", "release", "decision", "run", "who", "(unverified)"]
    assert [row.split()[:3] for row in rows] == [
        [str(number), "2026-11-21T05:03:05.000Z", kind]
        for number, kind in enumerate(["seal", "seal", "approval", "rollback"], 1)
    ]
    assert rows[0].endswith("1      staging     2026.11.1  GO        run-a  Ana Silva")
    assert count.startswith("4 of 4 entries; ")
    assert head == f"head 4:{ledger.head()[1]}"


def test_an_approval_shows_its_bundle_and_a_name_that_cannot_steer_the_terminal(ledger: Ledger) -> None:
    (row,) = [row for row in call().splitlines() if " approval " in row]
    assert row.endswith("1      staging     2026.11.1  GO        run-a  Bo Ek\N{REPLACEMENT CHARACTER}[2J")
    assert "\x1b" not in call()


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (["--stage", "1"], [1, 3]),
        (["--release", "2026.11.2"], [2]),
        (["--env", "production"], [4]),
        (["--env", "staging", "--limit", "2"], [2, 3]),
        (["--limit", "99"], [1, 2, 3, 4]),
        (["--stage", "9"], []),
    ],
)
def test_filters_and_limit(ledger: Ledger, options: list[str], numbers: list[int]) -> None:
    shown = json.loads(call("--format", "json", *options))
    assert [entry["number"] for entry in shown["entries"]] == numbers
    assert shown["head"] == {"number": 4, "digest": ledger.head()[1]}
    assert f"{len(numbers)} of 4 entries" in call(*options)


def test_an_empty_history_says_so_and_leaves_nothing_behind(project: Path) -> None:
    assert "The ledger of richpanel is empty" in call()
    assert json.loads(call("--format", "json"))["entries"] == []
    assert not (project / "evidence").exists()


def test_a_broken_ledger_exits_4_and_names_the_entry(ledger: Ledger, project: Path) -> None:
    path = project / "evidence/richpanel/ledger/00000002.json"
    path.write_bytes(path.read_bytes().replace(b"NO_GO", b"GO"))
    with pytest.raises(LedgerError, match=r"00000002\.json: is not what 00000003\.json was chained to") as caught:
        call()
    assert caught.value.exit_code == 4


def test_a_known_head_shows_that_entries_were_cut_off(ledger: Ledger, project: Path) -> None:
    number, digest = ledger.head()
    known = f"{number}:{digest}"
    call("--head", known)
    (project / "evidence/richpanel/ledger/00000004.json").unlink()
    call()
    with pytest.raises(LedgerError, match="entries were cut off"):
        call("--head", known)


@pytest.mark.parametrize("head", ["", "4", "4:abc", "x:" + "0" * 64, "4:" + "G" * 64])
def test_a_head_of_another_form_is_refused(project: Path, head: str) -> None:
    with pytest.raises(UsageError, match="NUMBER:DIGEST"):
        call("--head", head)


def test_the_ledger_is_where_the_project_or_the_environment_says(
    ledger: Ledger, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "pyproject.toml").write_text('[tool.gonogo]\nledger = "books"\n')
    assert "is empty" in call()
    assert str(project / "books") in call()
    monkeypatch.setenv("GONOGO_LEDGER", "evidence")
    assert "4 of 4 entries" in call()
    monkeypatch.setenv("GONOGO_LEDGER", "memory://x")
    with pytest.raises(LedgerError, match="allowed: a folder"):
        call()
    (project / "file").write_text("")
    monkeypatch.setenv("GONOGO_LEDGER", "file")
    with pytest.raises(LedgerAccessError, match="cannot be used"):
        call()


def test_an_unknown_system_is_refused(project: Path) -> None:
    done = CliRunner().invoke(app, ["history", "richpanle"])
    assert isinstance(done.exception, UsageError)
    assert "Did you mean 'richpanel'" in done.exception.message


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("ledger = 3", "ledger", "allowed: a folder, s3://bucket/prefix"),
        ("ledger = ''", "ledger", "allowed: a folder"),
        ("ledger = 'memory://x'", "ledger", "'memory://x'; allowed: a folder"),
        ("ledger = 's3://'", "ledger", "allowed: a folder"),
        ("leger = 'x'", "leger", "Did you mean 'ledger'?"),
    ],
)
def test_a_wrong_ledger_setting_is_a_problem(project: Path, text: str, column: str, says: str) -> None:
    (project / "pyproject.toml").write_text(f"[tool.gonogo]\nsteps = 1\n{text}\n")
    with pytest.raises(SourceError) as caught:
        Project.from_path(project)
    columns = {problem.column: problem.text for problem in caught.value.problems}
    assert set(columns) == {"tool.gonogo.steps", f"tool.gonogo.{column}"}
    assert says in columns[f"tool.gonogo.{column}"]


@pytest.mark.parametrize(
    "record",
    [
        None,
        3,
        {},
        {"payload": 3},
        {"payload": "!"},
        {"payload": "W10="},
        {"payload": "eyI"},
        envelope({"name": "\ud800"}),
    ],
)
def test_a_record_that_cannot_be_read_has_no_name(record: object) -> None:
    entry = Entry(1, "approval", "2026-11-21T05:03:05.000Z", "", {"record": record}, "")
    (line,) = summarize_entries([entry])
    assert line.who in ("", "?")
    assert select_lines([line], limit=1) == [line]


def test_output_and_entries_are_as_their_schemas_say(project: Path) -> None:
    schemas = Path(__file__).parents[2] / "docs" / "schemas"
    shown, entry = (
        jsonschema_rs.validator_for(json.loads((schemas / f"{name}.schema.json").read_text("utf-8")))
        for name in ("history", "ledger-entry")
    )
    shown.validate(json.loads(call("--format", "json")))
    ledger = open_ledger(str(project / "evidence"), "richpanel")
    for kind in Kind:
        ledger.append(kind, sealed("run-a", "1", "2026.11.1", "GO"), NOW)
    shown.validate(json.loads(call("--format", "json")))
    for path in (project / "evidence/richpanel/ledger").glob("0*.json"):
        entry.validate(json.loads(path.read_bytes()))
    assert not entry.is_valid({**json.loads(path.read_bytes()), "number": 0})
