"""What people answered for the manual items of a run, read from the ledger when the first of them is judged."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from gonogo.errors import GonogoError
from gonogo.evidence.attachments import attachments_folder
from gonogo.evidence.attestations import read_attestations
from gonogo.evidence.ledger import ledger_location, open_ledger
from gonogo.evidence.trust import Trust, find_root, load_trust
from gonogo.model.attestation import Attestation, judge_attestation
from gonogo.model.outcome import Outcome, Verdict
from gonogo.sources.project import Project, System


def project_trust(project: Project, now: datetime) -> Trust | None:
    """Return the project's trust file, or None where there is none: then records are not signed."""
    path = project.root / "trust.yaml"
    if not path.is_file():
        return None
    return load_trust(path, now=now, root=find_root(None, os.environ, project.trust_root))


def read_project_attestations(
    project: Project, system: str, trust: Trust | None, now: datetime
) -> tuple[Attestation, ...]:
    """Return all attestations of a system, oldest first."""
    ledger = open_ledger(ledger_location(project.root, os.environ, project.ledger), system, for_reading=True)
    return read_attestations(ledger.entries(), attachments_folder(project.root, system), trust, now)


class AttestationBoard:
    """Judges manual items; `releases` gives the names of what runs, once it is known."""

    def __init__(
        self, project: Project, system: System, environment: str, releases: Callable[[], Collection[str]]
    ) -> None:
        self._project = project
        self._system = system
        self._environment = environment
        self._releases = releases
        self._items = {item.id: item for one in system.checklists.values() for item in one.items}
        self._read: tuple[Trust | None, tuple[Attestation, ...]] | None = None

    def judge(self, item: str) -> Verdict:
        """Return what the attestations of an item come to; records that cannot be read are an ERROR."""
        now = datetime.now(UTC)
        try:
            if self._read is None:
                trust = project_trust(self._project, now)
                self._read = trust, read_project_attestations(self._project, self._system.name, trust, now)
        except GonogoError as error:
            return Verdict(Outcome.ERROR, (f"the attestations cannot be read: {error.message}",))
        trust, records = self._read
        return judge_attestation(
            self._items[item],
            records,
            releases=self._releases(),
            environment=self._environment,
            needs_signature=trust is not None,
            now=now,
        )
