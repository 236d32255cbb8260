"""The flag journal: what is open, what a return or a rollback ends, and that removing old records forgets nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ledger_setup import NOW

from gonogo.errors import LedgerError, UsageError
from gonogo.evidence.ledger.entries import format_time
from gonogo.evidence.ledger.journal import ChangeState, FlagChange, Journal
from gonogo.evidence.ledger.storage import FolderStorage

AT = format_time(NOW)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(FolderStorage(tmp_path), "staging")


def change(flag: str, old: object, new: object, state: ChangeState, run: str = "r1") -> FlagChange:
    return FlagChange(flag, old, new, run, AT, state)


def seen_elsewhere(tmp_path: Path) -> tuple[FlagChange, ...]:
    return Journal(FolderStorage(tmp_path), "staging").open_changes()


def test_a_change_is_open_from_its_intention_until_its_return(journal: Journal, tmp_path: Path) -> None:
    assert journal.open_changes() == ()
    for state in (ChangeState.INTENDED, ChangeState.WRITTEN):
        journal.note(change("safe_mode", True, False, state))
        assert seen_elsewhere(tmp_path) == (change("safe_mode", True, False, state),)
    journal.note(change("safe_mode", False, True, ChangeState.RETURNED))
    assert seen_elsewhere(tmp_path) == journal.open_changes() == ()


def test_a_flag_changed_twice_keeps_the_first_old_and_the_last_new_value(journal: Journal, tmp_path: Path) -> None:
    journal.note(change("channels", ["email"], ["email", "livechat"], ChangeState.WRITTEN))
    journal.note(change("channels", ["email", "livechat"], None, ChangeState.INTENDED))
    journal.note(change("safe_mode", "absent", False, ChangeState.WRITTEN))
    assert seen_elsewhere(tmp_path) == (
        change("channels", ["email"], None, ChangeState.INTENDED),
        change("safe_mode", "absent", False, ChangeState.WRITTEN),
    )


def test_runs_and_environments_are_apart(journal: Journal, tmp_path: Path) -> None:
    journal.note(change("safe_mode", True, False, ChangeState.WRITTEN, "r1"))
    journal.note(change("safe_mode", False, True, ChangeState.WRITTEN, "r2"))
    journal.note(change("safe_mode", False, True, ChangeState.RETURNED, "r2"))
    assert [one.run for one in seen_elsewhere(tmp_path)] == ["r1"]
    assert Journal(FolderStorage(tmp_path), "production").open_changes() == ()


def test_a_rollback_voids_what_was_to_be_returned(journal: Journal, tmp_path: Path) -> None:
    noted = change("safe_mode", True, False, ChangeState.WRITTEN)
    journal.note(noted)
    assert Journal(FolderStorage(tmp_path), "staging").void("rollback A", "rollback-1", NOW) == (noted,)
    assert journal.open_changes() == ()
    journal.note(change("automation_enabled", True, False, ChangeState.INTENDED, "r2"))
    assert [one.flag for one in seen_elsewhere(tmp_path)] == ["automation_enabled"]
    with pytest.raises(LedgerError, match="with a reason"):
        journal.note(change("safe_mode", True, False, ChangeState.VOID))


def test_two_writers_at_once_share_the_numbers(journal: Journal, tmp_path: Path) -> None:
    other = Journal(FolderStorage(tmp_path), "staging")
    journal.note(change("a", 0, 1, ChangeState.WRITTEN, "r1"))
    assert other.note(change("b", 0, 1, ChangeState.WRITTEN, "r2")) == 2
    assert journal.note(change("c", 0, 1, ChangeState.WRITTEN, "r1")) == 3
    assert [one.flag for one in seen_elsewhere(tmp_path)] == ["a", "b", "c"]


def test_old_records_are_removed_but_none_that_is_open(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gonogo.evidence.ledger.journal._KEPT", 8)
    monkeypatch.setattr("gonogo.evidence.ledger.journal._PRUNE_EVERY", 4)
    first = change("old_and_open", True, False, ChangeState.WRITTEN, "r0")
    for before in ((), (first,)):
        for one in before:
            journal.note(one)
        for _ in range(12):
            journal.note(change("safe_mode", True, False, ChangeState.WRITTEN))
            journal.note(change("safe_mode", False, True, ChangeState.RETURNED))
        assert seen_elsewhere(tmp_path) == before
        assert len(list((tmp_path / "journal/staging").iterdir())) <= (12 if not before else 40)


def test_a_change_is_durable_before_the_call_returns(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def counted(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", counted)
    journal.note(change("safe_mode", True, False, ChangeState.INTENDED))
    folder = str(tmp_path / "journal/staging")
    assert any(name.startswith(folder + "/.00000001.json") for name in synced), "the content"
    assert synced[-1] == folder, "then its name"


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"{"])
def test_a_record_that_cannot_be_read_is_not_nothing(journal: Journal, tmp_path: Path, data: bytes) -> None:
    journal.note(change("safe_mode", True, False, ChangeState.WRITTEN))
    journal.note(change("other", True, False, ChangeState.WRITTEN))
    for number in (1, 2):
        path = tmp_path / f"journal/staging/{number:08d}.json"
        kept = path.read_bytes()
        path.write_bytes(data)
        with pytest.raises(LedgerError, match=f"{number:08d}.json"):
            seen_elsewhere(tmp_path)
        path.write_bytes(kept)
    (tmp_path / "journal/staging/00000001.json").unlink()
    with pytest.raises(LedgerError, match=r"00000001\.json: is missing"):
        seen_elsewhere(tmp_path)


def test_an_environment_that_names_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot name a place"):
        Journal(FolderStorage(tmp_path), "../x")
