"""A gap that is filled in afterwards: what Prometheus kept of it, judged like the present and declared as such."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from gonogo.metrics.interface import MetricSource
from gonogo.model.metric import GatesFile, SourceKind
from gonogo.model.watch import WatchFile
from gonogo.release.soak_sample import SoakSample
from gonogo.release.watching.journal import Session
from gonogo.release.watching.judge import Round, RuleBook
from gonogo.release.watching.observe import Observation
from gonogo.run.measure import measure_gates

_MOST = 2000


def find_obstacle(rules: WatchFile) -> str:
    """Return why a gap cannot be filled in, or an empty text: only Prometheus can be asked about the past."""
    for rule in rules.rules:
        spec = rules.metrics.get(rule.metric)
        if spec is None or rules.sources[spec.source].kind is not SourceKind.PROMETHEUS:
            return f"{rule.id} does not read Prometheus, and nobody else can be asked about the past"
    return ""


def fill_gap(
    rules: WatchFile,
    gates: GatesFile,
    sources: Mapping[str, MetricSource],
    session: Session,
    last: float,
    now: float,
    reach: float,
) -> Iterator[tuple[SoakSample, Observation, Round]]:
    """Yield a sample for every interval between the last one and now, none farther back than `reach` seconds.

    Times are in seconds since 1970. Build and flags of the past are not known; that they were the same shows only in
    the samples at both ends. Nothing fires: a trigger of the past is for people to see, not for an automatic rollback.
    """
    begin = max(last, now - min(reach, _MOST * session.every))
    book = RuleBook(rules.rules, (), begin)
    at = begin + session.every
    while at < now:
        measured = measure_gates(gates, sources, datetime.fromtimestamp(at, UTC))
        judged = book.judge(measured, at)
        sample = SoakSample(
            at,
            judged.health,
            None,
            None,
            session.id,
            session.every,
            session.host,
            backfilled=True,
            reasons=judged.reasons,
        )
        yield sample, Observation(measured, None, None, None), judged
        at += session.every
