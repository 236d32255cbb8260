"""What must hold on production before the first message, beyond what the plan of a run says by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from gonogo.errors import RefusedError
from gonogo.model.environment import Kind
from gonogo.model.outcome import Outcome
from gonogo.run.attested import AttestationBoard, project_trust
from gonogo.run.setup import RunSetup
from gonogo.targets.guard import PREVIOUS_STAGE, RELEASE_MISMATCH
from gonogo.targets.interface import Observed, Target

RequireReady = Callable[[RunSetup, str | None], None]
RELEASE_UNPROVEN = "release-unproven"


def require_stages_before(setup: RunSetup, require_ready: RequireReady | None, build: str | None) -> None:
    """Raise `RefusedError` where the stages before are not GO, approved and fresh, as `require_ready` knows.

    `build` is the build that runs there, None where nobody looked.
    """
    if require_ready is not None:
        require_ready(setup, build)
    elif setup.environment.kind is Kind.PRODUCTION:
        raise RefusedError(f"[{PREVIOUS_STAGE}] nobody looked at the stages before this one", "Nothing was sent.")


def require_release(setup: RunSetup, target: Target) -> str | None:
    """Return the build that runs there, where it is shown; raise `RefusedError` where production runs another release.

    A system that does not show what it runs needs the signed answer of a person: the manual item that its environment
    names as `identity_item`. Raises `TargetError` where the way there breaks.
    """
    request, environment = setup.request, setup.environment
    if environment.kind is Kind.SANDBOX:
        return None
    identity = target.read_identity()
    if environment.kind is not Kind.PRODUCTION:
        return identity.value.build if isinstance(identity, Observed) else None
    if isinstance(identity, Observed):
        shown = tuple(filter(None, (identity.value.build, identity.value.release)))
        if request.release not in shown:
            raise RefusedError(
                f"[{RELEASE_MISMATCH}] {request.environment} runs {' / '.join(shown)}, not {request.release}",
                "Nothing was sent. Deploy the release, or name the one that is deployed.",
            )
        return identity.value.build
    if identity.broken:
        raise RefusedError(f"[{RELEASE_UNPROVEN}] the build cannot be read: {identity.reason}", "Nothing was sent.")
    _require_attested(setup, identity.reason)
    return None


def _require_attested(setup: RunSetup, why: str) -> None:
    request, item = setup.request, setup.environment.identity_item
    items = {one.id for checklist in setup.system.checklists.values() for one in checklist.items}
    if item is None or item not in items:
        named = "names no identity_item" if item is None else f"names {item}, which no checklist holds"
        raise RefusedError(
            f"[{RELEASE_UNPROVEN}] nothing shows which release is deployed ({why}), and the environment {named}",
            "Nothing was sent. Name a manual item whose signed answer says what is deployed.",
        )
    if project_trust(setup.project, datetime.now(UTC)) is None:
        raise RefusedError(
            f"[{RELEASE_UNPROVEN}] {item} would have to be signed, and there is no trust.yaml", "Nothing was sent."
        )
    releases = frozenset(filter(None, (request.release,)))
    board = AttestationBoard(setup.project, setup.system, request.environment, lambda: releases)
    verdict = board.judge(item)
    if verdict.outcome is not Outcome.PASSED:
        reasons = "; ".join(verdict.reasons) or verdict.outcome.name
        raise RefusedError(
            f"[{RELEASE_UNPROVEN}] {item} does not say that {request.release} is deployed: {reasons}",
            f"Nothing was sent. gonogo attest {request.system} {item} --env {request.environment}",
        )
