"""Locks with a lease, in a folder and on S3: contenders, expiry, pre-emption, renewal after a loss."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from ledger_setup import BUCKET, NOW, s3_emulator

from gonogo.errors import LedgerError, LockError, UsageError
from gonogo.evidence.ledger.lock import SKEW_SECONDS, Lock, acquire_lock
from gonogo.evidence.ledger.storage import FolderStorage, Storage, open_storage

LEASE = 60.0


@pytest.fixture(scope="module")
def emulator() -> Iterator[dict[str, str]]:
    with s3_emulator() as environ:
        yield environ


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    if request.param == "folder":
        return FolderStorage(tmp_path)
    for name, value in request.getfixturevalue("emulator").items():
        monkeypatch.setenv(name, value)
    return open_storage(f"s3://{BUCKET}/{tmp_path.name}")


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def take(storage: Storage, owner: str, at: float = 0, *, preempt: bool = False) -> Lock:
    return acquire_lock(storage, "staging", owner, LEASE, later(at), preempt=preempt)


def test_one_holds_and_the_other_is_told_who_and_until_when(storage: Storage) -> None:
    held = take(storage, "ana")
    with pytest.raises(LockError, match=r"staging is locked by ana until 2026-11-21T05:04:05\.000Z") as caught:
        take(storage, "ben", 10)
    assert caught.value.exit_code == 2
    held.check(later(59))
    held.release(later(20))
    take(storage, "ben", 20).check(later(30))


def test_environments_do_not_lock_each_other(storage: Storage) -> None:
    for name in ("staging", "staging.eu", "production"):
        acquire_lock(storage, name, "ana", LEASE, NOW)
    with pytest.raises(LockError, match="staging is locked by ana"):
        take(storage, "ben")


def test_a_lease_ends_for_its_holder_before_another_may_take_it(storage: Storage) -> None:
    held = take(storage, "ana")
    with pytest.raises(LockError, match="lease on staging ended"):
        held.check(later(LEASE))
    with pytest.raises(LockError, match="locked by ana"):
        take(storage, "ben", LEASE + SKEW_SECONDS - 1)
    take(storage, "ben", LEASE + SKEW_SECONDS)


def test_a_renewed_lease_lasts_longer(storage: Storage) -> None:
    held = take(storage, "ana")
    held.renew(later(50))
    held.check(later(100))
    with pytest.raises(LockError, match="locked by ana"):
        take(storage, "ben", 130)


def test_a_rollback_preempts_and_the_holder_may_change_nothing_more(storage: Storage) -> None:
    held = take(storage, "ana")
    rollback = take(storage, "rollback", 5, preempt=True)
    for act in (held.renew, held.release, held.check):
        with pytest.raises(LockError, match="no longer held by ana: rollback has it"):
            act(later(6))
    rollback.check(later(6))
    rollback.release(later(7))
    with pytest.raises(LockError, match="no longer held by ana: another took it"):
        held.renew(later(8))


def test_who_lost_an_expired_lock_cannot_renew_or_release_it(storage: Storage) -> None:
    lost = take(storage, "ana")
    held = take(storage, "ben", 1000)
    for act in (lost.renew, lost.release):
        with pytest.raises(LockError, match="ben has it"):
            act(later(1001))
    held.check(later(1001))


def test_an_expired_lock_that_nobody_took_can_be_renewed(storage: Storage) -> None:
    held = take(storage, "ana")
    held.renew(later(1000))
    held.check(later(1001))


def test_a_released_lock_is_over(storage: Storage) -> None:
    held = take(storage, "ana")
    held.release(later(1))
    for act in (held.renew, held.release, held.check):
        with pytest.raises(LockError, match="released already"):
            act(later(2))


@pytest.mark.parametrize("expired", [False, True])
def test_of_contenders_at_once_one_wins(storage: Storage, expired: bool) -> None:
    """Also where the lock has to be taken over: taking over is exclusive itself."""
    if expired:
        take(storage, "gone", -1000)
    winners, refused = [], []
    barrier = threading.Barrier(6)

    def contend(owner: str) -> None:
        barrier.wait()
        try:
            winners.append(take(storage, owner))
        except LockError as error:
            refused.append(error.message)

    threads = [threading.Thread(target=contend, args=(f"owner-{index}",)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(winners) == 1
    assert len(refused) == 5
    assert all(f"locked by {winners[0].owner}" in text for text in refused)
    winners[0].check(later(1))


def test_a_holder_that_slept_while_many_took_the_lock_does_not_take_it_back(storage: Storage) -> None:
    """Old generations are removed, so a late writer can create one anew: it is not the latest, and does not count."""
    slept = take(storage, "slept")
    for index in range(25):
        take(storage, f"other-{index}", 1, preempt=True)
    assert len(storage.names("locks")) < 20
    assert f"staging.{slept.generation + 1:08d}.json" not in storage.names("locks")
    assert not slept._write(slept.generation, later(2), held=True)
    with pytest.raises(LockError, match="locked by other-24"):
        take(storage, "next", 3)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"schema":"gonogo/lock/v1","owner":"a","held":1,"expires":"x"}'])
def test_a_lock_that_cannot_be_read_is_not_free_but_can_be_preempted(storage: Storage, data: bytes) -> None:
    storage.create("locks/staging.00000001.json", data)
    with pytest.raises(LedgerError, match="nobody knows whether it is held"):
        take(storage, "ana")
    take(storage, "rollback", preempt=True).check(later(1))


def test_leases_and_names_that_make_no_lock(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    with pytest.raises(UsageError, match="cannot name a place"):
        acquire_lock(storage, "../staging", "ana", LEASE, NOW)
    for lease, skew in ((0, 0), (-1, 0), (10, -5)):
        with pytest.raises(LockError, match="locks nothing"):
            acquire_lock(storage, "staging", "ana", lease, NOW, skew_seconds=skew)
    with pytest.raises(LedgerError, match="no time zone"):
        acquire_lock(storage, "staging", "ana", LEASE, datetime(2026, 11, 21))
    assert storage.names("locks") == []
