"""Whether a bundle is about what was asked for, and recent enough."""

from __future__ import annotations

from datetime import datetime, timedelta

from gonogo.evidence.bundle import DECISION, STATEMENT, BundleFacts
from gonogo.evidence.verify.faults import Fault

# What two clocks may differ by.
SKEW = timedelta(minutes=5)


def check_binding(
    facts: BundleFacts, *, release: str | None, environment: str | None, stage: str | None
) -> list[Fault]:
    """Return a fault for everything asked for that the bundle is not about."""
    asked = {"release": (release, facts.release), "environment": (environment, facts.environment)}
    asked["stage"] = (stage, facts.stage)
    return [
        Fault(f"binding/{name}", STATEMENT, f"is about {name} {shown or 'not named'!r}; asked for was {wanted!r}.")
        for name, (wanted, shown) in asked.items()
        if wanted is not None and wanted != shown
    ]


def check_freshness(facts: BundleFacts, now: datetime, max_age: timedelta | None) -> list[Fault]:
    """Return a fault for evidence of the future, and for evidence older than it may be."""
    age = now - facts.decided_at
    if age < -SKEW:
        text = f"was decided at {facts.decided_at.isoformat()}, which lies after {now.isoformat()}."
        return [Fault("freshness/future", DECISION, text)]
    if max_age is not None and age > max_age:
        text = f"was decided {_words(age)} ago; evidence counts for {_words(max_age)}. Run again."
        return [Fault("freshness/stale", DECISION, text)]
    return []


def _words(age: timedelta) -> str:
    hours = age / timedelta(hours=1)
    if hours < 1:
        return f"{age / timedelta(minutes=1):.0f} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"
