"""Who holds an environment: renewed while it works, lost to a rollback at once, and seen by the child of a run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gonogo.errors import LedgerAccessError, LockError
from gonogo.evidence.ledger.book import Ledger, open_ledger
from gonogo.evidence.ledger.journal import ChangeState, Journal
from gonogo.evidence.ledger.lock import acquire_lock, read_holder
from gonogo.run.flagjournal import FlagJournal
from gonogo.run.hold import JoinedHold, describe_owner, hold_environment

OWNER = "run r1 (ana on lab)"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return open_ledger(str(tmp_path), "richpanel")


def now() -> datetime:
    return datetime.now(UTC)


def preempt(ledger: Ledger, owner: str = "rollback b1 (ben on lab)") -> None:
    """Take the lock as a rollback does and release it at once."""
    acquire_lock(ledger.storage, "staging", owner, 30, now(), preempt=True).release(now())


def test_the_second_is_told_who_holds_until_when_and_gets_it_afterwards(ledger: Ledger) -> None:
    with hold_environment(ledger, "staging", OWNER) as hold:
        hold.check()
        with (
            pytest.raises(LockError, match=r"staging is locked by run r1 \(ana on lab\) until 2\d{3}-.*Z"),
            hold_environment(ledger, "staging", "run r2"),
        ):
            pass
        with hold_environment(ledger, "production", "run r2"):
            hold.check()
    assert read_holder(ledger.storage, "staging") is None
    with hold_environment(ledger, "staging", "run r2") as hold:
        hold.check()


def test_it_is_released_after_an_exception_too(ledger: Ledger) -> None:
    with pytest.raises(ZeroDivisionError), hold_environment(ledger, "staging", OWNER):
        raise ZeroDivisionError
    assert read_holder(ledger.storage, "staging") is None


def test_the_lease_is_renewed_as_long_as_it_is_held(ledger: Ledger) -> None:
    with hold_environment(ledger, "staging", OWNER, lease_seconds=1.2) as hold:
        joined = JoinedHold(ledger, "staging", OWNER)
        until = time.monotonic() + 1.8
        while time.monotonic() < until:
            hold.check()
            joined.check()
            time.sleep(0.02)
        assert not hold.lost


def test_a_preempted_hold_is_lost_for_good_and_left_to_whose_it_is(ledger: Ledger) -> None:
    with hold_environment(ledger, "staging", OWNER, lease_seconds=3) as hold:
        joined = JoinedHold(ledger, "staging", OWNER)
        with hold_environment(ledger, "staging", "rollback b1", preempt=True) as taken:
            deadline = time.monotonic() + 5
            while not hold.lost and time.monotonic() < deadline:
                time.sleep(0.02)
            assert hold.lost, "noticed without anybody asking"
            for one in (hold, joined):
                with pytest.raises(LockError, match="rollback b1 has it"):
                    one.check()
            taken.check()
        for one in (hold, joined):
            with pytest.raises(LockError):
                one.check()
    assert read_holder(ledger.storage, "staging") is None


def test_a_preempted_holder_does_not_release_what_the_next_one_holds(ledger: Ledger) -> None:
    with hold_environment(ledger, "staging", OWNER), hold_environment(ledger, "staging", "b1", preempt=True) as taken:
        pass
    with hold_environment(ledger, "staging", OWNER) as first:
        lock = acquire_lock(ledger.storage, "staging", "b2", 30, now(), preempt=True)
        with pytest.raises(LockError):
            first.check()
    lock.check(now())
    assert taken.owner == "b1"


def test_a_child_does_not_trust_a_lease_that_nobody_renewed(ledger: Ledger) -> None:
    acquire_lock(ledger.storage, "staging", OWNER, 30, now())
    JoinedHold(ledger, "staging", OWNER).check()
    late = JoinedHold(ledger, "staging", OWNER, clock=lambda: now() + timedelta(seconds=31))
    with pytest.raises(LockError, match="nobody renewed it"):
        late.check()


def test_a_child_of_nobody_may_change_nothing(ledger: Ledger) -> None:
    with pytest.raises(LockError):
        JoinedHold(ledger, "staging", OWNER).check()


class _AwayStorage:
    """Storage whose answers stop coming: no folder does that on demand."""

    def __init__(self, ledger: Ledger) -> None:
        self._inner = ledger.storage
        self.location = ledger.storage.location
        self.away = False

    def __getattr__(self, name: str):  # type: ignore[no-untyped-def]
        if self.away:
            raise LedgerAccessError("the storage is away")
        return getattr(self._inner, name)


@pytest.fixture
def away(ledger: Ledger) -> Iterator[_AwayStorage]:
    storage = _AwayStorage(ledger)
    ledger.storage = storage  # type: ignore[assignment]
    yield storage
    storage.away = False


def test_storage_that_is_away_is_waited_for_until_the_lease_is_over(ledger: Ledger, away: _AwayStorage) -> None:
    with hold_environment(ledger, "staging", OWNER, lease_seconds=0.6) as hold:
        away.away = True
        with pytest.raises(LedgerAccessError):
            hold.check()
        assert not hold.lost
        deadline = time.monotonic() + 5
        while not hold.lost and time.monotonic() < deadline:
            time.sleep(0.02)
        with pytest.raises(LockError, match="the storage is away"):
            hold.check()


def test_without_the_ledger_a_flag_may_only_be_moved_towards_safe(ledger: Ledger, away: _AwayStorage) -> None:
    with hold_environment(ledger, "staging", OWNER) as hold:
        journal = FlagJournal(hold, "r1")
        away.away = True
        journal.intend("safe_mode", False, True)
        with pytest.raises(LedgerAccessError):
            journal.intend("safe_mode", True, False)
        away.away = False
        assert journal.hold.journal.open_changes() == ()


def test_once_overtaken_not_even_a_change_towards_safe_is_made(ledger: Ledger) -> None:
    with hold_environment(ledger, "staging", OWNER) as hold:
        journal = FlagJournal(hold, "r1")
        preempt(ledger)
        with pytest.raises(LockError):
            journal.intend("safe_mode", False, True)
        assert hold.journal.open_changes() == ()


def test_a_change_is_open_until_the_value_before_the_run_is_back(ledger: Ledger) -> None:
    with hold_environment(ledger, "staging", OWNER) as hold:
        journal = FlagJournal(hold, "r1")
        journal.intend("automation_enabled", True, False)
        journal.wrote("automation_enabled", False)
        journal.intend("automation_enabled", False, True)
        (change,) = Journal(ledger.storage, "staging").open_changes()
        assert (change.old, change.new, change.ours) == (True, True, (False, True))
        assert change.state is ChangeState.INTENDED
        journal.wrote("automation_enabled", True)
        assert Journal(ledger.storage, "staging").open_changes()[0].ours == (True,)
        journal.gave_back("automation_enabled", True)
        assert Journal(ledger.storage, "staging").open_changes() == ()


def test_what_is_kept_is_closed_by_one_record(ledger: Ledger) -> None:
    with hold_environment(ledger, "staging", OWNER) as hold:
        journal = FlagJournal(hold, "r1")
        for name in ("a", "b"):
            journal.intend(name, True, False)
        other = FlagJournal(hold, "r0")
        other.intend("c", True, False)
        journal.keep("the stage was entered")
        assert Journal(ledger.storage, "staging").open_changes() == ()
        preempt(ledger)
        with pytest.raises(LockError):
            journal.keep("again")


def test_an_owner_is_told_by_what_is_done_who_does_it_and_where() -> None:
    words = describe_owner("run", "20261121T080000Z-abc123")
    assert words.startswith("run 20261121T080000Z-abc123 (")
    assert " on " in words
