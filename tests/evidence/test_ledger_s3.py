"""The ledger on S3: an emulator of it in a process of its own, with real requests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ledger_setup import BUCKET, NOW, append_at_once, filled_ledger, s3_emulator, started

from gonogo.errors import LedgerAccessError, LedgerError
from gonogo.evidence.ledger import open_ledger
from gonogo.evidence.ledger.entries import format_time
from gonogo.evidence.ledger.journal import ChangeState, FlagChange, Journal
from gonogo.evidence.ledger.storage import PROBE, Storage, open_storage


@pytest.fixture(scope="module")
def emulator() -> Iterator[dict[str, str]]:
    with s3_emulator() as environ:
        yield environ


@pytest.fixture
def s3(emulator: dict[str, str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    for name, value in emulator.items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{request.node.name}"


def raw_keys(location: str) -> list[str]:
    storage = open_storage(f"{location}/richpanel/ledger")
    return storage.names("")


def test_entries_on_s3_are_the_same_objects_as_in_a_folder(s3: str, tmp_path) -> None:
    ledger = filled_ledger(s3, 3)
    local = filled_ledger(tmp_path, 3)
    assert raw_keys(s3) == ["00000001.json", "00000002.json", "00000003.json", PROBE]
    assert ledger.entries() == local.entries()
    assert open_ledger(f"{s3}/", "richpanel", for_reading=True).head() == local.head()


def test_four_processes_at_once_lose_no_entry_on_s3(s3: str, emulator: dict[str, str]) -> None:
    numbers = append_at_once(s3, 4, 12, environ=emulator)
    assert sorted(numbers) == list(range(1, 49))
    entries = open_ledger(s3, "richpanel").entries()
    assert {entry.payload["run"] for entry in entries} == {f"p{p}-{index}" for p in range(4) for index in range(12)}


def test_a_put_that_takes_no_condition_loses_entries_and_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_emulator("--plain-put") as environ:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(LedgerError, match="created one object twice: it cannot create exclusively"):
            open_ledger(f"s3://{BUCKET}/x", "richpanel")
        numbers = append_at_once(f"s3://{BUCKET}/y", 2, 15, "--unproven", environ=environ)
        assert len(numbers) == 30, "every process was told that its entry is written"
        assert len(raw_keys(f"s3://{BUCKET}/y")) < 30, "and some are lost"


def test_an_answer_that_got_lost_neither_loses_nor_doubles_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 performed the put, the answer was lost, the repetition is told that the key is taken: it is our own."""
    with s3_emulator("--lose-answers") as environ:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        ledger = filled_ledger(f"s3://{BUCKET}/x", 2)
        assert [entry.payload["run"] for entry in ledger.entries()] == ["run-0", "run-1"]


def test_a_process_killed_while_it_appends_to_s3_leaves_what_it_said_was_durable(
    s3: str, emulator: dict[str, str]
) -> None:
    with started("ledger_appender.py", s3, "killed", "100000", environ=emulator) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(6)]
        process.kill()
        said = [int(line) for line in lines[1:]]
    ledger = open_ledger(s3, "richpanel")
    assert set(said) <= {entry.number for entry in ledger.entries()}
    last = ledger.append("run", {"run": "later"}, NOW)
    assert ledger.entries()[-1] == last


def test_what_is_done_to_objects_on_s3_is_named(s3: str) -> None:
    filled_ledger(s3, 4)
    storage = open_storage(f"{s3}/richpanel/ledger")
    storage.remove(["00000002.json"])
    with pytest.raises(LedgerError, match=r"entry 2 is missing before 00000003\.json"):
        open_ledger(s3, "richpanel").entries()
    storage.create("00000002.json", storage.read(["00000003.json"])[0] or b"")
    with pytest.raises(LedgerError, match=r"00000002\.json: holds entry 3, not entry 2"):
        open_ledger(s3, "richpanel").entries()


def test_more_objects_than_one_page_of_a_listing(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = open_storage(f"{s3}/richpanel/ledger")
    for index in range(5):
        assert storage.create(f"many/{index}", b"{}")
    calls = []
    call = storage._filesystem.call_s3  # type: ignore[attr-defined]

    def small_pages(method: str, **words: object) -> object:
        calls.append(method)
        return call(method, **words, **({"MaxKeys": 2} if method == "list_objects_v2" else {}))

    monkeypatch.setattr(storage._filesystem, "call_s3", small_pages)  # type: ignore[attr-defined]
    assert storage.names("many") == ["0", "1", "2", "3", "4"]
    assert storage.names("many", "3") == ["3"]
    assert calls.count("list_objects_v2") == 4


def test_the_flag_journal_of_another_machine_is_seen_through_s3(s3: str) -> None:
    def storage() -> Storage:
        return open_ledger(s3, "richpanel").storage

    change = FlagChange("safe_mode", True, False, "run-1", format_time(NOW), ChangeState.INTENDED)
    Journal(storage(), "staging").note(change)
    assert Journal(storage(), "staging").open_changes() == (change,)


@pytest.mark.parametrize("for_reading", [True, False])
def test_a_bucket_that_is_not_there_is_not_an_empty_ledger(s3: str, for_reading: bool) -> None:
    with pytest.raises(LedgerAccessError, match="cannot be used") as caught:
        open_ledger("s3://no-such-bucket/x", "richpanel", for_reading=for_reading).entries()
    assert caught.value.exit_code == 5


def test_an_endpoint_that_does_not_answer_is_not_an_empty_ledger(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(LedgerAccessError, match="cannot be used") as caught:
        open_ledger(s3, "richpanel", for_reading=True).entries()
    assert caught.value.exit_code == 5
