"""The target of a load: its health, its build and flags before and after, and the stage that it stands at."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gonogo.errors import RefusedError, TargetError
from gonogo.evidence.canaries import canaries
from gonogo.evidence.record import Recorder, Stream
from gonogo.loadtest.messages import ticket_prefix
from gonogo.loadtest.request import LoadSetup
from gonogo.model.environment import Kind
from gonogo.model.flags import AUTOMATION, CHANNELS, SAFE_MODE, TIER2_CHANNELS, TIER2_TAGS, FlagValue, describe_value
from gonogo.model.outcome import InconclusiveReason, Outcome, Verdict
from gonogo.run.flagboard import FlagBoard
from gonogo.run.flagjournal import flag_json
from gonogo.targets.http import HttpTarget, Secrets
from gonogo.targets.interface import Message, NotAvailable

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_GROUPS = (CHANNELS, "template_enabled", SAFE_MODE, AUTOMATION)


class _NothingRecorded(Recorder):
    """Keeps nothing: a load reads thousands of answers back, and its own figures are its record."""

    def __init__(self) -> None:
        """Open no file."""

    def record(self, stream: Stream, payload: Mapping[str, Any]) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a target was at one moment: its build and its flags, None where it does not show them."""

    build: str | None
    flags: dict[str, FlagValue] | None

    def flags_json(self) -> dict[str, Any] | None:
        """Return the flags as JSON data."""
        return None if self.flags is None else {name: flag_json(value) for name, value in self.flags.items()}


def open_http_target(setup: LoadSetup, base_url: str, token_env: str | None) -> HttpTarget:
    """Return the target that a load is held against; raises `RefusedError` for a host that is not allowed."""
    token = setup.interface.token
    extra = {token.env: os.environ[token_env]} if token is not None and token_env is not None else {}
    return HttpTarget(setup.interface, setup.environment, base_url, Secrets.from_environ(extra), lambda _: None)


def check_health(target: HttpTarget, setup: LoadSetup) -> None:
    """Raise `TargetError` where the target does not answer, or says that it is not healthy."""
    if setup.interface.health is None:
        return
    health = target.check_health()
    if getattr(health, "value", False) is not True:
        shown = getattr(health, "reason", "its health is not ok")
        raise TargetError(f"the target is not healthy: {shown}", "Bring it up and run again.")


def read_standing(target: HttpTarget) -> Standing:
    """Return the build and the flags that a target shows now."""
    try:
        identity = target.read_identity()
        flags = target.read_flags()
    except TargetError:
        return Standing(None, None)
    build = None if isinstance(identity, NotAvailable) else identity.value.build
    if build is not None and not _PLAIN_NAME.fullmatch(build):
        build = "(not shown: no plain name)"
    return Standing(build, None if isinstance(flags, NotAvailable) else dict(flags.value))


def require_stage(target: HttpTarget, setup: LoadSetup) -> None:
    """Raise `RefusedError` where the flags are not those of the load's stage; kind sandbox is brought there instead."""
    if setup.environment.kind is Kind.SANDBOX:
        return
    flags = target.read_flags()
    if isinstance(flags, NotAvailable):
        # What the store does not show, a probe may.
        return
    wanted, current = setup.stage.flag_state(setup.system.vocabulary), flags.value
    differing = [name for name, value in wanted.items() if name in current and current[name] != value]
    if differing:
        shown = ", ".join(f"{name}={describe_value(current[name])}" for name in differing[:3])
        raise RefusedError(
            f"[stage-not-entered] the target is not at stage {setup.stage.id}: {shown}",
            f"Nothing was sent. Enter it with 'gonogo advance {setup.system.name} --stage {setup.stage.id}'.",
        )


def enter_stage(target: HttpTarget, setup: LoadSetup) -> Verdict:
    """Return whether the worker uses the flags of the load's stage, as a probe shows it; kind sandbox enters it."""
    wanted = setup.stage.flag_state(setup.system.vocabulary)
    board = FlagBoard(
        target,
        setup.environment,
        _NothingRecorded(),
        lambda name, channel, text: _probe(setup, name, channel, text),
        may_change=setup.environment.kind is Kind.SANDBOX,
    )
    if setup.environment.kind is Kind.SANDBOX:
        board.apply(wanted, f"stage {setup.stage.id}")
    verdicts = board.prove(wanted, _proven_groups(wanted))
    worst = max(verdicts.values(), key=lambda one: one.outcome)
    reasons = tuple(reason for one in verdicts.values() for reason in one.reasons)
    return Verdict(worst.outcome, reasons, f"the flags of stage {setup.stage.id}, proven by a probe", worst.observed)


def _proven_groups(wanted: Mapping[str, FlagValue]) -> tuple[str, ...]:
    return (*(name for name in (TIER2_CHANNELS, TIER2_TAGS) if wanted.get(name) is not None), *_GROUPS)


def _probe(setup: LoadSetup, name: str, channel: str, text: str) -> Message:
    run = setup.request.run_id
    ticket = f"{ticket_prefix(run)}{name}"
    return Message(ticket, f"{ticket}-1-{canaries(run).word}", channel, text, name, run)


def compare_standing(before: Standing, after: Standing, entered: Verdict, release: str | None) -> Verdict:
    """Return whether the target was one and the same all along, and at its stage."""
    expected = "one build, and the flags of the stage, before and after"
    reasons: list[str] = []
    mark = InconclusiveReason.TARGET_CHANGED.value
    if before.build is None or after.build is None:
        reasons.append(f"{InconclusiveReason.NOT_OBSERVABLE.value}: the target shows no build")
    elif before.build != after.build:
        reasons.append(f"{mark}: build was {before.build} and is {after.build}")
    elif release is not None and release != after.build:
        reasons.append(f"{mark}: the target runs {after.build}, and the release to verify is {release}")
    if before.flags is None or after.flags is None:
        reasons.append(f"{InconclusiveReason.NOT_OBSERVABLE.value}: the target shows no flags")
    elif before.flags != after.flags:
        names = sorted(n for n in {*before.flags, *after.flags} if before.flags.get(n) != after.flags.get(n))
        reasons.append(f"{mark}: {', '.join(names)} changed during the load")
    outcome = max(entered.outcome, Outcome.INCONCLUSIVE if reasons else Outcome.PASSED)
    return Verdict(outcome, (*entered.reasons, *reasons) if outcome else (), expected, after.build or "")
