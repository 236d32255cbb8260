"""How a run is sealed: its key and ledger before anything is sent, its planned set signed, its folder at the end."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.evidence.bundle import digest_file
from gonogo.evidence.canaries import canaries
from gonogo.evidence.keys import KEY_VARIABLE, PASSPHRASE_VARIABLE, SigningKey, find_signing_key
from gonogo.evidence.ledger.book import Ledger, open_ledger
from gonogo.evidence.ledger.location import ledger_location
from gonogo.evidence.scan.finding import Needle
from gonogo.evidence.seal import UNSIGNED, ScanTerms, Seal, seal_folder, sign_planned
from gonogo.run.setup import RunSetup
from gonogo.sources.project import Project, System


@dataclass(frozen=True, slots=True)
class Sealer:
    """The key that signs a run, None for UNSIGNED, and the ledger that keeps it."""

    key: SigningKey | None
    ledger: Ledger

    @property
    def signer(self) -> str:
        """Return the keyid that signs, or UNSIGNED."""
        return self.key.public.keyid if self.key is not None else UNSIGNED

    def sign_plan(self, setup: RunSetup) -> None:
        """Sign the planned set and the digests of the files that it was made from."""
        request = setup.request
        facts = {
            "run": request.run_id,
            "system": request.system,
            "stage": request.stage,
            "environment": request.environment,
            "release": request.release,
        }
        others = [*setup.features, *(Path(one) for one in (request.cases, request.environments) if one)]
        self.sign_planned(setup.folder, facts, setup.project, others)

    def sign_planned(self, folder: Path, facts: Mapping[str, Any], project: Project, others: Sequence[Path]) -> None:
        """Sign the planned set in a folder with the digests of the system's files and of `others`; without a key none.

        `facts` are run, system, stage, environment and release.
        """
        if self.key is not None:
            sources = digest_sources(project, facts["system"], others)
            sign_planned(folder, facts, sources, self.key, datetime.now(UTC))

    def seal(self, setup: RunSetup) -> Seal:
        """Scan and seal the run's folder; raises `SealError` or `LedgerError`."""
        return self.seal_bundle(setup.folder, setup.system, setup.request.run_id, setup.request.token_env)

    def seal_bundle(self, folder: Path, system: System, bundle_id: str, token_env: str | None = None) -> Seal:
        """Scan and seal a folder; raises `SealError` or `LedgerError`."""
        terms = scan_terms(system, bundle_id, os.environ, token_env)
        return seal_folder(folder, self.key, terms, ledger=self.ledger, now=datetime.now(UTC))


def prepare_sealer(project: Project, system: str, key_name: str | None) -> Sealer:
    """Return what will seal a run; raises where a configured key or the ledger cannot be used."""
    key = find_signing_key(key_name, os.environ)
    return Sealer(key, open_ledger(ledger_location(project.root, os.environ, project.ledger), system))


def digest_sources(project: Project, system: str, others: Sequence[Path] = ()) -> dict[str, str]:
    """Return the SHA-256 of every source file of a system and of the other files, by path in the project."""
    paths = [path for path in project.sources_of(system).iterdir() if path.is_file()]
    paths += others
    return {project.relative(path): digest_file(path.resolve())[1] for path in sorted(set(paths))}


def scan_terms(system: System, run_id: str, environ: Mapping[str, str], token_env: str | None) -> ScanTerms:
    """Return what must not be in a run's bundle, and the strings of our own packs that may."""
    names = {one.token.env for one in system.environments.interfaces.values() if one.token}
    names |= {KEY_VARIABLE, PASSPHRASE_VARIABLE, *([token_env] if token_env else ())}
    secrets = [Needle(name, environ[name]) for name in sorted(names) if environ.get(name)]
    planted = [Needle(name, value) for name, value in canaries(run_id).needles()]
    messages = [case.message for pack in system.packs.values() for case in pack.cases]
    orders = {
        value
        for environment in system.environments.environments.values()
        for order in environment.orders.values()
        for value in order.shows
        # A customer who names the order in the pack's own words is no leak.
        if not any(value in message for message in messages)
    }
    fixtures = [Needle("order-fixture", value) for value in sorted(orders)]
    return ScanTerms((*secrets, *planted, *fixtures), messages)
