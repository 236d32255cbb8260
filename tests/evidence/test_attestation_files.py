"""Attestations in the ledger, and the files that come with them."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from test_attestation_rules import BOUND, GOOD

from gonogo.errors import EvidenceError, RefusedError
from gonogo.evidence import attachments
from gonogo.evidence.attachments import MAX_BYTES, digest_of_copy, store_attachment
from gonogo.evidence.attestations import append_attestation, read_attestations
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.ledger import open_ledger
from gonogo.model.attestation import Attestation

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def kept(tmp_path: Path, record: Attestation, key: SigningKey | None = None) -> Attestation:
    ledger = open_ledger(str(tmp_path), "shop")
    append_attestation(ledger, BOUND, record, key, NOW)
    return read_attestations(ledger.entries(), tmp_path / "files", None, NOW)[-1]


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    record = replace(GOOD, attachments=(), links=("https://x.example.com/1",), note="seen")
    assert kept(tmp_path, record) == record
    signed = kept(tmp_path, record, SigningKey.generate("Bo Lind"))
    assert signed == replace(record, number=2, is_signed=True)


def test_a_copy_that_was_changed_or_removed_speaks_against_it(tmp_path: Path) -> None:
    source = tmp_path / "board.png"
    source.write_bytes(b"first")
    stored = store_attachment(source, tmp_path / "files")
    record = replace(GOOD, attachments=(stored,))
    assert kept(tmp_path, record).against == ()
    (tmp_path / "files" / stored.sha256).write_bytes(b"other")
    assert kept(tmp_path, record).against == ("the attachment board.png was changed since",)
    (tmp_path / "files" / stored.sha256).unlink()
    assert kept(tmp_path, record).against == ("the attachment board.png is missing",)


def test_an_entry_without_an_attestation_is_an_error(tmp_path: Path) -> None:
    ledger = open_ledger(str(tmp_path), "shop")
    ledger.append("attestation", {"signed": False, "record": {"item": "A1"}}, NOW)
    with pytest.raises(EvidenceError, match="entry 1 of the ledger"):
        read_attestations(ledger.entries(), tmp_path, None, NOW)


def test_the_copy_is_called_by_its_digest(tmp_path: Path) -> None:
    source = tmp_path / "log.txt"
    source.write_bytes(b"all is well")
    stored = store_attachment(source, tmp_path / "files")
    assert [path.name for path in (tmp_path / "files").iterdir()] == [stored.sha256]
    assert (stored.name, stored.size, stored.kind.value) == ("log.txt", 11, "log")
    assert digest_of_copy(tmp_path / "files", stored.sha256) == stored.sha256
    assert store_attachment(source, tmp_path / "files") == stored


def make_link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def make_big(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)


HOSTILE = {
    "symlink": (make_link, "is a symlink"),
    "pipe": (os.mkfifo, "is no regular file"),
    "folder": (Path.mkdir, "is no regular file"),
    "missing": (lambda path: None, "cannot be attached"),
    "too big": (make_big, "larger than 50 MB"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_attachments_are_refused_and_leave_nothing(name: str, tmp_path: Path) -> None:
    make, said = HOSTILE[name]
    path = tmp_path / "evil.png"
    make(path)
    with pytest.raises(RefusedError, match=said):
        store_attachment(path, tmp_path / "files")
    assert list((tmp_path / "files").iterdir()) == []


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "growing.log"
    source.write_bytes(b"one line\n")
    copy = attachments._copy

    def copy_slowly(*arguments: object) -> tuple[str, int]:
        found = copy(*arguments)  # type: ignore[arg-type]
        source.write_bytes(b"two lines\n")
        return found

    monkeypatch.setattr(attachments, "_copy", copy_slowly)
    with pytest.raises(RefusedError, match="changed while it was read"):
        store_attachment(source, tmp_path / "files")
    assert list((tmp_path / "files").iterdir()) == []


def test_a_folder_that_is_a_symlink_takes_nothing(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "files").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "a.log").write_text("a")
    with pytest.raises(RefusedError, match="is a symlink"):
        store_attachment(tmp_path / "a.log", tmp_path / "files")


def test_a_planted_copy_is_not_taken_for_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("a")
    stored = store_attachment(tmp_path / "a.log", tmp_path / "files")
    (tmp_path / "files" / stored.sha256).write_text("planted")
    with pytest.raises(EvidenceError, match="is not what its name says"):
        store_attachment(tmp_path / "a.log", tmp_path / "files")
