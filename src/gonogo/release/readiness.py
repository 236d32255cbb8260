"""Whether the ladder lets a run begin, and who plays which part in it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from gonogo.errors import RefusedError
from gonogo.evidence.keys import find_signing_key
from gonogo.evidence.ledger import ledger_location, open_ledger
from gonogo.model.environment import Kind
from gonogo.model.trust import fold_name
from gonogo.release.climb import Ladder
from gonogo.release.crew import parse_assignments, write_crew
from gonogo.release.ladder import counts_on_ladder, read_ladder, require_ready
from gonogo.release.standing import Rule
from gonogo.run.attested import project_trust
from gonogo.run.setup import RunSetup
from gonogo.sources.crew_file import CREW_FILE, require_crew


def require_ready_stage(
    setup: RunSetup,
    build: str | None,
    *,
    given: Sequence[str] = (),
    key_name: str | None = None,
    write: bool = True,
) -> None:
    """Raise `RefusedError` where staging or production is not ready for the stage of a run; enter who plays which part.

    `build` is the build that runs there, None where nobody looked. `given` are assignments like `observer=Ana
    Ferreira`, which beat those of roles.yaml; once nothing else is refused they are entered in the ledger, unless not
    to `write`.
    """
    request, roles = setup.request, setup.system.plan.roles
    crew = parse_assignments(given, roles)
    kind = setup.environment.kind
    on_ladder = counts_on_ladder(setup.stage, request.environment, kind)
    if kind is Kind.SANDBOX or (kind is not Kind.PRODUCTION and not on_ladder):
        # Where the stage does not count it is only tried.
        return
    path = setup.project.sources_of(setup.system.name) / CREW_FILE
    if path.is_file():
        listed = require_crew(path, setup.project.relative(path), setup.system.name, roles)
        crew = {**{role: people for role, people in listed.items() if role not in crew}, **crew}
    now = datetime.now(UTC)
    ladder = read_ladder(
        setup.project, setup.system, request.environment, request.release, now, build=build, assumed=crew
    )
    require_ready(ladder, setup.stage.id)
    if write:
        _enter(setup, ladder, crew, key_name, now)


def _enter(
    setup: RunSetup, ladder: Ladder, crew: Mapping[str, Sequence[str]], key_name: str | None, now: datetime
) -> None:
    """Enter the assignments that the ledger does not hold yet."""
    request = setup.request
    new = {role: [name for name in people if not _plays(ladder, role, name)] for role, people in crew.items()}
    if not any(new.values()):
        return
    if not request.release:
        raise RefusedError(
            f"[{Rule.ROLES.value}] roles are assigned for one release, and none is named",
            "Nothing was sent. Name it with --release.",
        )
    ledger = open_ledger(ledger_location(setup.project.root, os.environ, setup.project.ledger), setup.system.name)
    write_crew(
        ledger,
        new,
        project_trust(setup.project, now),
        find_signing_key(key_name, os.environ),
        now,
        system=setup.system.name,
        environment=request.environment,
        release=request.release,
    )


def _plays(ladder: Ladder, role: str, name: str) -> bool:
    return fold_name(name) in {fold_name(one) for one in ladder.recorded_roles.get(role, ())}
