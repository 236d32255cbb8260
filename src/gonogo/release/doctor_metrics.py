"""The preflight's looks at where gates and watch rules read their figures: variables, and whether anything answers."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping

import httpx

from gonogo.errors import Problem
from gonogo.model.metric import SourceKind, SourceSpec
from gonogo.release.patient import Look, Patient
from gonogo.release.symptoms import FAIL, OK, Symptom
from gonogo.sources.watch_file import read_watch_pack
from gonogo.targets.hosts import find_refusal, host_of

_SECONDS = 3.0


def look_at_metrics(patient: Patient) -> Iterator[Symptom]:
    """Look at every source that a gates file or a file of watch rules names; no figure is read."""
    sources, problems = _read_files(patient)
    for problem in problems:
        yield Symptom("metrics", FAIL, str(problem), "Correct the file.")
    for where, named in sources.items():
        for name, spec in named.items():
            yield from _look_at_source(patient, f"source {name} of {where}", spec)
    if not any(sources.values()) and not problems:
        yield Symptom("metrics", OK, "no gate and no watch rule reads a figure from elsewhere")


def _read_files(patient: Patient) -> tuple[dict[str, Mapping[str, SourceSpec]], list[Problem]]:
    """Return the sources by file, and all problems; with a stage, those of its files only."""
    system = patient.system
    if system is None:
        return {}, []
    problems: list[Problem] = []
    stage = system.plan.by_id[patient.stage] if patient.stage is not None else None
    gates = {file: pack.content.sources for file, pack in system.gates.items() if stage is None or file in stage.gates}
    found: dict[str, Mapping[str, SourceSpec]] = dict(gates)
    folder = patient.project.sources_of(system.name)
    for file in stage.watch if stage is not None else system.plan.watch:
        rules, wrong = read_watch_pack(folder / file, patient.project.relative(folder / file), system.name)
        problems += wrong
        if rules is not None:
            found[file] = rules.content.sources
    return found, problems


def _look_at_source(patient: Patient, what: str, spec: SourceSpec) -> Iterator[Symptom]:
    missing = [name for name in (spec.url_env, spec.token_env) if name is not None and not os.environ.get(name)]
    for name in missing:
        yield Symptom("metrics", FAIL, f"{what}: {name} is not set", f"export {name}=…")
    if spec.kind is SourceKind.EXPOSITION and spec.url is None and spec.url_env is None:
        yield from _look_at_page(patient, what, spec)
        return
    address = spec.url or (os.environ.get(spec.url_env) if spec.url_env else None)
    if address:
        yield from _connect(what, address)
    elif not missing:
        yield Symptom("metrics", OK, f"{what}: {spec.kind.value}, read when it is needed")


def _look_at_page(patient: Patient, what: str, spec: SourceSpec) -> Iterator[Symptom]:
    """Read a page of the target itself."""
    address = patient.address
    if address is None or find_refusal(patient.environment, address) is not None:
        return
    page = f"{address.rstrip('/')}/{(spec.path or '').lstrip('/')}"
    try:
        answer = httpx.get(page, timeout=_SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        yield Symptom("metrics", FAIL, f"{what}: the page does not answer ({type(error).__name__})", "Bring it up.")
        return
    if answer.is_success:
        yield Symptom("metrics", OK, f"{what}: the target's page {spec.path} answers")
    else:
        text = f"{what}: the target's page {spec.path} answered {answer.status_code}"
        yield Symptom("metrics", FAIL, text, "Correct the path, or bring the page up.")


def _connect(what: str, address: str) -> Iterator[Symptom]:
    try:
        url = httpx.URL(address)
        socket.create_connection((url.host, url.port or (443 if url.scheme == "https" else 80)), _SECONDS).close()
    except (OSError, httpx.InvalidURL) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        yield Symptom("metrics", FAIL, f"{what} does not answer: {why}", "Check its address, the network and the VPN.")
        return
    yield Symptom("metrics", OK, f"{what}: {host_of(url)} answers")


LOOKS: tuple[Look, ...] = (look_at_metrics,)
