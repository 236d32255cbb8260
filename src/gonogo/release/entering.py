"""The steps by which a held environment is brought into a stage, and back towards safe where that fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gonogo.errors import (
    EXIT_GO,
    EXIT_HOLD,
    EXIT_INTERRUPTED,
    EXIT_NO_GO,
    EXIT_UNREACHABLE,
    GonogoError,
    LockError,
    TargetError,
)
from gonogo.evidence.ledger.entries import format_time
from gonogo.evidence.record import Stream
from gonogo.model.flags import FlagValue, flag_group
from gonogo.model.http_interface import HttpInterface
from gonogo.model.outcome import Outcome, Verdict
from gonogo.model.plan import Stage
from gonogo.model.vocabulary import Vocabulary
from gonogo.release.flag_steps import FlagStep, plan_steps
from gonogo.release.stored_flags import flags_json
from gonogo.release.switch import Switch
from gonogo.run.flagboard import FlagBoard, FlagConsentError
from gonogo.run.flagjournal import FlagJournal, flag_json
from gonogo.run.hold import EnvironmentHold
from gonogo.run.recovery import BANNER, Settlement, leftover_lines, settle_changes
from gonogo.run.runplan import proven_flags
from gonogo.run.tenure import differences, undisturbed

Show = Callable[[str], None]


class _Unproven(Exception):
    """A flag whose effect was not shown."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of entering: what the ledger was told, under which number, and what people are told."""

    entered: bool
    told: dict[str, Any]
    number: int | None
    exit_code: int
    lines: tuple[str, ...]
    banner: tuple[str, ...]


@dataclass
class _Notes:
    """Stands in for a run's records: an advance keeps its own in the ledger."""

    entries: list[dict[str, Any]] = field(default_factory=list)

    def record(self, stream: Stream, payload: Mapping[str, Any]) -> None:
        if stream is Stream.FLAGS:
            self.entries.append({**payload, "at": format_time(datetime.now(UTC))})


class Entering:
    """One stage being entered in one environment, which is held."""

    def __init__(
        self,
        stage: Stage,
        vocabulary: Vocabulary,
        interface: HttpInterface,
        switch: Switch,
        hold: EnvironmentHold,
        advance_id: str,
        command: str,
        show: Show,
    ) -> None:
        self._stage = stage
        self._wanted = stage.flag_state(vocabulary)
        self._groups = proven_flags(interface)
        self._switch = switch
        self._hold = hold
        self._id = advance_id
        self._command = command
        self._show = show
        self._notes = _Notes()
        self._journal = FlagJournal(hold, advance_id)
        recorder: Any = self._notes
        environment = switch.environment.model_copy(update={"probe": switch.probe})
        self._board = FlagBoard(switch.target, environment, recorder, switch.new_message, True, journal=self._journal)
        self._proofs: dict[str, Verdict] = {}
        self._before: dict[str, FlagValue] = {}
        self._lines: list[str] = []

    def enter(self, record: Callable[[Mapping[str, Any]], int]) -> Entry:
        """Apply, prove and record the stage's flags; what cannot be proven is moved back towards safe.

        `record` enters what became of it in the ledger. Nothing is undone once another took the environment over.
        """
        try:
            self._settle_earlier()
            self._before = self._board.read_store()
            self._apply()
            told, number = self._finish(record)
        except LockError as error:
            return self._overtaken(error)
        except (KeyboardInterrupt, _Unproven, FlagConsentError, GonogoError) as error:
            with undisturbed():
                return self._move_back(error, record)
        except Exception:
            # A defect of ours is no reason to leave replies going out.
            with undisturbed(), suppress(GonogoError):
                self._return_all()
            raise
        return Entry(True, told, number, EXIT_GO, self._all_lines(), ())

    def _tell(self, text: str) -> None:
        self._lines.append(text)
        self._show(text)

    def _settle_earlier(self) -> None:
        settlement = settle_changes(self._switch.target, self._hold, self._note)
        for text in (*settlement.told, *map(str, settlement.left)):
            self._tell(f"from an earlier run: {text}")

    def _note(self, entry: Mapping[str, Any]) -> None:
        self._notes.record(Stream.FLAGS, entry)

    def _apply(self) -> None:
        steps = plan_steps(self._before, self._wanted, self._stage.flag_order)
        narrowing = [step for step in steps if not step.widens]
        widening = [step for step in steps if step.widens]
        self._write(narrowing)
        if narrowing and widening:
            # A worker may cache each flag by itself: what limits must be at work before anything is let out.
            state = {**self._before, **{step.flag: step.new for step in narrowing}}
            changed = {flag_group(step.flag) for step in narrowing}
            groups = tuple(group for group in self._groups if group in changed)
            if groups:
                self._prove(state, groups)
        self._write(widening)
        self._prove(self._wanted, self._groups)

    def _write(self, steps: Iterable[FlagStep]) -> None:
        for step in steps:
            self._tell(str(step))
            self._board.write(step.flag, step.old, step.new, f"stage {self._stage.id}")

    def _prove(self, state: Mapping[str, FlagValue], groups: tuple[str, ...]) -> None:
        self._show(f"proving by effect: {', '.join(groups)}")
        self._proofs = self._board.prove(state, groups)
        bad = {group: one for group, one in self._proofs.items() if one.outcome is not Outcome.PASSED}
        if bad:
            raise _Unproven("; ".join(f"{group}: {'; '.join(one.reasons)}" for group, one in bad.items()))

    def _finish(self, record: Callable[[Mapping[str, Any]], int]) -> tuple[dict[str, Any], int]:
        wrong = differences(self._board.read_store(), self._wanted)
        if wrong:
            raise FlagConsentError(f"somebody changed flags meanwhile: {'; '.join(wrong)}")
        self._hold.check()
        told = self._told(entered=True)
        # Between the two a signal would have the flags returned, and the ledger say that they are in place.
        with undisturbed():
            number = record(told)
            self._journal.keep(f"advance {self._id} entered stage {self._stage.id}")
        for group, verdict in self._proofs.items():
            self._lines.append(f"proven  {group}: {verdict.observed}")
        return told, number

    def _told(self, *, entered: bool, reason: str = "", left: Settlement | None = None) -> dict[str, Any]:
        try:
            after: dict[str, FlagValue] | str = self._board.read_store()
        except TargetError as error:
            after = error.message
        return {
            "entered": entered,
            "reason": reason,
            "flags": {"before": flags_json(self._before), "after": flags_json(after)},
            "steps": self._notes.entries,
            "proofs": [
                {
                    "flag": group,
                    "outcome": one.outcome.name,
                    "reasons": list(one.reasons),
                    "expected": one.expected,
                    "observed": one.observed,
                }
                for group, one in self._proofs.items()
            ],
            "time_to_safe": [
                {"flag": one.flag, "value": flag_json(one.value), "seconds": one.seconds, "seen": one.seen}
                for one in self._board.times_to_safe
            ],
            "left": [str(one) for one in left.left] if left is not None else [],
        }

    def _overtaken(self, error: LockError) -> Entry:
        text = f"nothing was undone: {error.message}"
        self._tell(text)
        told = self._told(entered=False, reason=text)
        return Entry(False, told, None, EXIT_HOLD, self._all_lines(), (f"STOPPED: {text}",))

    def _move_back(self, error: BaseException, record: Callable[[Mapping[str, Any]], int]) -> Entry:
        """Write back towards safe what was let out, and tell what waits for a person."""
        reason = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        self._tell(f"NOT ENTERED: {reason}")
        try:
            settlement, troubles = self._return_all()
        except LockError as lost:
            return self._overtaken(lost)
        number = None
        told = self._told(entered=False, reason=reason, left=settlement)
        try:
            number = record(told)
        except GonogoError as failure:
            troubles.append(f"the ledger was not told: {failure.message}")
        banner = (*troubles, *leftover_lines(settlement.left, self._command))
        code = EXIT_HOLD
        if isinstance(error, KeyboardInterrupt):
            code = EXIT_INTERRUPTED
        elif isinstance(error, TargetError) and not banner:
            code = EXIT_UNREACHABLE
        elif any(one.outcome is Outcome.FAILED for one in self._proofs.values()):
            code = EXIT_NO_GO
        return Entry(False, told, number, code, self._all_lines(), banner)

    def _all_lines(self) -> tuple[str, ...]:
        return (*self._lines, *(f"time to safe  {one}" for one in self._board.times_to_safe))

    def _return_all(self) -> tuple[Settlement, list[str]]:
        started = time.monotonic()
        troubles: list[str] = []
        try:
            self._board.give_back(self._before, only_towards_safe=True)
        except GonogoError as error:
            if isinstance(error, LockError):
                raise
            troubles.append(f"{BANNER}: {error.message}")
        # Whatever the first pass could not do or did not know of is open in the journal.
        try:
            settlement = settle_changes(self._switch.target, self._hold, self._note)
        except GonogoError as error:
            if isinstance(error, LockError):
                raise
            return Settlement(), [*troubles, f"{BANNER}: nobody knows which: {error.message}"]
        for text in settlement.told:
            self._tell(text)
        self._show(f"moved back towards safe within {time.monotonic() - started:.1f} s")
        return settlement, troubles
