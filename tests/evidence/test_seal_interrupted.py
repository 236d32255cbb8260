"""Whatever is killed while it seals leaves nothing that verifies, and sealing again completes it."""

from __future__ import annotations

import json
import multiprocessing
import os
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from bundles import KEY, copy_bundle, write_bundle

from gonogo.evidence.bundle import MANIFEST, STATEMENT
from gonogo.evidence.ledger.book import open_ledger
from gonogo.evidence.seal import ScanTerms, SealError, seal_folder
from gonogo.evidence.verify.result import Terms, verify_bundle

NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)

TOUCHES = ("open", "fsync", "replace", "rename", "link", "unlink", "close")


@pytest.fixture(scope="module")
def unsealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_bundle(tmp_path_factory.mktemp("unsealed") / "run", environment="sandbox", kind="sandbox")
    for name in (MANIFEST, STATEMENT):
        (folder / name).unlink()
    return folder


def _seal_and_die(folder: Path, place: Path, at: int, calls: Connection) -> None:
    """Seal, and die at the n-th call that touches the disk, as a kill -9 between two instructions would."""
    ledger = open_ledger(str(place), "richpanel")
    done = 0

    def dying(call: Any) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal done
            done += 1
            if done == at:
                os._exit(9)
            return call(*args, **kwargs)

        return wrapped

    for name in TOUCHES:
        setattr(os, name, dying(getattr(os, name)))
    Path.open = dying(Path.open)  # type: ignore[method-assign]
    Path.replace = dying(Path.replace)  # type: ignore[method-assign]
    seal_folder(folder, KEY, ScanTerms(), ledger=ledger, now=NOW)
    calls.send(done)


def seal_and_die(folder: Path, place: Path, at: int) -> tuple[int | None, int]:
    """Return the exit code of a sealing in a process of its own, and how often it touched the disk."""
    context = multiprocessing.get_context("fork")
    reader, writer = context.Pipe(duplex=False)
    child = context.Process(target=_seal_and_die, args=(folder, place, at, writer))
    child.start()
    writer.close()
    child.join(60)
    with reader:
        return child.exitcode, reader.recv() if child.exitcode == 0 else 0


def test_a_killed_sealing_leaves_nothing_that_verifies(unsealed: Path, tmp_path: Path) -> None:
    code, last = seal_and_die(copy_bundle(unsealed, tmp_path / "whole" / "run"), tmp_path / "whole" / "ledgers", 0)
    assert code == 0
    # The first calls read; all that write lie at the end, and each of those is tried.
    points = sorted({1, last // 4, last // 2, *range(max(1, last - 24), last + 1)})
    states = set()
    for point in points:
        folder = copy_bundle(unsealed, tmp_path / str(point) / "run")
        place = tmp_path / str(point) / "ledgers"
        assert seal_and_die(folder, place, point)[0] == 9

        whole = (folder / STATEMENT).is_file()
        states.add(whole)
        # With its signature in place it is a whole bundle; the ledger alone lacks it.
        assert verify_bundle(folder, Terms(NOW)).valid == whole

        ledger = open_ledger(str(place), "richpanel")
        seal_folder(folder, KEY, ScanTerms(), ledger=ledger, now=NOW)
        assert verify_bundle(folder, Terms(NOW)).faults == ()
        assert [entry.kind for entry in ledger.entries()] == ["seal"]
    assert states == {True, False}


def _seal(folder: str, place: str) -> None:
    ledger = open_ledger(place, "richpanel")
    seal_folder(Path(folder), KEY, ScanTerms(), ledger=ledger, now=NOW)


def test_runs_that_seal_at_once_share_the_ledger(unsealed: Path, tmp_path: Path) -> None:
    folders = [copy_bundle(unsealed, tmp_path / str(number) / "run") for number in range(6)]
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_seal, args=(str(folder), str(tmp_path / "ledgers"))) for folder in folders]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0] * 6
    entries = open_ledger(str(tmp_path / "ledgers"), "richpanel").entries()
    assert [(entry.number, entry.kind) for entry in entries] == [(number, "seal") for number in range(1, 7)]
    assert all(verify_bundle(folder, Terms(NOW)).valid for folder in folders)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes.md", b"write to jane.doe@acme-mail.com", "notes.md at byte 9: email"),
        ("strange.exe", b"MZ\x90\x00", "strange.exe"),
        ("broken.png", b"\x89PNG\r\n\x1a\n", "broken.png"),
        ("secret.log", b"hunter2-hunter2-hunter2", "secret.log"),
    ],
)
def test_nothing_is_sealed_on_a_finding(unsealed: Path, tmp_path: Path, name: str, content: bytes, words: str) -> None:
    from gonogo.evidence.scan.finding import Needle

    folder = copy_bundle(unsealed, tmp_path / "run")
    (folder / name).write_bytes(content)

    with pytest.raises(SealError) as caught:
        seal_folder(folder, KEY, ScanTerms([Needle("password", "hunter2-hunter2-hunter2")]), ledger=None, now=NOW)

    assert words in caught.value.message
    assert "jane" not in caught.value.message
    assert not (folder / STATEMENT).exists()
    assert not (folder / MANIFEST).exists()


def test_a_link_in_the_folder_stops_the_sealing(unsealed: Path, tmp_path: Path) -> None:
    folder = copy_bundle(unsealed, tmp_path / "run")
    (folder / "linked.txt").symlink_to("/etc/hostname")

    with pytest.raises(SealError, match="symbolic link"):
        seal_folder(folder, KEY, ScanTerms(), ledger=None, now=NOW)


def test_what_a_scanner_fault_does(unsealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copy_bundle(unsealed, tmp_path / "run")
    from gonogo.evidence.scan import scanner

    def broken(*args: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(scanner, "_scan_path", broken)

    with pytest.raises(SealError):
        seal_folder(folder, KEY, ScanTerms(), ledger=None, now=NOW)
    assert not (folder / STATEMENT).exists()


def test_the_statement_is_what_in_toto_reads(unsealed: Path, tmp_path: Path) -> None:
    from google.protobuf import json_format
    from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement
    from securesystemslib.dsse import Envelope as OtherEnvelope
    from securesystemslib.signer import SSlibKey

    folder = copy_bundle(unsealed, tmp_path / "run")
    seal_folder(folder, KEY, ScanTerms(), ledger=None, now=NOW)

    envelope = OtherEnvelope.from_dict(json.loads((folder / STATEMENT).read_bytes()))
    public = KEY.public
    key = SSlibKey(public.keyid, "ed25519", "ed25519", {"public": public.raw.hex()})
    assert list(envelope.verify([key], 1)) == [public.keyid]

    found = Statement.copy_from_pb(json_format.ParseDict(json.loads(envelope.payload), statement_pb2.Statement()))
    found.validate()
    predicate = json.loads(envelope.payload)["predicate"]
    result = json_format.ParseDict(predicate, test_result_pb2.TestResult(), ignore_unknown_fields=True)
    assert result.result == "PASSED"
    assert "ST-001/intent" in result.passed_tests
    assert not result.failed_tests


def test_a_ledger_cut_off_at_its_end_contradicts_the_bundles(
    unsealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gonogo.cli.history import history
    from gonogo.errors import LedgerError

    (tmp_path / "smoke_cases" / "richpanel").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    evidence = tmp_path / "evidence"
    ledger = open_ledger(str(evidence), "richpanel")
    for name in ("first", "second", "third"):
        folder = copy_bundle(unsealed, evidence / "richpanel" / name)
        seal_folder(folder, KEY, ScanTerms(), ledger=ledger, now=NOW)
    show = {"stage": None, "env": None, "release": None, "limit": None, "head": None, "format_": "text"}
    history("richpanel", **show)
    assert "3 of 3 entries" in capsys.readouterr().out

    # Entry 3 was seen by nobody; without entry 2 the chain still holds, and the third bundle says otherwise.
    for number in (3, 2):
        (evidence / "richpanel" / "ledger" / f"{number:08d}.json").unlink()

    with pytest.raises(LedgerError, match="lacks entry 2 as the bundle third saw it"):
        history("richpanel", **show)
