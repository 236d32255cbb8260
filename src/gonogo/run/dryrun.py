"""What a run would do: its messages, flag changes, duration and spend, and what the guard says of it.

Nothing is asked of the target, and nothing is sent.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from tempfile import TemporaryDirectory
from typing import Any

from gonogo.errors import GonogoError, RefusedError
from gonogo.evidence.keys import find_signing_key
from gonogo.evidence.ledger import ledger_location, open_ledger
from gonogo.evidence.ledger.lock import SKEW_SECONDS, read_holder
from gonogo.model.environment import Kind
from gonogo.run.estimate import Estimate, estimate_json, estimate_run
from gonogo.run.guarding import judge_run
from gonogo.run.readiness import RequireReady, require_stages_before
from gonogo.run.setup import RunRequest, RunSetup, load_setup, refuse_named
from gonogo.targets.guard import (
    CASE_NOT_ADMITTED,
    LOCK_HELD,
    PREVIOUS_STAGE,
    RELEASE_MISMATCH,
    Answer,
    RuleVerdict,
)

SCHEMA = "gonogo/dry-run/1"


@dataclass(frozen=True, slots=True)
class DryRun:
    """A run as it would be; `verdicts` are the guard's, one a rule."""

    setup: RunSetup
    estimate: Estimate
    verdicts: tuple[RuleVerdict, ...]

    @property
    def allowed(self) -> bool:
        """Return whether no rule refuses."""
        return all(verdict.answer is not Answer.REFUSES for verdict in self.verdicts)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        request = self.setup.request
        return {
            "schema": SCHEMA,
            "system": request.system,
            "stage": self.setup.stage.id,
            "environment": request.environment,
            "release": request.release,
            "allowed": self.allowed,
            **estimate_json(self.estimate, self.setup.environment),
            "not_tested": [{"case": one.id, "why": one.refused} for one in self.setup.plan.not_admitted],
            "guard": [{"rule": one.rule, "answer": one.answer.value, "text": one.text} for one in self.verdicts],
        }


def plan_dry_run(
    request: RunRequest,
    *,
    sandbox_options: Sequence[str] = (),
    pytest_args: Sequence[str] = (),
    key_name: str | None = None,
    require_ready: RequireReady | None = None,
    now: datetime,
) -> DryRun:
    """Return what a run would do; raises `SourceError` or `UsageError` as a run would, and asks the target nothing."""
    asked = replace(
        request,
        dry_run=True,
        forced=tuple(sandbox_options),
        pytest_args=tuple(pytest_args),
        signed=find_signing_key(key_name, os.environ) is not None,
    )
    with TemporaryDirectory(prefix="gonogo-dry-") as folder:
        # `--cases` is compiled somewhere; a run that does not happen leaves nothing behind.
        setup = load_setup(replace(asked, folder=folder), parse=False)
    estimate = estimate_run(setup.plan, setup.environment, setup.interface, setup.system.vocabulary)
    verdicts = (
        *judge_run(setup),
        _judge_named(setup),
        _judge_stages(setup, require_ready),
        _judge_lock(setup, now),
        _judge_release(setup),
    )
    return DryRun(setup, estimate, verdicts)


def _judge_named(setup: RunSetup) -> RuleVerdict:
    demands = "every case that is named is admitted"
    try:
        refuse_named(setup.plan, setup.request.pytest_args)
    except RefusedError as error:
        return _refused(CASE_NOT_ADMITTED, error)
    return RuleVerdict(CASE_NOT_ADMITTED, Answer.ALLOWS, demands)


def _judge_stages(setup: RunSetup, require_ready: RequireReady | None) -> RuleVerdict:
    demands = "the stages before are GO, approved and fresh"
    if setup.environment.kind is Kind.SANDBOX:
        return RuleVerdict(PREVIOUS_STAGE, Answer.NOT_ASKED, f"{demands}: not on kind sandbox")
    try:
        require_stages_before(setup, require_ready, None)
    except GonogoError as error:
        return _refused(PREVIOUS_STAGE, error)
    return RuleVerdict(PREVIOUS_STAGE, Answer.ALLOWS, demands)


def _judge_lock(setup: RunSetup, now: datetime) -> RuleVerdict:
    project, request = setup.project, setup.request
    if setup.environment.embedded is not None:
        return RuleVerdict(LOCK_HELD, Answer.NOT_ASKED, "nobody else is there: the run starts the sandbox itself")
    try:
        location = ledger_location(project.root, os.environ, project.ledger)
        holder = read_holder(open_ledger(location, request.system, for_reading=True).storage, request.environment)
    except GonogoError as error:
        return _refused(LOCK_HELD, error)
    if holder is None or (holder.expires is not None and now > holder.expires + timedelta(seconds=SKEW_SECONDS)):
        return RuleVerdict(LOCK_HELD, Answer.ALLOWS, "nobody else is at work there")
    return RuleVerdict(LOCK_HELD, Answer.REFUSES, f"{holder.owner} is at work there until {holder.expires}")


def _judge_release(setup: RunSetup) -> RuleVerdict:
    demands = "the release asked for is the one that is deployed"
    if setup.environment.kind is not Kind.PRODUCTION:
        return RuleVerdict(RELEASE_MISMATCH, Answer.NOT_ASKED, f"{demands}: compared by the run's checks")
    text = f"{demands}: read at the start of a run; 'gonogo doctor' reads it now"
    return RuleVerdict(RELEASE_MISMATCH, Answer.NOT_KNOWN, text)


def _refused(rule: str, error: GonogoError) -> RuleVerdict:
    text = error.message
    if text.startswith("["):
        rule, _, text = text[1:].partition("] ")
    return RuleVerdict(rule, Answer.REFUSES, text)
