"""A run's time in an environment: it is held, what an earlier run left is settled, and so is what this one leaves."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from gonogo.errors import LedgerError, LockError, RefusedError, TargetError
from gonogo.evidence.ledger.book import Ledger, open_ledger
from gonogo.evidence.ledger.location import ledger_location
from gonogo.evidence.record import Recorder, Stream
from gonogo.evidence.redact import Redactor
from gonogo.model.environment import Kind
from gonogo.model.flags import ABSENT, FlagState, FlagValue, describe_value
from gonogo.run.flagjournal import FlagJournal
from gonogo.run.hold import EnvironmentHold, Hold, JoinedHold, describe_owner, hold_environment
from gonogo.run.recovery import BANNER, Settlement, leftover_lines, return_command, settle_changes
from gonogo.run.redaction import build_redactor
from gonogo.run.setup import RunSetup
from gonogo.run.targets import open_target
from gonogo.targets.interface import NotAvailable

STAGE_NOT_ENTERED = "stage-not-entered"


@contextmanager
def hold_for_run(setup: RunSetup, ledger: Ledger) -> Iterator[EnvironmentHold | None]:
    """Hold a run's environment; None for an embedded sandbox, which nobody else can reach and which ends with the run.

    Raises `LockError` where another holds it.
    """
    if setup.environment.embedded is not None:
        yield None
        return
    request = setup.request
    with hold_environment(ledger, request.environment, describe_owner("run", request.run_id)) as hold:
        yield hold


def settle_before(setup: RunSetup, hold: Hold | None) -> list[str]:
    """Return what earlier runs left, towards safe only, and refuse an environment that is not in the stage's state.

    Returns sentences for the report. Raises `RefusedError` where flags wait for a person or the stage was never entered
    (kind sandbox is entered by the run itself), `LedgerError` where the journal cannot be read.
    """
    if hold is None:
        return []
    redactor = build_redactor(setup)
    recorder = Recorder(setup.folder, redactor)
    try:
        target = open_target(setup, recorder, redactor)
        try:
            settlement = settle_changes(target, hold, lambda entry: recorder.record(Stream.FLAGS, entry))
            if setup.environment.kind is not Kind.SANDBOX:
                _refuse_leftovers(setup, settlement)
                shown = target.read_flags()
                if not isinstance(shown, NotAvailable):
                    _refuse_other_state(setup, shown.value)
        finally:
            target.close()
    finally:
        recorder.close()
    return [redactor.text(f"from an earlier run: {text}") for text in (*settlement.told, *map(str, settlement.left))]


def _refuse_leftovers(setup: RunSetup, settlement: Settlement) -> None:
    if settlement.left:
        lines = leftover_lines(settlement.left, command_for(setup))
        raise RefusedError("\n".join(lines), "An earlier run left these flags. Nothing was sent.")


def _refuse_other_state(setup: RunSetup, current: FlagState) -> None:
    wrong = differences(current, setup.stage.flag_state(setup.system.vocabulary))
    if wrong:
        request = setup.request
        more = f" --environments {request.environments}" if request.environments else ""
        raise RefusedError(
            f"[{STAGE_NOT_ENTERED}] {request.environment} is not in the state of stage {setup.stage.id}: "
            + "; ".join(wrong),
            f"Nothing was sent. Enter the stage: gonogo advance {request.system} --stage {setup.stage.id} "
            f"--env {request.environment}{more} --allow-flag-changes",
        )


def differences(current: FlagState, wanted: FlagState) -> list[str]:
    """Return a sentence for every flag whose value in the store is not the wanted one.

    A flag that is missing from the store is as good as one without a restriction.
    """
    return [
        f"{name} is {describe_value(current.get(name, ABSENT))}, not {describe_value(value)}"
        for name, value in wanted.items()
        if current.get(name, ABSENT) != value and (name in current or not _is_nothing(value))
    ]


def _is_nothing(value: FlagValue) -> bool:
    return value is None or value is ABSENT


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What a run left behind, in sentences for the report; `troubled` says that it may not pass for a success."""

    told: tuple[str, ...] = ()
    troubled: bool = False


def settle_after(setup: RunSetup, hold: Hold | None) -> Aftermath:
    """Return what the run left, towards safe only; what another took over is left as it is. Raises nothing."""
    if hold is None:
        return Aftermath()
    redactor = build_redactor(setup)
    recorder = Recorder(setup.folder, redactor)
    try:
        hold.check()
        settlement = _settle_open(setup, hold, recorder, redactor)
    except LockError as error:
        return Aftermath((redactor.text(f"STOPPED, and nothing was undone: {error.message}"),), troubled=True)
    except (LedgerError, TargetError) as error:
        text = f"{BANNER}: nobody knows which, and nothing was returned: {error.message}"
        return Aftermath((redactor.text(text), f"{BANNER}: look later: {command_for(setup)}"), troubled=True)
    finally:
        recorder.close()
    lines = (*settlement.told, *leftover_lines(settlement.left, command_for(setup)))
    return Aftermath(tuple(map(redactor.text, lines)), bool(settlement.left))


def _settle_open(setup: RunSetup, hold: Hold, recorder: Recorder, redactor: Redactor) -> Settlement:
    if not hold.journal.open_changes():
        return Settlement()
    target = open_target(setup, recorder, redactor)
    try:
        return settle_changes(target, hold, lambda entry: recorder.record(Stream.FLAGS, entry))
    finally:
        target.close()


class ChildTenure:
    """What a pytest session has of it: the parent's hold where there is a parent, else one of its own.

    `journal` is None where nothing outlives the session. `told` is what a session without a parent has to tell.
    """

    def __init__(self, setup: RunSetup, hold: Hold | None, owned: ExitStack, told: list[str]) -> None:
        self.journal = FlagJournal(hold, setup.request.run_id) if hold is not None else None
        self.told = told
        self._setup = setup
        self._owned = owned

    @classmethod
    def begin(cls, setup: RunSetup) -> ChildTenure:
        """Join the parent's hold, or hold the environment and settle what was left there; raises as that does."""
        owned, request = ExitStack(), setup.request
        if setup.environment.embedded is not None:
            return cls(setup, None, owned, [])
        location = ledger_location(setup.project.root, os.environ, setup.project.ledger)
        if request.held_by is not None:
            # The parent has proven already that this storage creates exclusively.
            ledger = open_ledger(location, request.system, for_reading=True)
            return cls(setup, JoinedHold(ledger, request.environment, request.held_by), owned, [])
        with ExitStack() as stack:
            hold = stack.enter_context(hold_for_run(setup, open_ledger(location, request.system)))
            told = settle_before(setup, hold)
            owned = stack.pop_all()
        return cls(setup, hold, owned, told)

    def end(self) -> bool:
        """Settle what the session left and give up a hold of its own; return whether anything is left."""
        if self.journal is None or self._setup.request.held_by is not None:
            return False
        with self._owned:
            after = settle_after(self._setup, self.journal.hold)
        self.told = [*self.told, *after.told]
        return after.troubled


def command_for(setup: RunSetup) -> str:
    """Return the command that writes back what a run left."""
    request = setup.request
    return return_command(request.system, request.environment, request.environments)


@contextmanager
def interrupted_by_term() -> Iterator[None]:
    """Take a SIGTERM for an interrupt, so that what a person or a runner stops is left in order."""

    def interrupt(signum: int, frame: Any) -> None:
        del signum, frame
        raise KeyboardInterrupt

    previous = {name: signal.signal(name, interrupt) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for name, handler in previous.items():
            signal.signal(name, handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore further interrupts while flags are returned: a second one must not leave them half way."""
    previous = {name: signal.signal(name, signal.SIG_IGN) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for name, handler in previous.items():
            signal.signal(name, handler)
