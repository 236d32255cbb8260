"""What the entries of a ledger tell, one line each; pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gonogo.evidence.ledger.entries import Entry

_ENVELOPES = ("record", "statement")
_SECTIONS = ("predicate", "gonogo", "bundle", "binding", "signer", "person")
_WHO = ("name", "runBy", "run_by", "by", "initiator", "owner")
_BUNDLE = ("manifest_sha256", "manifestSha256")


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One entry as people see it; what it does not tell is empty.

    `who` is the name that a record carries. No signature is looked at here, so nothing of it is verified.
    """

    number: int
    at: str
    kind: str
    stage: str
    environment: str
    release: str
    decision: str
    who: str
    run: str
    digest: str


def summarize_entries(entries: Sequence[Entry]) -> list[HistoryLine]:
    """Return a line for every entry.

    An entry that does not itself name its stage, environment, release or decision (an approval) takes them from the
    sealed bundle that its manifest digest names.
    """
    sealed: dict[str, HistoryLine] = {}
    lines = []
    for entry in entries:
        told = list(_sections(entry.payload))
        digest = _first(told, *_BUNDLE)
        bundle = sealed.get(digest)
        line = HistoryLine(
            number=entry.number,
            at=entry.at,
            kind=entry.kind,
            stage=_first(told, "stage") or (bundle.stage if bundle else ""),
            environment=_first(told, "environment", "env") or (bundle.environment if bundle else ""),
            release=_first(told, "release") or (bundle.release if bundle else ""),
            decision=_first(told, "decision") or (bundle.decision if bundle else ""),
            who=_first(told, *_WHO),
            run=_first(told, "run", "bundle", "bundle_id") or (bundle.run if bundle else ""),
            digest=entry.digest,
        )
        if entry.kind == "seal" and digest:
            sealed[digest] = line
        lines.append(line)
    return lines


def select_lines(
    lines: Sequence[HistoryLine],
    *,
    stage: str | None = None,
    environment: str | None = None,
    release: str | None = None,
    limit: int | None = None,
) -> list[HistoryLine]:
    """Return the lines of a stage, an environment and a release, the last `limit` of them, in their order."""
    chosen = [
        line
        for line in lines
        if stage in (None, line.stage) and environment in (None, line.environment) and release in (None, line.release)
    ]
    return chosen if limit is None else chosen[len(chosen) - min(limit, len(chosen)) :]


def _sections(payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the payload, then what its envelopes hold, outer parts before inner ones."""
    yield payload
    for name in _ENVELOPES:
        waiting = [_open_envelope(payload.get(name))]
        while waiting:
            section = waiting.pop(0)
            yield section
            waiting += [section[part] for part in _SECTIONS if isinstance(section.get(part), dict)]


def _open_envelope(envelope: object) -> Mapping[str, Any]:
    """Return the JSON object that an envelope holds, for display only; an empty one where it holds none."""
    try:
        content = json.loads(base64.b64decode(envelope["payload"], validate=True))  # type: ignore[index]
    except (TypeError, KeyError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _first(told: Sequence[Mapping[str, Any]], *names: str) -> str:
    for section in told:
        for name in names:
            value = section.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
                # What an envelope holds need not be text that can be printed.
                return str(value).encode("utf-8", "replace").decode()
    return ""
