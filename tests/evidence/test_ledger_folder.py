"""The ledger in a folder: what an entry is, several appenders at once, and a kill at every point."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from ledger_setup import HERE, NOW, append_at_once, filled_ledger, started

from gonogo.errors import LedgerAccessError, LedgerError, UsageError
from gonogo.evidence.ledger import Kind, Ledger, ledger_location, open_ledger
from gonogo.evidence.ledger.entries import NO_DIGEST
from gonogo.evidence.ledger.storage import PROBE, FolderStorage, open_storage, prove_exclusive


def test_an_entry_is_one_numbered_canonical_object_chained_to_the_one_before(tmp_path: Path) -> None:
    ledger = open_ledger(str(tmp_path), "richpanel")
    first = ledger.append(
        "run", {"run": "r1", "n": 1.0}, datetime(2026, 11, 21, 6, 3, 5, tzinfo=timezone(timedelta(hours=1)))
    )
    second = ledger.append(Kind.SEAL, {"run": "r1"}, NOW)
    folder = tmp_path / "richpanel" / "ledger"
    assert sorted(path.name for path in folder.iterdir()) == ["00000001.json", "00000002.json", PROBE]
    data = (folder / "00000001.json").read_bytes()
    assert json.loads(data) == {
        "schema": "gonogo/ledger/v1",
        "system": "richpanel",
        "number": 1,
        "kind": "run",
        "at": "2026-11-21T05:03:05.000Z",
        "previous": NO_DIGEST,
        "payload": {"run": "r1", "n": 1},
    }
    assert data == rfc8785.dumps(json.loads(data))
    assert first.digest == second.previous == hashlib.sha256(data).hexdigest()
    assert ledger.entries() == [first, second]
    assert ledger.head() == (2, second.digest)


def test_an_empty_ledger_has_no_entries_and_reading_writes_nothing(tmp_path: Path) -> None:
    ledger = open_ledger(str(tmp_path / "none"), "richpanel", for_reading=True)
    assert ledger.entries() == []
    assert ledger.head() == (0, NO_DIGEST)
    ledger.check_head(0, NO_DIGEST)
    with pytest.raises(LedgerError, match="for reading only"):
        ledger.append("run", {}, NOW)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "payload", [{"x": float("nan")}, {"x": 2**60}, {"x": object()}, {"x": "\ud800"}, {1: "x"}, {"x": {1}}]
)
def test_what_canonical_json_cannot_hold_is_refused(tmp_path: Path, payload: dict[Any, Any]) -> None:
    ledger = open_ledger(str(tmp_path), "richpanel")
    with pytest.raises(LedgerError, match="cannot be written as RFC 8785"):
        ledger.append("run", payload, NOW)
    assert ledger.entries() == []


def test_unknown_kinds_names_and_times_without_a_zone_are_refused(tmp_path: Path) -> None:
    ledger = open_ledger(str(tmp_path), "richpanel")
    with pytest.raises(LedgerError, match="Did you mean 'approval'"):
        ledger.append("aproval", {}, NOW)
    with pytest.raises(LedgerError, match="no time zone"):
        ledger.append("run", {}, datetime(2026, 11, 21))
    for system in ("", "../x", "a/b", ".hidden"):
        with pytest.raises(UsageError, match="cannot name a place"):
            open_ledger(str(tmp_path), system)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_can_be_written_and_read(tmp_path: Path, kind: Kind) -> None:
    ledger = open_ledger(str(tmp_path), "richpanel")
    assert ledger.append(kind, {}, NOW).kind == kind.value == ledger.entries()[0].kind


def test_four_processes_at_once_lose_no_entry(tmp_path: Path) -> None:
    numbers = append_at_once(str(tmp_path), 4, 25)
    assert sorted(numbers) == list(range(1, 101))
    entries = open_ledger(str(tmp_path), "richpanel").entries()
    assert {entry.payload["run"] for entry in entries} == {f"p{p}-{index}" for p in range(4) for index in range(25)}


def test_threads_may_share_a_ledger(tmp_path: Path) -> None:
    ledger = open_ledger(str(tmp_path), "richpanel")

    def use(index: int) -> int:
        number = ledger.append("run", {"run": str(index)}, NOW).number
        assert ledger.head()[0] >= number
        assert len(ledger.entries()) >= number
        return number

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(use, range(60))) == list(range(1, 61))


def test_killed_processes_leave_every_entry_that_they_said_was_durable(tmp_path: Path) -> None:
    said: list[str] = []
    for round_ in range(3):
        with started("ledger_appender.py", str(tmp_path), f"r{round_}", "100000") as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("go\n")
            process.stdin.flush()
            for _ in range(8):
                line = process.stdout.readline()
            process.kill()
            rest = [part for part in process.stdout.read().split("\n")[:-1] if part]
            said += [line.strip(), *rest]
    entries = open_ledger(str(tmp_path), "richpanel").entries()
    assert {int(number) for number in said} <= {entry.number for entry in entries}


def test_a_kill_at_any_point_of_an_append_leaves_a_ledger_that_holds_and_goes_on() -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "ledger_kill_points.py")], capture_output=True, text=True, check=True, timeout=60
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    for line in lines:
        earlier = [f"earlier-{index}" for index in range(line["earlier"])]
        assert line["faults"] == [], line
        assert line["runs"] in (earlier, [*earlier, "killed"]), line
        assert line["after"] == [*line["runs"], "later"], line
        assert (line["signal"] == 9) == bool(line["point"]), line
    points = {line["point"] for line in lines}
    assert {"in the middle of write", "before link", "after link", "before unlink", "after mkdir", ""} <= points
    assert any(line["runs"][-1:] == ["killed"] and line["point"] == "after link" for line in lines)


class PlainFolder(FolderStorage):
    """Storage that writes over what is there, as one without conditional writes does."""

    def create(self, name: str, data: bytes) -> bool:
        (self._root / name).unlink(missing_ok=True)
        return super().create(name, data)


def test_storage_that_cannot_create_exclusively_loses_entries_and_is_refused(tmp_path: Path) -> None:
    class Interrupted(PlainFolder):
        def create(self, name: str, data: bytes) -> bool:
            Ledger(PlainFolder(tmp_path), "richpanel").append("run", {"run": "other"}, NOW)
            return super().create(name, data)

    Ledger(Interrupted(tmp_path), "richpanel").append("run", {"run": "mine"}, NOW)
    kept = Ledger(FolderStorage(tmp_path), "richpanel").entries()
    assert [entry.payload["run"] for entry in kept] == ["mine"], "two were written and one is lost"
    with pytest.raises(LedgerError, match="created one object twice: it cannot create exclusively"):
        prove_exclusive(PlainFolder(tmp_path))
    prove_exclusive(FolderStorage(tmp_path))


def test_storage_that_does_not_list_what_it_holds_is_refused(tmp_path: Path) -> None:
    class Blind(FolderStorage):
        def names(self, folder: str, start: str = "") -> list[str]:
            return []

    with pytest.raises(LedgerError, match="does not list what it holds"):
        prove_exclusive(Blind(tmp_path))


@pytest.mark.parametrize("location", ["memory://x", "gs://bucket/x", "http://host/x", "simplecache::s3://bucket/x"])
def test_other_backends_are_refused(location: str) -> None:
    with pytest.raises(LedgerError, match="not known to create an object exclusively") as caught:
        open_ledger(location, "richpanel")
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("location", ["s3://", "s3:///x", "s3://bucket/a//b", "s3://bucket/a?versionId=1"])
def test_a_url_that_is_no_place_in_s3_is_refused(location: str) -> None:
    with pytest.raises(UsageError, match="s3://bucket/prefix"):
        open_storage(location)


def test_a_place_that_cannot_be_used_says_so_and_is_not_an_empty_ledger(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for for_reading in (True, False):
        with pytest.raises(LedgerAccessError, match=r"Not a directory|File exists") as caught:
            open_ledger(str(tmp_path / "file"), "richpanel", for_reading=for_reading).entries()
        assert caught.value.exit_code == 5


def test_a_file_url_is_a_folder(tmp_path: Path) -> None:
    filled_ledger(f"file://{tmp_path}", 1)
    assert len(open_ledger(str(tmp_path), "richpanel").entries()) == 1


def test_a_ledger_that_lost_its_last_entries_meanwhile_is_not_appended_to(tmp_path: Path) -> None:
    ledger = filled_ledger(tmp_path, 3)
    (tmp_path / "richpanel/ledger/00000003.json").unlink()
    for act in (lambda: ledger.append("run", {}, NOW), ledger.entries, ledger.head):
        with pytest.raises(LedgerError, match="does not reach entry 3"):
            act()


def test_a_gap_and_a_broken_last_entry_are_not_appended_to(tmp_path: Path) -> None:
    filled_ledger(tmp_path, 3)
    last = tmp_path / "richpanel/ledger/00000003.json"
    last.write_bytes(last.read_bytes()[:-10])
    with pytest.raises(LedgerError, match=r"00000003\.json: is not JSON"):
        open_ledger(str(tmp_path), "richpanel").append("run", {}, NOW)
    (tmp_path / "richpanel/ledger/00000002.json").unlink()
    with pytest.raises(LedgerError, match=r"lacks 00000002\.json"):
        open_ledger(str(tmp_path), "richpanel").append("run", {}, NOW)


def test_an_append_reads_one_entry_however_long_the_ledger_is(tmp_path: Path) -> None:
    class Counting(FolderStorage):
        reads = 0

        def read(self, names: Any) -> list[bytes | None]:
            self.reads += len(names)
            return super().read(names)

    filled_ledger(tmp_path, 30)
    storage = Counting(tmp_path / "richpanel/ledger")
    Ledger(storage, "richpanel").append("run", {}, NOW)
    assert storage.reads == 1


def test_the_place_of_the_ledgers(tmp_path: Path) -> None:
    assert ledger_location(tmp_path, {}, None) == str(tmp_path / "evidence")
    assert ledger_location(tmp_path, {}, "books") == str(tmp_path / "books")
    assert ledger_location(tmp_path, {}, "/srv/books") == "/srv/books"
    assert ledger_location(tmp_path, {"GONOGO_LEDGER": "s3://b/p"}, "books") == "s3://b/p"
    for environ, configured in (({"GONOGO_LEDGER": " "}, None), ({}, "")):
        with pytest.raises(UsageError, match="is empty"):
            ledger_location(tmp_path, environ, configured)


def test_default_ledger_lies_beside_the_runs_of_its_system(tmp_path: Path) -> None:
    open_ledger(ledger_location(tmp_path, {}, None), "richpanel").append("run", {}, datetime.now(UTC))
    assert (tmp_path / "evidence/richpanel/ledger/00000001.json").is_file()
