"""What is done to the objects of a ledger is detected, and the object is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from ledger_setup import NOW, filled_ledger

from gonogo.errors import LedgerError
from gonogo.evidence.ledger import open_ledger
from gonogo.evidence.ledger.entries import NO_DIGEST, check_chain, digest_of, render_entry

COUNT = 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    filled_ledger(tmp_path, COUNT)
    return tmp_path / "richpanel" / "ledger"


def faults_of(folder: Path) -> str:
    with pytest.raises(LedgerError) as caught:
        open_ledger(str(folder.parents[1]), "richpanel", for_reading=True).entries()
    assert caught.value.exit_code == 4
    assert str(folder) in caught.value.message
    return caught.value.message


def edit(path: Path, **changes: Any) -> None:
    path.write_bytes(rfc8785.dumps({**json.loads(path.read_bytes()), **changes}))


def test_an_edited_entry_is_named(folder: Path) -> None:
    edit(folder / "00000003.json", payload={"run": "another"})
    assert "00000003.json: is not what 00000004.json was chained to" in faults_of(folder)


def test_an_entry_cut_out_of_the_middle_is_named(folder: Path) -> None:
    (folder / "00000003.json").unlink()
    assert "entry 3 is missing before 00000004.json" in faults_of(folder)
    (folder / "00000002.json").unlink()
    assert "entries 2 to 3 are missing before 00000004.json" in faults_of(folder)


def test_later_entries_moved_up_over_a_removed_one_are_named(folder: Path) -> None:
    for number in range(3, COUNT):
        (folder / f"0000000{number + 1}.json").rename(folder / f"0000000{number}.json")
    text = faults_of(folder)
    assert "00000003.json: holds entry 4, not entry 3" in text
    for number in range(3, COUNT):
        edit(folder / f"0000000{number}.json", number=number)
    assert "00000002.json: is not what 00000003.json was chained to" in faults_of(folder)


def test_swapped_entries_are_named(folder: Path) -> None:
    two, four = folder / "00000002.json", folder / "00000004.json"
    both = two.read_bytes(), four.read_bytes()
    two.write_bytes(both[1])
    four.write_bytes(both[0])
    text = faults_of(folder)
    assert "00000002.json: holds entry 4, not entry 2" in text
    assert "00000004.json: holds entry 2, not entry 4" in text
    edit(two, number=2)
    edit(four, number=4)
    assert "00000001.json: is not what 00000002.json was chained to" in faults_of(folder)


def test_a_removed_beginning_is_named(folder: Path) -> None:
    (folder / "00000001.json").unlink()
    assert "entry 1 is missing before 00000002.json" in faults_of(folder)
    for number in range(1, COUNT):
        (folder / f"0000000{number + 1}.json").rename(folder / f"0000000{number}.json")
        edit(folder / f"0000000{number}.json", number=number)
    assert "00000001.json: is the first entry, but was chained to" in faults_of(folder)


def test_an_entry_of_another_system_is_named(folder: Path) -> None:
    other = filled_ledger(folder.parents[1], COUNT, system="talkative")
    shutil.copy(folder.parents[1] / "talkative/ledger/00000003.json", folder)
    assert "00000003.json: is of system 'talkative', not 'richpanel'" in faults_of(folder)
    assert len(other.entries()) == COUNT


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b"{}", "schema is None; known: gonogo/ledger/v1"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_what_is_no_entry_is_named(folder: Path, data: bytes, says: str) -> None:
    (folder / "00000006.json").write_bytes(data)
    assert f"00000006.json: {says}" in faults_of(folder)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"schema": "gonogo/ledger/v2"}, "schema is 'gonogo/ledger/v2'"),
        ({"at": "2026-11-21T05:03:05+01:00"}, "not a UTC time"),
        ({"at": "2026-13-21T05:03:05Z"}, "not a UTC time"),
        ({"kind": "Run"}, "kind is 'Run'"),
        ({"number": "6"}, "number is '6', not of type int"),
        ({"number": True}, "number is True, not of type int"),
        ({"payload": []}, r"payload is [], not of type dict"),
        ({"extra": 1}, "has unknown keys: ['extra']"),
    ],
)
def test_a_last_entry_of_a_wrong_form_is_named(folder: Path, changes: dict[str, Any], says: str) -> None:
    edit(folder / "00000006.json", **changes)
    text = faults_of(folder)
    assert "00000006.json: " in text
    assert says in text


def test_an_entry_that_is_not_canonical_is_named(folder: Path) -> None:
    path = folder / "00000006.json"
    path.write_bytes(path.read_bytes() + b"\n")
    assert "00000006.json: is not written as RFC 8785 JSON" in faults_of(folder)


def test_a_missing_key_is_named(folder: Path) -> None:
    path = folder / "00000006.json"
    record = json.loads(path.read_bytes())
    del record["kind"]
    path.write_bytes(rfc8785.dumps(record))
    assert "00000006.json: lacks kind" in faults_of(folder)


@pytest.mark.parametrize("name", ["00000007 (copy).json", "7.json", "00000000.json", "notes.txt"])
def test_what_else_lies_among_the_entries_is_named(folder: Path, name: str) -> None:
    shutil.copy(folder / "00000006.json", folder / name)
    assert f"{name}: is not an object of a ledger" in faults_of(folder)


def test_all_faults_are_told_at_once_and_many_are_counted(folder: Path) -> None:
    for number in range(1, COUNT + 1):
        (folder / f"0000000{number}.json").write_bytes(b"{}")
    text = faults_of(folder)
    assert "00000001.json" in text
    assert "00000005.json" in text
    assert "and 1 more" in text
    assert len(open_ledger(str(folder.parents[1]), "richpanel").faults()) == COUNT


def test_a_cut_off_end_shows_against_a_head_that_was_seen(folder: Path) -> None:
    """The chain cannot show by itself that its last links are gone: who saw the head can."""
    location = str(folder.parents[1])
    ledger = open_ledger(location, "richpanel")
    number, digest = ledger.head()
    ledger.append("run", {}, NOW)
    assert len(ledger.verify_includes(number, digest)) == COUNT + 1
    with pytest.raises(LedgerError, match="ends with entry 7, not with entry 6"):
        ledger.check_head(number, digest)
    for name in ("00000007.json", "00000006.json"):
        (folder / name).unlink()
    fresh = open_ledger(location, "richpanel", for_reading=True)
    assert len(fresh.entries()) == COUNT - 1
    with pytest.raises(LedgerError, match="does not reach entry 6, which was seen before: entries were cut off"):
        fresh.verify_includes(number, digest)


def test_a_last_entry_written_anew_shows_against_a_head_that_was_seen(folder: Path) -> None:
    location = str(folder.parents[1])
    seen = open_ledger(location, "richpanel", for_reading=True)
    head = seen.head()
    seen.entries()
    edit(folder / "00000006.json", payload={"run": "another"})
    with pytest.raises(LedgerError, match="another entry 6 than was seen before"):
        open_ledger(location, "richpanel", for_reading=True).verify_includes(*head)
    with pytest.raises(LedgerError, match="another entry 6 than was seen before"):
        seen.entries()


def chain(count: int) -> list[tuple[int, str, bytes | None]]:
    objects: list[tuple[int, str, bytes | None]] = []
    previous = NO_DIGEST
    for number in range(1, count + 1):
        payload = {"run": f"r{number}", "decision": "GO"}
        data = render_entry("richpanel", number, "run", "2026-11-21T05:03:05.000Z", previous, payload)
        objects.append((number, f"{number:08d}.json", data))
        previous = digest_of(data)
    return objects


CHAIN = chain(8)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_no_edit_of_any_object_leaves_a_ledger_that_includes_the_head(data: st.DataObject) -> None:
    """Flip, cut, lengthen, remove, swap, move or copy objects: a fault, or the known head is no longer there."""
    blobs = {number: blob for number, _, blob in CHAIN if blob is not None}
    for _ in range(data.draw(st.integers(1, 3))):
        numbers = sorted(blobs)
        assume(numbers)
        one, other = data.draw(st.sampled_from(numbers)), data.draw(st.sampled_from(numbers))
        blob = blobs[one]
        match data.draw(st.sampled_from(["flip", "cut", "lengthen", "remove", "swap", "copy", "field", "cut off"])):
            case "flip":
                place = data.draw(st.integers(0, max(0, len(blob) - 1)))
                blobs[one] = blob[:place] + bytes([(blob[place] if blob else 0) ^ data.draw(st.integers(1, 255))])
                blobs[one] += blob[place + 1 :]
            case "cut":
                blobs[one] = blob[: data.draw(st.integers(0, max(0, len(blob) - 1)))]
            case "lengthen":
                blobs[one] = blob + data.draw(st.binary(min_size=1, max_size=4))
            case "remove":
                del blobs[one]
            case "swap":
                blobs[one], blobs[other] = blobs[other], blob
            case "copy":
                blobs[data.draw(st.integers(1, 10))] = blob
            case "field":
                key = data.draw(st.sampled_from(["number", "kind", "at", "previous", "payload", "system"]))
                blobs[one] = _with_field(blob, key, data.draw(st.sampled_from([1, 3, "seal", {}, "0" * 64])))
            case "cut off":
                blobs = {number: blob for number, blob in blobs.items() if number < one}
    assume(blobs != {number: blob for number, _, blob in CHAIN})
    entries, faults = check_chain("richpanel", [(n, f"{n:08d}.json", blobs[n]) for n in sorted(blobs)])
    known = {number: digest_of(blob or b"") for number, _, blob in CHAIN}
    whole = len(entries) >= len(CHAIN) and entries[len(CHAIN) - 1].digest == known[len(CHAIN)]
    assert faults or not whole
    if not faults:
        # Without a head only the end can differ: cut off, or the last one anew.
        assert [entry.digest for entry in entries[:-1]] == [known[entry.number] for entry in entries[:-1]]
    for fault in faults:
        assert any(f"{number:08d}.json" in fault for number in blobs)


def _with_field(blob: bytes, key: str, value: object) -> bytes:
    try:
        return rfc8785.dumps({**json.loads(blob), key: value})
    except (ValueError, TypeError):
        return b"{}"
