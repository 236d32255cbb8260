"""What is returned by itself, what waits for a person, and what is not ours any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.errors import LockError, TargetError
from gonogo.evidence.ledger.book import Ledger, open_ledger
from gonogo.evidence.ledger.journal import ChangeState, FlagChange
from gonogo.evidence.ledger.lock import acquire_lock
from gonogo.model.flags import FlagValue, is_towards_safe
from gonogo.run.flagjournal import FlagJournal, flag_from_json
from gonogo.run.hold import EnvironmentHold, hold_environment
from gonogo.run.recovery import leftover_lines, plan_returns, return_command, settle_changes
from gonogo.targets.interface import NotAvailable, Observed


class Store:
    """A flag store whose writes can fail, and between whose reads somebody else writes."""

    def __init__(self, **flags: FlagValue) -> None:
        self.flags = dict(flags)
        self.refused: set[str] = set()
        self.writes: list[tuple[str, FlagValue]] = []
        self.readable = True
        self.on_write: Any = lambda: None

    def read_flags(self) -> Observed[dict[str, FlagValue]] | NotAvailable:
        return Observed(dict(self.flags), 0.0, "store") if self.readable else NotAvailable("gone", broken=True)

    def set_flag(self, name: str, value: FlagValue) -> None:
        self.writes.append((name, value))
        if name in self.refused:
            raise TargetError("refused")
        self.flags[name] = value
        self.on_write()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return open_ledger(str(tmp_path), "richpanel")


@pytest.fixture
def hold(ledger: Ledger) -> Iterator[EnvironmentHold]:
    with hold_environment(ledger, "staging", "run r2") as held:
        yield held


def write(hold: EnvironmentHold, store: Store, name: str, value: FlagValue, run: str = "r1") -> None:
    """Change a flag as a run does that then dies."""
    journal = FlagJournal(hold, run)
    journal.intend(name, store.flags[name], value)
    store.set_flag(name, value)
    journal.wrote(name, value)


def settle(store: Store, hold: EnvironmentHold, **options: bool) -> Any:
    target: Any = store
    store.writes.clear()
    return settle_changes(target, hold, lambda _: None, **options)


def test_what_was_opened_is_closed_again_and_what_was_closed_stays(hold: EnvironmentHold) -> None:
    store = Store(safe_mode=True, automation_enabled=True)
    write(hold, store, "safe_mode", False)
    write(hold, store, "automation_enabled", False)
    settlement = settle(store, hold)
    assert store.flags == {"safe_mode": True, "automation_enabled": False}
    assert settlement.told == ("safe_mode returned from false to true",)
    (left,) = settlement.left
    assert (left.flag, left.now, left.back, left.run, left.failed) == ("automation_enabled", False, True, "r1", False)
    assert [one.flag for one in hold.journal.open_changes()] == ["automation_enabled"]
    assert settle(store, hold).left == (left,), "told at every start until a person decides"
    lines = leftover_lines(settlement.left, return_command("richpanel", "staging"))
    assert "automation_enabled stays false, before r1 it was true" in lines[0]
    assert "gonogo restore richpanel --env staging --confirm" in lines[1]
    assert "automation_enabled=true" in lines[2]


def test_a_person_who_confirms_returns_it(hold: EnvironmentHold) -> None:
    store = Store(safe_mode=False, automation_enabled=True)
    write(hold, store, "safe_mode", True)
    write(hold, store, "automation_enabled", False)
    settlement = settle(store, hold, only_towards_safe=False)
    assert store.flags == {"safe_mode": False, "automation_enabled": True}
    assert not settlement.left
    assert hold.journal.open_changes() == ()


def test_what_somebody_wrote_since_is_left_and_forgotten(hold: EnvironmentHold) -> None:
    store = Store(automation_enabled_channels=("livechat",))
    write(hold, store, "automation_enabled_channels", ("livechat", "email"))
    store.flags["automation_enabled_channels"] = ("livechat", "social")
    settlement = settle(store, hold)
    assert store.writes == []
    assert "somebody changed it since" in settlement.told[0]
    assert hold.journal.open_changes() == ()


def test_a_rollback_voids_what_was_to_be_returned(hold: EnvironmentHold) -> None:
    store = Store(safe_mode=False, automation_enabled=True)
    write(hold, store, "automation_enabled", False)
    hold.journal.void("rollback A", "b1", datetime.now(UTC))
    assert settle(store, hold, only_towards_safe=False).left == ()
    assert store.writes == []


def test_the_later_of_two_dead_runs_is_undone_first(hold: EnvironmentHold) -> None:
    store = Store(safe_mode=True)
    write(hold, store, "safe_mode", False, "r1")
    write(hold, store, "safe_mode", True, "r2")
    assert settle(store, hold).left == ()
    assert store.writes == [], "before both of them it was what it is"
    assert hold.journal.open_changes() == ()


def test_what_is_again_as_before_all_of_them_goes_back_where_one_found_it_safer(hold: EnvironmentHold) -> None:
    store = Store(automation_enabled=True)
    write(hold, store, "automation_enabled", False, "r1")
    write(hold, store, "automation_enabled", True, "r2")
    assert [one.run for one in settle(store, hold).left] == ["r1"]
    assert store.flags["automation_enabled"] is False


def test_no_further_than_what_is_safe_by_itself(hold: EnvironmentHold) -> None:
    store = Store(automation_enabled=True)
    write(hold, store, "automation_enabled", False, "r1")
    write(hold, store, "automation_enabled", True, "r2")
    write(hold, store, "automation_enabled", False, "r3")
    settlement = settle(store, hold)
    assert store.writes == []
    assert [(one.run, one.back) for one in settlement.left] == [("r3", True)]


def test_one_that_cannot_be_written_keeps_no_other_from_it(hold: EnvironmentHold) -> None:
    store = Store(safe_mode=True, automation_enabled=False)
    write(hold, store, "safe_mode", False)
    write(hold, store, "automation_enabled", True)
    store.refused = {"safe_mode"}
    settlement = settle(store, hold)
    assert store.flags == {"safe_mode": False, "automation_enabled": False}
    assert settlement.failed
    assert [str(one) for one in settlement.left] == [
        "FLAGS LEFT: safe_mode stays false, before r1 it was true: it could not be written: refused"
    ]
    store.refused = set()
    assert not settle(store, hold).failed
    assert store.flags["safe_mode"] is True


def test_flags_that_cannot_be_read_are_left_and_named(hold: EnvironmentHold) -> None:
    store = Store(safe_mode=True)
    write(hold, store, "safe_mode", False)
    store.readable = False
    settlement = settle(store, hold)
    assert settlement.failed
    assert "safe_mode cannot be read" in str(settlement.left[0])
    assert store.writes == []


def test_a_rollback_in_the_middle_is_not_undone(hold: EnvironmentHold, ledger: Ledger) -> None:
    store = Store(safe_mode=False, automation_enabled=True)
    write(hold, store, "safe_mode", True)
    write(hold, store, "automation_enabled", False)

    def roll_back() -> None:
        store.on_write = lambda: None
        acquire_lock(ledger.storage, "staging", "rollback b1", 30, datetime.now(UTC), preempt=True)

    store.on_write = roll_back
    with pytest.raises(LockError, match="rollback b1 has it"):
        settle(store, hold, only_towards_safe=False)
    assert store.flags == {"safe_mode": True, "automation_enabled": False}, "the write that came too late is taken back"


values: Any = st.one_of(st.booleans(), st.just("absent"))
chains = st.lists(st.tuples(values, values), min_size=1, max_size=4)


@given(st.sampled_from(["safe_mode", "automation_enabled", "template_enabled.t_a", "other"]), chains, values)
def test_by_itself_nothing_is_ever_moved_away_from_safe(flag: str, chain: list[tuple[Any, Any]], now: Any) -> None:
    changes = [
        FlagChange(flag, old, new, f"r{index}", "", ChangeState.WRITTEN, (new,))
        for index, (old, new) in enumerate(chain)
    ]
    current = {} if now == "absent" else {flag: now}
    (one,) = plan_returns(changes, current, only_towards_safe=True)
    assert one.now == flag_from_json(now)
    assert one.back == one.now or is_towards_safe(flag, one.now, one.back)
    assert len(one.ended) + len(one.foreign) + len(one.waiting) == len(changes)
    if all(now not in (old, new) for old, new in chain):
        assert one.back == one.now, "it holds what none of them wrote"
